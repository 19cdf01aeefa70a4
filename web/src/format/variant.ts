// How axes and variants are named: short enough for a column, whole in a title.
import type { Axis, Json, Variant } from "../api/shapes";
import { NONE, plain } from "./number";
import { day } from "./time";

const SHORT: Record<string, string> = {
  stopLossPct: "SL",
  takeProfitPct: "TP",
  trailingStopPct: "trail",
  leverage: "lev",
};

/** Name of an axis: `parameters.fast` is `fast`. */
export function axisLabel(name: string): string {
  switch (name) {
    case "dateRange":
      return "date range";
    case "moneyManagement":
      return "money management";
    default:
      return name.replace(/^parameters\./, "");
  }
}

/** One value of an axis. */
export function axisValue(name: string, value: unknown): string {
  if (typeof value === "number") return plain(value);
  if (typeof value === "string") return value;
  if (name === "dateRange" && isObject(value)) return `${day(String(value["start"]))} … ${day(String(value["end"]))}`;
  if (isObject(value)) return settings(value);
  return value === null || value === undefined ? NONE : JSON.stringify(value);
}

/** Settings in a line: `SL 1 · TP 3`. */
export function settings(value: Record<string, unknown>): string {
  const parts = Object.entries(value).map(([key, each]) => {
    const text = typeof each === "number" ? plain(each) : typeof each === "string" ? each : JSON.stringify(each);
    return `${SHORT[key] ?? key} ${text}`;
  });
  return parts.length === 0 ? "as the base" : parts.join(" · ");
}

/** What the variant has on this axis, as a value of that axis. */
export function variantValue(name: string, variant: Variant): Json {
  switch (name) {
    case "dateRange":
      return { start: variant.start, end: variant.end };
    case "ticker":
      return variant.ticker;
    case "timeframe":
      return variant.timeframe;
    case "moneyManagement":
      return variant.moneyManagement as Json;
    case "parameters":
      return variant.parameters;
    default:
      return variant.parameters[name.replace(/^parameters\./, "")] ?? null;
  }
}

/** The axes that vary: those worth a column. */
export function varying(axes: readonly Axis[]): Axis[] {
  return axes.filter((axis) => axis.count > 1);
}

/** A variant in a line, by the axes that vary; all of it where none does. */
export function variantLine(variant: Variant, axes?: readonly Axis[]): string {
  const names = axes ? varying(axes).map((axis) => axis.name) : [];
  if (names.length === 0) {
    const parameters = Object.entries(variant.parameters).map(([name, value]) => `${name} ${plain(value)}`);
    return [variant.ticker, variant.timeframe, ...parameters].join(" · ");
  }
  const parts = names.map((name) => {
    const value = axisValue(name, variantValue(name, variant));
    return name.startsWith("parameters.") ? `${axisLabel(name)} ${value}` : value;
  });
  return parts.join(" · ");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
