//! Candle-level equity and its summary, against a plain candle-by-candle account.

use proptest::prelude::*;

use model::{
    Candle, Candles, DAY_MS, Fill, FillReason, FundingEvent, MINUTE_MS, Outcome, PositionSide,
    Side, Timeframe,
};
use stats::{EquitySummary, Excursions, PricePath, equity_curve, equity_summary, trades};

const INITIAL: f64 = 1_000.0;

/// A market and the trades made in it; `steps` are (candle, candles held, long, quantity).
#[derive(Debug)]
struct Market {
    candles: Candles,
    outcome: Outcome,
}

fn market(moves: &[i8], steps: &[(u8, u8, bool, u8)]) -> Market {
    let mut price = 100.0_f64;
    let mut time_ms = 0;
    let mut candles = Candles::default();
    for change in moves {
        let open = price;
        price = (price + f64::from(*change) / 16.0).max(1.0);
        let (high, low) = (open.max(price) + 0.25, open.min(price) - 0.25);
        let candle = Candle { open_time_ms: time_ms, open, high, low, close: price, volume: 1.0 };
        candles.push(candle);
        // Some candles are missing.
        time_ms += MINUTE_MS * if *change == 3 { 4 } else { 1 };
    }
    let mut outcome = Outcome::default();
    let mut row = 0;
    for (trade_id, (wait, held, long, quantity)) in (0..).zip(steps) {
        let entry = row + usize::from(*wait);
        let exit = entry + usize::from(*held);
        if exit >= candles.len() {
            break;
        }
        let quantity = f64::from(*quantity) / 64.0;
        let fill = |row: usize, buy: bool, price: f64, reason| Fill {
            time_ms: candles.open_time_ms[row],
            side: if buy { Side::Buy } else { Side::Sell },
            quantity,
            price,
            fee: 0.125,
            reason,
            trade_id,
        };
        outcome.fills.push(fill(entry, *long, candles.open[entry], FillReason::Entry));
        outcome.fills.push(fill(exit, !*long, candles.close[exit], FillReason::Signal));
        outcome.funding.push(FundingEvent {
            time_ms: candles.open_time_ms[entry] + MINUTE_MS / 2,
            rate: 0.001,
            amount: -0.5,
            trade_id,
        });
        row = exit;
    }
    Market { candles, outcome }
}

/// Equity by going through all events again for every candle.
fn plain_curve(market: &Market) -> Vec<f64> {
    let candles = market.candles.as_slice();
    (0..candles.len())
        .map(|row| {
            let next_ms = candles.open_time_ms.get(row + 1).copied().unwrap_or(i64::MAX);
            let (mut cash, mut position) = (INITIAL, 0.0);
            for fill in market.outcome.fills.iter().filter(|fill| fill.time_ms < next_ms) {
                let sign = if fill.side == Side::Buy { 1.0 } else { -1.0 };
                cash -= sign * fill.quantity * fill.price + fill.fee;
                position += sign * fill.quantity;
            }
            let close_ms = candles.open_time_ms[row] + MINUTE_MS;
            let paid = market.outcome.funding.iter().filter(|event| event.time_ms < close_ms);
            cash + paid.map(|event| event.amount).sum::<f64>() + position * candles.close[row]
        })
        .collect()
}

/// The summary of `curve`, mark by mark; exposure from the fills.
fn plain_summary(market: &Market, curve: &[f64]) -> EquitySummary {
    let times = &market.candles.open_time_ms;
    let exposed = |time: &&i64| {
        market
            .outcome
            .fills
            .chunks(2)
            .any(|pair| (pair[0].time_ms..=pair[1].time_ms).contains(*time))
    };
    let (mut peak, mut peak_ms) = (INITIAL, times.first().copied().unwrap_or(0));
    let (mut under_water, mut max_drawdown, mut longest) = (0, 0.0_f64, 0);
    for (row, equity) in curve.iter().enumerate() {
        let close_ms = times[row] + MINUTE_MS;
        let sunk = curve[..row].last().map_or(peak, |before| *before) < peak;
        if *equity < peak {
            under_water += 1;
            max_drawdown = max_drawdown.min(equity / peak - 1.0);
            longest = longest.max(close_ms - peak_ms);
        } else {
            longest = longest.max(if sunk { close_ms - peak_ms } else { 0 });
            (peak, peak_ms) = (*equity, close_ms);
        }
    }
    EquitySummary {
        candles: curve.len(),
        exposed: times.iter().filter(exposed).count(),
        under_water,
        max_drawdown,
        drawdown_duration_days: longest as f64 / DAY_MS as f64,
        final_equity: curve.last().copied().unwrap_or(INITIAL),
        excursions: plain_excursions(market),
    }
}

