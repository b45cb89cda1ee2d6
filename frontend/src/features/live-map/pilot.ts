/** Steers the camera: shows the fleet at first, brings the selected vehicle into the free map, and follows it. */
import type { Map as MapLibre } from "maplibre-gl";
import { CITY_CAMERA, Hold } from "./basemap";
import { boundsOf, freeCentre, isInFreeMap, type Screen } from "./camera";
import type { Mark } from "./fleet";
import type { MapPadding, MapRoute } from "./props";
import type { SceneCamera } from "./scene";
import { CITY } from "./style";

export interface PilotView {
  readonly selected: string | null;
  readonly route: MapRoute | null;
  readonly follow: boolean;
  readonly padding: MapPadding;
}

interface Place {
  readonly lat: number;
  readonly lng: number;
}

const EASE_MS = 300;
const FIT_ZOOM = 15;
const FIT_MARGIN = 48;
// Nearer to the middle than this, following does not move the camera: each move draws the whole city again.
const FOLLOW_SLACK_PX = 0.75;
const FOLLOW_EASE_PX = 120;

export class Pilot {
  /** Something was selected, or a panel moved: look once whether it is hidden. */
  private curious: boolean;
  private readonly hold: Hold;
  private readonly stillness = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(
    private readonly map: MapLibre,
    private readonly camera: SceneCamera,
    private view: PilotView,
    /** Whether the camera is where someone put it. */
    private placed: boolean,
  ) {
    this.hold = new Hold(map, CITY);
    this.curious = view.selected !== null;
  }

  /** Whether the person asked for less motion. */
  get still(): boolean {
    return this.stillness.matches;
  }

  set(next: PilotView): void {
    const before = this.view;
    this.view = next;
    const route = next.route?.route_id !== before.route?.route_id || next.route?.preview !== before.route?.preview;
    if (route || next.selected !== before.selected || !samePadding(next.padding, before.padding)) this.curious = true;
    if (next.follow === before.follow) return;
    this.map.scrollZoom.disable();
    this.map.scrollZoom.enable(next.follow ? { around: "center" } : true);
  }

  /** A few times a second, once the fleet is known: holds the camera to the city, and looks once at what was chosen. */
  look(drawn: readonly Mark[], selected: Mark | undefined): void {
    const elsewhere = (place: Place) => !this.hold.covers(place);
    const free = drawn.some(elsewhere) || places(this.view.route).some(elsewhere);
    this.hold.update(free, this.camera.extent, this.view.padding);
    if (!this.placed) {
      this.placed = true;
      this.fit(this.fleetToShow(drawn), 0);
    }
    if (!this.curious) return;
    if (this.view.route?.preview === true) {
      this.curious = false;
      this.fit(places(this.view.route), this.ease());
    } else if (selected !== undefined) {
      this.curious = false;
      if (!this.view.follow && !this.isFree(selected)) this.centre(selected);
    } else if (this.view.selected === null && this.view.route !== null) {
      this.curious = false;
      if (!places(this.view.route).some((place) => this.isFree(place))) this.fit(places(this.view.route), this.ease());
    }
  }

  /** In each frame. */
  follow(mark: Mark | undefined): void {
    if (!this.view.follow || mark === undefined || this.map.isMoving()) return;
    const { x, y } = this.offset(mark);
    const distance = Math.hypot(x, y);
    if (distance > FOLLOW_EASE_PX) this.centre(mark);
    else if (distance > FOLLOW_SLACK_PX) this.map.jumpTo({ center: this.middleMoved(x, y) });
  }

  /** Shows the whole fleet; the city when there is none. */
  fitAll(drawn: readonly Mark[]): void {
    if (this.fit(this.fleetToShow(drawn), this.ease())) return;
    const { lat, lng, zoom } = CITY_CAMERA;
    this.map.easeTo({ center: [lng, lat], zoom, duration: this.ease() });
  }

  zoomBy(steps: number): void {
    this.map.easeTo({ zoom: this.map.getZoom() + steps, duration: this.ease() });
  }

  zoomInto({ lat, lng }: Place): void {
    this.map.easeTo({ center: [lng, lat], zoom: this.map.getZoom() + 1.5, duration: this.ease() });
  }

  /** The fleet, or its part in the city: two cities would not fit on one map. */
  private fleetToShow(drawn: readonly Mark[]): readonly Mark[] {
    const here = drawn.filter((mark) => this.hold.covers(mark));
    return here.length > 0 ? here : drawn;
  }

  private isFree(place: Place): boolean {
    return isInFreeMap(this.camera.project(place), this.camera.extent, this.view.padding);
  }

  private centre(place: Place): void {
    const { x, y } = this.offset(place);
    this.map.easeTo({ center: this.middleMoved(x, y), duration: this.ease() });
  }

  /** How far a place is from the middle of the free map, px. */
  private offset(place: Place): Screen {
    const middle = freeCentre(this.camera.extent, this.view.padding);
    const { x, y } = this.camera.project(place);
    return { x: x - middle.x, y: y - middle.y };
  }

  private middleMoved(x: number, y: number) {
    const { width, height } = this.camera.extent;
    return this.map.unproject([width / 2 + x, height / 2 + y]);
  }

  private fit(all: Iterable<Place>, duration: number): boolean {
    const bounds = boundsOf(all);
    if (bounds === null) return false;
    const { top, right, bottom, left } = this.view.padding;
    const padding = {
      top: top + FIT_MARGIN,
      right: right + FIT_MARGIN,
      bottom: bottom + FIT_MARGIN,
      left: left + FIT_MARGIN,
    };
    this.hold.release();
    this.map.fitBounds(bounds, { padding, maxZoom: FIT_ZOOM, duration });
    return true;
  }

  private ease(): number {
    return this.still ? 0 : EASE_MS;
  }
}

function places(route: MapRoute | null): Place[] {
  return route?.points.map(([lat, lng]) => ({ lat, lng })) ?? [];
}

export function samePadding(a: MapPadding, b: MapPadding): boolean {
  return a.top === b.top && a.right === b.right && a.bottom === b.bottom && a.left === b.left;
}
