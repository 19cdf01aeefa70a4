//! Ending a position, whole or in part.

use model::settings::{BothTouched, GapFill, OpenBeyondTarget, Pause, TrailStart, TrailingBase};
use model::{Fill, FillReason};

use super::entry::Blocked;
use super::position::{Protection, TargetSlot};
use super::prices::Prices;
use super::{LastExit, Observer, Walk, order_side};

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

/// Parts that close this much close all: decimals do not add up to 100 exactly.
const ALL_PCT: f64 = 100.0 - 1e-9;

/// Last bits by which a division and a multiplication may be off together.
const ROUNDING_STEPS: usize = 8;

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
    /// Where the rule of gaps says, if this candle has jumped over the level.
    Open(Prices),
    /// At the level.
    Level,
}

/// Which levels of a position a candle touches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    protection: Protection,
    pub(super) lost: bool,
    pub(super) won: bool,
    /// Where the stop fills.
    stop_at: FillAt,
}

impl<O: Observer> Walk<'_, '_, O> {
    /// Levels that the open has jumped over; `leaves`: the position ends at this open in any case.
    #[inline]
    pub(super) fn gaps(&mut self, row: usize, candle: &Prices, leaves: bool) {
        let Some(position) = &self.position else { return };
        let protection = position.levels.protection();
        let is_lost = position.lost(candle.open, protection.price);
        if !is_lost && !position.won(candle.open, position.levels.nearest_target()) {
            return;
        }
        if leaves && self.track.spec.fill.gap == GapFill::WithinCandle {
            return;
        }
        if position.lost(candle.open, position.levels.liquidation()) {
            let price = position.levels.liquidation();
            let liquidation = Protection { price, reason: FillReason::Liquidation };
            self.exit_protected(row, liquidation, FillAt::Level);
            return;
        }
        if is_lost {
            self.exit_protected(row, protection, FillAt::Open(*candle));
            return;
        }
        let rule = self.track.spec.fill.open_beyond_target;
        if position.is_lost_in(candle) && rule == OpenBeyondTarget::StopAtLevel && !leaves {
            self.exit_protected(row, protection, FillAt::Level);
            return;
        }
        self.fill_targets(row, candle.open, FillAt::Open(*candle));
        self.apply_next_stop();
    }

    /// Stop, liquidation and targets inside the candle, for a position that is held from its open.
    #[inline]
    pub(super) fn inside(&mut self, row: usize, candle: &Prices) {
        let Some(reach) = self.reach(row, candle, false) else { return };
        if reach.lost
            && reach.won
            && let Some(finer) = self.finer(row)
            && self.inside_finer(row, finer)
        {
            return;
        }
        self.settle(row, candle, &reach);
    }

    /// What of the position's levels `candle`, which is `row` or a part of it, touches; `None` if
    /// nothing. `just_filled`: a pending order made the entry inside of it.
    #[inline]
    pub(super) fn reach(&self, row: usize, candle: &Prices, just_filled: bool) -> Option<Reach> {
        let position = self.position.as_ref()?;
        let (mut lost, mut won) = (position.is_lost_in(candle), position.is_won_in(candle));
        if !lost && !won {
            return None;
        }
        let mut protection = position.levels.protection();
        if position.entry_row == row {
            let works = self.track.spec.fill.stop_on_entry_candle;
            won &= works && !just_filled;
            if !works {
                // No stop works yet, so none shields from the liquidation behind it.
                let price = position.levels.liquidation();
                protection = Protection { price, reason: FillReason::Liquidation };
                lost = position.lost(position.adverse(candle), price);
            }
        }
        // A pending entry was filled after the open, so its stop was not jumped over by it.
        let stop_at = if just_filled { FillAt::Level } else { FillAt::Open(*candle) };
        Some(Reach { protection, lost, won, stop_at })
    }

