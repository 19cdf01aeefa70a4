//! Starting a position: what holds an entry back, pending orders, levels, size.

use model::settings::{LevelBase, Liquidation, RangeEnd, Size, WrongSideLevel};
use model::{Fill, FillReason, MINUTE_MS, PositionSide, SkipReason};

use super::position::{Levels, MAX_EXITS, Margin, Position, TargetSlot, sign, tighter};
use super::prices::Prices;
use super::{Observer, Track, Walk, order_side};

/// An entry that a close asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) side: PositionSide,
    pub(super) signal_row: usize,
    pub(super) is_flip: bool,
}

/// A limit or stop order that waits for its price.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) side: PositionSide,
    pub(super) signal_row: usize,
    pub(super) price: f64,
    /// Last row in which it may fill.
    pub(super) last_row: usize,
}

/// What a streak of losses forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// Nothing.
    No,
    /// Entries at the opens up to this row.
    ToRow(usize),
    /// Entries at the opens of this calendar day.
    Day(i64),
    /// All entries.
    Forever,
}

/// How an entry is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Execution {
    /// Worse by slippage, taker fee.
    Market,
    /// At the price, maker fee.
    Limit,
}

impl<O: Observer> Walk<'_, '_, O> {
    /// Acts on an entry that is due at the open of `row`.
    pub(super) fn place(&mut self, row: usize, open: f64, wanted: Wanted) {
        if let Some(reason) = self.held_back(row, wanted.is_flip) {
            self.skip(row, reason);
            return;
        }
        let Some(entry) = &self.track.plan.pending else {
            let Wanted { side, signal_row, .. } = wanted;
            self.enter(row, side, signal_row, open, Execution::Market, false);
            return;
        };
        let price = entry.price[wanted.signal_row];
        if !(price.is_finite() && price > 0.0) {
            self.skip(row, SkipReason::NoSize);
            return;
        }
        let last_row = entry.expire_candles.map_or(usize::MAX, |candles| row + candles - 1);
        let Wanted { side, signal_row, .. } = wanted;
        self.pending = Some(Pending { side, signal_row, price, last_row });
    }

    fn held_back(&self, row: usize, is_flip: bool) -> Option<SkipReason> {
        let paused = match self.blocked {
            Blocked::No => false,
            Blocked::ToRow(last) => row <= last,
            Blocked::Day(day) => self.day_of(row) == day,
            Blocked::Forever => true,
        };
        let cooldown = self.track.spec.risk.cooldown_candles as usize;
        let cools = self.last_exit.is_some_and(|exit| row <= exit.row + cooldown);
        if self.has_ended(row) {
            Some(SkipReason::LastCandle)
        } else if self.ruined {
            Some(SkipReason::Ruined)
        } else if paused {
            Some(SkipReason::LossStreak)
        } else if cools && !is_flip {
            Some(SkipReason::Cooldown)
        } else {
            None
        }
    }

    /// Whether the account ends at the open of `row`.
    fn has_ended(&self, row: usize) -> bool {
        let is_last = row + 1 == self.track.candles.len();
        is_last && self.track.spec.fill.end == RangeEnd::LastOpen
    }

    /// The calendar day of the candle in `row`.
    pub(super) fn day_of(&self, row: usize) -> i64 {
        self.track.calendar.day_of(self.track.times.open_ms(row))
    }

    /// Fills the pending order if the candle reaches it, and trades the rest of that candle.
    pub(super) fn fill_pending(&mut self, row: usize, candle: &Prices) {
        let Some(pending) = self.pending.filter(|_| !self.has_ended(row)) else { return };
        let Some(price) = self.pending_price(&pending, candle) else { return };
        self.pending = None;
        if let Some(finer) = self.finer(row)
            && self.fill_pending_finer(row, pending, finer)
        {
            return;
        }
        self.enter_pending(row, &pending, price);
        if let Some(reach) = self.reach(row, candle, true) {
            self.settle(row, candle, &reach);
        }
    }

