//! Ending a position, whole or in part.

use model::settings::{BothTouched, GapFill, OpenBeyondTarget, Pause, TrailingBase};
use model::{Candle, Fill, FillReason};

use super::entry::Blocked;
use super::position::{Position, Protection, TargetSlot, tighter};
use super::{LastExit, Observer, Walk, order_side};
use crate::plan::Form;

/// Trades closed so far: what losing streaks and the Kelly size are made of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Record {
    closed: u32,
    wins: u32,
    losses: u32,
    won: f64,
    lost: f64,
    losing_streak: u32,
}

/// Trades that must be closed before the Kelly size is used.
const KELLY_TRADES: u32 = 30;

impl Record {
    fn add(&mut self, pnl: f64) {
        self.closed += 1;
        if pnl > 0.0 {
            self.wins += 1;
            self.won += pnl;
            self.losing_streak = 0;
        } else if pnl < 0.0 {
            self.losses += 1;
            self.lost -= pnl;
            self.losing_streak += 1;
        }
    }

    /// Kelly's fraction W - (1 - W) / (average win / average loss) in percent; `None` before 30
    /// trades are closed, 0 where it is negative.
    pub(super) fn kelly_pct(&self) -> Option<f64> {
        if self.closed < KELLY_TRADES {
            return None;
        }
        let wins = f64::from(self.wins) / f64::from(self.closed);
        if self.wins == 0 {
            return Some(0.0);
        }
        if self.losses == 0 {
            return Some(100.0 * wins);
        }
        let payoff = (self.won / f64::from(self.wins)) / (self.lost / f64::from(self.losses));
        let fraction = wins - (1.0 - wins) / payoff;
        Some(if fraction > 0.0 { 100.0 * fraction } else { 0.0 })
    }
}

/// How an exit is booked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Booking {
    /// Worse by slippage, taker fee.
    Market(f64),
    /// At the price, maker fee.
    Exact(f64),
    /// At the price where the margin is gone, no fee.
    Bankrupt,
}

/// Where a touched level is filled.
#[derive(Clone, Copy, Debug, PartialEq)]
enum FillAt {
    /// At the open, where it has jumped over the level.
    Open(f64),
    /// At the level.
    Level,
}

impl<O: Observer> Walk<'_, '_, O> {
    /// Levels that the open has jumped over.
    #[inline]
    pub(super) fn gaps(&mut self, row: usize, candle: &Candle) {
        let Some(position) = self.position else { return };
        if position.lost(candle.open, position.liquidation) {
            self.exit(row, position.quantity, Booking::Bankrupt, FillReason::Liquidation);
            return;
        }
        let protection = position.protection();
        if position.lost(candle.open, protection.price) {
            self.exit_protected(row, protection, FillAt::Open(candle.open));
            return;
        }
        let Some((_, target)) = position.next_target() else { return };
        if !position.won(candle.open, target) {
            return;
        }
        let stop_as_well = position.lost(position.adverse(candle), protection.price);
        let rule = self.track.spec.fill.open_beyond_target;
        if stop_as_well && rule == OpenBeyondTarget::StopAtLevel {
            self.exit_protected(row, protection, FillAt::Level);
            return;
        }
        self.fill_targets(row, candle.open, FillAt::Open(candle.open));
        self.apply_next_stop();
    }

