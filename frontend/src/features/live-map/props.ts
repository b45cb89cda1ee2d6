/** What the map takes and tells: the props of `LiveMap`, without any of the map's libraries. */
import type { LiveStore } from "../../api";
import type { ThemeName, Tokens } from "../../ui/tokens";
import type { Attention } from "./vehicleState";

export interface MapCamera {
  readonly lat: number;
  readonly lng: number;
  readonly zoom: number;
}

/** [south, west, north, east], degrees. */
export type MapBox = readonly [south: number, west: number, north: number, east: number];

/** Pixels at each side of the map that panels cover. */
export interface MapPadding {
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly left: number;
}

export interface MapStop {
  readonly lat: number;
  readonly lng: number;
  readonly name: string | null;
}

export interface MapRoute {
  readonly route_id: string;
  /** The way, as [lat, lng]. */
  readonly points: readonly (readonly [lat: number, lng: number])[];
  readonly stops: readonly MapStop[];
  /** How much of the way is driven, 0 to 1. */
  readonly fraction: number;
  /** A route that is being chosen: the camera shows all of it, nothing is driven. */
  readonly preview: boolean;
}

/** Every word the map shows, in the page's language. */
export interface MapWords {
  /** Accessible name of the map. */
  readonly label: string;
  /** Accessible description: "64 veículos, 7 com atenção; use a lista para escolher". */
  description(vehicles: number, attention: number): string;
  readonly zoomIn: string;
  readonly zoomOut: string;
  /** Shows the whole fleet. */
  readonly fitAll: string;
  /** "© colaboradores do OpenStreetMap" */
  readonly attribution: string;
  /** "(ODbL) · costa estimada" */
  readonly attributionNote: string;
  /** The tiles cannot be fetched: one sentence with the remedy. */
  readonly tilesMissing: string;
  /** WebGL is not there: one sentence with the remedy. */
  readonly noWebgl: string;
  /** Lateness beside a mark, whole minutes: "+11". */
  late(minutes: number): string;
  /** Distance beside a mark: "640 m". */
  offRoute(metres: number): string;
  /** Silence beside a mark: "9 min". */
  silent(minutes: number): string;
  /** "32 km/h" from metres per second. */
  speed(metres_per_second: number): string;
  /** "Chega 14:47", with a tilde in front of the time when it is uncertain. */
  arrival(arrival_ms: number, uncertain: boolean): string;
  /** "há 2 s" */
  lastSeen(seconds: number): string;
}

export interface LiveMapProps {
  store: LiveStore;
  theme: ThemeName;
  tokens: Tokens;
  language: "pt-BR" | "en";
  words: MapWords;
  selectedVehicle: string | null;
  /** Hovered elsewhere, in the list: gets the ring. */
  hoveredVehicle: string | null;
  /** Draws only vehicles in these states; null draws all. The selected one is always drawn. */
  only: ReadonlySet<Attention> | null;
  route: MapRoute | null;
  follow: boolean;
  padding: MapPadding;
  /** No word from the server for a while: marks turn quiet. */
  offline: boolean;
  initialCamera: MapCamera | null;
  /** Whether the zoom buttons are shown; the button for the whole fleet always is. */
  controls: boolean;
  onSelect: (vehicle_id: string | null) => void;
  onHover: (vehicle_id: string | null) => void;
  /** A drag ended the following. */
  onFollowEnd: () => void;
  /** The camera came to rest. */
  onRest: (camera: MapCamera, box: MapBox) => void;
}
