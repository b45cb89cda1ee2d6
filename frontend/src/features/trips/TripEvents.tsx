/** The trip's events as they travel, newest first. */
import { ChevronRight } from "lucide-react";
import { useState } from "react";

import type { CloudEvent } from "../../api";
import { EmptyState, RawEvent, useReading } from "../../ui";
import { shortType } from "./timeline";
import styles from "./Timeline.module.css";

export function TripEvents({ events }: { readonly events: readonly CloudEvent[] | null }) {
  const { words } = useReading();
  if (events === null) return null;
  if (events.length === 0) return <EmptyState title={words.trip.noEvents} text={words.trip.waiting} />;
  return (
    <ul className={styles.events}>
      {events.map((event) => (
        <EventRow key={`${event.source} ${event.id}`} event={event} />
      ))}
    </ul>
  );
}

function EventRow({ event }: { readonly event: CloudEvent }) {
  const { format } = useReading();
  const [open, setOpen] = useState(false);
  return (
    <li>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        <ChevronRight size={16} strokeWidth={1.75} aria-hidden="true" />
        <span>{shortType(event.type)}</span>
        <time>{event.time == null ? "" : format.clock(Date.parse(event.time))}</time>
      </button>
      {open && <RawEvent event={event} />}
    </li>
  );
}
