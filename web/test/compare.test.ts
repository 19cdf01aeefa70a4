import { describe, expect, it } from "vitest";

import type { Trade } from "../src/api/shapes";
import { differences, fieldWord, firstDivergence, leaves } from "../src/compare/diff";
import { overlay } from "../src/compare/overlay";
import { toggle } from "../src/compare/tray";
import { bestOf } from "../src/metrics/metric";

function trade(entryTime: string, pnl: number): Trade {
  return { side: "long", entryTime, exitTime: "2025-01-02T00:00:00Z", entryPrice: 1, exitPrice: 2, quantity: 1, legs: 1, fees: 0, pnl, returnPct: 0, exitReason: "flip" };
}

describe("differences", () => {
  it("names the leaves by their paths", () => {
    expect([...leaves({ a: { b: 1, c: [] }, d: ["x"], e: null })]).toEqual([
      ["a.b", "1"],
      ["a.c", "[]"],
      ["d.0", "x"],
      ["e", "null"],
    ]);
  });

  it("lists only what is not the same, absent settings included", () => {
    expect(differences([{ stop: { pct: 1 }, ticker: "A" }, { stop: { pct: 2 }, ticker: "A", trail: 3 }])).toEqual([
      { path: "stop.pct", values: ["1", "2"] },
      { path: "trail", values: [undefined, "3"] },
    ]);
    expect(differences([{ a: 1 }, { a: 1 }])).toEqual([]);
  });
});

describe("first diverging trade", () => {
  const [first, second] = [trade("2025-01-01T00:00:00Z", 1), trade("2025-01-03T00:00:00Z", 2)];

  it("is none between equal runs", () => expect(firstDivergence([first, second], [first, second])).toBeNull());

  it("is the first with another field", () => {
    expect(firstDivergence([first, second], [first, { ...second, pnl: 3, exitPrice: 4 }])).toMatchObject({ index: 1, fields: ["exitPrice", "pnl"] });
  });

  it("is the first that only one run has", () => {
    expect(firstDivergence([first, second], [first])).toMatchObject({ index: 1, a: second, b: undefined, fields: [] });
  });

  it("is told in words", () => expect(["exitPrice", "pnl", "side"].map(fieldWord)).toEqual(["exit price", "result", "side"]));
});

describe("side by side", () => {
  it("lays curves on the places of all", () => {
    const curve = (at: number[], equity: number[]) => ({ curve: { at, equity, time: true, drawdown: [], resolution: "1d" }, initial: 100 });
    expect(overlay([curve([1, 2], [110, 120]), curve([2, 3], [90, 100])])).toEqual({
      x: [1, 2, 3],
      lines: [
        [expect.closeTo(0.1), expect.closeTo(0.2), null],
        [null, expect.closeTo(-0.1), 0],
      ],
    });
  });

  it("marks the best, and none among equals", () => {
    expect(bestOf("sharpe", [{ sharpe: 1 }, { sharpe: 2 }, {}])).toBe(2);
    expect(bestOf("volatility", [{ volatility: 0.1 }, { volatility: 0.2 }])).toBe(0.1);
    expect(bestOf("sharpe", [{ sharpe: 1 }, { sharpe: 1 }])).toBeNull();
    expect(bestOf("sharpe", [{ sharpe: null }, {}])).toBeNull();
  });

  it("picks and drops jobs, six at most", () => {
    expect(toggle(["a"], "b")).toEqual(["a", "b"]);
    expect(toggle(["a", "b"], "a")).toEqual(["b"]);
    expect(toggle(["a", "b", "c", "d", "e", "f"], "g")).toEqual(["b", "c", "d", "e", "f", "g"]);
  });
});