    /// The price at which `candle` fills `pending`, before slippage.
    pub(super) fn pending_price(&self, pending: &Pending, candle: &Prices) -> Option<f64> {
        let is_stop = self.track.plan.pending.as_ref().is_some_and(|entry| entry.is_stop);
        // A buy limit and a sell stop wait for a fall, the others for a rise.
        let falls = (pending.side == PositionSide::Long) != is_stop;
        let (touched, at_open) = if falls {
            (candle.low <= pending.price, candle.open <= pending.price)
        } else {
            (candle.high >= pending.price, candle.open >= pending.price)
        };
        touched.then_some(if at_open { candle.open } else { pending.price })
    }

    /// Enters by `pending` at `price`.
    pub(super) fn enter_pending(&mut self, row: usize, pending: &Pending, price: f64) {
        let is_stop = self.track.plan.pending.as_ref().is_some_and(|entry| entry.is_stop);
        let execution = if is_stop { Execution::Market } else { Execution::Limit };
        self.enter(row, pending.side, pending.signal_row, price, execution, true);
    }

    fn enter(
        &mut self,
        row: usize,
        side: PositionSide,
        signal_row: usize,
        raw_price: f64,
        execution: Execution,
        was_pending: bool,
    ) {
        let (order, market) = (order_side(side, true), &self.market);
        let (price, fee_rate) = match execution {
            Execution::Market => (market.market_price(raw_price, order), market.taker_fee),
            Execution::Limit => (market.exact_price(raw_price, order), market.maker_fee),
        };
        debug_assert!(self.position.is_none(), "an entry finds nothing held");
        // Made where it stays: copying what was just written waits for the writes.
        let opened = self.opened(row, side, signal_row, price, was_pending);
        let position = self.position.insert(opened);
        let levels = set_levels(&self.track, position);
        let risk = position.risk;
        let quantity = match levels.and_then(|()| self.quantity(price, risk, fee_rate)) {
            Ok(quantity) => quantity,
            Err(reason) => {
                self.position = None;
                self.skip(row, reason);
                return;
            }
        };
        let Some(position) = &mut self.position else { return };
        let fee = quantity * price * fee_rate;
        position.quantity = quantity;
        position.initial_quantity = quantity;
        position.realised = -fee;
        self.cash = self.cash - position.sign * quantity * price - fee;
        self.journal.fills.push(Fill {
            time_ms: position.entry_time_ms,
            side: order,
            quantity,
            price,
            fee,
            reason: FillReason::Entry,
            trade_id: position.trade_id,
        });
        self.trades += 1;
    }

    /// A position at `price`, still without quantity and levels.
    #[inline]
    fn opened(
        &self,
        row: usize,
        side: PositionSide,
        signal_row: usize,
        price: f64,
        was_pending: bool,
    ) -> Position {
        let money = &self.track.spec.money_management;
        let sign = sign(side);
        let rule = self.track.spec.fill.liquidation;
        let never = money.leverage <= 1.0 && rule == Liquidation::Leveraged;
        let (bankruptcy, liquidation) = if never {
            (f64::NAN, f64::NAN)
        } else {
            let bankruptcy = price * (1.0 - sign / money.leverage);
            let maintenance = money.maintenance_margin_pct / 100.0;
            (bankruptcy, bankruptcy / (1.0 - sign * maintenance))
        };
        Position {
            side,
            sign,
            quantity: 0.0,
            initial_quantity: 0.0,
            entry_price: price,
            entry_row: row,
            entry_time_ms: self.track.times.open_ms(row),
            signal_row,
            trade_id: self.trades,
            was_pending,
            realised: 0.0,
            risk: f64::NAN,
            level_base: match self.track.spec.fill.level_base {
                LevelBase::EntryFill => price,
                LevelBase::SignalClose => self.track.candles.close[signal_row],
            },
            next_stop: f64::NAN,
            stop_of: None,
            trail_extreme: price,
            best: price,
            levels: Levels::new(side, liquidation),
            bankruptcy,
            margin: Margin { bankruptcy, liquidation },
            deadline_row: self.deadline_row(row),
        }
    }

