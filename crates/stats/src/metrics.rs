//! The metric table: every number about one outcome, or the reason why it has none.
//!
//! **Invariant:** a metric is either in `values`, finite, or in `undefined` with a reason code;
//! together they hold exactly the ids of the catalogue.

use std::collections::BTreeMap;

use serde::Serialize;

use model::{DailyMark, Fill, FundingEvent, TimeRange, Timeframe};

use crate::curve::EquitySummary;
use crate::luck::SharpeSample;
use crate::moments::{Moments, NOISE, mean, percentile, slope};
use crate::normal::normal_quantile;
use crate::reason::Undefined;
use crate::trade_metrics::trade_metrics;
use crate::trades::Trade;

/// Annualised numbers of fewer daily returns are flagged.
const FEW_RETURNS: usize = 30;
const DAY_MS: f64 = model::DAY_MS as f64;
const DAYS_PER_YEAR: f64 = 365.25;
/// Share of the starting cash below which what is left, or owed, is rounding.
const DUST: f64 = 1e-12;

/// What the metrics are computed from; all of one outcome.
#[derive(Clone, Copy, Debug)]
pub struct MetricInput<'a> {
    /// Starting cash, in quote, > 0.
    pub initial: f64,
    /// Range of the backtest.
    pub range: TimeRange,
    /// Length of each candle.
    pub timeframe: Timeframe,
    /// One mark per calendar day of the range, ascending.
    pub marks: &'a [DailyMark],
    /// [`crate::daily_returns`] of `initial` and `marks`.
    pub returns: &'a [f64],
    /// [`crate::benchmark_returns`] over the same days; empty when not known.
    pub benchmark: &'a [f64],
    /// Executions.
    pub fills: &'a [Fill],
    /// Funding payments.
    pub funding: &'a [FundingEvent],
    /// Closed trades, in order of entry.
    pub trades: &'a [Trade],
    /// [`crate::equity_summary`].
    pub equity: EquitySummary,
    /// P: days in a year of the series' calendar.
    pub periods_per_year: f64,
    /// Risk-free rate, percent a year.
    pub risk_free_pct: f64,
}

/// Values and reasons by metric id.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// Finite values by id.
    pub values: BTreeMap<&'static str, f64>,
    /// Reason codes of the ids that have no value.
    pub undefined: BTreeMap<&'static str, &'static str>,
    /// `fewReturns`: annualised numbers rest on fewer than 30 returns.
    pub warnings: Vec<&'static str>,
}

impl Metrics {
    /// Stores a value or a reason; a value that is not finite becomes `not_finite`.
    pub(crate) fn put(&mut self, id: &'static str, value: Result<f64, Undefined>) {
        match value {
            // Adding 0 turns -0 into 0.
            Ok(value) if value.is_finite() => _ = self.values.insert(id, value + 0.0),
            Ok(_) => _ = self.undefined.insert(id, Undefined::NotFinite.code()),
            Err(reason) => _ = self.undefined.insert(id, reason.code()),
        }
    }
}

/// Every metric of the catalogue for one outcome.
///
/// Costs a few passes over the daily returns and the trades; independent of the candle count.
pub fn metrics(input: &MetricInput<'_>) -> Metrics {
    let mut metrics = Metrics::default();
    let days = Daily::new(input);
    growth(&mut metrics, input, &days);
    ratios(&mut metrics, input, &days);
    tails(&mut metrics, &days);
    candle_level(&mut metrics, input);
    against_benchmark(&mut metrics, input, &days);
    trade_metrics(&mut metrics, input, days.mean_equity);
    if input.returns.len() < FEW_RETURNS {
        metrics.warnings.push("fewReturns");
    }
    metrics
}

/// Risk-free rate per period, as a fraction.
pub fn risk_free_per_period(risk_free_pct: f64, periods_per_year: f64) -> f64 {
    if risk_free_pct.abs() <= 0.0 {
        return 0.0;
    }
    libm::pow(1.0 + risk_free_pct / 100.0, 1.0 / periods_per_year) - 1.0
}

/// `growth` to the power `exponent`, less 1: -1 where all was lost, none where more was.
///
/// What rounding leaves below 0 of an account that was lost whole counts as nothing.
pub(crate) fn compounded(growth: f64, exponent: f64) -> Result<f64, Undefined> {
    if growth < -DUST {
        return Err(Undefined::Ruined);
    }
    Ok(libm::pow(growth.max(0.0), exponent) - 1.0)
}

