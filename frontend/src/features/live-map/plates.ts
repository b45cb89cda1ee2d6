/** Draws what carries text over the map (names, cluster counts, stops) into one sheet, in the page's own font. */
import type { Tokens } from "../../ui/tokens";
import { printSheet, type Drawing, type Pen, type Sheet } from "./sheet";

export type Tone = "late" | "off" | "silent" | "fine";

export type Plate =
  | { readonly kind: "name"; readonly name: string; readonly value: string; readonly tone: Tone }
  | { readonly kind: "cluster"; readonly count: number; readonly attention: number }
  | { readonly kind: "stop"; readonly number: number; readonly past: boolean }
  | { readonly kind: "start" }
  | { readonly kind: "end" };

export interface Size {
  readonly width: number;
  readonly height: number;
}

const NAME_HEIGHT = 22;
const CLUSTER_SIZE = 38;

const FONT = '"Atkinson Hyperlegible Next Variable", system-ui, sans-serif';
const NAME_FONT = `600 12.5px ${FONT}`;
const VALUE_FONT = `700 12.5px ${FONT}`;
const EDGE = 1;
const STOP_SIZE = 24;
const PIN = { width: 28, height: 34 };
const WIDEST_NAME = 320;
const MOST_WIDTHS = 5000;

/** Loads the fonts that plates are drawn with: a canvas does not wait for them. */
export async function loadPlateFonts(): Promise<void> {
  await Promise.all([document.fonts.load(NAME_FONT, "açã0"), document.fonts.load(VALUE_FONT, "+0")]);
}

/** What tells two plates apart. */
export function plateKey(plate: Plate): string {
  return Object.values(plate).join("|");
}

/** Measures and draws plates; each `draw` makes a new sheet, because one in use must not change. */
export class PlatePress {
  private readonly ruler = document.createElement("canvas").getContext("2d");
  private readonly widths = new Map<string, number>();

  /** Size on the map, px. */
  sizeOf(plate: Plate): Size {
    if (plate.kind === "cluster") return { width: CLUSTER_SIZE, height: CLUSTER_SIZE };
    if (plate.kind === "stop" || plate.kind === "start") return { width: STOP_SIZE, height: STOP_SIZE };
    if (plate.kind === "end") return PIN;
    const value = plate.value === "" ? 0 : this.textWidth(plate.value, VALUE_FONT) + 7;
    const width = Math.ceil(this.textWidth(plate.name, NAME_FONT) + value) + 15;
    return { width: Math.min(width, WIDEST_NAME), height: NAME_HEIGHT };
  }

  /** One sheet with all plates; icons are found by `plateKey`. Centre anchored, a pin at its foot. */
  draw(plates: readonly Plate[], tokens: Tokens, sharpness: number): Sheet {
    const drawings = plates.map((plate): Drawing => {
      const size = this.sizeOf(plate);
      return {
        name: plateKey(plate),
        width: size.width + 2 * EDGE,
        height: size.height + 2 * EDGE,
        anchorY: plate.kind === "end" ? PIN.height - 1 : size.height / 2 + EDGE,
        edge: edgeOf(plate, tokens),
        draw: (pen) => {
          pen.translate(EDGE, EDGE);
          this.drawPlate(pen, plate, size, tokens);
        },
      };
    });
    return printSheet(drawings, sharpness);
  }

  private drawPlate(pen: Pen, plate: Plate, size: Size, tokens: Tokens): void {
    if (plate.kind === "name") drawName(pen, plate, size, tokens, this.textWidth(plate.name, NAME_FONT));
    else if (plate.kind === "cluster") drawCluster(pen, plate, tokens);
    else if (plate.kind === "stop") drawStop(pen, plate, tokens);
    else if (plate.kind === "start") drawStart(pen, tokens);
    else drawPin(pen, tokens);
  }

  /** Text measured before its font was there has the wrong width. */
  forgetWidths(): void {
    this.widths.clear();
  }

  private textWidth(text: string, font: string): number {
    const key = `${font}|${text}`;
    let width = this.widths.get(key);
    if (width === undefined) {
      if (this.ruler) this.ruler.font = font;
      width = this.ruler?.measureText(text).width ?? 0;
      if (this.widths.size > MOST_WIDTHS) this.widths.clear();
      this.widths.set(key, width);
    }
    return width;
  }
}

