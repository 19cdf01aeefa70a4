//! Numbers as a peer defines them, for people who migrate and want to compare.
//!
//! The ids are those of the catalogue where the peer has a number of that name; units are ours
//! (fractions, not percents). Where the peer prints 0, -100 or infinity for an undefined number,
//! the id is absent here.

use std::collections::BTreeMap;
use std::str::FromStr;

use model::Timeframe;
use serde::Serialize;

use crate::metrics::{MetricInput, Metrics, daily_drawdown};
use crate::moments::{Moments, percentile};
use crate::normal::normal_quantile;
use crate::reason::Undefined;
use crate::trade_metrics::{Quality, Tally};
use crate::trades::Trade;

/// quantstats annualises with this many days unless told otherwise.
const QUANTSTATS_DAYS: f64 = 252.0;
/// freqtrade annualises with this many days.
const FREQTRADE_DAYS: f64 = 365.0;
const DAY_MS: i64 = model::DAY_MS;

/// A peer whose definitions are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Profile {
    /// quantstats 0.0.86 with its defaults.
    Quantstats,
    /// backtesting.py 0.6.6.
    BacktestingPy,
    /// freqtrade.
    Freqtrade,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Profile; 3] = [Self::Quantstats, Self::BacktestingPy, Self::Freqtrade];

    /// Its name in requests and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quantstats => "quantstats",
            Self::BacktestingPy => "backtestingPy",
            Self::Freqtrade => "freqtrade",
        }
    }
}

/// The text names no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such profile: write quantstats, backtestingPy or freqtrade")]
pub struct UnknownProfile;

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Profile, UnknownProfile> {
        Self::ALL.into_iter().find(|profile| profile.name() == text).ok_or(UnknownProfile)
    }
}

/// Equity candle by candle, for the peer that counts by candles.
#[derive(Clone, Copy, Debug, Default)]
pub struct CandleEquity<'a> {
    /// Open times of the candles of the range, ms, ascending.
    pub times_ms: &'a [i64],
    /// Equity at each close, in quote: [`crate::equity_curve`].
    pub equity: &'a [f64],
}

impl CandleEquity<'_> {
    /// Equity at the last close of each UTC day that has a candle (each candle, of weekly ones).
    fn days(&self) -> Vec<f64> {
        let day = |row: usize| self.times_ms.get(row).map(|time_ms| time_ms.div_euclid(DAY_MS));
        let ends = (0..self.times_ms.len()).filter(|row| day(*row) != day(row + 1));
        ends.filter_map(|row| self.equity.get(row).copied()).collect()
    }

    /// Days in a year: 365 if enough candles lie on weekends, else 252; 52 weeks.
    fn days_per_year(&self, timeframe: Timeframe) -> f64 {
        // Day 0 was a Thursday.
        let is_weekend = |time_ms: &&i64| (time_ms.div_euclid(DAY_MS) + 3).rem_euclid(7) >= 5;
        let weekends = self.times_ms.iter().filter(is_weekend).count() as f64;
        if timeframe.is_week() {
            52.0
        } else if weekends > 2.0 / 7.0 * 0.6 * self.times_ms.len() as f64 {
            365.0
        } else {
            252.0
        }
    }

    /// Share of the candles in which a trade that was closed is held, entry and exit included.
    fn exposure(&self, trades: &[Trade]) -> Result<f64, Undefined> {
        let row_of = |time_ms: i64| self.times_ms.partition_point(|open_ms| *open_ms < time_ms);
        let (mut held, mut from) = (0, 0);
        for trade in trades {
            let entry = row_of(trade.entry_time_ms).max(from);
            let end = (row_of(trade.exit_time_ms) + 1).min(self.times_ms.len());
            held += end.saturating_sub(entry);
            from = from.max(end);
        }
        over(held as f64, self.times_ms.len() as f64, Undefined::NoCandles)
    }
}

/// What `profile` would report about the outcome behind `input`; undefined numbers are absent.
///
/// `candles` are those that `input` was made with; only backtesting.py counts by them.
pub fn profile(
    profile: Profile,
    input: &MetricInput<'_>,
    candles: CandleEquity<'_>,
) -> BTreeMap<&'static str, f64> {
    let mut metrics = Metrics::default();
    match profile {
        Profile::Quantstats => quantstats(&mut metrics, input),
        Profile::BacktestingPy => backtesting_py(&mut metrics, input, candles),
        Profile::Freqtrade => freqtrade(&mut metrics, input),
    }
    metrics.values
}

