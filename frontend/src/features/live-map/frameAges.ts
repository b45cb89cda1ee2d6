/** Measures, in this browser, how old a position is when it is first drawn: from the tick that recorded it to the frame. */

const KEPT = 2000;

const ages = new Float64Array(KEPT);
let count = 0;

/** Notes the age, in milliseconds, of a position that the frame now being drawn is the first to show. */
export function noteFrameAge(age_ms: number): void {
  ages[count++ % KEPT] = age_ms;
}

/**
 * The newest ages, oldest first, in milliseconds from `recorded_ms` (the gateway's clock) to the animation frame in which
 * the vehicle first moves by that position; at most 2,000.
 */
export function frameAges(): number[] {
  const kept = Math.min(count, KEPT);
  return Array.from({ length: kept }, (_, i) => ages[(count - kept + i) % KEPT] ?? 0);
}

/** How many ages were noted since the page was loaded. */
export function framesAged(): number {
  return count;
}
