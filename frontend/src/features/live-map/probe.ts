/** A probe for the end-to-end tests and the bench: what the map draws now, at `window.__trackway`. */
import { frameAges } from "./frameAges";

export interface Probe {
  /** The vehicles drawn by themselves, with their places in px from the map's top left. */
  vehicles(): { vehicle_id: string; lat: number; lng: number; x: number; y: number }[];
  /** Milliseconds from `recorded_ms` to the first frame that drew the position; the newest 2,000. */
  frameAges(): number[];
}

declare global {
  interface Window {
    __trackway?: Probe;
  }
}

/** Offers the probe until the returned function is called. */
export function offerProbe(vehicles: Probe["vehicles"]): () => void {
  window.__trackway = { vehicles, frameAges };
  return () => {
    delete window.__trackway;
  };
}