    /// Fills what `candle` touches; where that is both, the rule decides which comes first.
    pub(super) fn settle(&mut self, row: usize, candle: &Prices, reach: &Reach) {
        let Some(position) = &self.position else { return };
        let Reach { protection, lost, won, stop_at } = *reach;
        let favourable = position.favourable(candle);
        let target_first = match self.track.spec.fill.both_touched {
            BothTouched::StopFirst => false,
            BothTouched::TargetFirst => true,
            BothTouched::Path => {
                let down = position.sign * (candle.open - position.adverse(candle));
                let up = position.sign * (favourable - candle.open);
                up < down
            }
        };
        self.ambiguous += u64::from(lost && won);
        if won && (target_first || !lost) {
            self.fill_targets(row, favourable, FillAt::Open(*candle));
            if lost {
                self.apply_next_stop();
                // The stop may have moved out of the candle's reach.
                if let Some(rest) = self.position.as_ref().filter(|rest| rest.is_lost_in(candle)) {
                    self.exit_protected(row, rest.levels.protection(), FillAt::Level);
                }
            }
        } else if lost {
            self.exit_protected(row, protection, stop_at);
        }
    }

    /// Closes the whole position at the market.
    pub(super) fn exit_market(&mut self, row: usize, price: f64, reason: FillReason) {
        if let Some(position) = &self.position {
            self.exit(row, position.quantity, Booking::Market(price), reason);
        }
    }

    /// What moves at a close: the stop asked for by a partial exit, levels that follow, the trail.
    #[inline]
    pub(super) fn move_levels(&mut self, row: usize, candle: &Prices) {
        self.apply_next_stop();
        let Some(position) = &mut self.position else { return };
        let plan = self.track.plan;
        // Of the candle of a pending entry only the close is known to come after the fill.
        let hidden = position.was_pending && position.entry_row == row;
        let extreme = if hidden { candle.close } else { position.favourable(candle) };
        position.best = farther(position.sign, extreme, position.best);
        let of_exit = position.stop_of.and_then(|index| plan.exits[index].then_stop.as_ref());
        for stop in plan.stop.iter().chain(of_exit).filter(|stop| stop.follow) {
            let level = position.stop_level(&stop.form, row);
            position.levels.tighten_stop(level);
        }
        if let Some(target) = plan.target.as_ref().filter(|target| target.follow) {
            let level = position.target_level(&target.form, row);
            position.levels.tighten_target(TargetSlot::Whole, level);
        }
        for (index, exit) in plan.exits.iter().enumerate() {
            if exit.target.follow {
                let level = position.target_level(&exit.target.form, row);
                position.levels.tighten_target(TargetSlot::Partial(index), level);
            }
        }
        let waits =
            position.entry_row == row && self.track.spec.fill.trail_start == TrailStart::NextCandle;
        if let Some(trail) = plan.trail.as_ref().filter(|_| !waits) {
            let mover = match self.track.spec.fill.trailing_base {
                TrailingBase::Extreme => extreme,
                TrailingBase::Close => candle.close,
            };
            position.trail_extreme = farther(position.sign, mover, position.trail_extreme);
            if position.is_armed(trail.activation_pct) {
                let sampled = if trail.follow { row } else { position.signal_row };
                let level = position.trail_level(&trail.form, sampled);
                position.levels.tighten_trail(level);
            }
        }
    }

    /// Moves the stop to where a partial exit wants it; one that follows is never loosened.
    pub(super) fn apply_next_stop(&mut self) {
        if let Some(position) = &mut self.position
            && !position.next_stop.is_nan()
        {
            if self.track.plan.stop.as_ref().is_some_and(|stop| stop.follow) {
                position.levels.tighten_stop(position.next_stop);
            } else {
                position.levels.set_stop(position.next_stop);
            }
            position.next_stop = f64::NAN;
        }
    }

    fn exit_protected(&mut self, row: usize, protection: Protection, at: FillAt) {
        let Some(position) = &self.position else { return };
        let booking = match (protection.reason, at, self.track.spec.fill.gap) {
            (FillReason::Liquidation, _, _) => Booking::Bankrupt,
            (_, FillAt::Open(candle), GapFill::Open)
                if position.lost(candle.open, protection.price) =>
            {
                Booking::Market(candle.open)
            }
            (_, FillAt::Open(candle), GapFill::WithinCandle)
                if position.lost(position.favourable(&candle), protection.price)
                    && !position.won(position.favourable(&candle), protection.price) =>
            {
                Booking::Market(candle.open)
            }
            _ => Booking::Market(protection.price),
        };
        self.exit(row, position.quantity, booking, protection.reason);
    }

