/** The live page on a phone: the map fills the screen, search and counters float on top, list and panel are one sheet. */
import { Plus } from "lucide-react";
import { useEffect, useRef, useState, type PointerEvent, type ReactNode } from "react";

import type { MapPadding } from "../features/live-map";
import { SearchField } from "../features/trips";
import { useReading } from "../ui";
import styles from "./PhonePage.module.css";
import { Counters, type CountersProps } from "./TopBar";

export interface PhonePageProps {
  readonly counters: CountersProps;
  readonly query: string;
  readonly list: ReactNode;
  /** Stands in the sheet instead of the list. */
  readonly panel: ReactNode;
  /** A form wants most of the screen; a trip shares it with the map. */
  readonly panelKind: "start" | "trip" | null;
  readonly map: (padding: MapPadding) => ReactNode;
  readonly onQuery: (query: string) => void;
  readonly onStart: () => void;
}

type Height = "low" | "middle" | "high";

const LOW_PX = 88;
const MIDDLE = 0.38;
const HIGH = 0.92;
const TOP_PX = 118;

/** The sheet's height in pixels in a page that is `whole` pixels high. */
export function sheetPx(height: Height, whole: number): number {
  if (height === "low") return LOW_PX;
  return Math.round(whole * (height === "middle" ? MIDDLE : HIGH));
}

/** The height nearest to where the finger left the sheet. */
export function nearestHeight(px: number, whole: number): Height {
  const heights: readonly Height[] = ["low", "middle", "high"];
  const distance = (height: Height) => Math.abs(sheetPx(height, whole) - px);
  return heights.reduce((best, height) => (distance(height) < distance(best) ? height : best));
}

const NEXT: Readonly<Record<Height, Height>> = { low: "middle", middle: "high", high: "low" };

export function PhonePage({ counters, query, list, panel, panelKind, map, onQuery, onStart }: PhonePageProps) {
  const { words } = useReading();
  const page = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState<Height>("middle");
  const [kind, setKind] = useState<PhonePageProps["panelKind"]>(null);
  if (kind !== panelKind) {
    setKind(panelKind);
    setHeight(panelKind === "start" ? "high" : "middle");
  }
  const [drag, setDrag] = useState<number | null>(null);
  const [whole, setWhole] = useState(window.innerHeight);
  useEffect(() => {
    const element = page.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setWhole(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const px = drag ?? sheetPx(height, whole);
  const resting = sheetPx(height, whole);
  const start = useRef<{ y: number; px: number } | null>(null);
  const onPointerDown = (event: PointerEvent) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    start.current = { y: event.clientY, px };
  };
  const onPointerMove = (event: PointerEvent) => {
    if (!start.current) return;
    const moved = start.current.y - event.clientY;
    if (drag !== null || Math.abs(moved) > 4)
      setDrag(Math.max(LOW_PX, Math.min(whole * HIGH, start.current.px + moved)));
  };
  const onPointerUp = () => {
    start.current = null;
    if (drag === null) {
      setHeight(NEXT[height]);
      return;
    }
    setHeight(nearestHeight(drag, whole));
    setDrag(null);
  };

  const addable = !panel && height !== "high";
  return (
    <div ref={page} className={styles.phone} data-addable={addable || undefined}>
      <main className={styles.map} id="map" tabIndex={-1} data-region>
        <h1 className="visually-hidden">{words.app.live}</h1>
        {map({ top: TOP_PX, right: 0, bottom: Math.min(resting, whole * MIDDLE), left: 0 })}
        {addable && (
          <button
            type="button"
            className={styles.add}
            style={{ bottom: px + 16 }}
            aria-label={words.start.button}
            data-testid="start-trip"
            onClick={onStart}
          >
            <Plus size={26} strokeWidth={1.75} aria-hidden="true" />
          </button>
        )}
      </main>
      <search className={styles.top}>
        <div className={styles.search}>
          <SearchField query={query} onQuery={onQuery} />
        </div>
        <Counters {...counters} />
      </search>
      <aside
        className={styles.sheet}
        id="list"
        tabIndex={-1}
        data-region
        aria-label={panel ? words.app.panel : words.list.title}
        data-dragging={drag !== null || undefined}
        style={{ height: px }}
      >
        <button
          type="button"
          className={styles.grab}
          aria-label={words.app.sheet}
          aria-expanded={height !== "low"}
          onPointerDown={onPointerDown}
          onPointerMove={onPointerMove}
          onPointerUp={onPointerUp}
          onKeyDown={(event) => {
            if (event.key === "Enter" || event.key === " ") setHeight(NEXT[height]);
          }}
        />
        <div className={styles.inside} id={panel ? "panel" : undefined} tabIndex={-1}>
          {panel ?? list}
        </div>
      </aside>
    </div>
  );
}
