/** A question as state: asked when the typing rests, and never again of a server that has no search. */
import { useEffect, useState } from "react";

import { ApiError, search, useResource, type Found, type Resource } from "../../api";

const REST_MS = 250;
const NOT_CONFIGURED = 404;

/** `available` is null until the first answer tells. */
export function useSearch(parameters: string | null): Resource<Found> & { readonly available: boolean | null } {
  const [rested, setRested] = useState<string | null>(null);
  const [available, setAvailable] = useState<boolean | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setRested(parameters), REST_MS);
    return () => clearTimeout(timer);
  }, [parameters]);

  const key = available === false || parameters === null ? null : rested;
  const resource = useResource(key, async (signal) => {
    try {
      const found = await search(key ?? "", signal);
      setAvailable(true);
      return found;
    } catch (error) {
      const status = statusOf(error);
      // A server that could not ask Elasticsearch has search all the same: it says what is the matter.
      if (status !== null) setAvailable(status !== NOT_CONFIGURED);
      throw error;
    }
  });
  return { ...resource, available };
}

/** What the server answered; null when nobody did. */
const statusOf = (error: unknown): number | null => (error instanceof ApiError ? error.status : null);
