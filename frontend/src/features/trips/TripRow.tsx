/** One trip in the list: mark, name over detail, delay ruler, arrival over delay. */
import type { CSSProperties } from "react";

import { DelayRuler, useReading } from "../../ui";
import { LATE_S } from "../live-map";
import type { Row } from "./rows";
import { delayText, ends, rowSentence, stateText, timeText, uncertain } from "./texts";
import { TripMark } from "./TripMark";
import styles from "./TripList.module.css";

export interface TripRowProps {
  readonly row: Row;
  /** 1 for the first row of the list. */
  readonly rowIndex: number;
  readonly moved: boolean;
  readonly selected: boolean;
  /** Holds the grid's one tab stop. */
  readonly active: boolean;
  /** Under the pointer, here or on the map. */
  readonly hovered: boolean;
  readonly offline: boolean;
  readonly rulerWidth: number;
  readonly style: CSSProperties;
  readonly onSelect: () => void;
  readonly onHover: (vehicle_id: string | null) => void;
  readonly onFocus: () => void;
}

export function TripRow(props: TripRowProps) {
  const { row, rowIndex, moved, selected, active, hovered, offline, rulerWidth, style, onSelect, onHover, onFocus } =
    props;
  const reading = useReading();
  const doubtful = uncertain(row, offline);
  const { trip, state } = row;
  return (
    // The keys of a row are handled by its grid, where the focus roves.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      role="row"
      className={styles.row}
      style={style}
      tabIndex={active ? 0 : -1}
      aria-rowindex={rowIndex}
      aria-selected={selected}
      aria-label={rowSentence(row, reading, doubtful)}
      data-moved={moved || undefined}
      data-hovered={hovered || undefined}
      data-testid="trip-row"
      data-trip={trip?.trip_id}
      onClick={onSelect}
      onFocus={onFocus}
      onPointerEnter={() => onHover(row.vehicle_id)}
    >
      <span role="gridcell" className={styles.mark}>
        <TripMark row={row} />
      </span>
      <span role="gridcell" className={styles.name}>
        <b>{row.name}</b>
        <Detail row={row} />
      </span>
      <span role="gridcell">
        {trip && trip.status !== "planned" && trip.status !== "cancelled" && (
          <DelayRuler
            width={rulerWidth}
            height={typeof style.height === "number" ? style.height : 48}
            silent={state.attention === "silent"}
            delay={trip.delay}
            earliest={against(trip.arrival_earliest_ms, trip.promised_ms)}
            latest={against(trip.arrival_latest_ms, trip.promised_ms)}
          />
        )}
      </span>
      <Arrival row={row} doubtful={doubtful} />
    </div>
  );
}

function Detail({ row }: { readonly row: Row }) {
  const reading = useReading();
  const state = stateText(row, reading);
  if (state) return <em data-tone={state.tone}>{state.text}</em>;
  if (!row.trip)
    return <span>{row.vehicle?.speed == null ? row.vehicle_id : reading.format.speed(row.vehicle.speed)}</span>;
  const [from, to] = ends(row.trip, reading);
  return (
    <span>
      {from} <u>›</u> {to}
    </span>
  );
}

function Arrival({ row, doubtful }: { readonly row: Row; readonly doubtful: boolean }) {
  const reading = useReading();
  const { trip, heard_s, state } = row;
  if (!trip) {
    return (
      <span role="gridcell" className={styles.arrival}>
        <span>{heard_s === null ? "" : reading.format.ago(heard_s)}</span>
      </span>
    );
  }
  const late = trip.delay !== null && trip.delay > LATE_S && state.attention !== "silent";
  return (
    <span role="gridcell" className={styles.arrival}>
      <b>{timeText(row, reading, doubtful)}</b>
      <span data-late={late || undefined}>{delayText(row, reading)}</span>
    </span>
  );
}

/** Seconds of a moment against the promise. */
function against(moment_ms: number | null, promised_ms: number | null): number | null {
  return moment_ms === null || promised_ms === null ? null : (moment_ms - promised_ms) / 1000;
}
