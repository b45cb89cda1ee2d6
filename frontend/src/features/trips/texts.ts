/** What a row or panel says about a trip, in words: states, arrivals and the sentence that a screen reader speaks. */
import type { LiveTrip } from "../../api";
import { delayMinutes, type PillTone, type Reading } from "../../ui";
import type { Row } from "./rows";

export interface StateText {
  readonly text: string;
  readonly tone: "off" | "late" | "quiet";
}

/** The state as the row's detail, or null when from and to say enough. */
export function stateText({ trip, state, heard_s }: Row, { words, format }: Reading): StateText | null {
  if (trip?.status === "cancelled") return { text: words.trip.cancelled, tone: "quiet" };
  if (trip?.status !== "underway") return null;
  switch (state.attention) {
    case "off":
      return { text: words.trip.offRouteBy(format.distance(trip.off_route ?? 0)), tone: "off" };
    case "late":
      return state.motion === "stopped" ? { text: words.trip.stopped, tone: "late" } : null;
    case "silent":
      return { text: words.trip.silentFor(format.duration(heard_s ?? 0)), tone: "quiet" };
    case "fine":
      return null;
  }
}

/** "Ciudad Vieja" and "La Blanqueada": the ends of a trip, or its route's name when they have none. */
export function ends(trip: LiveTrip, { words }: Reading): readonly [string, string] {
  const [from, to] = [trip.from_name || trip.route_name, trip.to_name || words.trip.unknownPlace];
  return [from, to];
}

/** Whether the arrival is a guess of some age: the vehicle is silent, or this page has no connection. */
export const uncertain = (row: Row, offline: boolean): boolean => offline || row.state.attention === "silent";

/** The time at the row's right: expected arrival, or when it ended. */
export function timeText({ trip }: Row, { format }: Reading, doubtful: boolean): string {
  if (!trip) return "";
  if (trip.ended_ms !== null) return format.time(trip.ended_ms);
  if (trip.status !== "underway" || trip.arrival_ms === null) return "–";
  return `${doubtful ? "~" : ""}${format.time(trip.arrival_ms)}`;
}

/** The delay under the time, "?" when nobody can know. */
export function delayText({ trip, state }: Row, { format }: Reading): string {
  if (!trip || trip.status === "cancelled" || trip.delay === null) return "";
  if (trip.status === "underway" && state.attention === "silent") return "? min";
  return format.delay(trip.delay);
}

/** The trip's state as a pill. */
export function pillOf(
  { trip, state, vehicle }: Row,
  { words, format }: Reading,
): { tone: PillTone; text: string } | null {
  if (!trip) return vehicle ? { tone: "quiet", text: words.list.withoutTrip } : null;
  if (trip.status === "planned") return { tone: "quiet", text: words.trip.planned };
  if (trip.status === "finished") return { tone: "done", text: words.trip.finished };
  if (trip.status === "cancelled") return { tone: "quiet", text: words.trip.cancelled };
  if (state.attention === "off") return { tone: "off", text: words.trip.offRoute };
  if (state.attention === "late")
    return { tone: "late", text: words.trip.lateBy(format.duration(delayMinutes(trip.delay ?? 0) * 60)) };
  if (state.attention === "silent") return { tone: "quiet", text: words.trip.silent };
  return { tone: "quiet", text: words.trip.underway };
}

/** "Van 12, atrasada 11 minutos, chega 14:47, Ciudad Vieja para La Blanqueada". */
export function rowSentence(row: Row, reading: Reading, doubtful: boolean): string {
  const { words, format } = reading;
  const { trip } = row;
  if (!trip) return words.trip.rowSentence([row.name, words.list.withoutTrip]);
  const parts = [row.name];
  const state = stateText(row, reading);
  if (state) parts.push(state.text);
  if (trip.status === "planned") parts.push(words.trip.planned);
  if (trip.status === "underway" && trip.delay !== null && row.state.attention === "late") {
    parts.push(words.trip.lateByWord(format.duration(Math.abs(delayMinutes(trip.delay)) * 60)));
  }
  const time = timeText(row, reading, doubtful);
  if (trip.status === "underway" && trip.arrival_ms !== null) parts.push(words.trip.arrivesSentence(time));
  if (trip.status === "finished") parts.push(words.trip.finishedSentence(time));
  if (trip.status === "cancelled") parts.push(words.trip.cancelledSentence(time));
  parts.push(words.trip.route(...ends(trip, reading)));
  return words.trip.rowSentence(parts);
}
