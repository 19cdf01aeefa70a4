//! How far and how long equity was below its running peak, over all closes of a range.
//!
//! Most candles need no look: where the extremes of many stay below the peak and above the deepest
//! fall so far, they only count as under water. The rest is done a few rows at a time, without
//! branches on what each of them is.

use std::ops::Range;

use crate::path::{BLOCK, EIGHT, Extremes, PricePath, pieces};

/// Equity within this share of its peak is at the peak: the rest is rounding of fills and closes.
const AT_THE_PEAK: f64 = 1.0 - 1e-12;
/// Share of a level within which rounding may carry a product.
const ROUNDING: f64 = 1e-12;

/// What happened below the peak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Depths {
    /// Closes below the running peak.
    pub(crate) under_water: usize,
    /// Deepest fall, as a fraction, <= 0.
    pub(crate) max_drawdown: f64,
    /// Longest time from a peak to the close that reaches it again, or to the end, ms.
    pub(crate) longest_ms: i64,
}

/// The running peak of equity, and what happened below it.
///
/// Takes all rows once, in order.
pub(crate) struct WaterLine<'p, 'a> {
    path: &'p PricePath<'a>,
    peak: f64,
    /// Equity below this is under water.
    shore: f64,
    /// Equity at or above this is no deeper fall than the deepest one so far.
    floor: f64,
    /// Rows done when the peak was last touched; 0 is the start.
    peak_rows: usize,
    under_water: usize,
    /// Least equity / peak of all closes under water; 1 if there are none.
    lowest: f64,
    longest_ms: i64,
}

impl<'p, 'a> WaterLine<'p, 'a> {
    /// Starts at `initial`, > 0, before the first row of `path`.
    pub(crate) fn new(initial: f64, path: &'p PricePath<'a>) -> WaterLine<'p, 'a> {
        let mut water = WaterLine {
            path,
            peak: initial,
            shore: 0.0,
            floor: 0.0,
            peak_rows: 0,
            under_water: 0,
            lowest: 1.0,
            longest_ms: 0,
        };
        water.mark_levels();
        water
    }

    /// The next `rows`, all at `equity`.
    pub(crate) fn constant(&mut self, equity: f64, rows: Range<usize>) {
        if equity < self.shore {
            self.submerged(equity, rows.len());
            return;
        }
        self.surface(rows.start);
        self.peak_rows = rows.end;
        // A peak never falls, or rounding could carry it down step by step.
        if equity > self.peak {
            self.peak = equity;
            self.mark_levels();
        }
    }

    /// The next `rows`, of these `extremes`, with a position held at `equity` of the price.
    pub(crate) fn held(
        &mut self,
        equity: impl Fn(f64) -> f64 + Copy,
        extremes: Extremes,
        rows: Range<usize>,
    ) {
        let span = |extremes: Extremes| {
            let (a, b) = (equity(extremes.low), equity(extremes.high));
            if a < b { (a, b) } else { (b, a) }
        };
        let (low, high) = span(extremes);
        if high < self.shore && low >= self.floor {
            self.under_water += rows.len();
            return;
        }
        let (low, high) = span(self.path.closes(rows.clone()));
        if high < self.shore {
            self.submerged(low, rows.len());
            return;
        }
        for rows in pieces(rows, BLOCK) {
            let (low, high) = span(self.path.closes(rows.clone()));
            if high < self.shore {
                self.submerged(low, rows.len());
                continue;
            }
            for rows in pieces(rows, EIGHT) {
                let (low, high) = span(self.path.closes(rows.clone()));
                if high < self.shore {
                    self.submerged(low, rows.len());
                } else {
                    self.few(equity, rows);
                }
            }
        }
    }

    /// Ends the range.
    pub(crate) fn end(mut self) -> Depths {
        let rows = self.path.candles().len();
        if rows > self.peak_rows {
            self.lasted_to(rows);
        }
        Depths {
            under_water: self.under_water,
            max_drawdown: self.lowest - 1.0,
            longest_ms: self.longest_ms,
        }
    }

