// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it } from "vitest";

import type { LiveTrip } from "../../api";
import { aTrip, aVehicle, NOW } from "../../api/fixtures";
import { ReadingContext, readingOf } from "../../ui";
import { vehicleState } from "../live-map";
import type { Row } from "./rows";
import { TripRow } from "./TripRow";

const MINUTE = 60_000;

function rowOf(part: Partial<LiveTrip>, heard_ms = NOW): Row {
  const trip = aTrip(part);
  const vehicle = aVehicle();
  return {
    key: "trip:t1",
    selection: { kind: "trip", id: "t1" },
    trip,
    vehicle,
    vehicle_id: "v1",
    name: "Van 12",
    state: vehicleState(vehicle, trip, NOW, heard_ms),
    heard_s: (NOW - heard_ms) / 1000,
    group: "fine",
  };
}

function show(row: Row, language: "pt-BR" | "en" = "pt-BR", offline = false) {
  const nothing = () => undefined;
  render(
    <ReadingContext value={readingOf(language)}>
      <TripRow
        row={row}
        rowIndex={3}
        moved={false}
        selected
        active
        hovered={false}
        offline={offline}
        rulerWidth={96}
        style={{ height: 48 }}
        onSelect={nothing}
        onHover={nothing}
        onFocus={nothing}
      />
    </ReadingContext>,
  );
  return screen.getByRole("row");
}

const time = (ms: number) => readingOf("en").format.time(ms);

afterEach(cleanup);

describe("a row", () => {
  it("is a sentence for who does not see it", () => {
    const arrival_ms = NOW + 41 * MINUTE;
    const row = show(rowOf({ delay: 660, arrival_ms }));
    expect(row.getAttribute("aria-label")).toBe(
      `Van 12, atrasada 11 min, chega ${time(arrival_ms)}, Ciudad Vieja para La Blanqueada`,
    );
    expect([row.getAttribute("aria-selected"), row.getAttribute("aria-rowindex"), row.tabIndex]).toEqual([
      "true",
      "3",
      0,
    ]);
    expect(row.textContent).toContain("+11 min");
  });

  it("says how far off route, before how late", () => {
    const row = show(rowOf({ delay: 660, off_route: 640 }), "en");
    expect(row.textContent).toContain("640 m off route");
    expect(row.textContent).toContain("+11 min");
  });

  it("is not sure of anything while the vehicle is silent", () => {
    const arrival_ms = NOW + 10 * MINUTE;
    const row = show(rowOf({ arrival_ms }, NOW - 9 * MINUTE));
    expect(row.textContent).toContain("sem sinal há 9 min");
    expect(row.textContent).toContain(`~${time(arrival_ms)}`);
    expect(row.textContent).toContain("? min");
  });

  it("is not sure of arrivals while offline", () => {
    const arrival_ms = NOW + 10 * MINUTE;
    expect(show(rowOf({ arrival_ms }), "en", true).textContent).toContain(`~${time(arrival_ms)}`);
  });

  it("shows when a finished trip ended, and nothing to come", () => {
    const row = show(rowOf({ status: "finished", ended_ms: NOW - MINUTE, arrival_ms: null, delay: -120 }), "en");
    expect(row.textContent).toContain(time(NOW - MINUTE));
    expect(row.textContent).toContain("−2 min");
    expect(row.getAttribute("aria-label")).toContain("finished");
  });
});
