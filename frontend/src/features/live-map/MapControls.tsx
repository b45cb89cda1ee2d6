/** The map's own furniture: zoom, the whole fleet, the scale, and where the map is from. */
import { LocateFixed, Minus, Plus } from "lucide-react";
import type { RefObject } from "react";
import type { MapPadding, MapWords } from "./props";

interface MapControlsProps {
  readonly words: MapWords;
  readonly zoom: boolean;
  readonly padding: MapPadding;
  readonly onZoom: (steps: number) => void;
  readonly onFitAll: () => void;
  /** The engine writes the distance and the width of the scale. */
  readonly scale: RefObject<HTMLDivElement | null>;
}

const COPYRIGHT = "https://www.openstreetmap.org/copyright";

export function MapControls({ words, zoom, padding, onZoom, onFitAll, scale }: MapControlsProps) {
  const corner = { right: padding.right, bottom: padding.bottom };
  return (
    <>
      <div className="tw-map-buttons" style={{ right: corner.right + 12, bottom: corner.bottom + 32 }}>
        <div>
          <MapButton name={words.fitAll} onClick={onFitAll}>
            <LocateFixed size={20} strokeWidth={1.75} aria-hidden />
          </MapButton>
        </div>
        {zoom ? (
          <div>
            <MapButton
              name={words.zoomIn}
              onClick={() => {
                onZoom(1);
              }}
            >
              <Plus size={20} strokeWidth={1.75} aria-hidden />
            </MapButton>
            <MapButton
              name={words.zoomOut}
              onClick={() => {
                onZoom(-1);
              }}
            >
              <Minus size={20} strokeWidth={1.75} aria-hidden />
            </MapButton>
          </div>
        ) : null}
      </div>
      <div
        ref={scale}
        className="tw-map-scale"
        style={{ left: padding.left + 14, bottom: corner.bottom + 10 }}
        aria-hidden
      />
      <div className="tw-map-credit" style={corner}>
        <a href={COPYRIGHT} target="_blank" rel="noreferrer">
          {words.attribution}
        </a>{" "}
        {words.attributionNote}
      </div>
    </>
  );
}

interface MapButtonProps {
  readonly name: string;
  readonly onClick: () => void;
  readonly children: React.ReactNode;
}

function MapButton({ name, onClick, children }: MapButtonProps) {
  return (
    <button type="button" aria-label={name} title={name} onClick={onClick}>
      {children}
    </button>
  );
}
