import { describe, expect, it } from "vitest";

import { drawSteps, WINDOW_MS } from "./steps";

const NOW = 100 * WINDOW_MS;
const draw = (history: [number, number][], started_ms = 0) =>
  drawSteps({ history, now_ms: NOW, started_ms, width: 900, height: 33, most: 3 });
const ago = (minutes: number) => NOW - minutes * 60_000;

describe("a function's steps", () => {
  it("go straight up and down at their moments", () => {
    const { line } = draw([
      [ago(15), 0],
      [ago(10), 3],
      [ago(5), 1],
    ]);
    expect(line).toBe("M0 33H300V3H600V23H900");
  });

  it("ring where a start from zero happened, and only there", () => {
    const { coldStarts } = draw([
      [ago(15), 0],
      [ago(10), 1],
      [ago(9), 2],
      [ago(6), 0],
      [ago(5), 1],
    ]);
    expect(coldStarts).toEqual([300, 600]);
  });

  it("begin at the level that was before the window", () => {
    const { line, coldStarts } = draw([
      [ago(40), 3],
      [ago(5), 0],
    ]);
    expect([line, coldStarts]).toEqual(["M0 3H600V33H900", []]);
  });

  it("leave out the time before the runtime started", () => {
    expect(draw([[ago(10), 0]], ago(10)).line).toBe("M300 33H900");
  });

  it("draw nothing of nothing", () => {
    expect(draw([]).line).toBe("");
  });
});
