/** The live page's keys. */
import type { RefObject } from "react";

import { liveStore } from "../api";
import { nextAttention, type TripListHandle } from "../features/trips";
import type { LiveAddress } from "./address";
import type { Keys } from "./keys";
import { toggled } from "./TopBar";
import type { PageActions } from "./usePage";

/** One step back: the start panel, following, the selection, then search and counters. */
function back(address: LiveAddress, page: PageActions, close: () => void): void {
  if (address.start) close();
  else if (address.follow) page.follow(false);
  else if (address.selection) close();
  else if (address.query !== "" || address.only !== null) page.clearFilters();
}

export function useLiveKeys(
  address: LiveAddress,
  page: PageActions,
  list: RefObject<TripListHandle | null>,
  toggleList: () => void,
  close: () => void,
): Keys {
  const { selection, follow, only } = address;
  return {
    "/": () => list.current?.focusSearch(),
    j: () => list.current?.move(1),
    k: () => list.current?.move(-1),
    n: () => {
      const next = nextAttention(liveStore, selection);
      if (next) page.select(next);
    },
    f: () => {
      if (selection) page.follow(!follow);
    },
    c: page.openStart,
    l: toggleList,
    "1": () => page.setOnly(toggled(only, "late")),
    "2": () => page.setOnly(toggled(only, "off")),
    "3": () => page.setOnly(toggled(only, "silent")),
    "4": () => page.setOnly(toggled(only, "fine")),
    Escape: () => back(address, page, close),
  };
}
