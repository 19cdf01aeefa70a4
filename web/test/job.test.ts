import { describe, expect, it } from "vitest";

import { bars } from "../src/bundle/logit_histogram";
import { strictest } from "../src/bundle/luck";
import { candlesOf, curveOf, dailyCurve, drawdowns } from "../src/job/series";
import { better, bestFirst, METRICS, shown, shownShort } from "../src/metrics/metric";
import { axisEnd } from "../src/ui/luck_bar";
import { parts } from "../src/ui/status";

describe("curves", () => {
  it("falls from the running peak, the starting cash included", () => {
    expect(drawdowns([90, 110, 99], 100)).toEqual([expect.closeTo(-0.1), 0, expect.closeTo(-0.1)]);
  });

  it("builds days from daily returns, with dates where the calendar says which", () => {
    const daily = dailyCurve(100, [0.1, -0.5], "2025-01-08T00:00:00Z", "24x7");
    expect(daily.equity).toEqual([expect.closeTo(110), expect.closeTo(55)]);
    expect(daily.at).toEqual([Date.UTC(2025, 0, 8), Date.UTC(2025, 0, 9)]);
    const weekdays = dailyCurve(100, [0, 0], "2025-01-10T00:00:00Z", "24x5");
    expect(weekdays.at).toEqual([Date.UTC(2025, 0, 10), Date.UTC(2025, 0, 13)]);
    expect(dailyCurve(100, [0, 0], "2025-01-10T00:00:00Z", "session")).toMatchObject({ at: [1, 2], time: false });
  });

  it("reads the points of the server", () => {
    const curve = curveOf({ items: [{ time: "2025-01-01T00:00:00Z", equity: 80 }], resolution: "15m" }, 100);
    expect(curve).toMatchObject({ at: [Date.UTC(2025, 0, 1)], time: true, resolution: "15m" });
    expect(curve.drawdown[0]).toBeCloseTo(-0.2);
  });

  it("sorts candles and drops doubles", () => {
    const candle = (time: string) => ({ time, open: 1, high: 2, low: 0, close: 1 });
    const read = candlesOf({ items: [candle("2025-01-02T00:00:00Z"), candle("2025-01-01T00:00:00Z"), candle("2025-01-02T00:00:00Z")] });
    expect(read.map((each) => each.time)).toEqual([Date.UTC(2025, 0, 1), Date.UTC(2025, 0, 2)]);
  });
});

describe("metrics", () => {
  it("knows every metric of the catalogue once", () => {
    expect(new Set(METRICS.map((metric) => metric.id)).size).toBe(METRICS.length);
    expect(METRICS.every((metric) => metric.definition.endsWith("."))).toBe(true);
  });

  it.each([
    ["totalReturn", 0.0732, "+7.32 %"],
    ["maxDrawdown", -0.0175, "−1.75 %"],
    ["sharpe", 1.456, "1.46"],
    ["trades", 42, "42"],
    ["avgHoldingMinutes", 1005, "16 h 45 min"],
    ["psr", 0.99205, "0.992"],
    ["bestTradePct", 2.803, "2.80 %"],
    ["sharpe", null, "–"],
  ])("writes %s %s as %s", (id, value, text) => expect(shown(id, value)).toBe(text));

  it("writes short values without losing what they are", () => {
    expect([shownShort("totalReturn", 0.0732), shownShort("sharpe", -0.86), shownShort("trades", 42), shownShort("feesPaid", 12_345)]).toEqual(["7.3", "−0.9", "42", "12.3 k"]);
  });

  it("knows where less is better", () => {
    expect(better("volatility", 1, 2)).toBe(true);
    expect(better("maxDrawdown", -0.1, -0.2)).toBe(true);
    expect([bestFirst("sharpe"), bestFirst("ulcerIndex")]).toEqual(["-sharpe", "ulcerIndex"]);
  });
});

describe("luck", () => {
  const luck = (line95: number, returns = 100) => ({ start: "", end: "", variants: 10, returns, periodsPerYear: 365, expectedBest: line95 - 0.3, line95 });

  it("takes the strictest range", () => {
    expect(strictest([luck(1), luck(2), luck(1.5)])?.line95).toBe(2);
    expect(strictest([])).toBeNull();
  });

  it("has an axis with all on it", () => {
    expect(axisEnd({ line95: 0.67 }, null)).toBeGreaterThan(0.67);
    expect(axisEnd({ line95: 2 }, 6)).toBeGreaterThan(6);
  });

  it("has a histogram with zero between two bars", () => {
    const all = bars(2, [1, 0, 5, 2]);
    expect(all.map((bar) => [bar.from, bar.to, bar.count])).toEqual([[-2, -1, 1], [-1, 0, 0], [0, 1, 5], [1, 2, 2]]);
  });
});

describe("progress", () => {
  it("shows the parts of running jobs beside the finished ones", () => {
    const counts = { completed: 2, failed: 1, cancelled: 0, running: 2, pending: 5, total: 10, progress: 37.5 };
    expect(parts(counts)).toEqual({ completed: 20, failed: 10, cancelled: 0, part: 7.5 });
    expect(parts({ ...counts, completed: 0, failed: 0, total: 0, progress: 0 })).toEqual({ completed: 0, failed: 0, cancelled: 0, part: 0 });
  });
});
