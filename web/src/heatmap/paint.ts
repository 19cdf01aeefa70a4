// Draws one map on a canvas.
import type { Cell } from "../api/shapes";
import { lookOf, open, type Grid } from "./cells";
import { css, ink, share, viridis } from "./colour";
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
  const write = writer(context, grid, layout, dress);
  for (let row = 0; row < layout.rows; row += 1) {
    for (let column = 0; column < layout.columns; column += 1) {
      const cell = grid.cells[row * layout.columns + column] ?? null;
      drawCell(context, cell, layout.left + column * layout.cellWidth, layout.top + row * layout.cellHeight, layout, dress, write);
    }
  }
  drawLabels(context, layout, dress);
  if (dress.selected) drawSelection(context, layout, dress);
}

function drawCell(context: CanvasRenderingContext2D, cell: Cell | null, x: number, y: number, layout: Layout, dress: Dress, write: Write | null): void {
  const gap = layout.cellWidth > 14 ? 1 : 0.5;
  const [width, height] = [layout.cellWidth - gap, layout.cellHeight - gap];
  const { colours } = dress;
  const look = lookOf(cell);
  if (cell === null || look === "none") return;
  if (look === "value") {
    const colour = viridis(share(cell.value ?? 0, dress.domain ?? [0, 0]));
    context.fillStyle = css(colour);
    context.fillRect(x, y, width, height);
    if (write) {
      context.font = CELL_FONT + dress.font;
      context.fillStyle = ink(colour);
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(write(cell.value ?? 0), x + width / 2, y + height / 2 + 0.5);
    }
    if (open(cell) > 0) corner(context, x, y, width, height, colours.surface);
    if (cell.failed > 0) cross(context, x + width - 6, y + 6, 2.5, ink(colour));
    if (dress.line !== null && (cell.value ?? 0) > dress.line) {
      context.strokeStyle = ink(colour);
      context.lineWidth = 2;
      context.strokeRect(x + 2, y + 2, width - 4, height - 4);
    }
    return;
  }
  context.fillStyle = colours.sunken;
  context.fillRect(x, y, width, height);
  if (look === "pending" || look === "running") {
    hatch(context, x, y, width, height, look === "running" ? colours.running : colours.strong);
  } else if (look === "failed") {
    cross(context, x + width / 2, y + height / 2, Math.min(5, height / 4, width / 4), colours.failed);
  } else {
    context.strokeStyle = colours.muted;
    context.lineWidth = 1.2;
    context.beginPath();
    const reach = Math.min(4, width / 4);
    context.moveTo(x + width / 2 - reach, y + height / 2 + (look === "cancelled" ? reach : 0));
    context.lineTo(x + width / 2 + reach, y + height / 2 - (look === "cancelled" ? reach : 0));
    context.stroke();
  }
}

/** How the values are written into the cells: one way for all of them; null where they do not fit. */
function writer(context: CanvasRenderingContext2D, grid: Grid, layout: Layout, dress: Dress): Write | null {
  if (layout.cellHeight < LEAST_TEXT_HEIGHT) return null;
  context.font = CELL_FONT + dress.font;
  const values = grid.cells.flatMap((cell) => cell?.value ?? []);
  const fits = (write: Write) => values.every((value) => context.measureText(write(value)).width < layout.cellWidth - 5);
  return [dress.write, dress.short].find(fits) ?? null;
}

function hatch(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, colour: string): void {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 1.1;
  context.beginPath();
  // One phase for the whole map, so that neighbours join into a calm field.
  for (let at = Math.floor((x - y - height) / 6) * 6; at < x + width - y; at += 6) {
    context.moveTo(at + y, y);
    context.lineTo(at + y + height, y + height);
  }
  context.stroke();
  context.restore();
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
