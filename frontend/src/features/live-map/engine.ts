/** Runs the map outside of React: takes the live frames, moves what moves, and draws only while something does. */
import { MapboxOverlay } from "@deck.gl/mapbox";
import type { GeoJSONSource, Map as MapLibre, MapMouseEvent } from "maplibre-gl";
import type { FrameChange, LiveStore } from "../../api";
import type { ThemeName } from "../../ui/tokens";
import { CITY_CAMERA, Hold, createBasemap } from "./basemap";
import { boundsOf, freeCentre, isInFreeMap, type Screen } from "./camera";
import { Fleet, type Mark } from "./fleet";
import { noteFrameAge } from "./frameAges";
import { frameSpacing } from "./motion";
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
const ROUTE_MS = 1000;
const EASE_MS = 300;
const FIT_ZOOM = 15;
const FIT_MARGIN = 48;
const METRES_PER_PX_AT_0 = 78271.517;
const METRES_PER_DEGREE = 111_195;
// Nearer to the middle than this, following does not move the camera: each move draws the whole city again.
const FOLLOW_SLACK_PX = 0.75;
const FOLLOW_EASE_PX = 120;

export class MapEngine {
  readonly map: MapLibre;
  // A canvas of its own over the city's: vehicles move without the city being drawn again.
  private readonly overlay = new MapboxOverlay({
    interleaved: false,
    layers: [],
    parameters: { depthWriteEnabled: false, depthCompare: "always" },
    deviceProps: { type: "webgl", webgl: { antialias: false } },
  });
  private readonly fleet: Fleet;
  private readonly scene: Scene;
  private readonly camera: SceneCamera;
  private readonly hold: Hold;
  private readonly endings: (() => void)[] = [];
  private readonly stillness = matchMedia("(prefers-reduced-motion: reduce)");
  private pointed: string | null = null;
  private pending = 0;
  private dirty = true;
  private drawn = -Infinity;
  private spacing = 0;
  private refreshed = -Infinity;
  private routed = -Infinity;
  private restTimer = 0;
  private bringIntoView = false;
  private placed: boolean;
  private skipAges = false;

  constructor(
    container: HTMLElement,
    private readonly store: LiveStore,
    private view: EngineView,
    private readonly events: EngineEvents,
    initialCamera: MapCamera | null,
  ) {
    this.placed = initialCamera !== null;
    this.bringIntoView = view.selected !== null;
    this.fleet = new Fleet(store, () => this.stillness.matches);
    this.scene = new Scene(store, this.fleet);
    this.map = createBasemap(container, this.style(), initialCamera ?? CITY_CAMERA, view.words.label);
    const { map } = this;
    this.hold = new Hold(map, CITY);
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
    if (next.selected !== before.selected || !samePadding(next.padding, before.padding)) this.bringIntoView = true;
    if (next.theme !== before.theme || next.tokens !== before.tokens) this.map.setStyle(this.style());
    if (next.route !== before.route) this.showRoute();
    if (next.follow !== before.follow) {
      this.map.scrollZoom.disable();
      this.map.scrollZoom.enable(next.follow ? { around: "center" } : true);
    }
    this.changed();
  }

  /** Shows the whole fleet; the city when there is none. */
  fitAll(): void {
    if (!this.fit(this.fleetToShow(), true)) this.map.easeTo({ ...centreOf(CITY_CAMERA), duration: this.ease() });
  }

  zoomBy(steps: number): void {
    this.map.easeTo({ zoom: this.map.getZoom() + steps, duration: this.ease() });
  }

  /** Where each vehicle is drawn now, px from the map's top left. */
  places(): { vehicle_id: string; lat: number; lng: number; x: number; y: number }[] {
    return this.scene.singles.map(({ vehicle_id, lat, lng }) => {
      const { x, y } = this.map.project([lng, lat]);
      return { vehicle_id, lat, lng, x, y };
    });
  }

