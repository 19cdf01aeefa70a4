//! What is said about one panel of a sweep: the numbers of `stats`, put into an answer.

use std::collections::BTreeMap;

use model::{Axis, Bundle, Position, TimeRange};
use serde::Serialize;
use stats::{
    GuardInput, GuardRail, Honesty, Judgement, LuckBar, Pbo, SentenceInput, SweepInput, Undefined,
    Variant, Verdict, YearlyReturn,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::rows::job_id;
use crate::sweep::{Panel, Settings};
use crate::text::rfc3339;

/// Most pairs of neighbours that a plateau is measured over.
const MAX_NEIGHBOURS: usize = 50_000_000;

/// A panel with everything that its verdict depends on.
pub(crate) struct Case {
    pub(crate) bundle: Uuid,
    pub(crate) range: TimeRange,
    pub(crate) settings: Settings,
    pub(crate) days: usize,
    pub(crate) panel: Panel,
    pub(crate) evaluated: u64,
    pub(crate) failed: u64,
    pub(crate) winner: Option<Winner>,
    /// Where the winner's cell stands on the grid of parameters.
    pub(crate) grid: Grid,
}

/// What is known of a panel's best variant.
pub(crate) struct Winner {
    pub(crate) seq: u32,
    pub(crate) trades: u64,
    pub(crate) top_trade_share: Option<f64>,
    pub(crate) years: Vec<YearlyReturn>,
    /// Daily returns of buy and hold; empty where they are not known.
    pub(crate) benchmark: Vec<f64>,
    pub(crate) out_of_sample: bool,
}

/// How much of the best result over one range and calendar is luck.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PanelBody {
    /// Start of the date range.
    #[schema(format = DateTime)]
    start: String,
    /// End of the date range, exclusive.
    #[schema(format = DateTime)]
    end: String,
    /// Days it has: `24x7`, `24x5` or `session:ZONE`.
    #[schema(example = "24x7")]
    calendar: String,
    /// P: days in a year.
    periods_per_year: f64,
    /// Daily returns of each variant.
    days: usize,
    /// Variants with a result over these days.
    variants: u64,
    /// Variants that the numbers below rest on: fewer only where all would not fit into memory.
    measured: usize,
    /// The verdict about the winner in one plain sentence.
    sentence: String,
    /// `beatsLuck`, `market`, `tooFewTrades` or `luck`; null where there is nothing to judge.
    #[schema(value_type = Option<String>)]
    verdict: Option<Verdict>,
    /// The variant with the highest Sharpe ratio.
    winner: Option<WinnerBody>,
    /// The variant whose neighbours are best.
    best_by_plateau: Option<RegionBody>,
    /// The two lines of luck on the Sharpe axis, annual.
    #[schema(value_type = Option<LuckLinesBody>)]
    luck_bar: Option<LuckBar>,
    /// Probability that the winner's true Sharpe ratio is above 0, as if it stood alone.
    psr: Option<f64>,
    /// Daily returns needed until that probability is 95 %.
    min_trl: Option<f64>,
    /// The same probability against what N variants without skill are expected to show.
    dsr: Option<f64>,
    /// With the effective number of variants instead of N.
    dsr_effective: Option<f64>,
    /// N less what correlates.
    effective_variants: Option<f64>,
    /// Mean correlation of the variants' returns.
    mean_correlation: Option<f64>,
    /// Deviation of the Sharpe ratios, per day.
    sharpe_deviation: Option<f64>,
    /// Median Sharpe ratio of the winner's neighbours on the grid / its own, 0 to 1.
    plateau: Option<f64>,
    /// Probability of backtest overfitting, and the slope of out-of-sample on in-sample.
    #[schema(value_type = Option<PboBody>)]
    pbo: Option<Pbo>,
    /// The numbers behind the verdict.
    #[schema(value_type = Option<JudgementBody>)]
    judgement: Option<Judgement>,
    /// Reason codes of what is null.
    #[schema(value_type = Object)]
    undefined: BTreeMap<&'static str, &'static str>,
    /// What else should be known before the winner is used.
    #[schema(value_type = Vec<WarningBody>)]
    warnings: Vec<GuardRail>,
}

/// The variant with the highest Sharpe ratio.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WinnerBody {
    job_id: String,
    seq: u32,
    /// Annual Sharpe ratio.
    sharpe: Option<f64>,
    /// Closed trades.
    trades: u64,
}

/// The variant whose neighbours on the grid of parameters are best.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegionBody {
    job_id: String,
    seq: u32,
    /// Median annual Sharpe ratio of its neighbours.
    median: Option<f64>,
    /// That median / its own, 0 to 1.
    score: Option<f64>,
}

/// Sharpe ratios that the best of N variants without skill shows.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only describes `stats::LuckBar` in the OpenAPI document")]
pub(crate) struct LuckLinesBody {
    /// Expected.
    expected_best: f64,
    /// Stays below this one 95 times in 100.
    line95: f64,
}

