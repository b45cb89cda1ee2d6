/** The live map with what the page knows: theme, words, the chosen route, and where it looks as part of the address. */
import { useColorScheme } from "@mui/material/styles";
import { Component, Suspense, useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from "react";

import { getRoute, liveStore, useResource, type Box } from "../api";
import {
  LiveMap,
  type Attention,
  type MapBox,
  type MapCamera,
  type MapPadding,
  type MapRoute,
} from "../features/live-map";
import type { Row } from "../features/trips";
import { ProblemText } from "./ProblemText";
import { tokens, useReading, type ThemeName } from "../ui";
import { mapWords } from "./mapWords";
import styles from "./LivePage.module.css";

export interface FleetMapProps {
  readonly chosen: Row | null;
  readonly previewRoute: string | null;
  readonly hoveredVehicle: string | null;
  readonly only: ReadonlySet<Attention> | null;
  readonly follow: boolean;
  readonly offline: boolean;
  readonly padding: MapPadding;
  readonly initialCamera: MapCamera | null;
  readonly controls: boolean;
  readonly onSelect: (vehicle_id: string | null) => void;
  readonly onHover: (vehicle_id: string | null) => void;
  readonly onFollowEnd: () => void;
  readonly onCamera: (camera: MapCamera) => void;
}

const REST_MS = 500;
// Watched beyond the edge, so that a short pan shows what is there before the map rests.
const MARGIN = 0.25;

function padded([south, west, north, east]: MapBox): Box {
  const [dy, dx] = [(north - south) * MARGIN, (east - west) * MARGIN];
  return [Math.max(-90, south - dy), Math.max(-180, west - dx), Math.min(90, north + dy), Math.min(180, east + dx)];
}

export function FleetMap(props: FleetMapProps) {
  const { chosen, previewRoute, onCamera, ...passed } = props;
  const reading = useReading();
  const words = useMemo(() => mapWords(reading), [reading]);
  const theme = useTheme();
  const route = useMapRoute(chosen, previewRoute);
  const trip = chosen?.trip ?? null;
  const open = trip === null || trip.status === "underway" || trip.status === "planned";
  const selectedVehicle = open ? (chosen?.vehicle_id ?? null) : null;
  const onRest = useWatch(selectedVehicle, trip?.trip_id ?? null, onCamera);

  return (
    <MapBoundary fallback={<ProblemText title={reading.words.map.failed} text={reading.words.map.failedHelp} />}>
      <Suspense fallback={<div className={styles.mapLoading} role="status" aria-label={reading.words.map.loading} />}>
        <LiveMap
          {...passed}
          store={liveStore}
          theme={theme}
          tokens={tokens[theme]}
          language={reading.language}
          words={words}
          selectedVehicle={selectedVehicle}
          route={route}
          onRest={onRest}
        />
      </Suspense>
    </MapBoundary>
  );
}

function useTheme(): ThemeName {
  const { mode, systemMode } = useColorScheme();
  return (mode === "system" ? systemMode : mode) ?? "light";
}

/** The route to draw: the one being chosen for a start, else the chosen trip's with what is driven of it. */
function useMapRoute(chosen: Row | null, previewRoute: string | null): MapRoute | null {
  const trip = chosen?.trip ?? null;
  const route_id = previewRoute ?? trip?.route_id ?? null;
  const route = useResource(route_id, () => getRoute(route_id ?? "")).data;
  const fraction = previewRoute === null ? (trip?.fraction ?? 0) : 0;
  const points = useMemo(() => route?.path.map(([lat, lng]) => [lat, lng] as const) ?? null, [route]);
  return useMemo(() => {
    if (!route || !points) return null;
    const stops = route.stops.map(({ lat, lng, name }) => ({ lat, lng, name: name ?? null }));
    return { route_id: route.route_id, points, stops, fraction, preview: previewRoute !== null };
  }, [route, points, fraction, previewRoute]);
}

/** Tells the gateway what is looked at when the map rests, and the address half a second later. */
function useWatch(vehicle: string | null, trip: string | null, onCamera: (camera: MapCamera) => void) {
  const [seen, setSeen] = useState<{ box: Box; zoom: number } | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    liveStore.watch({
      box: seen?.box ?? null,
      zoom: seen?.zoom ?? null,
      vehicles: vehicle === null ? [] : [vehicle],
      trip,
    });
  }, [seen, vehicle, trip]);
  return useCallback(
    (camera: MapCamera, box: MapBox) => {
      setSeen({ box: padded(box), zoom: camera.zoom });
      clearTimeout(timer.current);
      timer.current = setTimeout(() => onCamera(camera), REST_MS);
    },
    [onCamera],
  );
}

interface BoundaryProps {
  readonly fallback: ReactNode;
  readonly children: ReactNode;
}

/** A map that cannot be loaded or drawn leaves the list and the panels working. */
class MapBoundary extends Component<BoundaryProps, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    return this.state.failed ? this.props.fallback : this.props.children;
  }
}
