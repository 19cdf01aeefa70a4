// Draws one map on a canvas.
//
// The colours of all cells are one small picture, a pixel each, that is stretched over the map; only cells
// with something on them are drawn one by one. 50,000 cells then take a few milliseconds.
import { lookAt, type Grid, type Look } from "./cells";
import { ink, share, viridis } from "./colour";
import type { Layout } from "./layout";

type Write = (value: number) => string;

const CELL_FONT = "500 11px ";
const LEAST_TEXT_HEIGHT = 18;

/** What is drawn beside the cells. */
export interface Dress {
  columnLabels: readonly string[];
  rowLabels: readonly string[];
  xName: string;
  domain: readonly [number, number] | null;
  /** Cells above it get a frame: they pass the luck line. */
  line: number | null;
  selected: { column: number; row: number } | null;
  write: Write;
  /** The same with fewer digits. */
  short: Write;
  colours: Record<"text" | "muted" | "line" | "strong" | "sunken" | "surface" | "running" | "failed" | "accent", string>;
  font: string;
}

/** Draws `grid` into `canvas` at the density of the screen. */
export function paint(canvas: HTMLCanvasElement, grid: Grid, layout: Layout, dress: Dress): void {
  const scale = Math.min(3, window.devicePixelRatio || 1);
  canvas.width = Math.round(layout.width * scale);
  canvas.height = Math.round(layout.height * scale);
  canvas.style.width = `${layout.width}px`;
  canvas.style.height = `${layout.height}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, layout.width, layout.height);
  const looks = Array.from({ length: layout.columns * layout.rows }, (_, index) => lookAt(grid, index));
  drawColours(context, grid, looks, layout, dress);
  drawHatches(context, looks, layout, dress);
  drawGaps(context, layout);
  drawMarks(context, grid, looks, layout, dress);
  drawLabels(context, layout, dress);
  if (dress.selected) drawSelection(context, layout, dress);
}

/** What the cells leave between them. */
function gapOf(layout: Layout): number {
  return layout.cellWidth > 14 ? 1 : 0.5;
}

/** The background of every cell. */
function drawColours(context: CanvasRenderingContext2D, grid: Grid, looks: readonly Look[], layout: Layout, dress: Dress): void {
  const { columns, rows } = layout;
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  const pixels = small.getContext("2d");
  if (!pixels) return;
  const image = pixels.createImageData(columns, rows);
  const ends = dress.domain ?? [0, 0];
  looks.forEach((look, index) => {
    if (look !== "value") return;
    image.data.set(viridis(share(grid.cells.value[index] ?? 0, ends)), 4 * index);
    image.data[4 * index + 3] = 255;
  });
  pixels.putImageData(image, 0, 0);
  context.fillStyle = dress.colours.sunken;
  forRuns(looks, layout, (look) => look !== "value" && look !== "none", (x, y, width) => context.fillRect(x, y, width, layout.cellHeight));
  context.imageSmoothingEnabled = false;
  context.drawImage(small, layout.left, layout.top, columns * layout.cellWidth, rows * layout.cellHeight);
}

/** Calls `draw` with each run of neighbours in a row that `takes` takes. */
function forRuns(looks: readonly Look[], layout: Layout, takes: (look: Look) => boolean, draw: (x: number, y: number, width: number) => void): void {
  const { columns, rows } = layout;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const first = column;
      while (column < columns && takes(looks[row * columns + column]!)) column += 1;
      if (column > first) draw(layout.left + first * layout.cellWidth, layout.top + row * layout.cellHeight, (column - first) * layout.cellWidth);
    }
  }
}

/** Jobs to come: one pattern for the whole map, so that neighbours join into a calm field. */
function drawHatches(context: CanvasRenderingContext2D, looks: readonly Look[], layout: Layout, dress: Dress): void {
  for (const look of ["pending", "running"] as const) {
    if (!looks.includes(look)) continue;
    context.save();
    context.beginPath();
    forRuns(looks, layout, (each) => each === look, (x, y, width) => context.rect(x, y, width, layout.cellHeight));
    context.clip();
    context.strokeStyle = look === "running" ? dress.colours.running : dress.colours.strong;
    context.lineWidth = 1.1;
    context.beginPath();
    const { width, height } = layout;
    for (let at = -height; at < width; at += 6) {
      context.moveTo(at, 0);
      context.lineTo(at + height, height);
    }
    context.stroke();
    context.restore();
  }
}

/** The page shows between the cells. */
function drawGaps(context: CanvasRenderingContext2D, layout: Layout): void {
  const gap = gapOf(layout);
  const [width, height] = [layout.columns * layout.cellWidth, layout.rows * layout.cellHeight];
  for (let column = 1; column <= layout.columns; column += 1) context.clearRect(layout.left + column * layout.cellWidth - gap, layout.top, gap, height);
  for (let row = 1; row <= layout.rows; row += 1) context.clearRect(layout.left, layout.top + row * layout.cellHeight - gap, width, gap);
}

/** Words, frames and signs, on the cells that have some. */
function drawMarks(context: CanvasRenderingContext2D, grid: Grid, looks: readonly Look[], layout: Layout, dress: Dress): void {
  const write = writer(context, grid, layout, dress);
  const gap = gapOf(layout);
  const [width, height] = [layout.cellWidth - gap, layout.cellHeight - gap];
  const { line, colours } = dress;
  const { value: values, failed, pending, running } = grid.cells;
  looks.forEach((look, index) => {
    if (look === "none" || look === "pending" || look === "running") return;
    const x = layout.left + (index % layout.columns) * layout.cellWidth;
    const y = layout.top + Math.floor(index / layout.columns) * layout.cellHeight;
    if (look === "failed") return cross(context, x + width / 2, y + height / 2, Math.min(5, height / 4, width / 4), colours.failed);
    if (look !== "value") return dash(context, x + width / 2, y + height / 2, Math.min(4, width / 4), look === "cancelled", colours.muted);
    const value = values[index] ?? 0;
    const passes = line !== null && value > line;
    const isOpen = (pending[index] ?? 0) + (running[index] ?? 0) > 0;
    if (!write && !passes && !isOpen && !failed[index]) return;
    const colour = viridis(share(value, dress.domain ?? [0, 0]));
    if (write) {
      context.font = CELL_FONT + dress.font;
      context.fillStyle = ink(colour);
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(write(value), x + width / 2, y + height / 2 + 0.5);
    }
    if (isOpen) corner(context, x, y, width, height, colours.surface);
    if (failed[index]) cross(context, x + width - 6, y + 6, 2.5, ink(colour));
    if (passes) {
      context.strokeStyle = ink(colour);
      const inset = Math.min(2, width / 6);
      context.lineWidth = inset;
      context.strokeRect(x + inset, y + inset, width - 2 * inset, height - 2 * inset);
    }
  });
}

/** How the values are written into the cells: one way for all of them; null where they do not fit. */
function writer(context: CanvasRenderingContext2D, grid: Grid, layout: Layout, dress: Dress): Write | null {
  if (layout.cellHeight < LEAST_TEXT_HEIGHT) return null;
  context.font = CELL_FONT + dress.font;
  const fits = (write: Write) => grid.cells.value.every((value) => value === null || context.measureText(write(value)).width < layout.cellWidth - 5);
  return [dress.write, dress.short].find(fits) ?? null;
}

function dash(context: CanvasRenderingContext2D, x: number, y: number, reach: number, rises: boolean, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 1.2;
  context.beginPath();
  context.moveTo(x - reach, y + (rises ? reach : 0));
  context.lineTo(x + reach, y - (rises ? reach : 0));
  context.stroke();
}

function cross(context: CanvasRenderingContext2D, x: number, y: number, reach: number, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 1.6;
  context.beginPath();
  context.moveTo(x - reach, y - reach);
  context.lineTo(x + reach, y + reach);
  context.moveTo(x + reach, y - reach);
  context.lineTo(x - reach, y + reach);
  context.stroke();
}

function corner(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, colour: string): void {
  const reach = Math.min(8, height / 2, width / 2);
  context.fillStyle = colour;
  context.beginPath();
  context.moveTo(x + width, y + height);
  context.lineTo(x + width - reach, y + height);
  context.lineTo(x + width, y + height - reach);
  context.fill();
}

function drawLabels(context: CanvasRenderingContext2D, layout: Layout, dress: Dress): void {
  context.font = `11.5px ${dress.font}`;
  context.fillStyle = dress.colours.muted;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (let row = 0; row < layout.rows; row += layout.rowStep) {
    const text = dress.rowLabels[row] ?? "";
    context.fillText(fit(context, text, layout.left - 4), layout.left - 8, layout.top + (row + 0.5) * layout.cellHeight);
  }
  const foot = layout.top + layout.rows * layout.cellHeight;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (let column = 0; column < layout.columns; column += layout.columnStep) {
    const centre = layout.left + (column + 0.5) * layout.cellWidth;
    const text = dress.columnLabels[column] ?? "";
    const half = context.measureText(text).width / 2;
    context.fillText(text, Math.min(Math.max(centre, half), layout.width - half), foot + 5);
  }
  context.font = `560 11.5px ${dress.font}`;
  context.textAlign = "left";
  context.fillText(dress.xName, layout.left, foot + 22);
}

function fit(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let short = text;
  while (short.length > 1 && context.measureText(`${short}…`).width > width) short = short.slice(0, -1);
  return `${short}…`;
}

function drawSelection(context: CanvasRenderingContext2D, layout: Layout, dress: Dress): void {
  const { column, row } = dress.selected!;
  const x = layout.left + column * layout.cellWidth;
  const y = layout.top + row * layout.cellHeight;
  context.strokeStyle = dress.colours.surface;
  context.lineWidth = 4;
  context.strokeRect(x + 0.5, y + 0.5, layout.cellWidth - 2, layout.cellHeight - 2);
  context.strokeStyle = dress.colours.text;
  context.lineWidth = 2;
  context.strokeRect(x + 0.5, y + 0.5, layout.cellWidth - 2, layout.cellHeight - 2);
}
