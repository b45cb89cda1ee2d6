/** What search finds beyond the list: trips of any day, and where vehicles were. Shown where the server has search. */
import Button from "@mui/material/Button";
import { MapPin } from "lucide-react";
import { useId, useState } from "react";

import type { Found, PositionFound, TripFound } from "../../api";
import { Pill, ProblemNote, useReading, type PillTone } from "../../ui";
import styles from "./HistorySearch.module.css";
import { AGES, parametersOf, sinceOf, type Age, type Place } from "./question";
import { useSearch } from "./useSearch";

export interface HistorySearchProps {
  /** What stands in the field above the list; nothing is shown while it is empty. */
  readonly query: string;
  /** Where the map looks. */
  readonly camera: Place | null;
  readonly onTrip: (trip_id: string) => void;
  readonly onVehicle: (vehicle_id: string) => void;
}

const TONES: Readonly<Record<TripFound["status"], PillTone>> = {
  planned: "quiet",
  underway: "accent",
  finished: "done",
  cancelled: "quiet",
};

export function HistorySearch({ query, camera, onTrip, onVehicle }: HistorySearchProps) {
  const { words, format } = useReading();
  const [here, setHere] = useState(false);
  const [{ age, since }, setAge] = useState<{ age: Age; since: number | null }>({ age: "ever", since: null });
  const title = useId();
  const choose = (chosen: Age) => setAge({ age: chosen, since: sinceOf(chosen, Date.now()) });
  const near = here ? camera : null;
  const narrowed = near !== null || since !== null;
  const widen = () => {
    setHere(false);
    choose("ever");
  };
  const found = useSearch(parametersOf({ query, near, since }));
  if (query.trim() === "" || found.available !== true) return null;
  return (
    <section className={styles.history} aria-labelledby={title} data-testid="history-search">
      <h2 id={title}>{words.search.title}</h2>
      <div className={styles.narrow} role="group" aria-label={words.search.narrow}>
        <button type="button" aria-pressed={here} disabled={camera === null} onClick={() => setHere(!here)}>
          <MapPin size={14} strokeWidth={1.75} aria-hidden="true" /> {words.search.here}
        </button>
        <label>
          <span className={styles.hidden}>{words.search.since}</span>
          <select value={age} onChange={(event) => choose(event.target.value as Age)}>
            {AGES.map((name) => (
              <option key={name} value={name}>
                {words.search.ages[name]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {found.error && <ProblemNote title={words.search.failed} failure={found.error} onRetry={found.reload} />}
      {found.data && isEmpty(found.data) && (
        <p className={styles.none}>
          {narrowed ? words.search.noneSo : words.search.none}
          {narrowed && (
            <Button variant="outlined" color="inherit" size="small" onClick={widen}>
              {words.search.everything}
            </Button>
          )}
        </p>
      )}
      {found.data && !isEmpty(found.data) && <Results found={found.data} onTrip={onTrip} onVehicle={onVehicle} />}
      <p className={styles.hidden} role="status">
        {found.data && words.search.count(found.data.trips.length, format.integer(found.data.positions_total))}
      </p>
    </section>
  );
}

const isEmpty = (found: Found): boolean => found.trips.length === 0 && found.positions.length === 0;

interface ResultsProps {
  readonly found: Found;
  readonly onTrip: (trip_id: string) => void;
  readonly onVehicle: (vehicle_id: string) => void;
}

function Results({ found, onTrip, onVehicle }: ResultsProps) {
  const { words, format } = useReading();
  // The newest trip's, which comes first.
  const names = new Map(found.trips.toReversed().map((trip) => [trip.vehicle_id, trip.vehicle_name]));
  return (
    <>
      <ul className={styles.rows}>
        {found.trips.map((trip) => (
          <li key={trip.trip_id}>
            <button type="button" onClick={() => onTrip(trip.trip_id)}>
              <b>{trip.vehicle_name ?? trip.vehicle_id}</b>
              <Pill tone={TONES[trip.status]}>{words.search.status[trip.status]}</Pill>
              <When time={trip.started_at ?? trip.latest} />
            </button>
          </li>
        ))}
      </ul>
      {found.positions.length > 0 && (
        <>
          <h3>
            {words.search.positions} <b>{format.integer(found.positions_total)}</b>
          </h3>
          <ul className={styles.rows}>
            {found.positions.map((position) => (
              <li key={position.vehicle_id}>
                <button
                  type="button"
                  onClick={() => (position.trip_id ? onTrip(position.trip_id) : onVehicle(position.vehicle_id))}
                >
                  <b>{names.get(position.vehicle_id) ?? position.vehicle_id}</b>
                  <span className={styles.place}>{placeOf(position, format)}</span>
                  <When time={position.recorded_at} />
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

type Formats = ReturnType<typeof useReading>["format"];

const placeOf = ({ lat, lng, distance }: PositionFound, format: Formats): string =>
  distance == null ? `${format.degrees(lat)} ${format.degrees(lng)}` : format.distance(distance);

/** The time of today, the date of another day. */
function When({ time }: { readonly time: string }) {
  const { format } = useReading();
  const at = new Date(time);
  const today = at.toDateString() === new Date().toDateString();
  return (
    <time dateTime={time} className={styles.when}>
      {today ? format.time(at.getTime()) : format.day(at.getTime())}
    </time>
  );
}
