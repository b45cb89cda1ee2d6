/** Draws the vehicles, their badges, the rings of the selected and the hovered one, and the clusters. */
import type { Layer } from "@deck.gl/core";
import type { Cluster } from "./clusters";
import type { Mark } from "./fleet";
import { plateKey } from "./plates";
import type { Sheet } from "./sheet";
import { SpriteLayer } from "./SpriteLayer";
import { BADGE_OFFSET, SELECTED_SCALE } from "./sprites";

export interface VehicleLayerProps {
  readonly marks: readonly Mark[];
  readonly clusters: readonly Cluster[];
  readonly selected: string | null;
  readonly ringed: readonly Mark[];
  /** Those late or off their route. */
  readonly badged: readonly Mark[];
  readonly sprites: Sheet;
  readonly plates: Sheet;
  /** Grows with each frame in which a vehicle moved. */
  readonly frame: number;
  /** Grows when states or the selection changed. */
  readonly version: number;
}

const FADED = 0.55;

interface At {
  readonly lng: number;
  readonly lat: number;
}

/** Writes into deck.gl's own array, so that a frame makes no garbage. */
export function positionOf(at: At, { target }: { target: number[] }): [number, number, number] {
  target[0] = at.lng;
  target[1] = at.lat;
  target[2] = 0;
  return target as [number, number, number];
}

export function vehicleLayers(props: VehicleLayerProps): Layer[] {
  const { marks, selected, sprites, frame, version } = props;
  const shared = {
    ...sprites,
    getPosition: positionOf,
  };
  const isSelected = (mark: Mark) => mark.vehicle_id === selected;
  return [
    clusterLayer(props),
    new SpriteLayer<Mark>({
      ...shared,
      id: "rings",
      data: props.ringed,
      getIcon: (mark) => (isSelected(mark) ? "ring-selected" : "ring-hovered"),
      updateTriggers: { getPosition: frame, getIcon: selected },
    }),
    new SpriteLayer<Mark>({
      ...shared,
      id: "vehicles",
      data: marks,
      flat: true,
      getIcon: (mark) => mark.sprite,
      getAngle: (mark) => (mark.state.motion === "moving" ? -mark.heading : 0),
      getScale: (mark) => (isSelected(mark) ? SELECTED_SCALE : 1),
      getOpacity: (mark) => (isFaded(mark, selected) ? FADED : 1),
      updateTriggers: {
        getPosition: frame,
        getAngle: frame,
        getIcon: version,
        getScale: version,
        getOpacity: version,
      },
    }),
    new SpriteLayer<Mark>({
      ...shared,
      id: "badges",
      data: props.badged,
      getIcon: (mark) => (mark.state.attention === "late" ? "badge-late" : "badge-off"),
      getPixelOffset: [...BADGE_OFFSET],
      updateTriggers: { getPosition: frame, getIcon: version },
    }),
  ];
}

/** While one is selected, the others step back; what needs attention does not. */
function isFaded(mark: Mark, selected: string | null): boolean {
  return selected !== null && mark.vehicle_id !== selected && mark.state.attention === "fine";
}

function clusterLayer({ clusters, plates }: VehicleLayerProps): Layer {
  return new SpriteLayer<Cluster>({
    id: "clusters",
    data: clusters,
    ...plates,
    getPosition: positionOf,
    getIcon: ({ count, attention }) => plateKey({ kind: "cluster", count, attention }),
  });
}
