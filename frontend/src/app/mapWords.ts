/** The map's words and formatters, from the page's. */
import type { MapWords } from "../features/live-map";
import type { Reading } from "../ui";

export function mapWords({ words, format }: Reading): MapWords {
  const { map } = words;
  return {
    label: map.label,
    description: (vehicles, attention) =>
      map.description(format.integer(vehicles), vehicles, format.integer(attention)),
    zoomIn: map.zoomIn,
    zoomOut: map.zoomOut,
    fitAll: map.fitAll,
    attribution: map.attribution,
    attributionNote: map.attributionNote,
    tilesMissing: map.tilesMissing,
    noWebgl: map.noWebgl,
    late: (minutes) => `+${format.integer(minutes)}`,
    offRoute: format.distance,
    silent: (minutes) => format.duration(minutes * 60),
    speed: format.speed,
    arrival: (arrival_ms, doubtful) => map.arrival(`${doubtful ? "~" : ""}${format.time(arrival_ms)}`),
    lastSeen: format.ago,
  };
}
