// The live heat-map of a bundle: edges, facets, metric, and the cell under the cursor.
import { useMemo, useState } from "preact/hooks";

import type { Bundle, Status } from "../api/shapes";
import { toggleJob } from "../compare/tray";
import { count } from "../format/number";
import { cellAt, domain, GATHERS, lookAt, looksOf, open as openJobs, total, type Cell, type Grid, type Look } from "../heatmap/cells";
import { dimensions, viewOf, type Facets, type View } from "../heatmap/dimensions";
import { HeatMap, type Place } from "../heatmap/map";
import { Scale, type Mark } from "../heatmap/scale";
import { useMaps } from "../heatmap/use_maps";
import { final } from "../live/status";
import { METRICS, metricOf, shown, shownShort } from "../metrics/metric";
import { choice, navigate, param, setQuery } from "../routing/location";
import { links } from "../routing/routes";
import { Card, Picker, Segments } from "../ui/parts";
import { Empty, ErrorNote, Skeleton } from "../ui/states";
import { strictest } from "./luck";
import { GridTable } from "./grid_table";

const FACETS: readonly (readonly [Facets, string])[] = [
  ["both", "ticker and timeframe"],
  ["ticker", "ticker"],
  ["timeframe", "timeframe"],
  ["none", "nothing"],
];

export function LivePanel({ bundle, status }: { bundle: Bundle; status: Status }) {
  const all = useMemo(() => dimensions(bundle.axes), [bundle.bundleRequestId]);
  const varying = all.filter((dimension) => dimension.values.length > 1);
  const chosenMetric = METRICS.some((each) => each.id === param("metric")) ? param("metric") : "sharpe";
  const chosenGather = choice("agg", GATHERS);
  const facets = choice("facets", ["both", "ticker", "timeframe", "none"]);
  const [x, y] = [param("x"), param("y")];
  const chosenView = useMemo(() => viewOf(all, x, y, facets), [all, x, y, facets]);
  const { known, error } = useMaps(
    bundle.bundleRequestId,
    chosenView && { view: chosenView, metric: chosenMetric, gather: chosenGather },
    status.version,
  );
  const ends = useMemo(() => domain(known?.maps ?? []), [known?.maps]);
  const [pointed, setPointed] = useState<{ map: number; place: Place } | null>(null);
  if (!chosenView) return <Empty title="The bundle has no axes">It is one job; the table lists it.</Empty>;
  // What is drawn is what was answered last, with the words of its own question.
  const { view, metric, gather, maps } = known ?? { view: chosenView, metric: chosenMetric, gather: chosenGather, maps: [] };
  const bar = metric === "sharpe" ? strictest(bundle.luckBar) : null;
  const marks: Mark[] = bar
    ? [
        { value: bar.expectedBest, label: "luck's expected best" },
        { value: bar.line95, label: "95 % line" },
      ]
    : [];

  const chosen = placeOf(param("cell"), maps);
  const focus = pointed ?? chosen;
  const grid = focus ? (maps[focus.map] ?? null) : null;
  const indexOf = ({ column, row }: Place) => row * view.x.values.length + column;
  const cellOf = (map: number, place: Place): Cell | null => (maps[map] ? cellAt(maps[map], indexOf(place)) : null);
  const jobOf = (cell: Cell | null) => (cell === null || cell.seq === null ? null : `${bundle.bundleRequestId}-${cell.seq}`);
  const open = (map: number, place: Place) => {
    const cell = cellOf(map, place);
    if (cell === null) return;
    setQuery({ cell: `${map}.${place.column}.${place.row}` });
    const job = jobOf(cell);
    navigate(job ? links.job(job) : tableOf(bundle, view, maps[map]!, place));
  };
  const write = (value: number) => shown(metric, value);
  const options = varying.map((dimension) => [dimension.name, dimension.label] as const);

  return (
    <Card
      title="Heat-map"
      actions={
        <>
          <Picker label="Metric" value={chosenMetric} choose={(value) => setQuery({ metric: value })} options={METRICS.map(({ id, label }) => [id, label])} />
          {options.length > 1 && (
            <>
              <Picker label="Across" value={chosenView.x.name} choose={(value) => setQuery({ x: value, cell: null })} options={options} />
              <Picker label="Down" value={chosenView.y?.name ?? "none"} choose={(value) => setQuery({ y: value, cell: null })} options={[...options, ["none", "nothing"]]} />
            </>
          )}
          {varying.some(({ name }) => name === "ticker" || name === "timeframe") && (
            <Picker label="A map for each" value={facets} choose={(value) => setQuery({ facets: value, cell: null })} options={FACETS} />
          )}
          <Segments label="value of a cell" value={chosenGather} choose={(value) => setQuery({ agg: value === "best" ? null : value })} options={GATHERS.map((word) => [word, word])} />
        </>
      }
    >
      {error && <ErrorNote error={error} what="Heat-map" />}
      {known === null ? (
        !error && <Skeleton lines={8} />
      ) : (
        <>
          <Readout view={view} grid={grid} place={focus?.place ?? null} cell={focus && cellOf(focus.map, focus.place)} look={grid && focus ? lookAt(grid, indexOf(focus.place)) : "none"} metric={metric} gather={gather} />
          <div class="maps">
            {maps.map((grid, index) => (
              <HeatMap
                key={grid.title}
                grid={grid}
                view={view}
                domain={ends}
                line={bar?.line95 ?? null}
                write={write}
                short={(value) => shownShort(metric, value)}
                selected={chosen?.map === index ? chosen.place : null}
                point={(place) => setPointed(place && { map: index, place })}
                select={(place) => setQuery({ cell: `${index}.${place.column}.${place.row}` })}
                open={(place) => open(index, place)}
                pick={(place) => {
                  const job = jobOf(cellOf(index, place));
                  if (job) toggleJob(job);
                }}
                label={`${metricOf(metric).label}, ${view.x.label} across${view.y ? `, ${view.y.label} down` : ""}${grid.title ? `, ${grid.title}` : ""}`}
              />
            ))}
          </div>
          <div class="scale">
            {ends ? <Scale domain={ends} marks={marks} write={write} /> : <p class="muted">No cell has a value yet.</p>}
            <Legend maps={maps} />
          </div>
          {bar && ends && (
            <p class="muted">
              {ends[1] > bar.line95
                ? "Cells with a frame pass the line that luck stays below 95 times in 100."
                : `No cell passes the 95 % line${final(status) ? "" : " yet"}: the best of ${count(bar.variants)} variants without skill would reach ${write(bar.expectedBest)} on average over these ${count(bar.returns)} days.`}
            </p>
          )}
          <GridTable bundle={bundle.bundleRequestId} maps={maps} view={view} write={write} title={metricOf(metric).label} />
        </>
      )}
    </Card>
  );
}

