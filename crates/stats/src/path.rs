//! The candles of one range, with the extremes of each 64 of them.
//!
//! Extremes let a pass over a held position skip candles that can set neither a new peak nor a new
//! trough. Skipping gives the same bytes as looking at each candle: x -> cash + quantity * x is
//! monotone in floating point too.

use std::ops::Range;

use model::{CandleSlice, Timeframe};

/// Candles in a block.
const BLOCK: usize = 64;

/// Candles of the range of a backtest, oldest first, and optionally the extremes of its blocks.
///
/// One serves every variant on the same series and range.
#[derive(Clone, Debug)]
pub struct PricePath<'a> {
    candles: CandleSlice<'a>,
    timeframe: Timeframe,
    blocks: Option<Blocks>,
}

/// Lowest and highest of one or more candles, in quote.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extremes {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

#[derive(Clone, Debug)]
struct Blocks {
    closes: Vec<Extremes>,
    ranges: Vec<Extremes>,
}

impl<'a> PricePath<'a> {
    /// A path that finds extremes as it goes: best for a single backtest.
    pub fn new(candles: CandleSlice<'a>, timeframe: Timeframe) -> PricePath<'a> {
        PricePath { candles, timeframe, blocks: None }
    }

    /// A path with the extremes of every block: best for many variants. Reads all candles once.
    pub fn with_blocks(candles: CandleSlice<'a>, timeframe: Timeframe) -> PricePath<'a> {
        let starts = (0..candles.len()).step_by(BLOCK);
        let rows = starts.map(|start| start..(start + BLOCK).min(candles.len()));
        let blocks = Blocks {
            closes: rows.clone().map(|rows| closes(candles, rows)).collect(),
            ranges: rows.map(|rows| ranges(candles, rows)).collect(),
        };
        PricePath { candles, timeframe, blocks: Some(blocks) }
    }

    /// The candles of the range.
    pub fn candles(&self) -> CandleSlice<'a> {
        self.candles
    }

    /// Length of each candle.
    pub fn timeframe(&self) -> Timeframe {
        self.timeframe
    }

    /// The rows of `rows` cut at block borders: ascending, each within one block.
    pub(crate) fn pieces(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let mut next = rows.start;
        std::iter::from_fn(move || {
            let piece = next..rows.end.min((next / BLOCK + 1) * BLOCK);
            next = piece.end;
            (piece.start < rows.end).then_some(piece)
        })
    }

    /// Extremes of the closes of `rows`, a non-empty piece.
    pub(crate) fn closes(&self, rows: Range<usize>) -> Extremes {
        match &self.blocks {
            Some(blocks) if self.whole(&rows) => blocks.closes[rows.start / BLOCK],
            _ => closes(self.candles, rows),
        }
    }

    /// Lowest low and highest high of `rows`, a non-empty piece.
    pub(crate) fn ranges(&self, rows: Range<usize>) -> Extremes {
        match &self.blocks {
            Some(blocks) if self.whole(&rows) => blocks.ranges[rows.start / BLOCK],
            _ => ranges(self.candles, rows),
        }
    }

    fn whole(&self, rows: &Range<usize>) -> bool {
        rows.start.is_multiple_of(BLOCK) && (rows.len() == BLOCK || rows.end == self.candles.len())
    }
}

/// Row of the last candle that opens at or before `time_ms`, at least `from`.
///
/// First looks where it is when no candle is missing, then near `from`: a miss costs the logarithm
/// of the distance.
pub(crate) fn row_at(times: &[i64], from: usize, time_ms: i64) -> usize {
    if let [first, second, ..] = times[from.min(times.len())..] {
        let guess =
            from + usize::try_from((time_ms - first) / (second - first).max(1)).unwrap_or(0);
        if times.get(guess) == Some(&time_ms) {
            return guess;
        }
    }
    let mut step = 1;
    let mut low = from;
    while low + step < times.len() && times[low + step] <= time_ms {
        low += step;
        step *= 2;
    }
    let high = times.len().min(low + step);
    low + times[low..high].partition_point(|time| *time <= time_ms).saturating_sub(1)
}

fn closes(candles: CandleSlice<'_>, rows: Range<usize>) -> Extremes {
    let closes = &candles.close[rows];
    Extremes { low: lowest(closes), high: highest(closes) }
}

fn ranges(candles: CandleSlice<'_>, rows: Range<usize>) -> Extremes {
    Extremes { low: lowest(&candles.low[rows.clone()]), high: highest(&candles.high[rows]) }
}

/// Independent lanes, so that the processor compares several values at a time.
const LANES: usize = 8;

fn lowest(values: &[f64]) -> f64 {
    fold_lanes(values, f64::INFINITY, |a, b| if b < a { b } else { a })
}

fn highest(values: &[f64]) -> f64 {
    fold_lanes(values, f64::NEG_INFINITY, |a, b| if b > a { b } else { a })
}

fn fold_lanes(values: &[f64], start: f64, pick: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [start; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = pick(*lane, *value);
        }
    }
    rest.iter().chain(&lanes).fold(start, |best, value| pick(best, *value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_at_block_borders() {
        let pieces: Vec<_> = PricePath::pieces(60..200).collect();
        assert_eq!(pieces, [60..64, 64..128, 128..192, 192..200]);
        assert_eq!(PricePath::pieces(5..5).count(), 0);
    }

    #[test]
    fn the_row_of_a_time_is_that_of_the_last_open_before_it() {
        let times: Vec<i64> = (0..500).map(|row| row * 10 + i64::from(row > 250) * 1_000).collect();
        for (from, first_ms) in [(0, 0), (3, 30), (249, 2_490)] {
            for time in (first_ms..7_000).step_by(7) {
                let expected = times.partition_point(|open| *open <= time) - 1;
                assert_eq!(row_at(&times, from, time), expected);
            }
        }
        assert_eq!(row_at(&times, 0, -5), 0);
        assert_eq!(row_at(&[], 0, 5), 0);
    }

    #[test]
    fn lanes_find_the_extremes_wherever_they_are() {
        for len in 1..40_usize {
            for place in 0..len {
                let mut values = vec![0.0; len];
                values[place] = -1.0;
                assert_eq!(lowest(&values).to_bits(), (-1.0_f64).to_bits());
                values[place] = 1.0;
                assert_eq!(highest(&values).to_bits(), 1.0_f64.to_bits());
            }
        }
    }
}
