/** A trip's events as the entries of its timeline: facts in words, repeated ones folded, newest first. */
import type { CloudEvent, TripProgressed } from "../../api";
import type { Reading } from "../../ui";

export type EntryKind = "fact" | "done" | "late" | "off";

export interface Entry {
  readonly key: string;
  readonly time_ms: number;
  readonly kind: EntryKind;
  readonly title: string;
  readonly detail: string | null;
  /** The events behind it, newest first. */
  readonly events: readonly CloudEvent[];
}

/** "trip.started" of "dev.trackway.trip.started.v1"; other types stay as they are. */
export function shortType(type: string): string {
  return /^dev\.trackway\.(.+)\.v\d+$/.exec(type)?.[1] ?? type;
}

const ms = (event: CloudEvent): number => (event.time == null ? 0 : Date.parse(event.time));
const dataOf = <T>(event: CloudEvent): Partial<T> => (event.data ?? {}) as Partial<T>;

interface Telling {
  readonly kind: EntryKind;
  readonly title: string;
  readonly detail: string | null;
}

function tell(newest: CloudEvent, count: number, { words, format }: Reading): Telling {
  const { happened } = words;
  switch (shortType(newest.type)) {
    case "trip.started":
      return { kind: "done", title: happened.started, detail: null };
    case "trip.progressed": {
      const { fraction, remaining } = dataOf<TripProgressed>(newest);
      const detail =
        fraction === undefined || remaining === undefined
          ? null
          : happened.progressDetail(format.percent(fraction), format.distance(remaining));
      return { kind: "fact", title: happened.progressed(count, format.integer(count)), detail };
    }
    case "trip.delayed": {
      const { delay, arrival_at } = dataOf<{ delay: number; arrival_at: string }>(newest);
      const detail =
        delay === undefined || arrival_at === undefined
          ? null
          : happened.delayedDetail(format.duration(delay), format.time(Date.parse(arrival_at)));
      return { kind: "late", title: happened.delayed, detail };
    }
    case "trip.deviated": {
      const { off_route } = dataOf<{ off_route: number }>(newest);
      const detail = off_route === undefined ? null : happened.deviatedDetail(format.distance(off_route));
      return { kind: "off", title: happened.deviated, detail };
    }
    case "trip.rejoined":
      return { kind: "fact", title: happened.rejoined, detail: null };
    case "trip.finished":
      return { kind: "done", title: happened.finished, detail: null };
    case "trip.cancelled":
      return { kind: "off", title: happened.cancelled, detail: dataOf<{ reason: string }>(newest).reason ?? null };
    default:
      return { kind: "fact", title: shortType(newest.type), detail: null };
  }
}

/** Entries of events given newest first; neighbours of the same type "trip.progressed" fold into one. */
export function entriesOf(events: readonly CloudEvent[], reading: Reading): Entry[] {
  const runs: { newest: CloudEvent; oldest: CloudEvent; events: CloudEvent[] }[] = [];
  for (const event of events) {
    const run = runs.at(-1);
    if (run && shortType(event.type) === "trip.progressed" && run.newest.type === event.type) {
      run.events.push(event);
      run.oldest = event;
    } else {
      runs.push({ newest: event, oldest: event, events: [event] });
    }
  }
  return runs.map(({ newest, oldest, events: folded }) => ({
    // The oldest of a run names it, so that an entry that grows at its top stays the same entry.
    key: `${oldest.source} ${oldest.id}`,
    time_ms: ms(newest),
    events: folded,
    ...tell(newest, folded.length, reading),
  }));
}
