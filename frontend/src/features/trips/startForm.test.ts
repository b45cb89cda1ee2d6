import { describe, expect, it } from "vitest";

import type { RouteSummary } from "../../api";
import { readingOf } from "../../ui";
import { bodyOf, complaints, freeName, matchingRoutes, type StartForm } from "./startForm";

const { words } = readingOf("en");
const form = (part: Partial<StartForm> = {}): StartForm => ({
  route_id: "r1",
  vehicle_name: " Van 12 ",
  simulated: true,
  pace: 10,
  device: "",
  ...part,
});

const route = (name: string, from_name: string | null = null): RouteSummary => ({
  route_id: name,
  name,
  from_name,
  to_name: null,
  length: 1000,
  expected_duration: 100,
  planned_at: "2026-05-03T14:00:00Z",
  bounds: [0, 0, 0, 0],
});

describe("the start form", () => {
  it("says what is missing, by field", () => {
    expect(complaints(form(), words)).toEqual({});
    expect(Object.keys(complaints(form({ route_id: null, vehicle_name: "  " }), words))).toEqual(["route", "vehicle"]);
    expect(complaints(form({ simulated: false }), words).device).toBe(words.start.deviceNeeded);
    expect(complaints(form({ simulated: false, device: "meu telefone" }), words).device).toBe(words.start.deviceShape);
    expect(complaints(form({ simulated: false, device: "phone-1" }), words)).toEqual({});
  });

  it("sends a pace for a simulation, and a device for a real drive", () => {
    expect(bodyOf(form(), "r1")).toEqual({ route_id: "r1", vehicle_name: "Van 12", simulated: true, speed: 10 });
    expect(bodyOf(form({ simulated: false, device: " phone-1 " }), "r1")).toEqual({
      route_id: "r1",
      vehicle_name: "Van 12",
      simulated: false,
      vehicle_id: "phone-1",
    });
  });

  it("finds routes by name and ends, without minding accents", () => {
    const routes = [route("Circular", "Unión"), route("Rambla sul")];
    expect(matchingRoutes(routes, "union circ").map(({ name }) => name)).toEqual(["Circular"]);
    expect(matchingRoutes(routes, "")).toHaveLength(2);
  });

  it("suggests the first name that is free", () => {
    expect(freeName(new Set(["Van 01", "Van 03"]), words)).toBe("Van 02");
  });
});
