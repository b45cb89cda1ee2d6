import { describe, expect, it } from "vitest";

import { waitBeforeReturn } from "./closeCodes";

const half = () => 0.5;

describe("coming back after a close", () => {
  it("follows the table of the protocol at the first try", () => {
    expect(waitBeforeReturn(1001, 0, half)).toBe(0);
    expect(waitBeforeReturn(4408, 0, half)).toBe(0);
    expect(waitBeforeReturn(1013, 0, half)).toBe(5000);
    expect(waitBeforeReturn(1009, 0, half)).toBe("never");
    expect(waitBeforeReturn(4400, 3, half)).toBe("never");
  });

  it("waits longer each time, up to ten seconds, with a jitter of half", () => {
    const waits = [0, 1, 2, 3, 8, 20].map((attempt) => waitBeforeReturn(1006, attempt, () => 1));
    expect(waits).toEqual([250, 500, 1000, 2000, 10_000, 10_000]);
    expect(waitBeforeReturn(1006, 3, () => 0)).toBe(1000);
  });

  it("does not come back at once for ever", () => {
    expect(waitBeforeReturn(1001, 4, half)).toBeGreaterThan(1000);
    expect(waitBeforeReturn(1013, 2, half)).toBe(5000);
  });
});
