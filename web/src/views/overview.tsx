// Overview: the queue, the workers, the bundles that run, and the last ones.
import { query } from "../api/client";
import { paths } from "../api/paths";
import type { BundleItem, BundlePage, Worker, WorkerPage } from "../api/shapes";
import { compact, count, plural } from "../format/number";
import { ago, duration } from "../format/time";
import { now } from "../live/clock";
import { each, useResource } from "../live/resource";
import { links } from "../routing/routes";
import { Card, Figures, Head } from "../ui/parts";
import { Empty, Show, Stale } from "../ui/states";
import { Progress, ProgressLegend, StatusWord } from "../ui/status";
import { BundleTable, bundleName } from "./bundle_table";

const ACTIVE_S = each(2);
const RECENT_S = each(5);

export function Overview() {
  const pathOf = (status: string) => `${paths.bundles}${query({ status, limit: 50 })}`;
  const running = useResource<BundlePage>(pathOf("Running"), ACTIVE_S);
  const queued = useResource<BundlePage>(pathOf("Queued"), ACTIVE_S);
  const paused = useResource<BundlePage>(pathOf("Paused"), RECENT_S);
  const recent = useResource<BundlePage>(`${paths.bundles}?limit=8`, RECENT_S);
  const workers = useResource<WorkerPage>(paths.workers, ACTIVE_S);
  const active = [running, queued, paused].flatMap((known) => known.data?.items ?? []);
  const more = [running, queued, paused].some((known) => known.data?.next);
  const sum = (of: (bundle: BundleItem) => number) => `${count(active.reduce((total, bundle) => total + of(bundle), 0))}${more ? "+" : ""}`;
  const alive = (workers.data?.items ?? []).filter((worker) => worker.status !== "lost");
  const ready = running.data && queued.data && paused.data;

  return (
    <>
      <Head title="Overview" facts={<span>What runs now, and what ran last.</span>}>
        <a class="button primary" href="/submit">
          Submit a bundle
        </a>
      </Head>
      <div class="stack">
        <Stale known={running} />
        <Figures
          of={[
            { label: "Bundles in work", value: ready ? `${active.length}${more ? "+" : ""}` : "…", hint: queued.data ? `${queued.data.items.length} queued` : undefined },
            { label: "Jobs pending", value: ready ? sum((bundle) => bundle.pending) : "…" },
            { label: "Jobs with workers", value: ready ? sum((bundle) => bundle.running) : "…" },
            { label: "Workers", value: workers.data ? alive.length : "…", hint: workers.data ? slots(alive) : undefined },
            { label: "Candles per second", value: workers.data ? compact(speed(alive)) : "…", hint: "at the last beats" },
          ]}
        />
        <div class="columns wide">
          <Card title="In work">
            <Show known={running} what="Bundles in work">
              {() =>
                active.length === 0 ? (
                  <Empty title="Nothing is in work" command="backfleet bundle submit examples/btc-dual-ema.json --watch">
                    Bundles appear here as soon as they are submitted, from <a href="/submit">the form</a> or from the
                    command line.
                  </Empty>
                ) : (
                  <ul class="stack">
                    {active.map((bundle) => (
                      <ActiveBundle key={bundle.bundleRequestId} bundle={bundle} />
                    ))}
                  </ul>
                )
              }
            </Show>
          </Card>
          <Card title="Workers" actions={<a href="/workers">All</a>}>
            <Show known={workers} what="Workers">
              {() =>
                alive.length === 0 ? (
                  <Empty title="No worker beats" command="backfleet worker --database-url postgres://…">
                    Jobs wait until a worker asks for them.
                  </Empty>
                ) : (
                  <ul class="stack">
                    {alive.slice(0, 8).map((worker) => (
                      <li key={worker.id} class="row">
                        <StatusWord of={worker.status} />
                        <span>
                          {worker.host} <span class="muted">#{worker.id}</span>
                        </span>
                        <span class="muted number">
                          {plural(worker.slots, "slot")} · {compact(worker.candlesPerSecond)} candles/s · {ago(worker.lastBeatAt, now.value)}
                        </span>
                      </li>
                    ))}
                  </ul>
                )
              }
            </Show>
          </Card>
        </div>
        <Card title="Last submitted" actions={<a href="/bundles">All bundles</a>} bare>
          {recent.data === undefined ? (
            <div class="body">
              <Show known={recent} what="Last bundles">
                {() => null}
              </Show>
            </div>
          ) : recent.data.items.length === 0 ? (
            <Empty title="No bundle was submitted yet" command="backfleet demo">
              The demo brings its own candles and needs nothing installed.
            </Empty>
          ) : (
            <BundleTable rows={recent.data.items} label="last submitted bundles" />
          )}
        </Card>
      </div>
    </>
  );
}

function slots(workers: readonly Worker[]): string {
  return plural(workers.reduce((sum, worker) => sum + worker.slots, 0), "slot");
}

function speed(workers: readonly Worker[]): number {
  return workers.reduce((sum, worker) => sum + worker.candlesPerSecond, 0);
}

function ActiveBundle({ bundle }: { bundle: BundleItem }) {
  const done = bundle.completed + bundle.failed + bundle.cancelled;
  return (
    <li class="stack" style={{ gap: "7px" }}>
      <div class="row">
        <a href={links.bundle(bundle.bundleRequestId)}>
          <strong>{bundleName(bundle)}</strong>
        </a>
        <StatusWord of={bundle.status} />
        <span class="muted number" style={{ marginLeft: "auto" }}>
          {count(done)} of {count(bundle.total)}
          {bundle.candlesPerSecond > 0 && ` · ${compact(bundle.candlesPerSecond)} candles/s`}
          {bundle.etaSeconds !== null && bundle.etaSeconds !== undefined && ` · ${duration(bundle.etaSeconds)} left`}
        </span>
      </div>
      <Progress of={bundle} label={`progress of ${bundleName(bundle)}`} tall />
      <ProgressLegend of={bundle} />
    </li>
  );
}
