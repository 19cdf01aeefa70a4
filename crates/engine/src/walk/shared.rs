//! What many walks over the same candles share, so that each of them reads less.

use model::CandleSlice;

use super::prices::Prices;

/// Rows of a block, one word of [`crate::bits::Bits`].
pub(super) const BLOCK: usize = 64;

/// Most rows that are laid side by side: a copy of 4 MB.
const MOST_ROWS: usize = 1 << 17;

/// Extremes of blocks of candles, and each candle in one place.
///
/// Either may be missing: a walk does without, with the same bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    /// Least low and greatest high of each [`BLOCK`] rows.
    blocks: Vec<Extremes>,
    /// Columns turned into rows: a walk that skips finds a candle in one line of the cache instead
    /// of four.
    candles: Vec<Prices>,
}

/// Least low and greatest high of some candles.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Extremes {
    low: f64,
    high: f64,
}

impl Shared {
    /// What `walks` walks over `candles` share: nothing is worth making for one.
    pub(crate) fn by(walks: usize, candles: CandleSlice<'_>) -> Shared {
        if walks < 2 {
            return Shared::default();
        }
        let rows = if candles.len() <= MOST_ROWS { candles.len() } else { 0 };
        let blocks = candles.low.chunks(BLOCK).zip(candles.high.chunks(BLOCK));
        Shared {
            blocks: blocks.map(|(lows, highs)| extremes(lows, highs)).collect(),
            candles: (0..rows).map(|row| Prices::of(candles, row)).collect(),
        }
    }

    /// The candle of `columns` in `row`.
    #[inline]
    pub(super) fn candle(&self, columns: CandleSlice<'_>, row: usize) -> Prices {
        self.candles.get(row).copied().unwrap_or_else(|| Prices::of(columns, row))
    }

    /// Some bits of what [`Shared::candle`] reads.
    #[inline]
    pub(super) fn read(&self, columns: CandleSlice<'_>, row: usize) -> u64 {
        if let Some(candle) = self.candles.get(row) {
            return candle.open.to_bits();
        }
        let CandleSlice { open, high, low, close, .. } = columns;
        [open, high, low, close].iter().fold(0, |read, prices| read ^ prices[row].to_bits())
    }

    /// Whether a low of block number `block` may be at or below `floor` or a high at or above
    /// `ceiling`; NaN is never touched.
    #[inline]
    pub(super) fn may_touch(&self, block: usize, floor: f64, ceiling: f64) -> bool {
        self.blocks.get(block).is_none_or(|rows| rows.low <= floor || rows.high >= ceiling)
    }
}

/// Rows that are looked at in one step.
const STEP: usize = 8;

/// Written so that it is compiled to vector instructions.
fn extremes(lows: &[f64], highs: &[f64]) -> Extremes {
    let (mut low, mut high) = ([f64::MAX; STEP], [f64::MIN; STEP]);
    let (low_steps, low_rest) = lows.as_chunks::<STEP>();
    let (high_steps, high_rest) = highs.as_chunks::<STEP>();
    for (lows, highs) in low_steps.iter().zip(high_steps) {
        for lane in 0..STEP {
            low[lane] = if lows[lane] < low[lane] { lows[lane] } else { low[lane] };
            high[lane] = if highs[lane] > high[lane] { highs[lane] } else { high[lane] };
        }
    }
    Extremes {
        low: low.iter().chain(low_rest).copied().fold(f64::MAX, f64::min),
        high: high.iter().chain(high_rest).copied().fold(f64::MIN, f64::max),
    }
}

/// The first row whose low is at or below `floor` or whose high is at or above `ceiling`; NaN is
/// never touched.
#[inline]
pub(super) fn first_touch(lows: &[f64], highs: &[f64], floor: f64, ceiling: f64) -> Option<usize> {
    let touches = |low: f64, high: f64| low <= floor || high >= ceiling;
    let (low_steps, low_rest) = lows.as_chunks::<STEP>();
    let (high_steps, high_rest) = highs.as_chunks::<STEP>();
    let any = |(lows, highs): (&[f64; STEP], &[f64; STEP])| {
        // No branch a row: bits instead of booleans.
        let touched =
            |lane: usize| u8::from(lows[lane] <= floor) | u8::from(highs[lane] >= ceiling);
        (0..STEP).fold(0, |any, lane| any | touched(lane)) != 0
    };
    let within = |lows: &[f64], highs: &[f64]| {
        lows.iter().zip(highs).position(|(low, high)| touches(*low, *high))
    };
    match low_steps.iter().zip(high_steps).position(any) {
        Some(step) => {
            within(&low_steps[step], &high_steps[step]).map(|offset| step * STEP + offset)
        }
        None => within(low_rest, high_rest).map(|offset| low_steps.len() * STEP + offset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_touch_is_found_wherever_it_is() {
        for rows in 0..40_usize {
            let (lows, highs) = (vec![10.0; rows], vec![20.0; rows]);
            assert_eq!(first_touch(&lows, &highs, 9.0, 21.0), None);
            assert_eq!(first_touch(&lows, &highs, f64::NAN, f64::NAN), None);
            for row in 0..rows {
                let (mut falls, mut rises) = (lows.clone(), highs.clone());
                falls[row..].fill(9.0);
                rises[row] = 21.0;
                assert_eq!(first_touch(&falls, &highs, 9.0, 21.0), Some(row));
                assert_eq!(first_touch(&lows, &rises, f64::NAN, 21.0), Some(row));
                let found = extremes(&falls, &rises);
                assert_eq!(found, Extremes { low: 9.0, high: 21.0 });
            }
        }
    }

    #[test]
    fn without_blocks_every_block_may_be_touched_and_candles_come_from_columns() {
        let candles = crate::indicators::tests::candles("9 11 8 10 | 10 12 9 11");
        let columns = candles.as_slice();
        let (alone, shared) = (Shared::by(1, columns), Shared::by(2, columns));
        assert!(alone.may_touch(0, 1.0, 100.0) && !shared.may_touch(0, 7.0, 13.0));
        assert!(shared.may_touch(0, 8.0, 13.0) && shared.may_touch(0, f64::NAN, 12.0));
        for row in 0..2 {
            assert_eq!(alone.candle(columns, row), Prices::of(columns, row));
            assert_eq!(shared.candle(columns, row), Prices::of(columns, row));
        }
    }
}
