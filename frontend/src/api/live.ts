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

/** Keeps the connection up until the returned function is called; tries at once when the network or the reader is back. */
export function keepConnected(): () => void {
  const close = liveStore.open();
  const again = () => {
    if (document.visibilityState === "visible") liveStore.retryNow();
  };
  window.addEventListener("online", again);
  document.addEventListener("visibilitychange", again);
  return () => {
    window.removeEventListener("online", again);
    document.removeEventListener("visibilitychange", again);
    close();
  };
}