/// Excursions of each trade, candle by candle.
fn plain_excursions(market: &Market) -> Option<Excursions> {
    let fills = &market.outcome.fills;
    let moves = fills.chunks(2).map(|pair| {
        let (entry, exit) = (&pair[0], &pair[1]);
        let held = market.candles.as_slice();
        let rows = held.lower_bound(entry.time_ms)..held.lower_bound(exit.time_ms);
        let lows = held.low[rows.clone()].iter().copied();
        let highs = held.high[rows].iter().copied();
        let low = lows.fold(entry.price.min(exit.price), f64::min);
        let high = highs.fold(entry.price.max(exit.price), f64::max);
        let percents = [low, high].map(|price| (price / entry.price - 1.0) * 100.0);
        if entry.side == Side::Buy { percents } else { percents.map(|percent| -percent) }
    });
    let count = (fills.len() / 2) as f64;
    let sums = moves.fold([0.0, 0.0], |[against, in_favour], [low, high]| {
        [against + f64::min(low, high), in_favour + f64::max(low, high)]
    });
    let [mae_pct, mfe_pct] = sums.map(|sum| sum / count);
    (count > 0.0).then_some(Excursions { mae_pct, mfe_pct })
}

#[track_caller]
fn check(market: &Market) {
    let candles = market.candles.as_slice();
    let path = PricePath::new(candles, Timeframe::MINUTE);
    let curve = equity_curve(&market.outcome, &path, INITIAL);
    for (found, expected) in curve.iter().zip(plain_curve(market)) {
        assert!((found - expected).abs() < 1e-9);
    }
    assert_eq!(curve.len(), candles.len());
    let expected = plain_summary(market, &curve);
    let trades = trades(&market.outcome.fills, &market.outcome.funding, 1.0, None);
    assert_eq!(equity_summary(&market.outcome, &trades, &path, INITIAL), expected);
    let blocks = PricePath::with_blocks(candles, Timeframe::MINUTE);
    assert_eq!(equity_summary(&market.outcome, &trades, &blocks, INITIAL), expected);
    let pnl: f64 = trades.iter().map(|trade| trade.pnl).sum();
    assert!((INITIAL + pnl - expected.final_equity).abs() < 1e-9);
}

proptest! {
    #[test]
    fn the_summary_is_that_of_the_curve_and_the_curve_that_of_a_plain_account(
        moves in prop::collection::vec(-9_i8..10, 0..400),
        steps in prop::collection::vec((0_u8..20, 0_u8..180, any::<bool>(), 1_u8..255), 0..12),
    ) {
        check(&market(&moves, &steps));
    }
}

#[test]
fn nothing_traded_is_flat_dry_and_unexposed() {
    let market = market(&[1; 100], &[]);
    let path = PricePath::new(market.candles.as_slice(), Timeframe::MINUTE);
    let summary = equity_summary(&market.outcome, &[], &path, INITIAL);
    let expected =
        EquitySummary { candles: 100, final_equity: INITIAL, ..EquitySummary::default() };
    assert_eq!(summary, expected);
}

#[test]
fn no_candles_give_no_marks() {
    let market = market(&[], &[]);
    check(&market);
    let path = PricePath::with_blocks(market.candles.as_slice(), Timeframe::MINUTE);
    let expected = EquitySummary { final_equity: INITIAL, ..EquitySummary::default() };
    assert_eq!(equity_summary(&market.outcome, &[], &path, INITIAL), expected);
}

#[test]
fn the_longest_drawdown_runs_from_close_to_close_and_from_the_first_open() {
    // Long from the first open: 16 points up, down for three candles, up again.
    let market = market(&[16, -16, -1, 1, 17, -1, -1], &[(0, 6, true, 64)]);
    let path = PricePath::new(market.candles.as_slice(), Timeframe::MINUTE);
    let summary = equity_summary(&market.outcome, &[], &path, INITIAL);
    let minutes = summary.drawdown_duration_days * 1_440.0;
    assert!((minutes - 4.0).abs() < 1e-9);
    assert_eq!((summary.exposed, summary.under_water), (7, 5));
}

#[test]
fn excursions_ignore_the_exit_candle_beyond_the_exit_price() {
    let market = market(&[16, -32, 64], &[(0, 2, true, 64)]);
    let trades = trades(&market.outcome.fills, &[], 1.0, None);
    assert_eq!(trades[0].side, PositionSide::Long);
    let path = PricePath::new(market.candles.as_slice(), Timeframe::MINUTE);
    let found = equity_summary(&market.outcome, &trades, &path, INITIAL).excursions.unwrap();
    // Lows 99.75 and 98.75; the exit at 103 is the best price, not the high of 103.25.
    assert!((found.mae_pct + 1.25).abs() < 1e-9 && (found.mfe_pct - 3.0).abs() < 1e-9);
}

#[test]
fn a_payment_between_two_candles_belongs_to_the_later_one() {
    let mut market = market(&[0, 3, 0, 0], &[(0, 3, true, 64)]);
    // The two candles after the one in row 1 would be in the gap.
    let between_ms = market.candles.open_time_ms[1] + MINUTE_MS;
    market.outcome.fills.truncate(1);
    market.outcome.funding =
        vec![FundingEvent { time_ms: between_ms, rate: 0.001, amount: -2.0, trade_id: 0 }];
    let path = PricePath::new(market.candles.as_slice(), Timeframe::MINUTE);
    let curve = equity_curve(&market.outcome, &path, INITIAL);
    let closes = &market.candles.close;
    assert!((curve[1] - curve[0] - (closes[1] - closes[0])).abs() < 1e-12);
    assert!((curve[2] - curve[1] - (closes[2] - closes[1]) + 2.0).abs() < 1e-12);
}
