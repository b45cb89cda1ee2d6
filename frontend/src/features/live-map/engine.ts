/** Runs the map outside of React: takes the live frames, moves what moves, and draws only while something does. */
import type { GeoJSONSource, Map as MapLibre, MapMouseEvent } from "maplibre-gl";
import type { FrameChange, LiveStore } from "../../api";
import type { ThemeName } from "../../ui/tokens";
import { CITY_CAMERA, createBasemap } from "./basemap";
import type { Screen } from "./camera";
import { Fleet } from "./fleet";
import { noteFrameAge } from "./frameAges";
import { frameSpacing } from "./motion";
import { VehicleOverlay } from "./overlay";
import { Pilot, samePadding } from "./pilot";
import { loadPlateFonts } from "./plates";
import type { MapBox, MapCamera, MapPadding } from "./props";
import { ROUTE_SOURCE, routeFeatures, type RouteData } from "./RouteLayer";
import { Scene, type SceneCamera, type SceneView } from "./scene";
import { CITY, mapStyle } from "./style";

export interface EngineView extends Omit<SceneView, "pointed"> {
  readonly theme: ThemeName;
  readonly padding: MapPadding;
  readonly follow: boolean;
}

export interface EngineEvents {
  onSelect(vehicle_id: string | null): void;
  /** The vehicle under the pointer, null when there is none. */
  onPoint(vehicle_id: string | null): void;
  /** In each frame in which the vehicle under the pointer is drawn: where. */
  onPointDrawn(place: Screen): void;
  onFollowEnd(): void;
  onMove(metres_per_px: number): void;
  onRest(camera: MapCamera, box: MapBox): void;
  onTilesMissing(): void;
}

const REFRESH_MS = 250;
const REST_MS = 250;
// Of a screen with 60 frames a second.
const FRAME_MS = 16;
const ROUTE_MS = 1000;
const METRES_PER_PX_AT_0 = 78271.517;
const METRES_PER_DEGREE = 111_195;

export class MapEngine {
  readonly map: MapLibre;
  private readonly overlay = new VehicleOverlay();
  private readonly fleet: Fleet;
  private readonly scene: Scene;
  private readonly camera: SceneCamera;
  private readonly pilot: Pilot;
  private readonly endings: (() => void)[] = [];
  private pointed: string | null = null;
  private pending = 0;
  private waiting = 0;
  private dirty = true;
  private drawn = -Infinity;
  private spacing = 0;
  private refreshed = -Infinity;
  private routed = -Infinity;
  private restTimer = 0;
  private skipAges = false;
  private destroyed = false;

  constructor(
    container: HTMLElement,
    private readonly store: LiveStore,
    private view: EngineView,
    private readonly events: EngineEvents,
    initialCamera: MapCamera | null,
  ) {
    this.fleet = new Fleet(store, () => this.pilot.still);
    this.scene = new Scene(store, this.fleet);
    this.map = createBasemap(container, this.style(), initialCamera ?? CITY_CAMERA, view.words.label);
    const { map } = this;
    this.camera = {
      get zoom() {
        return map.getZoom();
      },
      get extent() {
        const { clientWidth, clientHeight } = map.getContainer();
        return { width: clientWidth, height: clientHeight };
      },
      project: (place) => map.project(place),
    };
    this.pilot = new Pilot(map, this.camera, view, initialCamera !== null);
    this.listen();
    void loadPlateFonts().finally(() => {
      this.scene.fontsCame();
      this.changed();
    });
  }

  /** Takes what React knows; cheap when nothing that is drawn changed. */
  set(next: EngineView): void {
    const before = this.view;
    if (sameView(next, before)) return;
    this.view = next;
    this.pilot.set(next);
    if (next.theme !== before.theme || next.tokens !== before.tokens) this.map.setStyle(this.style());
    if (next.route !== before.route) this.showRoute();
    this.changed();
  }

  fitAll(): void {
    this.pilot.fitAll(this.fleet.drawn);
  }

  zoomBy(steps: number): void {
    this.pilot.zoomBy(steps);
  }

  /** Where each vehicle is drawn now, px from the map's top left. */
  places(): { vehicle_id: string; lat: number; lng: number; x: number; y: number }[] {
    return this.scene.singles.map(({ vehicle_id, lat, lng }) => {
      const { x, y } = this.map.project([lng, lat]);
      return { vehicle_id, lat, lng, x, y };
    });
  }

  destroy(): void {
    this.destroyed = true;
    for (const end of this.endings) end();
    cancelAnimationFrame(this.pending);
    clearTimeout(this.waiting);
    clearTimeout(this.restTimer);
    this.map.removeControl(this.overlay);
    this.map.remove();
  }

  private listen(): void {
    const { map } = this;
    const lastly = (end: () => void) => this.endings.push(end);
    map.addControl(this.overlay);
    map.on("mousemove", (event) => {
      this.point(event);
    });
    map.on("mouseout", () => {
      this.pointAt(null);
    });
    map.on("click", (event) => {
      this.click(event);
    });
    map.on("dragstart", () => {
      if (this.view.follow) this.events.onFollowEnd();
    });
    map.on("move", () => {
      this.tellScale();
      this.changed();
    });
    map.on("moveend", () => {
      this.rest();
    });
    map.on("resize", () => {
      this.overlay.resize();
      this.changed();
    });
    map.on("load", () => {
      this.tellScale();
      this.rest();
    });
    map.on("error", ({ error, ...about }) => {
      if ("sourceId" in about && about.sourceId === CITY) this.events.onTilesMissing();
      else console.error(error);
    });
    lastly(
      this.store.onFrame((change) => {
        this.take(change);
      }),
    );
    // Silence begins without any message.
    const clock = window.setInterval(() => {
      this.changed();
    }, 1000);
    lastly(() => {
      clearInterval(clock);
    });
    const hidden = () => {
      this.skipAges = true;
    };
    document.addEventListener("visibilitychange", hidden);
    lastly(() => {
      document.removeEventListener("visibilitychange", hidden);
    });
  }

