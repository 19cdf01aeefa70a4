//! The engine as a worker runs it: a batch of variants, then every metric of each outcome.

use std::sync::Arc;

use engine::{Control, Input, Monitor, Run};
use model::settings::Instrument;
use model::{Calendar, CandleSlice, JobSpec, Timeframe};
use stats::{MetricInput, Metrics, PricePath};

use crate::load;

/// P of a market that is always open.
const PERIODS_PER_YEAR: f64 = 365.0;

struct ToTheEnd;

impl Monitor for ToTheEnd {
    fn progress(&self, _variant: usize, _candles_done: usize) -> Control {
        Control::Continue
    }
}

/// Candles as the engine takes them, the first [`load::WARMUP`] of them before the range.
pub(crate) fn input(candles: CandleSlice<'_>) -> Input<'_> {
    Input {
        candles,
        timeframe: Timeframe::MINUTE,
        range: load::range(candles.len() - load::WARMUP),
        calendar: &Calendar::EveryDay,
        instrument: Instrument::default(),
        missing: 0,
    }
}

/// Outcomes without metrics.
pub(crate) fn outcomes(input: &Input<'_>, specs: &[Arc<JobSpec>]) -> anyhow::Result<Vec<Run>> {
    let specs: Vec<&JobSpec> = specs.iter().map(|spec| &**spec).collect();
    let runs = engine::run_batch(input, &specs, &ToTheEnd);
    Ok(runs.into_iter().collect::<Result<_, _>>()?)
}

/// Outcomes with all metrics.
pub(crate) fn run(
    input: &Input<'_>,
    specs: &[Arc<JobSpec>],
) -> anyhow::Result<Vec<(Run, Metrics)>> {
    let runs = outcomes(input, specs)?;
    let candles = input.candles.rows(load::WARMUP..input.candles.len());
    let path = if specs.len() > 1 {
        PricePath::with_blocks(candles, input.timeframe)
    } else {
        PricePath::new(candles, input.timeframe)
    };
    let benchmark = runs.first().map_or(Vec::new(), |run| {
        stats::benchmark_returns(candles, &run.outcome.daily_marks, input.calendar)
    });
    Ok(runs
        .into_iter()
        .map(|run| {
            let metrics = metrics(input, &path, &benchmark, &run.outcome);
            (run, metrics)
        })
        .collect())
}

fn metrics(
    input: &Input<'_>,
    path: &PricePath<'_>,
    benchmark: &[f64],
    outcome: &model::Outcome,
) -> Metrics {
    let open = outcome.open_position.as_ref();
    let trades = stats::trades(&outcome.fills, &outcome.funding, 1.0, open);
    stats::metrics(&MetricInput {
        initial: load::BALANCE,
        range: input.range,
        timeframe: input.timeframe,
        marks: &outcome.daily_marks,
        returns: &stats::daily_returns(load::BALANCE, &outcome.daily_marks),
        benchmark,
        fills: &outcome.fills,
        funding: &outcome.funding,
        trades: &trades,
        equity: stats::equity_summary(outcome, path, load::BALANCE),
        excursions: stats::excursions(&trades, path),
        periods_per_year: PERIODS_PER_YEAR,
        risk_free_pct: 0.0,
    })
}
