/** Lets vehicles glide: where a vehicle is drawn between the position it was drawn at and the newest one. Pure. */
import { STOPPED_MPS } from "./vehicleState";

/** A reported place. */
export interface Fix {
  readonly lat: number;
  readonly lng: number;
  /** Degrees clockwise from north; null: unknown. */
  readonly heading: number | null;
  /** Metres per second; null: unknown. */
  readonly speed: number | null;
  readonly recorded_ms: number;
}

/** A drawn place. */
export interface Pose {
  lat: number;
  lng: number;
  /** Degrees clockwise from north, 0 to 360. */
  heading: number;
}

/** One movement along a straight line, in the frame clock's milliseconds. */
export interface Glide {
  readonly from: Readonly<Pose>;
  readonly to: Readonly<Pose>;
  readonly start_ms: number;
  readonly duration_ms: number;
  readonly recorded_ms: number;
}

/** A glide never lasts longer, so that a vehicle is at most this far behind its newest position. */
export const LONGEST_GLIDE_MS = 3000;
/** After silence of this length the way between is unknown: the vehicle is put where it is. */
export const LONGEST_GAP_MS = 15_000;
// A little longer than the interval, so that a position that comes a little late finds the vehicle still moving.
const SLACK = 1.15;
// A turn is done in the first part of the way.
const TURN_SHARE = 0.5;
// Shorter movements do not tell a direction.
const DIRECTION_M = 3;
const METRES_PER_DEGREE = 111_195;

/**
 * The glide to a new position: from where the vehicle is drawn now, over about the interval between the two positions.
 *
 * An older or repeated position changes nothing. The first one, and one after a long gap, is shown at once.
 * @param previous the glide until now, null for a new vehicle
 * @param now_ms frame clock
 * @param still reduced motion: steps instead of gliding
 */
export function glideTo(previous: Glide | null, fix: Fix, now_ms: number, still = false): Glide {
  if (previous !== null && fix.recorded_ms <= previous.recorded_ms) return previous;
  const interval = previous === null ? Infinity : fix.recorded_ms - previous.recorded_ms;
  const to: Pose = { lat: fix.lat, lng: fix.lng, heading: headingOf(previous, fix) };
  const drawn = { ...to };
  const jump = still || previous === null || interval > LONGEST_GAP_MS;
  if (!jump) poseAt(previous, now_ms, drawn);
  return {
    from: drawn,
    to,
    start_ms: now_ms,
    duration_ms: jump ? 0 : Math.min(interval * SLACK, LONGEST_GLIDE_MS),
    recorded_ms: fix.recorded_ms,
  };
}

/** The longest wait between two frames while something moves, however slowly. */
export const SLOWEST_FRAME_MS = 50;
const STEP_PX = 0.25;

/**
 * How long the next frame may wait so that nothing jumps more than a quarter of a pixel: a vehicle in a city seen from
 * far moves a pixel a second, and drawing it sixty times would only burn the machine.
 * @param fastest px per millisecond
 */
export function frameSpacing(fastest: number): number {
  return fastest <= 0 ? SLOWEST_FRAME_MS : Math.min(SLOWEST_FRAME_MS, STEP_PX / fastest);
}

/** Speed of a glide in degrees of latitude per millisecond; 0 when it is over. */
export function glideSpeed({ from, to, start_ms, duration_ms }: Glide, now_ms: number): number {
  if (duration_ms <= 0 || now_ms >= start_ms + duration_ms) return 0;
  const east = (to.lng - from.lng) * Math.cos((to.lat * Math.PI) / 180);
  return Math.hypot(to.lat - from.lat, east) / duration_ms;
}

/**
 * Writes the place at a time into `out`.
 * @returns whether the vehicle still moves after it
 */
export function poseAt(glide: Glide, now_ms: number, out: Pose): boolean {
  const { from, to } = glide;
  const t = glide.duration_ms <= 0 ? 1 : Math.min(1, Math.max(0, (now_ms - glide.start_ms) / glide.duration_ms));
  out.lat = from.lat + (to.lat - from.lat) * t;
  out.lng = from.lng + (to.lng - from.lng) * t;
  out.heading = turn(from.heading, to.heading, Math.min(1, t / TURN_SHARE));
  return t < 1;
}

/** A heading between two, turning the short way; `share` 0 to 1. */
export function turn(from: number, to: number, share: number): number {
  const difference = ((((to - from) % 360) + 540) % 360) - 180;
  return (((from + difference * share) % 360) + 360) % 360;
}

/** The reported heading; when slow, the last one; when none is reported, the direction of the way. */
function headingOf(previous: Glide | null, fix: Fix): number {
  const last = previous?.to.heading;
  const slow = fix.speed !== null && fix.speed < STOPPED_MPS;
  if (slow && last !== undefined) return last;
  if (fix.heading !== null) return fix.heading;
  return (previous === null ? null : direction(previous.to, fix)) ?? last ?? 0;
}

function direction(from: Readonly<Pose>, to: Fix): number | null {
  const north = (to.lat - from.lat) * METRES_PER_DEGREE;
  const east = (to.lng - from.lng) * METRES_PER_DEGREE * Math.cos((to.lat * Math.PI) / 180);
  if (Math.hypot(north, east) < DIRECTION_M) return null;
  return ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360;
}
