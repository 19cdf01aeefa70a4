// Cells: what the server gathered of the jobs of a bundle, cut into one map a facet.
import type { CellColumns, HeatMap } from "../api/shapes";
import type { View } from "./dimensions";

/** How the jobs of one cell become one value. */
export type Gather = "best" | "median" | "mean" | "worst";

export const GATHERS: readonly [Gather, ...Gather[]] = ["best", "median", "mean", "worst"];

/** One map; its cells row by row from the top, one list a field. */
export interface Grid {
  title: string;
  /** Indices of the facet dimensions' values. */
  at: readonly number[];
  columns: number;
  rows: number;
  cells: CellColumns;
}

/** One cell. */
export interface Cell {
  value: number | null;
  /** Number of the job that has the value, or of the only one. */
  seq: number | null;
  done: number;
  running: number;
  pending: number;
  failed: number;
  cancelled: number;
}

/** The maps of an answer, one for each combination of its facets. */
export function gridsOf(answer: HeatMap, view: View): Grid[] {
  const columns = answer.x.values.length;
  const rows = answer.y?.values.length ?? 1;
  const all = answer.columns;
  if (!all) return [];
  const size = columns * rows;
  const count = view.facets.reduce((product, dimension) => product * dimension.values.length, 1);
  return Array.from({ length: count }, (_, facet) => {
    const at = digits(facet, view);
    const title = view.facets.map((dimension, index) => dimension.values[at[index] ?? 0]).join(" · ");
    const part = <T>(list: readonly T[]) => list.slice(facet * size, (facet + 1) * size);
    const cells = {
      value: part(all.value),
      seq: part(all.seq),
      done: part(all.done),
      running: part(all.running),
      pending: part(all.pending),
      failed: part(all.failed),
      cancelled: part(all.cancelled),
    };
    return { title, at, columns, rows, cells };
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

/** The cell at a place; null where the product has no job. */
export function cellAt({ cells }: Grid, index: number): Cell | null {
  const cell = {
    value: cells.value[index] ?? null,
    seq: cells.seq[index] ?? null,
    done: cells.done[index] ?? 0,
    running: cells.running[index] ?? 0,
    pending: cells.pending[index] ?? 0,
    failed: cells.failed[index] ?? 0,
    cancelled: cells.cancelled[index] ?? 0,
  };
  return total(cell) === 0 ? null : cell;
}

/** Least and greatest value of all maps; null where none has one. */
export function domain(maps: readonly Grid[]): [number, number] | null {
  let [least, most] = [Infinity, -Infinity];
  for (const map of maps) {
    for (const value of map.cells.value) {
      if (value === null) continue;
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  return least <= most ? [least, most] : null;
}

/** What a cell without a value looks like. */
export type Look = "none" | "value" | "undefined" | "failed" | "cancelled" | "running" | "pending";

export function lookAt({ cells }: Grid, index: number): Look {
  if ((cells.value[index] ?? null) !== null) return "value";
  const has = (counts: readonly number[]) => (counts[index] ?? 0) > 0;
  if (has(cells.running)) return "running";
  if (has(cells.pending)) return "pending";
  if (has(cells.done)) return "undefined";
  if (has(cells.failed)) return "failed";
  return has(cells.cancelled) ? "cancelled" : "none";
}

/** Every look that is on the maps. */
export function looksOf(maps: readonly Grid[]): Set<Look> {
  const looks = new Set<Look>();
  for (const map of maps) {
    for (let index = 0; index < map.columns * map.rows; index += 1) looks.add(lookAt(map, index));
  }
  return looks;
}

/** Jobs of the cell that are not final. */
export function open(cell: Cell): number {
  return cell.pending + cell.running;
}

/** All jobs of the cell. */
export function total(cell: Cell): number {
  return cell.done + cell.failed + cell.cancelled + open(cell);
}
