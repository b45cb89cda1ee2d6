import { describe, expect, it } from "vitest";

import { parametersOf, radiusOf, sinceOf } from "./question";

const NOTHING = { query: "", near: null, since: null };
const CITY = { lat: -34.9011, lng: -56.1645, zoom: 13.2 };

describe("the question to search", () => {
  it("asks nothing without words", () => {
    expect(parametersOf({ ...NOTHING, near: CITY, since: 0 })).toBeNull();
    expect(parametersOf({ ...NOTHING, query: "  " })).toBeNull();
  });

  it("carries words, the circle about the map's middle, and since when", () => {
    const since = Date.parse("2026-11-23T17:00:00Z");
    const parameters = new URLSearchParams(parametersOf({ query: " Van 12 ", near: CITY, since }) ?? "");
    expect(parameters.get("q")).toBe("Van 12");
    expect(parameters.get("since")).toBe("2026-11-23T17:00:00.000Z");
    const [lat, lng, km] = (parameters.get("near") ?? "").split(",").map(Number);
    expect([lat, lng]).toEqual([-34.9011, -56.1645]);
    expect(km).toBeCloseTo(radiusOf(CITY), 2);
  });

  it("calls 2 km of a city's map near, and never more than the earth takes", () => {
    expect(radiusOf(CITY)).toBeGreaterThan(1.5);
    expect(radiusOf(CITY)).toBeLessThan(2.5);
    expect(radiusOf({ lat: 0, lng: 0, zoom: 0 })).toBeLessThanOrEqual(20_000);
  });

  it("counts ages back from now", () => {
    expect(sinceOf("2h", 7_200_000)).toBe(0);
    expect(sinceOf("ever", 1)).toBeNull();
  });
});
