// The jobs of a bundle as a table: sorted, filtered and paged by the server.
import { useEffect, useMemo } from "preact/hooks";

import type { Bundle, Job, Status } from "../api/shapes";
import { PickBox, toggleJob } from "../compare/tray";
import { count, plural } from "../format/number";
import { axisLabel, axisValue, variantLine, variantValue, varying } from "../format/variant";
import { dimensions, type Dimension } from "../heatmap/dimensions";
import { usePages } from "../live/pages";
import { final } from "../live/status";
import { METRICS, metricOf, shown } from "../metrics/metric";
import { param, search, setQuery } from "../routing/location";
import { links } from "../routing/routes";
import { Card, Picker } from "../ui/parts";
import { SearchField } from "../ui/search_field";
import { Download } from "../ui/download";
import { Empty, ErrorNote, Skeleton } from "../ui/states";
import { StatusWord } from "../ui/status";
import { Table, type Column } from "../ui/table";
import { columnIds, exportPath, MOST_FILTERED, ROWS, rowsPath, type Asked } from "./asked";

const STATUSES = ["Completed", "Failed", "Running", "Pending", "Cancelled"];
const LEAST_PAUSE_MS = 2_000;

/** Rows of results have no status of their own: they have the one that was asked for. */
type Row = Omit<Job, "status"> & { status?: Job["status"] };

export function JobsPanel({ bundle, status }: { bundle: Bundle; status: Status }) {
  const all = useMemo(() => dimensions(bundle.axes), [bundle.bundleRequestId]);
  const filters = all.filter((dimension) => dimension.values.length > 1);
  const asked: Asked = {
    status: param("status"),
    where: param("where"),
    sort: param("sort", "-sharpe"),
    errorCode: param("errorCode"),
    axes: Object.fromEntries(filters.map(({ name }) => [name, search.value.get(name) ?? ""])),
  };
  const path = rowsPath(bundle.bundleRequestId, asked);
  const pages = usePages<Row>(path, (row) => row.jobId);
  useEffect(() => {
    if (!pages.ready || pages.items.length > ROWS) return undefined;
    const timer = setTimeout(pages.reload, Math.max(0, pages.readAt + LEAST_PAUSE_MS - Date.now()));
    return () => clearTimeout(timer);
  }, [status.version, path]);
  const columns = useMemo(() => columnsOf(bundle, param("cols")), [bundle.bundleRequestId, param("cols")]);
  const filtered = asked.status !== "" || asked.where !== "" || asked.errorCode !== "" || Object.values(asked.axes).some((value) => value !== "");
  const clear = () => setQuery({ status: null, where: null, errorCode: null, ...Object.fromEntries(filters.map(({ name }) => [name, null])) });
  const live = !final(status);

  return (
    <div class="stack">
      <div class="toolbar">
        <SearchField name="where" label="Conditions on metrics" placeholder="trades>=100, maxDrawdown>-0.2" help="Metric ids or parameters.NAME with >=, <=, >, <, = or !=; commas mean and" />
        <Picker label="Status" value={asked.status} choose={(value) => setQuery({ status: value })} options={[["", "any"], ...STATUSES.map((word) => [word, word] as const)]} />
        {filters.map((dimension) => (
          <AxisPicker key={dimension.name} dimension={dimension} />
        ))}
        {asked.errorCode !== "" && (
          <button type="button" class="chip" onClick={() => setQuery({ errorCode: null })}>
            {asked.errorCode} ✕
          </button>
        )}
        {filtered && (
          <button type="button" class="button quiet small" onClick={clear}>
            Drop the filters
          </button>
        )}
      </div>
      {pages.error && <ErrorNote error={pages.error} what="Jobs" retry={pages.reload} />}
      {!pages.ready ? (
        !pages.error && <Skeleton lines={12} />
      ) : (
        <Card
          title={filtered ? fitting(pages.items.length, pages.more !== undefined, asked) : plural(bundle.total, "job")}
          actions={
            <>
              {live && pages.items.length > ROWS && (
                <button type="button" class="button quiet small" onClick={pages.reload}>
                  The bundle moves: read again
                </button>
              )}
              <ColumnPicker />
              <Download href={exportPath(bundle.bundleRequestId, asked, "csv")} name={`${bundle.bundleRequestId}.csv`}>
                Export csv
              </Download>
              <Download href={exportPath(bundle.bundleRequestId, asked, "ndjson")} name={`${bundle.bundleRequestId}.ndjson`}>
                ndjson
              </Download>
              <Download href={exportPath(bundle.bundleRequestId, asked, "parquet")} name={`${bundle.bundleRequestId}.parquet`}>
                parquet
              </Download>
            </>
          }
          bare
        >
          {pages.items.length === 0 ? (
            <Empty title={filtered ? "No job fits" : "No job is there"}>
              {filtered && asked.where !== "" && "Conditions look at completed jobs; an undefined metric fulfils none."}
            </Empty>
          ) : (
            <Table
              label="jobs"
              columns={columns}
              rows={pages.items}
              rowKey={(row) => row.jobId}
              href={(row) => links.job(row.jobId)}
              keys={{ c: (row) => toggleJob(row.jobId) }}
              sort={asked.sort}
              onSort={(sort) => setQuery({ sort })}
              more={pages.more}
              tall
            />
          )}
          <div class="table-foot">
            <span>
              {count(status.completed)} of {count(status.total)} completed
              {live && ", the rest appears as it ends"}
            </span>
            <span>
              The export has the whole filtered set, in this order{asked.status === "" ? ": its completed jobs" : ""}.
            </span>
          </div>
        </Card>
      )}
    </div>
  );
}

