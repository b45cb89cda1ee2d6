/** deck.gl over the map, on a canvas of its own, that draws when it is told to and never else. */
import type { LayersList } from "@deck.gl/core";
import { MapboxOverlay } from "@deck.gl/mapbox";

const RESIZED_MS = 100;

/** The part of deck.gl's frame loop used here; it has no public switch. */
interface FrameLoop {
  stop(): unknown;
  /** Brings the layers up to date and draws them, at once. */
  redraw(): unknown;
}

/**
 * Not interleaved with the map's own layers: vehicles move without the city being drawn again. deck.gl's own loop would
 * ask the browser for sixty frames a second even when nothing moves, which costs a tenth of a core: it is stopped.
 */
export class VehicleOverlay extends MapboxOverlay {
  private ready = false;
  private resized = 0;

  constructor() {
    super({
      interleaved: false,
      layers: [],
      parameters: { depthWriteEnabled: false, depthCompare: "always" },
      // The icons' edges are smooth in the sheet already.
      deviceProps: { type: "webgl", webgl: { antialias: false } },
      onLoad: () => {
        this.ready = true;
        // The loop starts right after this; the first frame has to be drawn in any case.
        requestAnimationFrame(() => {
          this.loop()?.stop();
          this.redraw();
        });
      },
    });
  }

  show(layers: LayersList): void {
    this.setProps({ layers });
    this.redraw();
  }

  /** The map has another size: deck.gl's canvas has it a moment later. */
  resize(): void {
    clearTimeout(this.resized);
    this.resized = window.setTimeout(() => {
      this.redraw();
    }, RESIZED_MS);
  }

  override onRemove(): void {
    this.ready = false;
    clearTimeout(this.resized);
    super.onRemove();
  }

  private redraw(): void {
    if (this.ready) this.loop()?.redraw();
  }

  private loop(): FrameLoop | undefined {
    return (this as unknown as { _deck?: { animationLoop?: FrameLoop } })._deck?.animationLoop;
  }
}
