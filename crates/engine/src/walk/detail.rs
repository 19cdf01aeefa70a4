//! Finer candles of the same series decide what came first inside a candle.
//!
//! They are read only where the candle itself cannot tell: where it touches stop and target, and
//! from the fill of a pending order on. Each is traded as a candle is: its open may jump over a
//! level, then its inside counts; where it touches both, the rule decides again. A candle whose
//! finer ones are not all there, or do not touch what it touches, is left to the rule.

use model::{CandleSlice, Timeframe};

use super::entry::Pending;
use super::prices::Prices;
use super::{Observer, Walk};

/// Finer candles of the series that is walked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detail<'a> {
    candles: CandleSlice<'a>,
    length_ms: i64,
    /// How many of them make one candle.
    count: usize,
}

impl<'a> Detail<'a> {
    /// `candles` of `finer`, which make up those of `base`.
    pub(crate) fn new(candles: CandleSlice<'a>, finer: Timeframe, base: Timeframe) -> Detail<'a> {
        let count = usize::from(base.minutes() / finer.minutes());
        Detail { candles, length_ms: finer.ms(), count }
    }

    /// What the candle that opens at `open_ms` is made of, if all of it is there.
    fn of(&self, open_ms: i64) -> Option<CandleSlice<'a>> {
        let start = self.candles.lower_bound(open_ms);
        let end = start + self.count;
        let times = self.candles.open_time_ms.get(start..end)?;
        let is_whole = |(time_ms, place): (&i64, i64)| *time_ms == open_ms + place * self.length_ms;
        times.iter().zip(0..).all(is_whole).then(|| self.candles.rows(start..end))
    }
}

impl<'t, O: Observer> Walk<'t, '_, O> {
    /// The finer candles of `row`, if there are any and none is missing.
    pub(super) fn finer(&self, row: usize) -> Option<CandleSlice<'t>> {
        self.track.beside.detail?.of(self.track.times.open_ms(row))
    }

    /// Trades the inside of `row` by its finer candles; false if they touch nothing.
    pub(super) fn inside_finer(&mut self, row: usize, finer: CandleSlice<'t>) -> bool {
        let before = self.journal.fills.len();
        for place in 0..finer.len() {
            self.trade_finer(row, &Prices::of(finer, place));
            if self.position.is_none() {
                return true;
            }
        }
        self.journal.fills.len() > before
    }

    /// One finer candle of `row` for a position that is held from its open on.
    fn trade_finer(&mut self, row: usize, candle: &Prices) {
        let entered = self.position.as_ref().is_some_and(|position| position.entry_row == row);
        // Levels that do not work in the entry candle are not jumped over in it either.
        if !entered || self.track.spec.fill.stop_on_entry_candle {
            self.gaps(row, candle, false);
        }
        if let Some(reach) = self.reach(row, candle, false) {
            self.settle(row, candle, &reach);
        }
        self.apply_next_stop();
    }

    /// Fills `pending` in the finer candle that reaches it and trades those that follow; false if
    /// none does.
    pub(super) fn fill_pending_finer(
        &mut self,
        row: usize,
        pending: Pending,
        finer: CandleSlice<'t>,
    ) -> bool {
        let reached = (0..finer.len()).find_map(|place| {
            let candle = Prices::of(finer, place);
            self.pending_price(&pending, &candle).map(|price| (place, candle, price))
        });
        let Some((place, candle, price)) = reached else { return false };
        self.enter_pending(row, &pending, price);
        if let Some(reach) = self.reach(row, &candle, true) {
            self.settle(row, &candle, &reach);
        }
        for place in place + 1..finer.len() {
            if self.position.is_none() {
                break;
            }
            self.trade_finer(row, &Prices::of(finer, place));
        }
        true
    }
}
