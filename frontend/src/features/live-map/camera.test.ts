import { describe, expect, it } from "vitest";
import { boundsOf, freeCentre, isInFreeMap, scaleOf, withRoom } from "./camera";

const view = { width: 1000, height: 600 };
const panel = { top: 0, right: 400, bottom: 0, left: 0 };

describe("the free map", () => {
  it("has its middle beside the panel", () => {
    expect(freeCentre(view, panel)).toEqual({ x: 300, y: 300 });
  });

  it("does not hold what a panel covers or what lies at the very edge", () => {
    expect(isInFreeMap({ x: 300, y: 300 }, view, panel)).toBe(true);
    expect(isInFreeMap({ x: 700, y: 300 }, view, panel)).toBe(false);
    expect(isInFreeMap({ x: 5, y: 300 }, view, panel)).toBe(false);
  });
});

describe("the box around places", () => {
  it("is nothing around nothing", () => {
    expect(boundsOf([])).toBeNull();
  });

  it("holds every place", () => {
    const places = [
      { lat: -34.9, lng: -56.2 },
      { lat: -34.8, lng: -56.1 },
      { lat: -34.95, lng: -56.15 },
    ];
    expect(boundsOf(places)).toEqual([-56.2, -34.95, -56.1, -34.8]);
  });
});

describe("the room around the city", () => {
  it("is as much as panels cover, so that what is under the phone's sheet can be brought before it", () => {
    const sheet = { top: 100, right: 0, bottom: 300, left: 0 };
    const seen = [-57, -36, -56, -34.8] as const;
    const [west, south, east, north] = withRoom([-57, -36, -56, -34.8], seen, view, sheet);
    expect([west, east]).toEqual([-57, -56]);
    expect(south).toBeCloseTo(-36.6);
    expect(north).toBeCloseTo(-34.6);
  });

  it("is none without panels", () => {
    const city = [-57, -36, -56, -35] as const;
    expect(withRoom(city, city, view, { top: 0, right: 0, bottom: 0, left: 0 })).toEqual(city);
  });
});

describe("the scale", () => {
  it.each([
    [10, 100, 1000, 100],
    [7.9, 100, 500, 63.3],
    [3.9, 100, 200, 51.3],
    [0.3, 100, 20, 66.7],
  ])("at %d m per px shows a round distance in %d px", (perPx, longest, metres, width) => {
    const scale = scaleOf(perPx, longest);
    expect(scale.metres).toBe(metres);
    expect(scale.width).toBeCloseTo(width, 1);
  });
});
