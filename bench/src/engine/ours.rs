//! The engine as a worker runs it: a batch of variants, then every metric of each outcome.

use std::cell::OnceCell;
use std::sync::Arc;

use engine::{Control, Extras, Input, Monitor, Run};
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
        extras: Extras::default(),
    }
}

/// Runs all of `specs`; `done` gets each outcome with its index.
pub(crate) fn outcomes(
    input: &Input<'_>,
    specs: &[Arc<JobSpec>],
    mut done: impl FnMut(usize, Run),
) -> anyhow::Result<()> {
    let specs: Vec<&JobSpec> = specs.iter().map(|spec| &**spec).collect();
    let mut fault = Ok(());
    engine::run_each(input, &specs, &ToTheEnd, |index, run| match run {
        Ok(run) => done(index, run),
        Err(error) => fault = Err(error),
    });
    Ok(fault?)
}

/// As [`outcomes`], each with all its metrics.
pub(crate) fn metrics(
    input: &Input<'_>,
    specs: &[Arc<JobSpec>],
    mut done: impl FnMut(usize, Run, Metrics),
) -> anyhow::Result<()> {
    let candles = input.candles.rows(load::WARMUP..input.candles.len());
    let path = if specs.len() > 1 {
        PricePath::with_blocks(candles, input.timeframe)
    } else {
        PricePath::new(candles, input.timeframe)
    };
    let benchmark = OnceCell::new();
    outcomes(input, specs, |index, run| {
        let marks = &run.outcome.daily_marks;
        let benchmark =
            benchmark.get_or_init(|| stats::benchmark_returns(candles, marks, input.calendar));
        let metrics = table(input, &path, benchmark, &run.outcome);
        done(index, run, metrics);
    })
}

fn table(
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
        equity: stats::equity_summary(outcome, &trades, path, load::BALANCE),
        periods_per_year: PERIODS_PER_YEAR,
        risk_free_pct: 0.0,
    })
}
