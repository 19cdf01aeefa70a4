//! The stated need of every indicator: once so many candles precede a row, its value there is that
//! of a run that started long before.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use model::strategy::{Arg, ArgKind, Expr, IndicatorCall, IndicatorKind, Input, Price};
use model::{Calendar, Candle, CandleSlice, Candles, Timeframe};
use proptest::prelude::*;

/// Hourly candles before the later start.
const HISTORY: usize = 500;
/// Rows compared after the need.
const COMPARED: usize = 100;
/// Relative.
const TOLERANCE: f64 = 1e-9;
/// A value nearer to 0 counts as this: prices are about 100, their differences may cancel.
const SMALL: f64 = 1.0;
const HOUR_MS: i64 = 3_600_000;
const DAY_CANDLES: u64 = 24;

/// Outputs that depend on the row they start at, however far back it is
/// (`docs/concepts/indicators.md`): all, the direction, the prices of the last pivots.
const START_DEPENDENT: [(IndicatorKind, &[usize]); 5] = [
    (IndicatorKind::Obv, &[0]),
    (IndicatorKind::Psar, &[0, 1]),
    (IndicatorKind::Supertrend, &[0, 1]),
    (IndicatorKind::Chandelier, &[2]),
    (IndicatorKind::Pivots, &[0, 1]),
];

/// A walk whose steps are up to 2 % of the price; the same seed gives the same candles.
fn candles(count: usize, mut seed: u64) -> Candles {
    // SplitMix64 of Vigna: a number in 0..1.
    let mut next = || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut close = 100.0;
    let rows = (0_i64..).take(count).map(|row| {
        let open = close;
        close = open * (1.0 + (next() - 0.5) * 0.04);
        Candle {
            open_time_ms: row * HOUR_MS,
            open,
            high: open.max(close) * (1.0 + next() * 0.01),
            low: open.min(close) * (1.0 - next() * 0.01),
            close,
            volume: 10.0 + 100.0 * next(),
        }
    });
    rows.collect()
}

fn values(candles: CandleSlice<'_>, kind: IndicatorKind, args: &[f64], output: usize) -> Vec<f64> {
    let of = (kind.info().input == Input::Column).then_some(Expr::Price(Price::Close));
    let args = args.iter().copied().map(Arg::Number).collect();
    let expr = Expr::Indicator(Box::new(IndicatorCall { kind, of, args, output }));
    let timeframe = Timeframe::from_minutes(60).unwrap();
    engine::indicator(candles, timeframe, &Calendar::EveryDay, &expr).unwrap()
}

#[track_caller]
fn check(kind: IndicatorKind, args: &[f64], seed: u64) {
    let need = usize::try_from(kind.need(args, DAY_CANDLES)).unwrap();
    let candles = candles(HISTORY + need + COMPARED, seed);
    let candles = candles.as_slice();
    for (output, info) in kind.info().outputs.iter().enumerate() {
        if START_DEPENDENT.iter().any(|(of, outputs)| *of == kind && outputs.contains(&output)) {
            continue;
        }
        let long = values(candles, kind, args, output);
        let short = values(candles.rows(HISTORY..candles.len()), kind, args, output);
        for (row, (short, long)) in short.iter().zip(&long[HISTORY..]).enumerate().skip(need) {
            let agree = (short.is_nan() && long.is_nan())
                || (short - long).abs() <= TOLERANCE * long.abs().max(SMALL);
            let name = kind.info().name;
            assert!(agree, "{name}{args:?}.{} on row {row} of {need}: {short} {long}", info.name);
        }
    }
}

/// Rows before `cut` are those of a run that ends there.
#[track_caller]
fn check_past(kind: IndicatorKind, args: &[f64], seed: u64, cut: usize) {
    let candles = candles(HISTORY, seed);
    let candles = candles.as_slice();
    for (output, info) in kind.info().outputs.iter().enumerate() {
        let whole = values(candles, kind, args, output);
        let past = values(candles.rows(0..cut), kind, args, output);
        let bits = |values: &[f64]| -> Vec<Option<u64>> {
            values.iter().map(|value| (!value.is_nan()).then_some(value.to_bits())).collect()
        };
        let name = kind.info().name;
        assert_eq!(bits(&whole[..cut]), bits(&past), "{name}{args:?}.{}", info.name);
    }
}

/// Whole arguments from `windows`, the others by default.
fn args_of(kind: IndicatorKind, windows: &[f64]) -> Vec<f64> {
    let args = kind.info().args.iter().zip(windows);
    args.map(|(arg, window)| match arg.kind {
        ArgKind::Int => *window,
        ArgKind::Float => arg.default.unwrap(),
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_value_is_that_of_the_long_run_once_its_need_precedes_it(
        seed: u64,
        windows in prop::array::uniform4(1_u8..40),
    ) {
        for kind in IndicatorKind::ALL {
            check(kind, &args_of(kind, &windows.map(f64::from)), seed);
        }
    }

    #[test]
    fn no_indicator_reads_a_later_candle(
        seed: u64,
        windows in prop::array::uniform4(1_u8..40),
        cut in 1_usize..HISTORY,
    ) {
        for kind in IndicatorKind::ALL {
            check_past(kind, &args_of(kind, &windows.map(f64::from)), seed, cut);
        }
    }
}
