import { describe, expect, it } from "vitest";

import { cssVariables, tokens, type ThemeName, type TokenName } from "./tokens";

/** The table "Tokens" of the design: light and dark of each. */
const DESIGN: readonly (readonly [TokenName, string, string])[] = [
  ["bg", "#F1F4F4", "#0E1416"],
  ["surface", "#FFFFFF", "#151D20"],
  ["raised", "#FFFFFF", "#1A2427"],
  ["sunken", "#F5F7F7", "#111819"],
  ["hover", "#EDF1F1", "#1E292D"],
  ["line", "#DBE1E2", "#29363A"],
  ["line-strong", "#808D92", "#71838A"],
  ["ink", "#121A1D", "#EBF1F2"],
  ["ink2", "#445156", "#B1BEC2"],
  ["ink3", "#5C696E", "#92A1A6"],
  ["accent", "#1D56D8", "#79AEFF"],
  ["accent-on", "#FFFFFF", "#08152B"],
  ["accent-soft", "#E3EBFD", "#17294A"],
  ["late", "#8F5200", "#FFBD45"],
  ["late-fill", "#F2A31B", "#FFB42E"],
  ["late-soft", "#FDF0D8", "#33270F"],
  ["off", "#B3123B", "#FF8198"],
  ["off-fill", "#D4224F", "#FF5777"],
  ["off-soft", "#FCE4E9", "#3B1720"],
  ["done", "#0B6B50", "#57CFAB"],
  ["done-soft", "#DDF1EA", "#10302A"],
  ["marker", "#1B2629", "#E4EBEC"],
  ["marker-edge", "#FFFFFF", "#10181A"],
  ["quiet", "#5C696E", "#92A1A6"],
];

const THEMES: readonly ThemeName[] = ["light", "dark"];
const GROUNDS: readonly TokenName[] = ["bg", "surface", "sunken", "hover"];
const TEXTS: readonly TokenName[] = ["ink", "ink2", "ink3", "accent", "late", "off", "done"];

/** WCAG 2 relative luminance of "#rrggbb". */
function luminance(colour: string): number {
  const channels = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  const [r = 0, g = 0, b = 0] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

describe("tokens", () => {
  it.each(DESIGN)("%s has the design's values", (name, light, dark) => {
    expect([tokens.light[name], tokens.dark[name]]).toEqual([light, dark]);
  });

  it.each(THEMES)("%s: every text is readable on its worst ground", (theme) => {
    for (const text of TEXTS) {
      const worst = Math.min(...GROUNDS.map((ground) => contrast(tokens[theme][text], tokens[theme][ground])));
      expect(worst, text).toBeGreaterThanOrEqual(4.5);
    }
  });

  it.each(THEMES)("%s: text on its own soft tint keeps 5.2", (theme) => {
    for (const name of ["late", "off", "done"] as const) {
      expect(contrast(tokens[theme][name], tokens[theme][`${name}-soft`]), name).toBeGreaterThanOrEqual(5.2);
    }
  });

  it.each(THEMES)("%s: words on the primary button and labels on land are readable", (theme) => {
    const token = tokens[theme];
    expect(contrast(token["accent-on"], token.accent)).toBeGreaterThanOrEqual(4.5);
    for (const label of ["m-label", "m-place"] as const) {
      for (const ground of ["m-land", "m-water"] as const) {
        expect(contrast(token[label], token[ground]), `${label} on ${ground}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  it.each(THEMES)("%s: the edge of a control is told from its ground", (theme) => {
    const worst = Math.min(...GROUNDS.map((ground) => contrast(tokens[theme]["line-strong"], tokens[theme][ground])));
    expect(worst).toBeGreaterThanOrEqual(2.95);
  });

  it("gives every token as a CSS variable", () => {
    expect(cssVariables("dark")["--late-fill"]).toBe("#FFB42E");
    expect(Object.keys(cssVariables("light"))).toHaveLength(Object.keys(tokens.light).length);
  });
});
