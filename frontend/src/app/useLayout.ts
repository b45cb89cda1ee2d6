/** Which layout the window has room for. */
import { useSyncExternalStore } from "react";

/** `narrow` is a desktop where the list folds when a panel opens. */
export type Layout = "phone" | "tablet" | "narrow" | "desktop";

const PHONE_BELOW = 600;
const TABLET_BELOW = 1024;
const NARROW_BELOW = 1200;

export function layoutOf(width: number): Layout {
  if (width < PHONE_BELOW) return "phone";
  if (width < TABLET_BELOW) return "tablet";
  return width < NARROW_BELOW ? "narrow" : "desktop";
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("resize", listener);
  return () => window.removeEventListener("resize", listener);
}

export const useLayout = (): Layout => useSyncExternalStore(subscribe, () => layoutOf(window.innerWidth));
