/** The design tokens of both themes: the one source of the page's CSS variables, the MUI theme and the map's style. */

const light = {
  bg: "#F1F4F4",
  surface: "#FFFFFF",
  raised: "#FFFFFF",
  sunken: "#F5F7F7",
  hover: "#EDF1F1",
  line: "#DBE1E2",
  "line-strong": "#808D92",
  ink: "#121A1D",
  ink2: "#445156",
  ink3: "#5C696E",
  accent: "#1D56D8",
  "accent-on": "#FFFFFF",
  "accent-soft": "#E3EBFD",
  "accent-ahead": "#8FB0F5",
  late: "#8F5200",
  "late-fill": "#F2A31B",
  "late-soft": "#FDF0D8",
  "late-edge": "#5A3300",
  off: "#B3123B",
  "off-fill": "#D4224F",
  "off-soft": "#FCE4E9",
  "off-on": "#FFFFFF",
  done: "#0B6B50",
  "done-soft": "#DDF1EA",
  marker: "#1B2629",
  "marker-edge": "#FFFFFF",
  quiet: "#5C696E",
  "badge-bg": "#5A3300",
  "badge-fg": "#FFE2AE",
  shadow1: "0 1px 2px rgba(18,26,29,.10)",
  shadow2: "0 2px 6px rgba(18,26,29,.10),0 10px 28px rgba(18,26,29,.12)",
  "m-land": "#EBEFEE",
  "m-water": "#D3DEE2",
  "m-park": "#DFE8DE",
  "m-sand": "#EFEADB",
  "m-minor": "#FAFCFB",
  "m-major": "#FFFFFF",
  "m-case": "#D3DADA",
  "m-rail": "#D0D7D7",
  "m-label": "#525F65",
  "m-place": "#4A585D",
} as const;

export type TokenName = keyof typeof light;
export type Tokens = Readonly<Record<TokenName, string>>;
export type ThemeName = "light" | "dark";

const dark: Tokens = {
  bg: "#0E1416",
  surface: "#151D20",
  raised: "#1A2427",
  sunken: "#111819",
  hover: "#1E292D",
  line: "#29363A",
  "line-strong": "#71838A",
  ink: "#EBF1F2",
  ink2: "#B1BEC2",
  ink3: "#92A1A6",
  accent: "#79AEFF",
  "accent-on": "#08152B",
  "accent-soft": "#17294A",
  "accent-ahead": "#35558C",
  late: "#FFBD45",
  "late-fill": "#FFB42E",
  "late-soft": "#33270F",
  "late-edge": "#2B1B00",
  off: "#FF8198",
  "off-fill": "#FF5777",
  "off-soft": "#3B1720",
  "off-on": "#2A0510",
  done: "#57CFAB",
  "done-soft": "#10302A",
  marker: "#E4EBEC",
  "marker-edge": "#10181A",
  quiet: "#92A1A6",
  "badge-bg": "#FFE2AE",
  "badge-fg": "#2B1B00",
  shadow1: "0 1px 2px rgba(0,0,0,.5)",
  shadow2: "0 2px 8px rgba(0,0,0,.45),0 14px 34px rgba(0,0,0,.45)",
  "m-land": "#161F21",
  "m-water": "#0A1013",
  "m-park": "#172723",
  "m-sand": "#1B2120",
  "m-minor": "#222D30",
  "m-major": "#303E42",
  "m-case": "#11191B",
  "m-rail": "#263236",
  "m-label": "#8A999E",
  "m-place": "#A3B1B5",
};

export const tokens: Readonly<Record<ThemeName, Tokens>> = { light, dark };

export const SANS = '"Atkinson Hyperlegible Next Variable", system-ui, sans-serif';
export const MONO = '"Atkinson Hyperlegible Mono Variable", ui-monospace, monospace';

/** The tokens of one theme as CSS declarations, `--name: value`. */
export function cssVariables(theme: ThemeName): Record<`--${TokenName}`, string> {
  const entries = Object.entries(tokens[theme]).map(([name, value]) => [`--${name}`, value]);
  return Object.fromEntries(entries) as Record<`--${TokenName}`, string>;
}
