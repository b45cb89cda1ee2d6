/** The start form's rules: which route matches, what is missing, and what is sent. */
import type { RouteSummary, StartTrip } from "../../api";
import type { Words } from "../../ui";

export const PACES = [1, 5, 10, 30] as const;

export interface StartForm {
  readonly route_id: string | null;
  readonly vehicle_name: string;
  readonly simulated: boolean;
  readonly pace: number;
  readonly device: string;
}

export type Complaint = Partial<Record<"route" | "vehicle" | "device", string>>;

const DEVICE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** What keeps the form from being sent, by field; empty when nothing does. */
export function complaints(form: StartForm, words: Words): Complaint {
  const found: Complaint = {};
  if (form.route_id === null) found.route = words.start.chooseRoute;
  if (form.vehicle_name.trim() === "") found.vehicle = words.start.vehicleNeeded;
  if (!form.simulated && form.device.trim() === "") found.device = words.start.deviceNeeded;
  else if (!form.simulated && !DEVICE.test(form.device.trim())) found.device = words.start.deviceShape;
  return found;
}

/** The request's body. A real device drives in real time. */
export function bodyOf(form: StartForm, route_id: string): StartTrip {
  const vehicle_name = form.vehicle_name.trim();
  return form.simulated
    ? { route_id, vehicle_name, simulated: true, speed: form.pace }
    : { route_id, vehicle_name, simulated: false, vehicle_id: form.device.trim() };
}

const plain = (text: string): string => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Routes whose name or ends hold every word of the search; accents do not matter. */
export function matchingRoutes(routes: readonly RouteSummary[], query: string): RouteSummary[] {
  const asked = plain(query).split(/\s+/).filter(Boolean);
  return routes.filter(({ name, from_name, to_name }) => {
    const text = plain([name, from_name, to_name].join(" "));
    return asked.every((word) => text.includes(word));
  });
}

/** The first "Van 01", "Van 02", … that no vehicle bears yet. */
export function freeName(taken: ReadonlySet<string>, words: Words): string {
  for (let n = 1; ; n++) {
    const name = words.start.suggestion(String(n).padStart(2, "0"));
    if (!taken.has(name)) return name;
  }
}
