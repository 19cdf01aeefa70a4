//! How many candles a bundle needs and which of them are not stored, from the list of series alone.
//!
//! No candle is loaded for this. Inside a series candles are taken to be as dense as they are on
//! the whole; gaps at the ends are exact, gaps inside are found by the workers.

use std::collections::BTreeSet;

use candles::SeriesInfo;
use model::{Bundle, Calendar, DAY_MS, SeriesId, TimeRange, Timeframe};
use serde::Serialize;
use utoipa::ToSchema;

use crate::facts::Facts;
use crate::text::rfc3339;

/// What a bundle needs of one series over one date range.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeriesNeed {
    /// Exchange.
    #[schema(example = "binance")]
    exchange: String,
    /// Ticker.
    #[schema(example = "BTCUSDT")]
    ticker: String,
    /// Length of a candle.
    #[schema(value_type = String, example = "15m")]
    timeframe: Timeframe,
    /// Start of the range.
    #[schema(format = DateTime)]
    start: String,
    /// End of the range, exclusive.
    #[schema(format = DateTime)]
    end: String,
    /// Candles of the range, by the series' calendar and density.
    needed: u64,
    /// Of these, candles before the first or after the last stored one.
    missing: u64,
    /// Open time of the first stored candle; null where nothing serves the series.
    #[schema(format = DateTime)]
    first: Option<String>,
    /// Open time of the last stored candle.
    #[schema(format = DateTime)]
    last: Option<String>,
}

impl SeriesNeed {
    /// Candles of the range.
    pub(crate) fn needed(&self) -> u64 {
        self.needed
    }

    /// Of these, candles that are not stored.
    pub(crate) fn missing(&self) -> u64 {
        self.missing
    }
}

/// The stored series that `wanted` can be made of: itself, or the largest that divides it.
pub(crate) fn serving<'a>(wanted: &SeriesId, stored: &'a [SeriesInfo]) -> Option<&'a SeriesInfo> {
    let serves = |info: &&SeriesInfo| {
        info.id.exchange == wanted.exchange
            && info.id.ticker == wanted.ticker
            && wanted.timeframe.is_multiple_of(info.id.timeframe)
    };
    stored.iter().filter(serves).max_by_key(|info| info.id.timeframe)
}

/// Candles of `timeframe` in `range`, if `info` is what they are made of.
fn candles(range: TimeRange, timeframe: Timeframe, info: Option<&SeriesInfo>) -> f64 {
    let positions = (range.end_ms - range.start_ms).max(0) as f64 / timeframe.ms() as f64;
    positions * info.map_or(1.0, density)
}

/// Share of the grid that the series fills between its first and last candle.
fn density(info: &SeriesInfo) -> f64 {
    let positions = (info.last_ms - info.first_ms) as f64 / info.id.timeframe.ms() as f64 + 1.0;
    (info.count as f64 / positions).clamp(0.0, 1.0)
}

/// Candles of one job, averaged over ranges and series; `stored` may be empty where it is unknown.
pub(crate) fn candles_per_job(bundle: &Bundle, stored: &[SeriesInfo]) -> f64 {
    let (series, ranges) = (bundle.series(), bundle.ranges());
    let total: f64 = series
        .iter()
        .flat_map(|id| {
            let info = serving(id, stored);
            ranges.iter().map(move |range| candles(*range, id.timeframe, info))
        })
        .sum();
    total / (series.len() * ranges.len()).max(1) as f64
}

/// What `bundle` needs of each series, by series, then by range: those that its jobs run on and those
/// of other tickers that its strategy reads.
pub(crate) fn needs(bundle: &Bundle, stored: &[SeriesInfo]) -> Vec<SeriesNeed> {
    let mut series = bundle.series();
    let timeframes: BTreeSet<Timeframe> = series.iter().map(|id| id.timeframe).collect();
    for (_, ticker) in bundle.other_tickers() {
        let exchange = bundle.exchange().to_owned();
        series.extend(timeframes.iter().map(|timeframe| SeriesId {
            exchange: exchange.clone(),
            ticker: ticker.clone(),
            timeframe: *timeframe,
        }));
    }
    series.sort_unstable();
    series.dedup();
    let mut needs = Vec::new();
    for id in series {
        let info = serving(&id, stored);
        for range in bundle.ranges() {
            needs.push(need(&id, *range, info));
        }
    }
    needs
}

fn need(id: &SeriesId, range: TimeRange, info: Option<&SeriesInfo>) -> SeriesNeed {
    let needed = count(candles(range, id.timeframe, info));
    let missing = match info {
        None => needed,
        Some(info) => {
            let covered = TimeRange {
                start_ms: range.start_ms.max(info.first_ms),
                end_ms: range.end_ms.min(info.last_ms + info.id.timeframe.ms()),
            };
            needed.saturating_sub(count(candles(covered, id.timeframe, Some(info))))
        }
    };
    SeriesNeed {
        exchange: id.exchange.clone(),
        ticker: id.ticker.clone(),
        timeframe: id.timeframe,
        start: rfc3339(range.start_ms),
        end: rfc3339(range.end_ms),
        needed,
        missing,
        first: info.map(|info| rfc3339(info.first_ms)),
        last: info.map(|info| rfc3339(info.last_ms)),
    }
}

