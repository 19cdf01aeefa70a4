// Guard rails of a result, as text.
import type { Job, Luck, Status } from "../api/shapes";
import { count, decimal, percent } from "../format/number";

/** The guard rails: short texts that say why a result is weak. */
export function guardRails(winner: Pick<Job, "metrics">, status: Pick<Status, "failed" | "total">, luck: readonly Luck[]): string[] {
  const of = (id: string) => winner.metrics?.[id] ?? null;
  const [trades, share, needed] = [of("trades"), of("topTradeProfitShare"), of("minTrl")];
  const texts: string[] = [];
  if (trades !== null && trades < 30) texts.push(`${count(trades)} trades are too few to judge: 30 are the least, 100 are better.`);
  else if (trades !== null && trades < 100) texts.push(`${count(trades)} trades are few: 100 would be better.`);
  if (share !== null && share > 0.3) texts.push(`One trade made ${percent(share, 0)} of all wins.`);
  const days = luck.length === 1 ? (luck[0]?.returns ?? null) : null;
  if (needed !== null && days !== null && needed > days) texts.push(`Its Sharpe ratio needs ${decimal(needed, 0)} days to be trusted, there are ${count(days)}.`);
  if (status.failed * 2 > status.total) texts.push(`${count(status.failed)} of ${count(status.total)} variants failed.`);
  return texts;
}
