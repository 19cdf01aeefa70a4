use super::*;
use crate::golden::{self, TRADES_C, assert_within};
use crate::metrics::tests::Case;

/// Asserts columns of a peer on series A with the trades of vector C.
#[track_caller]
fn check_profile(which: Profile, tolerance: f64, expected: &[(&str, f64)]) {
    // backtesting.py gives the first day no return, so that it gets one before series A.
    let before = if which == Profile::BacktestingPy { Some(0.0) } else { None };
    let returns: Vec<f64> = before.into_iter().chain(golden::series_a()).collect();
    let mut case = Case::of_returns(&returns);
    case.trades = Case::of_trades(&TRADES_C.map(|pnl| pnl / 10_000.0)).trades;
    let found = case.profile(which);
    for (id, expected) in expected {
        assert_within(found[id], *expected, tolerance);
    }
}

#[test]
fn the_quantstats_profile_gives_its_own_numbers() {
    check_profile(
        Profile::Quantstats,
        1e-12,
        &[
            ("sharpe", 0.555_426_035_358_610_7),
            ("sortino", 0.800_263_614_460_243_7),
            ("cagr", 0.143_996_135_961_627_08),
            ("volatility", 0.356_804_580_357_289_24),
            ("maxDrawdown", -0.442_127_511_063_923_8),
            ("calmar", 0.325_689_156_087_841_4),
            ("omega", 1.090_928_900_465_566_7),
            ("ulcerIndex", 0.208_746_861_284_883_54),
            ("upi", 3.804_563_788_700_773_5),
            ("var95", -0.036_184_254_499_595),
            ("cvar95", -0.045_576_298_071_691_966),
            ("tailRatio", 1.017_054_289_884_853_8),
            ("skew", -0.034_780_964_358_759_61),
            ("kurtosis", -0.283_323_267_992_498),
            ("winRate", 0.525_114_155_251_141_6),
            ("profitFactor", 1.090_928_900_465_566_7),
            ("kelly", 0.043_768_253_582_350_06),
            ("payoff", 0.986_579_179_551_469),
            ("recoveryFactor", 1.947_702_820_179_363_6),
            ("exposure", 1.0),
        ],
    );
}

#[test]
fn the_backtesting_py_profile_gives_its_own_numbers() {
    check_profile(
        Profile::BacktestingPy,
        1e-8,
        &[
            ("volatility", 0.546_403_893_903_728_8),
            ("sharpe", 0.393_720_396_651_982_2),
            ("sortino", 0.721_825_058_903_316_8),
            ("annualReturn", 0.215_130_357_839_963_7),
            ("calmar", 0.486_579_894_841_480_8),
            ("sqn", 1.028_050_312_060_846_2),
            ("kelly", 0.323_809_523_809_523_77),
        ],
    );
}

#[test]
fn the_freqtrade_profile_gives_its_own_numbers() {
    // numpy, after freqtrade/data/metrics.py; 1,094 days lie between the first and last candle.
    check_profile(
        Profile::Freqtrade,
        1e-12,
        &[
            ("sharpe", 0.059_844_221_919_569_83),
            ("sortino", 0.190_766_525_369_843_26),
            ("maxDrawdown", -0.011_605_415_860_735_019),
            ("calmar", 5.116_197_721_848_158),
            ("cagr", 0.011_217_562_946_271_63),
            ("sqn", 1.028_050_312_060_846_2),
            ("expectancyR", 0.468_965_517_241_379_14),
        ],
    );
}

#[test]
fn undefined_numbers_are_absent_from_every_profile() {
    for which in Profile::ALL {
        assert_eq!(which.name().parse(), Ok(which));
        for returns in [&[][..], &[0.0, 0.0, 0.0], &[0.1]] {
            let case = Case::of_returns(returns);
            let found = case.profile(which);
            assert!(found.values().all(|value| value.is_finite()));
            assert!(!found.contains_key("sharpe") && !found.contains_key("profitFactor"));
        }
    }
    assert!("vectorbt".parse::<Profile>().is_err());
}

#[test]
fn backtesting_py_counts_utc_days_with_candles_and_closed_trades() {
    let hour = DAY_MS / 24;
    // Thursday 23:00, Friday, no Saturday, Sunday twice.
    let times_ms = [23 * hour, 24 * hour, 72 * hour, 80 * hour];
    let candles = CandleEquity { times_ms: &times_ms, equity: &[9.0, 12.0, 3.0, 6.0] };
    assert_eq!(candles.days(), [9.0, 12.0, 6.0]);
    assert_within(candles.days_per_year("1h".parse().unwrap()), 365.0, 1e-15);
    assert_within(candles.days_per_year("1w".parse().unwrap()), 52.0, 1e-15);
    let weekdays = CandleEquity { times_ms: &times_ms[..2], equity: &[] };
    assert_within(weekdays.days_per_year("1h".parse().unwrap()), 252.0, 1e-15);
    let trade = |entry: usize, exit: usize| Trade {
        entry_time_ms: times_ms[entry],
        exit_time_ms: times_ms[exit],
        ..Case::of_trades(&[1.0]).trades[0]
    };
    // A flip shares its candle with the trade before it.
    let flip = [trade(0, 1), trade(1, 2)];
    assert_eq!(candles.exposure(&flip), Ok(0.75));
    assert_eq!(candles.exposure(&[]), Ok(0.0));
}
