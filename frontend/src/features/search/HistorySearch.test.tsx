// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";

import { ReadingContext, readingOf } from "../../ui";
import { HistorySearch } from "./HistorySearch";

const FOUND = {
  trips: [
    {
      trip_id: "t-1",
      vehicle_id: "van-12",
      vehicle_name: "Caminhão 12",
      status: "finished",
      started_at: "2026-01-02T12:00:00Z",
      latest: "2026-01-02T12:10:00Z",
    },
  ],
  positions: [
    { vehicle_id: "moto-7", lat: -34.8, lng: -56, recorded_at: "2026-01-02T12:00:00Z", distance: 640 },
    { vehicle_id: "van-12", trip_id: "t-1", lat: -34.8, lng: -56, recorded_at: "2026-01-02T12:00:00Z" },
  ],
  positions_total: 1204,
};
const CAMERA = { lat: -34.9, lng: -56.2, zoom: 13 };

/** A server that answers every question so, and remembers what was asked. */
function server(status: number, body: unknown) {
  const asked: URL[] = [];
  vi.stubGlobal("fetch", (path: string) => {
    asked.push(new URL(path, "http://page"));
    return Promise.resolve(
      new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } }),
    );
  });
  return asked;
}

function show(query: string) {
  const onTrip = vi.fn();
  const onVehicle = vi.fn();
  const element = (text: string) => (
    <ReadingContext value={readingOf("en")}>
      <HistorySearch query={text} camera={CAMERA} onTrip={onTrip} onVehicle={onVehicle} />
    </ReadingContext>
  );
  const { rerender } = render(element(query));
  return { onTrip, onVehicle, type: (text: string) => rerender(element(text)) };
}

afterEach(() => {
  vi.useRealTimers();
  cleanup();
  vi.unstubAllGlobals();
});

describe("search in the whole history", () => {
  it("shows trips and positions of any day, and opens what is chosen", async () => {
    const asked = server(200, FOUND);
    const { onTrip, onVehicle } = show("caminhao");
    // The trip, and where its vehicle was: by the name that the trip gives it.
    for (const button of await screen.findAllByRole("button", { name: /Caminhão 12/ })) fireEvent.click(button);
    expect(onTrip.mock.calls).toEqual([["t-1"], ["t-1"]]);
    fireEvent.click(screen.getByRole("button", { name: /moto-7.*640 m/ }));
    expect(onVehicle).toHaveBeenCalledWith("moto-7");
    expect(screen.getByRole("status").textContent).toBe("1 trip and 1,204 positions in the history");
    expect(asked.map((url) => url.searchParams.get("q"))).toEqual(["caminhao"]);
  });

  it("narrows down to the map's surroundings", async () => {
    const asked = server(200, FOUND);
    show("caminhao");
    fireEvent.click(await screen.findByRole("button", { name: "Near the map's middle" }));
    await waitFor(() => expect(asked.at(-1)?.searchParams.get("near")).toMatch(/^-34\.90000,-56\.20000,/));
  });

  it("says when nothing is left of what was narrowed down, and widens it again", async () => {
    const asked = server(200, { trips: [], positions: [], positions_total: 0 });
    show("van");
    expect(await screen.findByText("Nothing in the history")).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "Near the map's middle" }));
    fireEvent.change(screen.getByRole("combobox"), { target: { value: "2h" } });
    expect(await screen.findByText("Nothing in the history so narrowed down")).toBeTruthy();
    await waitFor(() => expect(asked.at(-1)?.searchParams.has("since")).toBe(true));
    fireEvent.click(screen.getByRole("button", { name: "Search everywhere, any time" }));
    await waitFor(() => expect([...(asked.at(-1)?.searchParams.keys() ?? [])].sort()).toEqual(["limit", "q"]));
  });

  it("is not there where the server has no search, and asks only once", async () => {
    const asked = server(404, { type: "about:blank", title: "Not Found", status: 404, detail: "not configured" });
    const { type } = show("van");
    await waitFor(() => expect(asked).toHaveLength(1));
    vi.useFakeTimers();
    type("van 12");
    await act(() => vi.advanceTimersByTimeAsync(1000));
    expect(asked).toHaveLength(1);
    expect(screen.queryByTestId("history-search")).toBeNull();
  });

  it("says why when the first question already finds Elasticsearch away, and asks again on request", async () => {
    const asked = server(503, {
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      detail: "es:9200 is away",
    });
    show("van");
    expect((await screen.findByTestId("history-search")).textContent).toContain("es:9200 is away");
    server(200, FOUND);
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findAllByRole("button", { name: /Caminhão 12/ })).toHaveLength(2);
    expect(asked).toHaveLength(1);
  });

  it("asks nothing while the field is empty", async () => {
    const asked = server(200, FOUND);
    const { type } = show("");
    expect(screen.queryByTestId("history-search")).toBeNull();
    type("van");
    await screen.findByTestId("history-search");
    expect(asked).toHaveLength(1);
  });
});
