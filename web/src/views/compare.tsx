// Compare two to six jobs: curves over each other, metrics side by side, what differs in the
// settings and in the data, and the first trade at which the runs part.
import { useMemo } from "preact/hooks";

import { paths } from "../api/paths";
import type { Bundle, JobDetail, Json, Metrics, Trade, Variant } from "../api/shapes";
import { LineChart } from "../charts/lazy";
import { zoomOf } from "../charts/zoom";
import { differences, fieldWord, firstDivergence } from "../compare/diff";
import { overlay } from "../compare/overlay";
import { MOST, picked } from "../compare/tray";
import { decimal, percent, price } from "../format/number";
import { minute } from "../format/time";
import { variantLine } from "../format/variant";
import { dailyCurveOf, outcomeOf } from "../job/series";
import { reasonWord } from "../job/trades_table";
import { once, useResource, type Known } from "../live/resource";
import { bestOf, METRICS, metricOf, shown } from "../metrics/metric";
import { param, setQuery } from "../routing/location";
import { links } from "../routing/routes";
import { Card, Head } from "../ui/parts";
import { Empty, ErrorNote, Skeleton } from "../ui/states";

export function Compare() {
  const ids = param("jobs")
    .split(",")
    .filter((id) => id !== "")
    .slice(0, MOST);
  const known = useJobs(ids);
  const jobs = known.map((each) => each.data).filter((job): job is JobDetail => job !== undefined);
  const bundles = new Set(ids.map(links.bundleOfJob));
  const bundle = useResource<Bundle>(bundles.size === 1 && ids[0] ? paths.bundle(links.bundleOfJob(ids[0])) : null, once);
  if (ids.length < 2) {
    return (
      <>
        <Head title="Compare" />
        <Card title="Pick two to six jobs">
          <Empty title="Nothing to compare yet">
            Tick jobs in the table of a <a href="/bundles">bundle</a>, or press <kbd>c</kbd> on a row, a heat-map cell or a job; then press Compare.
            {picked.value.length > 1 && (
              <p>
                <a class="button primary" href={links.compare(picked.value)}>
                  Compare the {picked.value.length} picked jobs
                </a>
              </p>
            )}
          </Empty>
        </Card>
      </>
    );
  }
  const names = jobs.map((job) => `#${job.seq} ${variantLine(job.variant as Variant, bundle.data?.axes)}`);
  return (
    <>
      <Head title={`Compare ${ids.length} jobs`} facts={<span>The first one is what the others are compared with.</span>} />
      <div class="stack">
        {known.map((each, index) => each.error && <ErrorNote key={ids[index]} error={each.error} what={ids[index] ?? ""} />)}
        {jobs.length < known.filter((each) => !each.error).length ? (
          <Skeleton lines={10} />
        ) : (
          <>
            <Curves jobs={jobs} names={names} />
            <MetricRows jobs={jobs} names={names} ids={ids} />
            <Settings jobs={jobs} />
            <Divergences jobs={jobs} names={names} />
          </>
        )}
      </div>
    </>
  );
}

/** Six calls, whatever the number of jobs: hooks must not come and go. */
function useJobs(ids: readonly string[]): Known<JobDetail>[] {
  const path = (index: number) => (ids[index] === undefined ? null : paths.job(ids[index]));
  const all = [
    useResource<JobDetail>(path(0), once),
    useResource<JobDetail>(path(1), once),
    useResource<JobDetail>(path(2), once),
    useResource<JobDetail>(path(3), once),
    useResource<JobDetail>(path(4), once),
    useResource<JobDetail>(path(5), once),
  ];
  return all.slice(0, ids.length);
}

function Swatch({ index }: { index: number }) {
  return <i class={`swatch series-${index + 1}`} />;
}

