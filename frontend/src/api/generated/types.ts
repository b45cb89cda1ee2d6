/** Generated from schemas/page.json by make generate; not to be edited. */

/**
 * A vertex of a route's path: place, distance from the start along the path (m), and the street's free speed (m/s)
 *     from here to the next point. Travels as an array, since a path has hundreds.
 *
 * @minItems 4
 * @maxItems 4
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "RoutePoint".
 */
export type RoutePoint = [number, number, number, number];
/**
 * Where a trip is in its life: planned → underway → finished or cancelled.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "TripStatus".
 */
export type TripStatus = "cancelled" | "finished" | "planned" | "underway";

export interface Page {
  [k: string]: unknown;
}
/**
 * A path that trips can be driven along. The first and the last stop are its ends.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "RoutePlanned".
 */
export interface RoutePlanned {
  route_id: string;
  name: string;
  /**
   * RFC 3339, with its UTC offset
   */
  planned_at: string;
  path: RoutePoint[];
  stops: RouteStop[];
  /**
   * metres
   */
  length: number;
  /**
   * seconds
   */
  expected_duration: number;
}
/**
 * A place along the route where the vehicle halts for ``dwell`` seconds; ``distance`` is metres from the start.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "RouteStop".
 */
export interface RouteStop {
  /**
   * degrees, WGS 84
   */
  lat: number;
  /**
   * degrees, WGS 84
   */
  lng: number;
  /**
   * metres
   */
  distance: number;
  /**
   * seconds
   */
  dwell?: number;
  name?: string | null;
}
/**
 * A vehicle sets out along a route. ``promised_at`` is the arrival that delay is measured against.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "TripStarted".
 */
export interface TripStarted {
  trip_id: string;
  vehicle_id: string;
  vehicle_name: string;
  route_id: string;
  /**
   * RFC 3339, with its UTC offset
   */
  started_at: string;
  /**
   * RFC 3339, with its UTC offset
   */
  promised_at: string;
  simulated: boolean;
  /**
   * how many times faster than real time a simulated trip is driven
   */
  speed?: number;
  /**
   * of the simulation's randomness
   */
  seed?: number;
}
/**
 * How far a trip has come and when it will arrive, as computed from the position of ``recorded_at``.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "TripProgressed".
 */
export interface TripProgressed {
  trip_id: string;
  vehicle_id: string;
  /**
   * RFC 3339, with its UTC offset
   */
  recorded_at: string;
  /**
   * metres
   */
  driven: number;
  /**
   * metres
   */
  remaining: number;
  fraction: number;
  /**
   * RFC 3339, with its UTC offset
   */
  arrival_at: string;
  /**
   * RFC 3339, with its UTC offset
   */
  arrival_earliest_at: string;
  /**
   * RFC 3339, with its UTC offset
   */
  arrival_latest_at: string;
  /**
   * seconds against the promise; negative is early
   */
  delay: number;
  off_route?: number | null;
}
/**
 * The expected arrival has fallen behind the promise by more than the tolerance.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "TripDelayed".
 */
export interface TripDelayed {
  trip_id: string;
  vehicle_id: string;
  /**
   * RFC 3339, with its UTC offset
   */
  recorded_at: string;
  /**
   * RFC 3339, with its UTC offset
   */
  arrival_at: string;
  /**
   * seconds
   */
  delay: number;
}
/**
 * The vehicle is farther from its route than allowed.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "TripDeviated".
 */
export interface TripDeviated {
  trip_id: string;
  vehicle_id: string;
  /**
   * RFC 3339, with its UTC offset
   */
  recorded_at: string;
  /**
   * degrees, WGS 84
   */
  lat: number;
  /**
   * degrees, WGS 84
   */
  lng: number;
  /**
   * metres
   */
  off_route: number;
}
/**
 * The vehicle is back on its route.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "TripRejoined".
 */
export interface TripRejoined {
  trip_id: string;
  vehicle_id: string;
  /**
   * RFC 3339, with its UTC offset
   */
  recorded_at: string;
  /**
   * degrees, WGS 84
   */
  lat: number;
  /**
   * degrees, WGS 84
   */
  lng: number;
}
/**
 * The vehicle has arrived at the end of its route.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "TripFinished".
 */
export interface TripFinished {
  trip_id: string;
  vehicle_id: string;
  /**
   * RFC 3339, with its UTC offset
   */
  finished_at: string;
}
/**
 * Somebody called the trip off.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "TripCancelled".
 */
