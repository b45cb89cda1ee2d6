import { describe, expect, it } from "vitest";

import { aTrip, aVehicle, NOW } from "../../api/fixtures";
import type { LiveTrip, LiveVehicle } from "../../api";
import { collectRows, compareRows, countFleet, findRow, matches, nextAttention, type Filter } from "./rows";

const MINUTE = 60_000;

/** A live picture of these records, all heard of at their `recorded_ms`. */
function pictureOf(vehicles: readonly LiveVehicle[], trips: readonly LiveTrip[]) {
  const byId = new Map(vehicles.map((vehicle) => [vehicle.vehicle_id, vehicle]));
  return {
    vehicles: byId,
    trips: new Map(trips.map((trip) => [trip.trip_id, trip])),
    now: () => NOW,
    heardMs: (id: string) => byId.get(id)?.recorded_ms ?? null,
    tripOf: (id: string) =>
      trips.find((trip) => trip.vehicle_id === id && ["underway", "planned"].includes(trip.status)),
  };
}

const trip = (n: string, part: Partial<LiveTrip> = {}) =>
  aTrip({ trip_id: `t-${n}`, vehicle_id: n, vehicle_name: n, ...part });
const vehicle = (n: string, part: Partial<LiveVehicle> = {}) =>
  aVehicle({ vehicle_id: n, name: n, trip_id: `t-${n}`, ...part });

const fleet = pictureOf(
  [
    vehicle("fine"),
    vehicle("late", { speed: 0 }),
    vehicle("later"),
    vehicle("off"),
    vehicle("silent", { recorded_ms: NOW - 9 * MINUTE }),
    vehicle("parked", { trip_id: null, recorded_ms: NOW - 9 * MINUTE }),
    vehicle("phone", { trip_id: null }),
  ],
  [
    trip("fine"),
    trip("late", { delay: 400 }),
    trip("later", { delay: 1500 }),
    trip("off", { off_route: 640 }),
    trip("silent"),
    trip("next", { status: "planned" }),
    trip("done", { status: "finished", ended_ms: NOW - MINUTE }),
    trip("just-done", { status: "finished", ended_ms: NOW }),
    trip("called-off", { status: "cancelled", ended_ms: NOW - 2 * MINUTE }),
  ],
);

const names = (list: "underway" | "planned" | "finished") =>
  collectRows(fleet, list)
    .sort(compareRows)
    .map((row) => row.name);

describe("the lists", () => {
  it("put off route before late, the latest first, then silent, then who is on time, then who has no trip", () => {
    expect(names("underway")).toEqual(["off", "later", "late", "silent", "fine", "phone"]);
  });

  it("hold what is planned, and what ended, last ended first", () => {
    expect(names("planned")).toEqual(["next"]);
    expect(names("finished")).toEqual(["just-done", "done", "called-off"]);
  });

  it("leave out a vehicle that is parked in silence", () => {
    expect(names("underway")).not.toContain("parked");
  });

  it("order neighbours of the same minute by name, with numbers as numbers", () => {
    const trips = ["Van 10", "Van 9", "Van 2"].map((name, i) => trip(name, { delay: 62 + i }));
    const rows = collectRows(pictureOf([], trips), "underway").sort(compareRows);
    expect(rows.map((row) => row.name)).toEqual(["Van 2", "Van 9", "Van 10"]);
  });
});

describe("search and counters", () => {
  const row = findRow(
    pictureOf([], [trip("Van 12", { route_name: "Circular", from_name: "Unión", to_name: "Cordón", delay: 660 })]),
    { kind: "trip", id: "t-Van 12" },
  );
  const passes = (query: string, only: Filter["only"] = null) =>
    row !== null && matches(row, { list: "underway", query, only });

  it.each(["van", "VAN 12", "union", "cordón 12", "circ", "  "])("finds %o, without minding accents", (query) => {
    expect(passes(query)).toBe(true);
  });

  it.each(["van 13", "unión moto"])("does not find %o", (query) => {
    expect(passes(query)).toBe(false);
  });

  it("keeps only the states whose counters are pressed", () => {
    expect([passes("", new Set(["late", "off"])), passes("", new Set(["silent"]))]).toEqual([true, false]);
  });
});

describe("the counters", () => {
  it("count each underway trip once, by what matters most", () => {
    expect(countFleet(fleet)).toEqual({ off: 1, late: 2, silent: 1, fine: 1, underway: 5, planned: 1, vehicles: 7 });
  });
});

describe("next that needs attention", () => {
  it("walks the group from the worst, round and round", () => {
    const walked = [];
    let at = nextAttention(fleet, null);
    for (let i = 0; i < 5; i++) {
      walked.push(at?.id);
      at = nextAttention(fleet, at);
    }
    expect(walked).toEqual(["t-off", "t-later", "t-late", "t-silent", "t-off"]);
  });

  it("is nothing when all is well", () => {
    expect(nextAttention(pictureOf([], [trip("fine")]), null)).toBeNull();
  });
});

describe("a choice", () => {
  it("of a vehicle on a trip is that trip's row", () => {
    expect(findRow(fleet, { kind: "vehicle", id: "fine" })?.key).toBe("trip:t-fine");
    expect(findRow(fleet, { kind: "vehicle", id: "phone" })?.key).toBe("vehicle:phone");
  });

  it("of something unknown is nothing", () => {
    expect(findRow(fleet, { kind: "trip", id: "no" })).toBeNull();
    expect(findRow(fleet, { kind: "vehicle", id: "no" })).toBeNull();
  });
});
