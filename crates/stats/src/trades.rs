//! Round trips, derived from fills and funding events.
//!
//! A trade is closed: its position is back to zero. What is still held is an [`OpenTrade`].

use serde::{Serialize, Serializer};

use model::{Fill, FillReason, FundingEvent, OpenPosition, PositionSide, Side};

/// Gross results smaller than this share of the entry value are rounding of partial exits.
const ROUNDING: f64 = 1e-13;

/// A round trip, from its entry fill to its last exit fill; serialises as the contract's JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trade {
    /// Which way.
    pub side: PositionSide,
    /// Open time of the entry candle, ms; RFC 3339 in JSON.
    #[serde(rename = "entryTime", serialize_with = "as_rfc3339")]
    pub entry_time_ms: i64,
    /// Average entry price, in quote.
    pub entry_price: f64,
    /// Open time of the candle of the last exit, ms; RFC 3339 in JSON.
    #[serde(rename = "exitTime", serialize_with = "as_rfc3339")]
    pub exit_time_ms: i64,
    /// Average exit price by quantity, in quote.
    pub exit_price: f64,
    /// Quantity entered, in base.
    pub quantity: f64,
    /// Number of exit fills.
    pub legs: u32,
    /// Fees of all its fills, in quote, >= 0.
    pub fees: f64,
    /// Result net of fees and funding, in quote.
    pub pnl: f64,
    /// 100 x pnl / initial margin, where margin = entry value / leverage.
    pub return_pct: f64,
    /// Reason of the last exit fill.
    pub exit_reason: FillReason,
}

/// The trade that is still open at the end, marked at the last close.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenTrade {
    /// Which way.
    pub side: PositionSide,
    /// Open time of the entry candle, ms; RFC 3339 in JSON.
    #[serde(rename = "entryTime", serialize_with = "as_rfc3339")]
    pub entry_time_ms: i64,
    /// Entry price, in quote.
    pub entry_price: f64,
    /// Quantity still held, in base.
    pub quantity: f64,
    /// Last close, in quote.
    pub mark_price: f64,
    /// Fees paid so far, in quote.
    pub fees: f64,
    /// Result so far at the mark, partial exits included, net of fees and funding, in quote.
    pub pnl: f64,
    /// 100 x pnl / initial margin.
    pub return_pct: f64,
}

/// What the fills of one trade add up to.
struct Legs {
    side: PositionSide,
    entries: u32,
    entry_quantity: f64,
    entry_value: f64,
    exit_quantity: f64,
    exit_value: f64,
    exits: u32,
    fees: f64,
}

/// The closed trades of `fills`, in order of entry.
///
/// `fills` and `funding` are in order of time, `leverage` is >= 1, and `open` names the trade that
/// is not closed yet. One pass.
pub fn trades(
    fills: &[Fill],
    funding: &[FundingEvent],
    leverage: f64,
    open: Option<&OpenPosition>,
) -> Vec<Trade> {
    let open_id = open.map(|position| position.trade_id);
    let mut funding = funding;
    let mut trades = Vec::with_capacity(fills.len() / 2);
    for fills in fills.chunk_by(|a, b| a.trade_id == b.trade_id) {
        let (entry, last) = (&fills[0], &fills[fills.len() - 1]);
        let received = take_funding(&mut funding, entry.trade_id);
        let legs = Legs::of(fills);
        if open_id == Some(entry.trade_id) || legs.exits == 0 {
            continue;
        }
        let pnl = legs.gross(0.0) - legs.fees + received;
        trades.push(Trade {
            side: legs.side,
            entry_time_ms: entry.time_ms,
            entry_price: if legs.entries == 1 {
                entry.price
            } else {
                legs.entry_value / legs.entry_quantity
            },
            exit_time_ms: last.time_ms,
            exit_price: if legs.exits == 1 {
                last.price
            } else {
                legs.exit_value / legs.exit_quantity
            },
            quantity: legs.entry_quantity,
            legs: legs.exits,
            fees: legs.fees,
            pnl,
            return_pct: return_pct(pnl, legs.entry_value, leverage),
            exit_reason: last.reason,
        });
    }
    trades
}

/// The open trade behind `position`; `fills`, `funding` and `leverage` as for [`trades`].
pub fn open_trade(
    fills: &[Fill],
    funding: &[FundingEvent],
    leverage: f64,
    position: &OpenPosition,
) -> OpenTrade {
    let first = fills.partition_point(|fill| fill.trade_id < position.trade_id);
    let legs = Legs::of(&fills[first..]);
    let mut funding = funding;
    let received = take_funding(&mut funding, position.trade_id);
    let pnl = legs.gross(position.quantity * position.mark_price) - legs.fees + received;
    OpenTrade {
        side: position.side,
        entry_time_ms: position.entry_time_ms,
        entry_price: position.entry_price,
        quantity: position.quantity,
        mark_price: position.mark_price,
        fees: legs.fees,
        pnl,
        return_pct: return_pct(pnl, legs.entry_value, leverage),
    }
}

impl Legs {
    /// Adds up fills of one trade; the first says which way it goes.
    fn of(fills: &[Fill]) -> Legs {
        let entry_side = fills.first().map_or(Side::Buy, |fill| fill.side);
        let mut legs = Legs {
            side: match entry_side {
                Side::Buy => PositionSide::Long,
                Side::Sell => PositionSide::Short,
            },
            entries: 0,
            entry_quantity: 0.0,
            entry_value: 0.0,
            exit_quantity: 0.0,
            exit_value: 0.0,
            exits: 0,
            fees: 0.0,
        };
        for fill in fills {
            legs.fees += fill.fee;
            if fill.side == entry_side {
                legs.entries += 1;
                legs.entry_quantity += fill.quantity;
                legs.entry_value += fill.quantity * fill.price;
            } else {
                legs.exit_quantity += fill.quantity;
                legs.exit_value += fill.quantity * fill.price;
                legs.exits += 1;
            }
        }
        legs
    }

