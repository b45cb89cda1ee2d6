/** The operations figures in the page's terms: sums, short names, and the streams of the event flow. */
import type { Operations } from "../../api";
import type { Words } from "../../ui";
import type { Stream } from "./flow";

export interface Figures {
  readonly events_per_s: number;
  readonly instances: number;
  readonly atZero: number;
  readonly backlog: number;
  readonly deadLetters: number;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export function figuresOf(operations: Operations): Figures {
  return {
    events_per_s: sum(operations.brokers.map((broker) => broker.events_per_s)),
    instances: sum(operations.services.map((service) => service.instances)),
    atZero: operations.services.filter((service) => service.instances === 0).length,
    backlog: sum(operations.triggers.map((trigger) => trigger.backlog)),
    deadLetters: operations.dead_letters.total,
  };
}

/** The last part of a source or address: "simulate" of "/trackway/functions/simulate" or "http://persist.trackway.svc…/". */
export function shortName(source: string): string {
  const address = /^\w+:\/\/([^/.:]+)/.exec(source)?.[1];
  return address ?? source.split("/").findLast((part) => part !== "") ?? source;
}

const EVERYTHING = new Set(["", "everything", "*"]);

/** A filter's text without what all types share: "position.recorded, trip.started"; "…" of a prefix becomes "*". */
export function shortFilter(filter: string, words: Words): string {
  const text = filter
    .replace(/\btype = /g, "")
    .replace(/\bdev\.trackway\./g, "")
    .replace(/\.v\d+\b/g, "")
    .replace(/[()]/g, "")
    .replaceAll("…", "*")
    .replaceAll(" or ", ", ")
    .trim();
  const [but, ...excepted] = text.split(/ and not /);
  const rest = excepted.join(", ");
  if (!EVERYTHING.has(but ?? "")) return text;
  return rest === "" ? words.operations.everyFact : words.operations.everyFactBut(rest);
}

/** Sources by their rate, greatest first. */
export function sourcesOf({ sources }: Operations): Stream[] {
  return [...sources]
    .sort((a, b) => b.events_per_s - a.events_per_s || a.source.localeCompare(b.source))
    .map(({ source, events_per_s }) => ({ name: shortName(source), detail: source, rate: events_per_s }));
}

/** Triggers by their rate, greatest first; then the dead letters when there are some. */
export function targetsOf({ triggers, dead_letters }: Operations, words: Words): Stream[] {
  const streams: Stream[] = [...triggers]
    .sort((a, b) => b.events_per_s - a.events_per_s || a.name.localeCompare(b.name))
    .map((trigger) => ({ name: trigger.name, detail: shortFilter(trigger.filter, words), rate: trigger.events_per_s }));
  if (dead_letters.total === 0) return streams;
  const failed: Stream = { name: words.operations.deadLetters, detail: `${dead_letters.total}`, rate: 0, failed: true };
  return [...streams, failed];
}
