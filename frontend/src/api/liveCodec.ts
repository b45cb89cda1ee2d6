/** The live socket's two subprotocols as one pair of functions: frames from what came, and a watch as what is sent. */
import { decode, encode } from "@msgpack/msgpack";

import type { Ages, Counts, LiveTrip, LiveVehicle, Notice, Reset, Update, Watch } from "./types";

export const MSGPACK = "trackway.v1.msgpack";
export const JSON_TEXT = "trackway.v1.json";

export type Frame = Reset | Update | Notice;

/** Raised for a frame that is none of the protocol's. */
export class UnreadableFrame extends Error {}

// The fields of each record in the order of docs/protocol.md, which is the order of the MessagePack arrays.
const VEHICLE = ["vehicle_id", "name", "trip_id", "lat", "lng", "heading", "speed", "recorded_ms"] as const;
const TRIP = [
  "trip_id",
  "vehicle_id",
  "vehicle_name",
  "route_id",
  "route_name",
  "from_name",
  "to_name",
  "status",
  "simulated",
  "started_ms",
  "ended_ms",
  "promised_ms",
  "fraction",
  "remaining",
  "arrival_ms",
  "arrival_earliest_ms",
  "arrival_latest_ms",
  "delay",
  "off_route",
] as const;
const COUNTS = ["planned", "underway", "finished_today", "cancelled_today"] as const;

/** Fails to compile when a field of the record is not in the order above. */
type Complete<Item, Fields extends readonly (keyof Item)[]> =
  Exclude<keyof Item, Fields[number]> extends never ? Fields : never;

const ORDER: {
  readonly vehicle: Complete<LiveVehicle, typeof VEHICLE>;
  readonly trip: Complete<LiveTrip, typeof TRIP>;
  readonly counts: Complete<Counts, typeof COUNTS>;
} = { vehicle: VEHICLE, trip: TRIP, counts: COUNTS };

/** The record of an array in the given order; one that is an object already stays as it is. */
function record(fields: readonly string[], value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const values: readonly unknown[] = value;
  return Object.fromEntries(fields.map((field, index) => [field, values[index] ?? null]));
}

function records(fields: readonly string[], value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new UnreadableFrame("records are not an array");
  return value.map((item) => record(fields, item));
}

function fromArray(frame: readonly unknown[]): Record<string, unknown> {
  const [kind] = frame;
  if (kind === "notice") return { kind, code: frame[1], message: frame[2] };
  const [, epoch, offset, now_ms, vehicles, trips, counts, gone] = frame;
  return { kind, epoch, offset, now_ms, vehicles, trips, counts, gone };
}

/** The frame in a socket message: text is JSON, bytes are MessagePack. Raises UnreadableFrame. */
export function readFrame(message: string | ArrayBuffer): Frame {
  let value: unknown;
  try {
    value = typeof message === "string" ? JSON.parse(message) : decode(new Uint8Array(message));
  } catch (error) {
    throw new UnreadableFrame(String(error));
  }
  if (typeof value !== "object" || value === null) throw new UnreadableFrame("frame is not an object");
  const frame = Array.isArray(value) ? fromArray(value) : (value as Record<string, unknown>);
  const { kind, epoch, offset, now_ms, counts } = frame;
  if (kind === "notice") return { kind, code: String(frame.code), message: String(frame.message) };
  if (kind !== "reset" && kind !== "update") throw new UnreadableFrame(`unknown kind ${String(kind)}`);
  if (typeof epoch !== "string" || typeof offset !== "number" || typeof now_ms !== "number") {
    throw new UnreadableFrame("epoch, offset or now_ms is missing");
  }
  return {
    kind,
    epoch,
    offset,
    now_ms,
    vehicles: records(ORDER.vehicle, frame.vehicles),
    trips: records(ORDER.trip, frame.trips),
    counts: counts == null ? null : record(ORDER.counts, counts),
    gone: frame.gone ?? [],
  } as Reset | Update;
}

/** A report of ages as the subprotocol wants it. */
export function writeAges(ages: Ages, protocol: string): string | Uint8Array<ArrayBuffer> {
  return protocol === MSGPACK ? encode([ages.kind, ages.ages_ms]) : JSON.stringify(ages);
}

/** A watch as the subprotocol wants it. */
export function writeWatch(watch: Watch, protocol: string): string | Uint8Array<ArrayBuffer> {
  if (protocol !== MSGPACK) return JSON.stringify(watch);
  const resume = watch.resume && [watch.resume.epoch, watch.resume.offset];
  return encode([watch.kind, watch.box, watch.zoom, watch.vehicles, watch.trip, resume]);
}
