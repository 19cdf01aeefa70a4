//! Funding payments: when they are due, and what they do to the account.
//!
//! A payment falls into the candle that contains its time. Due at an open it is the first thing of
//! that candle; due inside, it is made after what happens at the open and before anything inside.
//! One that falls between two candles is the first thing of the later one. Whoever holds a
//! position then pays; nothing is paid at or after the last close.

use model::{CandleSlice, FundingEvent, FundingRate, FundingSlice};

use super::prices::Prices;
use super::{Observer, Walk};

/// Payments that are still to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due<'a> {
    rates: FundingSlice<'a>,
    /// The next payment.
    next: usize,
    /// Row of the candle it falls into; beyond every row if there is none.
    pub(super) row: usize,
}

impl<'a> Due<'a> {
    pub(super) fn new(
        rates: FundingSlice<'a>,
        candles: CandleSlice<'_>,
        timeframe_ms: i64,
    ) -> Due<'a> {
        let mut due = Due { rates, next: 0, row: usize::MAX };
        due.find_row(0, candles, timeframe_ms);
        due
    }

    /// Finds the row of the next payment, which is not before `from`.
    fn find_row(&mut self, from: usize, candles: CandleSlice<'_>, timeframe_ms: i64) {
        self.row = self.rates.time_ms.get(self.next).map_or(usize::MAX, |due_ms| {
            let times = &candles.open_time_ms[from..];
            from + times.partition_point(|open_ms| open_ms + timeframe_ms <= *due_ms)
        });
    }
}

impl<O: Observer> Walk<'_, '_, O> {
    /// Makes the payments that are due at the open of the candle in `row` or were due before it.
    pub(super) fn pay_before(&mut self, row: usize, candle: &Prices) {
        let open_ms = self.track.times.open_ms(row);
        // What fell into rows that were skipped found no position.
        while self.due.row < row {
            self.advance(row);
        }
        while self.due.row == row {
            let rate = self.due.rates.get(self.due.next);
            if rate.time_ms > open_ms {
                return;
            }
            let price = if rate.time_ms == open_ms || row == 0 {
                candle.open
            } else {
                self.track.candles.close[row - 1]
            };
            self.pay(rate, price);
            self.advance(row);
        }
    }

    /// Makes the payments that are due inside the candle in `row`.
    pub(super) fn pay_inside(&mut self, row: usize, candle: &Prices) {
        while self.due.row == row {
            let rate = self.due.rates.get(self.due.next);
            self.pay(rate, candle.open);
            self.advance(row);
        }
    }

    fn advance(&mut self, row: usize) {
        self.due.next += 1;
        self.due.find_row(row, self.track.candles, self.track.timeframe_ms);
    }

    /// One payment; `price` counts where it has no mark of its own.
    fn pay(&mut self, due: FundingRate, price: f64) {
        let Some(position) = &mut self.position else { return };
        let price = due.mark.unwrap_or(price);
        let amount = -(position.sign * position.quantity * price * due.rate);
        self.cash += amount;
        position.realised += amount;
        let (time_ms, trade_id) = (due.time_ms, position.trade_id);
        self.journal.pay(FundingEvent { time_ms, rate: due.rate, amount, trade_id });
        self.cover_margin();
    }

    /// Payments beyond what is free are taken out of the margin: the position is lost at the price
    /// where equity is zero, if that is nearer than the price its own margin sets.
    pub(super) fn cover_margin(&mut self) {
        let Some(position) = &mut self.position else { return };
        if position.margin.bankruptcy.is_nan() {
            return;
        }
        let own = position.margin;
        let empty = -position.sign * self.cash / position.quantity;
        let nearer = |level: f64| if position.lost(level, empty) { empty } else { level };
        let (bankruptcy, liquidation) = (nearer(own.bankruptcy), nearer(own.liquidation));
        position.bankruptcy = bankruptcy;
        position.levels.set_liquidation(liquidation);
    }
}
