/** Draws the names beside vehicles, what needs attention first, and the stops of the selected trip. */
import type { Layer } from "@deck.gl/core";
import type { Mark } from "./fleet";
import type { Offset } from "./placement";
import { plateKey, type Plate, type Size } from "./plates";
import type { MapRoute, MapWords } from "./props";
import type { Sheet } from "./sheet";
import { SpriteLayer } from "./SpriteLayer";
import { positionOf } from "./VehicleLayer";

export interface NameLabel {
  readonly mark: Mark;
  readonly plate: Plate;
  readonly size: Size;
  readonly offset: Offset;
}

export interface StopMark {
  readonly lat: number;
  readonly lng: number;
  readonly plate: Plate;
}

/** From the middle of a mark to its name, px. */
export const NAME_GAP = 19;
export const SELECTED_NAME_GAP = 26;

const PRIORITY = { off: 0, late: 1, silent: 2, fine: 3 } as const;
const MINUTE_MS = 60_000;

/** The vehicles whose names are shown: the selected one, then off route, late by minutes, silent. */
export function namedMarks(marks: readonly Mark[], selected: string | null): Mark[] {
  const rank = (mark: Mark) => (mark.vehicle_id === selected ? -1 : PRIORITY[mark.state.attention]);
  return marks
    .filter((mark) => rank(mark) < PRIORITY.fine)
    .sort((a, b) => rank(a) - rank(b) || (b.trip?.delay ?? 0) - (a.trip?.delay ?? 0));
}

/** What stands beside a vehicle: its name, and how late, how far off or how long silent it is. */
export function namePlate(mark: Mark, words: MapWords, silence_ms: number): Plate {
  const tone = mark.state.attention;
  return { kind: "name", name: mark.vehicle.name, value: valueOf(mark, words, silence_ms), tone };
}

function valueOf({ state, trip }: Mark, words: MapWords, silence_ms: number): string {
  if (state.attention === "off") return words.offRoute(trip?.off_route ?? 0);
  if (state.attention === "late") return words.late(Math.round((trip?.delay ?? 0) / 60));
  return state.attention === "silent" ? words.silent(Math.floor(silence_ms / MINUTE_MS)) : "";
}

/** The stops of a route with what each looks like: past, next, or the end. */
export function stopMarks(route: MapRoute | null): StopMark[] {
  if (route === null) return [];
  const shares = stopShares(route);
  return route.stops.map(({ lat, lng }, i) => {
    if (i === route.stops.length - 1) return { lat, lng, plate: { kind: "end" } };
    if (i === 0 && route.preview) return { lat, lng, plate: { kind: "start" } };
    const past = i === 0 || (!route.preview && (shares[i] ?? 1) <= route.fraction);
    return { lat, lng, plate: { kind: "stop", number: i, past } };
  });
}

/** How far along the way each stop lies, 0 to 1: its nearest vertex, never before the stop before it. */
function stopShares({ points, stops }: MapRoute): number[] {
  const along = [0];
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1] ?? [0, 0], points[i] ?? [0, 0]];
    along.push((along[i - 1] ?? 0) + Math.hypot(b[0] - a[0], b[1] - a[1]));
  }
  let from = 0;
  return stops.map(({ lat, lng }) => {
    let best = from;
    for (let i = from; i < points.length; i++) {
      const [here, known] = [points[i] ?? [0, 0], points[best] ?? [0, 0]];
      if (Math.hypot(here[0] - lat, here[1] - lng) < Math.hypot(known[0] - lat, known[1] - lng)) best = i;
    }
    from = best;
    const total = along.at(-1) ?? 0;
    return total === 0 ? 0 : (along[best] ?? 0) / total;
  });
}

export function labelLayers(
  names: readonly NameLabel[],
  stops: readonly StopMark[],
  plates: Sheet,
  frame: number,
): { under: Layer; over: Layer } {
  const shared = { ...plates, getPosition: positionOf };
  const under = new SpriteLayer<StopMark>({
    ...shared,
    id: "stops",
    data: stops,
    getIcon: ({ plate }) => plateKey(plate),
  });
  const over = new SpriteLayer<NameLabel>({
    ...shared,
    id: "names",
    data: names,
    getPosition: ({ mark }, info) => positionOf(mark, info),
    getIcon: ({ plate }) => plateKey(plate),
    getPixelOffset: ({ offset }) => [offset[0], offset[1]],
    updateTriggers: { getPosition: frame },
  });
  return { under, over };
}
