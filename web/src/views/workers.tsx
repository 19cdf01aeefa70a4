// Workers: who computes, how fast, and the request to stop.
import { useState } from "preact/hooks";

import { asApiError, post, type ApiError } from "../api/client";
import { paths } from "../api/paths";
import type { Worker, WorkerPage } from "../api/shapes";
import { compact, count, decimal } from "../format/number";
import { ago, minute } from "../format/time";
import { now } from "../live/clock";
import { each, refresh, useResource } from "../live/resource";
import { Card, Figures, Head } from "../ui/parts";
import { Empty, ErrorNote, Show } from "../ui/states";
import { StatusWord } from "../ui/status";
import { Table, type Column } from "../ui/table";

const EVERY_S = each(2);

export function Workers() {
  const known = useResource<WorkerPage>(paths.workers, EVERY_S);
  const [asked, setAsked] = useState<number | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const drain = async (worker: Worker) => {
    if (asked !== worker.id) return setAsked(worker.id);
    setAsked(null);
    setError(null);
    try {
      await post(paths.drain(worker.id));
      refresh(paths.workers);
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  };
  const action: Column<Worker> = {
    key: "drain",
    title: <span class="unseen">Actions</span>,
    right: true,
    cell: (worker) =>
      worker.status === "active" && (
        <button type="button" class="button small" onClick={() => void drain(worker)} onBlur={() => setAsked(null)}>
          {asked === worker.id ? "Really drain" : "Drain"}
        </button>
      ),
  };
  return (
    <>
      <Head title="Workers" facts={<span>Processes that beat within the last day. A drained worker ends what it holds, then stops.</span>} />
      <div class="stack">
        {error && <ErrorNote error={error} what="Drain" />}
        <Show known={known} what="Workers">
          {({ items }) => {
            const alive = items.filter((worker) => worker.status !== "lost");
            const sum = (of: (worker: Worker) => number) => alive.reduce((total, worker) => total + of(worker), 0);
            return (
              <div class="stack">
                <Figures
                  of={[
                    { label: "Workers", value: count(alive.length), hint: `${items.length - alive.length} lost today` },
                    { label: "Slots", value: count(sum((worker) => worker.slots)) },
                    { label: "Jobs held", value: count(sum((worker) => worker.running)) },
                    { label: "Jobs ended", value: count(sum((worker) => worker.finished)), hint: "since they started" },
                    { label: "Candles per second", value: compact(sum((worker) => worker.candlesPerSecond)) },
                  ]}
                />
                <Card title="Processes" bare>
                  {items.length === 0 ? (
                    <Empty title="No worker beats" command="backfleet worker --database-url postgres://…">
                      <code>backfleet dev</code> has one of its own; a fleet has as many as you start.
                    </Empty>
                  ) : (
                    <Table label="workers" columns={[...COLUMNS, action]} rows={items} rowKey={(worker) => String(worker.id)} />
                  )}
                </Card>
              </div>
            );
          }}
        </Show>
      </div>
    </>
  );
}

const COLUMNS: readonly Column<Worker>[] = [
  { key: "id", title: "Worker", cell: (worker) => `#${worker.id}` },
  { key: "status", title: "Status", cell: (worker) => <StatusWord of={worker.status} /> },
  { key: "host", title: "Host", cell: (worker) => worker.host },
  { key: "version", title: "Version", cell: (worker) => worker.version },
  { key: "slots", title: "Slots", right: true, cell: (worker) => count(worker.slots) },
  { key: "running", title: "Jobs held", right: true, cell: (worker) => count(worker.running) },
  { key: "finished", title: "Jobs ended", right: true, cell: (worker) => count(worker.finished) },
  { key: "jobs", title: "Jobs/s", right: true, cell: (worker) => decimal(worker.jobsPerSecond, 2) },
  { key: "candles", title: "Candles/s", right: true, cell: (worker) => compact(worker.candlesPerSecond) },
  { key: "started", title: "Started", right: true, cell: (worker) => <span title={`${minute(worker.startedAt)} UTC`}>{ago(worker.startedAt, now.value)}</span> },
  { key: "beat", title: "Last beat", right: true, cell: (worker) => ago(worker.lastBeatAt, now.value) },
];
