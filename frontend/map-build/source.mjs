/** Reads the OpenStreetMap tiles of Montevideo out of the npm package @mapbox/mvt-fixtures. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { VectorTile } from "@mapbox/vector-tile";
import { PbfReader } from "pbf";

export const SOURCE_PACKAGE = "@mapbox/mvt-fixtures";
const TILES_FOLDER = "real-world/osm-qa-montevideo";
const TILE_NAME = /^(\d+)-(\d+)-(\d+)\.mvt$/;
const KINDS = ["unknown", "point", "line", "polygon"];

/**
 * Where the package is, and its version.
 * @returns {{folder: string, version: string}}
 * @throws {Error} when the package is not installed, with what to do.
 */
export function locatePackage() {
  const require = createRequire(import.meta.url);
  for (const base of require.resolve.paths(SOURCE_PACKAGE) ?? []) {
    const root = path.join(base, SOURCE_PACKAGE);
    const folder = path.join(root, TILES_FOLDER);
    if (existsSync(folder)) {
      return { folder, version: JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")).version };
    }
  }
  throw new Error(`The map needs the npm package ${SOURCE_PACKAGE} (its folder ${TILES_FOLDER}). Run: npm install`);
}

/**
 * Longitude and latitude, in degrees, of a place in the world square (0 to 1, y downwards).
 * @returns {[number, number]} [lng, lat]
 */
export function toLngLat(x, y) {
  return [x * 360 - 180, (360 / Math.PI) * Math.atan(Math.exp(Math.PI * (1 - 2 * y))) - 90];
}

/**
 * All features of all tiles.
 *
 * `tags` has the OSM tags without the record's own fields (`@user` and the like); `id` is the OSM id; `parts` are lists
 * of [lng, lat] rounded to 1e-7 degrees (OSM's own precision); `at` is the newest edit, in seconds since 1970.
 * @returns {{features: {id: number, kind: string, tags: object, parts: [number, number][][]}[], bounds: number[], at: number}}
 */
export function readFeatures(folder) {
  const features = [];
  const bounds = [180, 90, -180, -90];
  let at = 0;
  for (const name of readdirSync(folder).sort()) {
    const [, z, x, y] = (TILE_NAME.exec(name) ?? []).map(Number);
    if (z === undefined) continue;
    extend(bounds, toLngLat(x / 2 ** z, (y + 1) / 2 ** z), toLngLat((x + 1) / 2 ** z, y / 2 ** z));
    const layer = new VectorTile(new PbfReader(readFileSync(path.join(folder, name)))).layers.osm;
    for (let i = 0; i < layer.length; i++) {
      const feature = layer.feature(i);
      at = Math.max(at, feature.properties["@timestamp"] ?? 0);
      features.push(decode(feature, layer.extent, z, x, y));
    }
  }
  return { features, bounds, at };
}

function decode(feature, extent, z, x, y) {
  const size = extent * 2 ** z;
  const parts = feature
    .loadGeometry()
    .map((ring) => ring.map((p) => toLngLat((x * extent + p.x) / size, (y * extent + p.y) / size).map(round7)));
  const tags = {};
  for (const [key, value] of Object.entries(feature.properties)) if (!key.startsWith("@")) tags[key] = String(value);
  return { id: feature.properties["@id"], kind: KINDS[feature.type], tags, parts };
}

function extend(bounds, southWest, northEast) {
  bounds[0] = Math.min(bounds[0], southWest[0]);
  bounds[1] = Math.min(bounds[1], southWest[1]);
  bounds[2] = Math.max(bounds[2], northEast[0]);
  bounds[3] = Math.max(bounds[3], northEast[1]);
}

const round7 = (degrees) => Math.round(degrees * 1e7) / 1e7;
