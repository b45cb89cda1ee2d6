/** When the trip arrives: the time, its range, and the delay ruler with the promise. */
import { useRef } from "react";

import type { LiveTrip } from "../../api";
import { DelayRuler, rulerPlace, useReading, useWidth } from "../../ui";
import { LATE_S } from "../live-map";
import type { Row } from "./rows";
import { delayText, ends, timeText, uncertain } from "./texts";
import styles from "./TripPanel.module.css";

export interface ArrivalProps {
  readonly row: Row;
  readonly trip: LiveTrip;
  readonly offline: boolean;
}

export function Arrival({ row, trip, offline }: ArrivalProps) {
  const reading = useReading();
  const doubtful = uncertain(row, offline);
  return (
    <div className={styles.eta}>
      <p className={styles.label}>{useLabel(trip)}</p>
      <p className={styles.big}>
        <b data-testid="trip-arrival">{timeText(row, reading, doubtful)}</b>
        <Range trip={trip} />
      </p>
      {trip.status !== "cancelled" && trip.promised_ms !== null && (
        <Promise_ row={row} trip={trip} promised={trip.promised_ms} />
      )}
    </div>
  );
}

function useLabel(trip: LiveTrip): string {
  const reading = useReading();
  const { words } = reading;
  const [, to] = ends(trip, reading);
  if (trip.status === "finished") return words.trip.arrived(to);
  if (trip.status === "cancelled") return words.trip.cancelledAt;
  if (trip.status === "planned") return words.trip.waiting;
  return trip.arrival_ms === null ? words.trip.noArrival : words.trip.arrivesAt(to);
}

function Range({ trip }: { readonly trip: LiveTrip }) {
  const { words, format } = useReading();
  const { status, arrival_earliest_ms: earliest, arrival_latest_ms: latest } = trip;
  if (status !== "underway" || earliest === null || latest === null) return null;
  const [from, to] = [format.time(earliest), format.time(latest)];
  return from === to ? null : <span>{words.trip.between(from, to)}</span>;
}

interface PromiseProps {
  readonly row: Row;
  readonly trip: LiveTrip;
  readonly promised: number;
}

const LABEL_ROOM_PX = 78;

function Promise_({ row, trip, promised }: PromiseProps) {
  const reading = useReading();
  const { words, format } = reading;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const silent = row.state.attention === "silent";
  const late = trip.delay !== null && trip.delay > LATE_S && !silent;
  const zero = rulerPlace(0, width);
  // The delay's label keeps clear of the promise's and of the axis' end.
  const dot = Math.min(width - LABEL_ROOM_PX / 2, Math.max(zero + LABEL_ROOM_PX, rulerPlace(trip.delay ?? 0, width)));
  return (
    <div ref={box} className={styles.promise}>
      {width > 0 && (
        <>
          <DelayRuler
            width={width}
            height={26}
            large
            silent={silent}
            delay={trip.delay}
            earliest={trip.arrival_earliest_ms === null ? null : (trip.arrival_earliest_ms - promised) / 1000}
            latest={trip.arrival_latest_ms === null ? null : (trip.arrival_latest_ms - promised) / 1000}
          />
          <div className={styles.axis}>
            <i style={{ left: zero }}>{words.trip.promised(format.time(promised))}</i>
            {trip.delay !== null && (
              <i style={{ left: dot }} data-late={late || undefined}>
                {delayText(row, reading)}
              </i>
            )}
          </div>
        </>
      )}
    </div>
  );
}