    /// The first row at whose close a position entered in `row` is at its limit of time.
    fn deadline_row(&self, row: usize) -> usize {
        let Some(limit) = self.track.spec.risk.max_position_minutes else { return usize::MAX };
        let times = &self.track.candles.open_time_ms[row..];
        let last_open_ms = times[0] + i64::from(limit.get()) * MINUTE_MS - self.track.timeframe_ms;
        row + times.partition_point(|time_ms| *time_ms < last_open_ms)
    }

    /// Base to buy or sell with the cash there is, rounded down to the instrument's step.
    ///
    /// `risk` is the distance of the stop from the entry at `price`.
    fn quantity(&self, price: f64, risk: f64, fee_rate: f64) -> Result<f64, SkipReason> {
        let money = &self.track.spec.money_management;
        let notional = |pct: f64| {
            let margin = self.cash * (pct / 100.0);
            margin * money.leverage / (1.0 + money.leverage * fee_rate)
        };
        let affordable = notional(100.0) / price;
        let quantity = match money.size {
            Size::PercentOfBalance(pct) => notional(pct) / price,
            Size::FixedQuote(quote) => quote / price,
            Size::FixedQuantity(quantity) => quantity,
            Size::RiskPct(pct) => self.cash * (pct / 100.0) / risk,
            Size::Kelly { cap, start } => {
                let kelly = self.record.kelly_pct();
                notional(kelly.map_or(start, |pct| if pct > cap { cap } else { pct })) / price
            }
        };
        let quantity = if quantity > affordable { affordable } else { quantity };
        if !quantity.is_finite() {
            return Err(SkipReason::NoSize);
        }
        let quantity = self.market.round_quantity(quantity);
        if quantity <= 0.0 || quantity < self.market.min_quantity {
            return Err(SkipReason::MinQuantity);
        }
        if quantity * price < self.market.min_notional {
            return Err(SkipReason::MinNotional);
        }
        Ok(quantity)
    }
}

/// Levels as of the signal candle; refused where one is null or on the wrong side of the fill.
fn set_levels(track: &Track<'_>, position: &mut Position) -> Result<(), SkipReason> {
    let plan = track.plan;
    let row = position.signal_row;
    let (sign, entry) = (position.sign, position.entry_price);
    let any_side = track.spec.fill.wrong_side_level == WrongSideLevel::Enter;
    let checked = |level: f64, towards: f64| {
        let side = sign * towards;
        if !level.is_finite() {
            Err(SkipReason::NoSize)
        } else if side * level <= side * entry && !any_side {
            Err(SkipReason::LevelOnWrongSide)
        } else {
            Ok(level)
        }
    };
    if let Some(stop) = &plan.stop {
        position.levels.set_stop(checked(position.stop_level(&stop.form, row), -1.0)?);
    }
    if let Some(target) = &plan.target {
        let level = checked(position.target_level(&target.form, row), 1.0)?;
        position.levels.set_target(TargetSlot::Whole, level);
    }
    for (slot, exit) in plan.exits.iter().enumerate().take(MAX_EXITS) {
        let level = checked(position.target_level(&exit.target.form, row), 1.0)?;
        position.levels.set_target(TargetSlot::Partial(slot), level);
    }
    if let Some(trail) = &plan.trail {
        let level = position.trail_level(&trail.form, row);
        if !level.is_finite() {
            return Err(SkipReason::NoSize);
        }
        if position.is_armed(trail.activation_pct) {
            position.levels.tighten_trail(checked(level, -1.0)?);
        }
    }
    let (stop, trail) = (position.levels.stop(), position.levels.trail());
    position.risk = (entry - if tighter(sign, trail, stop) { trail } else { stop }).abs();
    Ok(())
}