function Curves({ jobs, names }: { jobs: readonly JobDetail[]; names: readonly string[] }) {
  const drawn = useMemo(() => {
    const curves = jobs.flatMap((job, index) => {
      const curve = dailyCurveOf(job);
      const outcome = outcomeOf(job);
      return curve && outcome ? [{ curve, initial: outcome.equity.initial, index }] : [];
    });
    if (curves.length === 0) return null;
    const time = curves.every(({ curve }) => curve.time);
    // Days of some calendars have only numbers: then all are laid by number.
    const laid = curves.map(({ curve, initial }) => ({ initial, curve: time ? curve : { ...curve, at: curve.at.map((_, day) => day + 1) } }));
    const { x, lines } = overlay(laid);
    return {
      time,
      x: time ? x.map((at) => at / 1000) : x,
      lines: lines.map((values, at) => ({ label: `#${jobs[curves[at]!.index]!.seq}`, colour: `series-${curves[at]!.index + 1}`, values })),
    };
  }, [jobs.map((job) => job.jobId).join()]);
  return (
    <Card title="Growth" actions={<span class="muted">equity against the starting cash, at the end of each day</span>}>
      {drawn ? (
        <LineChart x={drawn.x} time={drawn.time} lines={drawn.lines} height={300} write={(value) => percent(value, 1)} label={`growth of ${names.join(" and ")}; the metrics below have the end values`} {...zoomOf(drawn.time)} />
      ) : (
        <Empty title="None of the jobs is completed" />
      )}
      <ul class="legend">
        {names.map((name, index) => (
          <li key={name}>
            <a href={links.job(jobs[index]!.jobId)}>
              <Swatch index={index} />
              {name}
            </a>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function MetricRows({ jobs, names, ids }: { jobs: readonly JobDetail[]; names: readonly string[]; ids: readonly string[] }) {
  const metrics = jobs.map((job) => (job.metrics ?? {}) as Metrics);
  const used = METRICS.filter((metric) => metrics.some((each) => typeof each[metric.id] === "number"));
  return (
    <Card title="Metrics" bare>
      <div class="scroller tall" tabIndex={0} role="region" aria-label="metrics of the jobs">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Metric</th>
              {jobs.map((job, index) => (
                <th key={job.jobId} scope="col" class="right" title={names[index]}>
                  <Swatch index={index} />
                  <a href={links.job(job.jobId)}>#{job.seq}</a>{" "}
                  {ids.length > 2 && (
                    <button type="button" class="button quiet small" aria-label={`drop job ${job.seq}`} onClick={() => setQuery({ jobs: ids.filter((id) => id !== job.jobId).join(",") })}>
                      ✕
                    </button>
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {used.map(({ id }) => {
              const best = bestOf(id, metrics);
              return (
                <tr key={id}>
                  <th scope="row" title={metricOf(id).definition}>
                    {metricOf(id).label}
                  </th>
                  {metrics.map((each, index) => (
                    <td key={index} class="right">
                      {each[id] === best ? <strong title="the best of these">{shown(id, each[id])}</strong> : shown(id, each[id])}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function Settings({ jobs }: { jobs: readonly JobDetail[] }) {
  const rows = differences(jobs.map((job) => job.config as unknown as Json));
  const sameData = new Set(jobs.map((job) => job.dataHash)).size === 1;
  return (
    <Card title="What differs" actions={<span class="muted">{sameData ? "all ran on the same data" : "the data is not the same"}</span>} bare>
      {rows.length === 0 ? (
        <Empty title="The settings are equal">{sameData ? "So are the data: the outcomes must be equal too." : "The data are not."}</Empty>
      ) : (
        <div class="scroller" tabIndex={0} role="region" aria-label="settings that differ">
          <table class="table diff">
            <thead>
              <tr>
                <th scope="col">Setting</th>
                {jobs.map((job, index) => (
                  <th key={job.jobId} scope="col">
                    <Swatch index={index} />#{job.seq}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ path, values }) => (
                <tr key={path}>
                  <th scope="row">
                    <code>{path}</code>
                  </th>
                  {values.map((value, index) => (
                    <td key={index} class={`number${value !== values[0] ? " differs" : ""}`}>
                      {settingText(path, value)}
                    </td>
                  ))}
                </tr>
              ))}
              {!sameData && (
                <tr>
                  <th scope="row">data hash</th>
                  {jobs.map((job, index) => (
                    <td key={index} class={`hash${job.dataHash !== jobs[0]?.dataHash ? " differs" : ""}`}>
                      {job.dataHash?.slice(0, 15) ?? "–"}…
                    </td>
                  ))}
                </tr>
              )}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

/** Times of the range are milliseconds in the canonical settings. */
function settingText(path: string, value: string | undefined): string {
  if (value === undefined) return "–";
  return path === "range.start" || path === "range.end" ? minute(Number(value)) : value;
}

function Divergences({ jobs, names }: { jobs: readonly JobDetail[]; names: readonly string[] }) {
  const first = jobs[0];
  if (!first?.trades) return null;
  return (
    <Card title="First trade that is not the same">
      <div class="stack">
        {jobs.slice(1).map((job, index) => {
          const parting = job.trades ? firstDivergence(first.trades ?? [], job.trades) : null;
          return (
            <section key={job.jobId} class="stack">
              <h3>
                <Swatch index={0} />
                {names[0]} and <Swatch index={index + 1} />
                {names[index + 1]}
              </h3>
              {!job.trades ? (
                <p class="muted">#{job.seq} has no outcome.</p>
              ) : parting === null ? (
                <p>All {job.trades.length} trades are the same.</p>
              ) : (
                <>
                  <p>
                    {parting.index === 0 ? "They differ from the first trade on" : `The first ${parting.index} trades are the same; number ${parting.index + 1} is not`}
                    {parting.fields.length > 0 && `: ${parting.fields.map(fieldWord).join(", ")}`}.
                  </p>
                  <div class="scroller" tabIndex={0} role="region" aria-label="the two trades">
                    <table class="table">
                      <thead>
                        <tr>
                          {TRADE_COLUMNS.map(([title, right]) => (
                            <th key={title} scope="col" class={right ? "right" : undefined}>
                              {title}
                            </th>
                          ))}
                        </tr>
                      </thead>
                      <tbody>
                        <TradeRow name={`#${first.seq}`} trade={parting.a} />
                        <TradeRow name={`#${job.seq}`} trade={parting.b} />
                      </tbody>
                    </table>
                  </div>
                </>
              )}
            </section>
          );
        })}
      </div>
    </Card>
  );
}

/** Titles, and whether the cells are numbers. */
const TRADE_COLUMNS: readonly (readonly [string, boolean])[] = [
  ["Job", false],
  ["Side", false],
  ["Entry", true],
  ["Entry price", true],
  ["Exit", true],
  ["Exit price", true],
  ["Result", true],
  ["Exit by", false],
];

function TradeRow({ name, trade }: { name: string; trade: Trade | undefined }) {
  if (!trade) {
    return (
      <tr>
        <th scope="row">{name}</th>
        <td colSpan={7} class="muted">
          has no more trades
        </td>
      </tr>
    );
  }
  const cells = [trade.side, minute(trade.entryTime), price(trade.entryPrice), minute(trade.exitTime), price(trade.exitPrice), decimal(trade.pnl, 2), reasonWord(trade.exitReason)];
  return (
    <tr class="number">
      <th scope="row">{name}</th>
      {cells.map((cell, index) => (
        <td key={index} class={TRADE_COLUMNS[index + 1]?.[1] ? "right" : undefined}>
          {cell}
        </td>
      ))}
    </tr>
  );
}
