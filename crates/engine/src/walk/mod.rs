//! The walk: one variant through all candles of its range, one after the other.
//!
//! Order inside a candle: funding due by its open; at the open, gaps through levels, then what was
//! decided on the previous close (exits and flips, then entries); funding due inside; then pending
//! entries, stop, liquidation and targets, by finer candles where they decide; at the close,
//! trailing, then signals and limits, which are due at the next open.
//! Invariants: at most one entry a candle; no fill outside the range; nothing is read from a later
//! candle. Not here: values of expressions (`evaluate`), daily marks (`marks`).

mod detail;
mod entry;
mod exit;
mod funding;
mod journal;
mod market;
mod position;
mod prices;
mod quiet;
mod shared;
mod signal;

use model::settings::{FlipVsStop, Instrument, RangeEnd};
use model::strategy::PositionField;
use model::{
    Calendar, CandleSlice, Counts, FillReason, JobSpec, OpenPosition, OpenTimes, PositionSide,
    SkipReason,
};

use crate::batch::{Control, PROGRESS_STRIDE};
use crate::beside::Beside;
use crate::plan::Plan;
pub(crate) use detail::Detail;
use entry::{Blocked, Pending, Wanted};
use exit::Record;
use funding::Due;
pub(crate) use journal::{Entry, Journal};
use market::Market;
pub(crate) use position::Position;
use prices::Prices;
use quiet::{AHEAD, Quiet};
pub(crate) use shared::Shared;
pub(crate) use signal::compares;

/// What is walked: candles from the seed row of all nodes, and how one variant trades them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Track<'a> {
    pub(crate) candles: CandleSlice<'a>,
    /// What walks over `candles` share.
    pub(crate) shared: &'a Shared,
    pub(crate) times: OpenTimes<'a>,
    /// First row of the range.
    pub(crate) first: usize,
    /// Length of a candle, ms.
    pub(crate) timeframe_ms: i64,
    pub(crate) calendar: &'a Calendar,
    pub(crate) instrument: Instrument,
    pub(crate) spec: &'a JobSpec,
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) beside: &'a Beside<'a>,
}

/// Looks at a walk; one that does not watch costs nothing.
pub(crate) trait Observer {
    /// Whether every candle is walked and [`Observer::closed`] called; else quiet ones are skipped.
    const WATCHES: bool;
    /// The candle in `row` is about to trade inside, with `position` held.
    fn inside(&mut self, row: usize, position: Option<&Position>);
    /// The candle in `row` has closed; what is due was decided.
    fn closed(&mut self, row: usize, close: &Close);
    /// An entry wanted was not made.
    fn skipped(&mut self, row: usize, reason: SkipReason);
}

/// What there is to see at a close.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Close {
    pub(crate) position: Option<Position>,
    /// Whether long, short, exitLong and exitShort hold.
    pub(crate) signals: [bool; 4],
    /// State of the account, in the order of [`PositionField::ALL`]; null as NaN.
    pub(crate) state: [f64; PositionField::ALL.len()],
    pub(crate) last_exit: Option<FillReason>,
    /// What the next open will do.
    pub(crate) due_exit: Option<FillReason>,
    pub(crate) due_entry: Option<PositionSide>,
    /// Price of the pending order.
    pub(crate) pending: Option<f64>,
}

/// What a walk leaves beside the fills.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Walked {
    pub(crate) open_position: Option<OpenPosition>,
    /// `missing` is 0 here.
    pub(crate) counts: Counts,
    pub(crate) ruined: bool,
}

/// The walk was stopped by its monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

/// The account and what is due, between two candles.
struct Walk<'t, 'f, O> {
    track: Track<'t>,
    market: Market,
    cash: f64,
    position: Option<Position>,
    pending: Option<Pending>,
    due_exit: Option<FillReason>,
    due_entry: Option<Wanted>,
    trades: u32,
    last_exit: Option<LastExit>,
    blocked: Blocked,
    record: Record,
    ruined: bool,
    ambiguous: u64,
    conflicts: u64,
    skipped: [u64; SkipReason::ALL.len()],
    due: Due<'t>,
    journal: &'f mut Journal,
    observer: &'f mut O,
}

/// How and when the last trade ended.
#[derive(Clone, Copy, Debug)]
struct LastExit {
    row: usize,
    reason: FillReason,
}

/// Walks `track`; what happens is written into `journal`, which should have room for
/// [`most_fills`] and every payment.
///
/// `progress` gets the count of candles done every [`PROGRESS_STRIDE`] of them. Candles on which
/// nothing can happen are skipped, unless an observer watches: then every one is walked.
pub(crate) fn walk<O: Observer>(
    track: Track<'_>,
    journal: &mut Journal,
    observer: &mut O,
    mut progress: impl FnMut(usize) -> Control,
) -> Result<Walked, Stopped> {
    let quiet = Quiet::new(track.spec, track.plan);
    let mut walk = Walk::new(track, journal, observer);
    let last = track.candles.len() - 1;
    let mut row = track.first;
    let mut report = track.first + PROGRESS_STRIDE;
    let mut fetched = row;
    loop {
        if !O::WATCHES && walk.is_idle() {
            if row >= fetched {
                quiet.fetch(row, track.candles, track.shared);
                fetched = row + AHEAD;
            }
            let position = walk.position.as_ref();
            // A position must not miss its next payment.
            let until = if position.is_some() { last.min(walk.due.row) } else { last };
            row = quiet.next(row, until, position, track.candles, track.shared);
        }
        while row >= report {
            if progress(report - track.first) == Control::Stop {
                return Err(Stopped);
            }
            report += PROGRESS_STRIDE;
        }
        walk.candle(row, track.shared.candle(track.candles, row), row == last);
        row += 1;
        if row > last {
            return Ok(walk.finish());
        }
    }
}

