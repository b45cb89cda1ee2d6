/** What is asked of search: the words of the field above the list, a circle about the map's middle, and since when. */
export type Age = "2h" | "24h" | "7d" | "ever";

export const AGES: readonly Age[] = ["2h", "24h", "7d", "ever"];

export interface Place {
  readonly lat: number;
  readonly lng: number;
  readonly zoom: number;
}

export interface Question {
  readonly query: string;
  /** The map's camera, when only what was near its middle is wanted. */
  readonly near: Place | null;
  /** Milliseconds since 1970; null for ever. */
  readonly since: number | null;
}

const HOURS: Readonly<Record<Exclude<Age, "ever">, number>> = { "2h": 2, "24h": 24, "7d": 168 };
const HOUR_MS = 3_600_000;
const EQUATOR_KM = 40_075;
const TILE_PX = 512;
const RADIUS_PX = 300;

/** Kilometres from the middle of a map to some 300 pixels away, as a person would call the visible surroundings. */
export function radiusOf({ lat, zoom }: Place): number {
  const kilometresPerPixel = (EQUATOR_KM * Math.cos((lat * Math.PI) / 180)) / (TILE_PX * 2 ** zoom);
  return Math.min(20_000, Math.max(0.01, kilometresPerPixel * RADIUS_PX));
}

/** When an age began. */
export const sinceOf = (age: Age, now_ms: number): number | null =>
  age === "ever" ? null : now_ms - HOURS[age] * HOUR_MS;

/** The query string of a question; null when there is nothing to ask. */
export function parametersOf({ query, near, since }: Question): string | null {
  const text = query.trim();
  if (text === "") return null;
  const parameters = new URLSearchParams({ q: text, limit: "20" });
  if (near) parameters.set("near", `${near.lat.toFixed(5)},${near.lng.toFixed(5)},${radiusOf(near).toFixed(3)}`);
  if (since !== null) parameters.set("since", new Date(since).toISOString());
  return parameters.toString();
}
