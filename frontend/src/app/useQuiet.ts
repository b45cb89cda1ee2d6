/** Whether there has been no connection for so long that what is shown is doubtful: marks turn quiet, arrivals get a tilde. */
import { useLive } from "../api";
import { useNow } from "../ui";

const QUIET_AFTER_MS = 30_000;
const EVERY_MS = 5000;
const browserNow = () => Date.now();

export function useQuiet(): boolean {
  const { connection } = useLive();
  const now = useNow(browserNow, EVERY_MS);
  return connection.state === "offline" && now - connection.since_ms > QUIET_AFTER_MS;
}
