//! What a close decides: entries, exits, flips, limits of time; all due at the next open.

use model::settings::AllowedSides;
use model::strategy::{CompareOp, PositionField};
use model::{FillReason, MINUTE_MS, PositionSide, SkipReason};

use super::entry::Wanted;
use super::position::{Position, other};
use super::prices::Prices;
use super::{Close, Observer, Walk};
use crate::frame::Column;
use crate::plan::{Guard, Rule};

impl<O: Observer> Walk<'_, '_, O> {
    /// Reads the signals of the close of `row`.
    ///
    /// On the last candle there is no next open: exits are dropped, a wanted entry is counted.
    #[inline]
    pub(super) fn decide(&mut self, row: usize, candle: &Prices, is_last: bool) {
        let plan = self.track.plan;
        let sides = self.track.spec.risk.direction;
        let long = sides != AllowedSides::Short && self.holds(&plan.long, row, candle.close);
        let short = sides != AllowedSides::Long && self.holds(&plan.short, row, candle.close);
        let mut entry = None;
        if long && short {
            self.conflicts += 1;
        } else if long && !self.holds(&plan.exit_long, row, candle.close) {
            entry = Some(PositionSide::Long);
        } else if short && !self.holds(&plan.exit_short, row, candle.close) {
            entry = Some(PositionSide::Short);
        }
        let wanted = if self.position.is_some() {
            self.with_position(row, candle.close, entry)
        } else {
            self.without_position(row, entry)
        };
        if is_last {
            self.due_exit = None;
            if wanted.is_some() {
                self.skip(row, SkipReason::LastCandle);
            }
        } else {
            self.due_entry = wanted;
        }
    }

    /// Keeps, withdraws or replaces a pending order; returns the entry that is wanted.
    fn without_position(&mut self, row: usize, entry: Option<PositionSide>) -> Option<Wanted> {
        if let Some(pending) = self.pending {
            let cancel = self.track.plan.pending.as_ref().and_then(|plan| plan.cancel_if.as_ref());
            let withdrawn = cancel.is_some_and(|cancel| cancel.get(row));
            let replaced = entry == Some(other(pending.side));
            if !(withdrawn || replaced || row >= pending.last_row) {
                return None;
            }
            self.pending = None;
            self.skip(row, SkipReason::Unfilled);
        }
        entry.map(|side| Wanted { side, signal_row: row, is_flip: false })
    }

    /// Sets the exit that is due; returns the entry of a flip.
    fn with_position(
        &mut self,
        row: usize,
        close: f64,
        entry: Option<PositionSide>,
    ) -> Option<Wanted> {
        let position = self.position.as_ref()?;
        let plan = self.track.plan;
        let risk = &self.track.spec.risk;
        let exit_rule = match position.side {
            PositionSide::Long => &plan.exit_long,
            PositionSide::Short => &plan.exit_short,
        };
        let opposite = entry == Some(other(position.side));
        if opposite
            && risk.flip_position
            && (!risk.flip_only_in_profit || self.is_profitable(position, close))
        {
            let side = other(position.side);
            self.due_exit = Some(FillReason::Flip);
            return Some(Wanted { side, signal_row: row, is_flip: true });
        }
        let held_ms = self.close_time_ms(row) - position.entry_time_ms;
        let may_leave = |minutes: u32| held_ms >= i64::from(minutes) * MINUTE_MS;
        self.due_exit = if self.holds(exit_rule, row, close) {
            Some(FillReason::Signal)
        } else if row >= position.deadline_row {
            Some(FillReason::TimeLimit)
        } else if risk.close_early_after_minutes.is_some_and(may_leave)
            && self.is_profitable(position, close)
        {
            Some(FillReason::CloseEarly)
        } else {
            None
        };
        None
    }

    /// What an observer sees of the close of `row`.
    pub(super) fn close(&self, row: usize, close: f64) -> Close {
        let plan = self.track.plan;
        let rules = [&plan.long, &plan.short, &plan.exit_long, &plan.exit_short];
        Close {
            position: self.position,
            signals: rules.map(|rule| self.holds(rule, row, close)),
            state: PositionField::ALL.map(|field| self.state(field, row, close)),
            last_exit: self.last_exit.map(|exit| exit.reason),
            due_exit: self.due_exit,
            due_entry: self.due_entry.map(|wanted| wanted.side),
            pending: self.pending.map(|pending| pending.price),
        }
    }

    /// Whether closing at `close` would leave a profit after the fees of entry and exit.
    fn is_profitable(&self, position: &Position, close: f64) -> bool {
        position.profit_at(close) - position.quantity * close * self.market.taker_fee > 0.0
    }

    #[inline]
    fn holds(
        &self,
        rule: &Rule<Column<'_>, std::rc::Rc<crate::bits::Bits>>,
        row: usize,
        close: f64,
    ) -> bool {
        rule.plain.get(row)
            || rule.guarded.iter().any(|clause| {
                clause.stateless.get(row)
                    && clause.guards.iter().all(|guard| self.guard_holds(guard, row, close))
            })
    }

    fn guard_holds(&self, guard: &Guard<Column<'_>>, row: usize, close: f64) -> bool {
        match guard {
            Guard::Compare { field, op, number } => {
                compares(*op, self.state(*field, row, close), number[row])
            }
            Guard::LastExit { reason, negated } => {
                self.last_exit.is_some_and(|exit| (exit.reason == *reason) != *negated)
            }
        }
    }

    /// State of the account at the close of `row`; null where it does not apply.
    fn state(&self, field: PositionField, row: usize, close: f64) -> f64 {
        if field == PositionField::BarsSinceExit {
            return self.last_exit.map_or(f64::NAN, |exit| (row - exit.row) as f64);
        }
        let Some(position) = &self.position else { return f64::NAN };
        let move_to = |price: f64| position.sign * (price - position.entry_price);
        match field {
            PositionField::BarsInTrade => (row - position.entry_row) as f64,
            PositionField::MinutesInTrade => {
                ((self.close_time_ms(row) - position.entry_time_ms) / MINUTE_MS) as f64
            }
            PositionField::OpenPnlPct => 100.0 * (move_to(close) / position.entry_price),
            PositionField::OpenR => move_to(close) / position.risk,
            PositionField::MaxFavourablePct => {
                100.0 * (move_to(position.best) / position.entry_price)
            }
            PositionField::BarsSinceExit => f64::NAN,
        }
    }
}

/// A comparison of two numbers, false where one is null.
#[expect(clippy::float_cmp, reason = "eq and ne of the language are exact")]
pub(crate) fn compares(op: CompareOp, left: f64, right: f64) -> bool {
    match op {
        CompareOp::Lt => left < right,
        CompareOp::Le => left <= right,
        CompareOp::Gt => left > right,
        CompareOp::Ge => left >= right,
        CompareOp::Eq => left == right,
        CompareOp::Ne => left != right && !left.is_nan() && !right.is_nan(),
    }
}
