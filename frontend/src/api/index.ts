/** The only door to the network: the live store, the HTTP calls, and the types of what they give. */
export { ApiError } from "./client";
export * from "./endpoints";
export type { AgeSummary } from "./frameAges";
export type * from "./types";
export { keepConnected, liveStore, useLive } from "./live";
export type { Box, Connection, FrameChange, LiveStore, LiveView, WatchedView } from "./live";
export { useResource, type Resource } from "./useResource";
