/** Which trips a list shows, in which groups and order: pure functions of the live picture. */
import type { LiveStore, LiveTrip, LiveVehicle } from "../../api";
import { delayMinutes } from "../../ui";
import { vehicleState, type Attention, type VehicleState } from "../live-map";

export type ListName = "underway" | "planned" | "finished";
export type GroupName = "attention" | "fine" | "free" | "planned" | "finished";

/** What is chosen: a trip, or a vehicle that is on none. */
export interface Selection {
  readonly kind: "trip" | "vehicle";
  readonly id: string;
}

export interface Row {
  /** Stable and unique: the selection as text. */
  readonly key: string;
  readonly selection: Selection;
  readonly trip: LiveTrip | null;
  readonly vehicle: LiveVehicle | undefined;
  readonly vehicle_id: string;
  readonly name: string;
  readonly state: VehicleState;
  /** Seconds since the vehicle was heard of; null when it never was. */
  readonly heard_s: number | null;
  readonly group: GroupName;
}

export interface Filter {
  readonly list: ListName;
  readonly query: string;
  readonly only: ReadonlySet<Attention> | null;
}

type Picture = Pick<LiveStore, "vehicles" | "trips" | "now" | "heardMs" | "tripOf">;

export const keyOf = ({ kind, id }: Selection): string => `${kind}:${id}`;

function groupOf(trip: LiveTrip | null, attention: Attention): GroupName {
  if (trip === null) return "free";
  if (trip.status === "planned") return "planned";
  if (trip.status !== "underway") return "finished";
  return attention === "fine" ? "fine" : "attention";
}

function rowOf(picture: Picture, trip: LiveTrip | null, vehicle: LiveVehicle | undefined, now: number): Row | null {
  const vehicle_id = trip?.vehicle_id ?? vehicle?.vehicle_id;
  if (vehicle_id === undefined) return null;
  const heard_ms = picture.heardMs(vehicle_id);
  const state = vehicleState(vehicle, trip ?? undefined, now, heard_ms);
  const selection: Selection = trip ? { kind: "trip", id: trip.trip_id } : { kind: "vehicle", id: vehicle_id };
  return {
    key: keyOf(selection),
    selection,
    trip,
    vehicle,
    vehicle_id,
    name: trip?.vehicle_name ?? vehicle?.name ?? vehicle_id,
    state,
    heard_s: heard_ms === null ? null : Math.max(0, (now - heard_ms) / 1000),
    group: groupOf(trip, state.attention),
  };
}

/** The row of a selection, whatever list it is in; null when nothing of that name is known. */
export function findRow(picture: Picture, { kind, id }: Selection): Row | null {
  const now = picture.now();
  if (kind === "vehicle") {
    const vehicle = picture.vehicles.get(id);
    return vehicle ? rowOf(picture, picture.tripOf(id) ?? null, vehicle, now) : null;
  }
  const trip = picture.trips.get(id);
  return trip ? rowOf(picture, trip, picture.vehicles.get(trip.vehicle_id), now) : null;
}

const LIST_OF: Readonly<Record<GroupName, ListName>> = {
  attention: "underway",
  fine: "underway",
  free: "underway",
  planned: "planned",
  finished: "finished",
};

/** All rows of a list, unfiltered and unordered. A vehicle without a trip stands under "underway" while it is heard of. */
export function collectRows(picture: Picture, list: ListName): Row[] {
  const now = picture.now();
  const rows: Row[] = [];
  for (const trip of picture.trips.values()) {
    const row = rowOf(picture, trip, picture.vehicles.get(trip.vehicle_id), now);
    if (row && LIST_OF[row.group] === list) rows.push(row);
  }
  if (list !== "underway") return rows;
  for (const vehicle of picture.vehicles.values()) {
    if (picture.tripOf(vehicle.vehicle_id) || vehicle.trip_id !== null) continue;
    const row = rowOf(picture, null, vehicle, now);
    if (row && row.state.motion !== "silent") rows.push(row);
  }
  return rows;
}

const plain = (text: string): string => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/**
 * Whether a row passes the search and the counters. Every word of the search stands somewhere in the vehicle's name, the
 * route's or its ends, or begins the vehicle's id; accents do not matter.
 */
export function matches({ name, vehicle_id, trip, state, group }: Row, { query, only }: Filter): boolean {
  if (only !== null && (group === "free" || !only.has(state.attention))) return false;
  const asked = plain(query).split(/\s+/).filter(Boolean);
  if (asked.length === 0) return true;
  const text = plain([name, trip?.route_name, trip?.from_name, trip?.to_name].join(" "));
  return asked.every((word) => text.includes(word) || plain(vehicle_id).startsWith(word));
}

const GROUP_RANK: Readonly<Record<GroupName, number>> = { attention: 0, fine: 1, free: 2, planned: 3, finished: 4 };
const ATTENTION_RANK: Readonly<Record<Attention, number>> = { off: 0, late: 1, silent: 2, fine: 3 };

/** Groups in their order; within: off route, then late by minutes, then silent; the ended ones newest first. */
export function compareRows(a: Row, b: Row): number {
  return (
    GROUP_RANK[a.group] - GROUP_RANK[b.group] ||
    ATTENTION_RANK[a.state.attention] - ATTENTION_RANK[b.state.attention] ||
    (b.trip?.ended_ms ?? 0) - (a.trip?.ended_ms ?? 0) ||
    wholeMinutes(b) - wholeMinutes(a) ||
    a.name.localeCompare(b.name, undefined, { numeric: true }) ||
    (a.key < b.key ? -1 : 1)
  );
}

// By the minutes that are shown, so that seconds of difference do not shuffle neighbours.
const wholeMinutes = ({ trip }: Row): number => delayMinutes(trip?.delay ?? 0);

export interface FleetCounts {
  readonly off: number;
  readonly late: number;
  readonly silent: number;
  readonly fine: number;
  readonly underway: number;
  readonly planned: number;
  readonly vehicles: number;
}

/** How many underway trips are in which state, and what else the counters say. */
export function countFleet(picture: Picture): FleetCounts {
  const now = picture.now();
  const counts = { off: 0, late: 0, silent: 0, fine: 0, underway: 0, planned: 0, vehicles: picture.vehicles.size };
  for (const trip of picture.trips.values()) {
    if (trip.status === "planned") counts.planned += 1;
    if (trip.status !== "underway") continue;
    counts.underway += 1;
    const vehicle = picture.vehicles.get(trip.vehicle_id);
    counts[vehicleState(vehicle, trip, now, picture.heardMs(trip.vehicle_id)).attention] += 1;
  }
  return counts;
}

/** The one after `current` among those that need attention, worst first, round and round; null when there is none. */
export function nextAttention(picture: Picture, current: Selection | null): Selection | null {
  const rows = collectRows(picture, "underway")
    .filter((row) => row.group === "attention")
    .sort(compareRows);
  const at = current === null ? -1 : rows.findIndex((row) => row.key === keyOf(current));
  return rows[(at + 1) % Math.max(1, rows.length)]?.selection ?? null;
}
