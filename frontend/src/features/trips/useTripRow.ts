/** The chosen trip as a row: from the live picture, or from the archive when it is too old to be in it. */
import {
  getRoute,
  getTrip,
  liveStore,
  liveTripOf,
  useLive,
  useResource,
  type ApiError,
  type LiveTrip,
} from "../../api";
import { vehicleState } from "../live-map";
import { findRow, keyOf, type Row, type Selection } from "./rows";

export interface ChosenTrip {
  readonly row: Row | null;
  /** A vehicle that the live picture does not know (yet); a trip is asked for in the archive instead. */
  readonly unheard: boolean;
  /** The archive was asked and did not know it, or did not answer. */
  readonly error: ApiError | null;
  readonly reload: () => void;
}

async function fromArchive(trip_id: string, signal: AbortSignal): Promise<LiveTrip> {
  const view = await getTrip(trip_id, signal);
  const route = await getRoute(view.trip.route_id).catch(() => null);
  return liveTripOf(view, route);
}

function archivedRow(trip: LiveTrip): Row {
  const selection: Selection = { kind: "trip", id: trip.trip_id };
  return {
    key: keyOf(selection),
    selection,
    trip,
    vehicle: undefined,
    vehicle_id: trip.vehicle_id,
    name: trip.vehicle_name,
    state: vehicleState(undefined, trip, liveStore.now(), null),
    heard_s: null,
    group: trip.status === "planned" ? "planned" : trip.status === "underway" ? "fine" : "finished",
  };
}

export function useTripRow(selection: Selection): ChosenTrip {
  const live = useLive();
  const row = live.version >= 0 ? findRow(liveStore, selection) : null;
  const missing = live.ready && row === null && selection.kind === "trip";
  const unheard = live.ready && row === null && selection.kind === "vehicle";
  const archive = useResource(missing ? selection.id : null, (signal) => fromArchive(selection.id, signal));
  if (row) return { row, unheard, error: null, reload: archive.reload };
  return { row: archive.data && archivedRow(archive.data), unheard, error: archive.error, reload: archive.reload };
}
