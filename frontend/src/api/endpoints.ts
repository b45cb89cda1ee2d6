/** Every HTTP address that the page uses, as a function with its types. */
import { request } from "./client";
import type {
  CloudEvent,
  DeadLetterList,
  Found,
  LiveTrip,
  Operations,
  Route,
  RouteSummary,
  StartTrip,
  Trip,
  TripView,
} from "./types";

const id = encodeURIComponent;

export const getRoutes = async (signal?: AbortSignal): Promise<RouteSummary[]> =>
  (await request<{ routes: RouteSummary[] }>("/v1/routes", withSignal(signal))).routes;

const routes = new Map<string, Promise<Route>>();

/** A route with its path; kept, since routes never change. */
export function getRoute(route_id: string): Promise<Route> {
  const kept = routes.get(route_id);
  if (kept) return kept;
  const asked = request<Route>(`/v1/routes/${id(route_id)}`);
  routes.set(route_id, asked);
  asked.catch(() => routes.delete(route_id));
  return asked;
}

/** Start a trip; the same `idempotencyKey` again gives the trip of the first time. */
export const startTrip = (trip: StartTrip, idempotencyKey: string): Promise<Trip> =>
  request<Trip>("/v1/trips", { method: "POST", body: trip, headers: { "idempotency-key": idempotencyKey } });

export const cancelTrip = (trip_id: string): Promise<Trip> =>
  request<Trip>(`/v1/trips/${id(trip_id)}/cancel`, { method: "POST", body: {} });

export const getTrip = (trip_id: string, signal?: AbortSignal): Promise<TripView> =>
  request<TripView>(`/v1/trips/${id(trip_id)}`, withSignal(signal));

export const getTripEvents = async (trip_id: string, signal?: AbortSignal): Promise<CloudEvent[]> =>
  (await request<{ events: CloudEvent[] }>(`/v1/trips/${id(trip_id)}/events`, withSignal(signal))).events;

export const getOperations = (signal?: AbortSignal): Promise<Operations> =>
  request<Operations>("/v1/operations", withSignal(signal));

export const getDeadLetters = (limit: number, signal?: AbortSignal): Promise<DeadLetterList> =>
  request<DeadLetterList>(`/v1/dead-letters?limit=${limit}`, withSignal(signal));

/** `parameters` is a query string: q, near, since, limit. Refused with 404 where the server has no search. */
export const search = (parameters: string, signal?: AbortSignal): Promise<Found> =>
  request<Found>(`/v1/search?${parameters}`, withSignal(signal));

export const replayDeadLetter = (letter_id: string): Promise<void> =>
  request(`/v1/dead-letters/${id(letter_id)}/replay`, { method: "POST", body: {} });

export const dropDeadLetter = (letter_id: string): Promise<void> =>
  request(`/v1/dead-letters/${id(letter_id)}`, { method: "DELETE" });

function withSignal(signal: AbortSignal | undefined) {
  return signal ? { signal } : {};
}

const ms = (time: string | null | undefined): number | null => (time == null ? null : Date.parse(time));

/** A trip as it is stored, in the shape of the live ones: for those too old to be in the live picture. */
export function liveTripOf({ trip, progress }: TripView, route: Route | null): LiveTrip {
  const { trip_id, vehicle_id, vehicle_name, route_id, status, simulated } = trip;
  const finished = status === "finished";
  return {
    trip_id,
    vehicle_id,
    vehicle_name,
    route_id,
    ...namesOf(route),
    status,
    simulated,
    started_ms: ms(trip.started_at),
    ended_ms: ms(trip.ended_at),
    promised_ms: ms(trip.promised_at),
    ...progressOf(progress),
    ...(finished ? { fraction: 1, remaining: 0 } : {}),
  };
}

function namesOf(route: Route | null): Pick<LiveTrip, "route_name" | "from_name" | "to_name"> {
  return {
    route_name: route?.name ?? "",
    from_name: route?.stops.at(0)?.name ?? "",
    to_name: route?.stops.at(-1)?.name ?? "",
  };
}

type Progress = Pick<
  LiveTrip,
  "fraction" | "remaining" | "arrival_ms" | "arrival_earliest_ms" | "arrival_latest_ms" | "delay" | "off_route"
>;

function progressOf(progress: TripView["progress"]): Progress {
  const nothing = {
    arrival_ms: null,
    arrival_earliest_ms: null,
    arrival_latest_ms: null,
    delay: null,
    off_route: null,
  };
  if (!progress) return { fraction: 0, remaining: null, ...nothing };
  return {
    fraction: progress.fraction,
    remaining: progress.remaining,
    arrival_ms: ms(progress.arrival_at),
    arrival_earliest_ms: ms(progress.arrival_earliest_at),
    arrival_latest_ms: ms(progress.arrival_latest_at),
    delay: progress.delay,
    off_route: progress.off_route ?? null,
  };
}