    /// Stop, liquidation and targets inside the candle.
    #[inline]
    pub(super) fn inside(&mut self, row: usize, candle: &Candle) {
        let Some(position) = self.position else { return };
        let is_entry_candle = position.entry_row == row;
        let protection = position.protection();
        let mut lost = position.lost(position.adverse(candle), protection.price);
        let mut won = position
            .next_target()
            .is_some_and(|(_, target)| position.won(position.favourable(candle), target));
        if !lost && !won {
            return;
        }
        let rules = &self.track.spec.fill;
        if is_entry_candle {
            won &= rules.stop_on_entry_candle && !position.was_pending;
            lost &= rules.stop_on_entry_candle || protection.reason == FillReason::Liquidation;
        }
        // A pending entry was filled after the open, so its stop was not jumped over by it.
        let stop_at = if is_entry_candle && position.was_pending {
            FillAt::Level
        } else {
            FillAt::Open(candle.open)
        };
        if !(lost && won) {
            if lost {
                self.exit_protected(row, protection, stop_at);
            } else if won {
                self.fill_targets(row, position.favourable(candle), FillAt::Open(candle.open));
            }
            return;
        }
        self.ambiguous += 1;
        let target_first = match rules.both_touched {
            BothTouched::StopFirst => false,
            BothTouched::TargetFirst => true,
            BothTouched::Path => {
                let down = position.sign * (candle.open - position.adverse(candle));
                let up = position.sign * (position.favourable(candle) - candle.open);
                up < down
            }
        };
        if target_first {
            self.fill_targets(row, position.favourable(candle), FillAt::Open(candle.open));
            self.apply_next_stop();
            if let Some(rest) = self.position {
                self.exit_protected(row, rest.protection(), FillAt::Level);
            }
        } else {
            self.exit_protected(row, protection, stop_at);
        }
    }

    /// Closes the whole position at the market.
    pub(super) fn exit_market(&mut self, row: usize, price: f64, reason: FillReason) {
        if let Some(position) = self.position {
            self.exit(row, position.quantity, Booking::Market(price), reason);
        }
    }

    /// What moves at a close: the stop asked for by a partial exit, levels that follow, the trail.
    #[inline]
    pub(super) fn move_levels(&mut self, row: usize, candle: &Candle) {
        self.apply_next_stop();
        let Some(position) = &mut self.position else { return };
        let (plan, rules) = (self.track.plan, &self.track.spec.fill);
        // Of the candle of a pending entry only the close is known to come after the fill.
        let hidden = position.was_pending && position.entry_row == row;
        let extreme = if hidden { candle.close } else { position.favourable(candle) };
        position.best = farther(position.sign, extreme, position.best);
        if let Some(stop) = plan.stop.as_ref().filter(|stop| stop.follow) {
            let level = position.level(&stop.form, row, -1.0);
            if tighter(position.sign, level, position.stop) {
                position.stop = level;
            }
        }
        if let Some(target) = plan.target.as_ref().filter(|target| target.follow) {
            let level = position.level(&target.form, row, 1.0);
            if tighter(-position.sign, level, position.target) {
                position.target = level;
            }
        }
        if let Some(trail) = &plan.trail {
            let mover = match rules.trailing_base {
                TrailingBase::Extreme => extreme,
                TrailingBase::Close => candle.close,
            };
            position.trail_extreme = farther(position.sign, mover, position.trail_extreme);
            if is_armed(position, trail.activation_pct) {
                let level = trail_level(position, &trail.form, row);
                if tighter(position.sign, level, position.trail) {
                    position.trail = level;
                }
            }
        }
        for (level, exit) in position.exits.iter_mut().zip(&plan.exits) {
            if exit.target.follow && !level.is_nan() {
                let base = position.level_base;
                let new = super::position::level(
                    &exit.target.form,
                    row,
                    base,
                    position.entry_price,
                    position.sign,
                );
                if tighter(-position.sign, new, *level) {
                    *level = new;
                }
            }
        }
    }

    fn apply_next_stop(&mut self) {
        if let Some(position) = &mut self.position
            && !position.next_stop.is_nan()
        {
            position.stop = position.next_stop;
            position.next_stop = f64::NAN;
        }
    }

    fn exit_protected(&mut self, row: usize, protection: Protection, at: FillAt) {
        let Some(position) = self.position else { return };
        let booking = match (protection.reason, at, self.track.spec.fill.gap) {
            (FillReason::Liquidation, _, _) => Booking::Bankrupt,
            (_, FillAt::Open(open), GapFill::Open) if position.lost(open, protection.price) => {
                Booking::Market(open)
            }
            _ => Booking::Market(protection.price),
        };
        self.exit(row, position.quantity, booking, protection.reason);
    }

