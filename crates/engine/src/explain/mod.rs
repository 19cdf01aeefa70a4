//! One candle of one backtest, laid open: every node, signal, level and event.

mod parts;
mod table;

use model::{FillReason, FundingEvent, JobSpec, PositionSide, Side, SkipReason};
use serde::Serialize;

use crate::batch::{Control, Values, refuse, track};
use crate::beside::Beside;
use crate::evaluate::Evaluator;
use crate::graph::Graph;
use crate::marks::Ledger;
use crate::plan::draft;
use crate::walk::{Close, Entry, Journal, Observer, Position, Shared, walk};
use crate::{Error, Input};

/// Everything that decided about one candle.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Open time of the candle, ms since 1970-01-01 UTC.
    pub time_ms: i64,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Volume in base.
    pub volume: f64,
    /// Every part of the strategy with its value at the close, outer parts before inner ones.
    pub nodes: Vec<NodeValue>,
    /// The position that traded inside the candle, with the levels that were tested.
    pub inside: Option<Held>,
    /// What the close left behind.
    pub account: Account,
    /// What happened in the candle, in order.
    pub events: Vec<Event>,
}

/// A part of the strategy and what it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeValue {
    /// Where it belongs (`long`, `exitShort`, `stop`).
    pub place: &'static str,
    /// Its canonical form.
    pub node: String,
    /// A number, or 1 and 0 for a condition that holds or does not; `None` = null.
    pub value: Option<f64>,
    /// Whether it is a condition.
    pub condition: bool,
}

/// A position and its levels, prices in quote; `None` = no such level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// Which way.
    pub side: PositionSide,
    /// Base held.
    pub quantity: f64,
    /// Price of the entry fill.
    pub entry_price: f64,
    /// Open time of the entry candle, ms.
    pub entry_time_ms: i64,
    /// The stop.
    pub stop: Option<f64>,
    /// The trailing stop.
    pub trail: Option<f64>,
    /// The nearest target.
    pub target: Option<f64>,
    /// The price that liquidates.
    pub liquidation: Option<f64>,
}

/// Signals and decisions of a close.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Which conditions hold.
    pub signals: Holding,
    /// Cash and position at the close, in quote.
    pub equity: f64,
    /// What is held, with the levels of the next candle.
    pub position: Option<Held>,
    /// The exit due at the next open.
    pub due_exit: Option<FillReason>,
    /// The entry due at the next open.
    pub due_entry: Option<PositionSide>,
    /// Price of the pending order.
    pub pending: Option<f64>,
}

/// Which of the four conditions hold at a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "a strategy has these four conditions")]
pub struct Holding {
    /// Enter long.
    pub long: bool,
    /// Enter short.
    pub short: bool,
    /// Leave a long position.
    pub exit_long: bool,
    /// Leave a short position.
    pub exit_short: bool,
}

/// Something that happened in the candle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "event")]
pub enum Event {
    /// An execution.
    Fill {
        /// Buy or sell.
        side: Side,
        /// Base.
        quantity: f64,
        /// Price in quote.
        price: f64,
        /// Fee in quote.
        fee: f64,
        /// Why.
        reason: FillReason,
        /// Its trade.
        trade_id: u32,
    },
    /// A funding payment.
    Funding {
        /// When it was due, ms since 1970-01-01 UTC.
        time_ms: i64,
        /// Rate as a fraction; positive: long pays.
        rate: f64,
        /// Change of cash, in quote.
        amount: f64,
        /// Its trade.
        trade_id: u32,
    },
    /// An entry that was wanted and not made.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
}

