import { describe, expect, it } from "vitest";
import { buildStreets, chain, isDrivable, maxspeedOf, metres, onewayOf, strongComponents } from "./streets.mjs";

const way = (id, tags, ...points) => ({ id, kind: "line", tags: { highway: "residential", ...tags }, parts: [points] });
const point = (tags, at) => ({ id: 1, kind: "point", tags, parts: [[at]] });

// A square block of about 100 m, with a street through it.
const [A, B, C, D] = [
  [-56.16, -34.9],
  [-56.159, -34.9],
  [-56.159, -34.901],
  [-56.16, -34.901],
];

describe("the street network", () => {
  it("has nodes only where ways meet or end", () => {
    const bend = [-56.1595, -34.8999];
    const { nodes, edges } = buildStreets([way(1, { name: "Yi" }, A, bend, B), way(2, {}, B, C)]);
    expect(nodes).toHaveLength(3);
    expect(edges).toHaveLength(2);
    expect(edges[0]).toMatchObject({ class: "residential", name: "Yi", oneway: 0, maxspeed: null });
    expect(edges[0].path).toEqual([A, bend, B].map(([lng, lat]) => [lat, lng]));
    expect(edges[0].length).toBeCloseTo(metres(A, bend) + metres(bend, B), 1);
  });

  it("cuts a way where another one crosses it at a shared vertex", () => {
    const middle = [-56.1595, -34.9];
    const { nodes, edges } = buildStreets([way(1, {}, A, middle, B), way(2, {}, middle, D)]);
    expect(nodes).toHaveLength(4);
    expect(edges).toHaveLength(3);
  });

  it("joins the parts of a way that a tile border cut, even when the tiles round differently", () => {
    const border = [-56.1595, -34.9];
    const parts = { ...way(1, {}, A, border), parts: [[A, border]] };
    const rest = { ...way(1, {}), parts: [[[-56.159501, -34.9], B]] };
    expect(buildStreets([parts, rest]).edges).toHaveLength(1);
  });

  it("keeps only what can be reached from everywhere: a one-way street out of it is left out", () => {
    const { nodes, edges } = buildStreets([
      way(1, { oneway: "yes" }, A, B),
      way(2, { oneway: "yes" }, B, C),
      way(3, { oneway: "yes" }, C, A),
      way(4, { oneway: "yes" }, A, D),
    ]);
    expect(nodes).toHaveLength(3);
    expect(edges.map((e) => e.oneway)).toEqual([1, 1, 1]);
  });

  it("halves a way that comes back to its own start: no edge has one end", () => {
    const { edges } = buildStreets([way(1, {}, A, B, C, D, A), way(2, {}, A, [-56.161, -34.9])]);
    expect(edges.every((e) => e.from !== e.to)).toBe(true);
    expect(edges).toHaveLength(3);
  });

  it("counts a traffic light a few metres before a crossing for the crossing", () => {
    const light = [-56.15915, -34.9];
    const features = [way(1, {}, A, light, B), way(2, {}, B, C), point({ highway: "traffic_signals" }, light)];
    const { nodes, signals } = buildStreets(features);
    expect(nodes).toHaveLength(3);
    expect(signals.map((i) => nodes[i])).toEqual([[B[1], B[0]]]);
  });

  it("makes a node of a traffic light far from any crossing", () => {
    const light = [-56.1595, -34.9];
    const { nodes, signals } = buildStreets([way(1, {}, A, light, B), point({ highway: "traffic_signals" }, light)]);
    expect(nodes).toHaveLength(3);
    expect(signals.map((i) => nodes[i])).toEqual([[light[1], light[0]]]);
  });

  it("names the places, but not the city itself", () => {
    const features = [
      way(1, {}, A, B),
      point({ place: "suburb", name: "Cordón" }, C),
      point({ place: "city", name: "Montevideo" }, D),
    ];
    expect(buildStreets(features).places).toEqual([{ name: "Cordón", lat: C[1], lng: C[0] }]);
  });
});

describe("which ways a van may take", () => {
  it.each([
    [{ highway: "residential" }, true],
    [{ highway: "trunk_link" }, true],
    [{ highway: "footway" }, false],
    [{ highway: "service", service: "parking_aisle" }, false],
    [{ highway: "residential", access: "private" }, false],
    [{ highway: "residential", access: "private", motor_vehicle: "yes" }, true],
    [{ highway: "residential", motor_vehicle: "no" }, false],
    [{ highway: "proposed" }, false],
  ])("%o: %s", (tags, expected) => {
    expect(isDrivable({ kind: "line", tags })).toBe(expected);
  });

  it.each([
    [{ oneway: "yes" }, 1],
    [{ oneway: "-1" }, -1],
    [{ oneway: "no", junction: "roundabout" }, 0],
    [{ junction: "roundabout" }, 1],
    [{}, 0],
  ])("direction of %o is %d", (tags, expected) => {
    expect(onewayOf(tags)).toBe(expected);
  });

  it.each([
    ["45", 45],
    ["30 mph", 48],
    ["walk", null],
    [undefined, null],
  ])("speed limit %s is %s km/h", (maxspeed, expected) => {
    expect(maxspeedOf({ maxspeed })).toBe(expected);
  });
});

describe("lines and graphs", () => {
  it("are chained only from an end to a beginning", () => {
    expect(
      chain([
        [B, C],
        [A, B],
        [D, C],
      ]),
    ).toEqual([
      [A, B, C],
      [D, C],
    ]);
  });

  it("tell strong components apart", () => {
    const components = strongComponents([[1], [2], [0, 3], [4], [3], []]);
    expect(components[0]).toBe(components[1]);
    expect(components[1]).toBe(components[2]);
    expect(components[3]).toBe(components[4]);
    expect(new Set(components).size).toBe(3);
  });

  it("do not exhaust the stack on a long street", () => {
    const n = 50_000;
    const ring = Array.from({ length: n }, (_, i) => [(i + 1) % n]);
    expect(new Set(strongComponents(ring)).size).toBe(1);
  });
});
