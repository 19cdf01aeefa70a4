import { describe, expect, it } from "vitest";

import type { Month } from "../src/api/shapes";
import { gapLabel, moved, sentence, yearsOf } from "../src/data/months";

function month(name: string, count = 1, missing = 0): Month {
  return { month: name, count, missing };
}

describe("the calendar of a series", () => {
  const years = yearsOf(["2019-11", "2019-12", "2020-01", "2020-02", "2020-12"].map((name) => month(name)));

  it("has a row a year, the latest first, and nothing outside the series", () => {
    expect(years.map(({ year }) => year)).toEqual([2020, 2019]);
    expect(years[1]!.months.map((each) => each?.month ?? null)).toEqual([...Array<null>(10).fill(null), "2019-11", "2019-12"]);
    expect(yearsOf([])).toEqual([]);
  });

  it("moves by keys and stays where there is nothing", () => {
    const walk = (from: string, ...keys: string[]) => keys.reduce((at, key) => moved(years, at, key), from);
    expect(walk("2020-01", "ArrowRight")).toBe("2020-02");
    expect(walk("2020-02", "ArrowRight")).toBe("2020-12");
    expect(walk("2020-12", "ArrowDown")).toBe("2019-12");
    expect(walk("2020-01", "ArrowDown")).toBe("2020-01");
    expect(walk("2019-12", "Home")).toBe("2019-11");
    expect(walk("2019-12", "Home", "ArrowLeft")).toBe("2019-11");
    expect(walk("2020-01", "End", "ArrowUp")).toBe("2020-12");
    expect(walk("1999-01", "End")).toBe("1999-01");
  });

  it("never calls a month whole that is not, nor empty one that is not", () => {
    const label = (count: number, missing: number) => gapLabel(month("2020-01", count, missing));
    expect(label(44_640, 0)).toBeNull();
    expect(label(0, 0)).toBeNull();
    expect(label(44_639, 1)).toBe("99.9");
    expect(label(1, 44_639)).toBe("<1");
    expect(label(0, 5)).toBe("0");
    expect(label(2, 2)).toBe("50");
    expect(sentence(month("2021-01", 44_628, 12))).toBe("January 2021: 44,628 candles, 12 missing (99.9 %)");
    expect(sentence(month("2021-02", 1))).toBe("February 2021: 1 candle, none missing");
    expect(sentence(month("2021-03", 0))).toBe("March 2021: no candles, and none expected by the calendar");
  });
});
