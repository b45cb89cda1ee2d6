// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { aTrip, NOW } from "../../api/fixtures";
import { ReadingContext, readingOf } from "../../ui";
import { vehicleState } from "../live-map";
import type { ListPicture } from "./listModel";
import { keyOf, type Row, type Selection } from "./rows";
import { TripGrid } from "./TripGrid";

const ROWS = 200;

function row(n: number): Row {
  const trip = aTrip({ trip_id: `t${n}`, vehicle_name: `Van ${n}` });
  const selection: Selection = { kind: "trip", id: trip.trip_id };
  const state = vehicleState(undefined, trip, NOW, NOW);
  return {
    key: keyOf(selection),
    selection,
    trip,
    vehicle: undefined,
    vehicle_id: `v${n}`,
    name: trip.vehicle_name,
    state,
    heard_s: 0,
    group: "fine",
  };
}

const picture: ListPicture = {
  items: [
    { kind: "header", key: "header:fine", group: "fine", count: ROWS },
    ...Array.from({ length: ROWS }, (_, n) => ({ kind: "row", key: `trip:t${n}`, row: row(n), moved: false }) as const),
  ],
  rows: ROWS,
  unfiltered: ROWS,
};

const onSelect = vi.fn();
const onHold = vi.fn();

function Grid() {
  const [selected] = useState<Selection | null>(null);
  return (
    <ReadingContext value={readingOf("en")}>
      <TripGrid
        picture={picture}
        list="underway"
        ready
        selected={selected}
        hoveredVehicle={null}
        offline={false}
        touch={false}
        empty={null}
        onSelect={onSelect}
        onHover={() => undefined}
        onHold={onHold}
        onLeaveUp={() => undefined}
      />
    </ReadingContext>
  );
}

beforeEach(() => {
  // A window of ten rows; jsdom itself has no layout.
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(480);
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(400);
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe = () => undefined;
      unobserve = () => undefined;
      disconnect = () => undefined;
    },
  );
  Element.prototype.scrollTo = () => undefined;
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  onSelect.mockClear();
  onHold.mockClear();
});

describe("the grid", () => {
  it("draws what is in view and says how many there are", () => {
    render(<Grid />);
    expect(screen.getByRole("grid").getAttribute("aria-rowcount")).toBe(String(ROWS));
    const drawn = screen.getAllByRole("row").length;
    expect(drawn).toBeGreaterThan(8);
    expect(drawn).toBeLessThan(40);
  });

  it("has one tab stop, which the arrows move with the focus", () => {
    render(<Grid />);
    const stops = () => screen.getAllByRole("row").filter((element) => element.tabIndex === 0);
    expect(stops()).toHaveLength(1);
    const first = stops()[0];
    first?.focus();
    fireEvent.keyDown(screen.getByRole("grid"), { key: "ArrowDown" });
    fireEvent.keyDown(screen.getByRole("grid"), { key: "ArrowDown" });
    expect(stops().map((element) => element.dataset.trip)).toEqual(["t2"]);
    expect(document.activeElement).toBe(stops()[0]);
    fireEvent.keyDown(screen.getByRole("grid"), { key: "ArrowUp" });
    expect(stops()[0]?.dataset.trip).toBe("t1");
  });

  it("walks to the last row, which was not in the document", () => {
    render(<Grid />);
    screen.getAllByRole("row")[0]?.focus();
    fireEvent.keyDown(screen.getByRole("grid"), { key: "End" });
    expect(document.activeElement?.getAttribute("data-trip")).toBe(`t${ROWS - 1}`);
    expect(document.activeElement?.getAttribute("aria-rowindex")).toBe(String(ROWS));
  });

  it("opens the focused row with Enter, and any by a click", () => {
    render(<Grid />);
    screen.getAllByRole("row")[0]?.focus();
    fireEvent.keyDown(screen.getByRole("grid"), { key: "ArrowDown" });
    fireEvent.keyDown(screen.getByRole("grid"), { key: "Enter" });
    expect(onSelect).toHaveBeenLastCalledWith({ kind: "trip", id: "t1" });
    fireEvent.click(screen.getByText("Van 4"));
    expect(onSelect).toHaveBeenLastCalledWith({ kind: "trip", id: "t4" });
  });

  it("is held while the pointer is in it", () => {
    render(<Grid />);
    fireEvent.pointerEnter(screen.getByRole("grid"), { pointerType: "mouse" });
    expect(onHold).toHaveBeenLastCalledWith("pointer", true);
    fireEvent.pointerLeave(screen.getByRole("grid"));
    expect(onHold).toHaveBeenLastCalledWith("pointer", false);
  });
});
