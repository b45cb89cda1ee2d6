import { describe, expect, it } from "vitest";

import { layoutOf } from "./useLayout";
import { nearestHeight, sheetPx } from "./PhonePage";
import { readSettings } from "./settings";
import { toggled } from "./TopBar";

describe("settings", () => {
  it("follow the browser's language on a first visit", () => {
    expect(readSettings(null, ["pt-BR"])).toEqual({ language: "pt-BR", singleKeys: true });
  });

  it("are what was chosen", () => {
    expect(readSettings('{"language":"en","singleKeys":false}', ["pt-BR"])).toEqual({
      language: "en",
      singleKeys: false,
    });
  });

  it.each(["not json", "3", "null", '{"language":"tlh"}'])("survive %o in the storage", (text) => {
    expect(readSettings(text, ["en"])).toEqual({ language: "en", singleKeys: true });
  });
});

describe("the layout", () => {
  it.each([
    [390, "phone"],
    [599, "phone"],
    [600, "tablet"],
    [1023, "tablet"],
    [1024, "narrow"],
    [1200, "desktop"],
    [1920, "desktop"],
  ])("at %i px is for a %s", (width, layout) => {
    expect(layoutOf(width)).toBe(layout);
  });
});

describe("the phone's sheet", () => {
  it("has three heights and rests at the nearest", () => {
    expect([sheetPx("low", 800), sheetPx("middle", 800), sheetPx("high", 800)]).toEqual([88, 304, 736]);
    expect([100, 260, 700].map((px) => nearestHeight(px, 800))).toEqual(["low", "middle", "high"]);
  });
});

describe("a counter", () => {
  it("joins and leaves the filter, which is none when nothing is pressed", () => {
    const late = toggled(null, "late");
    expect([...(toggled(late, "off") ?? [])]).toEqual(["late", "off"]);
    expect(toggled(late, "late")).toBeNull();
  });
});
