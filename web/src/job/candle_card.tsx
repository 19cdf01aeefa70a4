// The candles of a job with its trades; looked at closer, they are asked for again in more detail.
import { useEffect, useMemo, useState } from "preact/hooks";

import type { JobDetail, Trade } from "../api/shapes";
import { CandleChart } from "../charts/lazy";
import { count } from "../format/number";
import { useResource } from "../live/resource";
import { param, setQuery } from "../routing/location";
import { rangeOf, rangeText } from "../routing/range";
import { Card } from "../ui/parts";
import { Empty, Show } from "../ui/states";
import { candlesOf, candlesPath, MOST_MARKED, type CandlePage } from "./series";

/** A part is asked for when it is shorter than this share of what is shown. */
const CLOSER = 0.6;
const NO_TRADES: readonly Trade[] = [];

/** What the marks mean, and how many candles one of those shown stands for. */
function Legend({ resolution, trades }: { resolution: string; trades: number }) {
  const thinned = resolution.includes(" x ");
  return (
    <span class="legend">
      {trades > MOST_MARKED ? (
        <span>{count(trades)} trades: zoom in to see them marked</span>
      ) : (
        <>
          <span>arrow: entry, by side</span>
          <span>
            <i class="dot won" />
            exit, won
          </span>
          <span>
            <i class="dot lost" />
            exit, lost
          </span>
        </>
      )}
      <span>{thinned ? `one shown is ${resolution.replace(" x ", " × ")}; zoom for more` : resolution}</span>
    </span>
  );
}

export function CandleCard({ job }: { job: JobDetail }) {
  // The part that is looked at is in the address.
  const asked = rangeOf(param("candles"));
  const part = asked && { from: asked[0], to: asked[1] };
  const range = part && { from: new Date(part.from).toISOString(), to: new Date(part.to).toISOString() };
  // Asked ahead of its job it may have come before the result.
  const known = useResource<CandlePage>(candlesPath(job.jobId, range ?? {}), (page) => (page.sameData === null ? 1 : null));
  const [page, setPage] = useState<CandlePage | undefined>(known.data);
  useEffect(() => {
    if (known.data) setPage(known.data);
  }, [known.data]);
  const candles = useMemo(() => (page ? candlesOf(page) : []), [page]);
  const trades = page?.tradeCount ?? 0;
  const whole = { from: Date.parse(job.variant.start), to: Date.parse(job.variant.end) };
  const look = (from: number, to: number) => {
    const shown = part ?? whole;
    const closer = to - from < CLOSER * (shown.to - shown.from);
    const outside = part !== null && (from < part.from || to > part.to);
    if (closer) setQuery({ candles: rangeText([Math.max(whole.from, from), Math.min(whole.to, to)]) });
    else if (outside) setQuery({ candles: null });
  };
  return (
    <Card title="Candles and trades" actions={page?.resolution && <Legend resolution={page.resolution} trades={trades} />}>
      <Show known={page ? { ...known, data: page } : known} what="Candles" lines={8}>
        {() =>
          candles.length === 0 ? (
            <Empty title="No candles in this range" />
          ) : (
            <CandleChart candles={candles} trades={trades > MOST_MARKED ? NO_TRADES : (page?.trades ?? NO_TRADES)} onRange={look} label={`candles of ${job.variant.ticker} ${job.variant.timeframe}; the trades table has every entry and exit`} />
          )
        }
      </Show>
    </Card>
  );
}
