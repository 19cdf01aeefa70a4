import { describe, expect, it } from "vitest";

import { compact, count, decimal, percent, plain, price, signed, withoutZeros } from "../src/format/number";
import { density, timeframeMs } from "../src/format/series";
import { ago, duration, minute, range } from "../src/format/time";
import { axisValue, settings, variantLine } from "../src/format/variant";
import type { Series, Variant } from "../src/api/shapes";

describe("numbers", () => {
  it("lose the zeros that all of them end with", () => {
    expect(withoutZeros(["−40.0 %", "0.0 %", "20.0 %"])).toEqual(["−40 %", "0 %", "20 %"]);
    expect(withoutZeros(["0.50", "1.00"])).toEqual(["0.5", "1.0"]);
    expect(withoutZeros(["980.0000", "1,000.00"])).toEqual(["980", "1,000"]);
    expect(withoutZeros(["10", "200"])).toEqual(["10", "200"]);
    expect(withoutZeros(["1.25", "–"])).toEqual(["1.25", "–"]);
    expect(withoutZeros([])).toEqual([]);
  });

  it.each([
    [decimal(-1234.5, 2), "−1,234.50"],
    [decimal(-0.001, 2), "0.00"],
    [decimal(null, 2), "–"],
    [decimal(NaN, 2), "–"],
    [count(1_234_567), "1,234,567"],
    [percent(0.0525), "5.25 %"],
    [signed(percent(0.0525), 0.0525), "+5.25 %"],
    [signed(percent(-0.1), -0.1), "−10.00 %"],
    [compact(999_600), "1.00 M"],
    [compact(44_123), "44.1 k"],
    [compact(12), "12.0"],
    [compact(0), "0"],
    [price(42_810.5), "42,810.50"],
    [price(0.000123), "0.000123"],
    [plain(2.5), "2.5"],
  ])("writes %s", (found, expected) => expect(found).toBe(expected));
});

describe("times", () => {
  it.each([
    [minute("2025-01-08T14:05:09.123Z"), "2025-01-08 14:05"],
    [minute(null), "–"],
    [minute("soon"), "–"],
    [range("2025-01-08T00:00:00Z", "2025-02-03T00:00:00Z"), "2025-01-08 … 2025-02-03"],
    [duration(7_505), "2 h 5 min"],
    [duration(3_600), "1 h"],
    [duration(90_061), "1 d 1 h"],
    [duration(0.25), "250 ms"],
    [duration(0), "0 s"],
    [duration(null), "–"],
    [ago("2025-01-01T00:00:00Z", Date.UTC(2025, 0, 1, 0, 0, 14)), "14 s ago"],
    [ago("2025-01-01T00:00:00Z", Date.UTC(2025, 0, 1)), "just now"],
  ])("writes %s", (found, expected) => expect(found).toBe(expected));
});

describe("variants", () => {
  const variant: Variant = {
    ticker: "BTCUSD",
    timeframe: "1h",
    start: "2025-01-08T00:00:00Z",
    end: "2025-02-03T00:00:00Z",
    moneyManagement: { stopLossPct: 1, takeProfitPct: 3 },
    parameters: { fast: 5, slow: 40 },
  };

  it("names a variant by the axes that vary", () => {
    const axes = [
      { name: "ticker", count: 1, values: ["BTCUSD"] },
      { name: "timeframe", count: 2, values: ["15m", "1h"] },
      { name: "moneyManagement", count: 2, values: [{}, {}] },
      { name: "parameters.fast", count: 2, values: [5, 10] },
    ] as never;
    expect(variantLine(variant, axes)).toBe("1h · SL 1 · TP 3 · fast 5");
    expect(variantLine(variant)).toBe("BTCUSD · 1h · fast 5 · slow 40");
  });

  it("writes the values of each kind of axis", () => {
    expect(axisValue("dateRange", { start: "2020-01-01T00:00:00Z", end: "2021-01-01T00:00:00Z" })).toBe("2020-01-01 … 2021-01-01");
    expect(settings({})).toBe("as the base");
  });
});

describe("series", () => {
  const series = (calendar: string, timeframe: string, last: string, candles: number): Series => ({
    exchange: "x",
    ticker: "T",
    timeframe,
    calendar,
    first: "2024-01-01T00:00:00Z",
    last,
    count: candles,
  });

  it("reads lengths of candles", () => {
    expect(["1m", "4h", "1d", "1w", "x"].map(timeframeMs)).toEqual([60_000, 14_400_000, 86_400_000, 604_800_000, 0]);
  });

  it("counts only the days of the calendar", () => {
    expect(density(series("24x7", "1d", "2024-01-10T00:00:00Z", 5))).toBe(0.5);
    expect(density(series("24x5", "1d", "2024-01-14T00:00:00Z", 10))).toBe(1);
    expect(density(series("session", "1d", "2024-12-31T00:00:00Z", 252))).toBeCloseTo(1, 2);
    expect(density(series("session:America/New_York", "1m", "2024-01-02T00:00:00Z", 390))).toBeNull();
  });
});