  private take(change: FrameChange): void {
    this.fleet.apply(change, performance.now());
    this.request();
  }

  private changed(): void {
    this.dirty = true;
    this.request();
  }

  /** Draws in the next frame; or, when nothing is urgent, in the first one that is due. */
  private request(): void {
    if (this.pending !== 0 || this.destroyed) return;
    const wait = this.dirty ? 0 : this.drawn + this.spacing - performance.now();
    clearTimeout(this.waiting);
    if (wait > FRAME_MS) this.waiting = window.setTimeout(this.requestFrame, wait - FRAME_MS / 2);
    else this.requestFrame();
  }

  private readonly requestFrame = (): void => {
    if (this.pending === 0 && !this.destroyed) this.pending = requestAnimationFrame(this.draw);
  };

  private readonly draw = (now_ms: number): void => {
    this.pending = 0;
    this.drawn = now_ms;
    const moved = this.fleet.needsAdvance;
    const moving = this.fleet.advance(now_ms);
    if (moved) this.scene.moved();
    this.noteAges();
    const due = this.dirty || now_ms - this.refreshed >= REFRESH_MS;
    const changed = due && this.refresh(now_ms);
    if (this.view.route !== null && now_ms - this.routed >= ROUTE_MS) this.showRoute();
    this.pilot.follow(this.fleet.get(this.view.selected));
    if (moved || changed) this.overlay.show(this.scene.layers(this.view.selected));
    const pointed = this.fleet.get(this.pointed);
    if (pointed !== undefined) this.events.onPointDrawn(this.map.project(pointed));
    if (moving) this.request();
  };

  /** What need not be done in each frame; tells whether it changed the picture. */
  private refresh(now_ms: number): boolean {
    this.dirty = false;
    this.refreshed = now_ms;
    const changed = this.scene.refresh({ ...this.view, pointed: this.pointed }, this.camera, now_ms);
    this.spacing = frameSpacing((this.fleet.fastest(now_ms) * METRES_PER_DEGREE) / this.metresPerPx());
    if (this.store.view().ready) this.pilot.look(this.fleet.drawn, this.fleet.get(this.view.selected));
    return changed;
  }

  private noteAges(): void {
    const now_ms = this.store.now();
    for (const recorded_ms of this.fleet.takeUnseen()) if (!this.skipAges) noteFrameAge(now_ms - recorded_ms);
    this.skipAges = false;
  }

  private style(): ReturnType<typeof mapStyle> {
    const { theme, tokens } = this.view;
    return mapStyle({ theme, tokens, route: this.routeData() });
  }

  private routeData(): RouteData {
    const mark = this.fleet.get(this.view.selected);
    const vehicle = mark === undefined ? null : ([mark.lat, mark.lng] as const);
    return routeFeatures(this.view.route, vehicle, mark?.state.attention === "off");
  }

  private showRoute(): void {
    this.routed = performance.now();
    void this.map.getSource<GeoJSONSource>(ROUTE_SOURCE)?.setData(this.routeData());
  }

  private point(event: MapMouseEvent): void {
    const hit = this.scene.hit(event.point, false, this.camera);
    this.map.getCanvas().style.cursor = hit === null ? "" : "pointer";
    this.pointAt(hit !== null && "mark" in hit ? hit.mark.vehicle_id : null);
  }

  private pointAt(vehicle_id: string | null): void {
    if (vehicle_id === this.pointed) return;
    this.pointed = vehicle_id;
    this.events.onPoint(vehicle_id);
    this.changed();
  }

  private click(event: MapMouseEvent): void {
    const touch = "pointerType" in event.originalEvent && event.originalEvent.pointerType === "touch";
    const hit = this.scene.hit(event.point, touch, this.camera);
    if (hit !== null && "cluster" in hit) {
      this.pilot.zoomInto(hit.cluster);
    } else {
      this.events.onSelect(hit?.mark.vehicle_id ?? null);
    }
  }

  private tellScale(): void {
    this.events.onMove(this.metresPerPx());
  }

  private metresPerPx(): number {
    const { lat } = this.map.getCenter();
    return (METRES_PER_PX_AT_0 * Math.cos((lat * Math.PI) / 180)) / 2 ** this.map.getZoom();
  }

  /** While following, the camera rests in every frame: tell it a few times a second at most. */
  private rest(): void {
    if (this.restTimer !== 0) return;
    this.restTimer = window.setTimeout(() => {
      this.restTimer = 0;
      const { lat, lng } = this.map.getCenter();
      const bounds = this.map.getBounds();
      const box: MapBox = [bounds.getSouth(), bounds.getWest(), bounds.getNorth(), bounds.getEast()];
      this.events.onRest({ lat, lng, zoom: this.map.getZoom() }, box);
    }, REST_MS);
  }
}

function sameView(a: EngineView, b: EngineView): boolean {
  const names = Object.keys(a) as (keyof EngineView)[];
  return names.every((name) => (name === "padding" ? samePadding(a.padding, b.padding) : a[name] === b[name]));
}
