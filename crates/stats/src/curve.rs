//! Equity at each candle's close, rebuilt from fills, funding events and candles.
//!
//! Cash starts at the balance; a buy takes quantity x price, a sell adds it, every fill pays its
//! fee, a funding event adds its amount. Equity is cash + signed quantity x close.
//! A funding event belongs to the first candle that closes after it, as in the engine.

use std::ops::Range;

use serde::Serialize;

use model::{Fill, FillReason, FundingEvent, OpenTimes, Outcome, PositionSide, Side};

use crate::path::{Extremes, PricePath};
use crate::trades::Trade;
use crate::water::WaterLine;

/// A remainder below this share of the entered quantity is rounding of partial exits.
const ROUNDING: f64 = 1e-12;
const DAY_MS: f64 = model::DAY_MS as f64;
/// Stretches whose extremes are found at once.
const AT_ONCE: usize = 16;

/// What a pass over candle-level equity finds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EquitySummary {
    /// Candles of the range.
    pub candles: usize,
    /// Candles with an open position; those of the entry and the exit count.
    pub exposed: usize,
    /// Closes at which equity is below its running peak.
    pub under_water: usize,
    /// Deepest fall from the running peak (start cash included), as a fraction, <= 0.
    pub max_drawdown: f64,
    /// Longest time from a peak to its recovery or the end, in days.
    pub drawdown_duration_days: f64,
    /// Equity at the last close, in quote.
    pub final_equity: f64,
    /// Excursions of the closed trades; `None` without trades.
    pub excursions: Option<Excursions>,
}

/// Averages over closed trades of how far the price went against and for them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Excursions {
    /// Worst move against the trade, percent of the entry price, <= 0.
    pub mae_pct: f64,
    /// Best move for the trade, percent of the entry price, >= 0.
    pub mfe_pct: f64,
}

/// Equity in quote at the close of each candle of `path`.
///
/// `initial` is the starting cash. Allocates the result only.
pub fn equity_curve(outcome: &Outcome, path: &PricePath<'_>, initial: f64) -> Vec<f64> {
    let candles = path.candles();
    let mut curve = Vec::with_capacity(candles.len());
    walk(outcome, path.times(), initial, |stretch| {
        let closes = &candles.close[stretch.rows.clone()];
        if stretch.is_held() {
            curve.extend(closes.iter().map(|close| stretch.cash + stretch.position * close));
        } else {
            curve.resize(curve.len() + closes.len(), stretch.cash);
        }
    });
    curve
}

/// Drawdown, time under water and exposure of candle-level equity, without the curve itself, and
/// the excursions of `trades`, the closed ones of `outcome` in order of entry.
///
/// Equal to the bit to what [`equity_curve`] would show. Allocates a kilobyte; a stretch without
/// position costs nothing per candle, a held one less than a nanosecond when `path` has blocks.
pub fn equity_summary(
    outcome: &Outcome,
    trades: &[Trade],
    path: &PricePath<'_>,
    initial: f64,
) -> EquitySummary {
    let candles = path.candles();
    let mut account = Account {
        path,
        exposed: 0,
        cash: initial,
        position: 0.0,
        water: WaterLine::new(initial, path),
        reach: Reach::new(trades),
    };
    let mut stretches = Vec::with_capacity(AT_ONCE);
    walk(outcome, path.times(), initial, |stretch| {
        stretches.push(stretch);
        if stretches.len() == AT_ONCE {
            account.pass(&stretches);
            stretches.clear();
        }
    });
    account.pass(&stretches);
    let Account { exposed, cash, position, water, reach, .. } = account;
    let depths = water.end();
    EquitySummary {
        candles: candles.len(),
        exposed,
        under_water: depths.under_water,
        max_drawdown: depths.max_drawdown,
        drawdown_duration_days: depths.longest_ms as f64 / DAY_MS,
        final_equity: candles.close.last().map_or(cash, |close| cash + position * close),
        excursions: if candles.is_empty() { None } else { reach.average() },
    }
}

