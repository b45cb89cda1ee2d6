/** What happened on the trip, newest first; an entry opens in place to the event behind it. */
import Skeleton from "@mui/material/Skeleton";
import { useState } from "react";

import type { CloudEvent } from "../../api";
import { EmptyState, RawEvent, useReading } from "../../ui";
import type { Row } from "./rows";
import { entriesOf, type Entry } from "./timeline";
import styles from "./Timeline.module.css";

export interface TimelineProps {
  readonly row: Row;
  readonly events: readonly CloudEvent[] | null;
}

export function Timeline({ row, events }: TimelineProps) {
  const reading = useReading();
  if (events === null) return <Loading />;
  const entries = entriesOf(events, reading);
  const { words, format } = reading;
  const underway = row.trip?.status === "underway" && row.vehicle;
  if (entries.length === 0 && !underway) return <EmptyState title={words.trip.noEvents} text={words.trip.waiting} />;
  return (
    <ol className={styles.timeline}>
      {underway && (
        <li className={styles.entry} data-kind="now">
          <time>{format.time(underway.recorded_ms)}</time>
          <i />
          <div>
            <b>{words.happened.now[row.state.motion]}</b>
            <span>
              {words.happened.speed(
                underway.speed === null ? words.map.speedUnknown : format.speed(underway.speed),
                format.ago(row.heard_s ?? 0),
              )}
            </span>
          </div>
        </li>
      )}
      {entries.map((entry) => (
        <TimelineEntry key={entry.key} entry={entry} />
      ))}
    </ol>
  );
}

function TimelineEntry({ entry }: { readonly entry: Entry }) {
  const { format } = useReading();
  const [open, setOpen] = useState(false);
  return (
    <li className={styles.entry} data-kind={entry.kind}>
      <time dateTime={new Date(entry.time_ms).toISOString()}>{format.time(entry.time_ms)}</time>
      <i />
      <div>
        <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
          <b>{entry.title}</b>
          {entry.detail && <span>{entry.detail}</span>}
        </button>
        {open && <RawEvent event={entry.events[0]} />}
      </div>
    </li>
  );
}

function Loading() {
  return (
    <div className={styles.loading}>
      {[70, 52, 61].map((width) => (
        <Skeleton key={width} variant="rounded" animation={false} height={12} width={`${width}%`} />
      ))}
    </div>
  );
}
