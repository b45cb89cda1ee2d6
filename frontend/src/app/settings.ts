/** What the reader chose for this browser: language and keys; kept in local storage where there is one. */
import { createContext, useContext, useMemo, useState } from "react";

import { LANGUAGES, preferredLanguage, type Language } from "../ui";

export interface Settings {
  readonly language: Language;
  readonly singleKeys: boolean;
}

export interface SettingsDoor extends Settings {
  readonly change: (part: Partial<Settings>) => void;
}

const KEY = "trackway.settings";

/** Settings from their stored text; what is missing or broken is as on a first visit. */
export function readSettings(stored: string | null, languages: readonly string[]): Settings {
  let kept: Partial<Settings> = {};
  try {
    const value: unknown = JSON.parse(stored ?? "{}");
    if (typeof value === "object" && value !== null) kept = value;
  } catch {
    // Somebody else's text under our key: begin anew.
  }
  const language = LANGUAGES.find((name) => name === kept.language) ?? preferredLanguage(languages);
  return { language, singleKeys: kept.singleKeys !== false };
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function keep(settings: Settings): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // Without storage the choice holds until the page is closed.
  }
}

export function useSettingsState(): SettingsDoor {
  const [settings, setSettings] = useState(() => readSettings(stored(), navigator.languages));
  return useMemo(
    () => ({
      ...settings,
      change: (part) => {
        const next = { ...settings, ...part };
        keep(next);
        setSettings(next);
      },
    }),
    [settings],
  );
}

export const SettingsContext = createContext<SettingsDoor | null>(null);

export function useSettings(): SettingsDoor {
  const door = useContext(SettingsContext);
  if (!door) throw new Error("useSettings is used outside of the app");
  return door;
}
