/** The chosen trip beside the map: when it arrives and how sure that is, its way, what can be done, and what happened. */
import IconButton from "@mui/material/IconButton";
import Tab from "@mui/material/Tab";
import Tabs from "@mui/material/Tabs";
import { X } from "lucide-react";
import { useEffect, useRef } from "react";

import { getRoute, getTripEvents, useResource, type ApiError, type Route } from "../../api";
import { EmptyState, Pill, ProblemNote, useReading } from "../../ui";
import { Arrival } from "./Arrival";
import type { Row, Selection } from "./rows";
import { ends, pillOf } from "./texts";
import { Timeline } from "./Timeline";
import { TripActions } from "./TripActions";
import { TripMark } from "./TripMark";
import { TripEvents } from "./TripEvents";
import styles from "./TripPanel.module.css";
import { useTripRow } from "./useTripRow";
import { Way } from "./Way";

export type TripTab = "timeline" | "events";

export interface TripPanelProps {
  readonly selection: Selection;
  readonly tab: TripTab;
  readonly following: boolean;
  readonly offline: boolean;
  readonly onTab: (tab: TripTab) => void;
  readonly onFollow: (follow: boolean) => void;
  readonly onClose: () => void;
}

const EVENTS_EVERY_MS = 3000;

export function TripPanel(props: TripPanelProps) {
  const { selection, onClose } = props;
  const { words } = useReading();
  const { row, unheard, error, reload } = useTripRow(selection);
  const heading = useRef<HTMLHeadingElement>(null);
  const found = row !== null;
  useEffect(() => {
    if (found) heading.current?.focus({ preventScroll: true });
  }, [selection.id, found]);

  return (
    <section className={styles.panel} aria-label={row?.name ?? words.trip.events} data-testid="trip-panel">
      <header className={styles.head}>
        {row && <TripMark row={row} />}
        <div className={styles.title}>
          <h2 ref={heading} tabIndex={-1}>
            {row?.name ?? (error || unheard ? selection.id : words.app.loading)}
          </h2>
          {row && <Subtitle row={row} />}
        </div>
        {row && <State row={row} />}
        <IconButton aria-label={words.app.close} onClick={onClose}>
          <X size={20} strokeWidth={1.75} />
        </IconButton>
      </header>
      {row ? <Body {...props} row={row} /> : <Missing unheard={unheard} error={error} onRetry={reload} />}
    </section>
  );
}

interface MissingProps {
  readonly unheard: boolean;
  readonly error: ApiError | null;
  readonly onRetry: () => void;
}

function Missing({ unheard, error, onRetry }: MissingProps) {
  const { words } = useReading();
  if (unheard) return <EmptyState title={words.trip.waiting} text={words.start.deviceHelp} />;
  if (error === null) return null;
  if (error.status === 404) return <EmptyState title={words.trip.notFound} text={words.trip.notFoundHelp} />;
  return <ProblemNote title={words.trip.loadFailed} failure={error} onRetry={onRetry} />;
}

function Subtitle({ row }: { readonly row: Row }) {
  const reading = useReading();
  const { trip } = row;
  if (!trip) return row.vehicle_id === row.name ? null : <p>{row.vehicle_id}</p>;
  const [from, to] = ends(trip, reading);
  return (
    <p title={trip.route_name}>
      {from} <u>›</u> {to}
    </p>
  );
}

function State({ row }: { readonly row: Row }) {
  const pill = pillOf(row, useReading());
  return (
    pill && (
      <span data-testid="trip-status" data-status={row.trip?.status}>
        <Pill tone={pill.tone}>{pill.text}</Pill>
      </span>
    )
  );
}

function Body({ row, tab, following, offline, onTab, onFollow }: TripPanelProps & { readonly row: Row }) {
  const { trip } = row;
  const route = useResource<Route>(trip?.route_id ?? null, () => getRoute(trip?.route_id ?? ""));
  const open = trip?.status === "underway" || trip?.status === "planned";
  return (
    <>
      {trip && <Arrival row={row} trip={trip} offline={offline} />}
      <TripActions row={row} following={following} onFollow={onFollow} />
      <Way row={row} route={route.data} />
      {trip && <History row={row} trip_id={trip.trip_id} open={open} tab={tab} onTab={onTab} />}
    </>
  );
}

interface HistoryProps {
  readonly row: Row;
  readonly trip_id: string;
  readonly open: boolean;
  readonly tab: TripTab;
  readonly onTab: (tab: TripTab) => void;
}

function History({ row, trip_id, open, tab, onTab }: HistoryProps) {
  const { words, format } = useReading();
  // When the trip ends the pace changes, so its end is asked for at once, and then nothing more is to come.
  const every_ms = open ? EVENTS_EVERY_MS : null;
  const { data: shown, error, reload } = useResource(trip_id, (signal) => getTripEvents(trip_id, signal), every_ms);
  const label = shown && shown.length > 0 ? words.trip.eventCount(format.integer(shown.length)) : words.trip.events;
  return (
    <>
      <Tabs
        className={styles.tabs ?? ""}
        value={tab}
        onChange={(_, next: TripTab) => onTab(next)}
        aria-label={words.trip.events}
      >
        <Tab value="timeline" label={words.trip.timeline} id="tab-timeline" aria-controls="trip-history" />
        <Tab value="events" label={label} id="tab-events" aria-controls="trip-history" />
      </Tabs>
      <div className={styles.history} id="trip-history" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {error && !shown ? (
          <ProblemNote title={words.trip.eventsFailed} failure={error} onRetry={reload} />
        ) : tab === "timeline" ? (
          <Timeline row={row} events={shown} />
        ) : (
          <TripEvents events={shown} />
        )}
      </div>
    </>
  );
}
