// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";

import { ReadingContext, readingOf } from "../../ui";
import { DeadLetters } from "./DeadLetters";

const letter = {
  letter_id: "l1",
  event: {
    specversion: "1.0",
    id: "e1",
    source: "/phone",
    type: "dev.trackway.position.recorded.v1",
    data: { lat: 91.2 },
  },
  failed_at: "2026-05-03T14:00:00Z",
  destination: "http://persist.trackway.svc.cluster.local",
  code: 400,
  reason: "lat: Expected `float` <= 90.0",
};

/** A server with one dead letter until it is replayed or dropped. */
function server() {
  const calls: string[] = [];
  let letters = [letter];
  vi.stubGlobal("fetch", (path: string, { method = "GET" }: RequestInit) => {
    if (method !== "GET") {
      calls.push(`${method} ${path}`);
      letters = [];
      return Promise.resolve(new Response(null, { status: 204 }));
    }
    return Promise.resolve(new Response(JSON.stringify({ dead_letters: letters, total: letters.length })));
  });
  return calls;
}

function show() {
  render(
    <ReadingContext value={readingOf("en")}>
      <DeadLetters />
    </ReadingContext>,
  );
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe("dead letters", () => {
  it("show what failed where and why, and the raw event when asked", async () => {
    server();
    show();
    expect((await screen.findByTestId("dead-letter")).textContent).toContain(
      "persist 400: lat: Expected `float` <= 90.0",
    );
    fireEvent.click(screen.getByRole("button", { name: "View" }));
    expect(screen.getByLabelText("Event").textContent).toContain('"lat": 91.2');
  });

  it("are sent again and then gone", async () => {
    const calls = server();
    show();
    fireEvent.click(await screen.findByRole("button", { name: "Replay" }));
    await screen.findByText("Everything was delivered");
    expect(calls).toEqual(["POST /v1/dead-letters/l1/replay"]);
  });

  it("are dropped only after a question", async () => {
    const calls = server();
    show();
    fireEvent.click(await screen.findByRole("button", { name: "View" }));
    fireEvent.click(screen.getByRole("button", { name: "Drop" }));
    expect(calls).toEqual([]);
    fireEvent.click(screen.getByRole("button", { name: "Drop the event" }));
    await waitFor(() => {
      expect(calls).toEqual(["DELETE /v1/dead-letters/l1"]);
    });
  });
});
