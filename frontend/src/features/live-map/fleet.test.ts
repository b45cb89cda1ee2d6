import { describe, expect, it } from "vitest";
import type { LiveStore, LiveTrip, LiveVehicle } from "../../api";
import { Fleet, type FleetView } from "./fleet";

const NOW = 1_800_000_000_000;
const ALL: FleetView = { selected: null, only: null, offline: false };

function vehicle(vehicle_id: string, change: Partial<LiveVehicle> = {}): LiveVehicle {
  return {
    ...{ vehicle_id, name: vehicle_id, trip_id: `t-${vehicle_id}`, lat: -34.9, lng: -56.16 },
    ...{ heading: 90, speed: 10, recorded_ms: NOW },
    ...change,
  };
}

/** A live store whose vehicles all drive, unless said otherwise. */
class FakeStore {
  readonly vehicles = new Map<string, LiveVehicle>();
  readonly trips = new Map<string, Partial<LiveTrip> | null>();
  readonly heard = new Map<string, number>();
  now = () => NOW;
  heardMs = (id: string) => this.heard.get(id) ?? NOW;
  tripOf = (id: string) => {
    const trip = this.trips.get(id);
    return trip === null ? undefined : ({ status: "underway", delay: 0, off_route: null, ...trip } as LiveTrip);
  };
}

function fleetOf(...vehicles: LiveVehicle[]) {
  const store = new FakeStore();
  const fleet = new Fleet(store as unknown as LiveStore, () => false);
  const send = (sent: LiveVehicle, now_ms: number, kind: "reset" | "update" = "update") => {
    store.vehicles.set(sent.vehicle_id, sent);
    fleet.apply({ kind, vehicles: [sent], trips: [], gone: [], received_ms: NOW }, now_ms);
  };
  for (const one of vehicles) send(one, 0, "reset");
  return { store, fleet, send, drawn: () => fleet.drawn.map((mark) => mark.vehicle_id) };
}

describe("the fleet on the map", () => {
  it("draws what needs attention last, on top, and the selected one over all", () => {
    const { store, fleet, drawn } = fleetOf(vehicle("late"), vehicle("off"), vehicle("fine"), vehicle("silent"));
    store.trips.set("late", { delay: 600 });
    store.trips.set("off", { off_route: 700 });
    store.heard.set("silent", NOW - 300_000);
    fleet.refresh(ALL, 0);
    expect(drawn()).toEqual(["fine", "silent", "late", "off"]);
    fleet.refresh({ ...ALL, selected: "fine" }, 0);
    expect(drawn()).toEqual(["silent", "late", "off", "fine"]);
  });

  it("draws only the states asked for, and the selected one always", () => {
    const { store, fleet, drawn } = fleetOf(vehicle("late"), vehicle("fine"), vehicle("chosen"));
    store.trips.set("late", { delay: 600 });
    fleet.refresh({ ...ALL, only: new Set(["late"] as const), selected: "chosen" }, 0);
    expect(drawn()).toEqual(["late", "chosen"]);
  });

  it("leaves out a vehicle that is parked: no trip, and silent", () => {
    const { store, fleet, drawn } = fleetOf(vehicle("parked"), vehicle("resting"));
    store.trips.set("parked", null).set("resting", null);
    store.heard.set("parked", NOW - 300_000);
    fleet.refresh(ALL, 0);
    expect(drawn()).toEqual(["resting"]);
    expect(fleet.get("resting")?.sprite).toBe("dart-quiet");
  });

  it("forgets a vehicle that the store no longer has, and finds one it had before", () => {
    const { store, fleet, drawn } = fleetOf(vehicle("a"));
    store.vehicles.delete("a");
    store.vehicles.set("b", vehicle("b"));
    fleet.refresh(ALL, 0);
    expect(drawn()).toEqual(["b"]);
  });

  it("moves while a vehicle glides, and rests after it", () => {
    const { fleet, send } = fleetOf(vehicle("a"));
    fleet.refresh(ALL, 0);
    expect(fleet.advance(10)).toBe(false);
    send(vehicle("a", { lng: -56.15, recorded_ms: NOW + 1000 }), 1000);
    expect(fleet.advance(1500)).toBe(true);
    const mark = fleet.get("a");
    expect(mark?.lng).toBeGreaterThan(-56.16);
    expect(mark?.lng).toBeLessThan(-56.15);
    expect(fleet.fastest(1500)).toBeGreaterThan(0);
    expect(fleet.advance(5000)).toBe(false);
    expect(mark?.lng).toBe(-56.15);
    expect(fleet.fastest(5000)).toBe(0);
  });

  it("tells once which positions no frame has shown, but not those of a reset, which may be old", () => {
    const { fleet, send } = fleetOf(vehicle("a"));
    expect(fleet.takeUnseen()).toEqual([]);
    send(vehicle("a", { recorded_ms: NOW + 1000 }), 1000);
    expect(fleet.takeUnseen()).toEqual([NOW + 1000]);
    expect(fleet.takeUnseen()).toEqual([]);
  });

  it("turns the calm ones quiet when the page is offline", () => {
    const { fleet } = fleetOf(vehicle("a"));
    fleet.refresh(ALL, 0);
    const before = fleet.version;
    fleet.refresh({ ...ALL, offline: true }, 0);
    expect(fleet.get("a")?.sprite).toBe("dart-quiet");
    expect(fleet.version).toBeGreaterThan(before);
  });
});
