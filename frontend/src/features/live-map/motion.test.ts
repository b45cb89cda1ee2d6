import { describe, expect, it } from "vitest";
import {
  LONGEST_GLIDE_MS,
  SLOWEST_FRAME_MS,
  frameSpacing,
  glideSpeed,
  glideTo,
  poseAt,
  turn,
  type Fix,
  type Glide,
  type Pose,
} from "./motion";

const fix = (change: Partial<Fix>): Fix => ({
  lat: -34.9,
  lng: -56.16,
  heading: 90,
  speed: 10,
  recorded_ms: 0,
  ...change,
});

function pose(glide: Glide, now_ms: number): Pose & { moving: boolean } {
  const out = { lat: 0, lng: 0, heading: 0 };
  return { moving: poseAt(glide, now_ms, out), ...out };
}

describe("a vehicle between two positions", () => {
  const first = glideTo(null, fix({}), 0);
  const second = glideTo(first, fix({ lng: -56.15, recorded_ms: 1000 }), 1200);

  it("is shown at once where it is first heard of", () => {
    expect(pose(first, 0)).toEqual({ lat: -34.9, lng: -56.16, heading: 90, moving: false });
  });

  it("starts where it is drawn, and arrives at about the interval between the positions", () => {
    expect(pose(second, 1200).lng).toBeCloseTo(-56.16, 9);
    expect(pose(second, 1200 + second.duration_ms / 2).lng).toBeCloseTo(-56.155, 9);
    expect(second.duration_ms).toBeGreaterThanOrEqual(1000);
    expect(second.duration_ms).toBeLessThan(1300);
    expect(pose(second, 1200 + second.duration_ms)).toMatchObject({ lng: -56.15, moving: false });
  });

  it("never jumps when the next position comes early", () => {
    const before = pose(second, 1700);
    const third = glideTo(second, fix({ lat: -34.91, lng: -56.15, recorded_ms: 1500 }), 1700);
    expect(pose(third, 1700).lng).toBeCloseTo(before.lng, 9);
    expect(pose(third, 1700).lat).toBeCloseTo(before.lat, 9);
  });

  it("does not go back for an older or repeated position", () => {
    expect(glideTo(second, fix({ recorded_ms: 1000 }), 1300)).toBe(second);
    expect(glideTo(second, fix({ recorded_ms: 900 }), 1300)).toBe(second);
  });

  it("is at most the longest glide behind, however far apart the positions are", () => {
    const late = glideTo(second, fix({ lng: -56.1, recorded_ms: 11_000 }), 11_000);
    expect(late.duration_ms).toBe(LONGEST_GLIDE_MS);
  });

  it("is put where it is after a long gap: the way between is unknown", () => {
    const after = glideTo(second, fix({ lng: -56.1, recorded_ms: 60_000 }), 60_000);
    expect(pose(after, 60_000)).toMatchObject({ lng: -56.1, moving: false });
  });

  it("steps when motion is reduced", () => {
    const stepped = glideTo(first, fix({ lng: -56.15, recorded_ms: 1000 }), 1200, true);
    expect(pose(stepped, 1200)).toMatchObject({ lng: -56.15, moving: false });
  });
});

describe("a heading", () => {
  it.each([
    [350, 10, 0.5, 0],
    [10, 350, 0.5, 0],
    [90, 180, 0.5, 135],
    [0, 270, 1 / 3, 330],
  ])("turns the short way from %d to %d", (from, to, share, expected) => {
    expect(turn(from, to, share)).toBeCloseTo(expected, 9);
  });

  it("stays the last one below 3 km/h", () => {
    const first = glideTo(null, fix({ heading: 200 }), 0);
    expect(glideTo(first, fix({ heading: 20, speed: 0.5, recorded_ms: 1000 }), 1000).to.heading).toBe(200);
    expect(glideTo(first, fix({ heading: 20, speed: 5, recorded_ms: 1000 }), 1000).to.heading).toBe(20);
  });

  it("is the direction of the way when none is reported", () => {
    const first = glideTo(null, fix({ heading: 0 }), 0);
    const north = glideTo(first, fix({ heading: null, lat: -34.89, recorded_ms: 1000 }), 1000);
    expect(north.to.heading).toBeCloseTo(0, 6);
    const west = glideTo(first, fix({ heading: null, lng: -56.17, recorded_ms: 1000 }), 1000);
    expect(west.to.heading).toBeCloseTo(270, 6);
  });

  it("stays when a vehicle without heading hardly moved", () => {
    const first = glideTo(null, fix({ heading: 45 }), 0);
    const next = glideTo(first, fix({ heading: null, lng: -56.160001, recorded_ms: 1000 }), 1000);
    expect(next.to.heading).toBe(45);
  });
});

describe("how often frames are drawn", () => {
  it("is seldom when vehicles hardly move on the screen", () => {
    expect(frameSpacing(0)).toBe(SLOWEST_FRAME_MS);
    expect(frameSpacing(0.002)).toBe(SLOWEST_FRAME_MS);
  });

  it("is so often that nothing jumps more than a quarter of a pixel", () => {
    expect(frameSpacing(0.05) * 0.05).toBeCloseTo(0.25, 9);
  });

  it("follows the speed of a glide, which is none when it is over", () => {
    const first = glideTo(null, fix({}), 0);
    const second = glideTo(first, fix({ lat: -34.89, recorded_ms: 1000 }), 0);
    expect(glideSpeed(second, 10) * second.duration_ms).toBeCloseTo(0.01, 9);
    expect(glideSpeed(second, second.duration_ms)).toBe(0);
    expect(glideSpeed(first, 0)).toBe(0);
  });
});
