/** The list's content between the live store and React: filtered, arranged, and held still while somebody is in it. */
import type { LiveStore } from "../../api";
import { arrange, EMPTY, sorted, type Arrangement } from "./arrangement";
import { collectRows, findRow, matches, type Filter, type GroupName, type Row, type Selection } from "./rows";

export type Item =
  | { readonly kind: "header"; readonly key: string; readonly group: GroupName; readonly count: number }
  | { readonly kind: "row"; readonly key: string; readonly row: Row; readonly moved: boolean };

export interface ListPicture {
  readonly items: readonly Item[];
  readonly rows: number;
  /** Rows of the list before search and counters. */
  readonly unfiltered: number;
}

const TICK_MS = 1000;
const NOTHING: ListPicture = { items: [], rows: 0, unfiltered: 0 };

export class ListModel {
  private filter: Filter = { list: "underway", query: "", only: null };
  private arrangement: Arrangement = EMPTY;
  private readonly holders = new Set<"pointer" | "focus">();
  private readonly listeners = new Set<() => void>();
  private picture: ListPicture = NOTHING;

  constructor(private readonly store: LiveStore) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    this.refresh();
    // Silence comes without any frame: the list looks at the clock, too.
    const timer = setInterval(() => this.refresh(), TICK_MS);
    const leave = this.store.subscribe(() => this.refresh());
    return () => {
      clearInterval(timer);
      leave();
      this.listeners.delete(listener);
    };
  };

  snapshot = (): ListPicture => this.picture;

  setFilter(filter: Filter): void {
    this.filter = filter;
    this.arrangement = EMPTY;
    this.refresh();
  }

  /** While anybody holds it, rows keep their places. */
  hold(who: "pointer" | "focus", held: boolean): void {
    if (held) this.holders.add(who);
    else this.holders.delete(who);
  }

  private refresh(): void {
    const { store, filter } = this;
    const all = collectRows(store, filter.list);
    const rows = all.filter((row) => matches(row, filter));
    const now = store.now();
    const held = this.holders.size > 0;
    this.arrangement =
      this.arrangement === EMPTY
        ? sorted(rows, now)
        : arrange(this.arrangement, rows, now, held, (key) => this.known(key) !== null);
    this.picture = this.paint(rows, all.length);
    for (const listener of this.listeners) listener();
  }

  private known(key: string): Row | null {
    const at = key.indexOf(":");
    return findRow(this.store, { kind: key.slice(0, at) as Selection["kind"], id: key.slice(at + 1) });
  }

  private paint(rows: readonly Row[], unfiltered: number): ListPicture {
    const fresh = new Map(rows.map((row) => [row.key, row]));
    const items: Item[] = [];
    let group: GroupName | null = null;
    let header = -1;
    for (const placed of this.arrangement.placed) {
      const row = fresh.get(placed.key) ?? this.known(placed.key);
      if (!row) continue;
      if (placed.group !== group) {
        group = placed.group;
        header = items.length;
        items.push({ kind: "header", key: `header:${group}`, group, count: 0 });
      }
      const top = items[header];
      if (top?.kind === "header") items[header] = { ...top, count: top.count + 1 };
      items.push({ kind: "row", key: row.key, row, moved: this.arrangement.moved.has(row.key) });
    }
    return { items, rows: items.filter(({ kind }) => kind === "row").length, unfiltered };
  }
}
