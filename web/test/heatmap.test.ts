import { describe, expect, it } from "vitest";

import type { Axis, HeatMap } from "../src/api/shapes";
import { cellAt, domain, gridsOf, lookAt, looksOf, total, type Cell } from "../src/heatmap/cells";
import { css, ink, share, viridis } from "../src/heatmap/colour";
import { dimensions, viewOf } from "../src/heatmap/dimensions";
import { hit, layoutOf, step } from "../src/heatmap/layout";
import { reach } from "../src/heatmap/scale";
import { mapsPath } from "../src/heatmap/use_maps";

const AXES = [
  { name: "ticker", count: 2, values: ["BTC", "ETH"] },
  { name: "timeframe", count: 1, values: ["1h"] },
  { name: "moneyManagement", count: 2, values: [{ stopLossPct: 1 }, { stopLossPct: 2 }] },
  { name: "parameters.fast", count: 3, values: [5, 10, 20] },
] as unknown as Axis[];

function cell(known: Partial<Cell>): Cell {
  return { value: null, seq: null, done: 0, running: 0, pending: 0, failed: 0, cancelled: 0, ...known };
}

/** The cells as the server writes them; null is one without a job. */
function columns(cells: readonly (Cell | null)[]) {
  const all = cells.map((each) => each ?? cell({}));
  const list = <K extends keyof Cell>(name: K) => all.map((each) => each[name]);
  return {
    value: list("value"),
    seq: list("seq"),
    done: list("done"),
    running: list("running"),
    pending: list("pending"),
    failed: list("failed"),
    cancelled: list("cancelled"),
  };
}

describe("dimensions", () => {
  it("filters objects by their index and the rest by value", () => {
    expect(dimensions(AXES).map((dimension) => dimension.filters[1] ?? dimension.filters[0])).toEqual(["ETH", "1h", "1", "10"]);
  });

  it("takes explicit points apart by their names", () => {
    const points = [{ name: "parameters", count: 3, values: [{ a: 2, b: 1 }, { a: 1, b: 1 }, { a: 2, b: 5 }] }] as unknown as Axis[];
    const [a, b] = dimensions(points);
    expect(a?.values).toEqual(["1", "2"]);
    expect(b?.filters).toEqual(["1", "5"]);
    const lacking = [{ name: "parameters", count: 2, values: [{ a: 2 }, { a: 1, b: 1 }] }] as unknown as Axis[];
    expect(dimensions(lacking)[1]).toMatchObject({ values: ["1", "–"], filters: ["1", ""] });
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
  const side = (name: string, values: unknown[]) => ({ name, values });
  const answer = (cells: (Cell | null)[]) =>
    ({ x: side("parameters.fast", [5, 10, 20]), y: null, facets: [side("ticker", ["BTC", "ETH"])], metric: "sharpe", agg: "best", version: 1, columns: columns(cells) }) as HeatMap;

  it("asks for one map a facet", () => {
    expect(mapsPath("b", { view, metric: "sharpe", gather: "worst" })).toBe("/api/backtest/bundle/b/heatmap?x=parameters.fast&facet=ticker&metric=sharpe&agg=worst&format=columns");
  });

  it("cuts the answer into the maps of the facets", () => {
    const maps = gridsOf(answer([null, null, null, cell({ value: 5, done: 2 }), null, cell({ value: -2, done: 1 })]), view);
    expect(maps.map((map) => map.title)).toEqual(["BTC", "ETH"]);
    expect([0, 1, 2].map((index) => cellAt(maps[0]!, index))).toEqual([null, null, null]);
    expect(cellAt(maps[1]!, 0)).toMatchObject({ value: 5, done: 2 });
    expect(looksOf(maps)).toEqual(new Set(["none", "value"]));
    expect(domain(maps)).toEqual([-2, 5]);
    expect(domain(maps.slice(0, 1))).toBeNull();
  });

  it.each([
    [cell({ value: 1, done: 1, failed: 1 }), "value"],
    [cell({ running: 1, pending: 1 }), "running"],
    [cell({ done: 1, pending: 1 }), "pending"],
    [cell({ done: 1, failed: 1 }), "undefined"],
    [cell({ failed: 1, cancelled: 1 }), "failed"],
    [cell({ cancelled: 1 }), "cancelled"],
    [null, "none"],
  ] as const)("looks by what is known: %#", (known, look) => {
    const map = { title: "", at: [], columns: 1, rows: 1, cells: columns([known]) };
    expect(lookAt(map, 0)).toBe(look);
    expect(known === null ? 0 : total(known)).toBe(known === null ? 0 : known.done + known.running + known.pending + known.failed + known.cancelled);
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
