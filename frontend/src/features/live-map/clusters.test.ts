import { describe, expect, it } from "vitest";
import { gather } from "./clusters";
import type { Mark } from "./fleet";
import { glideTo } from "./motion";
import type { Attention } from "./vehicleState";

function mark(vehicle_id: string, lng: number, attention: Attention = "fine"): Mark {
  const vehicle = {
    vehicle_id,
    name: vehicle_id,
    trip_id: null,
    lat: -34.9,
    lng,
    heading: 0,
    speed: 9,
    recorded_ms: 0,
  };
  const state = { motion: "moving", attention } as const;
  return {
    ...{ vehicle_id, vehicle, state, trip: undefined, sprite: "dart-plain" },
    ...{ glide: glideTo(null, vehicle, 0), lat: -34.9, lng, heading: 0 },
  };
}

const close = [mark("a", -56.16), mark("b", -56.1601), mark("c", -56.1602, "late")];
const far = mark("d", -56.4);

describe("vehicles at far zooms", () => {
  it("stand for themselves from zoom 12 on", () => {
    expect(gather([...close, far], 12, null)).toEqual({ clusters: [], singles: [...close, far] });
  });

  it("are gathered below, with the count and the share that needs attention", () => {
    const { clusters } = gather([...close, far], 10.5, null);
    expect(clusters).toHaveLength(1);
    expect(clusters[0]).toMatchObject({ count: 3, attention: 1 });
  });

  it("are never swallowed when they need attention, are selected, or stand alone", () => {
    const { singles } = gather([...close, far], 10.5, "a");
    expect(singles.map((m) => m.vehicle_id)).toEqual(["a", "c", "d"]);
  });

  it("leave no ring where every one of them is drawn anyway", () => {
    const late = [mark("a", -56.16, "late"), mark("b", -56.1601, "off")];
    expect(gather(late, 10.5, null).clusters).toEqual([]);
  });
});
