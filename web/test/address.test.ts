import { describe, expect, it } from "vitest";

import { query } from "../src/api/client";
import { columnIds, conditions, exportPath, rowsPath } from "../src/bundle/asked";
import { changed, inside } from "../src/routing/address";
import { links, routeOf } from "../src/routing/routes";
import { rangeOf, rangeText } from "../src/routing/range";

describe("a part of a chart in the address", () => {
  it("is read as it was written, and nothing else is read", () => {
    const [from, to] = [Date.parse("2021-01-01T00:00:00Z"), Date.parse("2021-03-01T12:00:00Z")];
    expect(rangeText([from, to])).toBe("2021-01-01T00:00:00Z..2021-03-01T12:00:00Z");
    expect(rangeOf(rangeText([from, to]))).toEqual([from, to]);
    expect(rangeOf(rangeText([from + 0.4, to - 0.4]))).toEqual([from, to]);
    expect(rangeText([9.5, 20.1], false)).toBe("9..21");
    expect(rangeOf("9..21")).toEqual([9, 21]);
    for (const text of ["", "..", "9", "21..9", "9..9", "a..b", "1..2..3"]) expect(rangeOf(text)).toBeNull();
  });
});

describe("addresses", () => {
  it("changes, adds and takes out names of the query", () => {
    const url = new URL("http://x/bundles/1?tab=table&sort=-sharpe");
    expect(changed(url, { tab: null, where: "trades>=1", sort: "" })).toBe("/bundles/1?where=trades%3E%3D1");
    expect(url.search).toBe("?tab=table&sort=-sharpe");
  });

  it.each([
    ["/", "Overview", ""],
    ["/bundles", "Bundles", ""],
    ["/bundles/abc-1", "Bundle", "abc-1"],
    ["/jobs/abc-1-17", "Job", "abc-1-17"],
    ["/submit", "Submit", ""],
  ])("draws %s as %s", (path, title, id) => expect(routeOf(path)).toMatchObject({ route: { title }, id }));

  it("leaves the rest to the server", () => {
    expect(routeOf("/nowhere")).toBeNull();
    expect(["/api/workers", "/docs", "/errors/no_candles", "/metrics"].map(inside)).toEqual([false, false, false, false]);
    expect(["/", "/jobs/1", "/apiary"].map(inside)).toEqual([true, true, true]);
  });

  it("knows the bundle of a job", () => expect(links.bundleOfJob("01a2-56f1-124")).toBe("01a2-56f1"));

  it("writes only what has a value", () => {
    expect(query({ a: "x y", b: "", c: null, d: 3, e: ["1", "2"] })).toBe("?a=x+y&d=3&e=1&e=2");
    expect(query({})).toBe("");
  });
});

describe("rows of a bundle", () => {
  const asked = { status: "", where: "", sort: "-sharpe", errorCode: "", axes: { ticker: "BTC", "parameters.fast": "" } };

  it("asks for pages of jobs", () => expect(rowsPath("b", asked)).toBe("/api/backtest/bundle/b/jobs?ticker=BTC&sort=-sharpe&limit=200"));

  it("asks the results where there are conditions", () => {
    const path = rowsPath("b", { ...asked, where: "trades>=100, sharpe>1" });
    expect(path).toBe("/api/backtest/bundle/b/results?ticker=BTC&where=trades%3E%3D100&where=sharpe%3E1&sort=-sharpe&top=2000");
  });

  it("exports the same set", () => {
    expect(exportPath("b", { ...asked, where: "trades>=1" }, "csv")).toBe("/api/backtest/bundle/b/results?ticker=BTC&where=trades%3E%3D1&sort=-sharpe&format=csv");
  });

  it("splits conditions and drops empty ones", () => expect(conditions(" trades>=1, ,sharpe>0,")).toEqual(["trades>=1", "sharpe>0"]));

  it("shows only metrics that exist", () => {
    expect(columnIds("sortino,nonsense,calmar")).toEqual(["sortino", "calmar"]);
    expect(columnIds("nonsense")).toContain("sharpe");
  });
});
