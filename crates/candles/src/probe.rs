//! Count, sums and extremes of candles: cheap to compare, on both sides.
//!
//! Equal probes do not prove equal candles; different ones prove different candles. It is what
//! tells of corrections that others make in a store without revisions.

use std::fmt;

use model::CandleSlice;

/// Sums over equal candles may differ by this share: servers may add in another order.
const TOLERANCE: f64 = 1e-12;

/// What a store can tell of candles without sending them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Probe {
    /// Candles.
    pub count: u64,
    /// Sums of open, high, low, close and volume.
    pub sums: [f64; 5],
    /// The highest high; 0 without candles.
    pub highest: f64,
    /// The lowest low; 0 without candles.
    pub lowest: f64,
}

impl Probe {
    /// The probe of `candles`.
    pub fn of(candles: CandleSlice<'_>) -> Probe {
        let extreme = |column: &[f64], better: fn(f64, f64) -> f64| {
            column.iter().copied().reduce(better).unwrap_or(0.0)
        };
        // An explicit 0: the sum of no floats is -0.
        let sum = |column: &[f64]| column.iter().fold(0.0, |sum, value| sum + value);
        let columns = [candles.open, candles.high, candles.low, candles.close, candles.volume];
        Probe {
            count: candles.len() as u64,
            sums: columns.map(sum),
            highest: extreme(candles.high, f64::max),
            lowest: extreme(candles.low, f64::min),
        }
    }

    /// Whether both may be of the same candles.
    pub fn agrees(&self, other: &Probe) -> bool {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
        self.count == other.count
            && self.highest.to_bits() == other.highest.to_bits()
            && self.lowest.to_bits() == other.lowest.to_bits()
            && self.sums.iter().zip(&other.sums).all(near)
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, _, _, close, volume] = self.sums;
        write!(f, "{} candles, closes {close}, volumes {volume}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use model::{Candle, Candles};

    use super::*;

    fn candles(change: impl Fn(usize, &mut Candle)) -> Candles {
        (0..1_000_u16)
            .map(|row| {
                let close = 100.1 + f64::from(row) / 7.0;
                let mut candle = Candle {
                    open_time_ms: i64::from(row) * 60_000,
                    open: close,
                    high: close + 1.3,
                    low: close - 1.7,
                    close,
                    volume: close / 3.0,
                };
                change(row.into(), &mut candle);
                candle
            })
            .collect()
    }

    #[test]
    fn any_change_that_matters_is_seen_and_another_order_of_adding_is_not() {
        let original = Probe::of(candles(|_, _| ()).as_slice());
        assert!(original.agrees(&original));
        let mut other = original;
        other.sums[3] *= 1.0 + 1e-14;
        assert!(original.agrees(&other));
        let changes: [fn(&mut Candle); 4] = [
            |candle| candle.close += 1e-5,
            |candle| candle.volume = 0.0,
            |candle| candle.high += 1_000.0,
            |candle| candle.low = 0.5,
        ];
        for change in changes {
            let changed = candles(|row, candle| {
                if row == 500 {
                    change(candle);
                }
            });
            assert!(!original.agrees(&Probe::of(changed.as_slice())));
        }
        let none = Probe::of(Candles::default().as_slice());
        assert!(none.agrees(&Probe::default()) && !none.agrees(&original));
    }
}
