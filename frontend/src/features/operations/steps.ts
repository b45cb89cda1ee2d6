/** A function's instances over the last quarter of an hour as a path of steps: whole numbers, never smoothed. */

export const WINDOW_MS = 15 * 60_000;

export interface StepInput {
  /** [moment ms, instances], oldest first. */
  readonly history: readonly (readonly [number, number])[];
  readonly now_ms: number;
  /** Before this nothing is known. */
  readonly started_ms: number;
  readonly width: number;
  readonly height: number;
  /** Instances at the top of the scale, shared by all lanes. */
  readonly most: number;
}

export interface Steps {
  /** The line, as an SVG path; "" when nothing is known. */
  readonly line: string;
  readonly area: string;
  /** Where a start from zero happened. */
  readonly coldStarts: readonly number[];
}

const HEADROOM_PX = 3;

export function drawSteps({ history, now_ms, started_ms, width, height, most }: StepInput): Steps {
  const from = now_ms - WINDOW_MS;
  const x = (moment: number) => round(((Math.min(moment, now_ms) - from) / WINDOW_MS) * width);
  const y = (instances: number) => round(height - (instances / Math.max(1, most)) * (height - HEADROOM_PX));
  const begin = Math.max(from, started_ms);
  const before = history.findLast(([moment]) => moment <= begin);
  const inside = history.filter(([moment]) => moment > begin && moment <= now_ms);
  const first = before?.[1] ?? inside[0]?.[1];
  if (first === undefined) return { line: "", area: "", coldStarts: [] };

  let level = before?.[1] ?? 0;
  const points = [`M${x(begin)} ${y(level)}`];
  const coldStarts: number[] = [];
  for (const [moment, instances] of inside) {
    points.push(`H${x(moment)}`, `V${y(instances)}`);
    if (level === 0 && instances > 0) coldStarts.push(x(moment));
    level = instances;
  }
  points.push(`H${width}`);
  const line = points.join("");
  return { line, area: `${line}V${height}H${x(begin)}Z`, coldStarts };
}

const round = (value: number): number => Math.round(value * 10) / 10;