function edgeOf(plate: Plate, tokens: Tokens): string {
  if (plate.kind === "name") return tokens.line;
  return plate.kind === "start" || (plate.kind === "stop" && plate.past) ? tokens.accent : tokens["marker-edge"];
}

function drawName(pen: Pen, plate: Plate & { kind: "name" }, size: Size, tokens: Tokens, valueFrom: number): void {
  pen.beginPath();
  pen.roundRect(0.5, 0.5, size.width - 1, size.height - 1, 5);
  pen.fillStyle = tokens.raised;
  pen.fill();
  pen.strokeStyle = tokens.line;
  pen.lineWidth = 1;
  pen.stroke();
  pen.clip();
  pen.textBaseline = "alphabetic";
  pen.textAlign = "left";
  pen.font = NAME_FONT;
  pen.fillStyle = tokens.ink;
  pen.fillText(plate.name, 8, 15.5);
  pen.font = VALUE_FONT;
  pen.fillStyle = { late: tokens.late, off: tokens.off, silent: tokens.ink3, fine: tokens.ink3 }[plate.tone];
  pen.fillText(plate.value, valueFrom + 14, 15.5);
}

function drawCluster(pen: Pen, { count, attention }: Plate & { kind: "cluster" }, tokens: Tokens): void {
  const middle = CLUSTER_SIZE / 2;
  const arc = (radius: number, share: number) => {
    pen.beginPath();
    pen.arc(middle, middle, radius, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * share);
  };
  arc(17.5, 1);
  pen.fillStyle = tokens["marker-edge"];
  pen.fill();
  arc(15, 1);
  pen.fillStyle = tokens.surface;
  pen.fill();
  pen.strokeStyle = tokens.marker;
  pen.lineWidth = 3;
  pen.stroke();
  if (attention > 0) {
    arc(15, attention / count);
    pen.strokeStyle = tokens["late-fill"];
    pen.lineWidth = 5;
    pen.stroke();
  }
  pen.font = `700 13px ${FONT}`;
  pen.fillStyle = tokens.ink;
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  pen.fillText(String(count), middle, middle + 4.6);
}

function drawStart(pen: Pen, tokens: Tokens): void {
  const middle = STOP_SIZE / 2;
  const disc = (radius: number, colour: string) => {
    pen.beginPath();
    pen.arc(middle, middle, radius, 0, 2 * Math.PI);
    pen.fillStyle = colour;
    pen.fill();
  };
  disc(8, tokens.accent);
  disc(5.8, tokens["m-land"]);
  disc(3.2, tokens.accent);
}

function drawStop(pen: Pen, { number, past }: Plate & { kind: "stop" }, tokens: Tokens): void {
  const middle = STOP_SIZE / 2;
  pen.beginPath();
  pen.arc(middle, middle, 9.5, 0, 2 * Math.PI);
  pen.fillStyle = past ? tokens["m-land"] : tokens.accent;
  pen.fill();
  pen.strokeStyle = past ? tokens.accent : tokens["marker-edge"];
  pen.lineWidth = 2.2;
  pen.stroke();
  if (past) {
    pen.translate(middle, middle);
    pen.lineCap = pen.lineJoin = "round";
    pen.stroke(new Path2D("m-3.8 .2 2.8 2.9L4-3.2"));
    return;
  }
  pen.font = `700 11.5px ${FONT}`;
  pen.fillStyle = tokens["accent-on"];
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  pen.fillText(String(number), middle, middle + 4);
}

function drawPin(pen: Pen, tokens: Tokens): void {
  pen.translate(PIN.width / 2, PIN.height - 2);
  const pin = new Path2D("M0 0C-6-8-11-12-11-18a11 11 0 0 1 22 0C11-12 6-8 0 0Z");
  pen.fillStyle = tokens.accent;
  pen.fill(pin);
  pen.strokeStyle = tokens["marker-edge"];
  pen.lineWidth = 2;
  pen.stroke(pin);
  pen.beginPath();
  pen.arc(0, -18, 4, 0, 2 * Math.PI);
  pen.fillStyle = tokens["accent-on"];
  pen.fill();
}
