import { describe, expect, it } from "vitest";

import { drawRuler, place } from "./ruler";

const WIDTH = 96;
const minutes = (n: number) => n * 60;
const draw = (delay: number | null, more: object = {}) =>
  drawRuler({ delay, earliest: null, latest: null, silent: false, ...more }, WIDTH);

describe("delay ruler", () => {
  it("puts the promise at a quarter of the axis, whatever the row", () => {
    expect(place(0, WIDTH)).toBe(24);
    expect([draw(0).zero, draw(minutes(20)).zero, draw(null).zero]).toEqual([24, 24, 24]);
  });

  it("is linear from ten minutes early to thirty late, and ends there", () => {
    expect([minutes(-10), minutes(10), minutes(30)].map((delay) => place(delay, WIDTH))).toEqual([0, 48, 96]);
    expect([minutes(-60), minutes(90)].map((delay) => place(delay, WIDTH))).toEqual([0, 96]);
  });

  it("draws the amber bar from the promise to the dot above five minutes only", () => {
    expect(draw(minutes(5)).bar).toBeNull();
    expect(draw(minutes(11)).bar).toEqual([24, place(minutes(11), WIDTH)]);
    expect(draw(minutes(-8)).bar).toBeNull();
  });

  it("says beyond which end the dot lies", () => {
    expect([draw(minutes(30)).beyond, draw(minutes(31)).beyond, draw(minutes(-11)).beyond]).toEqual([
      null,
      "right",
      "left",
    ]);
  });

  it("lets the band hold the dot even if the range does not", () => {
    const band = draw(minutes(10), { earliest: minutes(12), latest: minutes(15) }).band;
    expect(band).toEqual([place(minutes(10), WIDTH), place(minutes(15), WIDTH)]);
  });

  it("shows dots and no figure while a vehicle is silent, and nothing before a first estimate", () => {
    const silent = draw(minutes(12), { silent: true });
    expect([silent.dot, silent.bar, silent.band]).toEqual([null, null, null]);
    expect(silent.dots).not.toBeNull();
    expect(draw(null).dots).toBeNull();
  });
});
