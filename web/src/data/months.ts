// The months of a series as rows of years.
import type { Month } from "../api/shapes";
import { count, decimal, plural } from "../format/number";

export interface Year {
  year: number;
  /** January to December; null outside the series. */
  months: (Month | null)[];
}

export const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

/** The latest year first: what people look for is near its end. */
export function yearsOf(months: readonly Month[]): Year[] {
  const years: Year[] = [];
  for (const month of months) {
    const year = Number(month.month.slice(0, 4));
    let last = years[0];
    if (last?.year !== year) {
      last = { year, months: MONTHS.map(() => null) };
      years.unshift(last);
    }
    last.months[Number(month.month.slice(5, 7)) - 1] = month;
  }
  return years;
}

/** The part of its candles that a month has; null where the calendar expects none. */
export function share({ count, missing }: Month): number | null {
  return count + missing === 0 ? null : count / (count + missing);
}

/** A share that is not whole, never rounded up to 100 nor down to 0. */
export function gapLabel(month: Month): string | null {
  const part = share(month);
  if (part === null || part === 1) return null;
  const percent = part * 100;
  if (part === 0 || (percent >= 1 && percent < 99)) return decimal(percent, 0);
  return percent < 1 ? "<1" : decimal(Math.min(99.9, Math.floor(percent * 10) / 10), 1);
}

/** `January 2021: 44,628 candles, 12 missing (99.9 %)`. */
export function sentence(month: Month): string {
  const date = new Date(`${month.month}-01T00:00:00Z`);
  const name = date.toLocaleDateString("en-US", { month: "long", year: "numeric", timeZone: "UTC" });
  const label = gapLabel(month);
  const there = plural(month.count, "candle");
  if (month.count + month.missing === 0) return `${name}: no candles, and none expected by the calendar`;
  return label === null ? `${name}: ${there}, none missing` : `${name}: ${there}, ${count(month.missing)} missing (${label} %)`;
}

/** The month `step` cells on in reading order or rows of years; the same where there is none. */
export function moved(years: readonly Year[], from: string, key: string): string {
  const row = years.findIndex(({ months }) => months.some((month) => month?.month === from));
  const here = years[row];
  if (!here) return from;
  const column = here.months.findIndex((month) => month?.month === from);
  const inRow = (at: number, step: number) => {
    for (let next = at; next >= 0 && next < 12; next += step) {
      const month = here.months[next];
      if (month) return month.month;
    }
    return from;
  };
  switch (key) {
    case "ArrowLeft":
      return inRow(column - 1, -1);
    case "ArrowRight":
      return inRow(column + 1, 1);
    case "Home":
      return inRow(0, 1);
    case "End":
      return inRow(11, -1);
    case "ArrowUp":
      return years[row - 1]?.months[column]?.month ?? from;
    case "ArrowDown":
      return years[row + 1]?.months[column]?.month ?? from;
    default:
      return from;
  }
}
