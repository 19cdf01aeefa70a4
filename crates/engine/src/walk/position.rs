//! A position and the prices at which it ends.
//!
//! Prices are compared on the side of the position: "adverse" is towards a loss, "favourable"
//! towards a profit. A level that is not there is NaN, which no price touches.

use std::ops::Deref;

use model::{FillReason, PositionSide};

use super::prices::Prices;
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
    /// The stop that a partial exit inside a candle asked for, effective from the next one.
    pub(crate) next_stop: f64,
    /// The partial exit whose own stop holds now; `None`: the stop of the entry.
    pub(crate) stop_of: Option<usize>,
    /// The most favourable price that moves the trail.
    pub(crate) trail_extreme: f64,
    /// The most favourable price since the entry.
    pub(crate) best: f64,
    pub(crate) levels: Levels,
    /// The price a liquidation is booked at.
    pub(crate) bankruptcy: f64,
    /// Where the initial margin ends.
    pub(crate) margin: Margin,
    /// First row at whose close the limit of time is reached.
    pub(crate) deadline_row: usize,
}

/// Prices at which a position has lost its initial margin; NaN where it cannot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Margin {
    /// Nothing of it is left.
    pub(crate) bankruptcy: f64,
    /// The maintenance margin is left, which liquidates.
    pub(crate) liquidation: f64,
}

/// Stop, trail, liquidation and targets, and which of them a price meets first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Levels {
    sign: f64,
    stop: f64,
    trail: f64,
    target: f64,
    /// Targets of the partial exits; NaN once filled.
    exits: [f64; MAX_EXITS],
    liquidation: f64,
    protection: Protection,
    nearest_target: f64,
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

impl Levels {
    /// No level but the liquidation, NaN where there is none.
    #[inline]
    pub(crate) fn new(side: PositionSide, liquidation: f64) -> Levels {
        let mut levels = Levels {
            sign: sign(side),
            stop: f64::NAN,
            trail: f64::NAN,
            target: f64::NAN,
            exits: [f64::NAN; MAX_EXITS],
            liquidation,
            protection: Protection { price: f64::NAN, reason: FillReason::StopLoss },
            nearest_target: f64::NAN,
        };
        levels.protect();
        levels
    }

    pub(crate) fn stop(&self) -> f64 {
        self.stop
    }

    pub(crate) fn trail(&self) -> f64 {
        self.trail
    }

    pub(crate) fn liquidation(&self) -> f64 {
        self.liquidation
    }

    pub(crate) fn exits(&self) -> [f64; MAX_EXITS] {
        self.exits
    }

    /// The level of stop, trail and liquidation that is nearest to the price.
    #[inline]
    pub(crate) fn protection(&self) -> Protection {
        self.protection
    }

    /// The nearest target; NaN if there is none left.
    #[inline]
    pub(crate) fn nearest_target(&self) -> f64 {
        self.nearest_target
    }

    /// Which target is the nearest.
    pub(crate) fn next_target(&self) -> Option<TargetSlot> {
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
        next.map(|(slot, _)| slot)
    }

    /// The level of a target; NaN once filled.
    pub(crate) fn target(&self, slot: TargetSlot) -> f64 {
        match slot {
            TargetSlot::Whole => self.target,
            TargetSlot::Partial(index) => self.exits[index],
        }
    }

    pub(crate) fn set_stop(&mut self, stop: f64) {
        self.stop = stop;
        self.protect();
    }

    /// Moves the stop if `stop` is tighter.
    pub(crate) fn tighten_stop(&mut self, stop: f64) {
        if tighter(self.sign, stop, self.stop) {
            self.set_stop(stop);
        }
    }

    /// Moves the trail if `trail` is tighter.
    pub(crate) fn tighten_trail(&mut self, trail: f64) {
        if tighter(self.sign, trail, self.trail) {
            self.trail = trail;
            self.protect();
        }
    }

