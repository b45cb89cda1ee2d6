/** The mark before a trip's name: its vehicle while it drives, and what became of it otherwise. */
import { Ban, Check, CircleDashed } from "lucide-react";

import { VehicleGlyph } from "../../ui";
import type { Row } from "./rows";

const ICON = { size: 20, strokeWidth: 1.75, "aria-hidden": true } as const;
const CENTRED = { display: "grid", placeItems: "center", width: 32, height: 32, flex: "none" } as const;

export function TripMark({ row }: { readonly row: Row }) {
  const { trip, vehicle, state } = row;
  if (trip?.status === "finished") {
    return (
      <span style={{ ...CENTRED, color: "var(--done)" }}>
        <Check {...ICON} />
      </span>
    );
  }
  if (trip?.status === "cancelled" || trip?.status === "planned") {
    return (
      <span style={{ ...CENTRED, color: "var(--ink3)" }}>
        {trip.status === "planned" ? <CircleDashed {...ICON} /> : <Ban {...ICON} />}
      </span>
    );
  }
  return <VehicleGlyph {...state} heading={vehicle?.heading ?? 0} />;
}
