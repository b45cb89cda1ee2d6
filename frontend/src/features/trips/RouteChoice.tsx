/** The routes to choose from, searched by name or ends, with their length and duration. */
import Skeleton from "@mui/material/Skeleton";
import { Search } from "lucide-react";
import { useState } from "react";

import type { Resource, RouteSummary } from "../../api";
import { EmptyState, ProblemNote, useReading } from "../../ui";
import { matchingRoutes } from "./startForm";
import styles from "./StartPanel.module.css";

export interface RouteChoiceProps {
  readonly routes: Resource<RouteSummary[]>;
  readonly chosen: string | null;
  readonly complaint: string | undefined;
  readonly onChoose: (route_id: string) => void;
}

export function RouteChoice({ routes, chosen, complaint, onChoose }: RouteChoiceProps) {
  const { words, format } = useReading();
  const [query, setQuery] = useState("");
  if (routes.error && !routes.data) {
    return <ProblemNote title={words.start.routesFailed} failure={routes.error} onRetry={routes.reload} />;
  }
  if (routes.data?.length === 0) return <EmptyState title={words.start.noRoutes} text={words.start.noRoutesHelp} />;
  const shown = matchingRoutes(routes.data ?? [], query);
  return (
    <fieldset className={styles.routes}>
      <legend className={styles.label}>
        {words.start.route}{" "}
        {routes.data && <small>{words.start.routeCount(shown.length, format.integer(shown.length))}</small>}
      </legend>
      <div className={styles.find}>
        <Search size={16} strokeWidth={1.75} aria-hidden="true" />
        <input
          type="search"
          value={query}
          placeholder={words.start.searchRoute}
          aria-label={words.start.searchRoute}
          autoComplete="off"
          onChange={(event) => setQuery(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
        />
      </div>
      {complaint !== undefined && (
        <p className={styles.complaint} role="alert">
          {complaint}
        </p>
      )}
      <div className={styles.options}>
        {routes.data === null &&
          Array.from({ length: 6 }, (_, index) => (
            <Skeleton key={index} variant="rounded" animation={false} height={34} sx={{ m: "7px 12px" }} />
          ))}
        {routes.data !== null && shown.length === 0 && <p className={styles.nothing}>{words.start.noRouteMatch}</p>}
        {shown.map((route) => (
          <label key={route.route_id} className={styles.option} data-testid="route-option">
            <input
              type="radio"
              name="route"
              value={route.route_id}
              checked={route.route_id === chosen}
              onChange={() => onChoose(route.route_id)}
            />
            <span>
              <b>{route.name}</b>
              <small>
                {words.start.lengthAndDuration(format.distance(route.length), format.duration(route.expected_duration))}
              </small>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
