// @vitest-environment jsdom
import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { keepConnected } from "../../api";
import { aReset } from "../../api/fixtures";
import { ReadingContext, readingOf } from "../../ui";
import type { Selection } from "./rows";
import { TripPanel } from "./TripPanel";

/** The gateway's end of the live connection: it gives the picture as soon as it is asked. */
class Gateway {
  onmessage: ((event: { data: string }) => void) | null = null;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  binaryType = "blob";
  readonly protocol = "trackway.v1.json";
  constructor() {
    queueMicrotask(() => {
      this.onopen?.();
      this.onmessage?.({ data: JSON.stringify(aReset()) });
    });
  }
  send(): void {
    // What the page watches does not matter here.
  }
  close(): void {
    // Nobody waits for it.
  }
}

function show(selection: Selection) {
  const nothing = () => undefined;
  render(
    <ReadingContext value={readingOf("en")}>
      <TripPanel
        selection={selection}
        tab="timeline"
        following={false}
        offline={false}
        onTab={nothing}
        onFollow={nothing}
        onClose={nothing}
      />
    </ReadingContext>,
  );
}

let disconnect: () => void = () => undefined;

beforeEach(async () => {
  vi.stubGlobal("WebSocket", Gateway);
  vi.stubGlobal("fetch", () => {
    const problem = { type: "about:blank", title: "Not Found", status: 404, detail: "there is no trip t9" };
    const headers = { "content-type": "application/problem+json" };
    return Promise.resolve(new Response(JSON.stringify(problem), { status: 404, headers }));
  });
  await act(async () => {
    disconnect = keepConnected();
    await Promise.resolve();
  });
});

afterEach(() => {
  cleanup();
  disconnect();
  vi.unstubAllGlobals();
});

describe("the panel of what an address names", () => {
  it("says that there is no such trip, and does not go on loading", async () => {
    show({ kind: "trip", id: "t9" });
    expect(await screen.findByText("Trip not found")).toBeTruthy();
    expect(screen.getByRole("heading").textContent).toBe("t9");
  });

  it("says what a vehicle that was never heard of has to do", async () => {
    show({ kind: "vehicle", id: "van-9" });
    expect(await screen.findByText("Waiting for the first position")).toBeTruthy();
    expect(screen.getByText(/sends its positions to \/v1\/ingest\/osmand/)).toBeTruthy();
    expect(screen.getByRole("heading").textContent).toBe("van-9");
  });
});