/// PBO by CSCV.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only describes `stats::Pbo` in the OpenAPI document")]
pub(crate) struct PboBody {
    /// Share of splits whose in-sample winner is in the lower half out of sample.
    pbo: f64,
    /// Blocks of days.
    blocks: usize,
    /// Days used: the first ones.
    rows: usize,
    /// Ways to split the blocks in halves.
    splits: usize,
    /// Share of splits whose in-sample winner loses out of sample.
    oos_negative_share: f64,
    /// Slope of the winners' out-of-sample on their in-sample Sharpe ratios.
    slope: Option<f64>,
    /// Logits of the winners' ranks out of sample.
    logits: LogitsBody,
}

/// A histogram over (-limit, limit] in bars of equal width.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes `stats::LogitHistogram` in the OpenAPI document")]
pub(crate) struct LogitsBody {
    /// The largest possible logit.
    limit: f64,
    /// Splits a bar, lowest logits first.
    counts: Vec<u32>,
}

/// The numbers behind a verdict.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only describes `stats::Judgement` in the OpenAPI document")]
pub(crate) struct JudgementBody {
    /// The verdict.
    verdict: String,
    /// Probability that N variants without skill all stay below the winner.
    beats_all: f64,
    /// Beta of the winner to buy and hold.
    beta: f64,
    /// The same probability for what buy and hold does not explain.
    beats_all_without_market: f64,
}

/// A warning.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes `stats::GuardRail` in the OpenAPI document")]
pub(crate) struct WarningBody {
    /// `fewTrades`, `oneTrade`, `oneYear`, `noOutOfSample` or `manyFailed`.
    code: String,
    /// `amber`: read the numbers with care; `red`: do not act on them.
    severity: String,
    /// One sentence.
    text: String,
}

/// The grid of parameters that a job is a cell of: all its other choices stay.
pub(crate) enum Grid {
    /// Steps on each axis, first axis slowest, and the seq of the first cell.
    Cells { axes: Vec<usize>, first: u32 },
    /// There is none, for this reason.
    None(&'static str),
}

impl Grid {
    /// Around `seq`.
    pub(crate) fn around(seq: u32, axes: &[Axis]) -> Grid {
        let ordered = axes.iter().filter(|axis| axis.name.starts_with("parameters."));
        let steps: Vec<usize> = ordered.map(|axis| axis.count as usize).collect();
        let cells: usize = steps.iter().product();
        let wide = steps.iter().filter(|steps| **steps > 1).count();
        let around = 3_usize.checked_pow(u32::try_from(wide).unwrap_or(u32::MAX));
        let visits = around.and_then(|around| around.checked_mul(cells));
        match visits {
            _ if wide == 0 => Grid::None(Undefined::TooFewNeighbours.code()),
            Some(visits) if visits <= MAX_NEIGHBOURS => {
                let place = u32::try_from(cells).map_or(0, |cells| seq % cells);
                Grid::Cells { axes: steps, first: seq - place }
            }
            Some(_) | None => Grid::None("grid_too_large"),
        }
    }
}

/// Whether the winner's variant was completed over another range too.
pub(crate) fn is_out_of_sample(bundle: &Bundle, completed: &[u32], seq: u32) -> bool {
    let Some(position) = bundle.position(seq) else { return false };
    (0..).zip(bundle.ranges()).any(|(range, _)| {
        let other = bundle.seq(Position { range, ..position });
        range != position.range && other.is_some_and(|seq| completed.binary_search(&seq).is_ok())
    })
}

/// Scores around the winner.
#[derive(Default)]
struct Terrain {
    winner: Option<f64>,
    best: Option<(u32, Option<f64>, Option<f64>)>,
}

impl Case {
    /// Measures the panel. Takes about 0.1 ms a variant: not for the async runtime.
    pub(crate) fn judge(self) -> PanelBody {
        let trades = self.winner.as_ref().map_or(0, |winner| winner.trades);
        let best = self.winner.as_ref().map(|winner| winner.seq);
        let benchmark = self.winner.as_ref().map_or(&[][..], |winner| &winner.benchmark);
        let variants: Vec<Variant<'_>> = self
            .panel
            .columns
            .iter()
            .map(|(seq, returns)| {
                // Only the winner is judged.
                let benchmark = if Some(*seq) == best { benchmark } else { &[] };
                Variant { returns, benchmark, trades }
            })
            .collect();
        let found = stats::honesty(&SweepInput {
            variants: &variants,
            evaluated: self.evaluated,
            periods_per_year: self.settings.periods_per_year(),
            risk_free_pct: self.settings.risk_free_pct(),
        });
        let mut undefined = found.numbers.undefined.clone();
        let terrain = self.terrain(&mut undefined);
        let (verdict, sentence) = self.verdict(&found, &variants, &terrain);
        let number = |id: &str| found.numbers.values.get(id).copied();
        PanelBody {
            start: rfc3339(self.range.start_ms),
            end: rfc3339(self.range.end_ms),
            calendar: self.settings.calendar.clone(),
            periods_per_year: self.settings.periods_per_year(),
            days: self.days,
            variants: self.panel.variants,
            measured: self.panel.columns.len(),
            sentence,
            verdict,
            winner: best.map(|seq| WinnerBody {
                job_id: job_id(self.bundle, seq),
                seq,
                sharpe: number("sharpe"),
                trades,
            }),
            best_by_plateau: terrain.best.map(|(seq, median, score)| RegionBody {
                job_id: job_id(self.bundle, seq),
                seq,
                median,
                score,
            }),
            luck_bar: found.luck_bar,
            psr: number("psr"),
            min_trl: number("minTrl"),
            dsr: number("dsr"),
            dsr_effective: number("dsrEffective"),
            effective_variants: number("effectiveVariants"),
            mean_correlation: number("meanCorrelation"),
            sharpe_deviation: number("sharpeDeviation"),
            plateau: terrain.winner,
            pbo: found.pbo,
            judgement: found.judgement,
            undefined,
            warnings: self.winner.as_ref().map_or_else(Vec::new, |winner| self.warnings(winner)),
        }
    }

