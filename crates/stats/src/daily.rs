//! Daily returns of equity and of buy and hold, and what they add up to by month and year.

use jiff::civil::Date;
use serde::Serialize;

use model::{Calendar, CandleSlice, DailyMark};

/// Return of equity over one calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MonthlyReturn {
    /// Year of the month.
    pub year: i16,
    /// Month, 1 to 12.
    pub month: i8,
    /// Equity at its last mark / equity at the last mark before it - 1, as a fraction.
    #[serde(rename = "return")]
    pub value: f64,
}

/// Return of equity over one calendar year.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct YearlyReturn {
    /// The year.
    pub year: i16,
    /// Equity at its last mark / equity at the last mark before it - 1, as a fraction.
    #[serde(rename = "return")]
    pub value: f64,
}

/// Return of each day, `E_t / E_(t-1) - 1` as a fraction, the first relative to `initial` cash.
///
/// A day that ends at or below zero returns -1, and every later day 0: nothing is left to move.
pub fn daily_returns(initial: f64, marks: &[DailyMark]) -> Vec<f64> {
    let mut before = initial;
    marks.iter().map(|mark| step(&mut before, mark.equity)).collect()
}

/// Daily returns of buy and hold on the days of `marks`: bought at the first open of `candles`,
/// marked at the last close of each day; 0 on days without candles.
///
/// `candles` are those of the range, `calendar` is the one the marks were made with. Serves every
/// variant on the same series and range; a look-up in the calendar per day and a few more.
pub fn benchmark_returns(
    candles: CandleSlice<'_>,
    marks: &[DailyMark],
    calendar: &Calendar,
) -> Vec<f64> {
    let mut before = candles.open.first().copied().unwrap_or(0.0);
    let (mut row, mut rows) = (0, 0);
    marks
        .iter()
        .map(|mark| {
            rows = calendar.rows_to(&candles.open_time_ms[row..], mark.day_ms, rows);
            row += rows;
            if rows == 0 { 0.0 } else { step(&mut before, candles.close[row - 1]) }
        })
        .collect()
}

/// Returns by calendar month, ascending; months without a mark are absent.
pub fn monthly_returns(initial: f64, marks: &[DailyMark]) -> Vec<MonthlyReturn> {
    by_period(initial, marks, |date| (date.year(), date.month()))
        .into_iter()
        .map(|((year, month), value)| MonthlyReturn { year, month, value })
        .collect()
}

/// Returns by calendar year, ascending; years without a mark are absent.
pub fn yearly_returns(initial: f64, marks: &[DailyMark]) -> Vec<YearlyReturn> {
    by_period(initial, marks, Date::year)
        .into_iter()
        .map(|(year, value)| YearlyReturn { year, value })
        .collect()
}

fn step(before: &mut f64, now: f64) -> f64 {
    let value = if *before <= 0.0 {
        0.0
    } else if now <= 0.0 {
        -1.0
    } else {
        now / *before - 1.0
    };
    *before = now;
    value
}

fn by_period<K: PartialEq>(
    initial: f64,
    marks: &[DailyMark],
    period: impl Fn(Date) -> K,
) -> Vec<(K, f64)> {
    let mut before = initial;
    let mut periods = Vec::new();
    for days in marks.chunk_by(|a, b| period(date(a)) == period(date(b))) {
        let last = &days[days.len() - 1];
        periods.push((period(date(last)), step(&mut before, last.equity)));
    }
    periods
}

fn date(mark: &DailyMark) -> Date {
    let days = i32::try_from(mark.day_ms.div_euclid(model::DAY_MS)).unwrap_or(i32::MAX);
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.saturating_add(jiff::Span::new().try_days(days).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use model::{Candle, Candles, DAY_MS};

    use super::*;

    fn marks(equity: &[f64]) -> Vec<DailyMark> {
        let mark = |(day, equity): (i64, &f64)| DailyMark { day_ms: day * DAY_MS, equity: *equity };
        (15..).zip(equity).map(mark).collect()
    }

    #[track_caller]
    fn check(equity: &[f64], expected: &[f64]) {
        assert_eq!(daily_returns(100.0, &marks(equity)), expected);
    }

    #[test]
    fn the_first_day_is_relative_to_starting_cash() {
        check(&[150.0, 75.0, 75.0], &[0.5, -0.5, 0.0]);
        check(&[], &[]);
    }

    #[test]
    fn after_ruin_nothing_moves() {
        check(&[50.0, 0.0, 0.0, 0.0], &[-0.5, -1.0, 0.0, 0.0]);
        check(&[-1.0, -2.0], &[-1.0, 0.0]);
    }

    #[test]
    fn months_and_years_chain_to_the_total() {
        let mut equity = vec![110.0; 400];
        equity[399] = 220.0;
        let marks = marks(&equity);
        let months = monthly_returns(100.0, &marks);
        assert_eq!(months.len(), 14);
        assert_eq!((months[0].year, months[0].month), (1970, 1));
        assert_eq!((months[13].year, months[13].month), (1971, 2));
        assert_eq!((months[13].value, months[5].value), (1.0, 0.0));
        let years = yearly_returns(100.0, &marks);
        assert_eq!((years.len(), years[1].year, years[1].value), (2, 1971, 1.0));
        let total = years.iter().fold(1.0, |total, year| total * (1.0 + year.value));
        assert!((total - 2.2).abs() < 1e-12);
        assert!(monthly_returns(100.0, &[]).is_empty() && yearly_returns(100.0, &[]).is_empty());
    }

    #[test]
    fn buy_and_hold_starts_at_the_first_open_and_rests_on_days_without_candles() {
        let closes = [(15 * 24, 8.0), (15 * 24 + 5, 12.0), (17 * 24, 6.0), (17 * 24 + 1, 3.0)];
        let candles: Candles = closes
            .iter()
            .map(|(hour, close)| Candle {
                open_time_ms: hour * 3_600_000,
                open: 10.0,
                high: 12.0,
                low: 1.0,
                close: *close,
                volume: 0.0,
            })
            .collect();
        let marks = marks(&[1.0, 1.0, 1.0, 1.0]);
        let found = benchmark_returns(candles.as_slice(), &marks, &Calendar::EveryDay);
        assert_eq!(found.len(), 4);
        for (found, expected) in found.iter().zip([0.2, 0.0, -0.75, 0.0]) {
            assert!((found - expected).abs() < 1e-12);
        }
        let none = benchmark_returns(Candles::default().as_slice(), &marks, &Calendar::EveryDay);
        assert_eq!(none, [0.0; 4]);
    }
}
