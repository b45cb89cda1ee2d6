/** Gathers vehicles that lie close together at far zooms; what needs attention is still drawn by itself. */
import Supercluster from "supercluster";
import type { Mark } from "./fleet";

/** Below this zoom vehicles are gathered. */
export const CLUSTER_BELOW = 12;
const RADIUS = 44;

export interface Cluster {
  readonly lng: number;
  readonly lat: number;
  readonly count: number;
  /** How many of them need attention. */
  readonly attention: number;
}

export interface Gathered {
  readonly clusters: readonly Cluster[];
  /** Vehicles drawn by themselves. */
  readonly singles: readonly Mark[];
}

interface Props {
  mark: Mark;
}
interface Sum {
  attention: number;
}

/** Gathers the vehicles for a zoom; at `CLUSTER_BELOW` and nearer every vehicle stands for itself. */
export function gather(marks: readonly Mark[], zoom: number, selected: string | null): Gathered {
  if (zoom >= CLUSTER_BELOW) return { clusters: [], singles: marks };
  const index = new Supercluster<Props, Sum>({
    radius: RADIUS,
    maxZoom: CLUSTER_BELOW,
    map: ({ mark }) => ({ attention: mark.state.attention === "fine" ? 0 : 1 }),
    reduce: (sum, part) => {
      sum.attention += part.attention;
    },
  });
  index.load(
    marks.map((mark) => ({
      type: "Feature",
      properties: { mark },
      geometry: { type: "Point", coordinates: [mark.lng, mark.lat] },
    })),
  );
  const clusters: Cluster[] = [];
  const alone = new Set<Mark>(marks.filter((m) => m.state.attention !== "fine" || m.vehicle_id === selected));
  for (const { geometry, properties } of index.getClusters([-180, -85, 180, 85], Math.floor(zoom))) {
    const [lng = 0, lat = 0] = geometry.coordinates;
    if ("mark" in properties) alone.add(properties.mark);
    else if (properties.attention < properties.point_count) {
      clusters.push({ lng, lat, count: properties.point_count, attention: properties.attention });
    }
  }
  return { clusters, singles: marks.filter((mark) => alone.has(mark)) };
}
