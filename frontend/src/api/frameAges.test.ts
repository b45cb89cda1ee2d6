import { describe, expect, it } from "vitest";

import { FrameAges } from "./frameAges";

const MINUTE = 60_000;

describe("frame ages", () => {
  it("gives the nearest rank of all ages", () => {
    const ages = new FrameAges();
    for (let age = 1; age <= 100; age++) ages.add(age, MINUTE);
    const summary = ages.summary(MINUTE, 10, 300);
    expect([summary.count, summary.p50_ms, summary.p99_ms]).toEqual([100, 50, 99]);
    expect(summary.bins.reduce((sum, n) => sum + n, 0)).toBe(100);
  });

  it("puts what is older than the last bin into it, and what is ahead of the clock into the first", () => {
    const ages = new FrameAges();
    ages.add(5000, 0);
    ages.add(-20, 0);
    expect(ages.summary(0, 100, 300).bins).toEqual([1, 0, 1]);
  });

  it("forgets after a quarter of an hour", () => {
    const ages = new FrameAges();
    ages.add(50, 0);
    expect(ages.summary(14 * MINUTE, 10, 300).count).toBe(1);
    expect(ages.summary(15 * MINUTE, 10, 300).count).toBe(0);
  });

  it("has no figures without ages", () => {
    expect(new FrameAges().summary(0, 10, 300)).toMatchObject({ count: 0, p50_ms: null, p99_ms: null });
  });
});
