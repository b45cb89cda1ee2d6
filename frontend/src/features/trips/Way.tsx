/** How far the trip has come: distance, stops and speed, and the way as a bar with its stops. */
import { Check } from "lucide-react";

import type { Route } from "../../api";
import { useReading, VehicleGlyph } from "../../ui";
import type { Row } from "./rows";
import styles from "./TripPanel.module.css";

export interface WayProps {
  readonly row: Row;
  readonly route: Route | null;
}

export function Way({ row, route }: WayProps) {
  const { trip } = row;
  return (
    <div className={styles.way}>
      {trip ? (
        <>
          <p className={styles.wayText}>
            <Driven fraction={trip.fraction} route={route} />
            <StopsDone fraction={trip.fraction} route={route} />
            <Speed row={row} />
          </p>
          <Bar row={row} route={route} />
        </>
      ) : (
        <Parked row={row} />
      )}
    </div>
  );
}

interface PartProps {
  readonly fraction: number;
  readonly route: Route | null;
}

function Driven({ fraction, route }: PartProps) {
  const { words, format } = useReading();
  if (route === null) {
    return (
      <span>
        <b>{format.percent(fraction)}</b> {words.trip.percent}
      </span>
    );
  }
  return (
    <span>
      <b>{format.kilometres(fraction * route.length)}</b> {words.trip.of} {format.kilometres(route.length)} km
    </span>
  );
}

function StopsDone({ fraction, route }: PartProps) {
  const { words, format } = useReading();
  const between = route?.stops.slice(1, -1) ?? [];
  if (route === null || between.length === 0) return null;
  const done = between.filter((stop) => stop.distance <= fraction * route.length).length;
  return <span>{words.trip.stopsDone(format.integer(done), format.integer(between.length), between.length)}</span>;
}

function Speed({ row }: { readonly row: Row }) {
  const { format } = useReading();
  const speed = row.vehicle?.speed ?? null;
  const known = row.trip?.status === "underway" && row.state.motion !== "silent";
  return speed !== null && known ? <b>{format.speed(speed)}</b> : null;
}

/** A vehicle without a trip: where it was, and when. */
function Parked({ row }: { readonly row: Row }) {
  const { words, format } = useReading();
  const { vehicle, heard_s } = row;
  return (
    <>
      <p>{words.trip.vehicleWithoutTrip}</p>
      {vehicle && (
        <dl className={styles.facts}>
          <dt>{words.trip.lastPosition}</dt>
          <dd>
            {format.degrees(vehicle.lat)}, {format.degrees(vehicle.lng)}
          </dd>
          {vehicle.speed !== null && <dd>{format.speed(vehicle.speed)}</dd>}
          {heard_s !== null && <dd>{format.ago(heard_s)}</dd>}
        </dl>
      )}
    </>
  );
}

function Bar({ row, route }: WayProps) {
  const { words, format } = useReading();
  const { trip, state } = row;
  if (!trip) return null;
  const percent = trip.fraction * 100;
  const length = route?.length ?? 0;
  const stops = length > 0 ? (route?.stops ?? []) : [];
  return (
    <div
      className={styles.bar}
      role="progressbar"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(percent)}
      aria-label={words.trip.progress(format.percent(trip.fraction))}
    >
      <span className={styles.driven} style={{ width: `${percent}%` }} />
      <span className={styles.ahead} style={{ left: `${percent}%` }} />
      {stops.map((stop, index) => {
        const at = Math.min(1, stop.distance / length);
        const past = at <= trip.fraction;
        const last = index === stops.length - 1;
        return (
          <span
            key={index}
            className={styles.stop}
            data-past={past || undefined}
            style={{ left: `${at * 100}%` }}
            title={stop.name ?? ""}
          >
            {past ? <Check size={10} strokeWidth={3.5} /> : last || index === 0 ? "" : index}
          </span>
        );
      })}
      {trip.status === "underway" && (
        <span className={styles.vehicle} style={{ left: `${percent}%` }}>
          <VehicleGlyph {...state} heading={90} size={30} />
        </span>
      )}
    </div>
  );
}
