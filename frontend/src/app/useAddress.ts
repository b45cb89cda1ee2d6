/** The live page's address bound to the browser's history: choices push an entry, camera and typing replace it. */
import { useCallback, useMemo } from "react";
import { useSearch } from "wouter";
import { navigate } from "wouter/use-browser-location";

import { formatAddress, parseAddress, type LiveAddress } from "./address";

export type Go = (change: Partial<LiveAddress>, how: "push" | "replace") => void;

export const LIVE = "/live";

export function useAddress(): readonly [LiveAddress, Go] {
  const search = useSearch();
  // A new camera or trip must not make a new filter: parts that read the same stay the same object.
  const only = new URLSearchParams(search).get("only") ?? "";
  const stableOnly = useMemo(() => parseAddress(`only=${only}`).only, [only]);
  const address = useMemo(() => ({ ...parseAddress(search), only: stableOnly }), [search, stableOnly]);
  const go = useCallback<Go>((change, how) => {
    // Read at the moment of going: the camera may have replaced the address since the last drawing.
    const before = parseAddress(location.search);
    const next = formatAddress({ ...before, ...change });
    if (next !== location.search) navigate(`${LIVE}${next}`, { replace: how === "replace" });
  }, []);
  return [address, go];
}
