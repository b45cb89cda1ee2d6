/** What the live page can do: every choice as a change of its address. */
import { useCallback, useMemo } from "react";

import { liveStore } from "../api";
import type { Attention, MapCamera } from "../features/live-map";
import type { ListName, Selection, TripTab } from "../features/trips";
import type { LiveAddress } from "./address";
import { useAddress } from "./useAddress";

export interface PageActions {
  readonly select: (selection: Selection | null) => void;
  /** A click on the map: the vehicle's trip, or the vehicle itself when it is on none. */
  readonly selectVehicle: (vehicle_id: string | null) => void;
  readonly follow: (on: boolean) => void;
  readonly openStart: () => void;
  /** The panel shows the trip just started; the list shows where it will be. */
  readonly started: (trip_id: string) => void;
  readonly closePanel: () => void;
  readonly setList: (list: ListName) => void;
  readonly setOnly: (only: ReadonlySet<Attention> | null) => void;
  readonly setQuery: (query: string) => void;
  readonly clearFilters: () => void;
  readonly setTab: (tab: TripTab) => void;
  readonly setCamera: (at: MapCamera) => void;
}

export function usePage(): readonly [LiveAddress, PageActions] {
  const [address, go] = useAddress();
  const { start } = address;
  const closePanel = useCallback(() => {
    go(start ? { start: false } : { selection: null, follow: false }, "push");
  }, [go, start]);

  const stable = useMemo(() => {
    const select = (selection: Selection | null) => go({ selection, start: false, follow: false }, "push");
    return {
      select,
      selectVehicle: (vehicle_id: string | null) => {
        const trip = vehicle_id === null ? undefined : liveStore.tripOf(vehicle_id);
        if (vehicle_id === null) select(null);
        else select(trip ? { kind: "trip", id: trip.trip_id } : { kind: "vehicle", id: vehicle_id });
      },
      follow: (on: boolean) => go({ follow: on }, "replace"),
      openStart: () => go({ start: true }, "push"),
      started: (trip_id: string) =>
        go({ selection: { kind: "trip", id: trip_id }, start: false, list: "underway", query: "", only: null }, "push"),
      setList: (list: ListName) => go({ list }, "push"),
      setOnly: (only: ReadonlySet<Attention> | null) => go({ only, list: "underway" }, "push"),
      setQuery: (query: string) => go({ query }, "replace"),
      clearFilters: () => go({ query: "", only: null }, "push"),
      setTab: (tab: TripTab) => go({ tab }, "push"),
      setCamera: (at: MapCamera) => go({ at }, "replace"),
    };
  }, [go]);
  const actions = useMemo(() => ({ ...stable, closePanel }), [stable, closePanel]);
  return [address, actions];
}
