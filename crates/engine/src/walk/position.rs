//! A position and the prices at which it ends.
//!
//! Prices are compared on the side of the position: "adverse" is towards a loss, "favourable"
//! towards a profit. A level that is not there is NaN, which no price touches.

use model::{Candle, FillReason, PositionSide};

use crate::plan::Form;

/// A number with its sign: 1 for long, -1 for short.
pub(crate) fn sign(side: PositionSide) -> f64 {
    match side {
        PositionSide::Long => 1.0,
        PositionSide::Short => -1.0,
    }
}

/// The other side.
pub(crate) fn other(side: PositionSide) -> PositionSide {
    match side {
        PositionSide::Long => PositionSide::Short,
        PositionSide::Short => PositionSide::Long,
    }
}

/// Partial exits a trade may have.
pub(crate) const MAX_EXITS: usize = 4;

/// What is held, and the levels that end it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) side: PositionSide,
    /// 1 for long, -1 for short.
    pub(crate) sign: f64,
    /// Base still held, > 0.
    pub(crate) quantity: f64,
    /// Base bought or sold by the entry.
    pub(crate) initial_quantity: f64,
    pub(crate) entry_price: f64,
    pub(crate) entry_row: usize,
    pub(crate) entry_time_ms: i64,
    pub(crate) signal_row: usize,
    pub(crate) trade_id: u32,
    /// Whether the entry was a pending order, filled at an unknown time inside its candle.
    pub(crate) was_pending: bool,
    /// Realised profit so far, net of all fees paid.
    pub(crate) realised: f64,
    /// |entry - stop| at the entry; NaN without a stop.
    pub(crate) risk: f64,
    /// What percents of levels count from.
    pub(crate) level_base: f64,
    pub(crate) stop: f64,
    /// The stop that a partial exit inside a candle asked for, effective from the next one.
    pub(crate) next_stop: f64,
    pub(crate) trail: f64,
    /// The most favourable price that moves the trail.
    pub(crate) trail_extreme: f64,
    /// The most favourable price since the entry.
    pub(crate) best: f64,
    pub(crate) target: f64,
    /// Targets of the partial exits; NaN once filled.
    pub(crate) exits: [f64; MAX_EXITS],
    /// The price that liquidates, and the price it is booked at.
    pub(crate) liquidation: f64,
    pub(crate) bankruptcy: f64,
}

/// The level that protects a position, and why it ends there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Protection {
    pub(crate) price: f64,
    pub(crate) reason: FillReason,
}

/// Which target is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetSlot {
    /// The one that closes the whole position.
    Whole,
    /// A partial exit, by its index.
    Partial(usize),
}

impl Position {
    /// The candle's price nearest to a loss.
    #[inline]
    pub(crate) fn adverse(&self, candle: &Candle) -> f64 {
        match self.side {
            PositionSide::Long => candle.low,
            PositionSide::Short => candle.high,
        }
    }

    /// The candle's price nearest to a profit.
    #[inline]
    pub(crate) fn favourable(&self, candle: &Candle) -> f64 {
        match self.side {
            PositionSide::Long => candle.high,
            PositionSide::Short => candle.low,
        }
    }

    /// Whether `price` has reached `level` on the way to a loss; equal counts.
    #[inline]
    pub(crate) fn lost(&self, price: f64, level: f64) -> bool {
        self.sign * price <= self.sign * level
    }

    /// Whether `price` has reached `level` on the way to a profit; equal counts.
    #[inline]
    pub(crate) fn won(&self, price: f64, level: f64) -> bool {
        self.sign * price >= self.sign * level
    }

    /// The level of stop, trail and liquidation that is nearest to the price.
    #[inline]
    pub(crate) fn protection(&self) -> Protection {
        let mut nearest = Protection { price: self.stop, reason: FillReason::StopLoss };
        if tighter(self.sign, self.trail, nearest.price) {
            nearest = Protection { price: self.trail, reason: FillReason::TrailingStop };
        }
        if tighter(self.sign, self.liquidation, nearest.price) {
            nearest = Protection { price: self.liquidation, reason: FillReason::Liquidation };
        }
        nearest
    }

    /// The nearest target, if there is any.
    #[inline]
    pub(crate) fn next_target(&self) -> Option<(TargetSlot, f64)> {
        let mut next = None;
        for (index, level) in self.exits.iter().enumerate() {
            if !level.is_nan()
                && next.is_none_or(|(_, least)| self.sign * level < self.sign * least)
            {
                next = Some((TargetSlot::Partial(index), *level));
            }
        }
        let whole = self.target;
        if !whole.is_nan() && next.is_none_or(|(_, least)| self.sign * whole < self.sign * least) {
            next = Some((TargetSlot::Whole, whole));
        }
        next
    }

    /// Profit in quote at `price`, before the fee of the exit.
    pub(crate) fn profit_at(&self, price: f64) -> f64 {
        self.realised + self.sign * self.quantity * (price - self.entry_price)
    }

    /// A level on the losing side of the level base (`towards` = -1) or the winning one (1).
    pub(crate) fn level(
        &self,
        form: &Form<impl std::ops::Deref<Target = [f64]>>,
        row: usize,
        towards: f64,
    ) -> f64 {
        level(form, row, self.level_base, self.entry_price, self.sign * towards)
    }
}

/// A level above (`up` = 1) or below (-1) `base` with the values of `row`; NaN where it is null.
pub(crate) fn level(
    form: &Form<impl std::ops::Deref<Target = [f64]>>,
    row: usize,
    base: f64,
    entry_price: f64,
    up: f64,
) -> f64 {
    match form {
        Form::Pct(pct) => base * (1.0 + up * (pct / 100.0)),
        Form::Distance(distance) => base + up * distance[row],
        Form::Price(price) => price[row],
        Form::Entry => entry_price,
    }
}

/// Whether stop `new` is nearer to the price than `old` for a position of this sign.
#[inline]
pub(crate) fn tighter(sign: f64, new: f64, old: f64) -> bool {
    sign * new > sign * old || (old.is_nan() && !new.is_nan())
}