/// Runs `spec` and lays open the candle that opens at `time_ms`.
///
/// Costs a whole backtest. Values of nodes are those of the batch; the position is as the walk had
/// it.
pub fn explain(input: &Input<'_>, spec: &JobSpec, time_ms: i64) -> Result<Explanation, Error> {
    refuse(input, spec)?;
    let first = input.candles.lower_bound(input.range.start_ms);
    let end = input.candles.lower_bound(input.range.end_ms);
    if first >= end {
        return Err(Error::NoCandles);
    }
    let seed = first.saturating_sub(spec.warmup as usize);
    let ground = input.seeded(seed, end);
    let candles = ground.candles;
    let row = candles.lower_bound(time_ms);
    if row < first - seed || candles.open_time_ms.get(row) != Some(&time_ms) {
        return Err(Error::NoSuchCandle { time_ms });
    }
    let mut graph = Graph::of(&spec.series.ticker);
    let draft = draft(&mut graph, spec);
    let parts = parts::collect(&mut graph, spec);
    let mut evaluator = Evaluator::new(&graph, &ground);
    let plan = draft.map(&mut Values(&mut evaluator));
    let (mut journal, mut witness) = (Journal::default(), Witness { row, ..Witness::default() });
    let shared = Shared::default();
    let beside = Beside::new(input, spec, candles.rows(first - seed..candles.len()))?;
    let track = track(input, (candles, &shared), first - seed, spec, &plan, &beside);
    walk(track, &mut journal, &mut witness, |_| Control::Continue).map_err(|_| Error::Stopped)?;
    let close = witness.close.ok_or(Error::NoSuchCandle { time_ms })?;
    let nodes = parts.iter().map(|part| part.value(&mut evaluator, row, &close)).collect();
    let candle = candles.candle(row);
    let mut ledger = Ledger::new(spec.balance);
    let close_ms = time_ms + input.timeframe.ms();
    let before_ms = row.checked_sub(1).map_or(i64::MIN, |row| candles.open_time_ms[row]);
    let mut happened = Vec::new();
    for entry in journal.entries().take_while(|entry| entry.is_by(time_ms, close_ms)) {
        ledger.book(entry);
        if !entry.is_by(before_ms, before_ms.saturating_add(input.timeframe.ms())) {
            happened.push(event(entry));
        }
    }
    let skipped = witness.skipped.iter().map(|reason| Event::Skipped { reason: *reason });
    let [long, short, exit_long, exit_short] = close.signals;
    Ok(Explanation {
        time_ms,
        open: candle.open,
        high: candle.high,
        low: candle.low,
        close: candle.close,
        volume: candle.volume,
        nodes,
        inside: witness.inside.as_ref().map(held),
        account: Account {
            signals: Holding { long, short, exit_long, exit_short },
            equity: ledger.equity(candle.close),
            position: close.position.as_ref().map(held),
            due_exit: close.due_exit,
            due_entry: close.due_entry,
            pending: close.pending,
        },
        events: happened.into_iter().chain(skipped).collect(),
    })
}

fn event(entry: Entry<'_>) -> Event {
    let fill = match entry {
        Entry::Fill(fill) => fill,
        Entry::Funding(payment) => {
            let FundingEvent { time_ms, rate, amount, trade_id } = *payment;
            return Event::Funding { time_ms, rate, amount, trade_id };
        }
    };
    Event::Fill {
        side: fill.side,
        quantity: fill.quantity,
        price: fill.price,
        fee: fill.fee,
        reason: fill.reason,
        trade_id: fill.trade_id,
    }
}

fn held(position: &Position) -> Held {
    Held {
        side: position.side,
        quantity: position.quantity,
        entry_price: position.entry_price,
        entry_time_ms: position.entry_time_ms,
        stop: some(position.levels.stop()),
        trail: some(position.levels.trail()),
        target: some(position.levels.nearest_target()),
        liquidation: some(position.levels.liquidation()).filter(|price| *price > 0.0),
    }
}

/// Null is NaN inside the engine and `None` outside.
fn some(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}

/// Remembers one candle of a walk.
#[derive(Default)]
struct Witness {
    row: usize,
    inside: Option<Position>,
    close: Option<Close>,
    skipped: Vec<SkipReason>,
}

impl Observer for Witness {
    const WATCHES: bool = true;

    fn inside(&mut self, row: usize, position: Option<&Position>) {
        if row == self.row {
            self.inside = position.copied();
        }
    }

    fn closed(&mut self, row: usize, close: &Close) {
        if row == self.row {
            self.close = Some(*close);
        }
    }

    fn skipped(&mut self, row: usize, reason: SkipReason) {
        if row == self.row {
            self.skipped.push(reason);
        }
    }
}