    pub(crate) fn set_liquidation(&mut self, liquidation: f64) {
        self.liquidation = liquidation;
        self.protect();
    }

    pub(crate) fn set_target(&mut self, slot: TargetSlot, target: f64) {
        match slot {
            TargetSlot::Whole => self.target = target,
            TargetSlot::Partial(index) => self.exits[index] = target,
        }
        self.nearest_target = self.next_target().map_or(f64::NAN, |slot| self.target(slot));
    }

    /// Moves a target that is still there if `target` is nearer to the price.
    pub(crate) fn tighten_target(&mut self, slot: TargetSlot, target: f64) {
        let old = self.target(slot);
        if !old.is_nan() && tighter(-self.sign, target, old) {
            self.set_target(slot, target);
        }
    }

    #[inline]
    fn protect(&mut self) {
        let mut nearest = Protection { price: self.stop, reason: FillReason::StopLoss };
        if tighter(self.sign, self.trail, nearest.price) {
            nearest = Protection { price: self.trail, reason: FillReason::TrailingStop };
        }
        if tighter(self.sign, self.liquidation, nearest.price) {
            nearest = Protection { price: self.liquidation, reason: FillReason::Liquidation };
        }
        self.protection = nearest;
    }
}

impl Position {
    /// The candle's price nearest to a loss.
    #[inline]
    pub(crate) fn adverse(&self, candle: &Prices) -> f64 {
        match self.side {
            PositionSide::Long => candle.low,
            PositionSide::Short => candle.high,
        }
    }

    /// The candle's price nearest to a profit.
    #[inline]
    pub(crate) fn favourable(&self, candle: &Prices) -> f64 {
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

    /// Whether `candle` touches the protecting level.
    #[inline]
    pub(crate) fn is_lost_in(&self, candle: &Prices) -> bool {
        self.lost(self.adverse(candle), self.levels.protection().price)
    }

    /// Whether `candle` touches a target.
    #[inline]
    pub(crate) fn is_won_in(&self, candle: &Prices) -> bool {
        self.won(self.favourable(candle), self.levels.nearest_target())
    }

    /// Profit in quote at `price`, before the fee of the exit.
    pub(crate) fn profit_at(&self, price: f64) -> f64 {
        self.realised + self.sign * self.quantity * (price - self.entry_price)
    }

    /// The stop of `form` with the values of `row`.
    pub(crate) fn stop_level(&self, form: &Form<impl Deref<Target = [f64]>>, row: usize) -> f64 {
        level(form, row, self.level_base, self.entry_price, -self.sign)
    }

    /// The target of `form` with the values of `row`.
    pub(crate) fn target_level(&self, form: &Form<impl Deref<Target = [f64]>>, row: usize) -> f64 {
        level(form, row, self.level_base, self.entry_price, self.sign)
    }

    /// The trail of `form` for the extreme so far, with the values of `row`.
    pub(crate) fn trail_level(&self, form: &Form<impl Deref<Target = [f64]>>, row: usize) -> f64 {
        level(form, row, self.trail_extreme, self.entry_price, -self.sign)
    }

    /// Whether the favourable move has reached the activation of the trail.
    pub(crate) fn is_armed(&self, activation_pct: Option<f64>) -> bool {
        activation_pct.is_none_or(|pct| {
            let level = self.entry_price * (1.0 + self.sign * (pct / 100.0));
            self.won(self.trail_extreme, level)
        })
    }
}

/// A level above (`up` = 1) or below (-1) `base` with the values of `row`; NaN where it is null.
fn level(
    form: &Form<impl Deref<Target = [f64]>>,
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

/// Whether `new` is nearer to the price than `old`, seen from below (sign 1) or above (-1).
#[inline]
pub(crate) fn tighter(sign: f64, new: f64, old: f64) -> bool {
    sign * new > sign * old || (old.is_nan() && !new.is_nan())
}
