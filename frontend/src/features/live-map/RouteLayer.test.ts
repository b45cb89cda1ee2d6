import { describe, expect, it } from "vitest";
import { routeFeatures } from "./RouteLayer";
import type { MapRoute } from "./props";

// East, north, and back west over the same latitude as the start: a route that comes near itself.
const route: MapRoute = {
  route_id: "r1",
  points: [
    [0, 0],
    [0, 0.02],
    [0.001, 0.02],
    [0.001, 0],
  ],
  stops: [],
  fraction: 0.25,
  preview: false,
};

const part = (data: ReturnType<typeof routeFeatures>, name: string) => {
  const found = data.features.find((f) => f.properties?.part === name);
  return found?.geometry.type === "LineString" ? found.geometry.coordinates : null;
};

describe("the selected trip's way", () => {
  it("is nothing without a route", () => {
    expect(routeFeatures(null, null, false).features).toEqual([]);
  });

  it("is cut where the vehicle is, between driven and ahead", () => {
    const data = routeFeatures(route, [0.0001, 0.0105], false);
    expect(part(data, "driven")?.at(-1)).toEqual([0.0105, 0]);
    expect(part(data, "ahead")?.[0]).toEqual([0.0105, 0]);
    expect(part(data, "ahead")?.at(-1)).toEqual([0, 0.001]);
  });

  it("stays on this side when the way comes near itself", () => {
    const data = routeFeatures(route, [0.0009, 0.0105], false);
    expect(part(data, "driven")?.at(-1)?.[1]).toBe(0);
  });

  it("is cut by the driven share when the vehicle is not known", () => {
    const data = routeFeatures({ ...route, fraction: 1 }, null, false);
    expect(part(data, "driven")?.at(-1)).toEqual([0, 0.001]);
  });

  it("is all ahead in a preview", () => {
    const data = routeFeatures({ ...route, preview: true }, null, false);
    expect(part(data, "ahead")?.slice(1)).toEqual([
      [0.02, 0],
      [0.02, 0.001],
      [0, 0.001],
    ]);
  });

  it("has a dotted line back to the route when the vehicle left it", () => {
    const data = routeFeatures(route, [-0.005, 0.01], true);
    expect(part(data, "back")).toEqual([
      [0.01, -0.005],
      [0.01, 0],
    ]);
    expect(part(data, "ahead")?.[0]).toEqual([0.01, 0]);
    expect(part(routeFeatures(route, [-0.005, 0.01], false), "back")).toBeNull();
  });
});
