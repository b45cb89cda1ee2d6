import { describe, expect, it } from "vitest";

import { createFormat, delayMinutes } from "./format";

const pt = createFormat("pt-BR", "UTC");
const en = createFormat("en", "UTC");
const AT = Date.UTC(2026, 4, 3, 14, 6, 9);

describe("format", () => {
  it("writes times with 24 hours", () => {
    expect([pt.time(AT), en.time(AT)]).toEqual(["14:06", "14:06"]);
    expect([pt.clock(AT), en.clock(AT)]).toEqual(["14:06:09", "14:06:09"]);
    expect(en.time(Date.UTC(2026, 4, 3, 0, 5))).toBe("00:05");
  });

  it("writes numbers as the language does", () => {
    expect([pt.integer(1204), en.integer(1204)]).toEqual(["1.204", "1,204"]);
    expect([pt.kilometres(3349), en.kilometres(3349)]).toEqual(["3,3", "3.3"]);
    expect([pt.degrees(-34.9011), en.degrees(-34.9011)]).toEqual(["−34,90110", "−34.90110"]);
  });

  it("turns from metres to kilometres where the metres would round to a thousand", () => {
    expect([pt.distance(640.4), pt.distance(994), pt.distance(995), pt.distance(6700)]).toEqual([
      "640 m",
      "994 m",
      "1,0 km",
      "6,7 km",
    ]);
  });

  it("shows small rates with a digit, whole ones without", () => {
    expect([0, 0.4, 8, 9.94, 9.95, 512.4].map(pt.rate)).toEqual(["0", "0,4", "8", "9,9", "10", "512"]);
  });

  it("signs a delay with a true minus and never says more than has passed", () => {
    expect([0, 59, 60, 359, 660, -59, -130].map(en.delay)).toEqual([
      "0 min",
      "0 min",
      "+1 min",
      "+5 min",
      "+11 min",
      "0 min",
      "−2 min",
    ]);
    expect(Object.is(delayMinutes(-30), 0)).toBe(true);
  });

  it("writes durations in the two greatest units", () => {
    expect([0, 45, 60, 599, 3599, 3600, 3900].map(pt.duration)).toEqual([
      "0 s",
      "45 s",
      "1 min",
      "9 min",
      "59 min",
      "1 h 00 min",
      "1 h 05 min",
    ]);
  });

  it("says how long ago", () => {
    expect([pt.ago(2), en.ago(2), pt.ago(0.4), en.ago(0.4)]).toEqual(["há 2 s", "2 s ago", "agora", "now"]);
  });

  it("turns latencies to seconds when they are long", () => {
    expect([pt.latency(96.4), pt.latency(9999), pt.latency(11_134)]).toEqual([
      ["96", "ms"],
      ["9.999", "ms"],
      ["11,1", "s"],
    ]);
  });

  it("gives speeds in km/h from metres per second", () => {
    expect(en.speed(9)).toBe("32 km/h");
  });
});
