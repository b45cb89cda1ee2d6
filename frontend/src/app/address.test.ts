import { describe, expect, it } from "vitest";

import { formatAddress, parseAddress, type LiveAddress } from "./address";

const fresh: LiveAddress = {
  at: null,
  selection: null,
  tab: "timeline",
  list: "underway",
  query: "",
  only: null,
  follow: false,
  start: false,
};

describe("the address", () => {
  it("is empty on a fresh page", () => {
    expect(formatAddress(fresh)).toBe("");
    expect(parseAddress("")).toEqual(fresh);
  });

  it("comes back as it was written", () => {
    const address: LiveAddress = {
      at: { lat: -34.9011, lng: -56.1645, zoom: 13.2 },
      selection: { kind: "trip", id: "t-1.b" },
      tab: "events",
      list: "finished",
      query: "van 12, união & cia",
      only: new Set(["late", "off"]),
      follow: true,
      start: true,
    };
    const text = formatAddress(address);
    expect(text).toContain("at=-34.9011,-56.1645,13.2&trip=t-1.b&tab=events");
    expect(text).toContain("only=late,off");
    expect(parseAddress(text)).toEqual(address);
  });

  it.each([
    "?at=1,2",
    "?at=91,0,3",
    "?at=,,",
    "?at=a,b,c",
    "?trip=%3Cscript%3E",
    "?tab=charts",
    "?list=all",
    "?only=blue,",
    "?follow=1",
    "?start=yes",
    "?something=else",
  ])("drops what it does not know: %s", (search) => {
    expect(parseAddress(search)).toEqual(fresh);
  });

  it("chooses a vehicle when there is no trip", () => {
    expect(parseAddress("?vehicle=phone-1&follow=1")).toMatchObject({
      selection: { kind: "vehicle", id: "phone-1" },
      follow: true,
    });
  });
});
