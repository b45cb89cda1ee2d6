/** The page's address as state: what is looked at, chosen and filtered, read from and written to the URL's parameters. */
import type { Attention, MapCamera } from "../features/live-map";
import type { ListName, Selection, TripTab } from "../features/trips";

export interface LiveAddress {
  readonly at: MapCamera | null;
  readonly selection: Selection | null;
  readonly tab: TripTab;
  readonly list: ListName;
  readonly query: string;
  readonly only: ReadonlySet<Attention> | null;
  readonly follow: boolean;
  /** The panel that starts a trip is open. */
  readonly start: boolean;
}

const TABS: readonly TripTab[] = ["timeline", "events"];
const LISTS: readonly ListName[] = ["underway", "planned", "finished"];
const ATTENTIONS: readonly Attention[] = ["late", "off", "silent", "fine"];
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const LONGEST_QUERY = 200;

const oneOf = <T extends string>(values: readonly T[], text: string | null, fallback: T): T =>
  values.find((value) => value === text) ?? fallback;

function cameraOf(text: string | null): MapCamera | null {
  const numbers = (text ?? "").split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  const [lat, lng, zoom] = numbers;
  if (numbers.length !== 3 || lat === undefined || lng === undefined || zoom === undefined) return null;
  const valid = Math.abs(lat) <= 90 && Math.abs(lng) <= 180 && zoom >= 0 && zoom <= 24;
  return valid ? { lat, lng, zoom } : null;
}

function selectionOf(parameters: URLSearchParams): Selection | null {
  const trip = parameters.get("trip");
  if (trip !== null && ID.test(trip)) return { kind: "trip", id: trip };
  const vehicle = parameters.get("vehicle");
  return vehicle !== null && ID.test(vehicle) ? { kind: "vehicle", id: vehicle } : null;
}

/** The state that a query string says; what it does not say, or says in unknown words, is as on a fresh page. */
export function parseAddress(search: string): LiveAddress {
  const parameters = new URLSearchParams(search);
  const names = (parameters.get("only") ?? "").split(",");
  const only = ATTENTIONS.filter((attention) => names.includes(attention));
  const selection = selectionOf(parameters);
  return {
    at: cameraOf(parameters.get("at")),
    selection,
    tab: oneOf(TABS, parameters.get("tab"), "timeline"),
    list: oneOf(LISTS, parameters.get("list"), "underway"),
    query: (parameters.get("q") ?? "").slice(0, LONGEST_QUERY),
    only: only.length > 0 ? new Set(only) : null,
    follow: parameters.get("follow") === "1" && selection !== null,
    start: parameters.get("start") === "1",
  };
}

/** The query string of a state, without what is as on a fresh page: "" or "?…". */
export function formatAddress(address: LiveAddress): string {
  const parts: string[] = [];
  const put = (name: string, value: string) =>
    parts.push(`${name}=${encodeURIComponent(value).replaceAll("%2C", ",")}`);
  const { at, selection, tab, list, query, only, follow, start } = address;
  if (at) put("at", `${at.lat.toFixed(4)},${at.lng.toFixed(4)},${Number(at.zoom.toFixed(1))}`);
  if (selection) put(selection.kind, selection.id);
  if (tab !== "timeline") put("tab", tab);
  if (list !== "underway") put("list", list);
  if (query !== "") put("q", query);
  if (only && only.size > 0) put("only", ATTENTIONS.filter((attention) => only.has(attention)).join(","));
  if (follow && selection) put("follow", "1");
  if (start) put("start", "1");
  return parts.length > 0 ? `?${parts.join("&")}` : "";
}