    /// Fills the targets that `reach` has touched, the nearest first.
    fn fill_targets(&mut self, row: usize, reach: f64, at: FillAt) {
        while let Some(position) = self.position
            && let Some((slot, target)) = position.next_target()
            && position.won(reach, target)
        {
            let price = match (at, self.track.spec.fill.gap) {
                (FillAt::Open(open), GapFill::Open) if position.won(open, target) => open,
                _ => target,
            };
            let quantity = match slot {
                TargetSlot::Whole => position.quantity,
                TargetSlot::Partial(index) => self.start_partial(&position, index),
            };
            if quantity > 0.0 {
                self.exit(row, quantity, Booking::Exact(price), FillReason::TakeProfit);
            }
        }
    }

    /// Marks partial exit `index` as done and returns what it closes.
    fn start_partial(&mut self, position: &Position, index: usize) -> f64 {
        let exits = &self.track.plan.exits;
        let mut changed = *position;
        changed.exits[index] = f64::NAN;
        if let Some(form) = &exits[index].then_stop {
            let stop = position.level(form, position.signal_row, -1.0);
            if stop.is_finite() {
                changed.next_stop = stop;
            }
        }
        self.position = Some(changed);
        let closed: f64 = exits
            .iter()
            .zip(changed.exits)
            .filter(|(_, level)| level.is_nan())
            .map(|(exit, _)| exit.close_pct)
            .sum();
        let part =
            self.round_quantity(position.initial_quantity * (exits[index].close_pct / 100.0));
        if closed >= 100.0 || part > position.quantity { position.quantity } else { part }
    }

    fn exit(&mut self, row: usize, quantity: f64, booking: Booking, reason: FillReason) {
        let Some(mut position) = self.position else { return };
        let side = order_side(position.side, false);
        let (price, fee_rate) = match booking {
            Booking::Market(price) => {
                (self.round_price(self.slipped(price, side), side), self.taker_fee)
            }
            Booking::Exact(price) => (self.round_price(price, side), self.maker_fee),
            Booking::Bankrupt => (position.bankruptcy, 0.0),
        };
        // Isolated margin: no exit loses more than the margin, whatever slippage and fee ask for.
        let price =
            if position.lost(price, position.bankruptcy) { position.bankruptcy } else { price };
        let cash = self.cash + position.sign * quantity * price;
        let left = cash + position.sign * (position.quantity - quantity) * price;
        let fee = (quantity * price * fee_rate).min(left.max(0.0));
        self.cash = cash - fee;
        self.fills.push(Fill {
            time_ms: self.track.candles.open_time_ms[row],
            side,
            quantity,
            price,
            fee,
            reason,
            trade_id: position.trade_id,
        });
        position.realised += position.sign * quantity * (price - position.entry_price) - fee;
        position.quantity -= quantity;
        if position.quantity > 0.0 {
            self.position = Some(position);
        } else {
            self.close_trade(row, position.realised, reason);
        }
    }

    fn close_trade(&mut self, row: usize, pnl: f64, reason: FillReason) {
        self.position = None;
        self.last_exit = Some(LastExit { row, reason });
        self.record.add(pnl);
        self.check_ruin();
        let Some(limit) = self.track.spec.risk.loss_streak else { return };
        if self.record.losing_streak < limit.max.get() {
            return;
        }
        self.record.losing_streak = 0;
        self.blocked = match limit.pause {
            Pause::Day => Blocked::Day(self.day_of(row)),
            Pause::Candles(candles) => Blocked::ToRow(row + candles.get() as usize),
            Pause::Forever => Blocked::Forever,
        };
    }
}

/// Whether the trail is active: the favourable move has reached its activation.
pub(super) fn is_armed(position: &Position, activation_pct: Option<f64>) -> bool {
    activation_pct.is_none_or(|pct| {
        let level = position.entry_price * (1.0 + position.sign * (pct / 100.0));
        position.won(position.trail_extreme, level)
    })
}

/// The trail for the extreme so far, with the values of `row`.
pub(super) fn trail_level(
    position: &Position,
    form: &Form<impl std::ops::Deref<Target = [f64]>>,
    row: usize,
) -> f64 {
    super::position::level(form, row, position.trail_extreme, position.entry_price, -position.sign)
}

/// The more favourable of two prices.
fn farther(sign: f64, new: f64, old: f64) -> f64 {
    if sign * new > sign * old { new } else { old }
}
