import { describe, expect, it } from "vitest";

import { drawFlow, thicknessOf, type Stream } from "./flow";

const stream = (name: string, rate: number): Stream => ({ name, detail: name, rate });

describe("the event flow", () => {
  it("makes a stream as wide as its rate beside the greatest, and never invisible", () => {
    expect([512, 256, 0].map((rate) => thicknessOf(rate, 512))).toEqual([33, 16.5, 1.5]);
    expect(thicknessOf(0, 0)).toBe(1.5);
  });

  it("stacks streams in the broker without overlap and inside of it", () => {
    const targets = [stream("a", 500), stream("b", 500), stream("c", 2)];
    const { broker, right } = drawFlow([stream("s", 500)], targets, 860);
    const total = right.reduce((sum, { thickness }) => sum + thickness, 0);
    expect(total + 4).toBeLessThanOrEqual(broker.height);
    const ends = right.map(({ path }) => Number(/ ([\d.]+)V/.exec(path)?.[1]));
    expect(ends[1]).toBeCloseTo((ends[0] ?? 0) + (right[0]?.thickness ?? 0) + 2);
    expect(ends[0]).toBeGreaterThanOrEqual(broker.y);
  });

  it("gives every stream a line of its own in a drawing high enough for all", () => {
    const sources = Array.from({ length: 12 }, (_, i) => stream(`s${i}`, i));
    const { left, height } = drawFlow(sources, [], 860);
    const places = left.map(({ y }) => y);
    expect(new Set(places).size).toBe(12);
    expect(Math.max(...places)).toBeLessThan(height);
    expect(Math.min(...places)).toBeGreaterThan(0);
  });
});
