/** Records for tests, whole by default. */
import type { Counts, LiveTrip, LiveVehicle, Reset, Update } from "./types";

export const NOW = Date.UTC(2026, 4, 3, 14, 6, 20);

export const aVehicle = (part: Partial<LiveVehicle> = {}): LiveVehicle => ({
  vehicle_id: "v1",
  name: "Van 12",
  trip_id: "t1",
  lat: -34.9,
  lng: -56.16,
  heading: 90,
  speed: 9,
  recorded_ms: NOW,
  ...part,
});

export const aTrip = (part: Partial<LiveTrip> = {}): LiveTrip => ({
  trip_id: "t1",
  vehicle_id: "v1",
  vehicle_name: "Van 12",
  route_id: "r1",
  route_name: "Centro",
  from_name: "Ciudad Vieja",
  to_name: "La Blanqueada",
  status: "underway",
  simulated: true,
  started_ms: NOW - 1_200_000,
  ended_ms: null,
  promised_ms: NOW + 1_800_000,
  fraction: 0.5,
  remaining: 3300,
  arrival_ms: NOW + 1_860_000,
  arrival_earliest_ms: NOW + 1_700_000,
  arrival_latest_ms: NOW + 2_100_000,
  delay: 60,
  off_route: null,
  ...part,
});

export const someCounts: Counts = { planned: 0, underway: 1, finished_today: 3, cancelled_today: 0 };

export const aReset = (part: Partial<Reset> = {}): Reset => ({
  kind: "reset",
  epoch: "e1",
  offset: 10,
  now_ms: NOW,
  vehicles: [aVehicle()],
  trips: [aTrip()],
  counts: someCounts,
  ...part,
});

export const anUpdate = (part: Partial<Update> = {}): Update => ({
  kind: "update",
  epoch: "e1",
  offset: 11,
  now_ms: NOW + 1000,
  vehicles: [],
  trips: [],
  counts: null,
  gone: [],
  ...part,
});
