/** Trips as a dispatcher meets them: the list, the chosen one, starting one, and what the counters say. */
export { StartPanel } from "./StartPanel";
export { SearchField, TripList, type TripListHandle } from "./TripList";
export { TripPanel, type TripTab } from "./TripPanel";
export {
  countFleet,
  findRow,
  keyOf,
  nextAttention,
  type FleetCounts,
  type ListName,
  type Row,
  type Selection,
} from "./rows";
export { shortType } from "./timeline";
