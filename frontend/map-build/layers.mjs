/** Chooses what of OpenStreetMap is drawn, in which layer, from which zoom, and with which properties. */
import { chain, onewayOf } from "./streets.mjs";

const GREEN = {
  landuse: ["grass", "forest", "recreation_ground", "cemetery", "meadow", "village_green", "orchard"],
  leisure: ["park", "garden", "golf_course", "recreation_ground", "nature_reserve", "pitch", "common"],
  natural: ["grassland", "wood", "scrub", "wetland", "heath"],
};
const SAND = { natural: ["beach", "sand"], golf: ["bunker"] };
const ROAD_CLASSES = {
  motorway: ["trunk", 10],
  trunk: ["trunk", 10],
  primary: ["primary", 10],
  secondary: ["secondary", 10],
  tertiary: ["tertiary", 11],
  residential: ["residential", 12],
  unclassified: ["residential", 12],
  living_street: ["residential", 12],
  road: ["residential", 12],
  service: ["service", 14],
  track: ["service", 14],
  pedestrian: ["pedestrian", 13],
  footway: ["pedestrian", 14],
  path: ["pedestrian", 14],
  steps: ["pedestrian", 14],
  cycleway: ["pedestrian", 14],
};
// Streets are named on the map as UI.md says; a name may come one zoom before its label for a smooth change.
const NAME_ZOOM = { trunk: 12, primary: 12, secondary: 12, tertiary: 13, residential: 14 };
const PLACE_ZOOM = { city: 10, town: 10, suburb: 11, hamlet: 12, neighbourhood: 14 };
const PLACE_RANK = { city: 0, town: 1, suburb: 2, hamlet: 3, neighbourhood: 4 };

export const LAYERS = "park sand water land waterway pier aeroway building rail road street_name place".split(" ");

/**
 * GeoJSON features per layer of the tiles; `minzoom` in each feature's properties says from which zoom it is there.
 * @param features as `readFeatures` gives them
 * @param sea GeoJSON geometry of the water around the city
 * @returns {Record<string, object[]>}
 */
export function buildLayers(features, sea) {
  const layers = Object.fromEntries(LAYERS.map((name) => [name, []]));
  layers.water.push(feature(sea, { kind: "sea", minzoom: 10 }));
  for (const source of features) {
    const add = ADD[source.kind];
    if (add) add(layers, source);
  }
  layers.street_name = streetNames(features);
  return layers;
}

const ADD = { polygon: addPolygon, line: addLine, point: addPlace };

function addPolygon(layers, { tags, parts }) {
  const geometry = { type: "Polygon", coordinates: parts };
  if (tags.place === "islet") layers.land.push(feature(geometry, { minzoom: 11 }));
  else if (tags.natural === "water" || tags.waterway === "riverbank")
    layers.water.push(feature(geometry, { minzoom: 11 }));
  else if (tags.man_made === "pier" || tags.man_made === "breakwater")
    layers.land.push(feature(geometry, { minzoom: 11 }));
  else if (has(tags, SAND)) layers.sand.push(feature(geometry, { minzoom: 11 }));
  else if (tags.building && tags.building !== "no") layers.building.push(feature(geometry, { minzoom: 14 }));
  else if (has(tags, GREEN)) layers.park.push(feature(geometry, { minzoom: 10 }));
}

function addLine(layers, { tags, parts }) {
  const geometry = { type: "MultiLineString", coordinates: parts };
  const road = ROAD_CLASSES[(tags.highway ?? "").replace(/_link$/, "")];
  if (road && tags.area !== "yes") layers.road.push(feature(geometry, roadProperties(tags, road)));
  else if (tags.railway === "rail") layers.rail.push(feature(geometry, { minzoom: 11 }));
  else if (tags.aeroway === "runway" || tags.aeroway === "taxiway") {
    layers.aeroway.push(feature(geometry, { class: tags.aeroway, minzoom: 11 }));
  } else if (tags.man_made === "pier" || tags.man_made === "breakwater") {
    layers.pier.push(feature(geometry, { minzoom: 12 }));
  } else if (["river", "stream", "canal"].includes(tags.waterway) && (tags.tunnel ?? "no") === "no") {
    layers.waterway.push(feature(geometry, { class: tags.waterway, minzoom: tags.waterway === "river" ? 11 : 12 }));
  }
}

function roadProperties(tags, [name, minzoom]) {
  const properties = { class: name, minzoom };
  if (tags.highway.endsWith("_link")) properties.link = 1;
  if (onewayOf(tags) !== 0) properties.oneway = onewayOf(tags);
  if (tags.bridge && tags.bridge !== "no") properties.bridge = 1;
  if (tags.tunnel && tags.tunnel !== "no") properties.tunnel = 1;
  if (tags.name) properties.name = tags.name;
  return properties;
}

/** One long line per street name and class, so that a name finds room to lie along it. */
function streetNames(features) {
  const byName = new Map();
  for (const { kind, tags, parts } of features) {
    const [name] = ROAD_CLASSES[tags.highway] ?? [];
    if (kind !== "line" || !tags.name || NAME_ZOOM[name] === undefined) continue;
    const id = `${name}\n${tags.name}`;
    byName.set(id, (byName.get(id) ?? []).concat(parts));
  }
  return [...byName].map(([id, lines]) => {
    const [name, text] = id.split("\n");
    return feature(
      { type: "MultiLineString", coordinates: chain(lines) },
      { class: name, name: text, minzoom: NAME_ZOOM[name] },
    );
  });
}

function addPlace(layers, { tags, parts }) {
  const minzoom = PLACE_ZOOM[tags.place];
  if (minzoom === undefined || !tags.name) return;
  const properties = { name: tags.name, kind: tags.place, rank: PLACE_RANK[tags.place], minzoom };
  layers.place.push(feature({ type: "Point", coordinates: parts[0][0] }, properties));
}

const has = (tags, wanted) => Object.entries(wanted).some(([name, values]) => values.includes(tags[name]));

const feature = (geometry, properties) => ({ type: "Feature", geometry, properties });
