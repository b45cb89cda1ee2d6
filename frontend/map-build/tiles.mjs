/** Cuts layers of GeoJSON into vector tiles on disk. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { GeoJSONVT } from "@maplibre/geojson-vt";
import { fromGeojsonVt } from "@maplibre/vt-pbf";

const EXTENT = 4096;
const BUFFER = 96;
const POLYGON = 3;
const SMALLEST_POLYGON = 12 ** 2; // square tile units: under two pixels a side nothing is seen

/**
 * Writes `{folder}/{z}/{x}/{y}.pbf` for every tile that touches the bounds; a tile without features is an empty file.
 * @param {Record<string, object[]>} layers GeoJSON features, each with `minzoom` in its properties
 * @param {{folder: string, bounds: number[], minzoom: number, maxzoom: number}} options
 * @returns {{tiles: number, bytes: number}}
 */
export function writeTiles(layers, { folder, bounds, minzoom, maxzoom }) {
  rmSync(folder, { recursive: true, force: true });
  const indexes = Object.entries(layers).map(([name, features]) => [name, index(features, maxzoom)]);
  const total = { tiles: 0, bytes: 0 };
  for (const [z, x, y] of tilesWithin(bounds, minzoom, maxzoom)) {
    const bytes = encode(indexes, z, x, y);
    mkdirSync(path.join(folder, `${z}/${x}`), { recursive: true });
    writeFileSync(path.join(folder, `${z}/${x}/${y}.pbf`), bytes);
    total.tiles++;
    total.bytes += bytes.length;
  }
  return total;
}

/** All tiles [z, x, y] between two zooms that touch west, south, east, north. */
export function* tilesWithin([west, south, east, north], minzoom, maxzoom) {
  const inner = 1e-9;
  for (let z = minzoom; z <= maxzoom; z++) {
    const column = (lng) => Math.floor(((lng + 180) / 360) * 2 ** z);
    const row = (lat) => Math.floor((0.5 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / (2 * Math.PI)) * 2 ** z);
    for (let x = column(west + inner); x <= column(east - inner); x++) {
      for (let y = row(north - inner); y <= row(south + inner); y++) yield [z, x, y];
    }
  }
}

function index(features, maxzoom) {
  const options = {
    maxZoom: maxzoom,
    indexMaxZoom: maxzoom,
    indexMaxPoints: 0,
    extent: EXTENT,
    buffer: BUFFER,
    tolerance: 4,
  };
  return new GeoJSONVT({ type: "FeatureCollection", features }, options);
}

function encode(indexes, z, x, y) {
  const content = {};
  for (const [name, tileIndex] of indexes) {
    const tile = tileIndex.getTile(z, x, y);
    const features = (tile?.features ?? []).filter((f) => f.tags.minzoom <= z && isSeen(f)).map(withoutMinzoom);
    if (features.length > 0) content[name] = { ...tile, features };
  }
  return fromGeojsonVt(content, { version: 2, extent: EXTENT });
}

function isSeen(feature) {
  return feature.type !== POLYGON || Math.abs(area(feature.geometry[0])) >= SMALLEST_POLYGON;
}

function area(ring) {
  let sum = 0;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    sum += (ring[j][0] - ring[i][0]) * (ring[i][1] + ring[j][1]);
  }
  return sum / 2;
}

function withoutMinzoom(feature) {
  const tags = { ...feature.tags };
  delete tags.minzoom;
  return { ...feature, tags };
}