/// What is known of equity after some stretches.
struct Account<'t, 'p, 'a> {
    path: &'p PricePath<'a>,
    exposed: usize,
    cash: f64,
    position: f64,
    water: WaterLine<'p, 'a>,
    reach: Reach<'t>,
}

impl Account<'_, '_, '_> {
    /// Goes through the next stretches, no more than [`AT_ONCE`].
    ///
    /// Extremes of all of them come first: what is done with one depends on them, and a processor
    /// that waits there for a price to come from the shared cache has not yet asked for the next.
    fn pass(&mut self, stretches: &[Stretch]) {
        let mut extremes = [Extremes::NONE; AT_ONCE];
        for (extremes, stretch) in extremes.iter_mut().zip(stretches) {
            if stretch.is_held() {
                *extremes = self.path.ranges(stretch.rows.clone());
            }
        }
        for (extremes, stretch) in extremes.iter().zip(stretches) {
            let rows = stretch.rows.clone();
            let (cash, position) = (stretch.cash, stretch.position);
            if stretch.is_held() {
                self.exposed += rows.len();
                self.reach.held(stretch.trade, *extremes);
                self.water.held(|price| cash + position * price, *extremes, rows);
            } else {
                self.exposed += usize::from(stretch.filled);
                self.water.constant(cash, rows);
            }
            (self.cash, self.position) = (cash, position);
        }
    }
}

/// How far the price went while each trade was held.
///
/// Counts every candle from the entry candle to the one before the exit whole, and of the exit
/// candle the exit price only: what came after the exit in it did not concern the trade.
struct Reach<'a> {
    trades: &'a [Trade],
    /// Trades that are done.
    done: usize,
    /// Extremes of the trade after them.
    extremes: Extremes,
    against: f64,
    in_favour: f64,
}

impl<'a> Reach<'a> {
    fn new(trades: &'a [Trade]) -> Reach<'a> {
        Reach { trades, done: 0, extremes: Extremes::NONE, against: 0.0, in_favour: 0.0 }
    }

    /// Trade number `trade` is held over candles of these `extremes`.
    fn held(&mut self, trade: usize, extremes: Extremes) {
        self.end_before(trade);
        self.extremes = self.extremes.with(extremes);
    }

    /// Adds up the trades before number `trade`.
    fn end_before(&mut self, trade: usize) {
        while self.done < trade.min(self.trades.len()) {
            let trade = &self.trades[self.done];
            let prices = [trade.entry_price, trade.exit_price];
            let prices = prices.map(|price| Extremes { low: price, high: price });
            let Extremes { low, high } = self.extremes.with(prices[0]).with(prices[1]);
            let fall = (low / trade.entry_price - 1.0) * 100.0;
            let rise = (high / trade.entry_price - 1.0) * 100.0;
            let (against, in_favour) = match trade.side {
                PositionSide::Long => (fall, rise),
                PositionSide::Short => (-rise, -fall),
            };
            self.against += against;
            self.in_favour += in_favour;
            self.done += 1;
            self.extremes = Extremes::NONE;
        }
    }

    fn average(mut self) -> Option<Excursions> {
        self.end_before(usize::MAX);
        let count = self.trades.len() as f64;
        let (mae_pct, mfe_pct) = (self.against / count, self.in_favour / count);
        (!self.trades.is_empty()).then_some(Excursions { mae_pct, mfe_pct })
    }
}

/// Candles over which cash and position do not change.
struct Stretch {
    rows: Range<usize>,
    cash: f64,
    /// Signed quantity: positive long, negative short, 0 flat.
    position: f64,
    /// Whether there is a fill in the first of the rows.
    filled: bool,
    /// Entries before the one that is held.
    trade: usize,
}

impl Stretch {
    fn is_held(&self) -> bool {
        self.position.abs() > 0.0
    }
}

/// Calls `visit` for each stretch of the range, in order; together they cover every row once.
fn walk(outcome: &Outcome, times: OpenTimes<'_>, initial: f64, mut visit: impl FnMut(Stretch)) {
    let mut ledger = Ledger {
        fills: &outcome.fills,
        funding: &outcome.funding,
        cash: initial,
        position: 0.0,
        entered: 0.0,
        entries: 0,
    };
    let mut row = 0;
    while row < times.len() {
        let filled = ledger.apply_before(times.next_open_ms(row), times.close_ms(row));
        let end = ledger.next_ms().map_or(times.len(), |time_ms| times.row_at(row, time_ms));
        let end = end.max(row + 1);
        let trade = ledger.entries.saturating_sub(1);
        let (cash, position) = (ledger.cash, ledger.position);
        visit(Stretch { rows: row..end, cash, position, filled, trade });
        row = end;
    }
}

/// Cash and position between events.
struct Ledger<'a> {
    fills: &'a [Fill],
    funding: &'a [FundingEvent],
    cash: f64,
    position: f64,
    entered: f64,
    entries: usize,
}

