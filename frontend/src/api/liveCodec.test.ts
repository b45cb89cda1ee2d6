import { decode, encode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";

import { aReset, aTrip, aVehicle, anUpdate } from "./fixtures";
import type { Watch } from "./types";
import { JSON_TEXT, MSGPACK, readFrame, UnreadableFrame, writeAges, writeWatch } from "./liveCodec";

const bytes = (value: unknown): ArrayBuffer => encode(value).slice().buffer;
const inOrder = (record: object): unknown[] => Object.values(record);

describe("live frames", () => {
  it("are the same from MessagePack arrays as from JSON", () => {
    const reset = aReset();
    const { kind, epoch, offset, now_ms, counts } = reset;
    const array = [kind, epoch, offset, now_ms, [inOrder(aVehicle())], [inOrder(aTrip())], inOrder(counts)];
    expect(readFrame(bytes(array))).toMatchObject(reset);
    expect(readFrame(JSON.stringify(reset))).toMatchObject(reset);
  });

  it("say which vehicles are gone", () => {
    const update = anUpdate({ gone: ["v7"] });
    const { kind, epoch, offset, now_ms } = update;
    expect(readFrame(bytes([kind, epoch, offset, now_ms, [], [], null, ["v7"]]))).toEqual(update);
    expect(readFrame(bytes([kind, epoch, offset, now_ms, [], [], null]))).toEqual({ ...update, gone: [] });
  });

  it("carry notices", () => {
    expect(readFrame(bytes(["notice", "slow", "frames were dropped"]))).toEqual({
      kind: "notice",
      code: "slow",
      message: "frames were dropped",
    });
  });

  it.each([
    ["text that is not JSON", "{"],
    ["a kind of another protocol", JSON.stringify({ kind: "hello" })],
    ["a frame without an epoch", JSON.stringify({ kind: "update", offset: 1, now_ms: 1, vehicles: [], trips: [] })],
    ["records that are none", JSON.stringify({ ...aReset(), vehicles: null })],
    ["a number", "3"],
  ])("are refused when they are %s", (_, message) => {
    expect(() => readFrame(message)).toThrow(UnreadableFrame);
  });
});

describe("a watch", () => {
  const watch: Watch = {
    kind: "watch",
    box: [-35, -57, -34, -56],
    zoom: 13.2,
    vehicles: ["v1"],
    trip: "t1",
    resume: { epoch: "e1", offset: 10 },
  };

  it("is an object in JSON and an array in MessagePack", () => {
    expect(JSON.parse(writeWatch(watch, JSON_TEXT) as string)).toEqual(watch);
    const packed = decode(writeWatch(watch, MSGPACK) as Uint8Array);
    expect(packed).toEqual(["watch", [-35, -57, -34, -56], 13.2, ["v1"], "t1", ["e1", 10]]);
  });
});

describe("a report of ages", () => {
  it("is an object in JSON and an array in MessagePack", () => {
    expect(JSON.parse(writeAges({ kind: "ages", ages_ms: [40, 7] }, JSON_TEXT) as string)).toEqual({
      kind: "ages",
      ages_ms: [40, 7],
    });
    expect(decode(writeAges({ kind: "ages", ages_ms: [40, 7] }, MSGPACK) as Uint8Array)).toEqual(["ages", [40, 7]]);
  });
});
