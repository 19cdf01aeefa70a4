// Honesty: how much of the best result is luck.
import { query } from "../api/client";
import { offers } from "../api/offers";
import { paths } from "../api/paths";
import type { Bundle, Job, Luck, Status } from "../api/shapes";
import { count } from "../format/number";
import { range } from "../format/time";
import { variantLine } from "../format/variant";
import { once, useResource } from "../live/resource";
import { shown } from "../metrics/metric";
import { links } from "../routing/routes";
import { Card, Facts } from "../ui/parts";
import { Empty, ErrorNote, NotOffered, Show, Skeleton } from "../ui/states";
import { LuckBar } from "../ui/luck_bar";
import { guardRails } from "./guard_rails";
import { useLuck } from "./luck";

export function HonestyPanel({ bundle, status }: { bundle: Bundle; status: Status }) {
  const { luck, error } = useLuck(bundle);
  const top = useResource<{ items: Job[] }>(
    `${paths.jobs(bundle.bundleRequestId)}${query({ sort: "-sharpe", status: "Completed", limit: 1 })}`,
    once,
  );
  const winner = top.data?.items[0];
  return (
    <div class="stack">
      {offers("honesty") === false && (
        <NotOffered what="the full panel: the deflated Sharpe ratio, the probability of overfitting, the plateau and the verdict">
          What follows needs only the luck lines and the winner's own metrics.
        </NotOffered>
      )}
      {status.completed < status.total && (
        <div class="note warning">
          <div>
            <strong class="number">
              {count(status.completed)} of {count(status.total)} done.
            </strong>{" "}
            The winner may change; the lines already count every variant.
          </div>
        </div>
      )}
      <div class="columns two">
        <Card title="The best against luck">
          {error && <ErrorNote error={error} what="Luck lines" />}
          {!luck ? (
            !error && <Skeleton lines={4} />
          ) : luck.length === 0 ? (
            <Empty title="No range is long enough">A luck line needs at least two days.</Empty>
          ) : (
            <div class="stack">
              {luck.map((line) => (
                <section key={line.start}>
                  <h3>{range(line.start, line.end)}</h3>
                  <LuckBar luck={line} best={luck.length === 1 ? (winner?.metrics?.["sharpe"] ?? null) : null} />
                </section>
              ))}
              {luck.length === 1 && winner && <Sentence luck={luck[0]!} winner={winner} />}
            </div>
          )}
        </Card>
        <Card title="The winner by Sharpe ratio">
          <Show known={top} what="Winner">
            {() =>
              winner === undefined ? (
                <Empty title="No job is completed yet">The winner appears with the first result.</Empty>
              ) : (
                <div class="stack">
                  <div>
                    <a href={links.job(winner.jobId)}>
                      <strong>#{winner.seq}</strong>
                    </a>{" "}
                    {variantLine(winner.variant, bundle.axes)}
                  </div>
                  <Facts
                    of={(["sharpe", "psr", "minTrl", "trades", "totalReturn", "maxDrawdown", "topTradeProfitShare", "buyAndHoldReturn"] as const).map(
                      (id) => [LABELS[id], <span class="number">{shown(id, winner.metrics?.[id])}</span>] as const,
                    )}
                  />
                  <Warnings winner={winner} status={status} luck={luck ?? []} />
                </div>
              )
            }
          </Show>
        </Card>
      </div>
    </div>
  );
}

const LABELS = {
  sharpe: "Sharpe ratio",
  psr: "probability that it is above 0, alone",
  minTrl: "days needed to trust it, alone",
  trades: "trades",
  totalReturn: "total return",
  maxDrawdown: "maximum drawdown",
  topTradeProfitShare: "share of the best trade in all wins",
  buyAndHoldReturn: "buy and hold over the same range",
};

function Sentence({ luck, winner }: { luck: Luck; winner: Job }) {
  const best = winner.metrics?.["sharpe"];
  if (best === null || best === undefined) return null;
  const text =
    best > luck.line95
      ? "The best Sharpe ratio is above the line that luck stays below 95 times in 100."
      : best > luck.expectedBest
        ? "The best Sharpe ratio is above what luck reaches on average, but below the 95 % line: it may well be luck."
        : "The best Sharpe ratio is no more than what luck alone is expected to show.";
  return <p class="verdict">{text}</p>;
}

function Warnings({ winner, status, luck }: { winner: Job; status: Status; luck: readonly Luck[] }) {
  const texts = guardRails(winner, status, luck);
  if (texts.length === 0) return null;
  return (
    <div class="note warning">
      <ul>
        {texts.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </div>
  );
}
