// Honesty: how much of the best result is luck, as the server judges it.
import { paths } from "../api/paths";
import type { Bundle, Honesty, HonestyPanelBody, Status } from "../api/shapes";
import { count, decimal, percent } from "../format/number";
import { range } from "../format/time";
import { useResource } from "../live/resource";
import { final } from "../live/status";
import { reason } from "../metrics/metric";
import { links } from "../routing/routes";
import { Card, Facts } from "../ui/parts";
import { LuckBar } from "../ui/luck_bar";
import { Empty, Show } from "../ui/states";
import { LogitHistogram } from "./logit_histogram";

/** Seconds between two looks while the bundle runs. */
const LOOK_S = 3;

export function HonestyPanel({ bundle, status }: { bundle: Bundle; status: Status }) {
  const isFinal = final(status);
  const known = useResource<Honesty>(paths.honesty(bundle.bundleRequestId), (answer) => (isFinal && answer.version >= status.version ? null : LOOK_S));
  return (
    <Show known={known} what="Honesty" lines={10}>
      {(honesty) => <Judged bundle={bundle} honesty={honesty} />}
    </Show>
  );
}

/** Only the lines of luck. */
function Lines({ bundle }: { bundle: Bundle }) {
  return (
    <Card title="What luck alone reaches">
      {bundle.luckBar.length === 0 ? (
        <Empty title="No range is long enough">A luck line needs at least two days.</Empty>
      ) : (
        bundle.luckBar.map((line) => (
          <section key={line.start}>
            <h3>{range(line.start, line.end)}</h3>
            <LuckBar luck={line} best={null} />
          </section>
        ))
      )}
    </Card>
  );
}

function Judged({ bundle, honesty }: { bundle: Bundle; honesty: Honesty }) {
  return (
    <div class="stack">
      <p class="verdict">{honesty.sentence}</p>
      {honesty.pending > 0 && (
        <div class="note warning">
          <div>
            <strong class="number">{count(honesty.pending)} jobs are still to come.</strong> The winner may change; what follows is judged anew as they arrive.
          </div>
        </div>
      )}
      {honesty.panels.length === 0 && <Lines bundle={bundle} />}
      {honesty.panels.map((panel) => (
        <Panel key={`${panel.start} ${panel.end} ${panel.calendar} ${panel.days}`} panel={panel} evaluated={honesty.evaluated} isOne={honesty.panels.length === 1} />
      ))}
    </div>
  );
}

function Panel({ panel, evaluated, isOne }: { panel: HonestyPanelBody; evaluated: number; isOne: boolean }) {
  const { winner, luckBar: line, pbo } = panel;
  const missing = panel.undefined as Record<string, string>;
  const why = (id: string) => (missing[id] ? <span class="muted">{reason(missing[id])}</span> : "–");
  const share = (value: number | null | undefined, id: string) => (typeof value === "number" ? <span class="number">{percent(value, 1)}</span> : why(id));
  const plain = (value: number | null | undefined, digits: number, id: string) => (typeof value === "number" ? <span class="number">{decimal(value, digits)}</span> : why(id));
  return (
    <section class="stack" aria-label={`${range(panel.start, panel.end)}, ${panel.calendar}`}>
      {!isOne && (
        <h2>
          {range(panel.start, panel.end)} · {panel.calendar}
        </h2>
      )}
      {!isOne && <p class="verdict">{panel.sentence}</p>}
      <div class="columns two">
        <Card title="The best against luck">
          <div class="stack">
            {line ? (
              <LuckBar luck={{ ...line, variants: evaluated, returns: panel.days }} best={winner?.sharpe ?? null} />
            ) : (
              <Empty title="No luck line">{reason(missing["luckBar"] ?? "no_variance")}</Empty>
            )}
            {panel.warnings.length > 0 && (
              <div class="note warning">
                <ul>
                  {panel.warnings.map((warning) => (
                    <li key={warning.code}>
                      <strong>{warning.severity === "red" ? "Do not act on it: " : ""}</strong>
                      {warning.text}
                    </li>
                  ))}
                </ul>
              </div>
            )}
          </div>
        </Card>
        <Card title="The winner by Sharpe ratio">
          {!winner ? (
            <Empty title="No variant can be judged">A verdict needs at least 4 daily returns that vary.</Empty>
          ) : (
            <Facts
              of={[
                [
                  "job",
                  <a href={links.job(winner.jobId)}>
                    <strong>#{winner.seq}</strong>
                  </a>,
                ],
                ["Sharpe ratio", plain(winner.sharpe, 2, "sharpe")],
                ["trades", <span class="number">{count(winner.trades)}</span>],
                ["N: variants evaluated", <span class="number">{count(evaluated)}</span>],
                ["N_eff: without what correlates", plain(panel.effectiveVariants, 1, "effectiveVariants")],
                ["PSR(0)^N: N without skill stay below it", share(panel.judgement?.beatsAll, "judgement")],
                ["the same, less the market's part", share(panel.judgement?.beatsAllWithoutMarket, "judgement")],
                ["beta to buy and hold", plain(panel.judgement?.beta, 2, "judgement")],
                ["DSR: deflated Sharpe ratio, of N", share(panel.dsr, "dsr")],
                ["DSR, of N_eff", share(panel.dsrEffective, "dsrEffective")],
                ["PSR(0): Sharpe ratio above 0, alone", share(panel.psr, "psr")],
                ["MinTRL: days needed, alone", <span class="number">{typeof panel.minTrl === "number" ? `${count(panel.minTrl)} of ${count(panel.days)}` : why("minTrl")}</span>],
              ]}
            />
          )}
        </Card>
        <Card title="In sample against out of sample">
          {pbo ? (
            <div class="stack">
              <Facts
                of={[
                  ["PBO: probability of overfitting", <strong class="number">{percent(pbo.pbo, 1)}</strong>],
                  ["the winner loses out of sample", share(pbo.oosNegativeShare, "pbo")],
                  ["slope, out of sample on in sample", plain(pbo.slope, 2, "slope")],
                  ["ways to split", <span class="number">{`${count(pbo.splits)}, of ${count(pbo.blocks)} blocks over ${count(pbo.rows)} days`}</span>],
                ]}
              />
              <LogitHistogram limit={pbo.logits.limit} counts={pbo.logits.counts} />
            </div>
          ) : (
            <Empty title="Not to be said">{reason(missing["pbo"] ?? "too_few_variants")}</Empty>
          )}
        </Card>
        <Card title="The region around it">
          <Facts
            of={[
              ["plateau of the winner", share(panel.plateau, "plateau")],
              [
                "best by plateau",
                panel.bestByPlateau ? (
                  <span class="number">
                    <a href={links.job(panel.bestByPlateau.jobId)}>#{panel.bestByPlateau.seq}</a>: neighbours {decimal(panel.bestByPlateau.median, 2)}, plateau {percent(panel.bestByPlateau.score, 1)}
                  </span>
                ) : (
                  "–"
                ),
              ],
              ["mean correlation of the variants", plain(panel.meanCorrelation, 3, "meanCorrelation")],
              ["variants with a result", <span class="number">{panel.measured < panel.variants ? `${count(panel.variants)}, measured on ${count(panel.measured)}` : count(panel.variants)}</span>],
            ]}
          />
          <p class="muted">The plateau is the median Sharpe ratio of the neighbours on the grid over its own: a lonely peak is near 0 %, a region that holds is near 100 %.</p>
        </Card>
      </div>
    </section>
  );
}
