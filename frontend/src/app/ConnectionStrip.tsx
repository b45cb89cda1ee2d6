/** The strip under the top bar: since when there is no connection, when it is tried again, and that it is back. */
import Button from "@mui/material/Button";
import { Check, WifiOff } from "lucide-react";

import { liveStore, useLive } from "../api";
import { useNow, useReading } from "../ui";
import styles from "./ConnectionStrip.module.css";

const BACK_SHOWN_MS = 4000;
// A reconnection that is quicker than this is nobody's concern.
const GRACE_MS = 1500;
const browserNow = () => Date.now();

export function ConnectionStrip() {
  const { words, format } = useReading();
  const { connection, ready, returned } = useLive();
  const now = useNow(browserNow, 500);
  const { state, since_ms, retry_at_ms, refused } = connection;

  if (state === "live" && returned && now - returned.at_ms < BACK_SHOWN_MS && returned.away_ms > GRACE_MS) {
    return (
      <div className={styles.strip} role="status">
        <Check size={18} strokeWidth={1.75} aria-hidden="true" />
        <span>{words.connection.back(format.integer(returned.positions), returned.positions)}</span>
      </div>
    );
  }
  if (state !== "offline" || now - since_ms < GRACE_MS) return null;
  const wait = retry_at_ms === null ? null : Math.ceil((retry_at_ms - now) / 1000);
  const next = wait !== null && wait > 0 ? words.connection.retryIn(format.integer(wait)) : words.connection.retrying;
  return (
    <div className={styles.strip} data-offline data-testid="offline">
      <WifiOff size={18} strokeWidth={1.75} aria-hidden="true" />
      <span role="status">
        {ready ? words.connection.offlineSince(format.time(since_ms)) : words.connection.neverConnected}
      </span>
      <span className={styles.next}>{refused ? words.connection.refused : next}</span>
      {!refused && (
        <Button size="small" variant="outlined" color="inherit" onClick={liveStore.retryNow}>
          {words.connection.retryNow}
        </Button>
      )}
    </div>
  );
}
