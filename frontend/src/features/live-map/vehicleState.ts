/** Decides how a vehicle is shown: its shape by its motion, its fill by what needs attention. */
import type { LiveTrip, LiveVehicle } from "../../api";

export type Motion = "moving" | "stopped" | "silent";
export type Attention = "off" | "late" | "silent" | "fine";

export interface VehicleState {
  readonly motion: Motion;
  /** What decides the fill when several hold: off route, then late, then silent. */
  readonly attention: Attention;
}

/** Late from this delay on, seconds against the promise. */
export const LATE_S = 300;
/** Silent when nothing was heard for this long. */
export const SILENT_MS = 120_000;
/** Below 3 km/h a vehicle counts as stopped. */
export const STOPPED_MPS = 3 / 3.6;

/**
 * The state of a vehicle now.
 *
 * Silence is only worth attention during a trip: a vehicle without one is parked.
 * @param vehicle its last position; undefined when it is out of the watched box
 * @param trip its underway trip, if any
 * @param now_ms the gateway's clock
 * @param heard_ms when it last gave a sign of life; null: never, then the position's own time counts
 */
export function vehicleState(
  vehicle: LiveVehicle | undefined,
  trip: LiveTrip | undefined,
  now_ms: number,
  heard_ms: number | null,
): VehicleState {
  const heard = heard_ms ?? vehicle?.recorded_ms ?? null;
  const silent = heard !== null && now_ms - heard > SILENT_MS;
  return { motion: motionOf(vehicle, silent), attention: attentionOf(trip, silent) };
}

function motionOf(vehicle: LiveVehicle | undefined, silent: boolean): Motion {
  if (silent) return "silent";
  const speed = vehicle?.speed ?? null;
  return speed !== null && speed < STOPPED_MPS ? "stopped" : "moving";
}

function attentionOf(trip: LiveTrip | undefined, silent: boolean): Attention {
  if (trip?.status !== "underway") return "fine";
  if (trip.off_route !== null) return "off";
  if (trip.delay !== null && trip.delay > LATE_S) return "late";
  return silent ? "silent" : "fine";
}
