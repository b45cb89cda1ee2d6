// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";

import { ReadingContext, readingOf } from "../../ui";
import { StartPanel } from "./StartPanel";

const routes = [
  { route_id: "r1", name: "Circular", length: 6700, expected_duration: 1200, from_name: null, to_name: null },
  { route_id: "r2", name: "Rambla", length: 900, expected_duration: 200, from_name: null, to_name: null },
];

/** A server that refuses the first start and takes the second. */
function server() {
  const starts: { key: string; body: unknown }[] = [];
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    if (path === "/v1/routes") return Promise.resolve(new Response(JSON.stringify({ routes })));
    starts.push({ key: new Headers(init.headers).get("idempotency-key") ?? "", body: JSON.parse(init.body as string) });
    const problem = { type: "about:blank", title: "Unavailable", status: 503, detail: "the broker is starting" };
    return Promise.resolve(
      starts.length === 1
        ? new Response(JSON.stringify(problem), {
            status: 503,
            headers: { "content-type": "application/problem+json" },
          })
        : new Response(JSON.stringify({ trip_id: "t1" }), { status: 201 }),
    );
  });
  return starts;
}

function show() {
  const onStarted = vi.fn();
  const onPreview = vi.fn();
  render(
    <ReadingContext value={readingOf("en")}>
      <StartPanel onPreview={onPreview} onStarted={onStarted} onClose={() => undefined} />
    </ReadingContext>,
  );
  return { onStarted, onPreview };
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe("starting a trip", () => {
  it("previews the chosen route, starts it, and a second try after a failure carries the same key", async () => {
    const starts = server();
    const { onStarted, onPreview } = show();
    fireEvent.click(await screen.findByRole("radio", { name: /Circular/ }));
    expect(onPreview).toHaveBeenLastCalledWith("r1");
    const button = screen.getByRole("button", { name: "Start the trip" });
    fireEvent.click(button);
    expect((await screen.findByRole("alert")).textContent).toContain("the broker is starting");
    fireEvent.click(button);
    await waitFor(() => {
      expect(onStarted).toHaveBeenCalledWith({ trip_id: "t1" });
    });
    expect(starts[0]?.body).toEqual({ route_id: "r1", vehicle_name: "Van 01", simulated: true, speed: 1 });
    expect(starts.map(({ key }) => key)).toEqual([starts[0]?.key, starts[0]?.key]);
    expect(starts[0]?.key).not.toBe("");
  });

  it("takes a new key for another content", async () => {
    const starts = server();
    show();
    fireEvent.click(await screen.findByRole("radio", { name: /Circular/ }));
    fireEvent.click(screen.getByRole("button", { name: "Start the trip" }));
    await screen.findByRole("alert");
    fireEvent.click(screen.getByRole("button", { name: "×30" }));
    fireEvent.click(screen.getByRole("button", { name: "Start the trip" }));
    await waitFor(() => {
      expect(starts).toHaveLength(2);
    });
    expect(starts[1]?.key).not.toBe(starts[0]?.key);
    expect(starts[1]?.body).toMatchObject({ speed: 30 });
  });

  it("asks for a route before it sends anything", async () => {
    const starts = server();
    show();
    await screen.findByRole("radio", { name: /Circular/ });
    fireEvent.click(screen.getByRole("button", { name: "Start the trip" }));
    expect(screen.getByRole("alert").textContent).toBe("Choose a route.");
    expect(starts).toHaveLength(0);
  });

  it("narrows the routes by the search", async () => {
    server();
    show();
    await screen.findByRole("radio", { name: /Circular/ });
    fireEvent.change(screen.getByRole("searchbox"), { target: { value: "ramb" } });
    expect(screen.getAllByRole("radio")).toHaveLength(1);
    expect(screen.getByText("900 m, about 3 min")).toBeTruthy();
  });
});
