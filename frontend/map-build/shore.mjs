/** Estimates the shore line: the source has no coast, so land is where streets, buildings, greens and trees are. */
import { contours } from "d3-contour";
import { toLngLat } from "./source.mjs";

const CELLS_PER_TILE = 400; // 20 m at this latitude
const MAX_ZOOM_TILE = 2 ** 12;
const REACH_OUT = 12; // cells: gaps up to twice this are land
const REACH_BACK = 10.5; // less than out: the shore keeps a little distance to the last street
const LAND_LINES = ["highway", "railway", "waterway", "aeroway", "power", "barrier"];
const AT_SEA = ["pier", "breakwater", "groyne"];
const FAR = 1e9;

/**
 * The water around the city as GeoJSON polygons, [lng, lat].
 *
 * Land cells are grown and shrunk again (a morphological closing on Euclidean distances), what is still open and reachable
 * from the south is water, and its edge is traced where the distance crosses the limit, so that it is smooth below a cell.
 * @param features as `readFeatures` gives them
 * @param {number[]} bounds west, south, east, north of the source
 * @param {number} margin degrees of longitude that the sides are drawn out beyond the source
 * @returns {object[]} GeoJSON geometries (MultiPolygon)
 */
export function estimateShore(features, bounds, margin) {
  const grid = makeGrid(bounds, Math.round((margin / 360) * MAX_ZOOM_TILE * CELLS_PER_TILE));
  for (const feature of features) if (isLand(feature)) mark(grid, feature);
  extendSides(grid);
  const { width, height } = grid;
  const toLand = distances(grid.land, width, height);
  const open = Uint8Array.from(toLand, (d) => (d > REACH_OUT ? 1 : 0));
  const toOpen = distances(open, width, height);
  const water = flood(toOpen, width, height);
  const depth = Float64Array.from(toOpen, (d, i) => (water[i] ? REACH_BACK - d : Math.min(REACH_BACK - d, -1)));
  const [shape] = contours().size([width, height]).thresholds([0])(depth);
  return {
    type: "MultiPolygon",
    coordinates: shape.coordinates.map((rings) => rings.map((ring) => ring.map(grid.place))),
  };
}

function makeGrid([west, south, east, north], margin) {
  const scale = MAX_ZOOM_TILE * CELLS_PER_TILE;
  const x0 = Math.round(((west + 180) / 360) * scale) - margin;
  const y0 = Math.round(worldY(north) * scale);
  const width = Math.round(((east + 180) / 360) * scale) + margin - x0;
  const inner = Math.round(worldY(south) * scale) - y0;
  const height = inner + margin;
  return {
    width,
    height,
    margin,
    inner,
    land: new Uint8Array(width * height),
    cell: ([lng, lat]) => [((lng + 180) / 360) * scale - x0, worldY(lat) * scale - y0],
    place: ([x, y]) => toLngLat((x + x0) / scale, (y + y0) / scale),
  };
}

function worldY(lat) {
  const sine = Math.sin((lat * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
}

function isLand({ kind, tags }) {
  if (AT_SEA.includes(tags.man_made) || tags.place === "islet" || tags.route === "ferry") return false;
  if (kind === "point") return !Object.keys(tags).some((tag) => tag.startsWith("seamark"));
  if (kind === "line")
    return LAND_LINES.some((tag) => tags[tag]) && tags.waterway !== "river" && tags.bridge === undefined;
  return kind === "polygon" && tags.natural !== "water" && tags.waterway === undefined && tags.boundary === undefined;
}

function mark(grid, { kind, parts }) {
  for (const part of parts) {
    const cells = part.map(grid.cell);
    for (let i = 0; i < cells.length; i++) markLine(grid, cells[i], cells[i + 1] ?? cells[i]);
    if (kind === "polygon") markInside(grid, cells);
  }
}

function markLine({ land, width, height }, [xa, ya], [xb, yb]) {
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(xb - xa), Math.abs(yb - ya)) * 2));
  for (let i = 0; i <= steps; i++) {
    const x = Math.floor(xa + ((xb - xa) * i) / steps);
    const y = Math.floor(ya + ((yb - ya) * i) / steps);
    if (x >= 0 && y >= 0 && x < width && y < height) land[y * width + x] = 1;
  }
}

