/** What the machinery does now: functions, events, latency and what could not be delivered. */
export { OperationsPanel } from "./OperationsPanel";
