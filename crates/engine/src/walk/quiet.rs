//! Candles on which nothing can happen, skipped at once.
//!
//! Between two events a walk only waits: for the next signal that matters to its state, for the
//! first touch of a level, for its limit of time. [`Quiet`] finds the next of them by words of 64
//! candles. A walk that skips gives the same bytes as one that does not; settings that move with
//! every candle (trailing, following levels, the best profit so far) are never skipped.

use model::strategy::PositionField;
use model::{CandleSlice, JobSpec, PositionSide};

use super::position::Position;
use super::shared::{BLOCK, Shared, first_touch};
use crate::bits::Bits;
use crate::frame::Column;
use crate::plan::{Guard, Plan, Rule};

/// Rows whose candles are fetched at once: those of some twenty signals.
pub(super) const AHEAD: usize = 1_024;

/// The rows on which something may be decided, by the state of the walk.
#[derive(Clone, Debug)]
pub(super) struct Quiet {
    flat: Bits,
    long: Bits,
    short: Bits,
    /// Whether a position changes only at the rows above, its levels and its deadline.
    holds_still: bool,
}

impl Quiet {
    pub(super) fn new(spec: &JobSpec, plan: &Plan<'_>) -> Quiet {
        let [long, short] = [may_hold(&plan.long), may_hold(&plan.short)];
        let reads_best = [&plan.exit_long, &plan.exit_short].into_iter().any(reads_best);
        let follows = plan.stop.iter().chain(&plan.target).any(|level| level.follow)
            || plan.exits.iter().any(|exit| {
                exit.target.follow || exit.then_stop.as_ref().is_some_and(|stop| stop.follow)
            });
        Quiet {
            flat: long.or(&short),
            long: short.or(&may_hold(&plan.exit_long)),
            short: long.or(&may_hold(&plan.exit_short)),
            holds_still: !reads_best
                && !follows
                && plan.trail.is_none()
                && spec.risk.close_early_after_minutes.is_none(),
        }
    }

    /// Reads the candles at and after the signals of the [`AHEAD`] rows from `row` on.
    ///
    /// A walk asks for a candle when it comes to it, and then waits until it has come from the shared
    /// cache. Asked for one after the other, with nothing to do between, they come at the same time.
    pub(super) fn fetch(&self, row: usize, candles: CandleSlice<'_>, shared: &Shared) {
        let end = (row + AHEAD).min(candles.len() - 1);
        let mut next = row;
        let mut read = 0;
        while let Some(signal) = self.flat.next(next).filter(|signal| *signal < end) {
            read ^= shared.read(candles, signal) ^ shared.read(candles, signal + 1);
            next = signal + 1;
        }
        std::hint::black_box(read);
    }

    /// The first row from `row` up to `last` that must be walked.
    #[inline]
    pub(super) fn next(
        &self,
        row: usize,
        last: usize,
        position: Option<&Position>,
        candles: CandleSlice<'_>,
        shared: &Shared,
    ) -> usize {
        match position {
            None => self.flat.next(row).map_or(last, |next| next.min(last)),
            Some(position) if self.holds_still && position.next_stop.is_nan() => {
                let last = last.min(position.deadline_row.max(row));
                self.next_held(row, last, position, candles, shared)
            }
            Some(_) => row,
        }
    }

    fn next_held(
        &self,
        row: usize,
        last: usize,
        position: &Position,
        candles: CandleSlice<'_>,
        shared: &Shared,
    ) -> usize {
        let levels = &position.levels;
        let (loss, win) = (levels.protection().price, levels.nearest_target());
        // What is not there is never touched: no comparison with NaN holds.
        let (bits, floor, ceiling) = match position.side {
            PositionSide::Long => (&self.long, loss, win),
            PositionSide::Short => (&self.short, win, loss),
        };
        let mut row = row;
        while row < last {
            let block = row / BLOCK;
            let end = last.min((block + 1) * BLOCK);
            let signal = bits.next_in_word(row).min(end);
            if shared.may_touch(block, floor, ceiling) {
                let (lows, highs) = (&candles.low[row..signal], &candles.high[row..signal]);
                if let Some(offset) = first_touch(lows, highs, floor, ceiling) {
                    return row + offset;
                }
            }
            if signal < end {
                return signal;
            }
            row = end;
        }
        last
    }
}

/// Where a condition may hold: its guards are not asked.
fn may_hold(rule: &Rule<Column<'_>, std::rc::Rc<Bits>>) -> Bits {
    rule.guarded.iter().fold((*rule.plain).clone(), |bits, clause| bits.or(&clause.stateless))
}

fn reads_best(rule: &Rule<Column<'_>, std::rc::Rc<Bits>>) -> bool {
    let mut guards = rule.guarded.iter().flat_map(|clause| &clause.guards);
    guards
        .any(|guard| matches!(guard, Guard::Compare { field: PositionField::MaxFavourablePct, .. }))
}
