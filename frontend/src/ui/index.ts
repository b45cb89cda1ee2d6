/** What every feature draws with: components, words, formatters and tokens of the product. */
export { Announcer } from "./Announcer";
export { Counter, type CounterProps } from "./Counter";
export { DelayRuler } from "./DelayRuler";
export { EmptyState } from "./EmptyState";
export { delayMinutes, type Format } from "./format";
export {
  LANGUAGES,
  preferredLanguage,
  ReadingContext,
  readingOf,
  useReading,
  type Language,
  type Reading,
  type Words,
} from "./i18n";
export { Logo } from "./Logo";
export { Pill, type PillTone } from "./Pill";
export { ProblemNote, type Failure } from "./ProblemNote";
export { RawEvent } from "./RawEvent";
export { place as rulerPlace } from "./ruler";
export { cssVariables, MONO, SANS, tokens, type ThemeName, type TokenName, type Tokens } from "./tokens";
export { theme } from "./theme";
export { useNow } from "./useNow";
export { useWidth } from "./useWidth";
export { VehicleGlyph } from "./VehicleGlyph";
