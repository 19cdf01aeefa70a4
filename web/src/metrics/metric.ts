// Metrics by their ids: label, definition, and how a value is written.
import type { Metrics } from "../api/shapes";
import { compact, count, decimal, NONE, percent, signed } from "../format/number";
import { duration } from "../format/time";
import { CATALOGUE, REASONS } from "./catalogue";

/** One metric of the catalogue. */
export interface Metric {
  id: string;
  label: string;
  unit: string;
  definition: string;
  annualised: boolean;
}

export const METRICS: readonly Metric[] = CATALOGUE.map(([id, label, unit, definition, annualised]) => ({
  id,
  label,
  unit,
  definition,
  annualised,
}));

const byId = new Map(METRICS.map((metric) => [metric.id, metric]));

/** The metric of this id; one that the catalogue does not know is shown by its id. */
export function metricOf(id: string): Metric {
  return byId.get(id) ?? { id, label: id, unit: "ratio", definition: "", annualised: false };
}

/** Why a metric has no value. */
export function reason(code: string): string {
  return REASONS[code] ?? code;
}

/** Those in which a smaller value is the better one. */
const SMALLER_IS_BETTER = new Set([
  "volatility",
  "drawdownDurationDays",
  "timeUnderWater",
  "ulcerIndex",
  "feesPaid",
  "fundingPaid",
  "longestLossStreak",
  "topTradeProfitShare",
  "top5ProfitShare",
  "minTrl",
  "turnover",
]);

/** Whether `a` is better than `b` for this metric. */
export function better(id: string, a: number, b: number): boolean {
  return SMALLER_IS_BETTER.has(id) ? a < b : a > b;
}

/** The best value, where one is better than another. */
export function bestOf(id: string, metrics: readonly Metrics[]): number | null {
  const values = metrics.map((each) => each[id]).filter((value): value is number => typeof value === "number");
  if (new Set(values).size < 2) return null;
  return values.reduce((best, value) => (better(id, value, best) ? value : best));
}

/** The `sort` of the API that puts the best first. */
export function bestFirst(id: string): string {
  return SMALLER_IS_BETTER.has(id) ? id : `-${id}`;
}

/** Returns and results of trades: their sign is the message. */
const SIGNED = new Set(["totalReturn", "cagr", "cagrCalendar", "buyAndHoldReturn", "alpha", "longPnl", "shortPnl", "expectancy"]);

/** A value of this metric, written for people. */
export function shown(id: string, value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const text = write(metricOf(id).unit, value);
  return SIGNED.has(id) ? signed(text, value) : text;
}

/** A value for a small place: one digit after the point at most, no unit. */
export function shownShort(id: string, value: number): string {
  const { unit } = metricOf(id);
  const plainValue = unit === "fraction" ? value * 100 : value;
  if (unit === "minutes" || Math.abs(plainValue) >= 1000) return compact(plainValue);
  return decimal(plainValue, unit === "count" ? 0 : 1);
}

function write(unit: string, value: number): string {
  switch (unit) {
    case "fraction":
      return Math.abs(value) >= 100 ? `${compact(value * 100)} %` : percent(value, Math.abs(value) >= 10 ? 0 : 2);
    case "percent":
      return `${decimal(value, 2)} %`;
    case "quote":
      return Math.abs(value) >= 1e7 ? compact(value) : decimal(value, 2);
    case "days":
    case "daily returns":
      return `${decimal(value, 1)} d`;
    case "minutes":
      return duration(value * 60);
    case "count":
      return count(value);
    case "probability":
      return decimal(value, 3);
    default:
      return Math.abs(value) >= 1e4 ? compact(value) : decimal(value, 2);
  }
}

/** The metrics that a table shows where nothing else was chosen. */
export const HEADLINE = ["sharpe", "totalReturn", "maxDrawdown", "trades", "winRate", "profitFactor", "exposure"] as const;

/** Groups in which the job page lists the metrics. */
export const GROUPS: readonly { title: string; ids: readonly string[] }[] = [
  { title: "Return", ids: ["totalReturn", "cagr", "cagrCalendar", "buyAndHoldReturn", "alpha", "beta", "stability"] },
  { title: "Risk-adjusted", ids: ["sharpe", "sortino", "calmar", "omega", "upi", "recoveryFactor", "psr", "minTrl", "tailRatio"] },
  {
    title: "Risk",
    ids: [
      "volatility", "maxDrawdown", "maxDrawdownDaily", "drawdownDurationDays", "timeUnderWater", "ulcerIndex",
      "var95", "cvar95", "var95Gaussian", "skew", "kurtosis",
    ],
  },
  {
    title: "Trades",
    ids: [
      "trades", "winRate", "profitFactor", "expectancy", "expectancyR", "payoff", "kelly", "sqn", "sqnCapped",
      "longestWinStreak", "longestLossStreak", "avgHoldingMinutes", "medianHoldingMinutes", "mae", "mfe",
      "bestTradePct", "worstTradePct", "topTradeProfitShare", "top5ProfitShare",
    ],
  },
  {
    title: "Activity and cost",
    ids: ["exposure", "turnover", "feesPaid", "fundingPaid", "longTrades", "shortTrades", "longPnl", "shortPnl"],
  },
];
