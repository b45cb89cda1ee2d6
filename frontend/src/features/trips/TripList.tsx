/** The list beside the map: search, lists, groups and rows; a virtualised grid with one tab stop and roving focus. */
import { Search, X } from "lucide-react";
import { forwardRef, useImperativeHandle, useRef, type ReactNode } from "react";

import { liveStore, useLive } from "../../api";
import { useReading } from "../../ui";
import type { Attention } from "../live-map";
import type { FleetCounts, ListName, Selection } from "./rows";
import { TripGrid, type TripGridHandle } from "./TripGrid";
import styles from "./TripList.module.css";
import { useListModel } from "./useListModel";

export interface TripListProps {
  readonly list: ListName;
  readonly query: string;
  readonly only: ReadonlySet<Attention> | null;
  readonly selected: Selection | null;
  readonly hoveredVehicle: string | null;
  readonly counts: FleetCounts;
  readonly offline: boolean;
  /** Rows are taller for fingers. */
  readonly touch: boolean;
  /** Drawn above the grid's rows when there are none. */
  readonly empty: ReactNode;
  /** Drawn below the grid. */
  readonly more?: ReactNode;
  /** Whether the search field stands in the list; the phone has its own. */
  readonly searchable: boolean;
  readonly onList: (list: ListName) => void;
  readonly onQuery: (query: string) => void;
  readonly onSelect: (selection: Selection) => void;
  readonly onHover: (vehicle_id: string | null) => void;
}

export interface TripListHandle {
  readonly focusSearch: () => void;
  /** Move the focus by so many rows, into the list if it is elsewhere. */
  readonly move: (by: number) => void;
  readonly focus: () => void;
}

export const TripList = forwardRef<TripListHandle, TripListProps>(function TripList(props, ref) {
  const { list, query, only, counts, searchable, onList, onQuery } = props;
  const { words, format } = useReading();
  const live = useLive();
  const { model, picture } = useListModel(liveStore, { list, query, only });
  const search = useRef<HTMLInputElement>(null);
  const grid = useRef<TripGridHandle>(null);
  useImperativeHandle(ref, () => ({
    focusSearch: () => search.current?.focus(),
    move: (by) => grid.current?.move(by),
    focus: () => grid.current?.move(0),
  }));

  const chips: readonly (readonly [ListName, string, number])[] = [
    ["underway", words.list.underway, counts.underway],
    ["planned", words.list.planned, counts.planned],
    ["finished", words.list.finished, live.counts?.finished_today ?? 0],
  ];

  return (
    <section className={styles.list} aria-label={words.list.title}>
      {searchable && <SearchField ref={search} query={query} onQuery={onQuery} />}
      <div className={styles.chips} role="group" aria-label={words.list.filterGroup}>
        {chips.map(([name, label, count]) => (
          <button key={name} type="button" aria-pressed={name === list} onClick={() => onList(name)}>
            {label} {live.ready ? format.integer(count) : ""}
          </button>
        ))}
      </div>
      <TripGrid
        ref={grid}
        {...props}
        picture={picture}
        ready={live.ready}
        onHold={(who, held) => model.hold(who, held)}
        onLeaveUp={() => search.current?.focus()}
      />
      {props.more}
    </section>
  );
});

interface SearchFieldProps {
  readonly query: string;
  readonly onQuery: (query: string) => void;
}

export const SearchField = forwardRef<HTMLInputElement, SearchFieldProps>(function SearchField(
  { query, onQuery },
  ref,
) {
  const { words } = useReading();
  return (
    <div className={styles.find}>
      <Search size={18} strokeWidth={1.75} aria-hidden="true" />
      <input
        ref={ref}
        type="search"
        value={query}
        placeholder={words.list.search}
        aria-label={words.list.search}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onQuery(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          if (query === "") event.currentTarget.blur();
          else onQuery("");
        }}
      />
      {query === "" ? (
        <kbd aria-hidden="true">/</kbd>
      ) : (
        <button type="button" aria-label={words.list.clearSearch} onClick={() => onQuery("")}>
          <X size={16} strokeWidth={1.75} />
        </button>
      )}
    </div>
  );
});
