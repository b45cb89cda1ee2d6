/** The golden samples that Python, Connect and this page share: each fact of a trip has words of its own. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import type { CloudEvent } from "../../api";
import { readingOf } from "../../ui";
import { entriesOf } from "./timeline";

const FOLDER = join(import.meta.dirname, "../../../../tests/contract/samples");
const samples = readdirSync(FOLDER).map((name) => JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as CloudEvent);
const ofTrips = samples.filter(({ type }) => type.startsWith("dev.trackway.trip."));

describe("the golden samples", () => {
  it.each(ofTrips.map((event) => [event.type, event] as const))("%s is told in words", (type, event) => {
    for (const language of ["pt-BR", "en"] as const) {
      const [entry] = entriesOf([event], readingOf(language));
      expect(entry?.title).toBeTruthy();
      expect(entry?.title).not.toContain(type);
      expect(`${entry?.title} ${entry?.detail}`).not.toMatch(/undefined|NaN|Invalid/);
      expect(entry?.time_ms).toBe(Date.parse(event.time ?? ""));
    }
  });

  it("covers every fact of a trip", () => {
    expect(ofTrips.length).toBeGreaterThanOrEqual(7);
  });
});
