/** The MUI theme, built from the tokens: both colour schemes as CSS variables, switched by `data-theme` on the root element. */
import { createTheme, type CssVarsThemeOptions } from "@mui/material/styles";

import { SANS, tokens, type ThemeName } from "./tokens";

function palette(name: ThemeName) {
  const token = tokens[name];
  return {
    primary: { main: token.accent, contrastText: token["accent-on"] },
    error: { main: token.off, contrastText: token["off-on"] },
    warning: { main: token.late },
    success: { main: token.done },
    background: { default: token.bg, paper: token.raised },
    text: { primary: token.ink, secondary: token.ink2, disabled: token.ink3 },
    divider: token.line,
    action: { hover: token.hover, selected: token["accent-soft"] },
  };
}

const focusRing = { outline: "2px solid var(--accent)", outlineOffset: 2 };

const components: CssVarsThemeOptions["components"] = {
  MuiButtonBase: {
    defaultProps: { disableRipple: true, disableTouchRipple: true },
    styleOverrides: { root: { "&:focus-visible": focusRing } },
  },
  MuiButton: {
    defaultProps: { disableElevation: true },
    styleOverrides: {
      root: {
        minHeight: 36,
        padding: "0 14px",
        fontSize: 14,
        lineHeight: "20px",
        fontWeight: 600,
        whiteSpace: "nowrap",
      },
      outlined: { borderColor: "var(--line-strong)", "&:hover": { background: "var(--hover)" } },
      sizeSmall: { minHeight: 30, padding: "0 10px", fontSize: 13 },
    },
    variants: [
      {
        props: { variant: "outlined", color: "inherit" },
        style: { color: "var(--ink)", borderColor: "var(--line-strong)" },
      },
      {
        props: { variant: "outlined", color: "error" },
        style: { color: "var(--off)", borderColor: "var(--line-strong)" },
      },
    ],
  },
  MuiIconButton: {
    styleOverrides: {
      root: { borderRadius: 8, color: "var(--ink2)", width: 40, height: 40, "&:hover": { background: "var(--hover)" } },
      sizeSmall: { width: 30, height: 30, padding: 0 },
    },
  },
  MuiPaper: { styleOverrides: { root: { backgroundImage: "none" } } },
  // Nothing dims the map: a question stands out by its shadow.
  MuiBackdrop: { styleOverrides: { root: { backgroundColor: "transparent" } } },
  MuiDialog: {
    styleOverrides: {
      paper: { borderRadius: 12, boxShadow: "var(--shadow2), 0 0 0 1px var(--line)", backgroundColor: "var(--raised)" },
    },
  },
  MuiPopover: {
    styleOverrides: {
      paper: { borderRadius: 12, boxShadow: "var(--shadow2), 0 0 0 1px var(--line)", backgroundColor: "var(--raised)" },
    },
  },
  MuiDialogTitle: {
    styleOverrides: { root: { fontSize: 18, lineHeight: "22px", fontWeight: 650, padding: "20px 20px 8px" } },
  },
  MuiDialogContent: { styleOverrides: { root: { padding: "0 20px 8px" } } },
  MuiDialogActions: { styleOverrides: { root: { padding: "12px 20px 20px", gap: 8 } } },
  MuiOutlinedInput: {
    defaultProps: { size: "small", notched: false },
    styleOverrides: {
      root: { borderRadius: 8, backgroundColor: "var(--surface)" },
      notchedOutline: { borderColor: "var(--line-strong)" },
      input: { fontSize: 14, lineHeight: "20px", height: 20, padding: "9px 12px" },
    },
  },
  MuiFormHelperText: {
    styleOverrides: { root: { margin: "3px 0 0", fontSize: 12.5, lineHeight: "17px", color: "var(--ink3)" } },
  },
  MuiTab: {
    styleOverrides: {
      root: {
        minHeight: 40,
        minWidth: 0,
        padding: "10px 0 8px",
        marginRight: 18,
        fontSize: 14,
        fontWeight: 550,
        color: "var(--ink3)",
        "&.Mui-selected": { color: "var(--ink)" },
      },
    },
  },
  MuiTabs: {
    styleOverrides: {
      root: { minHeight: 40 },
      indicator: { height: 2.5 },
    },
  },
  MuiToggleButton: {
    styleOverrides: {
      root: {
        height: 36,
        padding: "0 12px",
        fontSize: 14,
        fontWeight: 550,
        color: "var(--ink2)",
        borderColor: "var(--line-strong)",
        "&.Mui-selected, &.Mui-selected:hover": {
          color: "var(--surface)",
          backgroundColor: "var(--ink)",
          fontWeight: 650,
        },
      },
    },
  },
  MuiTooltip: {
    defaultProps: { enterDelay: 400 },
    styleOverrides: {
      tooltip: {
        backgroundColor: "var(--ink)",
        color: "var(--surface)",
        fontSize: 12.5,
        lineHeight: "16px",
        padding: "5px 8px",
      },
    },
  },
  MuiSkeleton: { styleOverrides: { root: { backgroundColor: "var(--hover)" } } },
};

export const theme = createTheme({
  cssVariables: { cssVarPrefix: "mui", colorSchemeSelector: "data-theme" },
  colorSchemes: { light: { palette: palette("light") }, dark: { palette: palette("dark") } },
  shape: { borderRadius: 8 },
  typography: {
    fontFamily: SANS,
    fontSize: 14,
    body1: { fontSize: 14, lineHeight: "20px" },
    button: { textTransform: "none" },
  },
  components,
});