impl Ledger<'_> {
    /// When the next event happens, ms.
    fn next_ms(&self) -> Option<i64> {
        let fill = self.fills.first().map(|fill| fill.time_ms);
        let event = self.funding.first().map(|event| event.time_ms);
        fill.into_iter().chain(event).min()
    }

    /// Applies what belongs to a candle: fills before the next one opens, payments before it
    /// closes. Says whether there was a fill.
    ///
    /// Within a candle a trade pays funding before its exits, as the engine charges it.
    fn apply_before(&mut self, next_open_ms: i64, close_ms: i64) -> bool {
        let mut filled = false;
        loop {
            let fill = self.fills.first().filter(|fill| fill.time_ms < next_open_ms);
            let event = self.funding.first().filter(|event| event.time_ms < close_ms);
            match (fill, event) {
                (None, None) => return filled,
                (Some(fill), Some(event)) if funding_first(fill, event) => self.pay(event.amount),
                (None, Some(event)) => self.pay(event.amount),
                (Some(fill), _) => {
                    self.fill(fill);
                    filled = true;
                }
            }
        }
    }

    fn pay(&mut self, amount: f64) {
        self.cash += amount;
        self.funding = &self.funding[1..];
    }

    fn fill(&mut self, fill: &Fill) {
        let bought = match fill.side {
            Side::Buy => fill.quantity,
            Side::Sell => -fill.quantity,
        };
        self.cash = self.cash - bought * fill.price - fill.fee;
        self.position += bought;
        if fill.reason == FillReason::Entry {
            self.entered = fill.quantity;
            self.entries += 1;
        }
        if self.position.abs() <= ROUNDING * self.entered {
            self.position = 0.0;
        }
        self.fills = &self.fills[1..];
    }
}

fn funding_first(fill: &Fill, event: &FundingEvent) -> bool {
    let own_exit = fill.reason != FillReason::Entry && fill.trade_id == event.trade_id;
    event.time_ms <= fill.time_ms || own_exit
}

#[cfg(test)]
mod tests {
    use model::{Candle, Candles};

    use super::*;
    use crate::golden::{self, assert_close};

    #[test]
    fn series_a_as_candles_gives_the_golden_drawdown() {
        let mut before = 1.0;
        let candle = |mark: model::DailyMark| {
            let (open, close) = (before, mark.equity);
            before = close;
            let (high, low) = (open.max(close), open.min(close));
            Candle { open_time_ms: mark.day_ms, open, high, low, close, volume: 0.0 }
        };
        let marks = golden::marks(1.0, &golden::series_a());
        let candles: Candles = marks.into_iter().map(candle).collect();
        let entry = Fill {
            time_ms: 0,
            side: Side::Buy,
            quantity: 1.0,
            price: 1.0,
            fee: 0.0,
            reason: FillReason::Entry,
            trade_id: 0,
        };
        let outcome = Outcome { fills: vec![entry], ..Outcome::default() };
        let day = "1d".parse().unwrap();
        let path = PricePath::with_blocks(candles.as_slice(), day);
        let found = equity_summary(&outcome, &[], &path, 1.0);
        assert_close(found.max_drawdown, -0.442_127_511_063_923_8);
        assert_close(found.drawdown_duration_days, 366.0);
        assert_eq!(found.exposed, golden::DAYS);
    }
}
