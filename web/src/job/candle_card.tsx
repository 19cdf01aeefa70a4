// The candles of a job with its trades; looked at closer, they are asked for again in more detail.
import { useEffect, useMemo, useState } from "preact/hooks";

import { query } from "../api/client";
import { offers } from "../api/offers";
import { paths } from "../api/paths";
import type { JobDetail } from "../api/shapes";
import { CandleChart } from "../charts/lazy";
import { once, useResource } from "../live/resource";
import { Card } from "../ui/parts";
import { Empty, NotOffered, Show } from "../ui/states";
import { candlesOf, type CandlePage } from "./series";

const POINTS = 1_500;
/** A part is asked for when it is shorter than this share of what is shown. */
const CLOSER = 0.6;

/** What the marks mean, and how many candles one of those shown stands for. */
function Legend({ resolution }: { resolution: string }) {
  const thinned = resolution.includes(" x ");
  return (
    <span class="legend">
      <span>arrow: entry, by side</span>
      <span>
        <i class="dot won" />
        exit, won
      </span>
      <span>
        <i class="dot lost" />
        exit, lost
      </span>
      <span>{thinned ? `one shown is ${resolution.replace(" x ", " × ")}; zoom for more` : resolution}</span>
    </span>
  );
}

export function CandleCard({ job }: { job: JobDetail }) {
  const offered = offers("candles");
  const [part, setPart] = useState<{ from: number; to: number } | null>(null);
  const range = part && { from: new Date(part.from).toISOString(), to: new Date(part.to).toISOString() };
  const path = `${paths.candles(job.jobId)}${query({ ...range, points: POINTS })}`;
  const known = useResource<CandlePage>(offered === true ? path : null, once);
  const [page, setPage] = useState<CandlePage | undefined>(known.data);
  useEffect(() => {
    if (known.data) setPage(known.data);
  }, [known.data]);
  const candles = useMemo(() => (page ? candlesOf(page) : []), [page]);
  if (offered !== true) {
    return (
      <Card title="Candles and trades">
        {offered === false && <NotOffered what="the candles of a job">The trades beside this tab have every entry and exit.</NotOffered>}
      </Card>
    );
  }
  const whole = { from: Date.parse(job.variant.start), to: Date.parse(job.variant.end) };
  const look = (from: number, to: number) => {
    const shown = part ?? whole;
    const closer = to - from < CLOSER * (shown.to - shown.from);
    const outside = part !== null && (from < part.from || to > part.to);
    if (closer) setPart({ from: Math.max(whole.from, from), to: Math.min(whole.to, to) });
    else if (outside) setPart(null);
  };
  return (
    <Card title="Candles and trades" actions={page?.resolution && <Legend resolution={page.resolution} />}>
      <Show known={page ? { ...known, data: page } : known} what="Candles" lines={8}>
        {() =>
          candles.length === 0 ? (
            <Empty title="No candles in this range" />
          ) : (
            <CandleChart candles={candles} trades={job.trades ?? []} onRange={look} label={`candles of ${job.variant.ticker} ${job.variant.timeframe}; the trades table has every entry and exit`} />
          )
        }
      </Show>
    </Card>
  );
}
