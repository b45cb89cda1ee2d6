/** The languages of the page: their words, and the hook that gives those of the reader with matching formatters. */
import { createContext, useContext } from "react";

import { createFormat, type Format } from "../format";
import { en } from "./en";
import { pt, type Words } from "./pt";

export type { Words } from "./pt";
export type Language = "pt-BR" | "en";

export const LANGUAGES: readonly Language[] = ["pt-BR", "en"];
export const dictionaries: Readonly<Record<Language, Words>> = { "pt-BR": pt, en };

export interface Reading {
  readonly language: Language;
  readonly words: Words;
  readonly format: Format;
}

const readings: Record<Language, Reading> = {
  "pt-BR": { language: "pt-BR", words: pt, format: createFormat("pt-BR") },
  en: { language: "en", words: en, format: createFormat("en") },
};

export const readingOf = (language: Language): Reading => readings[language];

/** The language of a browser's preference list: Portuguese for any of its variants, else English. */
export function preferredLanguage(preferences: readonly string[]): Language {
  for (const tag of preferences) {
    if (tag.toLowerCase().startsWith("pt")) return "pt-BR";
    if (tag.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

export const ReadingContext = createContext<Reading>(readings["pt-BR"]);

/** Words and formatters of the reader's language. */
export const useReading = (): Reading => useContext(ReadingContext);