/// Deepest fall of daily marks from their running peak, start cash included, and the sum of all
/// squared falls.
pub(crate) fn daily_drawdown(initial: f64, marks: &[DailyMark]) -> (f64, f64) {
    let (mut peak, mut deepest, mut squares) = (initial, 0.0_f64, 0.0);
    for mark in marks {
        if mark.equity >= peak {
            peak = mark.equity;
            continue;
        }
        let fall = mark.equity / peak - 1.0;
        deepest = deepest.min(fall);
        squares += fall * fall;
    }
    (deepest, squares)
}

/// Numbers of the daily series that several metrics share.
struct Daily<'a> {
    returns: &'a [f64],
    moments: Option<Moments>,
    periods: f64,
    risk_free: f64,
    /// Final equity / starting cash.
    growth: Result<f64, Undefined>,
    max_drawdown: f64,
    squared_drawdowns: f64,
    mean_equity: f64,
}

impl<'a> Daily<'a> {
    fn new(input: &MetricInput<'a>) -> Daily<'a> {
        let (max_drawdown, squared_drawdowns) = daily_drawdown(input.initial, input.marks);
        let equity: f64 = input.marks.iter().map(|mark| mark.equity).sum();
        Daily {
            returns: input.returns,
            moments: Moments::of(input.returns),
            periods: input.periods_per_year,
            risk_free: risk_free_per_period(input.risk_free_pct, input.periods_per_year),
            growth: match input.marks.last() {
                Some(mark) => Ok(mark.equity / input.initial),
                None => Err(Undefined::NoDays),
            },
            max_drawdown,
            squared_drawdowns,
            mean_equity: equity / input.marks.len() as f64,
        }
    }

    /// Moments of a series that varies.
    fn varied(&self) -> Result<&Moments, Undefined> {
        self.moments.as_ref().filter(|moments| !moments.flat).ok_or(Undefined::NoVariance)
    }

    fn moments(&self) -> Result<&Moments, Undefined> {
        self.moments.as_ref().ok_or(Undefined::TooFewReturns)
    }

    /// Growth to the power `exponent`, less 1; -1 where nothing is left.
    fn compounded(&self, exponent: f64) -> Result<f64, Undefined> {
        compounded(self.growth?, exponent)
    }

    fn cagr(&self) -> Result<f64, Undefined> {
        self.compounded(self.periods / self.returns.len() as f64)
    }

    /// `value` / the deepest daily drawdown.
    fn per_drawdown(&self, value: Result<f64, Undefined>) -> Result<f64, Undefined> {
        self.varied()?;
        if self.max_drawdown > -NOISE {
            Err(Undefined::NoDrawdown)
        } else {
            Ok(value? / -self.max_drawdown)
        }
    }

    /// Sums of what lies above and below `threshold`, both >= 0.
    fn above_and_below(&self, threshold: f64) -> (f64, f64) {
        let (mut above, mut below) = (0.0, 0.0);
        for value in self.returns {
            let excess = value - threshold;
            if excess > 0.0 {
                above += excess;
            } else {
                below -= excess;
            }
        }
        (above, below)
    }
}

fn growth(metrics: &mut Metrics, input: &MetricInput<'_>, days: &Daily<'_>) {
    let range_days = (input.range.end_ms - input.range.start_ms) as f64 / DAY_MS;
    let total = days.growth.map(|growth| growth - 1.0);
    metrics.put("totalReturn", total);
    metrics.put("cagr", days.cagr());
    metrics.put("cagrCalendar", days.compounded(DAYS_PER_YEAR / range_days));
    metrics.put("volatility", days.moments().map(|moments| moments.sd * days.periods.sqrt()));
    metrics.put("maxDrawdownDaily", days.growth.map(|_| days.max_drawdown));
    metrics.put("calmar", days.per_drawdown(days.cagr()));
    metrics.put("recoveryFactor", days.per_drawdown(total));
    let ulcer =
        days.moments().map(|moments| (days.squared_drawdowns / (moments.count - 1) as f64).sqrt());
    metrics.put("ulcerIndex", ulcer);
    metrics.put("upi", days.per_drawdown(total).and(ulcer).and_then(|ulcer| Ok(total? / ulcer)));
    metrics.put("stability", stability(days));
}

fn ratios(metrics: &mut Metrics, input: &MetricInput<'_>, days: &Daily<'_>) {
    let sample = SharpeSample::of(input.returns, days.risk_free);
    let sharpe = days.varied().map(|m| (m.mean - days.risk_free) / m.sd);
    metrics.put("sharpe", sharpe.map(|sharpe| sharpe * days.periods.sqrt()));
    metrics.put("sortino", sortino(days));
    metrics.put("psr", sample.map(|sample| sample.psr(0.0)));
    metrics.put("minTrl", sample.and_then(|sample| sample.min_track_record(0.0, 0.95)));
    let (gains, losses) = days.above_and_below(0.0);
    let omega = days
        .varied()
        .and_then(|_| if losses > NOISE { Ok(gains / losses) } else { Err(Undefined::NoLosses) });
    metrics.put("omega", omega);
}

fn sortino(days: &Daily<'_>) -> Result<f64, Undefined> {
    let moments = days.varied()?;
    let squares: f64 = days
        .returns
        .iter()
        .map(|value| (value - days.risk_free).min(0.0))
        .map(|shortfall| shortfall * shortfall)
        .sum();
    let deviation = (squares / moments.count as f64).sqrt();
    if deviation <= NOISE {
        return Err(Undefined::NoLosses);
    }
    Ok((moments.mean - days.risk_free) / deviation * days.periods.sqrt())
}

/// R^2 of cumulative log returns on time.
fn stability(days: &Daily<'_>) -> Result<f64, Undefined> {
    let count = days.varied()?.count as f64;
    let mut sum = 0.0;
    let mut logs = Vec::with_capacity(days.returns.len());
    for value in days.returns {
        if *value <= -1.0 {
            return Err(Undefined::Ruined);
        }
        sum += libm::log1p(*value);
        logs.push(sum);
    }
    let (middle, mean) = ((count - 1.0) / 2.0, mean(&logs));
    let (mut covariance, mut squares, mut time_squares) = (0.0, 0.0, 0.0);
    for (day, log) in logs.iter().enumerate() {
        let (time, height) = (day as f64 - middle, log - mean);
        covariance += time * height;
        squares += height * height;
        time_squares += time * time;
    }
    if squares <= NOISE * NOISE {
        return Err(Undefined::NoVariance);
    }
    Ok(covariance * covariance / (squares * time_squares))
}

fn tails(metrics: &mut Metrics, days: &Daily<'_>) {
    let moments = days.moments();
    metrics.put("skew", moments.and_then(Moments::skew));
    metrics.put("kurtosis", moments.and_then(Moments::kurtosis));
    let gaussian = moments.map(|m| m.mean + m.sd * normal_quantile(0.05));
    metrics.put("var95Gaussian", gaussian);
    let mut sorted = days.returns.to_vec();
    let low = moments.map(|_| percentile(&mut sorted, 5));
    metrics.put("var95", low);
    // The percentile left the smallest values in front of its place.
    let tail = moments.map(|moments| (moments.count - 1) * 5 / 100 + 1);
    metrics.put(
        "cvar95",
        tail.map(|tail| {
            sorted[..tail].sort_unstable_by(f64::total_cmp);
            mean(&sorted[..tail])
        }),
    );
    let high = moments.map(|_| percentile(&mut sorted, 95));
    metrics.put(
        "tailRatio",
        days.varied().and_then(|_| match (low?, high?) {
            (low, _) if low.abs() <= NOISE => Err(Undefined::NoLosses),
            (low, high) => Ok((high / low).abs()),
        }),
    );
}

fn candle_level(metrics: &mut Metrics, input: &MetricInput<'_>) {
    let equity = &input.equity;
    let count = equity.candles as f64;
    let per_candle = |value: f64| {
        if equity.candles == 0 { Err(Undefined::NoCandles) } else { Ok(value) }
    };
    metrics.put("maxDrawdown", per_candle(equity.max_drawdown));
    metrics.put("drawdownDurationDays", per_candle(equity.drawdown_duration_days));
    metrics.put("timeUnderWater", per_candle(equity.under_water as f64 / count));
    metrics.put("exposure", per_candle(equity.exposed as f64 / count));
}

fn against_benchmark(metrics: &mut Metrics, input: &MetricInput<'_>, days: &Daily<'_>) {
    let known = !input.benchmark.is_empty() && input.benchmark.len() == input.returns.len();
    let benchmark = if known { Ok(input.benchmark) } else { Err(Undefined::NoBenchmark) };
    let held = benchmark.map(|b| b.iter().fold(1.0, |total, value| total * (1.0 + value)) - 1.0);
    metrics.put("buyAndHoldReturn", held);
    let beta = benchmark.and_then(|b| slope(b, input.returns).ok_or(Undefined::NoVariance));
    metrics.put("beta", beta);
    let alpha = benchmark.and_then(|benchmark| {
        let market = mean(benchmark) - days.risk_free;
        Ok((mean(input.returns) - days.risk_free - beta? * market) * days.periods)
    });
    metrics.put("alpha", alpha);
}

#[cfg(test)]
pub(crate) mod tests;
