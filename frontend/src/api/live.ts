/** The page's one live store, and the hook that reads it at a pace people can read. */
import { useSyncExternalStore } from "react";

import { browserWorld, LiveConnection, type LiveStore, type LiveView } from "./liveStore";

export type { Box, FrameChange } from "./liveState";
export type { Connection, LiveStore, LiveView, WatchedView } from "./liveStore";

export const liveStore: LiveStore = new LiveConnection(browserWorld());

/** The newest picture of the fleet; the component is drawn again at most four times a second. */
export function useLive(): LiveView {
  return useSyncExternalStore(liveStore.subscribe, liveStore.view);
}
