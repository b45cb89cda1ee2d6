/** What crosses the wire, as TypeScript; the shapes of docs/protocol.md. */

export type TripStatus = "planned" | "underway" | "finished" | "cancelled";

export interface LiveVehicle {
  vehicle_id: string;
  name: string;
  trip_id: string | null;
  lat: number;
  lng: number;
  heading: number | null;
  speed: number | null;
  recorded_ms: number;
}

export interface LiveTrip {
  trip_id: string;
  vehicle_id: string;
  vehicle_name: string;
  route_id: string;
  route_name: string;
  from_name: string;
  to_name: string;
  status: TripStatus;
  simulated: boolean;
  started_ms: number | null;
  ended_ms: number | null;
  promised_ms: number | null;
  fraction: number;
  remaining: number | null;
  arrival_ms: number | null;
  arrival_earliest_ms: number | null;
  arrival_latest_ms: number | null;
  delay: number | null;
  off_route: number | null;
}

export interface Counts {
  planned: number;
  underway: number;
  finished_today: number;
  cancelled_today: number;
}

export interface Reset {
  kind: "reset";
  epoch: string;
  offset: number;
  now_ms: number;
  vehicles: LiveVehicle[];
  trips: LiveTrip[];
  counts: Counts;
}

export interface Update {
  kind: "update";
  epoch: string;
  offset: number;
  now_ms: number;
  vehicles: LiveVehicle[];
  trips: LiveTrip[];
  counts: Counts | null;
  gone: string[];
}

export interface Notice {
  kind: "notice";
  code: string;
  message: string;
}

export interface Resume {
  epoch: string;
  offset: number;
}

export interface Watch {
  kind: "watch";
  box: [number, number, number, number] | null;
  zoom: number | null;
  vehicles: string[];
  trip: string | null;
  resume: Resume | null;
}

/** A vertex of a route's path: latitude, longitude, metres from the start, free speed from here on (m/s). */
export type RoutePoint = [number, number, number, number];

export interface RouteStop {
  lat: number;
  lng: number;
  distance: number;
  dwell?: number;
  name?: string | null;
}

export interface Route {
  route_id: string;
  name: string;
  planned_at: string;
  path: RoutePoint[];
  stops: RouteStop[];
  length: number;
  expected_duration: number;
}

export interface RouteSummary {
  route_id: string;
  name: string;
  length: number;
  expected_duration: number;
  from_name: string | null;
  to_name: string | null;
  planned_at: string;
  bounds: [number, number, number, number];
}

export interface Trip {
  trip_id: string;
  vehicle_id: string;
  vehicle_name: string;
  route_id: string;
  status: TripStatus;
  simulated: boolean;
  speed: number;
  seed: number;
  planned_at: string;
  promised_at: string;
  started_at: string;
  ended_at?: string | null;
  reason?: string | null;
}

export interface TripProgressed {
  trip_id: string;
  vehicle_id: string;
  recorded_at: string;
  driven: number;
  remaining: number;
  fraction: number;
  arrival_at: string;
  arrival_earliest_at: string;
  arrival_latest_at: string;
  delay: number;
  off_route?: number | null;
}

export interface PositionRecorded {
  vehicle_id: string;
  lat: number;
  lng: number;
  recorded_at: string;
  received_at?: string | null;
  heading?: number | null;
  speed?: number | null;
  accuracy?: number | null;
  altitude?: number | null;
  trip_id?: string | null;
  seq?: number | null;
}

export interface TripView {
  trip: Trip;
  progress: TripProgressed | null;
  position: PositionRecorded | null;
}

export interface CloudEvent {
  specversion: string;
  id: string;
  source: string;
  type: string;
  subject?: string;
  time?: string;
  datacontenttype?: string;
  tenant?: string;
  partitionkey?: string;
  traceparent?: string;
  data?: unknown;
  [extension: string]: unknown;
}

export interface StartTrip {
  route_id: string;
  vehicle_id?: string;
  vehicle_name?: string;
  simulated?: boolean;
  speed?: number;
  seed?: number;
  promised_at?: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  field?: string | null;
}

export interface DeadLetter {
  letter_id: string;
  event: CloudEvent;
  failed_at: string;
  destination: string;
  code: number | null;
  reason: string;
}

export interface ServiceStatus {
  namespace: string;
  name: string;
  instances: number;
  starting: number;
  in_flight: number;
  requests_per_s: number;
  p99_ms: number | null;
  cold_starts: number[];
  cold_start_p50_ms: number | null;
  history: [number, number][];
}

export interface DeploymentStatus {
  namespace: string;
  name: string;
  running: number;
  restarts: number;
}

export interface BrokerStatus {
  namespace: string;
  name: string;
  events_per_s: number;
  events_total: number;
}

export interface TriggerStatus {
  namespace: string;
  name: string;
  broker: string;
  subscriber: string;
  filter: string;
  events_per_s: number;
  in_flight: number;
  backlog: number;
  dead_letters: number;
}

export interface SourceStatus {
  source: string;
  events_per_s: number;
}

export interface Operations {
  now_ms: number;
  started_ms: number;
  services: ServiceStatus[];
  deployments: DeploymentStatus[];
  brokers: BrokerStatus[];
  triggers: TriggerStatus[];
  sources: SourceStatus[];
  dead_letters: { total: number };
}
