// One bundle: live heat-map, table, honesty, failures, config.
import { useEffect } from "preact/hooks";

import { paths } from "../api/paths";
import type { Bundle, Status } from "../api/shapes";
import { ConfigPanel } from "../bundle/config_panel";
import { Commands } from "../bundle/commands";
import { FailuresPanel } from "../bundle/failures_panel";
import { HonestyPanel } from "../bundle/honesty_panel";
import { JobsPanel } from "../bundle/jobs_panel";
import { LivePanel } from "../bundle/live_panel";
import { compact, count, decimal } from "../format/number";
import { ago, duration } from "../format/time";
import { now } from "../live/clock";
import { once, refresh, useResource } from "../live/resource";
import { final, useStatus } from "../live/status";
import { choice } from "../routing/location";
import type { ViewProps } from "../routing/routes";
import { Head, Tabs } from "../ui/parts";
import { Show, Stale } from "../ui/states";
import { Progress, ProgressLegend, StatusWord } from "../ui/status";
import { bundleName, elapsed } from "./bundle_table";

const TABS = ["live", "table", "honesty", "failures", "config"] as const;

export function BundleView({ id }: ViewProps) {
  const known = useResource<Bundle>(paths.bundle(id), once);
  const live = useStatus(id);
  const failed = live.data?.failed ?? 0;
  const isFinal = live.data !== undefined && final(live.data);
  const bundle = known.data;
  const older = bundle !== undefined && live.data !== undefined && bundle.version < live.data.version;
  // The causes of failures and the times are only in the full answer.
  useEffect(() => {
    if (older && (failed > 0 || isFinal)) refresh(paths.bundle(id));
  }, [id, failed > 0, isFinal, bundle === undefined]);
  const status = live.data ?? bundle;
  useEffect(() => {
    if (bundle) document.title = `${bundleName(bundle)} · Backfleet`;
  }, [bundle?.name]);
  if (!bundle || !status) {
    return (
      <>
        <Head crumb={<a href="/bundles">Bundles</a>} title="Bundle" />
        <Show known={known} what="Bundle" lines={10}>
          {() => null}
        </Show>
      </>
    );
  }
  const tab = choice("tab", TABS);
  return (
    <>
      <Header bundle={bundle} status={status} />
      <Stale known={live} />
      <Tabs
        name="tab"
        label="parts of the bundle"
        now={tab}
        tabs={[
          ["live", "Live"],
          ["table", "Table"],
          ["honesty", "Honesty"],
          ["failures", status.failed > 0 ? `Failures (${count(status.failed)})` : "Failures"],
          ["config", "Config"],
        ]}
      />
      {tab === "live" && <LivePanel bundle={bundle} status={status} />}
      {tab === "table" && <JobsPanel bundle={bundle} status={status} />}
      {tab === "honesty" && <HonestyPanel bundle={bundle} status={status} />}
      {tab === "failures" && <FailuresPanel bundle={bundle} status={status} />}
      {tab === "config" && <ConfigPanel bundle={bundle} />}
    </>
  );
}

function Header({ bundle, status }: { bundle: Bundle; status: Status }) {
  const took = elapsed(status, now.value);
  const done = status.completed + status.failed + status.cancelled;
  const isFinal = final(status);
  return (
    <>
      <Head
        crumb={<a href="/bundles">Bundles</a>}
        title={bundleName(bundle)}
        facts={
          <>
            <StatusWord of={status.status} />
            <span class="number">
              {count(done)} of {count(status.total)} jobs
              {!isFinal && ` · ${decimal(status.progress, 1)} %`}
            </span>
            {!isFinal && status.candlesPerSecond > 0 && <span class="number">{compact(status.candlesPerSecond)} candles/s</span>}
            {!isFinal && status.etaSeconds !== null && status.etaSeconds !== undefined && <span class="number">{duration(status.etaSeconds)} left</span>}
            {took !== null && <span class="number">{isFinal ? `took ${duration(took)}` : `for ${duration(took)}`}</span>}
            {status.cached > 0 && <span class="number">{count(status.cached)} from the cache</span>}
            <span>submitted {ago(status.createdAt, now.value)}</span>
          </>
        }
      >
        <Commands status={status} />
        <a class="button small" href={`/submit?from=${bundle.bundleRequestId}`}>
          Submit a variation
        </a>
      </Head>
      <div class="stack bundle-progress">
        <Progress of={status} label="progress of the bundle" tall />
        <ProgressLegend of={status} />
      </div>
    </>
  );
}
