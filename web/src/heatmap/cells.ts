// Cells: jobs gathered by the values they have on the edges of a map.
import type { JobStatusName } from "../api/shapes";
import { better } from "../metrics/metric";
import type { View } from "./dimensions";

/** What a map needs of a job. */
export interface Point {
  jobId: string;
  seq: number;
  status: JobStatusName;
  /** The metric; null where it is undefined or the job is not completed. */
  value: number | null;
}

/** How the jobs of one cell become one value. */
export type Gather = "best" | "median" | "mean" | "worst";

export const GATHERS: readonly [Gather, ...Gather[]] = ["best", "median", "mean", "worst"];

/** What is drawn at one place. */
export interface Cell {
  value: number | null;
  /** The job that a click opens: the one whose value is shown, else the only one. */
  jobId: string | null;
  counts: Record<JobStatusName, number>;
  total: number;
}

/** One map; `cells` row by row from the top, null where the product has no job. */
export interface Grid {
  title: string;
  /** Indices of the facet dimensions' values. */
  at: readonly number[];
  columns: number;
  rows: number;
  cells: readonly (Cell | null)[];
}

interface Gathered extends Cell {
  points: Point[];
}

/** The maps of a view, one for each combination of its facets. */
export function grids(points: readonly Point[], view: View, metric: string, gather: Gather): Grid[] {
  const columns = view.x.values.length;
  const rows = view.y?.values.length ?? 1;
  const facets = view.facets.reduce((product, dimension) => product * dimension.values.length, 1);
  const cells: (Gathered | null)[][] = Array.from({ length: facets }, () => new Array<Gathered | null>(columns * rows).fill(null));
  for (const point of points) {
    const column = view.x.indexOf(point.seq);
    const row = view.y?.indexOf(point.seq) ?? 0;
    const facet = view.facets.reduce((index, dimension) => index * dimension.values.length + dimension.indexOf(point.seq), 0);
    const map = cells[facet];
    if (!map || column < 0 || row < 0) continue;
    const place = row * columns + column;
    const cell = (map[place] ??= empty());
    cell.counts[point.status] += 1;
    cell.total += 1;
    cell.points.push(point);
  }
  return cells.map((map, facet) => {
    const at = digits(facet, view);
    const title = view.facets.map((dimension, index) => dimension.values[at[index] ?? 0]).join(" · ");
    return { title, at, columns, rows, cells: map.map((cell) => cell && settle(cell, metric, gather)) };
  });
}

function empty(): Gathered {
  const counts = { Pending: 0, Running: 0, Completed: 0, Failed: 0, Cancelled: 0 };
  return { value: null, jobId: null, counts, total: 0, points: [] };
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

function settle({ points, counts, total }: Gathered, metric: string, gather: Gather): Cell {
  const defined = points.filter((point): point is Point & { value: number } => point.value !== null);
  const best = [...defined].sort((a, b) => (better(metric, a.value, b.value) ? -1 : better(metric, b.value, a.value) ? 1 : a.seq - b.seq));
  const only = points.length === 1 ? (points[0]?.jobId ?? null) : null;
  if (best.length === 0) return { value: null, jobId: only, counts, total };
  switch (gather) {
    case "best":
      return { value: best[0]!.value, jobId: best[0]!.jobId, counts, total };
    case "worst":
      return { value: best[best.length - 1]!.value, jobId: best[best.length - 1]!.jobId, counts, total };
    case "mean":
      return { value: best.reduce((sum, point) => sum + point.value, 0) / best.length, jobId: only, counts, total };
    case "median": {
      const low = best[Math.floor((best.length - 1) / 2)]!.value;
      const high = best[Math.ceil((best.length - 1) / 2)]!.value;
      return { value: (low + high) / 2, jobId: only, counts, total };
    }
  }
}

/** Least and greatest value of all maps; null where none has one. */
export function domain(maps: readonly Grid[]): [number, number] | null {
  let [least, most] = [Infinity, -Infinity];
  for (const map of maps) {
    for (const cell of map.cells) {
      if (cell?.value === null || cell?.value === undefined) continue;
      least = Math.min(least, cell.value);
      most = Math.max(most, cell.value);
    }
  }
  return least <= most ? [least, most] : null;
}

/** What a cell without a value looks like. */
export type Look = "none" | "value" | "undefined" | "failed" | "cancelled" | "running" | "pending";

export function lookOf(cell: Cell | null): Look {
  if (cell === null) return "none";
  if (cell.value !== null) return "value";
  if (cell.counts.Running > 0) return "running";
  if (cell.counts.Pending > 0) return "pending";
  if (cell.counts.Completed > 0) return "undefined";
  return cell.counts.Failed > 0 ? "failed" : "cancelled";
}

/** Jobs of the cell that are not final. */
export function open(cell: Cell): number {
  return cell.counts.Pending + cell.counts.Running;
}
