//! The candles of one range, with the extremes of any stretch of them at hand.
//!
//! Extremes of each 8 and each 64 candles, and the few rows at both ends, give those of any stretch.
//! They let a pass over a held position skip candles that can set
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
        Extremes { low: less(self.low, other.low), high: greater(self.high, other.high) }
    }
}

#[derive(Clone, Debug)]
struct Blocks {
    /// Of the candles.
    ranges: Levels,
    /// Of their closes.
    closes: Levels,
}

/// Extremes of each [`EIGHT`] rows and of each [`BLOCK`] rows, in columns.
#[derive(Clone, Debug)]
struct Levels {
    eight_lows: Vec<f64>,
    eight_highs: Vec<f64>,
    larger: Vec<Extremes>,
}

impl Levels {
    fn of(lows: &[f64], highs: &[f64]) -> Levels {
        let eight_lows: Vec<f64> = lows.chunks(EIGHT).map(lowest).collect();
        let eight_highs: Vec<f64> = highs.chunks(EIGHT).map(highest).collect();
        let larger = eight_lows.chunks(EIGHT).zip(eight_highs.chunks(EIGHT));
        let larger =
            larger.map(|(lows, highs)| Extremes { low: lowest(lows), high: highest(highs) });
        Levels { larger: larger.collect(), eight_lows, eight_highs }
    }

    /// Extremes of `rows` of the same columns; `None` where looking at each is as well.
    #[inline]
    fn over(&self, lows: &[f64], highs: &[f64], rows: &Range<usize>) -> Option<Extremes> {
        let (eight_lows, eight_highs) = (&self.eight_lows[..], &self.eight_highs[..]);
        let eights = rows.start / EIGHT..rows.end.div_ceil(EIGHT);
        if rows.start.is_multiple_of(EIGHT) && rows.len() == EIGHT {
            let (low, high) = (eight_lows[eights.start], eight_highs[eights.start]);
            return Some(Extremes { low, high });
        }
        if rows.start.is_multiple_of(BLOCK) && rows.len() == BLOCK {
            return self.larger.get(rows.start / BLOCK).copied();
        }
        let ends = Lanes::of_ends(lows, highs, rows)?;
        let within = eights.start + 1..eights.end - 1;
        if within.is_empty() {
            return Some(ends.extremes());
        }
        let larger = within.start / EIGHT..within.end.div_ceil(EIGHT);
        let Some(of_eights) = Lanes::of_ends(eight_lows, eight_highs, &within) else {
            let (lows, highs) = (&eight_lows[within.clone()], &eight_highs[within]);
            return Some(ends.extremes().with(few(lows, highs)));
        };
        let larger = self.larger.get(larger.start + 1..larger.end - 1).unwrap_or_default();
        Some(larger.iter().fold(ends.with(&of_eights).extremes(), |all, some| all.with(*some)))
    }
}

/// Lowest and highest values of some rows in each of [`EIGHT`] lanes, so that the processor compares
/// several at a time and no branch depends on how many there are.
struct Lanes {
    lows: [f64; EIGHT],
    highs: [f64; EIGHT],
}

/// For each lane at which rows begin, what hides those before: infinity, which is never lowest.
const HIDE_BEFORE: [[f64; EIGHT]; EIGHT] = hiding(true);
/// For each lane at which rows end, what hides those after.
const HIDE_AFTER: [[f64; EIGHT]; EIGHT] = hiding(false);

const fn hiding(before: bool) -> [[f64; EIGHT]; EIGHT] {
    let mut masks = [[f64::NEG_INFINITY; EIGHT]; EIGHT];
    let mut cell = 0;
    while cell < EIGHT * EIGHT {
        let (at, lane) = (cell / EIGHT, cell % EIGHT);
        if if before { lane < at } else { lane > at } {
            masks[at][lane] = f64::INFINITY;
        }
        cell += 1;
    }
    masks
}

impl Lanes {
    /// The rows of `rows` in the first and the last [`EIGHT`] that they are in, of which both must be
    /// whole and may not be the same.
    #[inline]
    fn of_ends(lows: &[f64], highs: &[f64], rows: &Range<usize>) -> Option<Lanes> {
        let (first, last) = (rows.start, rows.end.checked_sub(1)?);
        let ((lows, _), (highs, _)) = (lows.as_chunks::<EIGHT>(), highs.as_chunks::<EIGHT>());
        let (start, end) = (first / EIGHT, last / EIGHT);
        if start >= end || end >= lows.len() {
            return None;
        }
        let (before, after) = (&HIDE_BEFORE[first % EIGHT], &HIDE_AFTER[last % EIGHT]);
        let head = Lanes::shown(&lows[start], &highs[start], before);
        Some(head.with(&Lanes::shown(&lows[end], &highs[end], after)))
    }

    #[inline]
    fn shown(lows: &[f64; EIGHT], highs: &[f64; EIGHT], hidden: &[f64; EIGHT]) -> Lanes {
        Lanes {
            lows: std::array::from_fn(|lane| greater(lows[lane], hidden[lane])),
            highs: std::array::from_fn(|lane| less(highs[lane], -hidden[lane])),
        }
    }

    #[inline]
    fn with(&self, other: &Lanes) -> Lanes {
        Lanes {
            lows: std::array::from_fn(|lane| less(self.lows[lane], other.lows[lane])),
            highs: std::array::from_fn(|lane| greater(self.highs[lane], other.highs[lane])),
        }
    }

    #[inline]
    fn extremes(&self) -> Extremes {
        Extremes { low: folded(&self.lows, less), high: folded(&self.highs, greater) }
    }
}

/// The eight values folded in pairs.
#[inline]
fn folded(values: &[f64; EIGHT], pick: impl Fn(f64, f64) -> f64) -> f64 {
    let four: [f64; 4] = std::array::from_fn(|lane| pick(values[lane], values[lane + 4]));
    pick(pick(four[0], four[2]), pick(four[1], four[3]))
}

#[inline]
fn less(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

#[inline]
fn greater(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
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
        let closes = self.candles.close;
        let blocks = self.blocks.as_ref().map(|blocks| &blocks.closes);
        extremes(blocks, closes, closes, rows)
    }

    /// Lowest low and highest high of `rows`.
    #[inline]
    pub(crate) fn ranges(&self, rows: Range<usize>) -> Extremes {
        let CandleSlice { low, high, .. } = self.candles;
        extremes(self.blocks.as_ref().map(|blocks| &blocks.ranges), low, high, rows)
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

/// Extremes of `rows` of two columns, of which `levels` may be known.
#[inline]
fn extremes(levels: Option<&Levels>, lows: &[f64], highs: &[f64], rows: Range<usize>) -> Extremes {
    let known = levels.and_then(|levels| levels.over(lows, highs, &rows));
    known.unwrap_or_else(|| few(&lows[rows.clone()], &highs[rows]))
}

fn few(lows: &[f64], highs: &[f64]) -> Extremes {
    Extremes { low: lowest(lows), high: highest(highs) }
}

fn lowest(values: &[f64]) -> f64 {
    fold_lanes(values, f64::INFINITY, less)
}

fn highest(values: &[f64]) -> f64 {
    fold_lanes(values, f64::NEG_INFINITY, greater)
}

fn fold_lanes(values: &[f64], start: f64, pick: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [start; EIGHT];
    let (chunks, rest) = values.as_chunks::<EIGHT>();
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
