//! Folds finer candles into a larger timeframe.
//!
//! A bucket exists if it holds at least one candle and ends at or before the source's last close,
//! so an unfinished bucket is never shown. Missing source candles leave no trace but the count of
//! partial buckets: nothing is filled in. Volumes are added oldest first, so equal input gives
//! equal bits. Not here: which timeframe to start from, and where the candles come from.

use crate::{Candle, CandleSlice, Candles, Timeframe};

/// Version of the folding rule: part of every key of resampled candles.
pub const RESAMPLER_VERSION: u32 = 1;

/// Candles of a larger timeframe, and how many of them had source candles missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resampled {
    /// The folded candles, ascending.
    pub candles: Candles,
    /// Folded candles that hold fewer source candles than fit into them.
    pub partial: u64,
}

/// Folds `source`, candles of `from`, into candles of `to`.
///
/// `source_end_ms` is the last close of the whole series (last open + its timeframe), also where
/// `source` is only a part of it: buckets that end later are left out.
///
/// # Panics
/// In debug builds, if `to` is no multiple of `from`.
pub fn resample(
    source: CandleSlice<'_>,
    from: Timeframe,
    to: Timeframe,
    source_end_ms: i64,
) -> Resampled {
    debug_assert!(to.is_multiple_of(from), "{to} is made of whole candles of {from}");
    let full = usize::from(to.minutes() / from.minutes());
    let mut resampled = Resampled::default();
    let mut row = 0;
    while row < source.len() {
        let bucket_ms = to.floor(source.open_time_ms[row]);
        let bucket_end_ms = bucket_ms + to.ms();
        let mut next = row + 1;
        while next < source.len() && source.open_time_ms[next] < bucket_end_ms {
            next += 1;
        }
        if bucket_end_ms > source_end_ms {
            break;
        }
        resampled.candles.push(fold(bucket_ms, source.rows(row..next)));
        resampled.partial += u64::from(next - row < full);
        row = next;
    }
    resampled
}

/// One candle of at least one: first open, extremes, last close, sum of volumes oldest first.
pub(crate) fn fold(open_time_ms: i64, rows: CandleSlice<'_>) -> Candle {
    let last = rows.len() - 1;
    Candle {
        open_time_ms,
        open: rows.open[0],
        high: rows.high.iter().copied().fold(f64::MIN, f64::max),
        low: rows.low.iter().copied().fold(f64::MAX, f64::min),
        close: rows.close[last],
        volume: rows.volume.iter().fold(0.0, |sum, volume| sum + volume),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MINUTE_MS;

    /// Minutes with candles, the close being the minute; `to` in minutes.
    #[track_caller]
    fn check(
        minutes: &[i64],
        to: u16,
        end_minute: i64,
        expected: &[(i64, f64, f64)],
        partial: u64,
    ) {
        let source: Candles = minutes.iter().map(|minute| candle(*minute)).collect();
        let to = Timeframe::from_minutes(to).unwrap();
        let end_ms = end_minute * MINUTE_MS;
        let got = resample(source.as_slice(), Timeframe::MINUTE, to, end_ms);
        let rows: Vec<_> = (0..got.candles.len())
            .map(|row| got.candles.as_slice().candle(row))
            .map(|c| (c.open_time_ms / MINUTE_MS, c.open, c.close))
            .collect();
        assert_eq!(rows, expected);
        assert_eq!(got.partial, partial);
    }

    fn candle(minute: i64) -> Candle {
        let price = minute as f64 + 1.0;
        Candle {
            open_time_ms: minute * MINUTE_MS,
            open: price,
            high: price + 0.5,
            low: price - 0.5,
            close: price,
            volume: 0.1,
        }
    }

    #[test]
    fn whole_buckets_are_folded() {
        check(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 5, 10, &[(0, 1.0, 5.0), (5, 6.0, 10.0)], 0);
    }

    #[test]
    fn a_bucket_that_ends_after_the_last_close_is_left_out() {
        check(&[0, 1, 2, 3, 4, 5, 6, 7, 8], 5, 9, &[(0, 1.0, 5.0)], 0);
    }

    #[test]
    fn a_bucket_with_missing_candles_exists_and_is_counted_as_partial() {
        check(&[1, 3, 11], 5, 15, &[(0, 2.0, 4.0), (10, 12.0, 12.0)], 2);
    }

    #[test]
    fn an_empty_bucket_does_not_exist() {
        check(&[], 5, 100, &[], 0);
    }

    #[test]
    fn extremes_and_volume_cover_the_whole_bucket() {
        let source: Candles = (0..5).map(candle).collect();
        let to = Timeframe::from_minutes(5).unwrap();
        let got = resample(source.as_slice(), Timeframe::MINUTE, to, 5 * MINUTE_MS);
        let folded = got.candles.as_slice().candle(0);
        assert_eq!((folded.high, folded.low), (5.5, 0.5));
        assert_eq!(folded.volume.to_bits(), (0.1 + 0.1 + 0.1 + 0.1 + 0.1_f64).to_bits());
    }

    #[test]
    fn folding_in_two_steps_gives_the_prices_of_one() {
        let source: Candles = (0..240).filter(|minute| minute % 7 != 0).map(candle).collect();
        let [five, hour] = [5, 60].map(|minutes| Timeframe::from_minutes(minutes).unwrap());
        let end_ms = 240 * MINUTE_MS;
        let fives = resample(source.as_slice(), Timeframe::MINUTE, five, end_ms).candles;
        let twice = resample(fives.as_slice(), five, hour, end_ms).candles;
        let once = resample(source.as_slice(), Timeframe::MINUTE, hour, end_ms).candles;
        assert_eq!(once.open_time_ms, twice.open_time_ms);
        assert_eq!(once.open, twice.open);
        assert_eq!(once.high, twice.high);
        assert_eq!(once.low, twice.low);
        assert_eq!(once.close, twice.close);
    }
}
