/** The map's style, made from the design tokens: five greys, one faint green, no accent. */
import type {
  DataDrivenPropertyValueSpecification,
  ExpressionSpecification,
  FilterSpecification,
  LayerSpecification,
  StyleSpecification,
} from "maplibre-gl";
import type { ThemeName, Tokens } from "../../ui/tokens";
import { ROUTE_SOURCE, routeLayers, type RouteData } from "./RouteLayer";

/** The source of the city's tiles; `/map/index.json` is TileJSON. */
export const CITY = "city";

/** Line widths in px at MapLibre zoom 11, 13, 15 and 17. */
export const ROAD_WIDTHS = {
  trunk: [1.6, 3.4, 7, 16],
  primary: [1.2, 2.8, 6, 14],
  secondary: [1, 2.2, 5, 12],
  tertiary: [0.6, 1.6, 4.2, 11],
  residential: [0, 0.9, 3, 9],
  service: [0, 0.5, 1.6, 5],
  pedestrian: [0, 0.7, 2, 6],
} as const satisfies Record<string, readonly [number, number, number, number]>;

const WIDTH_ZOOMS = [11, 13, 15, 17] as const;
const RAIL_WIDTHS = [1, 1, 1.5, 2] as const;
const CASING = 0.8;
const MAJOR = ["trunk", "primary", "secondary"];
const CASED = [...MAJOR, "tertiary"];

// MapLibre draws glyphs from the page's own fonts when the style has no glyphs URL. It reads the weight from the first
// name of the stack, which is no font: the browser goes on to the next.
const FAMILY = "Atkinson Hyperlegible Next Variable";
const FONT = { medium: ["Medium", FAMILY], semibold: ["Semibold", FAMILY] };

interface StyleOptions {
  readonly theme: ThemeName;
  readonly tokens: Tokens;
  /** The selected trip's way, as `routeFeatures` gives it. */
  readonly route: RouteData;
}

/** The whole style for one theme: ground, streets, the selected route, and the labels over it. */
export function mapStyle({ theme, tokens, route }: StyleOptions): StyleSpecification {
  const layers = [
    { id: "land", type: "background", paint: { "background-color": tokens["m-land"] } },
    ...ground(tokens),
    ...streets(theme, tokens),
    ...routeLayers(tokens),
    ...labels(tokens),
  ] satisfies LayerSpecification[];
  return {
    version: 8,
    sources: {
      [CITY]: { type: "vector", url: "/map/index.json" },
      [ROUTE_SOURCE]: { type: "geojson", data: route, tolerance: 0.2 },
    },
    layers,
  };
}

function ground(tokens: Tokens): LayerSpecification[] {
  return [
    fill("park", "park", tokens["m-park"]),
    fill("sand", "sand", tokens["m-sand"]),
    fill("water", "water", tokens["m-water"]),
    fill("islet", "land", tokens["m-land"]),
    line("waterway", "waterway", tokens["m-water"], zoomed([0.4, 0.9, 2, 4])),
    line("pier", "pier", tokens["m-land"], zoomed([0.8, 1.4, 3, 8])),
    line("aeroway", "aeroway", tokens["m-minor"], zoomed([1.5, 4, 14, 50])),
    {
      ...fill("building", "building", tokens.ink),
      minzoom: 15,
      paint: {
        "fill-color": tokens.ink,
        "fill-opacity": ["interpolate", ["linear"], ["zoom"], 15, 0, 15.5, 0.04],
      },
    },
  ];
}

function streets(theme: ThemeName, tokens: Tokens): LayerSpecification[] {
  const isMajor: ExpressionSpecification = ["in", ["get", "class"], ["literal", MAJOR]];
  const isBridge: ExpressionSpecification = ["has", "bridge"];
  const isTunnel: ExpressionSpecification = ["has", "tunnel"];
  const isGround: ExpressionSpecification = ["all", ["!", isBridge], ["!", isTunnel]];
  const colour: ExpressionSpecification = ["case", isMajor, tokens["m-major"], tokens["m-minor"]];
  const road = (id: string, filter: ExpressionSpecification, opacity = 1): LayerSpecification => ({
    ...line(id, "road", colour, roadWidth(0), filter),
    paint: { "line-color": colour, "line-width": roadWidth(0), "line-opacity": opacity },
  });
  const casing = (id: string, filter: ExpressionSpecification): LayerSpecification =>
    line(id, "road", tokens["m-case"], roadWidth(CASING), [
      "all",
      filter,
      ["in", ["get", "class"], ["literal", CASED]],
    ]);
  const cased = theme === "light";
  return [
    road("tunnel", isTunnel, 0.45),
    line("rail", "rail", tokens["m-rail"], zoomed(RAIL_WIDTHS)),
    ...(cased ? [casing("street-case", isGround)] : []),
    road("street-minor", ["all", isGround, ["!", isMajor]]),
    road("street-major", ["all", isGround, isMajor]),
    ...(cased ? [casing("bridge-case", isBridge)] : []),
    road("bridge", isBridge),
  ];
}