export interface TripCancelled {
  trip_id: string;
  vehicle_id: string;
  /**
   * RFC 3339, with its UTC offset
   */
  cancelled_at: string;
  reason?: string | null;
}
/**
 * A vehicle was at (lat, lng) at ``recorded_at``, by its own clock; that time orders positions, not their arrival.
 *
 *     ``trip_id`` and ``seq`` (0, 1, 2, …) are given by the simulation; a device does not know its trip.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "PositionRecorded".
 */
export interface PositionRecorded {
  vehicle_id: string;
  /**
   * degrees, WGS 84
   */
  lat: number;
  /**
   * degrees, WGS 84
   */
  lng: number;
  /**
   * RFC 3339, with its UTC offset
   */
  recorded_at: string;
  received_at?: string | null;
  heading?: number | null;
  speed?: number | null;
  accuracy?: number | null;
  altitude?: number | null;
  trip_id?: string | null;
  seq?: number | null;
}
/**
 * The vehicle was outside the fence before ``recorded_at`` and inside it then.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "GeofenceEntered".
 */
export interface GeofenceEntered {
  geofence_id: string;
  geofence_name: string;
  vehicle_id: string;
  trip_id?: string | null;
  /**
   * RFC 3339, with its UTC offset
   */
  recorded_at: string;
  /**
   * degrees, WGS 84
   */
  lat: number;
  /**
   * degrees, WGS 84
   */
  lng: number;
}
/**
 * The vehicle was inside the fence before ``recorded_at`` and outside it then.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "GeofenceExited".
 */
export interface GeofenceExited {
  geofence_id: string;
  geofence_name: string;
  vehicle_id: string;
  trip_id?: string | null;
  /**
   * RFC 3339, with its UTC offset
   */
  recorded_at: string;
  /**
   * degrees, WGS 84
   */
  lat: number;
  /**
   * degrees, WGS 84
   */
  lng: number;
}
/**
 * ``attempts`` posts of the event ``event_id`` to a webhook failed, the last one for ``reason``.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "NotificationFailed".
 */
export interface NotificationFailed {
  webhook_id: string;
  event_id: string;
  /**
   * RFC 3339, with its UTC offset
   */
  failed_at: string;
  attempts: number;
  reason: string;
}
/**
 * All simulated vehicles of ``shard`` have been driven until ``until``; whoever gets this drives the next slice.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "SimulationAdvanced".
 */
export interface SimulationAdvanced {
  shard: number;
  /**
   * RFC 3339, with its UTC offset
   */
  until: string;
}
/**
 * Where a vehicle was last, and the open trip it is on, if any. Degrees WGS 84, heading clockwise from north,
 *     m/s.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "LiveVehicle".
 */
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
/**
 * A trip with what is known of it now. ``fraction`` is 0 to 1, ``remaining`` and ``off_route`` are metres,
 *     ``delay`` is seconds against the promise (negative is early), and names ending in ``_ms`` are milliseconds since
 *     1970.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "LiveTrip".
 */
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
/**
 * How many trips are open, and how many ended today.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "Counts".
 */
export interface Counts {
  planned: number;
  underway: number;
  finished_today: number;
  cancelled_today: number;
}
/**
 * Everything: all vehicles that are watched, all open trips, and the last that ended today.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "Reset".
 */
export interface Reset {
  kind: "reset";
  epoch: string;
  offset: number;
  now_ms: number;
  vehicles: LiveVehicle[];
  trips: LiveTrip[];
  counts: Counts;
}
/**
 * What changed since the frame before; ``counts`` is null when they did not, ``gone`` are vehicles to forget.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "Update".
 */
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
/**
 * Something the person should know; ``code`` is for programs, ``message`` for people.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "Notice".
 */
export interface Notice {
  kind: "notice";
  code: string;
  message: string;
}
/**
 * The last frame that a client had before it came back.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "Resume".
 */
export interface Resume {
  epoch: string;
  offset: number;
}
/**
 * What a client wants to see: the vehicles in ``box`` (null: everywhere), and those named, wherever they are.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "Watch".
 */
export interface Watch {
  kind: "watch";
  box?: [number, number, number, number] | null;
  zoom?: number | null;
  vehicles?: string[];
  trip?: string | null;
  resume?: Resume | null;
}
/**
 * How old a sample of the positions was that came since the last report, each when its frame was there: the age is
 *     the gateway's time less ``recorded_ms``.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "Ages".
 */