    /// `count` next rows that all stay below the shore, the lowest at `low`.
    fn submerged(&mut self, low: f64, count: usize) {
        self.under_water += count;
        if low < self.floor {
            self.deepen(low / self.peak);
        }
    }

    /// The next `rows`, no more than [`EIGHT`], which may touch the peak.
    fn few(&mut self, equity: impl Fn(f64) -> f64, rows: Range<usize>) {
        let closes = &self.path.candles().close[rows.clone()];
        // What is beyond the rows is neither high nor low.
        let beyond = |row| closes.get(row).copied().unwrap_or(f64::NAN);
        let closes = closes.try_into().unwrap_or_else(|_| std::array::from_fn(beyond));
        let marks: [f64; EIGHT] = closes.map(equity);
        let (mut peak, mut low, mut above) = (self.peak, f64::INFINITY, 0_u32);
        for (row, mark) in marks.iter().enumerate() {
            peak = if *mark > peak { *mark } else { peak };
            low = if *mark < low { *mark } else { low };
            above |= u32::from(*mark >= peak * AT_THE_PEAK) << row;
        }
        self.under_water += rows.len() - above.count_ones() as usize;
        if peak > self.peak {
            let before = std::mem::replace(&mut self.peak, peak);
            self.mark_levels();
            if low < self.floor {
                self.deepen_by(before, &marks[..rows.len()]);
            }
        } else if low < self.floor && low < self.shore {
            self.deepen(low / peak);
        }
        self.surfaces(above, rows.start);
    }

    /// The rows from `first` on of which each bit of `above` says that it is at the peak.
    fn surfaces(&mut self, above: u32, first: usize) {
        if above == 0 {
            return;
        }
        let start = first + above.trailing_zeros() as usize;
        let end = first + above.ilog2() as usize + 1;
        self.surface(start);
        let times = self.path.times();
        // No drawdown among these rows lasted longer than all of them.
        if times.end_ms(end) - times.end_ms(start) > self.longest_ms {
            for row in start..end {
                if above >> (row - first) & 1 == 1 {
                    self.surface(row);
                    self.peak_rows = row + 1;
                }
            }
        }
        self.peak_rows = end;
    }

    /// Looks at `marks` one by one for a deeper fall; the peak before them was `peak`.
    fn deepen_by(&mut self, mut peak: f64, marks: &[f64]) {
        for mark in marks {
            peak = if *mark > peak { *mark } else { peak };
            if *mark < peak * AT_THE_PEAK {
                self.deepen(mark / peak);
            }
        }
    }

    /// Equity was at this `share` of its peak.
    fn deepen(&mut self, share: f64) {
        if share < self.lowest {
            self.lowest = share;
            self.mark_levels();
        }
    }

    fn mark_levels(&mut self) {
        self.shore = self.peak * AT_THE_PEAK;
        let deepest = self.peak * self.lowest;
        self.floor = deepest + deepest.abs() * ROUNDING;
    }

    /// Equity is at its peak in `row`: ends the drawdown, if there is one.
    fn surface(&mut self, row: usize) {
        if row > self.peak_rows {
            self.lasted_to(row + 1);
        }
    }

    /// The drawdown that is going on lasted to the close of the last of `rows` rows.
    fn lasted_to(&mut self, rows: usize) {
        let times = self.path.times();
        let lasted_ms = times.end_ms(rows) - times.end_ms(self.peak_rows);
        self.longest_ms = self.longest_ms.max(lasted_ms);
    }
}

#[cfg(test)]
mod tests {
    use model::{Candle, Candles};

    use super::*;

    #[test]
    fn a_rounding_error_below_the_peak_is_not_under_water() {
        let candle = |row: i64| Candle {
            open_time_ms: row * 60_000,
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 0.0,
        };
        let candles: Candles = (0..6).map(candle).collect();
        let path = PricePath::new(candles.as_slice(), model::Timeframe::MINUTE);
        let mut water = WaterLine::new(10_000.0, &path);
        water.constant(10_000.0_f64.next_down(), 0..4);
        assert_eq!((water.under_water, water.peak), (0, 10_000.0));
        water.constant(9_999.0, 4..6);
        assert_eq!((water.under_water, water.end().longest_ms), (2, 120_000));
    }
}
