import { afterEach, describe, expect, it, vi } from "vitest";

import { ApiError, request } from "./client";
import { cancelTrip, getRoute, liveTripOf, startTrip } from "./endpoints";
import type { TripView } from "./types";

function answering(...answers: (Response | Error)[]) {
  const calls: [string, RequestInit][] = [];
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    calls.push([path, init]);
    const answer = answers.shift();
    return answer instanceof Response
      ? Promise.resolve(answer)
      : Promise.reject(answer ?? new Error("unexpected call"));
  });
  return calls;
}

const json = (value: unknown, status = 200, type = "application/json") =>
  new Response(JSON.stringify(value), { status, headers: { "content-type": type } });

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a request", () => {
  it("raises the server's problem with its field", async () => {
    answering(
      json(
        { type: "about:blank", title: "Conflict", status: 409, detail: "v1 is underway", field: "vehicle_id" },
        409,
        "application/problem+json",
      ),
    );
    const error = await startTrip({ route_id: "r1" }, "key").catch((raised: unknown) => raised);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 409, message: "v1 is underway", problem: { field: "vehicle_id" } });
  });

  it("makes a problem of an answer that is none", async () => {
    answering(new Response("<h1>Bad gateway</h1>", { status: 502, headers: { "content-type": "text/html" } }));
    await expect(request("/v1/trips")).rejects.toMatchObject({ status: 502 });
  });

  it("has no problem when nobody answers", async () => {
    answering(new TypeError("Failed to fetch"));
    await expect(request("/v1/trips")).rejects.toMatchObject({ problem: null });
  });

  it("lets an abort through as it is", async () => {
    answering(new DOMException("aborted", "AbortError"));
    await expect(request("/v1/trips")).rejects.toMatchObject({ name: "AbortError" });
  });

  it("gives nothing for an empty answer and complains of one that is not JSON", async () => {
    answering(new Response(null, { status: 204 }), new Response("", { status: 202 }), new Response("{"));
    await expect(request("/a")).resolves.toBeUndefined();
    await expect(request("/a")).resolves.toBeUndefined();
    await expect(request("/a")).rejects.toBeInstanceOf(ApiError);
  });
});

describe("the addresses", () => {
  it("start a trip with its key and escape ids", async () => {
    const calls = answering(json({}, 201), json({}));
    await startTrip({ route_id: "r1", speed: 10 }, "key-1");
    await cancelTrip("a/b");
    expect(calls[0]?.[0]).toBe("/v1/trips");
    expect(calls[0]?.[1].headers).toMatchObject({ "idempotency-key": "key-1", "content-type": "application/json" });
    expect(calls[0]?.[1].body).toBe('{"route_id":"r1","speed":10}');
    expect(calls[1]?.[0]).toBe("/v1/trips/a%2Fb/cancel");
  });

  it("ask for a route once, and again only after a failure", async () => {
    const calls = answering(new TypeError("down"), json({ route_id: "r7" }));
    await expect(getRoute("r7")).rejects.toBeInstanceOf(ApiError);
    await getRoute("r7");
    await getRoute("r7");
    expect(calls).toHaveLength(2);
  });
});

describe("an archived trip", () => {
  it("reads like a live one", () => {
    const view: TripView = {
      trip: {
        trip_id: "t1",
        vehicle_id: "v1",
        vehicle_name: "Van 12",
        route_id: "r1",
        status: "finished",
        simulated: true,
        speed: 1,
        seed: 0,
        planned_at: "2026-05-03T14:00:00Z",
        promised_at: "2026-05-03T14:30:00Z",
        started_at: "2026-05-03T14:00:00Z",
        ended_at: "2026-05-03T14:28:00Z",
      },
      progress: null,
      position: null,
    };
    const trip = liveTripOf(view, null);
    expect(trip).toMatchObject({ status: "finished", fraction: 1, remaining: 0, route_name: "", arrival_ms: null });
    expect(trip.ended_ms).toBe(Date.UTC(2026, 4, 3, 14, 28));
  });
});
