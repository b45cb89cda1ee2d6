import { describe, expect, it } from "vitest";

import { aReset, aTrip, aVehicle, anUpdate, NOW } from "./fixtures";
import { LiveState, type Box } from "./liveState";

const started = (): LiveState => {
  const state = new LiveState();
  state.apply(aReset(), NOW);
  return state;
};

describe("the live state", () => {
  it("is replaced by a reset and changed by an update", () => {
    const state = started();
    state.apply(anUpdate({ vehicles: [aVehicle({ vehicle_id: "v2", trip_id: null })] }), NOW + 1000);
    expect([...state.vehicles.keys()]).toEqual(["v1", "v2"]);
    state.apply(aReset({ epoch: "e2", offset: 0, vehicles: [], trips: [] }), NOW + 2000);
    expect([state.vehicles.size, state.trips.size]).toEqual([0, 0]);
    expect(state.cursor).toEqual({ epoch: "e2", offset: 0 });
  });

  it("refuses an update of another life of the gateway, and one before any reset", () => {
    expect(started().apply(anUpdate({ epoch: "e2" }), NOW)).toBeNull();
    expect(new LiveState().apply(anUpdate(), NOW)).toBeNull();
  });

  it("keeps the counts until new ones come", () => {
    const state = started();
    state.apply(anUpdate({ counts: null }), NOW);
    expect(state.counts?.finished_today).toBe(3);
  });

  it("knows a vehicle's open trip, and that it has none when the trip is over", () => {
    const state = started();
    expect(state.tripOf("v1")?.trip_id).toBe("t1");
    state.apply(anUpdate({ trips: [aTrip({ trip_id: "t2" })] }), NOW);
    state.apply(anUpdate({ trips: [aTrip({ status: "finished" })] }), NOW);
    expect(state.tripOf("v1")?.trip_id).toBe("t2");
    state.apply(anUpdate({ trips: [aTrip({ trip_id: "t2", status: "finished" })] }), NOW);
    expect(state.tripOf("v1")).toBeUndefined();
  });

  it("forgets who left the live view", () => {
    const state = started();
    const change = state.apply(anUpdate({ gone: ["v1"] }), NOW);
    expect(change?.gone).toEqual(["v1"]);
    expect([state.vehicles.has("v1"), state.heardMs("v1")]).toEqual([false, null]);
  });

  it("tells the gateway's time by the frame that came quickest", () => {
    const state = new LiveState();
    state.apply(aReset({ now_ms: NOW }), NOW + 5080);
    state.apply(anUpdate({ now_ms: NOW + 1000 }), NOW + 6010);
    state.apply(anUpdate({ now_ms: NOW + 2000 }), NOW + 7300);
    expect(state.serverTime(NOW + 8010)).toBe(NOW + 3000);
  });
});

describe("a watched box", () => {
  const box: Box = [-35, -57, -34, -56];
  const nobody = new Set<string>();

  it("forgets who is outside, and keeps who is named", () => {
    const state = started();
    state.apply(
      anUpdate({ vehicles: [aVehicle({ vehicle_id: "far", lat: -33 }), aVehicle({ vehicle_id: "named", lat: -33 })] }),
      NOW,
    );
    expect(state.watch(box, new Set(["named"]))).toBe(true);
    expect([...state.vehicles.keys()]).toEqual(["v1", "named"]);
    expect(state.watch(box, new Set(["named"]))).toBe(false);
  });

  it("lets a vehicle go with its first place outside, but remembers that it was heard", () => {
    const state = started();
    state.watch(box, nobody);
    state.apply(anUpdate({ vehicles: [aVehicle({ lat: -33, recorded_ms: NOW + 900 })] }), NOW + 1000);
    expect(state.vehicles.has("v1")).toBe(false);
    expect(state.heardMs("v1")).toBe(NOW + 900);
    expect(state.fleetSize).toBe(1);
  });

  it("takes the progress of a trip for a sign of life of a vehicle out of sight", () => {
    const state = started();
    state.watch(box, nobody);
    state.apply(anUpdate({ now_ms: NOW + 60_000, trips: [aTrip({ arrival_ms: NOW + 1_900_000 })] }), NOW + 60_000);
    expect(state.heardMs("v1")).toBe(NOW + 60_000);
    state.apply(anUpdate({ now_ms: NOW + 90_000, trips: [aTrip({ arrival_ms: NOW + 1_900_000 })] }), NOW + 90_000);
    expect(state.heardMs("v1")).toBe(NOW + 60_000);
  });
});

describe("ages of positions", () => {
  const at = (ms: number) => anUpdate({ now_ms: ms, vehicles: [aVehicle({ recorded_ms: ms - 80 })] });

  it("are measured for what moves, not for what a reset or the answer to a watch brings", () => {
    const state = started();
    state.apply(at(NOW + 1000), NOW + 1000);
    state.expectAnswer();
    state.apply(at(NOW + 2000), NOW + 2000);
    state.apply(at(NOW + 3000), NOW + 3000);
    const summary = state.ages.summary(NOW + 3000, 10, 300);
    expect(summary.count).toBe(2);
    expect(summary.p50_ms).toBe(80);
    expect(summary.bins[8]).toBe(2);
  });
});