    /// Fills the targets that `reach` has touched, the nearest first.
    fn fill_targets(&mut self, row: usize, reach: f64, at: FillAt) {
        while let Some(position) = &self.position
            && let Some(slot) = position.levels.next_target()
            && position.won(reach, position.levels.target(slot))
        {
            let target = position.levels.target(slot);
            let price = match (at, self.track.spec.fill.gap) {
                (FillAt::Open(candle), GapFill::Open) if position.won(candle.open, target) => {
                    candle.open
                }
                (FillAt::Open(candle), GapFill::WithinCandle)
                    if position.won(position.adverse(&candle), target) =>
                {
                    position.adverse(&candle)
                }
                _ => target,
            };
            let quantity = match slot {
                TargetSlot::Whole => position.quantity,
                TargetSlot::Partial(index) => self.start_partial(index),
            };
            if quantity > 0.0 {
                self.exit(row, quantity, Booking::Exact(price), FillReason::TakeProfit);
            }
        }
    }

    /// Marks partial exit `index` as done and returns what it closes.
    fn start_partial(&mut self, index: usize) -> f64 {
        let Some(position) = &mut self.position else { return 0.0 };
        let exits = &self.track.plan.exits;
        position.levels.set_target(TargetSlot::Partial(index), f64::NAN);
        if let Some(then) = &exits[index].then_stop {
            let stop = position.stop_level(&then.form, position.signal_row);
            if stop.is_finite() {
                position.next_stop = stop;
                position.stop_of = Some(index);
            }
        }
        let levels = position.levels.exits();
        let done = exits.iter().zip(levels).filter(|(_, level)| level.is_nan());
        let closed: f64 = done.map(|(exit, _)| exit.close_pct).sum();
        let share = position.initial_quantity * (exits[index].close_pct / 100.0);
        let part = self.market.round_quantity(share);
        if closed >= ALL_PCT || part > position.quantity { position.quantity } else { part }
    }

    fn exit(&mut self, row: usize, quantity: f64, booking: Booking, reason: FillReason) {
        let Some(position) = &mut self.position else { return };
        let side = order_side(position.side, false);
        let market = &self.market;
        let (price, fee_rate) = match booking {
            Booking::Market(price) => (market.market_price(price, side), market.taker_fee),
            Booking::Exact(price) => (market.exact_price(price, side), market.maker_fee),
            Booking::Bankrupt => (position.bankruptcy, 0.0),
        };
        // Isolated margin: no exit loses more than the margin, whatever slippage and fee ask for.
        let price =
            if position.lost(price, position.bankruptcy) { position.bankruptcy } else { price };
        let price = if quantity >= position.quantity {
            without_debt(self.cash, position.sign * quantity, price)
        } else {
            price
        };
        let cash = self.cash + position.sign * quantity * price;
        let left = cash + position.sign * (position.quantity - quantity) * price;
        let fee = (quantity * price * fee_rate).min(left.max(0.0));
        self.cash = cash - fee;
        self.journal.fills.push(Fill {
            time_ms: self.track.times.open_ms(row),
            side,
            quantity,
            price,
            fee,
            reason,
            trade_id: position.trade_id,
        });
        position.realised += position.sign * quantity * (price - position.entry_price) - fee;
        position.quantity -= quantity;
        if position.quantity <= 0.0 {
            let pnl = position.realised;
            self.close_trade(row, pnl, reason);
        } else if position.bankruptcy.to_bits() != position.margin.bankruptcy.to_bits() {
            self.cover_margin();
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

/// `price`, or one a few last bits away from it: what rounding makes of a margin that is lost whole
/// must not be a debt.
fn without_debt(cash: f64, base: f64, price: f64) -> f64 {
    let debt = |price: f64| cash + base * price < 0.0;
    if !debt(price) {
        return price;
    }
    let mut empty = -cash / base;
    for _ in 0..ROUNDING_STEPS {
        if !debt(empty) {
            return empty;
        }
        empty = if base > 0.0 { empty.next_up() } else { empty.next_down() };
    }
    empty
}

/// The more favourable of two prices.
fn farther(sign: f64, new: f64, old: f64) -> f64 {
    if sign * new > sign * old { new } else { old }
}
