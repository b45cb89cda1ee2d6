/** The event flow's geometry: sources into the broker, the broker into its triggers; a stream's width is its rate. */

export interface Stream {
  readonly name: string;
  readonly detail: string;
  readonly rate: number;
  /** Drawn as a failure: what went to the dead letters. */
  readonly failed?: boolean;
}

export interface FlowBand {
  readonly stream: Stream;
  /** Middle of the stream at its outer end. */
  readonly y: number;
  readonly thickness: number;
  /** The outline, to be filled. */
  readonly path: string;
}

export interface FlowDrawing {
  readonly height: number;
  readonly broker: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly left: readonly FlowBand[];
  readonly right: readonly FlowBand[];
  readonly leftEdge: number;
  readonly rightEdge: number;
}

const SOURCE_GAP_PX = 50;
const TARGET_GAP_PX = 44;
const WIDEST_PX = 33;
const THINNEST_PX = 1.5;
const BROKER_PX = 92;
const LEFT_LABEL_PX = 116;
const MARGIN_PX = 10;

/** Pixels that a rate is wide, beside the greatest of the drawing. */
export function thicknessOf(rate: number, greatest: number): number {
  return greatest <= 0 ? THINNEST_PX : Math.max(THINNEST_PX, (rate / greatest) * WIDEST_PX);
}

export function drawFlow(sources: readonly Stream[], targets: readonly Stream[], width: number): FlowDrawing {
  const greatest = Math.max(0, ...sources.map(({ rate }) => rate), ...targets.map(({ rate }) => rate));
  const thick = ({ rate }: Stream) => thicknessOf(rate, greatest);
  const inner = (streams: readonly Stream[], gap: number) =>
    streams.reduce((sum, stream) => sum + thick(stream), 0) + gap * Math.max(0, streams.length - 1);
  const height = Math.max(sources.length * SOURCE_GAP_PX, targets.length * TARGET_GAP_PX, 120) + 2 * MARGIN_PX;
  const brokerHeight = Math.min(height - 2 * MARGIN_PX, Math.max(inner(sources, 2), inner(targets, 2)) + 40);
  const broker = {
    x: Math.round(LEFT_LABEL_PX + (width - LEFT_LABEL_PX) * 0.24),
    y: (height - brokerHeight) / 2,
    width: BROKER_PX,
    height: brokerHeight,
  };
  const leftEdge = LEFT_LABEL_PX + 10;
  const rightEdge = broker.x + BROKER_PX + (broker.x - leftEdge) * 0.95;

  const bands = (streams: readonly Stream[], gap: number, outerX: number, innerX: number): FlowBand[] => {
    const top = (height - streams.length * gap) / 2;
    let next = (height - inner(streams, 2)) / 2;
    return streams.map((stream, index) => {
      const thickness = thick(stream);
      const y = top + (index + 0.5) * gap;
      const at = next + thickness / 2;
      next += thickness + 2;
      const path = ribbon(outerX, y, innerX, at, thickness);
      return { stream, y, thickness, path };
    });
  };
  return {
    height,
    broker,
    leftEdge,
    rightEdge,
    left: bands(sources, SOURCE_GAP_PX, leftEdge, broker.x),
    right: bands(targets, TARGET_GAP_PX, rightEdge, broker.x + BROKER_PX),
  };
}

/** A ribbon that is as thick everywhere, measured upright, so that neighbours never overlap. */
function ribbon(fromX: number, fromY: number, toX: number, toY: number, thickness: number): string {
  const half = thickness / 2;
  const bend = (toX - fromX) / 2;
  const there = `C${fromX + bend} ${fromY - half} ${toX - bend} ${toY - half} ${toX} ${toY - half}`;
  const back = `C${toX - bend} ${toY + half} ${fromX + bend} ${fromY + half} ${fromX} ${fromY + half}`;
  return `M${fromX} ${fromY - half}${there}V${toY + half}${back}Z`;
}
