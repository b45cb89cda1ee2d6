import { createExpression, validateStyleMin } from "@maplibre/maplibre-gl-style-spec";
import { describe, expect, it } from "vitest";
import { tokens } from "../../ui/tokens";
import { NO_ROUTE } from "./RouteLayer";
import { ROAD_WIDTHS, mapStyle } from "./style";

const styles = (["light", "dark"] as const).map((theme) => ({
  theme,
  style: mapStyle({ theme, tokens: tokens[theme], route: NO_ROUTE }),
}));

describe.each(styles)("the $theme style", ({ theme, style }) => {
  it("is a valid MapLibre style", () => {
    expect(validateStyleMin(style)).toEqual([]);
  });

  it("takes everything from this page: no glyphs, sprites or tiles from elsewhere", () => {
    expect(style).not.toHaveProperty("glyphs");
    expect(style).not.toHaveProperty("sprite");
    expect(JSON.stringify(style)).not.toMatch(/https?:/);
  });

  it("never uses the accent outside of the route", () => {
    const base = style.layers.filter((layer) => !layer.id.startsWith("route-"));
    expect(JSON.stringify(base)).not.toContain(tokens[theme].accent);
  });

  it("lays the route over the streets and under the labels", () => {
    const order = style.layers.map((layer) => layer.id);
    expect(order.indexOf("route-halo")).toBeGreaterThan(order.indexOf("bridge"));
    expect(order.indexOf("route-back")).toBeLessThan(order.indexOf("label-street"));
    expect(order.at(-1)).toBe("label-place");
  });

  it("draws casings only on the light map", () => {
    const cased = style.layers.some((layer) => layer.id.endsWith("-case"));
    expect(cased).toBe(theme === "light");
  });

  it.each([
    ["trunk", 11, 1.6],
    ["primary", 13, 2.8],
    ["tertiary", 15, 4.2],
    ["residential", 17, 9],
  ] as const)("draws a %s street at zoom %d as wide as the table says", (name, zoom, width) => {
    const layer = style.layers.find(
      ({ id }) => id === (name === "trunk" || name === "primary" ? "street-major" : "street-minor"),
    );
    const value = layer?.type === "line" ? layer.paint?.["line-width"] : undefined;
    const compiled = createExpression(value, "layers[0].paint.line-width");
    if (compiled.result === "error") throw new Error(compiled.value.map((e) => e.message).join());
    const feature = { type: 2, properties: { class: name } } as const;
    expect(compiled.value.evaluate({ zoom }, feature)).toBeCloseTo(width, 6);
    expect(ROAD_WIDTHS[name][(zoom - 11) / 2]).toBe(width);
  });
});
