// What the draft would be: jobs, candles, time, luck; and the button that submits it.
import { count, compact } from "../format/number";
import { duration, range } from "../format/time";
import type { Estimate } from "../api/shapes";
import type { ApiError } from "../api/client";
import { Card, Facts } from "../ui/parts";
import { LuckBar } from "../ui/luck_bar";
import { ErrorNote, Skeleton } from "../ui/states";
import type { Estimated } from "./use_estimate";

interface Props {
  estimated: Estimated;
  /** Why the draft is no JSON; null where it is. */
  unreadable: string | null;
  busy: boolean;
  failed: ApiError | null;
  submit: () => void;
}

export function EstimateCard({ estimated, unreadable, busy, failed, submit }: Props) {
  const { estimate, error, asking } = estimated;
  const ready = estimate !== null && error === null && unreadable === null && !asking;
  return (
    <div class="sticky">
      <Card title="Before you submit" actions={<span class="muted" aria-live="polite">{asking ? "estimating…" : ""}</span>}>
        <div class="stack">
          {unreadable !== null ? (
            <div class="note error">
              <div>
                <strong>The draft is no JSON.</strong> {unreadable}
              </div>
            </div>
          ) : error ? (
            <ErrorNote error={error} />
          ) : estimate === null ? (
            <Skeleton lines={5} />
          ) : (
            <Numbers estimate={estimate} />
          )}
          {failed && <ErrorNote error={failed} what="Submit" />}
          <button type="button" class="button primary" disabled={!ready || busy} onClick={submit}>
            {busy ? "Submitting…" : estimate && ready ? `Submit ${count(estimate.jobs)} ${estimate.jobs === 1 ? "job" : "jobs"}` : "Submit"}
          </button>
        </div>
      </Card>
    </div>
  );
}

function Numbers({ estimate }: { estimate: Estimate }) {
  const missing = estimate.candlesMissing;
  const lacking = (estimate.series ?? []).filter((series) => series.missing > 0);
  return (
    <>
      <Facts
        of={[
          ["jobs", <strong class="number">{count(estimate.jobs)}</strong>],
          ...(estimate.dropped > 0 ? ([["dropped by constraints", <span class="number">{count(estimate.dropped)}</span>]] as const) : []),
          ...(estimate.cached !== null && estimate.cached !== undefined ? ([["from the cache", <span class="number">{count(estimate.cached)}</span>]] as const) : []),
          ["candles to run", <span class="number">{compact(estimate.candles)}</span>],
          ["candles to load", <span class="number">{compact(estimate.candlesNeeded)}</span>],
          ["time", estimate.seconds === null || estimate.seconds === undefined ? "known once a first bundle has run" : `about ${duration(estimate.seconds)}`],
          ...(estimate.secondsAhead ? ([["after what is ahead", `about ${duration(estimate.secondsAhead)}`]] as const) : []),
        ]}
      />
      {missing !== null && missing !== undefined && missing > 0 && (
        <div class="note warning">
          <div>
            <strong class="number">{count(missing)} candles are not stored.</strong>
            <ul>
              {lacking.slice(0, 5).map((series) => (
                <li key={`${series.ticker}${series.timeframe}${series.start}`}>
                  {series.ticker} {series.timeframe}: {series.first ? `stored ${range(series.first, series.last ?? series.first)}` : "nothing stored"}
                </li>
              ))}
            </ul>
          </div>
        </div>
      )}
      {estimate.luckBar.map((luck) => (
        <section key={luck.start}>
          <h3>Luck over {range(luck.start, luck.end)}</h3>
          <LuckBar luck={luck} best={null} />
        </section>
      ))}
    </>
  );
}