export interface Ages {
  kind: "ages";
  ages_ms: number[];
}
/**
 * All routes by name, without their paths.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "RouteList".
 */
export interface RouteList {
  routes: RouteSummary[];
}
/**
 * A route without its path. ``bounds`` is (south, west, north, east).
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "RouteSummary".
 */
export interface RouteSummary {
  route_id: string;
  name: string;
  length: number;
  expected_duration: number;
  from_name: string | null;
  to_name: string | null;
  planned_at: string;
  /**
   * @minItems 4
   * @maxItems 4
   */
  bounds: [number, number, number, number];
}
/**
 * Trips, newest first; ``next`` is the cursor of the next page, or null on the last.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "TripList".
 */
export interface TripList {
  trips: TripView[];
  next: string | null;
}
/**
 * A trip with what is known of it now: the newest progress, and the newest position: its vehicle's while the trip
 *     is open (also one from before the trip), and the last that belongs to the trip (``Trip.holds``) when it is over.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "TripView".
 */
export interface TripView {
  trip: Trip;
  progress?: TripProgressed | null;
  position?: PositionRecorded | null;
}
/**
 * One drive of one vehicle along one route. ``ended_at`` is when it was finished or cancelled, ``reason`` why it
 *     was cancelled; ``speed`` is the time-lapse factor of a simulated trip.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "Trip".
 */
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
/**
 * A trip's positions by ``recorded_at``.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "PositionList".
 */
export interface PositionList {
  positions: PositionRecorded[];
}
/**
 * Every vehicle where it was last, by id.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "VehicleList".
 */
export interface VehicleList {
  vehicles: LiveVehicle[];
}
/**
 * The vehicles near a place, nearest first.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "NearVehicleList".
 */
export interface NearVehicleList {
  vehicles: NearVehicle[];
}
/**
 * A vehicle, and how many metres it is from the place that was asked for.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "NearVehicle".
 */
export interface NearVehicle {
  distance: number;
  vehicle: LiveVehicle;
}
/**
 * A trip's facts but its positions, newest first.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "EventList".
 */
export interface EventList {
  events: CloudEvent[];
}
/**
 * An event in the structured form of CloudEvents 1.0; extensions stand beside the attributes.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "CloudEvent".
 */
export interface CloudEvent {
  specversion: string;
  id: string;
  source: string;
  type: string;
  subject?: string | null;
  time?: string | null;
  datacontenttype?: string | null;
  tenant?: string | null;
  partitionkey?: string | null;
  traceparent?: string | null;
  data?: {
    [k: string]: unknown;
  };
  data_base64?: string | null;
}
/**
 * The newest dead letters, and how many there are in all.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "DeadLetterList".
 */
export interface DeadLetterList {
  dead_letters: DeadLetterView[];
  total: number;
}
/**
 * An event that nobody could handle, where it failed, when and why.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "DeadLetterView".
 */
export interface DeadLetterView {
  letter_id: string;
  event: CloudEvent;
  failed_at: string;
  destination: string;
  code: number | null;
  reason: string;
}
/**
 * The runtime at work, as it tells itself.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "Operations".
 */
export interface Operations {
  now_ms: number;
  started_ms: number;
  services: ServiceStatus[];
  deployments: DeploymentStatus[];
  brokers: BrokerStatus[];
  triggers: TriggerStatus[];
  sources: SourceStatus[];
  dead_letters: DeadLetterStatus;
}
/**
 * A function: its instances now, its starts from zero and its scale over the last 15 minutes ([ms since 1970,
 *     instances]).
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "ServiceStatus".
 */
export interface ServiceStatus {
  namespace: string;
  name: string;
  instances: number;
  starting: number;
  in_flight: number;
  requests_per_s: number;
  p99_ms: number | null;
  /**
   * Items: milliseconds
   */
  cold_starts: number[];
  cold_start_p50_ms: number | null;
  history: [number, number][];
  problem?: string | null;
}
/**
 * A process that always runs, and why it cannot start, if so.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "DeploymentStatus".
 */
export interface DeploymentStatus {
  namespace: string;
  name: string;
  running: boolean;
  restarts: number;
  problem?: string | null;
}
/**
 * A broker and what goes through it.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "BrokerStatus".
 */
export interface BrokerStatus {
  namespace: string;
  name: string;
  events_per_s: number;
  events_total: number;
}
/**
 * A trigger: which events it sends to whom, and how many wait.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "TriggerStatus".
 */
