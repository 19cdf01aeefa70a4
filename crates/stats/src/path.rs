//! The candles of one range, with the extremes of any stretch of them at hand.
//!
//! Extremes of each 8 and each 64 candles, and of what leads to and from their borders, give those of
//! any stretch by a few look-ups. They let a pass over a held position skip candles that can set
//! neither a new peak nor a new trough. Skipping gives the same bytes as looking at each candle: x -> cash + quantity * x is
//! monotone in floating point too, and a close lies between low and high.

use std::ops::Range;

use model::{CandleSlice, OpenTimes, Timeframe};

/// Candles of the smallest blocks, and smallest blocks of a large one.
pub(crate) const EIGHT: usize = 8;
/// Candles of a large block.
pub(crate) const BLOCK: usize = EIGHT * EIGHT;

/// Candles of the range of a backtest, oldest first, and optionally the extremes of its blocks.
///
/// One serves every variant on the same series and range.
#[derive(Clone, Debug)]
pub struct PricePath<'a> {
    candles: CandleSlice<'a>,
    timeframe: Timeframe,
    times: OpenTimes<'a>,
    blocks: Option<Blocks>,
}

/// Lowest and highest of some candles, in quote.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extremes {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Extremes {
    /// Of no candles.
    pub(crate) const NONE: Extremes = Extremes { low: f64::INFINITY, high: f64::NEG_INFINITY };

    /// The extremes of both.
    #[inline]
    pub(crate) fn with(self, other: Extremes) -> Extremes {
        Extremes {
            low: if other.low < self.low { other.low } else { self.low },
            high: if other.high > self.high { other.high } else { self.high },
        }
    }

    fn of(all: &[Extremes]) -> Extremes {
        all.iter().fold(Extremes::NONE, |extremes, other| extremes.with(*other))
    }
}

#[derive(Clone, Debug)]
struct Blocks {
    /// Of the candles.
    ranges: Levels,
    /// Of their closes.
    closes: Levels,
}

/// Extremes of each [`EIGHT`] rows and of each [`BLOCK`] rows, and what leads to and from there.
#[derive(Clone, Debug)]
struct Levels {
    rows: Scans,
    eights: Scans,
    larger: Vec<Extremes>,
}

impl Levels {
    fn of(lows: &[f64], highs: &[f64]) -> Levels {
        let candles = lows.iter().zip(highs);
        let candles = candles.map(|(low, high)| Extremes { low: *low, high: *high });
        let rows = Scans::of(candles.collect());
        let eights = Scans::of(rows.blocks().collect());
        let larger = eights.blocks().collect();
        Levels { rows, eights, larger }
    }

    /// Extremes of `rows` if they lie in more than one of the smallest blocks or are one of the
    /// blocks.
    #[inline]
    fn over(&self, rows: &Range<usize>) -> Option<Extremes> {
        let last = rows.end.checked_sub(1)?;
        let (first_eight, last_eight) = (rows.start / EIGHT, last / EIGHT);
        if first_eight >= last_eight {
            let block = self.rows.to.get(last).filter(|_| rows.len() == EIGHT);
            return block.copied();
        }
        if rows.len() == BLOCK && rows.start.is_multiple_of(BLOCK) {
            return self.larger.get(rows.start / BLOCK).copied();
        }
        let ends = self.rows.from[rows.start].with(self.rows.to[last]);
        if first_eight + 1 == last_eight {
            return Some(ends);
        }
        let (first, last) = (first_eight + 1, last_eight - 1);
        let (first_block, last_block) = (first / EIGHT, last / EIGHT);
        if first_block == last_block {
            return Some(ends.with(Extremes::of(&self.eights.each[first..=last])));
        }
        let ends = ends.with(self.eights.from[first]).with(self.eights.to[last]);
        Some(ends.with(Extremes::of(&self.larger[first_block + 1..last_block])))
    }
}

/// For each of a list the extremes from it to the end of its [`EIGHT`], and from their start to it.
#[derive(Clone, Debug)]
struct Scans {
    each: Vec<Extremes>,
    from: Vec<Extremes>,
    to: Vec<Extremes>,
}