/// Final equity / starting cash, of days that exist and an account that lives.
fn growth(input: &MetricInput<'_>) -> Result<f64, Undefined> {
    let last = input.marks.last().ok_or(Undefined::NoDays)?;
    if last.equity <= 0.0 { Err(Undefined::Ruined) } else { Ok(last.equity / input.initial) }
}

/// `value` / `by`; undefined for `reason` unless `by` is above zero.
fn over(value: f64, by: f64, reason: Undefined) -> Result<f64, Undefined> {
    if by > 0.0 { Ok(value / by) } else { Err(reason) }
}

/// Everything is about daily returns; the trade-like numbers count days.
fn quantstats(metrics: &mut Metrics, input: &MetricInput<'_>) {
    let returns = input.returns;
    let moments = Moments::of(returns).filter(|m| !m.flat).ok_or(Undefined::NoVariance);
    let (deepest, squares) = daily_drawdown(input.initial, input.marks);
    let per_year = QUANTSTATS_DAYS.sqrt();
    let n = returns.len() as f64;
    let total = growth(input).map(|growth| growth - 1.0);
    let cagr = growth(input).map(|growth| libm::pow(growth, QUANTSTATS_DAYS / n) - 1.0);
    metrics.put("totalReturn", total);
    metrics.put("cagr", cagr);
    metrics.put("volatility", moments.map(|m| m.sd * per_year));
    metrics.put("sharpe", moments.map(|m| m.mean / m.sd * per_year));
    let shortfall: f64 = returns.iter().map(|r| r.min(0.0) * r.min(0.0)).sum();
    let downside = (shortfall / n).sqrt();
    let sortino = moments.and_then(|m| over(m.mean, downside, Undefined::NoLosses));
    metrics.put("sortino", sortino.map(|ratio| ratio * per_year));
    metrics.put("maxDrawdown", Ok(deepest));
    metrics.put("calmar", cagr.and_then(|cagr| over(cagr, -deepest, Undefined::NoDrawdown)));
    let ulcer = moments.map(|_| (squares / (n - 1.0)).sqrt());
    metrics.put("ulcerIndex", ulcer);
    metrics.put("upi", total.and_then(|total| over(total, ulcer?, Undefined::NoDrawdown)));
    let sum: f64 = returns.iter().sum();
    metrics.put("recoveryFactor", over(sum.abs(), -deepest, Undefined::NoDrawdown));
    metrics.put("var95", moments.map(|m| m.mean + m.sd * normal_quantile(0.05)));
    metrics.put(
        "cvar95",
        moments.map(|m| m.mean - m.sd * normal_density(normal_quantile(0.05)) / 0.05),
    );
    let mut sorted = returns.to_vec();
    let tails = moments.and_then(|_| {
        let low = percentile(&mut sorted, 5).abs();
        over(percentile(&mut sorted, 95).abs(), low, Undefined::NoLosses)
    });
    metrics.put("tailRatio", tails);
    metrics.put("skew", moments.and_then(|m| m.skew()));
    metrics.put("kurtosis", moments.and_then(|m| m.kurtosis()));
    let moved = Tally::of(returns.iter().copied().filter(|r| r.abs() > 0.0));
    metrics.put("winRate", moved.win_rate());
    metrics.put("profitFactor", moved.profit_factor());
    metrics.put("omega", moved.profit_factor());
    metrics.put("payoff", moved.payoff());
    metrics.put("kelly", moved.kelly());
    let share = over(moved.count as f64, n, Undefined::NoDays);
    metrics.put("exposure", share.map(|share| (share * 100.0).ceil() / 100.0));
}

fn normal_density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / (2.0 * std::f64::consts::PI).sqrt()
}

