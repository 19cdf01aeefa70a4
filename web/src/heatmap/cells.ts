// Cells: what the server gathered of the jobs of a bundle, cut into one map a facet.
import type { Cell, HeatMap } from "../api/shapes";
import type { View } from "./dimensions";

/** How the jobs of one cell become one value. */
export type Gather = "best" | "median" | "mean" | "worst";

export const GATHERS: readonly [Gather, ...Gather[]] = ["best", "median", "mean", "worst"];

/** One map; `cells` row by row from the top, null where the product has no job. */
export interface Grid {
  title: string;
  /** Indices of the facet dimensions' values. */
  at: readonly number[];
  columns: number;
  rows: number;
  cells: readonly (Cell | null)[];
}

/** The maps of an answer, one for each combination of its facets. */
export function gridsOf(answer: HeatMap, view: View): Grid[] {
  const columns = answer.x.values.length;
  const rows = answer.y?.values.length ?? 1;
  const cells = answer.cells as readonly (Cell | null)[];
  const size = columns * rows;
  const count = view.facets.reduce((product, dimension) => product * dimension.values.length, 1);
  return Array.from({ length: count }, (_, facet) => {
    const at = digits(facet, view);
    const title = view.facets.map((dimension, index) => dimension.values[at[index] ?? 0]).join(" · ");
    return { title, at, columns, rows, cells: cells.slice(facet * size, (facet + 1) * size) };
  });
}

function digits(facet: number, view: View): number[] {
  const at: number[] = [];
  let rest = facet;
  for (const dimension of [...view.facets].reverse()) {
    at.unshift(rest % dimension.values.length);
    rest = Math.floor(rest / dimension.values.length);
  }
  return at;
}

/** Least and greatest value of all maps; null where none has one. */
export function domain(maps: readonly Grid[]): [number, number] | null {
  let [least, most] = [Infinity, -Infinity];
  for (const map of maps) {
    for (const cell of map.cells) {
      const value = cell?.value ?? null;
      if (value === null) continue;
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
  }
  return least <= most ? [least, most] : null;
}

/** What a cell without a value looks like. */
export type Look = "none" | "value" | "undefined" | "failed" | "cancelled" | "running" | "pending";

export function lookOf(cell: Cell | null): Look {
  if (cell === null) return "none";
  if (cell.value !== null && cell.value !== undefined) return "value";
  if (cell.running > 0) return "running";
  if (cell.pending > 0) return "pending";
  if (cell.done > 0) return "undefined";
  return cell.failed > 0 ? "failed" : "cancelled";
}

/** Jobs of the cell that are not final. */
export function open(cell: Cell): number {
  return cell.pending + cell.running;
}

/** All jobs of the cell. */
export function total(cell: Cell): number {
  return cell.done + cell.failed + cell.cancelled + open(cell);
}
