import { describe, expect, it } from "vitest";

import type { Operations } from "../../api";
import { readingOf } from "../../ui";
import { figuresOf, shortFilter, shortName, sourcesOf, targetsOf } from "./summary";

const { words } = readingOf("en");
const trigger = { namespace: "trackway", broker: "default", subscriber: "x", in_flight: 0, dead_letters: 0 };
const service = {
  namespace: "trackway",
  starting: 0,
  in_flight: 0,
  requests_per_s: 0,
  p99_ms: null,
  cold_starts: [],
  cold_start_p50_ms: null,
  history: [],
};

const operations: Operations = {
  now_ms: 0,
  started_ms: 0,
  services: [
    { ...service, name: "persist", instances: 2 },
    { ...service, name: "plan", instances: 0 },
  ],
  deployments: [],
  brokers: [{ namespace: "trackway", name: "default", events_per_s: 512, events_total: 9 }],
  triggers: [
    { ...trigger, name: "progress", filter: "type = dev.trackway.position.recorded.v1", events_per_s: 200, backlog: 3 },
    { ...trigger, name: "persist", filter: "everything", events_per_s: 512, backlog: 4 },
  ],
  sources: [
    { source: "/trackway/functions/dispatch", events_per_s: 1 },
    { source: "/trackway/functions/simulate", events_per_s: 225 },
  ],
  dead_letters: { total: 0 },
};

describe("the operations figures", () => {
  it("sum over brokers, functions and triggers", () => {
    expect(figuresOf(operations)).toEqual({ events_per_s: 512, instances: 2, atZero: 1, backlog: 7, deadLetters: 0 });
  });

  it("name sources and destinations by what tells them apart", () => {
    expect(shortName("/trackway/functions/simulate")).toBe("simulate");
    expect(shortName("http://persist.trackway.svc.cluster.local/")).toBe("persist");
    expect(shortName("phone")).toBe("phone");
  });

  it("shorten filters to what they let through", () => {
    expect(shortFilter("type = dev.trackway.position.recorded.v1", words)).toBe("position.recorded");
    expect(shortFilter("(type = dev.trackway.trip.started.v1 or type = dev.trackway.trip.finished.v1)", words)).toBe(
      "trip.started, trip.finished",
    );
    expect(shortFilter("type = dev.trackway.… and not (type = dev.trackway.simulation.…)", words)).toBe(
      "every event but simulation.*",
    );
    expect([shortFilter("everything", words), shortFilter("type = dev.trackway.…", words)]).toEqual([
      "every event",
      "every event",
    ]);
  });

  it("draw the greatest streams first, and the dead letters last when there are some", () => {
    expect(sourcesOf(operations).map(({ name }) => name)).toEqual(["simulate", "dispatch"]);
    expect(targetsOf(operations, words).map(({ name }) => name)).toEqual(["persist", "progress"]);
    const failed = targetsOf({ ...operations, dead_letters: { total: 2 } }, words).at(-1);
    expect(failed).toMatchObject({ name: "Dead letters", detail: "2", failed: true });
  });
});