    fn warnings(&self, winner: &Winner) -> Vec<GuardRail> {
        stats::guard_rails(&GuardInput {
            trades: winner.trades,
            top_trade_share: winner.top_trade_share,
            years: &winner.years,
            out_of_sample: winner.out_of_sample,
            evaluated: self.evaluated,
            failed: self.failed,
        })
    }

    /// Scores of the grid around the winner.
    fn terrain(&self, undefined: &mut BTreeMap<&'static str, &'static str>) -> Terrain {
        let (Some(winner), Grid::Cells { axes, first }) = (&self.winner, &self.grid) else {
            let reason = match self.grid {
                Grid::None(reason) => reason,
                Grid::Cells { .. } => Undefined::NoVariance.code(),
            };
            undefined.insert("plateau", reason);
            return Terrain::default();
        };
        let cells: usize = axes.iter().product();
        let sharpes = &self.panel.sharpes;
        let sharpe = |seq: u32| {
            let place = sharpes.binary_search_by_key(&seq, |(seq, _)| *seq).ok()?;
            Some(sharpes[place].1)
        };
        let values: Vec<Option<f64>> = (*first..).take(cells).map(sharpe).collect();
        let found = stats::plateau(axes, &values);
        let own = found.scores[(winner.seq - first) as usize];
        if let Err(reason) = own {
            undefined.insert("plateau", reason.code());
        }
        let best = (*first..).take(cells).enumerate().find(|(cell, _)| Some(*cell) == found.best);
        let best = best.map(|(cell, seq)| (seq, found.medians[cell].ok(), found.scores[cell].ok()));
        Terrain { winner: own.ok(), best }
    }

    /// The verdict and its sentence.
    ///
    /// Without buy and hold, what does not beat luck still does not; what does may be the market.
    fn verdict(
        &self,
        found: &Honesty,
        variants: &[Variant<'_>],
        terrain: &Terrain,
    ) -> (Option<Verdict>, String) {
        let alone = || {
            let winner = variants.get(found.winner?)?;
            let flat = vec![0.0; winner.returns.len()];
            let settings = &self.settings;
            let periods = settings.periods_per_year();
            let risk_free = stats::risk_free_per_period(settings.risk_free_pct(), periods);
            let winner = Variant { benchmark: &flat, ..*winner };
            stats::judge(&winner, self.evaluated, risk_free).ok()
        };
        let judged = found.judgement.or_else(alone).map(|judgement| judgement.verdict);
        if found.judgement.is_none() && judged == Some(Verdict::BeatsLuck) {
            let sentence = "The winner beats luck, but whether it is more than the market cannot be \
                said: buy and hold over the same days is not known.";
            return (None, sentence.to_owned());
        }
        let winner = self.winner.as_ref().map(|winner| winner.seq);
        let region = terrain.best.filter(|(seq, ..)| Some(*seq) != winner);
        let sentence = stats::sentence(&SentenceInput {
            verdict: judged.ok_or(Undefined::NoVariance),
            evaluated: self.evaluated,
            sharpe: found.numbers.values.get("sharpe").copied().unwrap_or_default(),
            bar: found.luck_bar.unwrap_or(LuckBar { expected_best: 0.0, line95: 0.0 }),
            winner_plateau: terrain.winner,
            region_plateau: region.and_then(|(_, _, score)| score),
        });
        (judged, sentence)
    }
}

impl PanelBody {
    /// Whether its winner beats luck.
    pub(crate) fn beats_luck(&self) -> bool {
        self.verdict == Some(Verdict::BeatsLuck)
    }

    /// Its sentence.
    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }
}
