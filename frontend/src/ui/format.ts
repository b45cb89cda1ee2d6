/** Numbers, times and measures as people read them, per language; every formatter takes SI units or milliseconds. */
import type { Language } from "./i18n";

const LOCALE: Record<Language, string> = { "pt-BR": "pt-BR", en: "en-GB" };
const MINUS = "−";
const MINUTE_S = 60;
const HOUR_S = 3600;

export interface Format {
  /** 14:47 */
  readonly time: (ms: number) => string;
  /** 14:06:20 */
  readonly clock: (ms: number) => string;
  /** 23/11/2026 */
  readonly day: (ms: number) => string;
  /** 1.204 · 1,204 */
  readonly integer: (value: number) => string;
  /** 0,4 and 8 below ten, whole above: rates per second. */
  readonly rate: (value: number) => string;
  /** 640 m, 3,3 km */
  readonly distance: (metres: number) => string;
  /** 3,3: kilometres without the unit. */
  readonly kilometres: (metres: number) => string;
  /** 32 km/h from metres per second. */
  readonly speed: (metresPerSecond: number) => string;
  /** 45 s, 9 min, 1 h 05 min */
  readonly duration: (seconds: number) => string;
  /** 96 ms, 11,1 s: a latency in milliseconds as [number, unit]. */
  readonly latency: (ms: number) => readonly [string, string];
  /** +11 min, −2 min, 0 min: a delay in seconds as signed whole minutes. */
  readonly delay: (seconds: number) => string;
  /** há 2 s · 2 s ago; agora · now below a second. */
  readonly ago: (seconds: number) => string;
  /** 50 % · 50% */
  readonly percent: (fraction: number) => string;
  /** -34,9011 · 5 decimals */
  readonly degrees: (value: number) => string;
}

/** Whole minutes of a delay in seconds, rounded towards zero so that "+5 min" is never shown for less. */
export function delayMinutes(seconds: number): number {
  const minutes = Math.trunc(seconds / MINUTE_S);
  return minutes === 0 ? 0 : minutes;
}

function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < MINUTE_S) return `${whole} s`;
  const minutes = Math.floor(whole / MINUTE_S);
  if (whole < HOUR_S) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

export function createFormat(language: Language, timeZone?: string): Format {
  const locale = LOCALE[language];
  const zone = timeZone === undefined ? {} : { timeZone };
  const hourMinute = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...zone });
  const withSeconds = new Intl.DateTimeFormat(locale, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    ...zone,
  });
  const date = new Intl.DateTimeFormat(locale, { day: "2-digit", month: "2-digit", year: "numeric", ...zone });
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const tenth = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const upToTenth = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const percentage = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
  const place = new Intl.NumberFormat(locale, { minimumFractionDigits: 5, maximumFractionDigits: 5 });
  const minus = (text: string) => text.replace("-", MINUS);

  return {
    time: (ms) => hourMinute.format(ms),
    clock: (ms) => withSeconds.format(ms),
    day: (ms) => date.format(ms),
    integer: (value) => minus(whole.format(value)),
    rate: (value) => (value < 9.95 ? upToTenth.format(value) : whole.format(value)),
    distance: (metres) => (metres < 995 ? `${whole.format(metres)} m` : `${tenth.format(metres / 1000)} km`),
    kilometres: (metres) => tenth.format(metres / 1000),
    speed: (value) => `${whole.format(value * 3.6)} km/h`,
    duration: durationText,
    latency: (ms) => (ms < 9999.5 ? [whole.format(ms), "ms"] : [tenth.format(ms / 1000), "s"]),
    delay: (seconds) => {
      const minutes = delayMinutes(seconds);
      const sign = minutes > 0 ? "+" : minutes < 0 ? MINUS : "";
      return `${sign}${whole.format(Math.abs(minutes))} min`;
    },
    ago: (seconds) => {
      if (seconds < 1) return language === "en" ? "now" : "agora";
      return language === "en" ? `${durationText(seconds)} ago` : `há ${durationText(seconds)}`;
    },
    percent: (fraction) => percentage.format(fraction),
    degrees: (value) => minus(place.format(value)),
  };
}
