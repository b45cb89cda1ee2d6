/** Theme, language and keys, from the gear in the rail. */
import Button from "@mui/material/Button";
import FormControlLabel from "@mui/material/FormControlLabel";
import Popover from "@mui/material/Popover";
import { useColorScheme } from "@mui/material/styles";
import Switch from "@mui/material/Switch";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";

import { useReading, type Language } from "../ui";
import { useSettings } from "./settings";
import styles from "./dialogs.module.css";

export interface SettingsMenuProps {
  readonly anchor: HTMLElement | null;
  readonly onClose: () => void;
  readonly onHelp: () => void;
}

export function SettingsMenu({ anchor, onClose, onHelp }: SettingsMenuProps) {
  const { words, language } = useReading();
  const { mode, setMode } = useColorScheme();
  const { singleKeys, change } = useSettings();
  return (
    <Popover
      open={anchor !== null}
      anchorEl={anchor}
      onClose={onClose}
      anchorOrigin={{ vertical: "top", horizontal: "right" }}
      transformOrigin={{ vertical: "bottom", horizontal: "left" }}
      slotProps={{ paper: { role: "dialog", "aria-label": words.settings.title } }}
    >
      <div className={styles.settings}>
        <span id="setting-theme">{words.settings.theme}</span>
        <ToggleButtonGroup
          exclusive
          aria-labelledby="setting-theme"
          value={mode ?? "system"}
          onChange={(_, next: "light" | "dark" | "system" | null) => next && setMode(next)}
        >
          <ToggleButton value="light">{words.settings.light}</ToggleButton>
          <ToggleButton value="dark">{words.settings.dark}</ToggleButton>
          <ToggleButton value="system">{words.settings.system}</ToggleButton>
        </ToggleButtonGroup>
        <span id="setting-language">{words.settings.language}</span>
        <ToggleButtonGroup
          exclusive
          aria-labelledby="setting-language"
          value={language}
          onChange={(_, next: Language | null) => next && change({ language: next })}
        >
          <ToggleButton value="pt-BR" lang="pt-BR">
            Português
          </ToggleButton>
          <ToggleButton value="en" lang="en">
            English
          </ToggleButton>
        </ToggleButtonGroup>
        <div className={styles.keysSetting}>
          <FormControlLabel
            control={<Switch size="small" checked={singleKeys} onChange={(_, on) => change({ singleKeys: on })} />}
            label={words.settings.keys}
          />
          <Button
            size="small"
            onClick={() => {
              onClose();
              onHelp();
            }}
          >
            {words.settings.keysHelp}
          </Button>
        </div>
      </div>
    </Popover>
  );
}
