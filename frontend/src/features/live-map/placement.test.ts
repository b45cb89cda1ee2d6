import { describe, expect, it } from "vitest";
import { placeNames, type Candidate } from "./placement";

const VIEW = { width: 800, height: 600 };
const at = (id: string, x: number, y: number): Candidate => ({ id, x, y, width: 80, height: 22, gap: 20 });

describe("names beside vehicles", () => {
  it("stand at the right", () => {
    expect(placeNames([at("a", 400, 300)], VIEW).get("a")).toEqual([60, 0]);
  });

  it("stand at the left where the map ends", () => {
    expect(placeNames([at("a", 780, 300)], VIEW).get("a")).toEqual([-60, 0]);
  });

  it("keep the first one's place and move the second one's", () => {
    const placed = placeNames([at("a", 400, 300), at("b", 420, 308)], VIEW);
    expect(placed.get("a")).toEqual([-60, 0]);
    expect(placed.get("b")).toEqual([60, 0]);
  });

  it("leave clusters visible where a side is free", () => {
    expect(placeNames([at("a", 400, 300)], VIEW, [{ x: 460, y: 300 }]).get("a")).toEqual([-60, 0]);
    const around = [460, 340].map((x) => ({ x, y: 300 })).concat([269, 331].map((y) => ({ x: 400, y })));
    expect(placeNames([at("a", 400, 300)], VIEW, around).get("a")).toEqual([60, 0]);
  });

  it("stay on the side they had as long as it is free", () => {
    const before = new Map([["a", [0, 31] as const]]);
    expect(placeNames([at("a", 400, 300)], VIEW, [], before).get("a")).toEqual([0, 31]);
    expect(placeNames([at("a", 400, 580)], VIEW, [], before).get("a")).toEqual([60, 0]);
  });

  it("are left out rather than drawn over one another", () => {
    const crowd = Array.from({ length: 12 }, (_, i) => at(`v${i}`, 400 + i, 300));
    const placed = placeNames(crowd, VIEW);
    expect(placed.has("v0")).toBe(true);
    expect(placed.size).toBeLessThan(12);
    const boxes = [...placed].map(([id, [dx, dy]]) => {
      const c = crowd.find((v) => v.id === id) ?? at("", 0, 0);
      return { left: c.x + dx - 40, right: c.x + dx + 40, top: c.y + dy - 11, bottom: c.y + dy + 11 };
    });
    for (const [i, a] of boxes.entries()) {
      for (const b of boxes.slice(i + 1)) {
        expect(a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top).toBe(false);
      }
    }
  });

  it("are left out for a vehicle out of view", () => {
    expect(placeNames([at("a", -200, 300)], VIEW).size).toBe(0);
  });
});