/// Geometric mean return and compounded volatility; profit factor of percents, not of money.
///
/// Its days are the UTC days with candles, and the first of them has no return; a position that is
/// open at the end is no exposure.
fn backtesting_py(metrics: &mut Metrics, input: &MetricInput<'_>, candles: CandleEquity<'_>) {
    let (days, periods) = (candles.days(), candles.days_per_year(input.timeframe));
    let first = days.first().copied().unwrap_or(input.initial);
    let returns: Vec<f64> = days.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    let n = returns.len() as f64;
    let gain = growth(input).map(|growth| growth * input.initial / first);
    let annual = if returns.is_empty() {
        Err(Undefined::NoDays)
    } else {
        gain.map(|gain| libm::pow(gain, periods / n) - 1.0)
    };
    metrics.put("totalReturn", growth(input).map(|growth| growth - 1.0));
    metrics.put("annualReturn", annual);
    // Its duration runs from the first open time to the last one.
    let range = input.range.end_ms - input.range.start_ms - input.timeframe.ms();
    let years = range as f64 / DAY_MS as f64 / 365.25;
    metrics.put("cagr", growth(input).map(|growth| libm::pow(growth, 1.0 / years) - 1.0));
    let volatility = Moments::of(&returns).filter(|m| !m.flat).ok_or(Undefined::NoVariance);
    let volatility = volatility.and_then(|moments| {
        let mean = libm::pow(gain?, 1.0 / n);
        let (square, variance) = (mean * mean, moments.sd * moments.sd);
        Ok((libm::pow(variance + square, periods) - libm::pow(square, periods)).sqrt())
    });
    metrics.put("volatility", volatility);
    let excess = annual.map(|annual| annual - input.risk_free_pct / 100.0);
    metrics.put("sharpe", excess.and_then(|e| over(e, volatility?, Undefined::NoVariance)));
    let shortfall: f64 = returns.iter().map(|r| r.min(0.0) * r.min(0.0)).sum();
    let downside = (shortfall / n).sqrt() * periods.sqrt();
    metrics.put("sortino", excess.and_then(|e| over(e, downside, Undefined::NoLosses)));
    let deepest = input.equity.max_drawdown;
    metrics.put("maxDrawdown", Ok(deepest));
    metrics.put("calmar", annual.and_then(|a| over(a, -deepest, Undefined::NoDrawdown)));
    metrics.put("drawdownDurationDays", Ok(input.equity.drawdown_duration_days));
    metrics.put("exposure", candles.exposure(input.trades));
    let money = Tally::of(input.trades.iter().map(|trade| trade.pnl));
    let percents = Tally::of(input.trades.iter().map(|trade| trade.return_pct));
    metrics.put("trades", Ok(money.count as f64));
    metrics.put("winRate", money.win_rate());
    metrics.put("profitFactor", percents.profit_factor());
    metrics.put("expectancyPct", percents.expectancy());
    let quality = Quality::of(input.trades, &money);
    metrics.put("sqn", quality.map(|quality| quality.number()));
    metrics.put("kelly", money.kelly());
}

/// Everything is about closed trades: profit relative to the starting balance, per day of the range.
fn freqtrade(metrics: &mut Metrics, input: &MetricInput<'_>) {
    let tally = Tally::of(input.trades.iter().map(|trade| trade.pnl));
    let range = input.range.end_ms - input.range.start_ms - input.timeframe.ms();
    let days = (range / DAY_MS).max(1) as f64;
    let total = tally.net / input.initial;
    let per_day = tally.count().map(|_| total / days);
    let growth = if total > -1.0 { Ok(1.0 + total) } else { Err(Undefined::Ruined) };
    metrics.put("totalReturn", Ok(total));
    metrics.put("cagr", growth.map(|g| libm::pow(g, FREQTRADE_DAYS / days) - 1.0));
    let (mut peak, mut profit, mut fall, mut relative) = (0.0_f64, 0.0, 0.0, 0.0);
    for trade in input.trades {
        profit += trade.pnl;
        peak = peak.max(profit);
        if peak - profit > fall {
            fall = peak - profit;
            relative = fall / (input.initial + peak);
        }
    }
    metrics.put("maxDrawdown", Ok(-relative));
    metrics.put(
        "calmar",
        per_day.and_then(|per_day| {
            over(per_day * 100.0 * FREQTRADE_DAYS.sqrt(), relative, Undefined::NoDrawdown)
        }),
    );
    let all: Vec<f64> = input.trades.iter().map(|trade| trade.pnl / input.initial).collect();
    let losses: Vec<f64> = all.iter().copied().filter(|profit| *profit < 0.0).collect();
    metrics.put("sharpe", per_day.and_then(|per_day| per_trade_ratio(per_day, &all)));
    metrics.put("sortino", per_day.and_then(|per_day| per_trade_ratio(per_day, &losses)));
    metrics.put("trades", Ok(tally.count as f64));
    metrics.put("winRate", tally.win_rate());
    metrics.put("profitFactor", tally.profit_factor());
    metrics.put("expectancy", tally.expectancy());
    metrics.put("expectancyR", tally.expectancy_r());
    let quality = Quality::of(input.trades, &tally);
    metrics.put("sqn", quality.map(|quality| quality.number()));
}

/// Profit per day / population deviation of the profits of trades x sqrt(365).
fn per_trade_ratio(per_day: f64, profits: &[f64]) -> Result<f64, Undefined> {
    let moments = Moments::of(profits).filter(|m| !m.flat).ok_or(Undefined::NoVariance)?;
    let count = moments.count as f64;
    let population = moments.sd * ((count - 1.0) / count).sqrt();
    over(per_day * FREQTRADE_DAYS.sqrt(), population, Undefined::NoVariance)
}

#[cfg(test)]
mod tests;