/** From which zoom streets are named; a layer each, because a filter only knows the tiles' whole zooms. */
const STREET_LABELS = [
  { id: "label-street", minzoom: 15, classes: ["residential"] },
  { id: "label-street-tertiary", minzoom: 13.6, classes: ["tertiary"] },
  { id: "label-street-major", minzoom: 12.5, classes: MAJOR },
] as const;

/** From bottom to top: where labels collide, the upper layer wins. */
function labels(tokens: Tokens): LayerSpecification[] {
  const halo = { "text-halo-color": tokens["m-land"], "text-halo-width": 1.7, "text-halo-blur": 0.2 };
  return [
    ...STREET_LABELS.map(({ id, minzoom, classes }): LayerSpecification => ({
      id,
      type: "symbol",
      source: CITY,
      "source-layer": "street_name",
      minzoom,
      filter: ["in", ["get", "class"], ["literal", [...classes]]],
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONT.medium,
        "text-size": 11,
        "symbol-placement": "line",
        "symbol-spacing": 620,
        "symbol-sort-key": ["match", ["get", "class"], "trunk", 0, "primary", 1, 2],
        "text-max-angle": 24,
        "text-padding": 6,
      },
      paint: { "text-color": tokens["m-label"], ...halo },
    })),
    {
      id: "label-place",
      type: "symbol",
      source: CITY,
      "source-layer": "place",
      filter: ["!=", ["get", "name"], "Montevideo"],
      layout: {
        "text-field": ["get", "name"],
        "text-font": ["match", ["get", "kind"], "neighbourhood", ["literal", FONT.medium], ["literal", FONT.semibold]],
        "text-size": ["match", ["get", "kind"], ["city", "town"], 14, "suburb", 13, 12],
        "text-max-width": 9,
        "text-padding": 8,
        "symbol-sort-key": ["get", "rank"],
      },
      paint: { "text-color": tokens["m-place"], ...halo },
    },
  ];
}

function fill(id: string, layer: string, colour: string): LayerSpecification & { type: "fill" } {
  return { id, type: "fill", source: CITY, "source-layer": layer, paint: { "fill-color": colour } };
}

function line(
  id: string,
  layer: string,
  colour: DataDrivenPropertyValueSpecification<string>,
  width: DataDrivenPropertyValueSpecification<number>,
  filter?: FilterSpecification,
): LayerSpecification & { type: "line" } {
  return {
    id,
    type: "line",
    source: CITY,
    "source-layer": layer,
    ...(filter === undefined ? {} : { filter }),
    layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": colour, "line-width": width },
  };
}

function zoomed(widths: readonly [number, number, number, number]): ExpressionSpecification {
  return ["interpolate", ["exponential", 1.5], ["zoom"], ...WIDTH_ZOOMS.flatMap((zoom, i) => [zoom, widths[i] ?? 0])];
}

/** Width by class; slip roads are as wide as the class below theirs, `casing` px more at each side. */
function roadWidth(casing: number): ExpressionSpecification {
  const classes = Object.keys(ROAD_WIDTHS) as (keyof typeof ROAD_WIDTHS)[];
  const at = (i: number): ExpressionSpecification => {
    const width = (name: keyof typeof ROAD_WIDTHS): number => (ROAD_WIDTHS[name][i] ?? 0) + 2 * casing;
    const pairs = classes.flatMap((name): [string, ExpressionSpecification | number] => {
      const below = MAJOR.includes(name) ? "tertiary" : "residential";
      return [name, CASED.includes(name) ? ["case", ["has", "link"], width(below), width(name)] : width(name)];
    });
    // The type wants the first pair spelled out; here it comes from the table.
    return ["match", ["get", "class"], ...pairs, width("residential")] as unknown as ExpressionSpecification;
  };
  return ["interpolate", ["exponential", 1.5], ["zoom"], ...WIDTH_ZOOMS.flatMap((zoom, i) => [zoom, at(i)])];
}
