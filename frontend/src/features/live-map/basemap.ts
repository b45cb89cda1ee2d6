/** Makes the MapLibre map: north up, held to the city, its tiles and glyphs from this page alone. */
import { Map as MapLibre, setWorkerUrl, type VectorTileSource } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import "maplibre-gl/dist/maplibre-gl.css";
import type { MapCamera } from "./props";
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

/** Holds the camera where there are tiles, and lets go of it while something to look at lies elsewhere. */
export class Hold {
  private bounds: Bounds | null = null;
  private held = false;

  constructor(
    private readonly map: MapLibre,
    private readonly source: string,
  ) {}

  /** Whether a place lies on the tiles; unknown before their description came: then it does. */
  covers({ lat, lng }: { lat: number; lng: number }): boolean {
    if (this.bounds === null) return true;
    const [west, south, east, north] = this.bounds;
    return lng >= west && lng <= east && lat >= south && lat <= north;
  }

  /** @param free whether something to look at lies elsewhere */
  update(free: boolean): void {
    // MapLibre takes the bounds over from the tiles' description.
    this.bounds ??= this.map.getSource<VectorTileSource>(this.source)?.bounds ?? null;
    const hold = !free && this.bounds !== null && this.covers(this.map.getCenter());
    if (hold === this.held) return;
    this.held = hold;
    this.map.setMaxBounds(hold && this.bounds !== null ? [...this.bounds] : null);
  }
}

type Bounds = readonly [west: number, south: number, east: number, north: number];