/// Luck lines of one date range.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LuckBody {
    /// Start of the range.
    #[schema(format = DateTime)]
    start: String,
    /// End of the range, exclusive.
    #[schema(format = DateTime)]
    end: String,
    /// N: jobs of the bundle over this range.
    variants: u64,
    /// Daily returns of one job.
    returns: usize,
    /// Days in a year of the calendar.
    periods_per_year: f64,
    /// Annual Sharpe ratio that the best of N variants without skill is expected to show.
    expected_best: f64,
    /// Annual Sharpe ratio that the best of N variants without skill stays below 95 times in 100.
    line95: f64,
}

/// The luck lines of each date range that has at least two days.
pub(crate) fn luck(facts: &Facts, stored: &[SeriesInfo]) -> Vec<LuckBody> {
    let bundle = &facts.bundle;
    let spec = bundle.jobs().next().and_then(|seq| bundle.job(seq));
    let overrides = spec.map(|spec| spec.overrides).unwrap_or_default();
    let series = bundle.series();
    let listed = || series.iter().find_map(|id| serving(id, stored));
    let calendar = overrides.calendar.or_else(|| listed().map(|info| info.calendar.clone()));
    let calendar = calendar.unwrap_or(Calendar::EveryDay);
    let periods_per_year =
        overrides.periods_per_year.unwrap_or_else(|| calendar.periods_per_year());
    let variants = u64::from(bundle.total()) / bundle.ranges().len().max(1) as u64;
    let bars = bundle.ranges().iter().filter_map(|range| {
        let days = (range.end_ms - range.start_ms) as f64 / DAY_MS as f64;
        let returns =
            count(days * calendar.periods_per_year() / Calendar::EveryDay.periods_per_year());
        let returns = usize::try_from(returns).unwrap_or(usize::MAX);
        let bar = stats::luck_bar(variants, returns, periods_per_year).ok()?;
        Some(LuckBody {
            start: rfc3339(range.start_ms),
            end: rfc3339(range.end_ms),
            variants,
            returns,
            periods_per_year,
            expected_best: bar.expected_best,
            line95: bar.line95,
        })
    });
    bars.collect()
}

/// A number of candles or days as a whole one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
pub(crate) fn count(candles: f64) -> u64 {
    candles.round().clamp(0.0, 1e15) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(timeframe: &str, first_ms: i64, last_ms: i64, count: u64) -> SeriesInfo {
        let timeframe = timeframe.parse().unwrap();
        let id = SeriesId { exchange: "x".into(), ticker: "T".into(), timeframe };
        let calendar = Calendar::EveryDay;
        SeriesInfo { id, calendar, instrument: None, first_ms, last_ms, count }
    }

    #[track_caller]
    fn check(range: (i64, i64), info: Option<&SeriesInfo>, expected: (u64, u64)) {
        let timeframe = "1h".parse().unwrap();
        let id = SeriesId { exchange: "x".into(), ticker: "T".into(), timeframe };
        let hour = 3_600_000;
        let range = TimeRange { start_ms: range.0 * hour, end_ms: range.1 * hour };
        let need = need(&id, range, info);
        assert_eq!((need.needed, need.missing), expected);
    }

    #[test]
    fn candles_outside_the_stored_ones_are_missing() {
        let whole = info("1h", 0, 99 * 3_600_000, 100);
        check((10, 20), Some(&whole), (10, 0));
        check((90, 120), Some(&whole), (30, 20));
        check((200, 210), Some(&whole), (10, 10));
        check((10, 20), None, (10, 10));
    }

    #[test]
    fn a_series_of_half_the_grid_needs_half_the_candles() {
        let sparse = info("15m", 0, 399 * 900_000, 200);
        check((0, 50), Some(&sparse), (25, 0));
    }

    #[test]
    fn the_largest_stored_timeframe_that_divides_serves() {
        let stored = [info("1m", 0, 0, 1), info("15m", 0, 0, 1), info("4h", 0, 0, 1)];
        let wanted = |timeframe: &str| SeriesId {
            exchange: "x".into(),
            ticker: "T".into(),
            timeframe: timeframe.parse().unwrap(),
        };
        let found = |timeframe| serving(&wanted(timeframe), &stored).map(|it| it.id.timeframe);
        assert_eq!(found("1h"), "15m".parse().ok());
        assert_eq!(found("5m"), "1m".parse().ok());
        assert_eq!(serving(&wanted("1h"), &[]), None);
    }
}
