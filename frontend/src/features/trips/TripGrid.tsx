/** The rows of the list: only those in view are in the document, the focus walks over all of them. */
import Skeleton from "@mui/material/Skeleton";
import { defaultRangeExtractor, useVirtualizer, type Range } from "@tanstack/react-virtual";
import { forwardRef, useCallback, useEffect, useImperativeHandle, useRef, useState, type ReactNode } from "react";

import { rulerPlace, useReading } from "../../ui";
import type { Item, ListPicture } from "./listModel";
import { keyOf, type ListName, type Selection } from "./rows";
import { TripRow } from "./TripRow";
import styles from "./TripList.module.css";

export interface TripGridProps {
  readonly picture: ListPicture;
  readonly list: ListName;
  readonly ready: boolean;
  readonly selected: Selection | null;
  readonly hoveredVehicle: string | null;
  readonly offline: boolean;
  readonly touch: boolean;
  readonly empty: ReactNode;
  readonly onSelect: (selection: Selection) => void;
  readonly onHover: (vehicle_id: string | null) => void;
  readonly onHold: (who: "pointer" | "focus", held: boolean) => void;
  readonly onLeaveUp: () => void;
}

export interface TripGridHandle {
  readonly move: (by: number) => void;
}

const HEADER_PX = 31;
const ROW_PX = 48;
const TOUCH_ROW_PX = 56;
const RULER_PX = 96;
const TOUCH_RULER_PX = 88;

export const TripGrid = forwardRef<TripGridHandle, TripGridProps>(function TripGrid(props, ref) {
  const {
    picture,
    list,
    ready,
    selected,
    hoveredVehicle,
    offline,
    touch,
    empty,
    onSelect,
    onHover,
    onHold,
    onLeaveUp,
  } = props;
  const { words } = useReading();
  const { items } = picture;
  const scroller = useRef<HTMLDivElement>(null);
  const [activeKey, setActiveKey] = useState<string | null>(null);
  const selectedKey = selected && keyOf(selected);
  const activeIndex = indexOfRow(items, activeKey) ?? indexOfRow(items, selectedKey) ?? firstRow(items);
  const focusNext = useRef(false);

  // eslint-disable-next-line react-hooks/incompatible-library -- nothing here is memoised by a compiler
  const virtualizer = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (items[index]?.kind === "header" ? HEADER_PX : touch ? TOUCH_ROW_PX : ROW_PX),
    getItemKey: (index) => items[index]?.key ?? index,
    overscan: 6,
    // The row that holds the focus stays in the document however far it is scrolled away.
    rangeExtractor: useCallback(
      (range: Range) => {
        const indexes = new Set(defaultRangeExtractor(range));
        if (activeIndex !== null) indexes.add(activeIndex);
        return [...indexes].sort((a, b) => a - b);
      },
      [activeIndex],
    ),
  });

  useEffect(() => {
    const index = indexOfRow(items, selectedKey);
    if (index !== null) virtualizer.scrollToIndex(index, { align: "auto" });
    // Only a new selection scrolls, not every new picture.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selectedKey]);

  const focusRow = useCallback(
    (index: number) => {
      const item = items[index];
      if (item?.kind !== "row") return;
      setActiveKey(item.key);
      virtualizer.scrollToIndex(index, { align: "auto" });
      focusNext.current = true;
    },
    [items, virtualizer],
  );

  useEffect(() => {
    if (!focusNext.current) return;
    focusNext.current = false;
    scroller.current?.querySelector<HTMLElement>('[role="row"][tabindex="0"]')?.focus({ preventScroll: true });
  });

  const move = useCallback(
    (by: number) => {
      const inside = scroller.current?.contains(document.activeElement) ?? false;
      const rows = items.flatMap((item, index) => (item.kind === "row" ? [index] : []));
      const at = activeIndex === null ? -1 : rows.indexOf(activeIndex);
      const next = inside ? at + by : Math.max(at, 0);
      if (inside && next < 0) onLeaveUp();
      const index = rows[Math.max(0, Math.min(rows.length - 1, next))];
      if (index !== undefined && (next >= 0 || !inside)) focusRow(index);
    },
    [activeIndex, focusRow, items, onLeaveUp],
  );
  useImperativeHandle(ref, () => ({ move }), [move]);

  const onKeyDown = (event: React.KeyboardEvent) => {
    const rows = picture.rows;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_PX) - 1);
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -rows,
      End: rows,
    };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const at = items.slice(0, activeIndex ?? 0).filter(({ kind }) => kind === "row").length;
      move(step === -1 ? -1 : Math.max(-at, step));
    } else if (event.key === "Enter" || event.key === " ") {
      const item = activeIndex === null ? undefined : items[activeIndex];
      if (item?.kind !== "row") return;
      event.preventDefault();
      onSelect(item.row.selection);
    }
  };

  if (!ready) return <Loading />;
  if (picture.rows === 0) return <div className={styles.empty}>{empty}</div>;
  return (
    <div
      ref={scroller}
      className={styles.scroller}
      role="grid"
      tabIndex={-1}
      id="trip-grid"
      aria-label={words.list[list]}
      aria-rowcount={picture.rows}
      aria-describedby="trip-grid-help"
      onKeyDown={onKeyDown}
      onPointerEnter={(event) => onHold("pointer", event.pointerType === "mouse")}
      onPointerLeave={() => {
        onHold("pointer", false);
        onHover(null);
      }}
      // A click leaves the focus behind; only a keyboard's focus means that somebody walks here.
      onFocus={(event) => onHold("focus", event.target.matches(":focus-visible"))}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) onHold("focus", false);
      }}
    >
      <p id="trip-grid-help" hidden>
        {words.trip.selectTrip}. {words.trip.selectTripHelp}
      </p>
      <div role="presentation" style={{ height: virtualizer.getTotalSize(), position: "relative" }}>
        {virtualizer.getVirtualItems().map(({ index, start, size }) => {
          const item = items[index];
          if (!item) return null;
          const place = { transform: `translateY(${start}px)`, height: size };
          if (item.kind === "header")
            return <Header key={item.key} item={item} first={index === 0} touch={touch} style={place} />;
          return (
            <TripRow
              key={item.key}
              row={item.row}
              rowIndex={items.slice(0, index + 1).filter(({ kind }) => kind === "row").length}
              moved={item.moved}
              selected={item.key === selectedKey}
              active={index === activeIndex}
              hovered={item.row.vehicle_id === hoveredVehicle}
              offline={offline}
              rulerWidth={touch ? TOUCH_RULER_PX : RULER_PX}
              style={place}
              onSelect={() => {
                setActiveKey(item.key);
                onSelect(item.row.selection);
              }}
              onHover={onHover}
              onFocus={() => setActiveKey(item.key)}
            />
          );
        })}
      </div>
    </div>
  );
});

