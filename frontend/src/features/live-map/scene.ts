/** What is on the map besides the city: turns the fleet, the selection and the route into deck.gl layers. */
import type { Layer } from "@deck.gl/core";
import type { LiveStore } from "../../api";
import type { Tokens } from "../../ui/tokens";
import type { Extent, Screen } from "./camera";
import { gather, type Cluster, type Gathered } from "./clusters";
import type { Fleet, FleetView, Mark } from "./fleet";
import { placeNames, type Offset } from "./placement";
import { PlatePress, plateKey, type Plate } from "./plates";
import type { MapRoute, MapWords } from "./props";
import type { Sheet } from "./sheet";
import { drawSprites } from "./sprites";
import {
  NAME_GAP,
  SELECTED_NAME_GAP,
  labelLayers,
  namePlate,
  namedMarks,
  stopMarks,
  type NameLabel,
  type StopMark,
} from "./VehicleLabels";
import { vehicleLayers } from "./VehicleLayer";

export interface SceneView extends FleetView {
  readonly hovered: string | null;
  readonly pointed: string | null;
  readonly route: MapRoute | null;
  readonly tokens: Tokens;
  readonly words: MapWords;
}

/** The camera, as far as the scene needs it. */
export interface SceneCamera {
  readonly zoom: number;
  readonly extent: Extent;
  project(place: { lng: number; lat: number }): Screen;
}

/** Something under the pointer. */
export type Hit = { readonly mark: Mark } | { readonly cluster: Cluster };

const REACH = { mouse: 16, touch: 26 };
const CLUSTER_REACH = 20;

export class Scene {
  private readonly press = new PlatePress();
  private gathered: Gathered = { clusters: [], singles: [] };
  private names: readonly NameLabel[] = [];
  private offsets: ReadonlyMap<string, Offset> = new Map();
  private stops: readonly StopMark[] = [];
  private ringed: readonly Mark[] = [];
  private badged: readonly Mark[] = [];
  private sprites: Sheet | null = null;
  private plates: Sheet | null = null;
  private platesKey = "";
  private paintedWith: Tokens | null = null;
  private states = "";
  private picture = "";
  private printed = 0;
  private frame = 0;
  private version = 0;

  constructor(
    private readonly store: LiveStore,
    private readonly fleet: Fleet,
  ) {}

  /** Vehicles drawn by themselves now. */
  get singles(): readonly Mark[] {
    return this.gathered.singles;
  }

  /** The page's fonts are there: measure and draw all text again. */
  fontsCame(): void {
    this.press.forgetWidths();
    this.plates = null;
  }

  /** A vehicle moved since the last frame. */
  moved(): void {
    this.frame++;
  }

  /** Works out everything that need not follow each frame; tells whether any of it changed. */
  refresh(view: SceneView, camera: SceneCamera, now_ms: number): boolean {
    this.fleet.refresh(view, now_ms);
    this.gathered = gather(this.fleet.drawn, camera.zoom, view.selected);
    this.ringed = this.ringedMarks(view);
    this.badged = this.singles.filter(({ state }) => state.attention === "late" || state.attention === "off");
    this.stops = stopMarks(view.route);
    this.names = this.placedNames(view, camera);
    this.paint(view.tokens);
    // Deck.gl works out icons and sizes again only when this grows.
    const states = `${String(this.fleet.version)} ${view.selected ?? ""}`;
    if (states !== this.states) this.version++;
    this.states = states;
    const picture = this.describe(states);
    const changed = picture !== this.picture;
    this.picture = picture;
    return changed;
  }

  /** The layers from bottom to top. */
  layers(selected: string | null): Layer[] {
    const { sprites, plates, frame } = this;
    if (sprites === null || plates === null) return [];
    const { under, over } = labelLayers(this.names, this.stops, plates, frame);
    const vehicles = vehicleLayers({
      marks: this.gathered.singles,
      clusters: this.gathered.clusters,
      ringed: this.ringed,
      badged: this.badged,
      version: this.version,
      selected,
      sprites,
      plates,
      frame,
    });
    return [under, ...vehicles, over];
  }

  /** What lies nearest to a place on the screen, within reach of the pointer. */
  hit(place: Screen, touch: boolean, camera: SceneCamera): Hit | null {
    const near = (at: { lng: number; lat: number }) => {
      const { x, y } = camera.project(at);
      return Math.hypot(x - place.x, y - place.y);
    };
    const mark = nearest(this.gathered.singles, near, touch ? REACH.touch : REACH.mouse);
    if (mark !== null) return { mark };
    const cluster = nearest(this.gathered.clusters, near, CLUSTER_REACH);
    return cluster === null ? null : { cluster };
  }

  /** Two equal descriptions look the same, as long as nothing moved. */
  private describe(states: string): string {
    const ringed = this.ringed.map((mark) => mark.vehicle_id);
    const names = [...this.offsets].flat(2);
    const clusters = this.gathered.clusters.flatMap(({ lng, lat, count }) => [lng, lat, count]);
    const stops = this.stops.flatMap(({ lng, lat }) => [lng, lat]);
    return [states, this.printed, ...ringed, ...names, ...clusters, ...stops].join(" ");
  }

  private ringedMarks({ selected, hovered, pointed }: SceneView): Mark[] {
    const ids = new Set([pointed, hovered, selected]);
    return [...ids].map((id) => this.fleet.get(id)).filter((mark) => mark !== undefined);
  }

  private placedNames({ selected, words }: SceneView, camera: SceneCamera): NameLabel[] {
    const labels = new Map<string, Omit<NameLabel, "offset">>();
    const candidates = namedMarks(this.gathered.singles, selected).map((mark) => {
      const silence = this.store.now() - (this.store.heardMs(mark.vehicle_id) ?? mark.vehicle.recorded_ms);
      const plate = namePlate(mark, words, silence);
      const size = this.press.sizeOf(plate);
      labels.set(mark.vehicle_id, { mark, plate, size });
      const gap = mark.vehicle_id === selected ? SELECTED_NAME_GAP : NAME_GAP;
      return { id: mark.vehicle_id, ...camera.project(mark), ...size, gap };
    });
    const clusters = this.gathered.clusters.map((cluster) => camera.project(cluster));
    this.offsets = placeNames(candidates, camera.extent, clusters, this.offsets);
    return [...this.offsets].flatMap(([id, offset]) => {
      const label = labels.get(id);
      return label === undefined ? [] : [{ ...label, offset }];
    });
  }

  private paint(tokens: Tokens): void {
    const plates: Plate[] = [
      ...this.names.map(({ plate }) => plate),
      ...this.stops.map(({ plate }) => plate),
      ...this.gathered.clusters.map(({ count, attention }) => ({ kind: "cluster", count, attention }) as const),
    ];
    const byKey = new Map(plates.map((plate) => [plateKey(plate), plate]));
    const key = [...byKey.keys()].sort().join("\n");
    const repaint = tokens !== this.paintedWith;
    if (repaint) this.sprites = drawSprites(tokens);
    if (repaint || key !== this.platesKey || this.plates === null) {
      this.printed++;
      this.plates = this.press.draw([...byKey.values()], tokens, Math.max(2, Math.ceil(devicePixelRatio)));
    }
    this.paintedWith = tokens;
    this.platesKey = key;
  }
}

function nearest<T>(things: readonly T[], distance: (thing: T) => number, reach: number): T | null {
  let best: T | null = null;
  let least = reach;
  for (const thing of things) {
    const d = distance(thing);
    if (d <= least) [best, least] = [thing, d];
  }
  return best;
}