    /// Result before fees and funding when `held_value` is still held, in quote.
    fn gross(&self, held_value: f64) -> f64 {
        let change = self.exit_value + held_value - self.entry_value;
        if change.abs() <= ROUNDING * self.entry_value {
            return 0.0;
        }
        match self.side {
            PositionSide::Long => change,
            PositionSide::Short => -change,
        }
    }
}

/// Moves past the events up to trade `trade_id` and returns that trade's sum.
fn take_funding(events: &mut &[FundingEvent], trade_id: u32) -> f64 {
    let mut sum = 0.0;
    while let Some((event, rest)) = events.split_first() {
        if event.trade_id > trade_id {
            break;
        }
        if event.trade_id == trade_id {
            sum += event.amount;
        }
        *events = rest;
    }
    sum
}

/// 0 where the margin is less than a number can be: then the result is nothing as well.
fn return_pct(pnl: f64, entry_value: f64, leverage: f64) -> f64 {
    let margin = entry_value / leverage;
    if margin > 0.0 { 100.0 * pnl / margin } else { 0.0 }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn as_rfc3339<S: Serializer>(time_ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let time = jiff::Timestamp::from_millisecond(*time_ms).map_err(serde::ser::Error::custom)?;
    serializer.collect_str(&time)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills written as `id side quantity price fee` with one candle a minute.
    fn fills(text: &str) -> Vec<Fill> {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .zip(0_i64..)
            .map(|(line, row)| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let number = |index: usize| words[index].parse::<f64>().unwrap();
                Fill {
                    time_ms: row * 60_000,
                    side: if words[1] == "buy" { Side::Buy } else { Side::Sell },
                    quantity: number(2),
                    price: number(3),
                    fee: number(4),
                    reason: if words.len() > 5 {
                        FillReason::TakeProfit
                    } else {
                        FillReason::Entry
                    },
                    trade_id: words[0].parse().unwrap(),
                }
            })
            .collect()
    }

    #[track_caller]
    fn check(text: &str, leverage: f64, expected: &[(f64, f64, u32, f64)]) {
        let funding = [FundingEvent { time_ms: 60_000, rate: 0.0, amount: -1.0, trade_id: 1 }];
        let found: Vec<_> = trades(&fills(text), &funding, leverage, None)
            .iter()
            .map(|trade| (trade.exit_price, trade.pnl, trade.legs, trade.return_pct))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn pnl_is_net_of_fees_and_funding_and_the_return_is_on_the_margin() {
        check("0 buy 2 100 1\n0 sell 2 110 1 x", 1.0, &[(110.0, 18.0, 1, 9.0)]);
        check("0 buy 2 100 1\n0 sell 2 110 1 x", 4.0, &[(110.0, 18.0, 1, 36.0)]);
        check("1 sell 2 100 1\n1 buy 2 90 1 x", 1.0, &[(90.0, 17.0, 1, 8.5)]);
    }

    #[test]
    fn a_margin_too_small_for_a_number_returns_nothing() {
        check("0 buy 1e-323 50 0\n0 sell 1e-323 49 0 x", 200.0, &[(49.0, -1e-323, 1, 0.0)]);
    }

    #[test]
    fn partial_exits_average_their_price_and_count_as_legs() {
        let text =
            "0 buy 4 100 0\n0 sell 1 110 0 x\n0 sell 3 102 0 x\n1 sell 1 100 0\n1 buy 1 99 0 x";
        check(text, 1.0, &[(104.0, 16.0, 2, 4.0), (99.0, 0.0, 1, 0.0)]);
    }

    #[test]
    fn break_even_in_parts_is_exactly_zero() {
        let fills = fills("0 buy 0.3 0.7 0\n0 sell 0.1 0.7 0 x\n0 sell 0.2 0.7 0 x");
        assert!(trades(&fills, &[], 1.0, None)[0].pnl.abs() <= 0.0);
    }

    #[test]
    fn a_position_still_open_is_no_trade() {
        let fills = fills("0 buy 2 100 1\n0 sell 1 110 1 x");
        let position = OpenPosition {
            side: PositionSide::Long,
            quantity: 1.0,
            entry_price: 100.0,
            entry_time_ms: 0,
            mark_price: 120.0,
            trade_id: 0,
        };
        assert!(trades(&fills, &[], 1.0, Some(&position)).is_empty());
        let open = open_trade(&fills, &[], 1.0, &position);
        assert_eq!((open.fees, open.pnl, open.return_pct), (2.0, 28.0, 14.0));
        assert!(trades(&fills[..1], &[], 1.0, None).is_empty());
        assert!(trades(&[], &[], 1.0, None).is_empty());
    }

    #[test]
    fn the_json_is_the_contracts() {
        let trade = trades(&fills("0 buy 2 100 1\n0 sell 2 110 1 x"), &[], 1.0, None)[0];
        assert_eq!(
            serde_json::to_string(&trade).unwrap(),
            "{\"side\":\"long\",\"entryTime\":\"1970-01-01T00:00:00Z\",\"entryPrice\":100.0,\
             \"exitTime\":\"1970-01-01T00:01:00Z\",\"exitPrice\":110.0,\"quantity\":2.0,\"legs\":1,\
             \"fees\":2.0,\"pnl\":18.0,\"returnPct\":9.0,\"exitReason\":\"take_profit\"}"
        );
    }
}
