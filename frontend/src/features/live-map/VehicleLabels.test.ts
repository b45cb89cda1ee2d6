import { describe, expect, it } from "vitest";
import type { LiveTrip } from "../../api";
import type { Mark } from "./fleet";
import { glideTo } from "./motion";
import type { MapRoute, MapWords } from "./props";
import { namePlate, namedMarks, stopMarks } from "./VehicleLabels";
import type { Attention } from "./vehicleState";

function mark(vehicle_id: string, attention: Attention, trip: Partial<LiveTrip> = {}): Mark {
  const vehicle = {
    ...{ vehicle_id, name: `Van ${vehicle_id}`, trip_id: null },
    ...{ lat: 0, lng: 0, heading: 0, speed: 9, recorded_ms: 0 },
  };
  const state = { motion: "moving", attention } as const;
  const glide = glideTo(null, vehicle, 0);
  return {
    ...{ vehicle_id, vehicle, state, glide, sprite: "dart-plain", lat: 0, lng: 0, heading: 0 },
    trip: { delay: null, off_route: null, ...trip } as LiveTrip,
  };
}

const words = {
  late: (minutes: number) => `+${String(minutes)}`,
  offRoute: (metres: number) => `${String(metres)} m`,
  silent: (minutes: number) => `${String(minutes)} min`,
} as MapWords;

describe("which vehicles are named", () => {
  it("the selected one first, then off route, late by minutes, silent; nobody who is fine", () => {
    const fleet = [
      mark("1", "fine"),
      mark("2", "silent"),
      mark("3", "late", { delay: 400 }),
      mark("4", "late", { delay: 900 }),
      mark("5", "off"),
      mark("6", "fine"),
    ];
    expect(namedMarks(fleet, "6").map((m) => m.vehicle_id)).toEqual(["6", "5", "4", "3", "2"]);
  });
});

describe("what stands beside a vehicle", () => {
  it.each([
    [mark("1", "late", { delay: 660 }), "+11"],
    [mark("1", "off", { off_route: 640 }), "640 m"],
    [mark("1", "silent"), "9 min"],
    [mark("1", "fine"), ""],
  ])("says how it is", (vehicle, value) => {
    expect(namePlate(vehicle, words, 9.6 * 60_000)).toMatchObject({ name: "Van 1", value });
  });
});

describe("the stops of a route", () => {
  const route: MapRoute = {
    route_id: "r",
    points: Array.from({ length: 11 }, (_, i) => [0, i / 100] as const),
    stops: [0, 3, 7, 10].map((i) => ({ lat: 0, lng: i / 100, name: null })),
    fraction: 0.5,
    preview: false,
  };
  const plates = (change: Partial<MapRoute>) => stopMarks({ ...route, ...change }).map(({ plate }) => plate);

  it("are checked when past, numbered when ahead, and end in a pin", () => {
    expect(plates({})).toEqual([
      { kind: "stop", number: 0, past: true },
      { kind: "stop", number: 1, past: true },
      { kind: "stop", number: 2, past: false },
      { kind: "end" },
    ]);
  });

  it("are all ahead while the route is being chosen", () => {
    expect(plates({ preview: true })).toEqual([
      { kind: "start" },
      { kind: "stop", number: 1, past: false },
      { kind: "stop", number: 2, past: false },
      { kind: "end" },
    ]);
  });
});
