/** Draws the selected trip's way: what is ahead solid, what is driven hollow, a dotted line back when it left the route. */
import type { FeatureCollection } from "geojson";
import type { LayerSpecification } from "maplibre-gl";
import type { Tokens } from "../../ui/tokens";
import type { MapRoute } from "./props";

export const ROUTE_SOURCE = "route";

export type RouteData = FeatureCollection;
type Point = readonly [lat: number, lng: number];

export const NO_ROUTE: RouteData = { type: "FeatureCollection", features: [] };

const WIDTH = 5.5;
const CORE = 2.5;
const HALO = 9;
// The way near which the vehicle is looked for, as a share of the whole: a route may cross itself.
const NEARBY = 0.06;
// A vehicle off its route may be level with another part of it.
const NEARBY_OFF_ROUTE = 0.25;

/** The route's layers, from bottom to top. */
export function routeLayers(tokens: Tokens): LayerSpecification[] {
  return [
    part("route-halo", ["driven", "ahead"], tokens["m-land"], HALO),
    part("route-driven", ["driven"], tokens.accent, WIDTH),
    part("route-driven-core", ["driven"], tokens["m-land"], CORE),
    part("route-ahead", ["ahead"], tokens.accent, WIDTH),
    {
      id: "route-back",
      type: "line",
      source: ROUTE_SOURCE,
      filter: ["==", ["get", "part"], "back"],
      layout: { "line-cap": "round" },
      paint: { "line-color": tokens["off-fill"], "line-width": 2.5, "line-dasharray": [0.1, 2.4] },
    },
  ];
}

/**
 * The route cut where the vehicle is.
 * @param route null: nothing is drawn
 * @param vehicle where the vehicle is drawn, when it is known
 * @param offRoute whether it left the route: then a dotted line joins it to the nearest point
 */
export function routeFeatures(route: MapRoute | null, vehicle: Point | null, offRoute: boolean): RouteData {
  if (route === null || route.points.length < 2) return NO_ROUTE;
  const way = measure(route.points);
  const cut = cutAt(way, route, vehicle, offRoute ? NEARBY_OFF_ROUTE : NEARBY);
  const features = [
    feature("driven", [...route.points.slice(0, cut.index + 1), cut.point]),
    feature("ahead", [cut.point, ...route.points.slice(cut.index + 1)]),
  ];
  if (offRoute && vehicle !== null) features.push(feature("back", [vehicle, cut.point]));
  return { type: "FeatureCollection", features: features.filter((f) => f !== null) };
}

interface Way {
  readonly points: readonly Point[];
  /** Length up to each point, in degrees of latitude. */
  readonly along: readonly number[];
  readonly squeeze: number;
}

interface Place {
  /** The point lies on the segment from `index` to `index + 1`. */
  readonly index: number;
  readonly point: Point;
  readonly distance: number;
}

function cutAt(way: Way, route: MapRoute, vehicle: Point | null, nearby: number): Place {
  const first: Place = { index: 0, point: route.points[0] ?? [0, 0], distance: 0 };
  if (route.preview || route.fraction <= 0) return first;
  if (vehicle === null || route.fraction >= 1) return placeAt(way, route.fraction);
  return nearest(way, vehicle, route.fraction - nearby, route.fraction + nearby);
}

function measure(points: readonly Point[]): Way {
  const squeeze = Math.cos(((points[0]?.[0] ?? 0) * Math.PI) / 180);
  const along = [0];
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    if (a !== undefined && b !== undefined) along.push((along[i - 1] ?? 0) + length(a, b, squeeze));
  }
  return { points, along, squeeze };
}

function length(a: Point, b: Point, squeeze: number): number {
  return Math.hypot(b[0] - a[0], (b[1] - a[1]) * squeeze);
}

function placeAt({ points, along }: Way, fraction: number): Place {
  const wanted = (along.at(-1) ?? 0) * Math.min(1, fraction);
  const index = Math.max(0, Math.min(points.length - 2, along.findIndex((d) => d >= wanted) - 1));
  const [start, end] = [along[index] ?? 0, along[index + 1] ?? 0];
  return { index, point: between(points, index, end > start ? (wanted - start) / (end - start) : 0), distance: 0 };
}

/** The point of the way nearest to a place, between two shares of its length. */
function nearest({ points, along, squeeze }: Way, place: Point, from: number, to: number): Place {
  const total = along.at(-1) ?? 0;
  let best: Place | null = null;
  for (let index = 0; index + 1 < points.length; index++) {
    if ((along[index + 1] ?? 0) < from * total || (along[index] ?? 0) > to * total) continue;
    const point = between(points, index, share(points, index, place, squeeze));
    const distance = length(point, place, squeeze);
    if (best === null || distance < best.distance) best = { index, point, distance };
  }
  return best ?? { index: 0, point: points[0] ?? place, distance: 0 };
}

/** How far along a segment the foot of a place lies, 0 to 1. */
function share(points: readonly Point[], index: number, [lat, lng]: Point, squeeze: number): number {
  const [a, b] = [points[index], points[index + 1]];
  if (a === undefined || b === undefined) return 0;
  const [dy, dx] = [b[0] - a[0], (b[1] - a[1]) * squeeze];
  const square = dx * dx + dy * dy;
  if (square === 0) return 0;
  return Math.min(1, Math.max(0, ((lat - a[0]) * dy + (lng - a[1]) * squeeze * dx) / square));
}

function between(points: readonly Point[], index: number, t: number): Point {
  const [a, b] = [points[index] ?? [0, 0], points[index + 1] ?? points[index] ?? [0, 0]];
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
}

function feature(part: string, points: readonly Point[]): RouteData["features"][number] | null {
  if (points.length < 2) return null;
  return {
    type: "Feature",
    properties: { part },
    geometry: { type: "LineString", coordinates: points.map(([lat, lng]) => [lng, lat]) },
  };
}

function part(id: string, parts: string[], colour: string, width: number): LayerSpecification {
  return {
    id,
    type: "line",
    source: ROUTE_SOURCE,
    filter: ["in", ["get", "part"], ["literal", parts]],
    layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": colour, "line-width": width },
  };
}
