// Dimensions of a bundle: its axes as a reader sees them.
import type { Axis } from "../api/shapes";
import { axisLabel, axisValue } from "../format/variant";

/** Something that a heat-map can lay along an edge. */
export interface Dimension {
  /** `ticker`, `parameters.fast`: as the API names it. */
  name: string;
  label: string;
  /** Its values in order, written out. */
  values: readonly string[];
  /** What filters jobs by a value: as the query of the API takes it; empty where it cannot. */
  filters: readonly string[];
}

/** All dimensions, in the order of the product; explicit points give one for each of their names. */
export function dimensions(axes: readonly Axis[]): Dimension[] {
  return axes.flatMap((axis) => (axis.name === "parameters" ? pointDimensions(axis) : [plainDimension(axis)]));
}

function plainDimension(axis: Axis): Dimension {
  const byIndex = axis.name === "dateRange" || axis.name === "moneyManagement";
  return {
    name: axis.name,
    label: axisLabel(axis.name),
    values: axis.values.map((value) => axisValue(axis.name, value)),
    filters: axis.values.map((value, index) => (byIndex ? String(index) : String(value))),
  };
}

/** Values ascending, and last a place for the points that lack the name: as the server lays them. */
function pointDimensions(axis: Axis): Dimension[] {
  const points = axis.values as Record<string, number>[];
  const names = [...new Set(points.flatMap((point) => Object.keys(point)))].sort();
  return names.map((name) => {
    const distinct = [...new Set(points.map((point) => point[name]))].filter((value) => value !== undefined);
    distinct.sort((a, b) => a - b);
    const isLacking = points.some((point) => point[name] === undefined);
    return {
      name: `parameters.${name}`,
      label: name,
      values: [...distinct.map((value) => axisValue(name, value)), ...(isLacking ? ["–"] : [])],
      filters: [...distinct.map(String), ...(isLacking ? [""] : [])],
    };
  });
}

/** What is on the edges and what splits the map. */
export interface View {
  x: Dimension;
  y: Dimension | null;
  facets: readonly Dimension[];
}

/** How a map is cut into smaller ones. */
export type Facets = "both" | "ticker" | "timeframe" | "none";

/** The view that the words of the address mean, filled in with the two longest parameter axes. */
export function viewOf(all: readonly Dimension[], x: string, y: string, facets: Facets): View | null {
  const varying = all.filter((dimension) => dimension.values.length > 1);
  const named = (name: string) => varying.find((dimension) => dimension.name === name);
  const ranked = [...varying].sort((a, b) => rank(a) - rank(b) || b.values.length - a.values.length);
  const first = named(x) ?? ranked.find((dimension) => dimension !== named(y)) ?? varying[0] ?? all[0];
  if (!first) return null;
  const named2 = named(y);
  const second = y === "none" ? null : named2 && named2 !== first ? named2 : (ranked.find((dimension) => dimension !== first) ?? null);
  const cut = varying.filter(
    (dimension) =>
      dimension !== first &&
      dimension !== second &&
      (dimension.name === "ticker" || dimension.name === "timeframe") &&
      (facets === "both" || facets === dimension.name),
  );
  return { x: first, y: second, facets: cut };
}

/** Parameters make the best edges, money management the next. */
function rank(dimension: Dimension): number {
  if (dimension.name.startsWith("parameters.")) return 0;
  return { moneyManagement: 1, timeframe: 2, ticker: 3, dateRange: 4 }[dimension.name] ?? 5;
}
