import { describe, expect, it } from "vitest";
import { distances, estimateShore } from "./shore.mjs";

describe("distances to the nearest set cell", () => {
  it("are Euclidean and exact", () => {
    const [width, height] = [9, 7];
    const set = new Uint8Array(width * height);
    const wells = [
      [1, 1],
      [7, 5],
      [8, 0],
    ];
    for (const [x, y] of wells) set[y * width + x] = 1;
    const found = distances(set, width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const nearest = Math.min(...wells.map(([a, b]) => Math.hypot(a - x, b - y)));
        expect(found[y * width + x]).toBeCloseTo(nearest, 9);
      }
    }
  });
});

describe("the estimated shore", () => {
  const bounds = [-56.25, -34.9578, -56.16, -34.8858];
  const street = (lat) => ({
    ...{ id: 1, kind: "line", tags: { highway: "residential" } },
    parts: [
      [
        [bounds[0], lat],
        [bounds[2], lat],
      ],
    ],
  });
  // Streets every 200 m in the north, none in the south, and a ferry out there.
  const streets = Array.from({ length: 15 }, (_, i) => street(-34.886 - i * 0.0018));
  const ferry = { ...street(-34.95), tags: { route: "ferry" } };
  const sea = estimateShore([...streets, ferry], bounds, 0);
  const south = Math.min(...streets.map((s) => s.parts[0][0][1]));
  const lats = sea.coordinates.flat(2).map(([, lat]) => lat);

  it("is one water, south of the last street", () => {
    expect(sea.type).toBe("MultiPolygon");
    expect(sea.coordinates).toHaveLength(1);
    expect(Math.max(...lats)).toBeLessThan(south);
    expect(Math.min(...lats)).toBeLessThan(-34.95);
  });

  it("comes within a hundred metres of it", () => {
    expect((south - Math.max(...lats)) * 111_195).toBeLessThan(100);
  });

  it("leaves a field inland dry that no water reaches", () => {
    const gap = streets.filter((_, i) => i < 3 || i > 9);
    const withField = estimateShore([...gap, ferry], bounds, 0);
    expect(Math.max(...withField.coordinates.flat(2).map(([, lat]) => lat))).toBeLessThan(south);
  });
});