  destroy(): void {
    for (const end of this.endings) end();
    cancelAnimationFrame(this.pending);
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

  private request(): void {
    if (this.pending === 0) this.pending = requestAnimationFrame(this.draw);
  }

  private readonly draw = (now_ms: number): void => {
    this.pending = 0;
    if (!this.dirty && now_ms - this.drawn < this.spacing) {
      this.request();
      return;
    }
    this.drawn = now_ms;
    const moving = this.fleet.advance(now_ms);
    this.scene.moved();
    this.noteAges();
    if (this.dirty || now_ms - this.refreshed >= REFRESH_MS) this.refresh(now_ms);
    if (this.view.route !== null && now_ms - this.routed >= ROUTE_MS) this.showRoute();
    this.follow();
    this.overlay.setProps({ layers: this.scene.layers(this.view.selected) });
    const pointed = this.fleet.get(this.pointed);
    if (pointed !== undefined) this.events.onPointDrawn(this.map.project(pointed));
    if (moving) this.request();
  };

  /** What need not be done in each frame. */
  private refresh(now_ms: number): void {
    this.dirty = false;
    this.refreshed = now_ms;
    this.scene.refresh({ ...this.view, pointed: this.pointed }, this.camera, now_ms);
    this.spacing = frameSpacing((this.fleet.fastest(now_ms) * METRES_PER_DEGREE) / this.metresPerPx());
    if (this.store.view().ready) this.hold.update(this.looksElsewhere());
    this.placeCamera();
  }

  private looksElsewhere(): boolean {
    const elsewhere = (place: { lat: number; lng: number }) => !this.hold.covers(place);
    const [start] = this.view.route?.points ?? [];
    return this.fleet.drawn.some(elsewhere) || (start !== undefined && elsewhere({ lat: start[0], lng: start[1] }));
  }

  /** The fleet, or its part in the city: two cities would not fit on one map. */
  private fleetToShow(): readonly Mark[] {
    const here = this.fleet.drawn.filter((mark) => this.hold.covers(mark));
    return here.length > 0 ? here : this.fleet.drawn;
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
    // The style is made before the fleet is there.
    const mark = (this.fleet as Fleet | undefined)?.get(this.view.selected);
    const vehicle = mark === undefined ? null : ([mark.lat, mark.lng] as const);
    return routeFeatures(this.view.route, vehicle, mark?.state.attention === "off");
  }

  private showRoute(): void {
    this.routed = performance.now();
    void this.map.getSource<GeoJSONSource>(ROUTE_SOURCE)?.setData(this.routeData());
  }

  /** At first shows the fleet, or the route being chosen; later brings the selected vehicle out from under a panel. */
  private placeCamera(): void {
    const { route, selected, padding, follow } = this.view;
    if (route?.preview === true) {
      if (this.bringIntoView)
        this.fit(
          route.points.map(([lat, lng]) => ({ lat, lng })),
          true,
        );
      this.bringIntoView = false;
      return;
    }
    if (!this.placed && this.store.view().ready) {
      this.placed = true;
      this.fit(this.fleetToShow(), false);
    }
    const mark = this.fleet.get(selected);
    if (!this.bringIntoView || mark === undefined) return;
    this.bringIntoView = false;
    if (!follow && !isInFreeMap(this.map.project(mark), this.camera.extent, padding)) this.easeTo(mark);
  }

  private follow(): void {
    const mark = this.view.follow ? this.fleet.get(this.view.selected) : undefined;
    if (mark === undefined || this.map.isMoving()) return;
    const { x, y } = this.offset(mark);
    const distance = Math.hypot(x, y);
    if (distance > FOLLOW_EASE_PX) this.easeTo(mark);
    else if (distance > FOLLOW_SLACK_PX) this.map.jumpTo({ center: this.middleMoved(x, y) });
  }

  private easeTo(mark: Mark): void {
    const { x, y } = this.offset(mark);
    this.map.easeTo({ center: this.middleMoved(x, y), duration: this.ease() });
  }

  /** How far a vehicle is from the middle of the free map, px. */
  private offset(mark: Mark): Screen {
    const middle = freeCentre(this.camera.extent, this.view.padding);
    const place = this.map.project(mark);
    return { x: place.x - middle.x, y: place.y - middle.y };
  }

  private middleMoved(x: number, y: number) {
    const { width, height } = this.camera.extent;
    return this.map.unproject([width / 2 + x, height / 2 + y]);
  }

  private fit(places: Iterable<{ lat: number; lng: number }>, animate: boolean): boolean {
    const bounds = boundsOf(places);
    if (bounds === null) return false;
    const { top, right, bottom, left } = this.view.padding;
    const padding = {
      top: top + FIT_MARGIN,
      right: right + FIT_MARGIN,
      bottom: bottom + FIT_MARGIN,
      left: left + FIT_MARGIN,
    };
    this.map.fitBounds(bounds, { padding, maxZoom: FIT_ZOOM, duration: animate ? this.ease() : 0 });
    return true;
  }

  private ease(): number {
    return this.stillness.matches ? 0 : EASE_MS;
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
      const { lng, lat } = hit.cluster;
      this.map.easeTo({ center: [lng, lat], zoom: this.map.getZoom() + 1.5, duration: this.ease() });
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

function centreOf({ lat, lng, zoom }: MapCamera) {
  return { center: [lng, lat] as [number, number], zoom };
}

function sameView(a: EngineView, b: EngineView): boolean {
  const names = Object.keys(a) as (keyof EngineView)[];
  return names.every((name) => (name === "padding" ? samePadding(a.padding, b.padding) : a[name] === b[name]));
}

function samePadding(a: MapPadding, b: MapPadding): boolean {
  return a.top === b.top && a.right === b.right && a.bottom === b.bottom && a.left === b.left;
}
