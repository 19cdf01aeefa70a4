// One job: equity and drawdown, candles with trades, trades, metrics, attempts and hashes.
import { useEffect, useState } from "preact/hooks";

import { asApiError, post, type ApiError } from "../api/client";
import { paths } from "../api/paths";
import type { Bundle, JobDetail, Luck, Metrics, Trade, Variant } from "../api/shapes";
import { expectCharts } from "../charts/lazy";
import { picked, toggleJob } from "../compare/tray";
import { count, decimal, plural } from "../format/number";
import { duration, minute, range, second } from "../format/time";
import { settings, variantLine } from "../format/variant";
import { CandleCard } from "../job/candle_card";
import { CurveCard } from "../job/curve_card";
import { MetricsCard } from "../job/metrics_card";
import { outcomeOf, type Outcome } from "../job/series";
import { TradesTable } from "../job/trades_table";
import { useKeys } from "../live/keys";
import { once, useResource } from "../live/resource";
import { shown } from "../metrics/metric";
import { choice } from "../routing/location";
import { links, type ViewProps } from "../routing/routes";
import { Card, Facts, Figures, Head, Tabs, Tree } from "../ui/parts";
import { Copy, Empty, ErrorNote, Show } from "../ui/states";
import { StatusWord } from "../ui/status";
import { bundleName } from "./bundle_table";

const TABS = ["result", "trades", "metrics", "config"] as const;
const FINAL = new Set(["Completed", "Failed", "Cancelled"]);
const HEADLINE = ["totalReturn", "sharpe", "maxDrawdown", "trades", "winRate", "profitFactor", "exposure", "buyAndHoldReturn"] as const;

export function JobView({ id }: ViewProps) {
  const known = useResource<JobDetail>(paths.jobFacts(id), (job) => (FINAL.has(job.status) ? null : 2));
  const bundle = useResource<Bundle>(paths.bundle(links.bundleOfJob(id)), once);
  useKeys({ c: () => toggleJob(id) });
  useEffect(expectCharts, []);
  const job = known.data;
  const crumb = (
    <>
      <a href="/bundles">Bundles</a> / <a href={links.bundle(links.bundleOfJob(id))}>{bundle.data ? bundleName(bundle.data) : "bundle"}</a>
    </>
  );
  if (!job) {
    return (
      <>
        <Head crumb={crumb} title="Job" />
        <Show known={known} what="Job" lines={10}>
          {() => null}
        </Show>
      </>
    );
  }
  const variant = job.variant as Variant;
  return (
    <>
      <Head
        crumb={crumb}
        title={`#${job.seq} ${variantLine(variant, bundle.data?.axes)}`}
        facts={
          <>
            <StatusWord of={job.status} />
            <span>
              {variant.ticker} {variant.timeframe}
            </span>
            <span class="number">{range(variant.start, variant.end)}</span>
            {job.cached && <span>from the cache</span>}
            {job.status === "Running" && <span class="number">{decimal(job.progress, 1)} %</span>}
          </>
        }
      >
        <Verify job={job} />
        <button type="button" class="button small" aria-pressed={picked.value.includes(id)} onClick={() => toggleJob(id)}>
          {picked.value.includes(id) ? "Picked for comparison" : "Pick for comparison"}
        </button>
      </Head>
      <div class="stack">
        <Show known={known} what="Job">
          {(data) => <JobBody job={data} luck={luckOf(data, bundle.data)} />}
        </Show>
      </div>
    </>
  );
}

/** What luck reaches over the range of the job, among as many variants as its bundle has there. */
function luckOf(job: JobDetail, bundle: Bundle | undefined): Luck | undefined {
  return bundle?.luckBar.find(({ start, end }) => start === job.variant.start && end === job.variant.end);
}

function JobBody({ job, luck }: { job: JobDetail; luck: Luck | undefined }) {
  const outcome = outcomeOf(job);
  const tab = choice("tab", TABS);
  return (
    <>
      <Tabs
        name="tab"
        label="parts of the job"
        now={tab}
        tabs={[
          ["result", "Result"],
          ["trades", outcome ? `Trades (${count(closed(job))})` : "Trades"],
          ["metrics", "Metrics"],
          ["config", "Config and attempts"],
        ]}
      />
      {tab === "config" ? (
        <ConfigPart job={job} outcome={outcome} />
      ) : outcome === null ? (
        <NoOutcome job={job} />
      ) : tab === "result" ? (
        <ResultPart job={job} outcome={outcome} luck={luck} />
      ) : tab === "trades" ? (
        <TradesPart job={job} />
      ) : (
        <MetricsCard metrics={(job.metrics ?? {}) as Metrics} missing={outcome.undefined} />
      )}
    </>
  );
}

/** Trades that were closed. */
function closed(job: JobDetail): number {
  return ((job.metrics ?? {}) as Metrics)["trades"] ?? 0;
}

function NoOutcome({ job }: { job: JobDetail }) {
  if (job.error) {
    return (
      <div class="note error" role="alert">
        <div>
          <strong>The job failed.</strong> {job.error.message}
          <div>
            <a href={`/errors/${job.error.code}`} data-outside>
              {job.error.code}
            </a>
            : what it means and how to mend it
          </div>
        </div>
      </div>
    );
  }
  const words = { Pending: "The job waits for a worker", Running: "The job runs", Cancelled: "The job was cancelled", Completed: "The outcome is on its way", Failed: "The job failed" };
  return (
    <Card title="Result">
      <Empty title={words[job.status]}>
        {job.status === "Running" ? `${decimal(job.progress, 1)} % of its candles are done. ` : ""}
        {job.status !== "Cancelled" && "The result appears here by itself."}
      </Empty>
    </Card>
  );
}