interface HeaderProps {
  readonly item: Extract<Item, { kind: "header" }>;
  readonly first: boolean;
  readonly touch: boolean;
  readonly style: React.CSSProperties;
}

function Header({ item, first, touch, style }: HeaderProps) {
  const { words, format } = useReading();
  const { list } = words;
  const names = {
    attention: list.attention,
    fine: list.onTime,
    free: list.withoutTrip,
    planned: list.plannedGroup,
    finished: list.finishedGroup,
  };
  const right = {
    attention: list.arrival,
    fine: list.arrival,
    planned: list.arrival,
    finished: list.ended,
    free: list.lastSeen,
  };
  const width = touch ? TOUCH_RULER_PX : RULER_PX;
  const axis = item.group !== "free" && item.group !== "planned";
  return (
    <div role="presentation" className={styles.axis} data-first={first || undefined} style={style}>
      <span>
        {names[item.group]} <b>{format.integer(item.count)}</b>
      </span>
      <span className={styles.scale} style={{ width }} aria-hidden="true">
        {first && axis && (
          <>
            <i style={{ left: rulerPlace(0, width), transform: "translateX(-50%)" }}>{list.promised}</i>
            <i style={{ right: 0 }}>+30</i>
          </>
        )}
      </span>
      <span className={styles.right}>{first || item.group === "free" ? right[item.group] : ""}</span>
    </div>
  );
}

function Loading() {
  const { words } = useReading();
  // Skeletons come after 200 ms (CSS), so that a quick answer does not flash.
  return (
    <div className={styles.loading} role="status" aria-label={words.app.loading}>
      {Array.from({ length: 8 }, (_, index) => (
        <div key={index} className={styles.skeleton}>
          <Skeleton variant="rounded" animation={false} width={20} height={20} />
          <Skeleton variant="rounded" animation={false} width="62%" height={10} />
          <Skeleton variant="rounded" animation={false} height={10} />
          <Skeleton variant="rounded" animation={false} height={10} />
        </div>
      ))}
    </div>
  );
}

function indexOfRow(items: readonly Item[], key: string | null): number | null {
  if (key === null) return null;
  const index = items.findIndex((item) => item.kind === "row" && item.key === key);
  return index === -1 ? null : index;
}

function firstRow(items: readonly Item[]): number | null {
  const index = items.findIndex(({ kind }) => kind === "row");
  return index === -1 ? null : index;
}
