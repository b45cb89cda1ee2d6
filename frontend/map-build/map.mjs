/** Makes the map of Montevideo in build/map: vector tiles, the street network and the tiles' description. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { LAYERS, buildLayers } from "./layers.mjs";
import { estimateShore } from "./shore.mjs";
import { locatePackage, readFeatures } from "./source.mjs";
import { buildStreets } from "./streets.mjs";
import { writeTiles } from "./tiles.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const OUT = path.resolve(HERE, "../../build/map");
const STAMP = path.join(OUT, "stamp.txt");
const ZOOMS = { minzoom: 10, maxzoom: 14 };
const CENTER = [-56.1645, -34.8958];
// One z12 tile to the west, east and south, so that the city never floats in nothing.
const MARGIN = 360 / 2 ** 12;

/** Writes everything, or nothing when it is up to date. */
export function buildMap() {
  const { folder, version } = locatePackage();
  const stamp = `${version} ${hashOfScripts()}\n`;
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === stamp) {
    console.log("map: up to date");
    return;
  }
  mkdirSync(OUT, { recursive: true });
  // A build that is interrupted must not pass for a whole one.
  rmSync(STAMP, { force: true });
  const { features, bounds, at } = step(
    "reading OpenStreetMap",
    () => readFeatures(folder),
    (r) => `${r.features.length} features`,
  );
  const streets = step(
    "street network",
    () => buildStreets(features),
    (s) => `${s.nodes.length} nodes, ${s.edges.length} edges`,
  );
  writeJson("streets.json", streets);
  const sea = step(
    "shore",
    () => estimateShore(features, bounds, MARGIN),
    (s) => `${s.coordinates.length} waters`,
  );
  const layers = buildLayers(features, sea);
  const view = [bounds[0] - MARGIN, bounds[1] - MARGIN * 0.8, bounds[2] + MARGIN, bounds[3]];
  const options = { folder: path.join(OUT, "tiles"), bounds: view, ...ZOOMS };
  step(
    "tiles",
    () => writeTiles(layers, options),
    (t) => `${t.tiles} tiles, ${Math.round(t.bytes / 1024)} KiB`,
  );
  writeJson("index.json", describe(bounds, view, at));
  writeFileSync(STAMP, stamp);
}

/** TileJSON 3.0.0, with the date of the newest edit beside it. */
function describe(bounds, view, at) {
  return {
    tilejson: "3.0.0",
    name: "Montevideo",
    tiles: ["/map/tiles/{z}/{x}/{y}.pbf"],
    ...ZOOMS,
    bounds: view,
    center: [...CENTER, 12.6],
    attribution: "© OpenStreetMap contributors (ODbL) · shore estimated",
    attribution_pt: "© colaboradores do OpenStreetMap (ODbL) · costa estimada",
    data_bounds: bounds,
    date: new Date(at * 1000).toISOString().slice(0, 10),
    vector_layers: LAYERS.map((id) => ({ id, fields: {} })),
  };
}

/** The scripts decide the result as much as the data does. */
function hashOfScripts() {
  const hash = createHash("sha256");
  for (const name of readdirSync(HERE)
    .filter((n) => n.endsWith(".mjs") && !n.endsWith(".test.mjs"))
    .sort())
    hash.update(readFileSync(path.join(HERE, name)));
  return hash.digest("hex").slice(0, 16);
}

function step(name, work, tell) {
  const started = performance.now();
  const result = work();
  console.log(`map: ${name}: ${tell(result)} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return result;
}

const writeJson = (name, value) => writeFileSync(path.join(OUT, name), JSON.stringify(value));