impl Scans {
    fn of(each: Vec<Extremes>) -> Scans {
        let (mut from, mut to) = (each.clone(), each.clone());
        for eight in from.chunks_mut(EIGHT) {
            for at in (1..eight.len()).rev() {
                eight[at - 1] = eight[at - 1].with(eight[at]);
            }
        }
        for eight in to.chunks_mut(EIGHT) {
            for at in 1..eight.len() {
                eight[at] = eight[at].with(eight[at - 1]);
            }
        }
        Scans { each, from, to }
    }

    /// Extremes of each [`EIGHT`].
    fn blocks(&self) -> impl Iterator<Item = Extremes> {
        self.from.iter().step_by(EIGHT).copied()
    }
}

impl<'a> PricePath<'a> {
    /// A path that finds extremes as it goes: best for a single backtest.
    pub fn new(candles: CandleSlice<'a>, timeframe: Timeframe) -> PricePath<'a> {
        let times = OpenTimes::new(candles.open_time_ms, timeframe);
        PricePath { candles, timeframe, times, blocks: None }
    }

    /// A path with the extremes of every block: best for many variants. Reads all candles once.
    pub fn with_blocks(candles: CandleSlice<'a>, timeframe: Timeframe) -> PricePath<'a> {
        let blocks = Blocks {
            ranges: Levels::of(candles.low, candles.high),
            closes: Levels::of(candles.close, candles.close),
        };
        let times = OpenTimes::new(candles.open_time_ms, timeframe);
        PricePath { candles, timeframe, times, blocks: Some(blocks) }
    }

    /// The candles of the range.
    pub fn candles(&self) -> CandleSlice<'a> {
        self.candles
    }

    /// Length of each candle.
    pub fn timeframe(&self) -> Timeframe {
        self.timeframe
    }

    /// Extremes of the closes of `rows`.
    #[inline]
    pub(crate) fn closes(&self, rows: Range<usize>) -> Extremes {
        let known = self.blocks.as_ref().and_then(|blocks| blocks.closes.over(&rows));
        known.unwrap_or_else(|| extremes(self.candles.close, self.candles.close, rows))
    }

    /// Lowest low and highest high of `rows`.
    #[inline]
    pub(crate) fn ranges(&self, rows: Range<usize>) -> Extremes {
        let known = self.blocks.as_ref().and_then(|blocks| blocks.ranges.over(&rows));
        known.unwrap_or_else(|| extremes(self.candles.low, self.candles.high, rows))
    }

    /// Open times of the candles.
    pub(crate) fn times(&self) -> OpenTimes<'a> {
        self.times
    }
}

/// The rows of `rows` cut at multiples of `size`, ascending.
pub(crate) fn pieces(rows: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let mut next = rows.start;
    std::iter::from_fn(move || {
        let piece = next..rows.end.min((next / size + 1) * size);
        next = piece.end;
        (piece.start < rows.end).then_some(piece)
    })
}

fn extremes(lows: &[f64], highs: &[f64], rows: Range<usize>) -> Extremes {
    Extremes { low: lowest(&lows[rows.clone()]), high: highest(&highs[rows]) }
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
        let found: Vec<_> = pieces(60..200, BLOCK).collect();
        assert_eq!(found, [60..64, 64..128, 128..192, 192..200]);
        assert_eq!(pieces(5..5, EIGHT).count(), 0);
    }

    #[test]
    fn blocks_have_the_extremes_of_their_rows() {
        let mut candles = model::Candles::default();
        for row in 0..300_i64 {
            let price = (row * 7_919 % 1_009) as f64 + 10.0;
            candles.push(model::Candle {
                open_time_ms: row * 60_000,
                open: price,
                high: price + 2.0,
                low: price - 3.0,
                close: price,
                volume: 0.0,
            });
        }
        let plain = PricePath::new(candles.as_slice(), Timeframe::MINUTE);
        let blocks = PricePath::with_blocks(candles.as_slice(), Timeframe::MINUTE);
        for start in 0..300 {
            for end in start..=300 {
                assert_eq!(blocks.ranges(start..end), plain.ranges(start..end), "{start}..{end}");
            }
        }
        assert_eq!((plain.times().row_at(3, 60_000 * 7 + 1), plain.times().row_at(9, 0)), (7, 9));
        assert_eq!((plain.times().row_at(0, -1), plain.times().row_at(0, i64::MAX)), (0, 299));
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
