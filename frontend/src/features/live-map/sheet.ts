/** Prints small drawings side by side into one picture for deck.gl's IconLayer. */

/** A picture with the places of its icons. */
export interface Sheet {
  readonly atlas: ImageData;
  readonly mapping: Record<string, SheetIcon>;
  /** Pixels of the sheet per px on the map. */
  readonly sharpness: number;
}

export interface SheetIcon {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly anchorX: number;
  readonly anchorY: number;
}

export type Pen = CanvasRenderingContext2D;

export interface Drawing {
  readonly name: string;
  /** Size, and where its place on the map lies in it (the middle if not said), px. */
  readonly width: number;
  readonly height: number;
  readonly anchorY?: number;
  /** Its outermost colour, `#rrggbb`. */
  readonly edge: string;
  /** Draws it with its top left at 0, 0. */
  draw(pen: Pen): void;
}

const SHEET_WIDTH = 1024;

/** One sheet with all drawings, `sharpness` times as large as they are shown. */
export function printSheet(drawings: readonly Drawing[], sharpness: number): Sheet {
  const { places, height } = arrange(drawings);
  const canvas = document.createElement("canvas");
  canvas.width = SHEET_WIDTH * sharpness;
  canvas.height = Math.max(1, height) * sharpness;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (pen === null) throw new Error("This browser gives no 2D canvas to draw the map's icons on.");
  const mapping: Record<string, SheetIcon> = {};
  drawings.forEach((drawing, i) => {
    const { x, y } = places[i] ?? { x: 0, y: 0 };
    pen.setTransform(sharpness, 0, 0, sharpness, x * sharpness, y * sharpness);
    pen.save();
    drawing.draw(pen);
    pen.restore();
    mapping[drawing.name] = {
      x: x * sharpness,
      y: y * sharpness,
      width: drawing.width * sharpness,
      height: drawing.height * sharpness,
      anchorX: (drawing.width / 2) * sharpness,
      anchorY: (drawing.anchorY ?? drawing.height / 2) * sharpness,
    };
  });
  const atlas = pen.getImageData(0, 0, canvas.width, canvas.height);
  for (const { name, edge } of drawings) colourEmptiness(atlas, mapping[name], edge);
  return { atlas, mapping, sharpness };
}

/** Rows from left to right; nothing is larger than the sheet is wide. */
function arrange(drawings: readonly Drawing[]): { places: { x: number; y: number }[]; height: number } {
  let [x, y, row] = [0, 0, 0];
  const places = drawings.map(({ width, height }) => {
    if (x + width > SHEET_WIDTH) [x, y, row] = [0, y + row, 0];
    const place = { x, y };
    x += width;
    row = Math.max(row, height);
    return place;
  });
  return { places, height: y + row };
}

/** Transparent black around a shape would darken its edge where the picture is scaled: make it transparent edge colour. */
function colourEmptiness({ data, width }: ImageData, icon: SheetIcon | undefined, edge: string): void {
  if (icon === undefined) return;
  const colour = Number.parseInt(edge.slice(1), 16);
  const [red, green, blue] = [colour >> 16, (colour >> 8) & 255, colour & 255];
  for (let y = icon.y; y < icon.y + icon.height; y++) {
    for (let i = (y * width + icon.x) * 4, end = i + icon.width * 4; i < end; i += 4) {
      if (data[i + 3] !== 0) continue;
      data[i] = red;
      data[i + 1] = green;
      data[i + 2] = blue;
    }
  }
}