export interface TriggerStatus {
  namespace: string;
  name: string;
  broker: string;
  subscriber: string;
  filter: string;
  events_per_s: number;
  events_total?: number;
  in_flight: number;
  backlog: number;
  dead_letters: number;
}
/**
 * Who sends events, by the attribute ``source``.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "SourceStatus".
 */
export interface SourceStatus {
  source: string;
  events_per_s: number;
}
/**
 * How many events went to dead letters.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "DeadLetterStatus".
 */
export interface DeadLetterStatus {
  total: number;
}
/**
 * Trips by when they were last heard of, newest first; of positions one per vehicle, also newest first, and how
 *     many match in all.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "Found".
 */
export interface Found {
  trips: TripFound[];
  positions: PositionFound[];
  positions_total: number;
}
/**
 * A trip: ``latest`` is when something of it was last heard, ``delay`` its last known one in seconds.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "TripFound".
 */
export interface TripFound {
  trip_id: string;
  vehicle_id: string;
  status: TripStatus;
  latest: string;
  vehicle_name?: string | null;
  route_id?: string | null;
  started_at?: string | null;
  ended_at?: string | null;
  delay?: number | null;
}
/**
 * The newest position of a vehicle that matches; ``distance`` is metres from the middle of the circle.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "PositionFound".
 */
export interface PositionFound {
  vehicle_id: string;
  lat: number;
  lng: number;
  recorded_at: string;
  trip_id?: string | null;
  speed?: number | null;
  distance?: number | null;
}
/**
 * RFC 9457 problem; ``field`` names the one field that is to blame, as ``stops[1].lat``.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "Problem".
 */
export interface Problem {
  type?: string;
  title: string;
  status: number;
  detail: string;
  field?: string | null;
}
/**
 * A trip to start. Without ``vehicle_id`` a simulated vehicle is made up; ``speed`` is its time-lapse factor.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "StartTrip".
 */
export interface StartTrip {
  route_id: string;
  vehicle_id?: string | null;
  vehicle_name?: string | null;
  simulated?: boolean;
  /**
   * how many times faster than real time a simulated trip is driven
   */
  speed?: number;
  seed?: number | null;
  promised_at?: string | null;
}
/**
 * Why a trip is called off.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "CancelTrip".
 */
export interface CancelTrip {
  reason?: string | null;
}
/**
 * A position as plain JSON; ``id`` is the vehicle's. Without ``recorded_at`` it was recorded now.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "Fix".
 */
export interface Fix {
  id: string;
  /**
   * degrees, WGS 84
   */
  lat: number;
  /**
   * degrees, WGS 84
   */
  lng: number;
  recorded_at?: string | null;
  speed?: number | null;
  heading?: number | null;
  accuracy?: number | null;
  altitude?: number | null;
}
/**
 * A position as OsmAnd and Traccar Client send it: ``timestamp`` in s or ms since 1970 or ISO 8601, ``speed`` in
 *     knots; a negative speed, bearing or accuracy says that the phone does not know.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "OsmAndFix".
 */
export interface OsmAndFix {
  id: string;
  /**
   * degrees, WGS 84
   */
  lat: number;
  /**
   * degrees, WGS 84
   */
  lon: number;
  timestamp?: string | null;
  speed?: number | null;
  bearing?: number | null;
  accuracy?: number | null;
  altitude?: number | null;
}
/**
 * A route to plan: ``stops`` are connected over the streets, ``points`` are the line itself; one of the two.
 *     Without ``name`` it is named after its ends.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "RouteDraft".
 */
export interface RouteDraft {
  name?: string | null;
  stops?: DraftStop[] | null;
  points?: DraftPoint[] | null;
}
/**
 * Where the vehicle halts, for ``dwell`` seconds.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "DraftStop".
 */
export interface DraftStop {
  /**
   * degrees, WGS 84
   */
  lat: number;
  /**
   * degrees, WGS 84
   */
  lng: number;
  name?: string | null;
  /**
   * seconds
   */
  dwell?: number;
}
/**
 * A place of a drawn line.
 *
 * This interface was referenced by `Page`'s JSON-Schema
 * via the `definition` "DraftPoint".
 */
export interface DraftPoint {
  /**
   * degrees, WGS 84
   */
  lat: number;
  /**
   * degrees, WGS 84
   */
  lng: number;
}
