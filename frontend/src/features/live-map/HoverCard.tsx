/** The card beside the vehicle under the pointer: name, state, speed, arrival, when it was last heard of. */
import { type RefObject } from "react";
import { useLive, type LiveStore } from "../../api";
import type { MapWords } from "./props";
import { vehicleState } from "./vehicleState";

interface HoverCardProps {
  readonly store: LiveStore;
  readonly vehicleId: string;
  readonly words: MapWords;
  /** The engine moves this element with the vehicle, each frame. */
  readonly place: RefObject<HTMLDivElement | null>;
}

export function HoverCard({ store, vehicleId, words, place }: HoverCardProps) {
  useLive(); // a few times a second: the numbers below change
  const vehicle = store.vehicles.get(vehicleId);
  if (vehicle === undefined) return null;
  const trip = store.tripOf(vehicleId);
  const heard = store.heardMs(vehicleId) ?? vehicle.recorded_ms;
  const { motion } = vehicleState(vehicle, trip, store.now(), heard);
  const seconds = Math.max(0, Math.round((store.now() - heard) / 1000));
  const arrival = trip?.arrival_ms ?? null;
  return (
    <div ref={place} className="tw-map-card" data-testid="map-card">
      <strong>{vehicle.name}</strong>
      <span>
        {vehicle.speed !== null && motion !== "silent" ? `${words.speed(vehicle.speed)} · ` : ""}
        {words.lastSeen(seconds)}
      </span>
      {arrival === null ? null : <span>{words.arrival(arrival, motion === "silent")}</span>}
    </div>
  );
}