/// Fills that a walk of `track` cannot exceed.
pub(crate) fn most_fills(track: &Track<'_>) -> usize {
    let plan = track.plan;
    let signals = [&plan.long, &plan.short]
        .into_iter()
        .flat_map(|rule| rule.guarded.iter().map(|clause| &clause.stateless).chain([&rule.plain]));
    let closes = signals.map(|bits| bits.count()).sum::<usize>();
    let entries = closes.min(track.candles.len() - track.first);
    entries * (2 + plan.exits.len())
}

impl<'t, 'f, O: Observer> Walk<'t, 'f, O> {
    fn new(track: Track<'t>, journal: &'f mut Journal, observer: &'f mut O) -> Self {
        let mut walk = Walk {
            track,
            market: Market::new(track.spec, &track.instrument),
            cash: track.spec.balance,
            position: None,
            pending: None,
            due_exit: None,
            due_entry: None,
            trades: 0,
            last_exit: None,
            blocked: Blocked::No,
            record: Record::default(),
            ruined: false,
            ambiguous: 0,
            conflicts: 0,
            skipped: [0; SkipReason::ALL.len()],
            due: Due::new(track.beside.funding(), track.candles, track.timeframe_ms),
            journal,
            observer,
        };
        walk.check_ruin();
        walk
    }

    /// Whether nothing is due at the next open and no order waits.
    #[inline]
    fn is_idle(&self) -> bool {
        self.pending.is_none() && self.due_exit.is_none() && self.due_entry.is_none()
    }

    #[inline]
    fn candle(&mut self, row: usize, candle: Prices, is_last: bool) {
        if self.due.row <= row {
            self.pay_before(row, &candle);
        }
        self.at_open(row, &candle);
        if self.due.row == row {
            self.pay_inside(row, &candle);
        }
        self.observer.inside(row, self.position.as_ref());
        if self.position.is_some() {
            self.inside(row, &candle);
        } else if self.pending.is_some() {
            self.fill_pending(row, &candle);
        }
        self.at_close(row, &candle, is_last);
    }

    #[inline]
    fn at_open(&mut self, row: usize, candle: &Prices) {
        let (due_exit, due_entry) = (self.due_exit.take(), self.due_entry.take());
        if let Some(position) = &self.position {
            let stop_first = due_exit.is_some()
                && self.track.spec.fill.flip_vs_stop == FlipVsStop::StopFirst
                && (position.is_lost_in(candle) || position.is_won_in(candle));
            let leaves = due_exit.is_some() && !stop_first;
            self.gaps(row, candle, leaves);
            if stop_first {
                return;
            }
            if self.position.is_some()
                && let Some(reason) = due_exit
            {
                self.exit_market(row, candle.open, reason);
            }
        }
        if let Some(wanted) = due_entry {
            self.place(row, candle.open, wanted);
        }
    }

    #[inline]
    fn at_close(&mut self, row: usize, candle: &Prices, is_last: bool) {
        if self.position.is_some() {
            self.move_levels(row, candle);
        }
        self.decide(row, candle, is_last);
        if O::WATCHES {
            self.observer.closed(row, &self.close(row, candle.close));
        }
        if is_last && self.position.is_some() {
            match self.track.spec.fill.end {
                RangeEnd::Mark => {}
                RangeEnd::Close => self.exit_market(row, candle.close, FillReason::End),
                RangeEnd::LastOpen => self.exit_market(row, candle.open, FillReason::End),
            }
        }
    }

    fn finish(mut self) -> Walked {
        if self.pending.take().is_some() {
            self.skip(self.track.candles.len() - 1, SkipReason::Unfilled);
        }
        let last_close = self.track.candles.close.last().copied();
        let open_position =
            self.position.zip(last_close).map(|(position, mark_price)| OpenPosition {
                side: position.side,
                quantity: position.quantity,
                entry_price: position.entry_price,
                entry_time_ms: position.entry_time_ms,
                mark_price,
                trade_id: position.trade_id,
            });
        let skipped = SkipReason::ALL.into_iter().zip(self.skipped).filter(|(_, count)| *count > 0);
        let counts = Counts {
            ambiguous: self.ambiguous,
            missing: 0,
            conflicts: self.conflicts,
            skipped: skipped.collect(),
        };
        Walked { open_position, counts, ruined: self.ruined }
    }

    fn skip(&mut self, row: usize, reason: SkipReason) {
        self.skipped[reason as usize] += 1;
        self.observer.skipped(row, reason);
    }

    /// Trading ends once nothing is left to trade with, or less than the least order.
    ///
    /// What rounding leaves of a balance that was lost whole counts as nothing.
    fn check_ruin(&mut self) {
        let dust = self.track.spec.balance * 1e-12;
        self.ruined |= self.cash <= dust || self.cash < self.track.instrument.min_notional;
    }

    /// The close of the candle in `row`, ms.
    fn close_time_ms(&self, row: usize) -> i64 {
        self.track.times.close_ms(row)
    }
}

/// The side as an order of `side` that opens (true) or closes it.
fn order_side(side: PositionSide, opens: bool) -> model::Side {
    if (side == PositionSide::Long) == opens { model::Side::Buy } else { model::Side::Sell }
}
