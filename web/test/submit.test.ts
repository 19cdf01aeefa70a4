import { describe, expect, it } from "vitest";

import type { JsonObject } from "../src/api/shapes";
import { timeframesOf } from "../src/format/series";
import { at, axisOf, dropParameter, firstDraft, firstSweep, fixArgument, put, reference, removeSignal, scenarioOf, sweepArgument, sweepOf, withAxis } from "../src/submit/draft";

const SERIES = [
  { exchange: "us", ticker: "SPY", timeframe: "1d", calendar: "session", first: "1998-01-02T00:00:00Z", last: "2021-03-31T00:00:00Z", count: 5849 },
  { exchange: "x", ticker: "BTC", timeframe: "4h", calendar: "24x7", first: "2020-01-01T00:00:00Z", last: "2021-01-01T00:00:00Z", count: 2000 },
];
const FAST = { name: "fast", kind: "int", min: 1, max: 10_000, default: 12, required: false } as never;

describe("a draft", () => {
  it("is read and written by path, and never changed in place", () => {
    const draft: JsonObject = { a: { b: 1 } };
    expect(put(draft, ["a", "c", "d"], 2)).toEqual({ a: { b: 1, c: { d: 2 } } });
    expect(put(draft, ["a", "b"], undefined)).toEqual({ a: {} });
    expect(put({ list: [1, 2, 3] }, ["list", 1], undefined)).toEqual({ list: [1, 3] });
    expect(draft).toEqual({ a: { b: 1 } });
    expect(at(draft, ["a", "b"])).toBe(1);
    expect(at(draft, ["a", "b", "c"])).toBeUndefined();
  });

  it("begins with the longest series and whole days", () => {
    const draft = firstDraft(SERIES);
    expect(at(draft, ["universalConfig", "ticker"])).toBe("SPY");
    expect(at(draft, ["dateTimeRanges", 0])).toEqual({ start: "1998-01-02T00:00:00Z", end: "2021-03-31T00:00:00Z" });
  });

  it("writes one value into the base and more as variants", () => {
    const many = withAxis({}, ["universalConfig", "ticker"], "tickerVariants", ["A", "B"]);
    expect(many).toEqual({ universalConfig: { ticker: "A" }, tickerVariants: ["A", "B"] });
    expect(withAxis(many, ["universalConfig", "ticker"], "tickerVariants", ["B"])).toEqual({ universalConfig: { ticker: "B" } });
    expect(axisOf(many, ["universalConfig", "ticker"], "tickerVariants")).toEqual(["A", "B"]);
  });
});

describe("arguments of signals", () => {
  const draft: JsonObject = { universalConfig: { strategy: { scenario: ["DualEmaCross", { EmaTrend: { n: 100 } }], constraints: ["fast < slow", "a < b"] } } };

  it("reads signals with and without arguments", () => {
    expect(scenarioOf(draft)).toEqual([
      { name: "DualEmaCross", args: {} },
      { name: "EmaTrend", args: { n: 100 } },
    ]);
    expect(scenarioOf({})).toBeNull();
    expect([reference("$n"), reference({ $: "n" }), reference(5)]).toEqual(["n", "n", null]);
  });

  it("sweeps an argument and takes the sweep back", () => {
    const swept = sweepArgument(draft, 0, FAST, { from: 5, to: 25, step: 5 });
    expect(sweepOf(swept, "fast")).toEqual({ from: 5, to: 25, step: 5 });
    expect(at(swept, ["universalConfig", "strategy", "params", "fast"])).toEqual({ int: [5, 25, 1], default: 12 });
    expect(scenarioOf(swept)?.[0]?.args).toEqual({ fast: "$fast" });
    const fixed = fixArgument(swept, 0, "fast", 9);
    expect(scenarioOf(fixed)?.[0]?.args).toEqual({ fast: 9 });
    expect(sweepOf(fixed, "fast")).toBeNull();
    expect(at(fixed, ["universalConfig", "strategy", "constraints"])).toEqual(["a < b"]);
  });

  it("gives the second argument of one name a name of its own", () => {
    const twice = sweepArgument(sweepArgument(draft, 0, FAST, { from: 1, to: 2, step: 1 }), 1, FAST, { from: 3, to: 4, step: 1 });
    expect(scenarioOf(twice)?.[1]?.args["fast"]).toBe("$fast2");
    expect(sweepOf(removeSignal(twice, 1), "fast2")).toBeNull();
    expect(sweepOf(removeSignal(twice, 1), "fast")).toEqual({ from: 1, to: 2, step: 1 });
  });

  it("begins a sweep around the default", () => {
    expect(firstSweep(FAST)).toEqual({ from: 6, to: 18, step: 3 });
    expect(firstSweep({ ...(FAST as object), kind: "float", min: 0, default: 2 } as never)).toEqual({ from: 1, to: 3, step: 0.5 });
  });

  it("drops constraints by whole words only", () => {
    const words: JsonObject = { universalConfig: { strategy: { constraints: ["fastest < 3", "fast<slow"] } } };
    expect(at(dropParameter(words, "fast"), ["universalConfig", "strategy", "constraints"])).toEqual(["fastest < 3"]);
  });
});

it("offers the timeframes that every ticker can be made into", () => {
  expect(timeframesOf(SERIES, "x", ["BTC"])).toEqual(["4h", "12h", "1d"]);
  expect(timeframesOf(SERIES, "us", ["SPY"])).toEqual(["1d"]);
});
