import { describe, expect, it } from "vitest";

import type { Axis, JobStatusName } from "../src/api/shapes";
import { domain, grids, lookOf, type Point } from "../src/heatmap/cells";
import { css, ink, share, viridis } from "../src/heatmap/colour";
import { dimensions, viewOf } from "../src/heatmap/dimensions";
import { hit, layoutOf, step } from "../src/heatmap/layout";
import { reach } from "../src/heatmap/scale";

const AXES = [
  { name: "ticker", count: 2, values: ["BTC", "ETH"] },
  { name: "timeframe", count: 1, values: ["1h"] },
  { name: "moneyManagement", count: 2, values: [{ stopLossPct: 1 }, { stopLossPct: 2 }] },
  { name: "parameters.fast", count: 3, values: [5, 10, 20] },
] as unknown as Axis[];

function point(seq: number, status: JobStatusName, value: number | null = null): Point {
  return { jobId: `b-${seq}`, seq, status, value };
}

describe("dimensions", () => {
  it("finds where a seq stands, the first axis slowest", () => {
    const all = dimensions(AXES);
    const at = (seq: number) => all.map((dimension) => dimension.values[dimension.indexOf(seq)]);
    expect(at(0)).toEqual(["BTC", "1h", "SL 1", "5"]);
    expect(at(4)).toEqual(["BTC", "1h", "SL 2", "10"]);
    expect(at(11)).toEqual(["ETH", "1h", "SL 2", "20"]);
  });

  it("filters objects by their index and the rest by value", () => {
    expect(dimensions(AXES).map((dimension) => dimension.filters[1] ?? dimension.filters[0])).toEqual(["ETH", "1h", "1", "10"]);
  });

  it("takes explicit points apart by their names", () => {
    const points = [{ name: "parameters", count: 3, values: [{ a: 2, b: 1 }, { a: 1, b: 1 }, { a: 2, b: 5 }] }] as unknown as Axis[];
    const [a, b] = dimensions(points);
    expect(a?.values).toEqual(["1", "2"]);
    expect([0, 1, 2].map((seq) => a?.indexOf(seq))).toEqual([1, 0, 1]);
    expect([0, 1, 2].map((seq) => b?.indexOf(seq))).toEqual([0, 0, 1]);
  });

  it("lays parameters along the edges and cuts by ticker", () => {
    const view = viewOf(dimensions(AXES), "", "", "both");
    expect([view?.x.name, view?.y?.name, view?.facets.map((facet) => facet.name)]).toEqual(["parameters.fast", "moneyManagement", ["ticker"]]);
    expect(viewOf(dimensions(AXES), "ticker", "none", "none")).toMatchObject({ y: null, facets: [] });
    expect(viewOf([], "", "", "both")).toBeNull();
  });
});

describe("cells", () => {
  const view = viewOf(dimensions(AXES), "parameters.fast", "none", "both")!;

  it.each([
    ["best", "sharpe", 3, "b-3"],
    ["worst", "sharpe", 1, "b-0"],
    ["mean", "sharpe", 2, null],
    ["median", "sharpe", 2, null],
    ["best", "volatility", 1, "b-0"],
  ] as const)("gathers %s of %s", (gather, metric, value, jobId) => {
    const [btc] = grids([point(0, "Completed", 1), point(3, "Completed", 3)], view, metric, gather);
    expect(btc?.cells[0]).toMatchObject({ value, jobId, total: 2 });
  });

  it("has one map a facet, and none where the product has no job", () => {
    const maps = grids([point(6, "Pending")], view, "sharpe", "best");
    expect(maps.map((map) => map.title)).toEqual(["BTC", "ETH"]);
    expect(maps[0]?.cells).toEqual([null, null, null]);
    expect(maps[1]?.cells[0]).toMatchObject({ value: null, jobId: "b-6", total: 1 });
  });

  it.each([
    [[point(0, "Completed", 1), point(3, "Failed")], "value"],
    [[point(0, "Running"), point(3, "Pending")], "running"],
    [[point(0, "Completed"), point(3, "Pending")], "pending"],
    [[point(0, "Completed"), point(3, "Failed")], "undefined"],
    [[point(0, "Failed"), point(3, "Cancelled")], "failed"],
    [[point(0, "Cancelled")], "cancelled"],
    [[], "none"],
  ] as const)("looks by what is known: %#", (points, look) => {
    const [map] = grids([...points], view, "sharpe", "best");
    expect(lookOf(map?.cells[0] ?? null)).toBe(look);
  });

  it("finds the ends of all maps", () => {
    expect(domain(grids([point(0, "Completed", -2), point(6, "Completed", 5)], view, "sharpe", "best"))).toEqual([-2, 5]);
    expect(domain(grids([point(0, "Failed")], view, "sharpe", "best"))).toBeNull();
  });
});

describe("layout", () => {
  it("fits into the width, and scrolls rather than hide cells", () => {
    expect(layoutOf(9, 5, 640, 30, 20)).toMatchObject({ cellWidth: 66, cellHeight: 34, columnStep: 1, rowStep: 1 });
    const narrow = layoutOf(200, 3, 320, 30, 20);
    expect(narrow.cellWidth).toBe(7);
    expect(narrow.width).toBeGreaterThan(320);
    expect(narrow.columnStep).toBe(4);
  });

  it("finds the cell under the pointer", () => {
    const layout = layoutOf(9, 5, 640, 30, 20);
    expect(hit(layout, layout.left + 67, 35)).toEqual({ column: 1, row: 1 });
    expect(hit(layout, layout.left - 1, 5)).toBeNull();
    expect(hit(layout, layout.left, 5 * layout.cellHeight + 1)).toBeNull();
  });

  it.each([
    ["ArrowRight", { column: 2, row: 1 }],
    ["ArrowLeft", { column: 0, row: 1 }],
    ["ArrowUp", { column: 1, row: 0 }],
    ["ArrowDown", { column: 1, row: 1 }],
    ["End", { column: 2, row: 1 }],
    ["x", null],
  ])("moves by %s and stays inside", (key, place) => expect(step({ columns: 3, rows: 2 }, { column: 1, row: 1 }, key)).toEqual(place));
});

describe("colours", () => {
  it("runs from dark to bright and stays inside", () => {
    expect(css(viridis(0))).toBe("rgb(68 1 84)");
    expect(css(viridis(1))).toBe("rgb(253 231 37)");
    expect(viridis(2)).toEqual(viridis(1));
    expect(viridis(NaN)).toEqual(viridis(0));
    expect(ink(viridis(0))).toBe("#ffffff");
    expect(ink(viridis(1))).toBe("#0b1116");
  });

  it("places values, and one value in the middle", () => {
    expect(share(3, [1, 5])).toBe(0.5);
    expect(share(2, [2, 2])).toBe(0.5);
  });

  it("makes the scale long enough for the luck lines", () => {
    expect(reach([-1, 2], [{ value: 3, label: "95 % line" }])).toEqual([-1, 3]);
  });
});
