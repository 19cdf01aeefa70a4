//! The candles of one range, with the extremes of each 8 and each 64 of them.
//!
//! Extremes let a pass over a held position skip candles that can set neither a new peak nor a new
//! trough. Skipping gives the same bytes as looking at each candle: x -> cash + quantity * x is
//! monotone in floating point too, and a close lies between low and high.

use std::ops::Range;

use model::{CandleSlice, Timeframe};

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
    times: Times<'a>,
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

/// Extremes of each [`EIGHT`] rows and of each [`BLOCK`] rows.
#[derive(Clone, Debug)]
struct Levels {
    eights: Vec<Extremes>,
    larger: Vec<Extremes>,
}

impl Levels {
    fn of(lows: &[f64], highs: &[f64]) -> Levels {
        let rows = lows.chunks(EIGHT).zip(highs.chunks(EIGHT));
        let eights: Vec<Extremes> = rows.map(|(lows, highs)| few(lows, highs)).collect();
        let larger = eights.chunks(EIGHT).map(Extremes::of).collect();
        Levels { eights, larger }
    }

    /// Extremes of `rows` if they are one whole block.
    #[inline]
    fn block(&self, rows: &Range<usize>) -> Option<Extremes> {
        if !rows.start.is_multiple_of(EIGHT) {
            None
        } else if rows.len() == EIGHT {
            self.eights.get(rows.start / EIGHT).copied()
        } else if rows.len() == BLOCK && rows.start.is_multiple_of(BLOCK) {
            self.larger.get(rows.start / BLOCK).copied()
        } else {
            None
        }
    }
}

impl<'a> PricePath<'a> {
    /// A path that finds extremes as it goes: best for a single backtest.
    pub fn new(candles: CandleSlice<'a>, timeframe: Timeframe) -> PricePath<'a> {
        let open_ms = candles.open_time_ms;
        let times = Times { open_ms, step_ms: timeframe.ms(), is_whole: false };
        PricePath { candles, timeframe, times, blocks: None }
    }

    /// A path with the extremes of every block: best for many variants. Reads all candles once.
    pub fn with_blocks(candles: CandleSlice<'a>, timeframe: Timeframe) -> PricePath<'a> {
        let blocks = Blocks {
            ranges: Levels::of(candles.low, candles.high),
            closes: Levels::of(candles.close, candles.close),
        };
        let times = Times::of_timeframe(candles.open_time_ms, timeframe);
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
        let known = self.blocks.as_ref().and_then(|blocks| blocks.closes.block(&rows));
        if let Some(extremes) = known {
            return extremes;
        }
        let closes = &self.candles.close[rows];
        Extremes { low: lowest(closes), high: highest(closes) }
    }

    /// Lowest low and highest high of `rows`.
    pub(crate) fn ranges(&self, rows: Range<usize>) -> Extremes {
        let CandleSlice { low, high, .. } = self.candles;
        let few = |rows: Range<usize>| few(&low[rows.clone()], &high[rows]);
        let Some(Blocks { ranges: blocks, .. }) = &self.blocks else {
            return Extremes { low: lowest(&low[rows.clone()]), high: highest(&high[rows]) };
        };
        let eights = rows.start.div_ceil(EIGHT)..rows.end / EIGHT;
        if eights.is_empty() {
            return few(rows);
        }
        let ends = few(rows.start..eights.start * EIGHT).with(few(eights.end * EIGHT..rows.end));
        let larger = eights.start.div_ceil(EIGHT)..eights.end / EIGHT;
        if larger.is_empty() {
            return ends.with(Extremes::of(&blocks.eights[eights]));
        }
        let before = &blocks.eights[eights.start..larger.start * EIGHT];
        let after = &blocks.eights[larger.end * EIGHT..eights.end];
        let within = Extremes::of(&blocks.larger[larger]);
        ends.with(Extremes::of(before)).with(Extremes::of(after)).with(within)
    }

    /// Open times of the candles.
    pub(crate) fn times(&self) -> Times<'a> {
        self.times
    }
}

/// Open times of candles, ascending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times<'a> {
    open_ms: &'a [i64],
    /// Length of a candle, ms.
    step_ms: i64,
    /// Whether it is known that no candle is missing: then a row follows from its time, and a time
    /// from its row.
    is_whole: bool,
}

