/** The live map: the city, every vehicle of the fleet gliding over it, and the selected trip's way. */
import { useEffect, useMemo, useRef, useState } from "react";
import { useLive } from "../../api";
import { hasWebgl } from "./basemap";
import { scaleOf } from "./camera";
import { MapEngine, type EngineEvents, type EngineView } from "./engine";
import { HoverCard } from "./HoverCard";
import "./map.css";
import { MapControls } from "./MapControls";
import { offerProbe } from "./probe";
import type { LiveMapProps } from "./props";
import { vehicleState } from "./vehicleState";

const LONGEST_SCALE_PX = 110;
// From the middle of the mark to the card, which never covers it.
const CARD_GAP_PX = 22;
const CARD_ROOM_PX = { width: 250, height: 84 };

export default function LiveMap(props: LiveMapProps) {
  const { store, words, padding, initialCamera, onHover } = props;
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLDivElement>(null);
  const scale = useRef<HTMLDivElement>(null);
  const card = useRef<HTMLDivElement>(null);
  const engine = useRef<MapEngine | null>(null);
  const [pointed, setPointed] = useState<string | null>(null);
  const [tilesMissing, setTilesMissing] = useState(false);
  const drawable = useMemo(() => hasWebgl(), []);
  const view = engineView(props);
  const latest = useRef({ props, view });
  useEffect(() => {
    latest.current = { props, view };
    engine.current?.set(view);
  });

  useEffect(() => {
    const container = canvas.current;
    if (container === null || !drawable) return;
    const events: EngineEvents = {
      onSelect: (id) => {
        latest.current.props.onSelect(id);
      },
      onPoint: setPointed,
      onPointDrawn: (place) => {
        moveCard(card.current, place, container);
      },
      onFollowEnd: () => {
        latest.current.props.onFollowEnd();
      },
      onMove: (metres_per_px) => {
        writeScale(scale.current, metres_per_px, latest.current.props.language);
      },
      onRest: (camera, box) => {
        latest.current.props.onRest(camera, box);
      },
      onTilesMissing: () => {
        setTilesMissing(true);
      },
    };
    const made = new MapEngine(container, store, latest.current.view, events, initialCamera);
    engine.current = made;
    const endProbe = offerProbe(() => made.places());
    return () => {
      engine.current = null;
      endProbe();
      made.destroy();
    };
    // The first camera counts once.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [store, drawable]);

  useEffect(() => {
    onHover(pointed);
  }, [pointed, onHover]);

  return (
    <div ref={frame} className="tw-map" data-testid="map" aria-describedby="tw-map-description">
      <div ref={canvas} className="tw-map-canvas" />
      <MapDescription {...props} />
      {drawable ? (
        <MapControls
          words={words}
          zoom={props.controls}
          padding={padding}
          scale={scale}
          onZoom={(steps) => engine.current?.zoomBy(steps)}
          onFitAll={() => engine.current?.fitAll()}
        />
      ) : null}
      {pointed === null ? null : <HoverCard store={store} vehicleId={pointed} words={words} place={card} />}
      {drawable ? null : <MapNote text={words.noWebgl} />}
      {tilesMissing ? <MapNote text={words.tilesMissing} /> : null}
    </div>
  );
}

function engineView(props: LiveMapProps): EngineView {
  const { theme, tokens, words, selectedVehicle, hoveredVehicle, only, route, follow, padding, offline } = props;
  return {
    ...{ theme, tokens, words, only, route, follow, padding, offline },
    selected: selectedVehicle,
    hovered: hoveredVehicle,
  };
}

/** Says in words what the map shows; the list says the rest. */
function MapDescription({ store, words }: LiveMapProps) {
  useLive();
  let attention = 0;
  for (const vehicle of store.vehicles.values()) {
    const { vehicle_id } = vehicle;
    const state = vehicleState(vehicle, store.tripOf(vehicle_id), store.now(), store.heardMs(vehicle_id));
    if (state.attention !== "fine") attention++;
  }
  return (
    <p id="tw-map-description" hidden>
      {words.description(store.vehicles.size, attention)}
    </p>
  );
}

function MapNote({ text }: { readonly text: string }) {
  return (
    <p className="tw-map-note" role="status">
      {text}
    </p>
  );
}

function moveCard(card: HTMLElement | null, place: { x: number; y: number }, map: HTMLElement): void {
  if (card === null) return;
  const { clientWidth, clientHeight } = map;
  const left = place.x + CARD_GAP_PX + CARD_ROOM_PX.width > clientWidth;
  const x = left ? `calc(${String(place.x - CARD_GAP_PX)}px - 100%)` : `${String(place.x + CARD_GAP_PX)}px`;
  const y = Math.min(Math.max(place.y - CARD_ROOM_PX.height / 2, 8), clientHeight - CARD_ROOM_PX.height - 8);
  card.style.transform = `translate(${x}, ${String(y)}px)`;
}

function writeScale(scale: HTMLElement | null, metres_per_px: number, language: string): void {
  if (scale === null) return;
  const { metres, width } = scaleOf(metres_per_px, LONGEST_SCALE_PX);
  const unit = metres < 1000 ? "meter" : "kilometer";
  const format = new Intl.NumberFormat(language, { style: "unit", unit });
  scale.textContent = format.format(metres < 1000 ? metres : metres / 1000);
  scale.style.width = `${String(width)}px`;
}
