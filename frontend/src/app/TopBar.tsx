/** The live page's top bar: counters that filter, the connection, the clock, and the one primary button. */
import Button from "@mui/material/Button";
import { Plus } from "lucide-react";

import { liveStore, useLive } from "../api";
import type { Attention } from "../features/live-map";
import type { FleetCounts, ListName } from "../features/trips";
import { Counter, useNow, useReading, VehicleGlyph } from "../ui";
import styles from "./TopBar.module.css";

export interface CountersProps {
  readonly counts: FleetCounts;
  readonly only: ReadonlySet<Attention> | null;
  readonly list: ListName;
  readonly onOnly: (only: ReadonlySet<Attention> | null) => void;
  readonly onList: (list: ListName) => void;
}

/** The set with `name` switched, null when nothing is left. */
export function toggled(only: ReadonlySet<Attention> | null, name: Attention): ReadonlySet<Attention> | null {
  const next = new Set(only);
  if (!next.delete(name)) next.add(name);
  return next.size > 0 ? next : null;
}

export function Counters({ counts, only, list, onOnly, onList }: CountersProps) {
  const { words, format } = useReading();
  const live = useLive();
  if (!live.ready) return <div className={styles.counters} />;
  const finished = live.counts?.finished_today ?? 0;
  const pressed = (name: Attention) => only?.has(name) ?? false;
  const toggle = (name: Attention) => () => onOnly(toggled(only, name));
  const heading = 35;
  return (
    <div className={styles.counters} role="group" aria-label={words.counters.group}>
      <Counter
        value={counts.late}
        text={format.integer(counts.late)}
        label={words.counters.late(counts.late)}
        tone="late"
        glyph={<VehicleGlyph motion="moving" attention="late" heading={heading} />}
        pressed={pressed("late")}
        onToggle={toggle("late")}
      />
      <Counter
        value={counts.off}
        text={format.integer(counts.off)}
        label={words.counters.off()}
        tone="off"
        glyph={<VehicleGlyph motion="moving" attention="off" heading={heading} />}
        pressed={pressed("off")}
        onToggle={toggle("off")}
      />
      <Counter
        value={counts.silent}
        text={format.integer(counts.silent)}
        label={words.counters.silent()}
        tone="plain"
        glyph={<VehicleGlyph motion="silent" attention="silent" />}
        pressed={pressed("silent")}
        onToggle={toggle("silent")}
      />
      <i className={styles.divider} />
      <Counter
        value={counts.fine}
        text={format.integer(counts.fine)}
        label={words.counters.fine()}
        tone="calm"
        glyph={<VehicleGlyph motion="moving" attention="fine" heading={heading} />}
        pressed={pressed("fine")}
        onToggle={toggle("fine")}
      />
      <Counter
        value={finished}
        text={format.integer(finished)}
        label={words.counters.finished(finished)}
        tone="calm"
        pressed={list === "finished"}
        onToggle={() => onList(list === "finished" ? "underway" : "finished")}
      />
    </div>
  );
}

export interface TopBarProps extends CountersProps {
  readonly onStart: () => void;
}

export function TopBar({ onStart, ...counters }: TopBarProps) {
  const { words } = useReading();
  return (
    <>
      <h1 className="visually-hidden">{words.app.live}</h1>
      <Counters {...counters} />
      <span className={styles.space} />
      <ConnectionDot />
      <Clock />
      <Button
        variant="contained"
        startIcon={<Plus size={18} strokeWidth={1.75} />}
        onClick={onStart}
        data-testid="start-trip"
      >
        {words.start.button}
      </Button>
    </>
  );
}

export function ConnectionDot() {
  const { words } = useReading();
  const { connection } = useLive();
  return (
    <span className={styles.connection} data-state={connection.state} data-testid="connection">
      <i />
      {words.connection[connection.state]}
    </span>
  );
}

export function Clock() {
  const { format } = useReading();
  const now = useNow(liveStore.clock);
  return <time className={styles.clock}>{format.clock(now)}</time>;
}
