/** Makes the street network that trips are routed on: junctions, the ways between them, signals and places. */

const DRIVABLE = new Set(
  "motorway trunk primary secondary tertiary unclassified residential living_street service road".split(" "),
);
const NO_ENTRY = new Set(["no", "private", "military", "agricultural", "forestry", "permit"]);
const PLACE_KINDS = new Set(["suburb", "town", "city", "hamlet"]);
const CITY_ITSELF = "Montevideo";
const EARTH_RADIUS = 6371008.8;
const SIGNAL_REACH = 40;
const KMH_PER_MPH = 1.609344;

/**
 * The drivable network, its largest strongly connected part: from every node every other can be reached.
 *
 * Nodes stand only where ways meet or end. Paths are [lat, lng] and include both ends; `length` is metres; `oneway` is
 * 1 along the path, -1 against it, 0 both; `maxspeed` is km/h or null.
 * @param features as `readFeatures` gives them
 */
export function buildStreets(features) {
  const ways = features.filter(isDrivable).flatMap(joinedParts(features));
  const meeting = countMeetings(ways);
  const signalKeys = new Set(
    features.filter((f) => f.kind === "point" && f.tags.highway === "traffic_signals").map((f) => key(f.parts[0][0])),
  );
  const edges = ways.flatMap((way) => cutAtJunctions(way, meeting, signalKeys));
  const { nodes, kept } = largestComponent(edges);
  return {
    nodes: nodes.map(unkey),
    edges: kept,
    signals: signalNodes(kept, nodes, signalKeys),
    places: places(features),
  };
}

/** Whether a car or van may drive there. */
export function isDrivable({ kind, tags }) {
  if (kind !== "line" || !DRIVABLE.has((tags.highway ?? "").replace(/_link$/, ""))) return false;
  if (tags.area === "yes" || tags.service === "parking_aisle" || tags.service === "driveway") return false;
  const access = tags.motorcar ?? tags.motor_vehicle ?? tags.vehicle ?? tags.access;
  return !NO_ENTRY.has(access);
}

/** Direction of travel: 1 along the way, -1 against it, 0 both. */
export function onewayOf(tags) {
  if (tags.oneway === "-1" || tags.oneway === "reverse") return -1;
  if (["yes", "true", "1"].includes(tags.oneway)) return 1;
  if (tags.oneway === "no") return 0;
  return tags.junction === "roundabout" || tags.highway === "motorway" ? 1 : 0;
}

/** Speed limit in km/h, or null when the tag is absent or not a number. */
export function maxspeedOf(tags) {
  const [, digits, unit] = /^(\d+)\s*(mph)?$/.exec(tags.maxspeed ?? "") ?? [];
  if (digits === undefined || Number(digits) === 0) return null;
  return unit === undefined ? Number(digits) : Math.round(Number(digits) * KMH_PER_MPH);
}

/** Metres between two [lng, lat] on the sphere (haversine). */
export function metres([lngA, latA], [lngB, latB]) {
  const rad = Math.PI / 180;
  const a =
    Math.sin(((latB - latA) * rad) / 2) ** 2 +
    Math.cos(latA * rad) * Math.cos(latB * rad) * Math.sin(((lngB - lngA) * rad) / 2) ** 2;
  return 2 * EARTH_RADIUS * Math.asin(Math.sqrt(a));
}

// A vertex is known by its place in units of 1e-6 degrees (11 cm): tiles round, and ways share vertices exactly.
const key = ([lng, lat]) => `${Math.round(lat * 1e6)},${Math.round(lng * 1e6)}`;
const unkey = (k) => k.split(",").map((n) => Number(n) / 1e6);

/** Undoes the cuts at tile borders: the parts of one OSM way that touch become one line again. */
function joinedParts(features) {
  const parts = new Map();
  for (const feature of features) {
    if (!isDrivable(feature)) continue;
    parts.set(feature.id, (parts.get(feature.id) ?? []).concat(feature.parts));
  }
  const done = new Set();
  return (feature) => {
    if (done.has(feature.id)) return [];
    done.add(feature.id);
    return chain(parts.get(feature.id)).map((line) => ({ tags: feature.tags, line }));
  };
}

/**
 * Joins lines that end where another begins, direction kept.
 * @param {[number, number][][]} lines
 */
export function chain(lines) {
  const open = lines.filter((line) => line.length > 1).map((line) => line.slice());
  for (let i = 0; i < open.length;) {
    const tail = open[i].at(-1);
    const next = open.findIndex((line, j) => j !== i && near(line[0], tail));
    if (next === -1) {
      i++;
      continue;
    }
    open[i] = open[i].concat(open[next].slice(1));
    open.splice(next, 1);
    if (next < i) i--;
  }
  return open;
}

// Two tiles may round the same border vertex to different sides.
const near = (a, b) => Math.abs(a[0] - b[0]) < 1.5e-6 && Math.abs(a[1] - b[1]) < 1.5e-6;

/** How many times each vertex is used; ends count twice, so that more than one means: a node. */
function countMeetings(ways) {
  const uses = new Map();
  for (const { line } of ways) {
    line.forEach((point, i) => {
      const k = key(point);
      uses.set(k, (uses.get(k) ?? 0) + (i === 0 || i === line.length - 1 ? 2 : 1));
    });
  }
  return uses;
}

