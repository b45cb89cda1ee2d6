/** Where the camera goes: the part of the map that no panel covers, and how to bring a vehicle or a box into it. Pure. */
import type { MapPadding } from "./props";

export interface Screen {
  readonly x: number;
  readonly y: number;
}

export interface Extent {
  readonly width: number;
  readonly height: number;
}

/** A vehicle nearer to the edge than this counts as hidden, px. */
const MARGIN = 36;

/** The middle of the map that no panel covers. */
export function freeCentre({ width, height }: Extent, padding: MapPadding): Screen {
  return { x: (padding.left + width - padding.right) / 2, y: (padding.top + height - padding.bottom) / 2 };
}

/** Whether a place on the screen lies in the free map. */
export function isInFreeMap(place: Screen, { width, height }: Extent, padding: MapPadding): boolean {
  return (
    place.x >= padding.left + MARGIN &&
    place.x <= width - padding.right - MARGIN &&
    place.y >= padding.top + MARGIN &&
    place.y <= height - padding.bottom - MARGIN
  );
}

/** West, south, east and north around all places; null without any. */
export function boundsOf(
  places: Iterable<{ readonly lat: number; readonly lng: number }>,
): [number, number, number, number] | null {
  let bounds: [number, number, number, number] | null = null;
  for (const { lat, lng } of places) {
    bounds =
      bounds === null
        ? [lng, lat, lng, lat]
        : [Math.min(bounds[0], lng), Math.min(bounds[1], lat), Math.max(bounds[2], lng), Math.max(bounds[3], lat)];
  }
  return bounds;
}

/** West, south, east and north in degrees. */
export type Bounds = readonly [west: number, south: number, east: number, north: number];

/**
 * Bounds and so much around them that each place in them can be brought into the free map.
 * @param seen what the whole map shows now, also under the panels
 */
export function withRoom(bounds: Bounds, seen: Bounds, { width, height }: Extent, padding: MapPadding): Bounds {
  const lng = (seen[2] - seen[0]) / Math.max(1, width);
  const lat = (seen[3] - seen[1]) / Math.max(1, height);
  return [
    bounds[0] - padding.left * lng,
    bounds[1] - padding.bottom * lat,
    bounds[2] + padding.right * lng,
    bounds[3] + padding.top * lat,
  ];
}

/** A round distance that fits into `longest` px, for the scale. */
export function scaleOf(metres_per_px: number, longest: number): { metres: number; width: number } {
  const most = metres_per_px * longest;
  const power = 10 ** Math.floor(Math.log10(most));
  const metres = ([5, 2, 1].find((step) => step * power <= most) ?? 1) * power;
  return { metres, width: metres / metres_per_px };
}
