import { describe, expect, it } from "vitest";

import { aTrip } from "../../api/fixtures";
import { arrange, SORT_EVERY_MS, sorted } from "./arrangement";
import type { Row } from "./rows";

/** A row on time, with so many minutes of delay; more than five is late. */
function row(name: string, minutes: number): Row {
  const late = minutes > 5;
  return {
    key: name,
    selection: { kind: "trip", id: name },
    trip: aTrip({ trip_id: name, delay: minutes * 60 }),
    vehicle: undefined,
    vehicle_id: name,
    name,
    state: { motion: "moving", attention: late ? "late" : "fine" },
    heard_s: 0,
    group: late ? "attention" : "fine",
  };
}

const keys = ({ placed }: { placed: readonly { key: string }[] }) => placed.map(({ key }) => key).join("");
const never = () => false;
const always = () => true;

describe("the list's order", () => {
  const first = sorted([row("a", 4), row("b", 3), row("c", 2)], 0);

  it("stays for five seconds although delays change", () => {
    const changed = [row("a", 1), row("b", 3), row("c", 9)];
    expect(keys(arrange(first, changed, SORT_EVERY_MS - 1, false, never))).toBe("abc");
    expect(keys(arrange(first, changed, SORT_EVERY_MS, false, never))).toBe("cba");
  });

  it("stays as long as somebody is in the list", () => {
    const changed = [row("a", 1), row("b", 3), row("c", 9)];
    expect(keys(arrange(first, changed, 60 * SORT_EVERY_MS, true, always))).toBe("abc");
  });

  it("puts newcomers at the end of their group, without moving anybody", () => {
    const late = sorted([row("x", 20), row("a", 4)], 0);
    const grown = arrange(late, [row("x", 20), row("a", 4), row("y", 30), row("b", 5)], 1000, false, never);
    expect(keys(grown)).toBe("xyab");
  });

  it("lets go who went; held, only who is not known any more", () => {
    const left = [row("a", 4), row("c", 2)];
    expect(keys(arrange(first, left, 1000, false, always))).toBe("ac");
    expect(keys(arrange(first, left, 1000, true, always))).toBe("abc");
    expect(keys(arrange(first, left, 1000, true, never))).toBe("ac");
  });

  it("is the same object while nothing changes", () => {
    expect(arrange(first, [row("a", 4), row("b", 3), row("c", 2)], 1000, false, never)).toBe(first);
  });

  it("names those that changed their place, and not those that only made room", () => {
    const next = arrange(first, [row("a", 4), row("b", 3), row("c", 2), row("d", 9)], SORT_EVERY_MS, false, never);
    expect([keys(next), [...next.moved]]).toEqual(["dabc", []]);
    const swapped = arrange(
      next,
      [row("a", 4), row("b", 3), row("c", 9), row("d", 9)],
      2 * SORT_EVERY_MS,
      false,
      never,
    );
    expect(keys(swapped)).toBe("cdab");
    expect(swapped.moved.has("c")).toBe(true);
  });
});
