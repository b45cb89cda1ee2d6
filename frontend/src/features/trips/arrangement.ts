/** The order of a list that must not jump: sorted anew at most each five seconds, and never while somebody is in it. */
import { compareRows, type GroupName, type Row } from "./rows";

export const SORT_EVERY_MS = 5000;

export interface Placed {
  readonly key: string;
  readonly group: GroupName;
}

export interface Arrangement {
  readonly placed: readonly Placed[];
  readonly sorted_ms: number;
  /** Rows that changed their place against their neighbours at the last sorting: each fades in once. */
  readonly moved: ReadonlySet<string>;
}

export const EMPTY: Arrangement = { placed: [], sorted_ms: Number.NEGATIVE_INFINITY, moved: new Set() };

/** The order of `rows` by the rules alone. */
export function sorted(rows: readonly Row[], now_ms: number, before: Arrangement = EMPTY): Arrangement {
  const placed = [...rows].sort(compareRows).map(({ key, group }) => ({ key, group }));
  return { placed, sorted_ms: now_ms, moved: movedRows(before.placed, placed) };
}

/**
 * The next order after `before`. Held, or sorted less than five seconds ago: who is there stays in place, newcomers stand at
 * the end of their group, and who went leaves, but held even those stay as long as `stillKnown`.
 */
export function arrange(
  before: Arrangement,
  rows: readonly Row[],
  now_ms: number,
  held: boolean,
  stillKnown: (key: string) => boolean,
): Arrangement {
  if (!held && now_ms - before.sorted_ms >= SORT_EVERY_MS) return sorted(rows, now_ms, before);
  const fresh = new Map(rows.map((row) => [row.key, row]));
  const kept = before.placed.filter(({ key }) => fresh.has(key) || (held && stillKnown(key)));
  const there = new Set(kept.map(({ key }) => key));
  const newcomers = rows.filter(({ key }) => !there.has(key)).sort(compareRows);
  if (newcomers.length === 0 && kept.length === before.placed.length) return before;
  const placed = [...kept];
  for (const { key, group } of newcomers) placed.splice(endOfGroup(placed, group), 0, { key, group });
  return { placed, sorted_ms: before.sorted_ms, moved: new Set() };
}

const RANK: Readonly<Record<GroupName, number>> = { attention: 0, fine: 1, free: 2, planned: 3, finished: 4 };

function endOfGroup(placed: readonly Placed[], group: GroupName): number {
  const next = placed.findIndex((other) => RANK[other.group] > RANK[group]);
  return next === -1 ? placed.length : next;
}

function movedRows(before: readonly Placed[], after: readonly Placed[]): Set<string> {
  const now = new Set(after.map(({ key }) => key));
  const stayed = before.filter(({ key }) => now.has(key));
  const old = new Map(stayed.map((row, index) => [row.key, { index, group: row.group }]));
  const moved = new Set<string>();
  let index = 0;
  for (const row of after) {
    const was = old.get(row.key);
    if (!was) continue;
    if (was.index !== index || was.group !== row.group) moved.add(row.key);
    index += 1;
  }
  return moved;
}
