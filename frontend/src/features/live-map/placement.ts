/** Places the names beside their vehicles so that none covers another. Pure. */

export interface Candidate {
  readonly id: string;
  /** Middle of the vehicle's mark, px. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** From the middle of the mark to the edge of the name, px. */
  readonly gap: number;
}

/** Where the middle of the name goes, from the middle of the mark, px. */
export type Offset = readonly [x: number, y: number];

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const MARK = 13;
const MARGIN = 2;

/**
 * Chooses a side for each name, in the order given: the side it had, right, left, below, above. A name that would cover
 * another is left out; one that would only cover a mark goes there when no side is free.
 * @param candidates most important first
 * @param view size of the map, px
 * @param others middles of what else stands on the map and should stay visible
 * @param before where the names were, so that they do not hop from side to side
 * @returns the offset per id; without an entry the name is not shown
 */
export function placeNames(
  candidates: readonly Candidate[],
  view: { width: number; height: number },
  others: readonly { x: number; y: number }[] = [],
  before: ReadonlyMap<string, Offset> = new Map(),
): Map<string, Offset> {
  const marks = candidates.map(markOf);
  const obstacles = others.map(markOf);
  const taken: Box[] = [];
  const placed = new Map<string, Offset>();
  candidates.forEach((candidate, i) => {
    const free = sides(candidate, before.get(candidate.id)).filter((offset) => {
      const box = boxOf(candidate, offset);
      return inside(box, view) && !taken.some((other) => overlap(box, other));
    });
    const visible = [...obstacles, ...marks.filter((_, j) => j !== i)];
    const best = free.find((offset) => !visible.some((mark) => overlap(boxOf(candidate, offset), mark))) ?? free[0];
    if (best === undefined) return;
    taken.push(boxOf(candidate, best));
    placed.set(candidate.id, best);
  });
  return placed;
}

function sides({ width, height, gap }: Candidate, before: Offset | undefined): Offset[] {
  const [aside, over] = [gap + width / 2, gap + height / 2];
  const all: Offset[] = [
    [aside, 0],
    [-aside, 0],
    [0, over],
    [0, -over],
  ];
  // The name may have got longer meanwhile: what counts is the side.
  const same = (a: Offset, b: Offset) => Math.sign(a[0]) === Math.sign(b[0]) && Math.sign(a[1]) === Math.sign(b[1]);
  return before === undefined ? all : all.sort((a, b) => Number(same(b, before)) - Number(same(a, before)));
}

function boxOf({ x, y, width, height }: Candidate, [dx, dy]: Offset): Box {
  return {
    left: x + dx - width / 2 - MARGIN,
    right: x + dx + width / 2 + MARGIN,
    top: y + dy - height / 2 - MARGIN,
    bottom: y + dy + height / 2 + MARGIN,
  };
}

function markOf({ x, y }: { x: number; y: number }): Box {
  return { left: x - MARK, right: x + MARK, top: y - MARK, bottom: y + MARK };
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
}

function inside(box: Box, view: { width: number; height: number }): boolean {
  return box.left >= 0 && box.top >= 0 && box.right <= view.width && box.bottom <= view.height;
}
