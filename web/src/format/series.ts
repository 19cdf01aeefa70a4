// Series by name, what can be made of them, and how densely they are filled.
import type { Json, Series } from "../api/shapes";

/** `exchange ticker timeframe`, the name of a series in the address. */
export function seriesKey(series: Pick<Series, "exchange" | "ticker" | "timeframe">): string {
  return `${series.exchange} ${series.ticker} ${series.timeframe}`;
}

/** Length of a candle in milliseconds; 0 for a text that is none. */
export function timeframeMs(timeframe: string): number {
  const match = /^(\d+)([mhdw])$/.exec(timeframe);
  if (!match) return 0;
  const minutes = { m: 1, h: 60, d: 1440, w: 10_080 }[match[2] as "m" | "h" | "d" | "w"];
  return Number(match[1]) * minutes * 60_000;
}

/**
 * Candles as a share of the places between first and last on the days of the calendar; null where
 * the hours of a session are not known.
 */
export function density(series: Series): number | null {
  const step = timeframeMs(series.timeframe);
  const days = daysShare(series.calendar, step);
  if (step === 0 || days === null) return null;
  const places = ((new Date(series.last).getTime() - new Date(series.first).getTime()) / step + 1) * days;
  return places > 0 ? Math.min(1, series.count / places) : null;
}

/** The part of all days that a calendar has. */
function daysShare(calendar: string, step: number): number | null {
  if (calendar === "24x7") return 1;
  if (calendar === "24x5") return 5 / 7;
  return step >= 86_400_000 ? 252 / 365.25 : null;
}

const TIMEFRAMES = ["1m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"];

/** The timeframes that every one of the tickers can be read in, or made into. */
export function timeframesOf(series: readonly Series[], exchange: string, tickers: readonly Json[]): string[] {
  const mine = series.filter((each) => each.exchange === exchange);
  const stored = mine.map((each) => each.timeframe);
  const all = [...new Set([...TIMEFRAMES, ...stored])].sort((a, b) => timeframeMs(a) - timeframeMs(b));
  return all.filter((timeframe) =>
    tickers.every((ticker) => mine.some((each) => each.ticker === ticker && timeframeMs(timeframe) % timeframeMs(each.timeframe) === 0)),
  );
}