function cutAtJunctions({ tags, line }, meeting, signalKeys) {
  const edges = [];
  let start = 0;
  for (let i = 1; i < line.length; i++) {
    const here = key(line[i]);
    const lonelySignal = signalKeys.has(here) && !junctionInReach(line, i, meeting);
    if (meeting.get(here) < 2 && !lonelySignal) continue;
    edges.push(...withoutLoop(line.slice(start, i + 1)).map((points) => edge(tags, points)));
    start = i;
  }
  return edges.filter((e) => e.length > 0);
}

/** Whether a node lies within a few metres along the way, so that a signal before a crossing counts for the crossing. */
function junctionInReach(line, i, meeting) {
  return [-1, 1].some((step) => {
    let gone = 0;
    for (let j = i + step; j >= 0 && j < line.length; j += step) {
      gone += metres(line[j - step], line[j]);
      if (gone > SIGNAL_REACH) return false;
      if (meeting.get(key(line[j])) > 1) return true;
    }
    return false;
  });
}

/** A way that comes back to its own start is halved: an edge has two different ends. */
function withoutLoop(points) {
  if (points.length < 4 || key(points[0]) !== key(points.at(-1))) return [points];
  const half = points.length >> 1;
  return [points.slice(0, half + 1), points.slice(half)];
}

function edge(tags, points) {
  let length = 0;
  for (let i = 1; i < points.length; i++) length += metres(points[i - 1], points[i]);
  const distinct = points.filter((p, i) => i === 0 || key(p) !== key(points[i - 1]));
  return {
    from: key(points[0]),
    to: key(points.at(-1)),
    class: tags.highway,
    maxspeed: maxspeedOf(tags),
    oneway: onewayOf(tags),
    name: tags.name ?? "",
    path: distinct.map((p) => unkey(key(p))),
    length: distinct.length < 2 ? 0 : Math.round(length * 10) / 10,
  };
}

/** Keeps the edges whose both ends are in the largest strongly connected component, with ends as indices. */
function largestComponent(edges) {
  const index = new Map();
  const at = (k) => index.get(k) ?? (index.set(k, index.size), index.size - 1);
  const arcs = edges.map((e) => [at(e.from), at(e.to), e.oneway]);
  const out = Array.from({ length: index.size }, () => []);
  for (const [from, to, oneway] of arcs) {
    if (oneway >= 0) out[from].push(to);
    if (oneway <= 0) out[to].push(from);
  }
  const component = strongComponents(out);
  const sizes = new Map();
  for (const c of component) sizes.set(c, (sizes.get(c) ?? 0) + 1);
  const largest = [...sizes].reduce((best, entry) => (entry[1] > best[1] ? entry : best), [-1, 0])[0];
  const renumbered = new Map();
  const nodes = [];
  for (const [k, i] of index) {
    if (component[i] !== largest) continue;
    renumbered.set(k, nodes.length);
    nodes.push(k);
  }
  const kept = edges
    .filter((e) => renumbered.has(e.from) && renumbered.has(e.to))
    .map((e) => ({ ...e, from: renumbered.get(e.from), to: renumbered.get(e.to) }));
  return { nodes, kept };
}

/**
 * The strongly connected component of each node (Tarjan 1972, with its own stack: the city is deeper than the call stack).
 * @param {number[][]} out the nodes each node leads to
 * @returns {Int32Array} a component number per node
 */
export function strongComponents(out) {
  const order = new Int32Array(out.length).fill(-1);
  const low = new Int32Array(out.length);
  const component = new Int32Array(out.length).fill(-1);
  const open = [];
  let clock = 0;
  let components = 0;
  for (let root = 0; root < out.length; root++) {
    if (order[root] !== -1) continue;
    const calls = [[root, 0]];
    while (calls.length > 0) {
      const call = calls.at(-1);
      const node = call[0];
      if (call[1] === 0) {
        order[node] = low[node] = clock++;
        open.push(node);
      }
      if (call[1] < out[node].length) {
        const next = out[node][call[1]++];
        if (order[next] === -1) calls.push([next, 0]);
        else if (component[next] === -1) low[node] = Math.min(low[node], order[next]);
        continue;
      }
      if (low[node] === order[node]) {
        let member;
        do {
          member = open.pop();
          component[member] = components;
        } while (member !== node);
        components++;
      }
      calls.pop();
      if (calls.length > 0) {
        const caller = calls.at(-1)[0];
        low[caller] = Math.min(low[caller], low[node]);
      }
    }
  }
  return component;
}

/** Nodes with traffic lights: the light's own vertex, or the nearer end of the edge it stands on. */
function signalNodes(edges, nodes, signalKeys) {
  const found = new Set();
  nodes.forEach((k, i) => signalKeys.has(k) && found.add(i));
  for (const e of edges) {
    const points = e.path.map(([lat, lng]) => [lng, lat]);
    for (let i = 1; i < points.length - 1; i++) {
      if (!signalKeys.has(key(points[i]))) continue;
      const toStart = alongPath(points, 0, i);
      found.add(toStart <= alongPath(points, i, points.length - 1) ? e.from : e.to);
    }
  }
  return [...found].sort((a, b) => a - b);
}

function alongPath(points, from, to) {
  let sum = 0;
  for (let i = from + 1; i <= to; i++) sum += metres(points[i - 1], points[i]);
  return sum;
}

function places(features) {
  return features
    .filter((f) => f.kind === "point" && PLACE_KINDS.has(f.tags.place) && f.tags.name && f.tags.name !== CITY_ITSELF)
    .map((f) => ({ name: f.tags.name, lat: f.parts[0][0][1], lng: f.parts[0][0][0] }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.lat - b.lat));
}
