// Equity and drawdown of a job, with the table that says the same.
import { useMemo, useState } from "preact/hooks";

import type { JobDetail } from "../api/shapes";
import { LineChart } from "../charts/lazy";
import { zoomOf } from "../charts/zoom";
import { compact, decimal, percent } from "../format/number";
import { day, minute } from "../format/time";
import { once, useResource } from "../live/resource";
import { Card } from "../ui/parts";
import { ErrorNote, Skeleton } from "../ui/states";
import { Table, type Column } from "../ui/table";
import { curveOf, dailyCurveOf, equityPath, outcomeOf, type Curve, type EquityPage } from "./series";

export function CurveCard({ job }: { job: JobDetail }) {
  const known = useResource<EquityPage>(equityPath(job.jobId), once);
  const outcome = outcomeOf(job);
  const curve = useMemo(
    () => (known.data && outcome ? curveOf(known.data, outcome.equity.initial) : !known.error ? null : dailyCurveOf(job)),
    [known.data, known.error, job.outcomeHash],
  );
  const lines = useMemo(() => {
    if (!curve) return null;
    return {
      x: curve.time ? curve.at.map((time) => time / 1000) : curve.at,
      equity: [{ label: "equity", colour: "series-1", values: curve.equity, fill: false }],
      drawdown: [{ label: "drawdown", colour: "series-2", values: curve.drawdown, fill: true }],
    };
  }, [curve]);
  if (!curve || !lines || !outcome) {
    return (
      <Card title="Equity">
        <Skeleton lines={6} />
      </Card>
    );
  }
  const zoom = zoomOf(curve.time);
  return (
    <Card title="Equity and drawdown" actions={<span class="muted">{curve.resolution === "1d" ? (curve.time ? "at the end of each day" : "at the end of each trading day, numbered") : curve.resolution}; drag to zoom in, double-click for all</span>}>
      {known.error && <ErrorNote error={known.error} what="Equity by candles" />}
      <LineChart x={lines.x} time={curve.time} lines={lines.equity} height={250} write={money} label={`equity from ${money(outcome.equity.initial)} to ${money(outcome.equity.final)}`} group={job.jobId} {...zoom} />
      <LineChart x={lines.x} time={curve.time} lines={lines.drawdown} height={130} write={(value) => percent(value, 1)} label="drawdown, the fall from the running peak" group={job.jobId} {...zoom} />
      <CurveTable curve={curve} />
    </Card>
  );
}

function money(value: number): string {
  return Math.abs(value) >= 1e6 ? compact(value) : decimal(value, value === 0 || Math.abs(value) >= 1e3 ? 0 : 2);
}

function CurveTable({ curve }: { curve: Curve }) {
  const [open, setOpen] = useState(false);
  const rows = useMemo(() => curve.at.map((_, index) => index), [curve]);
  const columns: readonly Column<number>[] = [
    {
      key: "at",
      title: curve.time ? "Time" : "Day",
      cell: (index) => (curve.time ? (curve.resolution === "1d" ? day(curve.at[index]) : minute(curve.at[index])) : String(curve.at[index])),
    },
    { key: "equity", title: "Equity", right: true, cell: (index) => decimal(curve.equity[index], 2) },
    { key: "drawdown", title: "Drawdown", right: true, cell: (index) => percent(curve.drawdown[index]) },
  ];
  return (
    <details class="twin" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The same as a table</summary>
      {open && <Table label="equity and drawdown" columns={columns} rows={rows} rowKey={String} tall />}
    </details>
  );
}