/** The cell that the address names, where it is on the maps. */
function placeOf(text: string, maps: readonly Grid[]): { map: number; place: Place } | null {
  const match = /^(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (!match) return null;
  const [map, column, row] = match.slice(1).map(Number) as [number, number, number];
  const grid = maps[map];
  return grid && column < grid.columns && row < grid.rows ? { map, place: { column, row } } : null;
}

/** The table with the jobs of one cell. */
function tableOf(bundle: Bundle, view: View, grid: Grid, place: Place): string {
  const search = new URLSearchParams({ tab: "table" });
  const add = (name: string, value: string | undefined) => value !== undefined && search.set(name, value);
  add(view.x.name, view.x.filters[place.column]);
  if (view.y) add(view.y.name, view.y.filters[place.row]);
  view.facets.forEach((dimension, index) => add(dimension.name, dimension.filters[grid.at[index] ?? 0]));
  return `${links.bundle(bundle.bundleRequestId)}?${search.toString()}`;
}

function Readout(props: { view: View; grid: Grid | null; place: Place | null; cell: Cell | null; look: Look; metric: string; gather: string }) {
  const { view, grid, place, cell, look, metric, gather } = props;
  return (
    <div class="readout number" id="cell-readout" aria-live="polite">
      {grid === null || place === null ? (
        <span class="muted">Point at a cell, or walk with the arrow keys; a click or Enter opens the job, c picks it for comparison.</span>
      ) : (
        <>
          <span class="value">{look === "value" ? shown(metric, cell?.value) : WORDS[look]}</span>
          <span>
            {view.x.label} <strong>{view.x.values[place.column]}</strong>
          </span>
          {view.y && (
            <span>
              {view.y.label} <strong>{view.y.values[place.row]}</strong>
            </span>
          )}
          {grid.title && <span>{grid.title}</span>}
          {cell && total(cell) > 1 && (
            <span class="muted">
              {gather} of {count(cell.done)} done, {count(total(cell))} in all
              {cell.failed > 0 && `, ${count(cell.failed)} failed`}
              {openJobs(cell) > 0 && `, ${count(openJobs(cell))} to come`}
            </span>
          )}
        </>
      )}
    </div>
  );
}

const WORDS = { none: "no such job", value: "", undefined: "undefined", failed: "failed", cancelled: "cancelled", running: "running", pending: "pending" };

function Legend({ maps }: { maps: readonly Grid[] }) {
  const looks = useMemo(() => looksOf(maps), [maps]);
  // Marks in the corners of cells that have a value already.
  const corner = (counts: (map: Grid) => readonly (readonly number[])[]) =>
    maps.some((map) => counts(map).some((some) => some.some((amount, index) => amount > 0 && lookAt(map, index) === "value")));
  const partlyFailed = useMemo(() => corner(({ cells }) => [cells.failed]), [maps]);
  const partlyOpen = useMemo(() => corner(({ cells }) => [cells.pending, cells.running]), [maps]);
  const has = (look: Look) => looks.has(look);
  return (
    <div class="legend">
      {has("pending") && (
        <span>
          <i class="pending" /> pending
        </span>
      )}
      {has("running") && (
        <span>
          <i class="hatched-running" /> with a worker
        </span>
      )}
      {has("failed") && <span>✕ failed</span>}
      {partlyFailed && <span>✕ in a corner: some of its jobs failed</span>}
      {partlyOpen && <span>◿ a corner off: some of its jobs are to come</span>}
      {has("undefined") && <span>– undefined</span>}
      {has("cancelled") && <span>⟋ cancelled</span>}
      {has("none") && <span>empty: dropped by a constraint</span>}
    </div>
  );
}
