/** Makes the MapLibre map: north up, held to the city, its tiles and glyphs from this page alone. */
import { Map as MapLibre, setWorkerUrl, type VectorTileSource } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import "maplibre-gl/dist/maplibre-gl.css";
import { withRoom, type Bounds, type Extent } from "./camera";
import type { MapCamera, MapPadding } from "./props";
import type { mapStyle } from "./style";

export const CITY_CAMERA: MapCamera = { lat: -34.8958, lng: -56.1645, zoom: 12.6 };

/** Whether this browser can draw the map at all. */
export function hasWebgl(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

export function createBasemap(
  container: HTMLElement,
  style: ReturnType<typeof mapStyle>,
  camera: MapCamera,
  label: string,
): MapLibre {
  setWorkerUrl(workerUrl);
  const map = new MapLibre({
    container,
    style,
    center: [camera.lng, camera.lat],
    zoom: camera.zoom,
    minZoom: 9.5,
    maxZoom: 18,
    maxPitch: 0,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    rollEnabled: false,
    attributionControl: false,
    renderWorldCopies: false,
    // Labels follow their vehicles at once; a fade would leave them behind.
    fadeDuration: 120,
    locale: { "Map.Title": label },
    transformRequest: (url) => ({ url: new URL(url, location.href).href }),
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  return map;
}

/** Holds the free map where there are tiles, and lets go of the camera while something to look at lies elsewhere. */
export class Hold {
  private bounds: Bounds | null = null;
  private held: Bounds | null = null;

  constructor(
    private readonly map: MapLibre,
    private readonly source: string,
  ) {}

  /** Whether a place lies on the tiles; unknown before their description came: then it does. */
  covers(place: { lat: number; lng: number }): boolean {
    return this.bounds === null || contains(this.bounds, place);
  }

  /**
   * Call it again and again: what panels cover is so many degrees at each zoom.
   * @param free whether something to look at lies elsewhere
   */
  update(free: boolean, extent: Extent, padding: MapPadding): void {
    // MapLibre takes the bounds over from the tiles' description.
    this.bounds ??= this.map.getSource<VectorTileSource>(this.source)?.bounds ?? null;
    if (this.bounds === null || this.map.isMoving()) return;
    const [[west, south], [east, north]] = this.map.getBounds().toArray();
    const wide = withRoom(this.bounds, [west, south, east, north], extent, padding);
    this.hold(!free && contains(wide, this.map.getCenter()) ? wide : null);
  }

  /** Lets the camera go where it is sent; the next update holds it again there. */
  release(): void {
    this.hold(null);
  }

  private hold(bounds: Bounds | null): void {
    if (sameBounds(bounds, this.held)) return;
    this.held = bounds;
    this.map.setMaxBounds(bounds && [...bounds]);
  }
}

const contains = ([west, south, east, north]: Bounds, { lat, lng }: { lat: number; lng: number }): boolean =>
  lng >= west && lng <= east && lat >= south && lat <= north;

/** Whether two bounds are the same to a metre: the camera's own rounding must not move it. */
const sameBounds = (a: Bounds | null, b: Bounds | null): boolean =>
  a === null || b === null ? a === b : a.every((degrees, side) => Math.abs(degrees - (b[side] ?? NaN)) < 1e-5);
