import { describe, expect, it } from "vitest";

import { AgeSample, MOST_AGES } from "./ageSample";

describe("a sample of ages", () => {
  it("is all of them while they are few, whole milliseconds and never negative", () => {
    const sample = new AgeSample(() => 0);
    for (const age of [12.4, -3, 90]) sample.add(age);
    expect(sample.take()).toEqual([12, 0, 90]);
  });

  it("never grows over what a report may hold", () => {
    const sample = new AgeSample(Math.random);
    for (let age = 0; age < 1000; age++) sample.add(age);
    expect(sample.take()).toHaveLength(MOST_AGES);
  });

  it("lets a later one take the place that chance says, or none", () => {
    const draws = [0.999, 0];
    const sample = new AgeSample(() => draws.shift() ?? 0.999);
    for (let age = 0; age < MOST_AGES + 2; age++) sample.add(age);
    expect(sample.take()).toEqual([MOST_AGES + 1, ...Array.from({ length: MOST_AGES - 1 }, (_, n) => n + 1)]);
  });

  it("begins anew after each report", () => {
    const sample = new AgeSample(() => 0);
    sample.add(5);
    sample.take();
    expect(sample.take()).toEqual([]);
  });
});
