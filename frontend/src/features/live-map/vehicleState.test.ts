import { describe, expect, it } from "vitest";
import type { LiveTrip, LiveVehicle } from "../../api";
import { vehicleState } from "./vehicleState";

const NOW = 1_800_000_000_000;
const vehicle: LiveVehicle = {
  vehicle_id: "v1",
  name: "Van 12",
  trip_id: "t1",
  lat: -34.9,
  lng: -56.16,
  heading: 90,
  speed: 9,
  recorded_ms: NOW - 1000,
};
const trip: LiveTrip = {
  trip_id: "t1",
  vehicle_id: "v1",
  vehicle_name: "Van 12",
  route_id: "r1",
  route_name: "Ciudad Vieja › La Blanqueada",
  from_name: "Ciudad Vieja",
  to_name: "La Blanqueada",
  status: "underway",
  simulated: true,
  started_ms: NOW - 600_000,
  ended_ms: null,
  promised_ms: NOW + 600_000,
  fraction: 0.5,
  remaining: 3000,
  arrival_ms: NOW + 500_000,
  arrival_earliest_ms: NOW + 400_000,
  arrival_latest_ms: NOW + 700_000,
  delay: 0,
  off_route: null,
};

const state = (vehicleChange: Partial<LiveVehicle>, tripChange: Partial<LiveTrip> = {}, silence_ms = 1000) =>
  vehicleState({ ...vehicle, ...vehicleChange }, { ...trip, ...tripChange }, NOW, NOW - silence_ms);

describe("shape says motion", () => {
  it("moves above 3 km/h and stands below", () => {
    expect(state({ speed: 0.9 }).motion).toBe("moving");
    expect(state({ speed: 0.8 }).motion).toBe("stopped");
  });

  it("moves when the speed is unknown", () => {
    expect(state({ speed: null }).motion).toBe("moving");
  });

  it("is silent after two minutes, whatever its speed was", () => {
    expect(state({}, {}, 120_000).motion).toBe("moving");
    expect(state({}, {}, 120_001).motion).toBe("silent");
  });

  it("counts from the position's own time when nothing else was heard", () => {
    const old = { ...vehicle, recorded_ms: NOW - 130_000 };
    expect(vehicleState(old, trip, NOW, null).motion).toBe("silent");
  });
});

describe("fill says what needs attention", () => {
  it("is fine on time and a little late", () => {
    expect(state({}, { delay: 300 }).attention).toBe("fine");
  });

  it("is late from more than five minutes", () => {
    expect(state({}, { delay: 301 }).attention).toBe("late");
  });

  it("is off the route whatever else holds", () => {
    expect(state({}, { delay: 900, off_route: 640 }, 300_000)).toEqual({ motion: "silent", attention: "off" });
  });

  it("is late before it is silent", () => {
    expect(state({}, { delay: 900 }, 300_000).attention).toBe("late");
  });

  it("is silent when nothing else holds", () => {
    expect(state({}, {}, 300_000).attention).toBe("silent");
  });

  it("is fine without a trip that is underway: a parked vehicle may be silent", () => {
    expect(vehicleState(vehicle, undefined, NOW, NOW - 900_000).attention).toBe("fine");
    expect(state({}, { status: "finished", delay: 900 }).attention).toBe("fine");
  });

  it("judges a trip whose vehicle is out of the watched box", () => {
    expect(vehicleState(undefined, { ...trip, delay: 900 }, NOW, NOW)).toEqual({ motion: "moving", attention: "late" });
  });
});
