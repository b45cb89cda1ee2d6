/** The time as state: a component that shows "14:06:20" or "9 min ago" is drawn again once per `every_ms`. */
import { useEffect, useState } from "react";

/** `now` must be stable; it gives milliseconds. */
export function useNow(now: () => number, every_ms = 1000): number {
  const [moment, setMoment] = useState(now);
  useEffect(() => {
    const timer = setInterval(() => setMoment(now()), every_ms);
    return () => clearInterval(timer);
  }, [now, every_ms]);
  return moment;
}
