/** The live map: the component, loaded with its libraries when first shown, and what others need to know about vehicles. */
import { lazy } from "react";

export const LiveMap = lazy(() => import("./LiveMap"));
export { frameAges } from "./frameAges";
export type { LiveMapProps, MapBox, MapCamera, MapPadding, MapRoute, MapStop, MapWords } from "./props";
export {
  LATE_S,
  SILENT_MS,
  STOPPED_MPS,
  vehicleState,
  type Attention,
  type Motion,
  type VehicleState,
} from "./vehicleState";
