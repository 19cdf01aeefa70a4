// Equity and candles of a job, as the server thins them; where those do not come, equity by days from
// the daily returns of the job.
import { query } from "../api/client";
import { paths } from "../api/paths";
import type { JobDetail, Trade } from "../api/shapes";

/** Equity over time. */
export interface Curve {
  /** Milliseconds since the epoch, or the number of the day where `time` is false. */
  at: readonly number[];
  time: boolean;
  equity: readonly number[];
  /** Fall from the running peak, <= 0. */
  drawdown: readonly number[];
  /** What one point stands for, such as `1d`. */
  resolution: string;
}

/** One candle; `time` is its open time in milliseconds. */
export interface Candle {
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
}

/** `GET /api/backtest/job/{id}/equity`. */
export interface EquityPage {
  items: { time: string; equity: number }[];
  resolution?: string;
}

/** `GET /api/backtest/job/{id}/candles`. */
export interface CandlePage {
  items: { time: string; open: number; high: number; low: number; close: number }[];
  resolution?: string;
  /** Null while the job has no result. */
  sameData?: boolean | null;
  /** The trades among them; the first `MOST_MARKED` where there are more. */
  trades?: Trade[];
  tradeCount?: number;
}

const POINTS = 1_500;
/** Most trades that are marked on candles: more would hide them. */
export const MOST_MARKED = 400;

/** Where the equity of a completed job is. */
export function equityPath(job: string): string {
  return `${paths.equity(job)}${query({ points: POINTS })}`;
}

/** Where the candles of a job are, whole or between two times. */
export function candlesPath(job: string, part: { from?: string; to?: string }): string {
  return `${paths.candles(job)}${query({ ...part, points: POINTS, trades: MOST_MARKED })}`;
}

const DAY_MS = 86_400_000;

/** The falls from the running peak; `initial` is the first peak. */
export function drawdowns(equity: readonly number[], initial: number): number[] {
  let peak = initial;
  return equity.map((value) => {
    peak = Math.max(peak, value);
    return peak > 0 ? value / peak - 1 : 0;
  });
}

/** The curve of the server's points. */
export function curveOf(page: EquityPage, initial: number): Curve {
  const equity = page.items.map((point) => point.equity);
  return {
    at: page.items.map((point) => Date.parse(point.time)),
    time: true,
    equity,
    drawdown: drawdowns(equity, initial),
    resolution: page.resolution ?? "",
  };
}

/** The candles of the server's page, ascending and without doubles. */
export function candlesOf(page: CandlePage): Candle[] {
  const candles = page.items.map(({ time, open, high, low, close }) => ({ time: Date.parse(time), open, high, low, close }));
  candles.sort((a, b) => a.time - b.time);
  return candles.filter((candle, index) => index === 0 || candle.time > candles[index - 1]!.time);
}

/** The curve by days. Days have dates where the calendar says which; else they are numbered. */
export function dailyCurve(initial: number, returns: readonly number[], start: string, calendar: string): Curve {
  let value = initial;
  const equity = returns.map((each) => (value *= 1 + each));
  const dates = datesOf(Date.parse(start), returns.length, calendar);
  return {
    at: dates ?? returns.map((_, index) => index + 1),
    time: dates !== null,
    equity,
    drawdown: drawdowns(equity, initial),
    resolution: "1d",
  };
}

function datesOf(start: number, count: number, calendar: string): number[] | null {
  const first = Math.floor(start / DAY_MS) * DAY_MS;
  if (calendar === "24x7") return Array.from({ length: count }, (_, index) => first + index * DAY_MS);
  if (calendar !== "24x5") return null;
  const dates: number[] = [];
  for (let at = first; dates.length < count; at += DAY_MS) {
    const weekday = new Date(at).getUTCDay();
    if (weekday !== 0 && weekday !== 6) dates.push(at);
  }
  return dates;
}

/** What of a job's answer the curve by days needs; null before the job is completed. */
export function dailyCurveOf(job: JobDetail): Curve | null {
  const outcome = outcomeOf(job);
  if (!outcome) return null;
  return dailyCurve(outcome.equity.initial, outcome.dailyReturns, job.variant.start, outcome.calendar);
}

/** The parts of an outcome that the OpenAPI document describes in words. */
export interface Outcome {
  equity: { initial: number; final: number };
  dailyReturns: readonly number[];
  calendar: string;
  periodsPerYear: number;
  candles: number;
  warnings: readonly string[];
  undefined: Record<string, string>;
  counts: Record<string, unknown>;
  engineVersion: string;
  statsVersion: string;
}

/** The outcome of a completed job. */
export function outcomeOf(job: JobDetail): Outcome | null {
  const loose = job as unknown as Partial<Outcome> & { settings?: { calendar?: string; periodsPerYear?: number } };
  if (!loose.equity || !loose.dailyReturns) return null;
  return {
    equity: loose.equity,
    dailyReturns: loose.dailyReturns,
    calendar: loose.settings?.calendar ?? "session",
    periodsPerYear: loose.settings?.periodsPerYear ?? 252,
    candles: loose.candles ?? 0,
    warnings: loose.warnings ?? [],
    undefined: loose.undefined ?? {},
    counts: loose.counts ?? {},
    engineVersion: loose.engineVersion ?? "",
    statsVersion: loose.statsVersion ?? "",
  };
}