/** How many rows there are, as far as they were read. */
function fitting(rows: number, more: boolean, asked: Asked): string {
  if (asked.where !== "" && rows >= MOST_FILTERED) return `The first ${count(rows)} jobs that fit; the export has all`;
  return `${count(rows)}${more ? "+" : ""} ${rows === 1 ? "job fits" : "jobs fit"}`;
}

function AxisPicker({ dimension }: { dimension: Dimension }) {
  return (
    <Picker
      label={dimension.name.startsWith("parameters.") ? dimension.label : title(dimension.label)}
      value={param(dimension.name)}
      choose={(value) => setQuery({ [dimension.name]: value })}
      options={[["", "all"], ...dimension.values.map((value, index) => [dimension.filters[index] ?? value, value] as const)]}
    />
  );
}

function ColumnPicker() {
  const now = columnIds(param("cols"));
  const turn = (id: string) => {
    const next = now.includes(id) ? now.filter((each) => each !== id) : [...now, id];
    setQuery({ cols: next.join(",") });
  };
  return (
    <details class="columns-picker">
      <summary class="button small">Columns</summary>
      <div class="sheet" role="group" aria-label="columns">
        {METRICS.map((metric) => (
          <label key={metric.id} class="inline" title={metric.definition}>
            <input type="checkbox" checked={now.includes(metric.id)} onChange={() => turn(metric.id)} />
            {metric.label}
          </label>
        ))}
      </div>
    </details>
  );
}

function title(label: string): string {
  return label.charAt(0).toUpperCase() + label.slice(1);
}

function columnsOf(bundle: Bundle, chosen: string): Column<Row>[] {
  const axes = varying(bundle.axes).flatMap((axis): Column<Row>[] => {
    if (axis.name !== "parameters") {
      return [
        {
          key: axis.name,
          title: axis.name.startsWith("parameters.") ? axisLabel(axis.name) : title(axisLabel(axis.name)),
          right: axis.name.startsWith("parameters."),
          cell: (row) => axisValue(axis.name, variantValue(axis.name, row.variant)),
        },
      ];
    }
    const names = Object.keys((axis.values[0] ?? {}) as Record<string, number>);
    return names.map((name) => ({
      key: name,
      title: name,
      right: true,
      cell: (row) => axisValue(name, row.variant.parameters[name]),
    }));
  });
  const metrics = columnIds(chosen).map(
    (id): Column<Row> => ({
      key: id,
      title: metricOf(id).label,
      about: metricOf(id).definition,
      right: true,
      sort: id,
      cell: (row) => shown(id, row.metrics?.[id]),
    }),
  );
  return [
    { key: "pick", title: <span class="unseen">Compare</span>, class: "star", cell: (row) => <PickBox job={row.jobId} name={`job ${row.seq}`} /> },
    {
      key: "seq",
      title: "Job",
      right: true,
      cell: (row) => (
        <a href={links.job(row.jobId)} title={variantLine(row.variant, bundle.axes)}>
          #{row.seq}
        </a>
      ),
    },
    {
      key: "status",
      title: "Status",
      cell: (row) => (
        <span title={row.error?.message}>
          <StatusWord of={row.status ?? "Completed"} />
        </span>
      ),
    },
    ...axes,
    ...metrics,
  ];
}
