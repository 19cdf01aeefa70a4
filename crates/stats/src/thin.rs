//! Fewer points for a chart, without losing its peaks and troughs.

use model::{Candle, CandleSlice, Candles};

/// At most `points` of the points (time, value), ascending in time, ends and extremes included.
///
/// The points are cut into equal buckets, each of which keeps its lowest and its highest value. All
/// are kept if they are no more than `points`, which is at least 4.
pub fn thin(times: &[i64], values: &[f64], points: usize) -> Vec<(i64, f64)> {
    let count = times.len().min(values.len());
    let point = |row: usize| (times[row], values[row]);
    let points = points.max(4);
    if count <= points {
        return (0..count).map(point).collect();
    }
    let (inner, buckets) = (count - 2, (points - 2) / 2);
    let mut kept = Vec::with_capacity(points);
    kept.push(point(0));
    for bucket in 0..buckets {
        let rows = 1 + bucket * inner / buckets..1 + (bucket + 1) * inner / buckets;
        let (mut low, mut high) = (rows.start, rows.start);
        for row in rows {
            if values[row] < values[low] {
                low = row;
            }
            if values[row] > values[high] {
                high = row;
            }
        }
        kept.push(point(low.min(high)));
        if low != high {
            kept.push(point(low.max(high)));
        }
    }
    kept.push(point(count - 1));
    kept
}

/// At most `points` candles that cover all of `candles`: each merges neighbours (first open, highest
/// high, lowest low, last close, summed volume) and carries the open time of its first one.
pub fn thin_candles(candles: CandleSlice<'_>, points: usize) -> Candles {
    let buckets = points.max(1).min(candles.len());
    let mut thinned = Candles::with_capacity(buckets);
    for bucket in 0..buckets {
        let start = bucket * candles.len() / buckets;
        let end = (bucket + 1) * candles.len() / buckets;
        let mut merged = candles.candle(start);
        for row in start + 1..end {
            let Candle { high, low, close, volume, .. } = candles.candle(row);
            merged.high = merged.high.max(high);
            merged.low = merged.low.min(low);
            merged.close = close;
            merged.volume += volume;
        }
        thinned.push(merged);
    }
    thinned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(count: usize) -> (Vec<i64>, Vec<f64>) {
        let times = (0..).take(count).collect();
        let values = (0..count).map(|row| (row * 7_919 % 1_009) as f64).collect();
        (times, values)
    }

    #[track_caller]
    fn check(count: usize, points: usize) {
        let (times, values) = wave(count);
        let found = thin(&times, &values, points);
        assert!(found.len() <= points.max(4) && found.len() >= count.min(points / 2));
        assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let ends = [found.first(), found.last()].map(|point| point.map(|point| point.0));
        assert_eq!(ends, [times.first().copied(), times.last().copied()]);
        let extremes = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)))
        };
        let kept = extremes(&mut found.iter().map(|point| point.1));
        assert_eq!(kept, extremes(&mut values.iter().copied()));
    }

    #[test]
    fn ends_and_extremes_survive() {
        for count in [0, 1, 4, 5, 99, 1_000, 5_003] {
            for points in [0, 4, 5, 100, 1_000] {
                check(count, points);
            }
        }
    }

    #[test]
    fn merged_candles_cover_the_same_prices() {
        let candles: Candles = (0..10_i64)
            .map(|row| Candle {
                open_time_ms: row,
                open: row as f64 + 1.0,
                high: row as f64 + 3.0,
                low: row as f64,
                close: row as f64 + 2.0,
                volume: 1.0,
            })
            .collect();
        let thinned = thin_candles(candles.as_slice(), 3);
        assert_eq!(thinned.open_time_ms, [0, 3, 6]);
        assert_eq!(thinned.open, [1.0, 4.0, 7.0]);
        assert_eq!(thinned.high, [5.0, 8.0, 12.0]);
        assert_eq!(thinned.low, [0.0, 3.0, 6.0]);
        assert_eq!(thinned.close, [4.0, 7.0, 11.0]);
        assert_eq!(thinned.volume, [3.0, 3.0, 4.0]);
        assert_eq!(thin_candles(candles.as_slice(), 50), candles);
        assert!(thin_candles(Candles::default().as_slice(), 5).is_empty());
    }
}
