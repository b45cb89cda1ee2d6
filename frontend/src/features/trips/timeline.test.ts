import { describe, expect, it } from "vitest";

import type { CloudEvent } from "../../api";
import { readingOf } from "../../ui";
import { entriesOf, shortType } from "./timeline";

const event = (type: string, id: string, data: Record<string, unknown> = {}): CloudEvent => ({
  specversion: "1.0",
  id,
  source: "/trackway/functions/progress",
  type: `dev.trackway.${type}.v1`,
  time: `2026-05-03T14:0${id}:00Z`,
  data,
});

const en = readingOf("en");
const pt = readingOf("pt-BR");

describe("the timeline", () => {
  it("tells each fact in the reader's language", () => {
    const events = [
      event("trip.finished", "7"),
      event("trip.rejoined", "6"),
      event("trip.deviated", "5", { off_route: 640 }),
      event("trip.delayed", "4", { delay: 660, arrival_at: "2026-05-03T14:47:00Z" }),
      event("trip.started", "1"),
    ];
    expect(entriesOf(events, pt).map(({ title }) => title)).toEqual([
      "Corrida concluída",
      "Voltou à rota",
      "Saiu da rota",
      "Atraso passou do limite",
      "Corrida iniciada",
    ]);
    const [, , left, delayed] = entriesOf(events, en);
    expect(left).toMatchObject({ kind: "off", detail: "640 m from the route" });
    expect(delayed?.detail).toContain("11 min behind the promise");
  });

  it("folds repeated progress, tells the newest of it, and stays the same entry as it grows", () => {
    const older = [
      event("trip.progressed", "3", { fraction: 0.4, remaining: 4000 }),
      event("trip.progressed", "2"),
      event("trip.started", "1"),
    ];
    const newer = [event("trip.progressed", "4", { fraction: 0.5, remaining: 3300 }), ...older];
    const [before] = entriesOf(older, en);
    const [after, start] = entriesOf(newer, en);
    expect(after).toMatchObject({
      title: "3 progress reports",
      detail: "50% of the way, 3.3 km to go",
      key: before?.key,
    });
    expect(after?.events.map(({ id }) => id)).toEqual(["4", "3", "2"]);
    expect(start?.title).toBe("Trip started");
  });

  it("shows a fact that it does not know by its type, and one with broken data without its detail", () => {
    expect(entriesOf([event("geofence.entered", "1")], en)[0]?.title).toBe("geofence.entered");
    expect(entriesOf([event("trip.delayed", "1")], en)[0]).toMatchObject({ kind: "late", detail: null });
    expect(shortType("com.example.thing")).toBe("com.example.thing");
  });
});
