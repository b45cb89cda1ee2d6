/** Draws the sprite sheet of the vehicles from the design tokens: shape says motion, fill says exception. */
import type { Tokens } from "../../ui/tokens";
import { printSheet, type Drawing, type Pen, type Sheet } from "./sheet";
import type { Attention, Motion } from "./vehicleState";

export type Fill = "plain" | "late" | "off" | "quiet";
export type VehicleSprite = `${"dart" | "square"}-${Fill}` | "silent";
export type ExtraSprite = "badge-late" | "badge-off" | "ring-selected" | "ring-hovered";

/** A selected vehicle's shape is 25 px. */
export const SELECTED_SCALE = 25 / 22;
/** Where the badge sits: at the top right of the shape. */
export const BADGE_OFFSET: readonly [number, number] = [9, -9.5];

const RADIUS = 11;
const RING_RADIUS = 19.5;
// Drawn larger than shown, so that turned and enlarged icons stay sharp on dense screens.
const SHARPNESS = 2;
// As small as the shapes with their edges are: without a graphics card each pixel counts, empty ones too.
const DART_BOX = { width: 24, height: 27, anchorY: 14.5 };
const SQUARE_BOX = { width: 24, height: 24, anchorY: 12 };
const BADGE_BOX = { width: 16, height: 16, anchorY: 8 };
const RING_BOX = { width: 42, height: 42, anchorY: 21 };
type Box = typeof DART_BOX;

const FILLS: readonly Fill[] = ["plain", "late", "off", "quiet"];

/** Which icon shows a vehicle in this state; `quiet` when the page is offline or the vehicle has no trip. */
export function spriteOf(motion: Motion, attention: Attention, quiet: boolean): VehicleSprite {
  const exception = attention === "off" || attention === "late";
  if (motion === "silent" && !exception) return "silent";
  const shape = motion === "moving" ? "dart" : "square";
  if (exception) return `${shape}-${attention}`;
  return `${shape}-${quiet ? "quiet" : "plain"}`;
}

/** The sheet for one theme. */
export function drawSprites(tokens: Tokens): Sheet {
  const edge = tokens["marker-edge"];
  const drawing = (name: VehicleSprite | ExtraSprite, box: Box, colour: string, draw: (pen: Pen) => void): Drawing => ({
    ...{ name, edge: colour, ...box },
    draw: (pen) => {
      pen.translate(box.width / 2, box.anchorY);
      draw(pen);
    },
  });
  const drawings = [
    ...FILLS.flatMap((fill) => [
      drawing(`dart-${fill}`, DART_BOX, edge, (pen) => {
        shape(pen, tokens, fill, dart());
      }),
      drawing(`square-${fill}`, SQUARE_BOX, edge, (pen) => {
        shape(pen, tokens, fill, square());
      }),
    ]),
    drawing("silent", SQUARE_BOX, edge, (pen) => {
      silent(pen, tokens);
    }),
    drawing("badge-late", BADGE_BOX, edge, (pen) => {
      lateBadge(pen, tokens);
    }),
    drawing("badge-off", BADGE_BOX, edge, (pen) => {
      offBadge(pen, tokens);
    }),
    drawing("ring-selected", RING_BOX, tokens.accent, (pen) => {
      ring(pen, tokens, true);
    }),
    drawing("ring-hovered", RING_BOX, tokens.accent, (pen) => {
      ring(pen, tokens, false);
    }),
  ];
  return printSheet(drawings, SHARPNESS);
}

/** The same icon in a list row or a counter would be an SVG; on the map it points north and is turned by its heading. */
function dart(): Path2D {
  const w = RADIUS * 0.78;
  return new Path2D(`M0 ${-RADIUS} L${w} ${w} Q0 ${RADIUS * 0.28} ${-w} ${w} Z`);
}

function square(): Path2D {
  const path = new Path2D();
  const half = RADIUS * 0.68;
  path.roundRect(-half, -half, half * 2, half * 2, RADIUS * 0.32);
  return path;
}

function shape(pen: Pen, tokens: Tokens, fill: Fill, path: Path2D): void {
  const colour = {
    plain: tokens.marker,
    late: tokens["late-fill"],
    off: tokens["off-fill"],
    quiet: tokens.quiet,
  }[fill];
  const exception = fill === "late" || fill === "off";
  pen.lineJoin = "round";
  paint(pen, path, tokens["marker-edge"], tokens["marker-edge"], exception ? 6.5 : 4.5);
  paint(pen, path, colour, fill === "late" ? tokens["late-edge"] : colour, 1.6);
}

function silent(pen: Pen, tokens: Tokens): void {
  const circle = new Path2D();
  circle.arc(0, 0, RADIUS * 0.82, 0, 2 * Math.PI);
  paint(pen, circle, tokens["m-land"], tokens["marker-edge"], 5);
  pen.setLineDash([3.2, 2.7]);
  paint(pen, circle, tokens["m-land"], tokens.quiet, 2);
  pen.setLineDash([]);
  pen.lineCap = "round";
  paint(pen, new Path2D("M-3.3 -3.3 3.3 3.3M3.3 -3.3 -3.3 3.3"), null, tokens.quiet, 2);
}

function lateBadge(pen: Pen, tokens: Tokens): void {
  disc(pen, 6.4, tokens["marker-edge"]);
  disc(pen, 5, tokens["badge-bg"]);
  pen.lineCap = "round";
  paint(pen, new Path2D("M0 -2.8V.2L2 1.4"), null, tokens["badge-fg"], 1.4);
}

function offBadge(pen: Pen, tokens: Tokens): void {
  paint(pen, new Path2D("M0 -7.5 7.5 0 0 7.5 -7.5 0Z"), tokens["marker-edge"], null, 0);
  paint(pen, new Path2D("M0 -5.6 5.6 0 0 5.6 -5.6 0Z"), tokens["off-fill"], null, 0);
  pen.lineCap = "round";
  paint(pen, new Path2D("M0 -2.6V.5M0 2.3v.2"), null, tokens["off-on"], 1.5);
}

function ring(pen: Pen, tokens: Tokens, selected: boolean): void {
  if (selected) {
    pen.globalAlpha = 0.16;
    disc(pen, RING_RADIUS, tokens.accent);
    pen.globalAlpha = 1;
  }
  const circle = new Path2D();
  circle.arc(0, 0, RING_RADIUS, 0, 2 * Math.PI);
  paint(pen, circle, null, tokens.accent, 2.5);
}

function disc(pen: Pen, radius: number, colour: string): void {
  const path = new Path2D();
  path.arc(0, 0, radius, 0, 2 * Math.PI);
  paint(pen, path, colour, null, 0);
}

function paint(pen: Pen, path: Path2D, fill: string | null, stroke: string | null, width: number): void {
  if (fill !== null) {
    pen.fillStyle = fill;
    pen.fill(path);
  }
  if (stroke !== null) {
    pen.strokeStyle = stroke;
    pen.lineWidth = width;
    pen.stroke(path);
  }
}
