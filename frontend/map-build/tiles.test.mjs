import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { VectorTile } from "@mapbox/vector-tile";
import { PbfReader } from "pbf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildLayers } from "./layers.mjs";
import { tilesWithin, writeTiles } from "./tiles.mjs";

const NO_SEA = { type: "MultiPolygon", coordinates: [] };

describe("the tiles", () => {
  let folder;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "tiles-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const read = (z, x, y) => {
    const bytes = readFileSync(path.join(folder, `${z}/${x}/${y}.pbf`));
    return new VectorTile(new PbfReader(bytes)).layers;
  };
  const road = (highway, name) => ({
    ...{ id: 1, kind: "line", tags: { highway, name, oneway: "yes" } },
    parts: [
      [
        [-56.2, -34.9],
        [-56.19, -34.905],
      ],
    ],
  });
  const bounds = [-56.2109, -34.9, -56.2, -34.89];

  it("hold each road from its own zoom on, with its name and direction", () => {
    const layers = buildLayers([road("primary", "Avenida 18 de Julio"), road("residential", "Yi")], NO_SEA);
    const view = [-56.21, -34.91, -56.19, -34.89];
    writeTiles(layers, { folder, bounds: view, minzoom: 10, maxzoom: 12 });
    const [z10] = [...tilesWithin(view, 10, 10)];
    const far = read(...z10).road;
    expect(far.length).toBe(1);
    expect(far.feature(0).properties).toEqual({ class: "primary", name: "Avenida 18 de Julio", oneway: 1 });
    const near = [...tilesWithin(view, 12, 12)].flatMap((tile) => read(...tile).road ?? []);
    expect(near.some((layer) => layer.length === 2)).toBe(true);
  });

  it("are empty files where there is nothing, so that every tile of the view exists", () => {
    const { tiles, bytes } = writeTiles(buildLayers([], NO_SEA), { folder, bounds, minzoom: 10, maxzoom: 11 });
    expect(tiles).toBe([...tilesWithin(bounds, 10, 11)].length);
    expect(bytes).toBe(0);
  });
});