impl<'a> Times<'a> {
    /// Of candles of one length, of which some may be missing.
    fn of_timeframe(open_ms: &'a [i64], timeframe: Timeframe) -> Times<'a> {
        let step_ms = timeframe.ms();
        let is_whole =
            !open_ms.is_empty() && open_ms.windows(2).all(|pair| pair[1] - pair[0] == step_ms);
        Times { open_ms, step_ms, is_whole }
    }

    /// Candles there are.
    pub(crate) fn len(&self) -> usize {
        self.open_ms.len()
    }

    /// When the candle after the one in `row` opens, ms.
    pub(crate) fn next_open_ms(&self, row: usize) -> i64 {
        if row + 1 < self.len() { self.at(row + 1) } else { i64::MAX }
    }

    /// When the candle in `row` closes, ms.
    pub(crate) fn close_ms(&self, row: usize) -> i64 {
        self.at(row) + self.step_ms
    }

    /// When the last of `rows` candles closes, ms; when the first one opens if there are none.
    pub(crate) fn end_ms(&self, rows: usize) -> i64 {
        rows.checked_sub(1).map_or_else(|| self.at(0), |row| self.close_ms(row))
    }

    /// When the candle in `row` opens, ms.
    #[inline]
    #[expect(clippy::cast_possible_wrap, reason = "fewer rows than 2^63")]
    fn at(&self, row: usize) -> i64 {
        if self.is_whole { self.open_ms[0] + row as i64 * self.step_ms } else { self.open_ms[row] }
    }

    /// Row of the last candle that opens at or before `time_ms`, at least `from`.
    pub(crate) fn row_at(&self, from: usize, time_ms: i64) -> usize {
        let Some(first_ms) = self.open_ms.first().filter(|_| self.is_whole) else {
            return row_at(self.open_ms, from, time_ms);
        };
        let row = time_ms.saturating_sub(*first_ms).div_euclid(self.step_ms);
        usize::try_from(row).unwrap_or(0).min(self.len() - 1).max(from)
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

/// Extremes of a few candles, one after the other.
#[inline]
fn few(lows: &[f64], highs: &[f64]) -> Extremes {
    let candles = lows.iter().zip(highs).map(|(low, high)| Extremes { low: *low, high: *high });
    candles.fold(Extremes::NONE, Extremes::with)
}

/// Row of the last candle that opens at or before `time_ms`, at least `from`.
///
/// First looks where it is when no candle is missing, then near `from`: a miss costs the logarithm
/// of the distance.
fn row_at(times: &[i64], from: usize, time_ms: i64) -> usize {
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
    fn rows_and_times_follow_from_each_other_only_where_no_candle_is_missing() {
        let timeframe: Timeframe = "1m".parse().unwrap();
        for (off_ms, hole) in [(0, None), (17, None), (0, Some(40)), (17, Some(40))] {
            let opens: Vec<i64> = (0..100_i64)
                .map(|row| off_ms + (row + i64::from(hole.is_some_and(|at| row >= at))) * 60_000)
                .collect();
            let times = Times::of_timeframe(&opens, timeframe);
            for (row, open) in opens.iter().enumerate() {
                assert_eq!(times.at(row), *open);
                assert_eq!(times.close_ms(row), open + 60_000);
                assert_eq!(times.row_at(0, *open), row);
                assert_eq!(times.row_at(0, open + 59_999), row);
            }
            assert_eq!(times.row_at(3, -1), 3);
            assert_eq!(times.row_at(0, i64::MAX), 99);
        }
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
