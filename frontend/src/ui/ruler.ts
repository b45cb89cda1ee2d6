/** The delay ruler's geometry: one axis, −10 to +30 minutes against the promise, shared by every row, panel and report. */

export const EARLIEST_MIN = -10;
export const LATEST_MIN = 30;
/** From this delay on, in minutes, the bar is drawn as late; the same limit as vehicleState's LATE_S. */
export const LATE_MIN = 5;

export interface RulerInput {
  /** Expected arrival against the promise, seconds. */
  readonly delay: number | null;
  /** Earliest and latest arrival against the promise, seconds. */
  readonly earliest: number | null;
  readonly latest: number | null;
  readonly silent: boolean;
}

export interface RulerDrawing {
  readonly zero: number;
  readonly ticks: readonly number[];
  readonly late: boolean;
  /** null: nothing is known, or the vehicle is silent. */
  readonly dot: number | null;
  readonly band: readonly [from: number, to: number] | null;
  readonly bar: readonly [from: number, to: number] | null;
  /** The dot lies beyond this end of the axis. */
  readonly beyond: "left" | "right" | null;
  readonly dots: readonly [from: number, to: number] | null;
}

/** Where a delay in seconds lies on an axis of `width` pixels, kept on the axis. */
export function place(seconds: number, width: number): number {
  const minutes = Math.max(EARLIEST_MIN, Math.min(LATEST_MIN, seconds / 60));
  return ((minutes - EARLIEST_MIN) / (LATEST_MIN - EARLIEST_MIN)) * width;
}

/** All marks of a ruler of `width` pixels. */
export function drawRuler({ delay, earliest, latest, silent }: RulerInput, width: number): RulerDrawing {
  const at = (minutes: number) => place(minutes * 60, width);
  const base = { zero: at(0), ticks: [at(10), at(20)] };
  if (silent || delay === null) {
    const dots = silent ? ([at(-4), at(24)] as const) : null;
    return { ...base, late: false, dot: null, band: null, bar: null, beyond: null, dots };
  }
  const late = delay > LATE_MIN * 60;
  const dot = place(delay, width);
  const minutes = delay / 60;
  const beyond = minutes > LATEST_MIN ? "right" : minutes < EARLIEST_MIN ? "left" : null;
  const band =
    earliest === null || latest === null
      ? null
      : ([Math.min(dot, place(earliest, width)), Math.max(dot, place(latest, width))] as const);
  return { ...base, late, dot, band, bar: late ? [base.zero, dot] : null, beyond, dots: null };
}
