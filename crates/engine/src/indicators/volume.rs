//! Indicators of traded volume.

use model::{Calendar, CandleSlice};

use super::oscillator::typical;
use super::ratio;

/// On-balance volume of Granville as TA-Lib has it: starts with the volume of the first candle, adds
/// those that close higher, takes those that close lower. Depends on the row it starts at.
pub(crate) fn obv(candles: CandleSlice<'_>) -> Vec<f64> {
    let (mut balance, mut before) = (0.0, 0.0);
    let balances = candles.close.iter().zip(candles.volume).map(|(close, volume)| {
        if *close > before {
            balance += volume;
        } else if *close < before {
            balance -= volume;
        }
        before = *close;
        balance
    });
    balances.collect()
}

/// Mean of hlc3 weighted with volume since the calendar day began; null before any volume.
pub(crate) fn vwap(candles: CandleSlice<'_>, calendar: &Calendar) -> Vec<f64> {
    let (mut day, mut traded, mut total) = (None, 0.0, 0.0);
    let rows = typical(candles).into_iter().zip(candles.volume).zip(candles.open_time_ms);
    let averages = rows.map(|((price, volume), time_ms)| {
        let today = calendar.day_of(*time_ms);
        if day != Some(today) {
            (day, traded, total) = (Some(today), 0.0, 0.0);
        }
        traded += price * volume;
        total += volume;
        ratio(traded, total)
    });
    averages.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::tests::candles;

    #[track_caller]
    fn check(actual: &[f64], expected: &[f64]) {
        assert_eq!(format!("{actual:?}"), format!("{expected:?}"));
    }

    #[test]
    fn volume_is_added_on_a_rise_and_taken_on_a_fall() {
        let mut candles = candles("1 1 1 1 | 2 2 2 2 | 2 2 2 2 | 1 1 1 1");
        candles.volume = vec![5.0, 3.0, 2.0, 4.0];
        check(&obv(candles.as_slice()), &[5.0, 8.0, 8.0, 4.0]);
    }

    #[test]
    fn the_average_starts_again_with_each_day() {
        let mut candles = candles("1 1 1 1 | 2 2 2 2 | 4 4 4 4 | 6 6 6 6");
        candles.volume = vec![0.0, 3.0, 1.0, 4.0];
        candles.open_time_ms[3] = model::DAY_MS;
        check(&vwap(candles.as_slice(), &Calendar::EveryDay), &[f64::NAN, 2.0, 2.5, 6.0]);
    }
}
