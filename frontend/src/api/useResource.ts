/** A request as state for components: data, error, and asking again, once or at a steady pace while the page is seen. */
import { useCallback, useEffect, useRef, useState } from "react";

import { ApiError } from "./client";

export interface Resource<T> {
  readonly data: T | null;
  readonly error: ApiError | null;
  readonly reload: () => void;
}

type Ask<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Ask for `key` (null: nothing to ask); again each `every_ms` after the last answer while the page is visible.
 * Data of another key are never shown; after an error the last good data stay beside it.
 */
export function useResource<T>(key: string | null, ask: Ask<T>, every_ms: number | null = null): Resource<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: ApiError | null }>({
    key,
    data: null,
    error: null,
  });
  const [round, setRound] = useState(0);
  const latestAsk = useRef(ask);
  useEffect(() => {
    latestAsk.current = ask;
  });

  useEffect(() => {
    if (key === null) return undefined;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      if (document.visibilityState === "visible") {
        try {
          const data = await latestAsk.current(abort.signal);
          if (!abort.signal.aborted) setState({ key, data, error: null });
        } catch (error) {
          if (abort.signal.aborted) return;
          const known = error instanceof ApiError ? error : new ApiError(null, String(error));
          setState((before) => ({ key, data: before.key === key ? before.data : null, error: known }));
        }
      }
      if (every_ms !== null && !abort.signal.aborted) timer = setTimeout(() => void run(), every_ms);
    };
    void run();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, every_ms, round]);

  const reload = useCallback(() => setRound((n) => n + 1), []);
  const current = state.key === key ? state : { data: null, error: null };
  return { data: current.data, error: current.error, reload };
}