/** Scan lines through cell centres, even-odd. */
function markInside({ land, width, height }, ring) {
  const ys = ring.map((p) => p[1]);
  for (let y = Math.max(0, Math.floor(Math.min(...ys))); y < Math.min(height, Math.max(...ys)); y++) {
    const crossings = [];
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [xi, yi] = ring[i];
      const [xj, yj] = ring[j];
      if (yi > y + 0.5 !== yj > y + 0.5) crossings.push(xi + ((y + 0.5 - yi) / (yj - yi)) * (xj - xi));
    }
    crossings.sort((a, b) => a - b);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const from = Math.max(0, Math.ceil(crossings[k] - 0.5));
      const to = Math.min(width - 1, Math.floor(crossings[k + 1] - 0.5));
      for (let x = from; x <= to; x++) land[y * width + x] = 1;
    }
  }
}

/**
 * Beyond the source's ends the shore goes on straight, rising to the north as the real one does: a backdrop, where nothing
 * is drawn but land and water.
 */
function extendSides({ land, width, margin, inner }) {
  const ends = [
    { column: margin, step: -1, slope: 0.55 },
    { column: width - margin - 1, step: 1, slope: 0.32 },
  ];
  for (const { column, step, slope } of ends) {
    const shore = southernmost(land, width, inner, column, -step);
    for (let d = 1; d <= margin; d++) {
      for (let y = 0; y < shore - d * slope; y++) land[y * width + column + d * step] = 1;
    }
  }
}

/** The last row with land in the columns next to an end. */
function southernmost(land, width, inner, column, step) {
  for (let y = inner - 1; y >= 0; y--) {
    for (let i = 0; i < REACH_OUT * 2; i++) if (land[y * width + column + i * step]) return y;
  }
  return 0;
}

/**
 * Distance of every cell to the nearest set cell, in cells (Felzenszwalb and Huttenlocher 2012, exact, linear).
 * @param {Uint8Array} set
 */
export function distances(set, width, height) {
  const squared = Float64Array.from(set, (on) => (on ? 0 : FAR));
  const line = new Float64Array(Math.max(width, height));
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) line[y] = squared[y * width + x];
    const result = distances1d(line, height);
    for (let y = 0; y < height; y++) squared[y * width + x] = result[y];
  }
  for (let y = 0; y < height; y++) {
    const row = squared.subarray(y * width, (y + 1) * width);
    row.set(distances1d(row, width));
  }
  return squared.map(Math.sqrt);
}

/** Lower envelope of the parabolas that stand on each value. */
function distances1d(values, n) {
  const peaks = new Int32Array(n);
  const borders = new Float64Array(n + 1);
  const result = new Float64Array(n);
  let k = 0;
  borders[0] = -Infinity;
  borders[1] = Infinity;
  const meet = (q, p) => (values[q] + q * q - values[p] - p * p) / (2 * (q - p));
  for (let q = 1; q < n; q++) {
    let s = meet(q, peaks[k]);
    while (s <= borders[k]) s = meet(q, peaks[--k]);
    peaks[++k] = q;
    borders[k] = s;
    borders[k + 1] = Infinity;
  }
  for (let q = 0, i = 0; q < n; q++) {
    while (borders[i + 1] < q) i++;
    result[q] = (q - peaks[i]) ** 2 + values[peaks[i]];
  }
  return result;
}

/** Cells that water reaches from the southern edge: elsewhere open ground is field, not sea. */
function flood(toOpen, width, height) {
  const water = new Uint8Array(width * height);
  const isOpen = (i) => toOpen[i] < REACH_BACK;
  const queue = [];
  for (let x = 0; x < width; x++) queue.push((height - 1) * width + x);
  while (queue.length > 0) {
    const i = queue.pop();
    if (water[i] || !isOpen(i)) continue;
    water[i] = 1;
    const x = i % width;
    if (x > 0) queue.push(i - 1);
    if (x < width - 1) queue.push(i + 1);
    if (i >= width) queue.push(i - width);
    if (i + width < width * height) queue.push(i + width);
  }
  return water;
}