function ResultPart({ job, outcome, luck }: { job: JobDetail; outcome: Outcome; luck: Luck | undefined }) {
  const metrics = (job.metrics ?? {}) as Metrics;
  return (
    <div class="stack">
      <Figures
        of={HEADLINE.map((id) => ({
          label: LABELS[id],
          value: shown(id, metrics[id]),
          hint: id === "sharpe" && luck ? `95 % luck line ${decimal(luck.line95, 2)}` : undefined,
          tone: id === "totalReturn" ? ((metrics[id] ?? 0) < 0 ? "loss" : "gain") : "",
        }))}
      />
      {outcome.warnings.length > 0 && (
        <div class="note warning">
          <ul>
            {outcome.warnings.map((text) => (
              <li key={text}>{text.charAt(0).toUpperCase() + text.slice(1)}.</li>
            ))}
          </ul>
        </div>
      )}
      <CurveCard job={job} />
      <CandleCard job={job} />
    </div>
  );
}

const LABELS = {
  totalReturn: "Total return",
  sharpe: "Sharpe ratio",
  maxDrawdown: "Max drawdown",
  trades: "Trades",
  winRate: "Win rate",
  profitFactor: "Profit factor",
  exposure: "Exposure",
  buyAndHoldReturn: "Buy and hold",
};

function TradesPart({ job }: { job: JobDetail }) {
  const known = useResource<{ items: Trade[] }>(paths.trades(job.jobId), once);
  const open = job.openPosition;
  return (
    <div class="stack">
      {open && (
        <div class="note">
          <div class="number">
            <strong>Still open at the end:</strong> {open.side} since {minute(open.entryTime)}, result so far {decimal(open.pnl, 2)} ({decimal(open.returnPct, 2)} %).
          </div>
        </div>
      )}
      <Card title={plural(closed(job), "trade")} bare>
        <Show known={known} what="Trades" lines={10}>
          {({ items }) => (items.length === 0 ? <Empty title="No trade was closed">The strategy gave no signal in this range, or its first position is still open.</Empty> : <TradesTable trades={items} />)}
        </Show>
      </Card>
    </div>
  );
}

function ConfigPart({ job, outcome }: { job: JobDetail; outcome: Outcome | null }) {
  const variant = job.variant as Variant;
  const text = JSON.stringify(job.config, null, 2);
  const took = job.startedAt && job.completedAt ? (Date.parse(job.completedAt) - Date.parse(job.startedAt)) / 1000 : null;
  const hash = (value: string | null | undefined) => <span class="hash">{value ?? "–"}</span>;
  return (
    <div class="columns two">
      <div class="stack">
        <Card title="Facts">
          <Facts
            of={[
              ["id", hash(job.jobId)],
              ["money management", settings(variant.moneyManagement)],
              ["stored", `${second(job.createdAt)} UTC`],
              ["claimed", job.startedAt ? `${second(job.startedAt)} UTC` : job.cached ? "never: the result was there" : "not yet"],
              ["ended", job.completedAt ? `${second(job.completedAt)} UTC` : "not yet"],
              ["held for", duration(took)],
              ["worker", job.assignedWorkerId ? `#${job.assignedWorkerId}` : "–"],
              ...(outcome
                ? ([
                    ["candles", <span class="number">{count(outcome.candles)}</span>],
                    ["calendar", `${outcome.calendar}, ${decimal(outcome.periodsPerYear, 0)} days a year`],
                    ["versions", `engine ${outcome.engineVersion}, statistics ${outcome.statsVersion}`],
                  ] as const)
                : []),
            ]}
          />
        </Card>
        <Card title="Hashes">
          <Facts
            of={[
              ["outcome", hash(job.outcomeHash)],
              ["data", hash(job.dataHash)],
              ["settings", hash(job.specKey)],
              ["result", hash(job.resultKey)],
            ]}
          />
          <p class="muted">Equal settings on equal data give an equal outcome, on every machine.</p>
        </Card>
        <Card title="Attempts">
          {job.attempts.length === 0 ? (
            <p class="muted">
              {job.cached && job.attempt === 0
                ? "None: equal settings on equal data had run before, and their result is this one's."
                : job.attempt === 0
                  ? "Not claimed yet."
                  : `Attempt ${job.attempt} is the first that counts; none was lost before it.`}
            </p>
          ) : (
            <table class="table">
              <thead>
                <tr>
                  {["Attempt", "Worker", "Claimed", "Ended", "Why it ended"].map((title) => (
                    <th key={title} scope="col">
                      {title}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {job.attempts.map((attempt) => (
                  <tr key={attempt.attempt}>
                    <td>{attempt.attempt}</td>
                    <td>{attempt.workerId ? `#${attempt.workerId}` : "–"}</td>
                    <td>{second(attempt.startedAt)}</td>
                    <td>{second(attempt.endedAt)}</td>
                    <td>{attempt.endedBy.replaceAll("_", " ")}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Card>
      </div>
      <Card title="Resolved settings" actions={<Copy text={text} what="settings" />}>
        <Tree of={job.config} />
      </Card>
    </div>
  );
}

/** Asks for a replay. */
function Verify({ job }: { job: JobDetail }) {
  const [state, setState] = useState<"idle" | "asked" | ApiError>("idle");
  if (job.status !== "Completed") return null;
  const ask = () =>
    post(paths.verify(job.jobId)).then(
      () => setState("asked"),
      (error: unknown) => setState(asApiError(error)),
    );
  return (
    <>
      <button type="button" class="button small" disabled={state === "asked"} onClick={() => void ask()}>
        {state === "asked" ? "Replay asked for" : "Verify"}
      </button>
      {typeof state === "object" && <ErrorNote error={state} what="Verify" />}
    </>
  );
}
