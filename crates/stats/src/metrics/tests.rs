use proptest::prelude::*;

use model::{DAY_MS, Fill, FillReason, FundingEvent, PositionSide, Side, TimeRange, Timeframe};

use super::*;
use crate::catalogue::{CATALOGUE, Metric};
use crate::curve::Excursions;
use crate::golden::{self, PERIODS, TRADES_C, assert_close, assert_within};
use crate::profile::{CandleEquity, Profile, profile};
use crate::{MonthlyReturn, daily_returns, monthly_returns};

/// An outcome to measure; `metrics` takes it borrowed.
pub(crate) struct Case {
    marks: Vec<DailyMark>,
    benchmark: Vec<f64>,
    pub(crate) trades: Vec<Trade>,
    fills: Vec<Fill>,
    funding: Vec<FundingEvent>,
    equity: EquitySummary,
    risk_free_pct: f64,
}

impl Case {
    pub(crate) fn of_returns(returns: &[f64]) -> Case {
        let marks = golden::marks(1.0, returns);
        let (max_drawdown, _) = daily_drawdown(1.0, &marks);
        Case {
            equity: EquitySummary {
                candles: marks.len(),
                max_drawdown,
                ..EquitySummary::default()
            },
            marks,
            benchmark: returns.to_vec(),
            trades: Vec::new(),
            fills: Vec::new(),
            funding: Vec::new(),
            risk_free_pct: 0.0,
        }
    }

    pub(crate) fn of_trades(results: &[f64]) -> Case {
        let mut case = Case::of_returns(&[0.01, -0.01]);
        case.trades = (0..).zip(results).map(|(row, pnl)| trade(row, *pnl)).collect();
        case.equity.excursions = Some(Excursions { mae_pct: -1.0, mfe_pct: 2.0 });
        case.equity.excursions = case.equity.excursions.filter(|_| !results.is_empty());
        case
    }

    pub(crate) fn measure<T>(&self, measure: impl Fn(&MetricInput<'_>) -> T) -> T {
        measure(&MetricInput {
            initial: 1.0,
            range: TimeRange {
                start_ms: 0,
                end_ms: self.marks.last().map_or(0, |mark| mark.day_ms + DAY_MS),
            },
            timeframe: "1d".parse::<Timeframe>().unwrap(),
            marks: &self.marks,
            returns: &daily_returns(1.0, &self.marks),
            benchmark: &self.benchmark,
            fills: &self.fills,
            funding: &self.funding,
            trades: &self.trades,
            equity: self.equity,
            periods_per_year: PERIODS,
            risk_free_pct: self.risk_free_pct,
        })
    }

    /// Numbers of a peer; each mark is that of a candle of its day.
    pub(crate) fn profile(&self, which: Profile) -> BTreeMap<&'static str, f64> {
        let times_ms: Vec<i64> = self.marks.iter().map(|mark| mark.day_ms).collect();
        let equity: Vec<f64> = self.marks.iter().map(|mark| mark.equity).collect();
        let candles = CandleEquity { times_ms: &times_ms, equity: &equity };
        self.measure(|input| profile(which, input, candles))
    }

    fn metrics(&self) -> Metrics {
        let metrics = self.measure(metrics);
        for Metric { id, undefined, .. } in CATALOGUE {
            let reason = metrics.undefined.get(id);
            assert!(metrics.values.contains_key(id) != reason.is_some(), "{id}");
            let known = |code: &&str| undefined.iter().any(|why| why.code() == *code);
            assert!(
                reason.is_none_or(|code| *code == "not_finite" || known(code)),
                "{id} {reason:?}"
            );
        }
        assert_eq!(metrics.values.len() + metrics.undefined.len(), CATALOGUE.len());
        assert!(metrics.values.values().all(|value| value.is_finite()));
        metrics
    }
}

fn trade(row: i64, pnl: f64) -> Trade {
    Trade {
        side: if row % 2 == 0 { PositionSide::Long } else { PositionSide::Short },
        entry_time_ms: row * 600_000,
        entry_price: 100.0,
        exit_time_ms: row * 600_000 + (row + 1) * 60_000,
        exit_price: 100.0,
        quantity: 10.0,
        legs: 1,
        fees: 0.0,
        pnl,
        return_pct: pnl / 10.0,
        exit_reason: FillReason::Signal,
    }
}

/// Asserts a value of the golden vectors.
#[track_caller]
fn check(case: &Case, expected: &[(&str, f64)]) {
    let metrics = case.metrics();
    for (id, expected) in expected {
        let found = *metrics.values.get(id).unwrap_or_else(|| panic!("{id} is undefined"));
        assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{id}: {found:?} {expected:?}");
    }
}

/// Asserts a reason, or a value that is defined although there is nothing to measure.
#[track_caller]
fn check_null(case: &Case, expected: &[(&str, Result<f64, Undefined>)]) {
    let metrics = case.metrics();
    for (id, expected) in expected {
        match expected {
            Ok(value) => assert_close(1.0 + metrics.values[id], 1.0 + value),
            Err(reason) => assert_eq!(metrics.undefined.get(id), Some(&reason.code()), "{id}"),
        }
    }
}

#[test]
fn series_a_gives_the_golden_values() {
    let returns = golden::series_a();
    assert_eq!(returns[..2], [-0.005_722_795_029_569_259_5, -0.043_976_297_451_569_64]);
    assert_close(returns[1_094], 0.034_840_363_961_702_696);
    let case = Case::of_returns(&returns);
    check(
        &case,
        &[
            ("totalReturn", 0.794_190_749_449_411_4),
            ("sharpe", 0.668_455_337_027_319_4),
            ("sortino", 0.963_117_409_088_212_4),
            ("cagr", 0.215_130_357_840_009_67),
            ("volatility", 0.429_414_378_930_995_6),
            ("maxDrawdown", -0.442_127_511_063_923_8),
            ("maxDrawdownDaily", -0.442_127_511_063_923_8),
            ("calmar", 0.486_579_894_841_480_8),
            ("omega", 1.090_928_900_465_566_7),
            ("ulcerIndex", 0.208_746_861_284_883_54),
            ("skew", -0.034_780_964_358_759_61),
            ("kurtosis", -0.283_323_267_992_498),
            ("psr", 0.876_213_192_274_317_6),
            ("minTrl", 2_214.903_113_774_416_4),
            ("var95", -0.036_490_768_129_754_575),
            ("var95Gaussian", -0.036_184_254_499_595),
            ("cvar95", -0.044_347_144_079_996_57),
            ("tailRatio", 1.017_054_289_884_853_4),
            ("stability", 0.596_548_207_145_367_3),
            ("upi", 3.804_563_788_700_773_5),
            ("beta", 1.0),
            ("buyAndHoldReturn", 0.794_190_749_449_411_4),
        ],
    );
    let moments = Moments::of(&returns).unwrap();
    assert_close(moments.mean, 0.000_786_422_831_212_865);
    assert_close(moments.sd, 0.022_476_575_863_670_214);
    assert!(case.metrics().values["alpha"].abs() < 1e-12);
    assert!(case.metrics().warnings.is_empty());
}

#[test]
fn a_risk_free_rate_lowers_the_ratios() {
    let mut case = Case::of_returns(&golden::series_a());
    case.risk_free_pct = 2.0;
    // numpy: rf = 1.02**(1/365) - 1.
    check(&case, &[("sharpe", 0.622_338_659_381_777), ("sortino", 0.894_945_486_661_525_3)]);
}

#[test]
fn trades_c_give_the_golden_values() {
    check(
        &Case::of_trades(&TRADES_C),
        &[
            ("trades", 10.0),
            ("winRate", 0.6),
            ("profitFactor", 2.172_413_793_103_448_4),
            ("expectancy", 34.0),
            ("payoff", 1.448_275_862_068_965_5),
            ("sqn", 1.028_050_312_060_846_2),
            ("sqnCapped", 1.028_050_312_060_846_2),
            ("kelly", 0.323_809_523_809_523_77),
            ("expectancyR", 0.468_965_517_241_379_14),
            ("longestWinStreak", 2.0),
            ("longestLossStreak", 1.0),
            ("avgHoldingMinutes", 5.5),
            ("medianHoldingMinutes", 5.5),
            ("bestTradePct", 20.0),
            ("worstTradePct", -12.0),
            ("topTradeProfitShare", 200.0 / 630.0),
            ("top5ProfitShare", 600.0 / 630.0),
            ("longTrades", 5.0),
            ("longPnl", 600.0),
            ("shortPnl", -260.0),
            ("mae", -1.0),
            ("mfe", 2.0),
        ],
    );
}

#[test]
fn without_days_every_metric_is_null_or_a_true_zero() {
    use Undefined::{NoBenchmark, NoCandles, NoDays, NoTrades, NoVariance, TooFewReturns};
    let expected = [
        ("totalReturn", Err(NoDays)),
        ("cagr", Err(NoDays)),
        ("cagrCalendar", Err(NoDays)),
        ("volatility", Err(TooFewReturns)),
        ("sharpe", Err(NoVariance)),
        ("sortino", Err(NoVariance)),
        ("maxDrawdown", Err(NoCandles)),
        ("maxDrawdownDaily", Err(NoDays)),
        ("drawdownDurationDays", Err(NoCandles)),
        ("timeUnderWater", Err(NoCandles)),
        ("calmar", Err(NoVariance)),
        ("recoveryFactor", Err(NoVariance)),
        ("omega", Err(NoVariance)),
        ("ulcerIndex", Err(TooFewReturns)),
        ("upi", Err(NoVariance)),
        ("var95", Err(TooFewReturns)),
        ("cvar95", Err(TooFewReturns)),
        ("var95Gaussian", Err(TooFewReturns)),
        ("tailRatio", Err(NoVariance)),
        ("skew", Err(TooFewReturns)),
        ("kurtosis", Err(TooFewReturns)),
        ("stability", Err(NoVariance)),
        ("psr", Err(NoVariance)),
        ("minTrl", Err(NoVariance)),
        ("exposure", Err(NoCandles)),
        ("turnover", Err(NoDays)),
        ("feesPaid", Ok(0.0)),
        ("fundingPaid", Ok(0.0)),
        ("trades", Ok(0.0)),
        ("winRate", Err(NoTrades)),
        ("profitFactor", Err(NoTrades)),
        ("expectancy", Err(NoTrades)),
        ("expectancyR", Err(NoTrades)),
        ("payoff", Err(NoTrades)),
        ("kelly", Err(NoTrades)),
        ("sqn", Err(NoTrades)),
        ("sqnCapped", Err(NoTrades)),
        ("longestWinStreak", Ok(0.0)),
        ("longestLossStreak", Ok(0.0)),
        ("avgHoldingMinutes", Err(NoTrades)),
        ("medianHoldingMinutes", Err(NoTrades)),
        ("mae", Err(NoTrades)),
        ("mfe", Err(NoTrades)),
        ("bestTradePct", Err(NoTrades)),
        ("worstTradePct", Err(NoTrades)),
        ("topTradeProfitShare", Err(NoTrades)),
        ("top5ProfitShare", Err(NoTrades)),
        ("longTrades", Ok(0.0)),
        ("shortTrades", Ok(0.0)),
        ("longPnl", Ok(0.0)),
        ("shortPnl", Ok(0.0)),
        ("buyAndHoldReturn", Err(NoBenchmark)),
        ("alpha", Err(NoBenchmark)),
        ("beta", Err(NoBenchmark)),
    ];
    assert_eq!(expected.len(), CATALOGUE.len(), "every id has its null case");
    check_null(&Case::of_returns(&[]), &expected);
}

#[test]
fn a_flat_series_returns_zero_and_has_no_ratios() {
    use Undefined::NoVariance;
    let expected = [
        ("totalReturn", Ok(0.0)),
        ("cagr", Ok(0.0)),
        ("volatility", Ok(0.0)),
        ("maxDrawdownDaily", Ok(0.0)),
        ("ulcerIndex", Ok(0.0)),
        ("var95", Ok(0.0)),
        ("sharpe", Err(NoVariance)),
        ("sortino", Err(NoVariance)),
        ("omega", Err(NoVariance)),
        ("calmar", Err(NoVariance)),
        ("tailRatio", Err(NoVariance)),
        ("skew", Err(NoVariance)),
        ("kurtosis", Err(NoVariance)),
        ("stability", Err(NoVariance)),
        ("psr", Err(NoVariance)),
        ("beta", Err(NoVariance)),
        ("alpha", Err(NoVariance)),
    ];
    check_null(&Case::of_returns(&[0.0; 40]), &expected);
}

#[test]
fn rounding_of_a_constant_return_makes_no_sharpe() {
    let returns: Vec<f64> = (0..400).map(|day| 0.001 + f64::from(day % 3) * 4e-16).collect();
    let case = Case::of_returns(&returns);
    let returns = daily_returns(1.0, &case.marks);
    assert!(returns.windows(2).any(|pair| pair[0] < pair[1]), "the case must contain rounding");
    check_null(&case, &[("sharpe", Err(Undefined::NoVariance)), ("volatility", Ok(0.0))]);
}

#[test]
fn a_single_day_has_a_return_but_no_spread() {
    let case = Case::of_returns(&[0.1]);
    let expected = [
        ("totalReturn", Ok(0.1)),
        ("volatility", Err(Undefined::TooFewReturns)),
        ("sharpe", Err(Undefined::NoVariance)),
        ("var95", Err(Undefined::TooFewReturns)),
    ];
    check_null(&case, &expected);
    assert_eq!(case.metrics().warnings, ["fewReturns"]);
}

#[test]
fn short_samples_lack_the_moments_they_need() {
    let few = Err(Undefined::TooFewReturns);
    check_null(&Case::of_returns(&[0.1, 0.2]), &[("skew", few), ("psr", few)]);
    check_null(&Case::of_returns(&[0.1, 0.2, 0.4]), &[("kurtosis", few), ("minTrl", few)]);
}

#[test]
fn ruin_is_a_return_and_a_growth_rate_of_minus_one() {
    let case = Case::of_returns(&[0.1, -1.0, 0.0, 0.0]);
    let expected = [
        ("totalReturn", Ok(-1.0)),
        ("maxDrawdownDaily", Ok(-1.0)),
        ("cagr", Ok(-1.0)),
        ("cagrCalendar", Ok(-1.0)),
        ("calmar", Ok(-1.0)),
        ("stability", Err(Undefined::Ruined)),
        ("recoveryFactor", Ok(-1.0)),
    ];
    check_null(&case, &expected);
    for left in [1e-13, -1e-13] {
        let mut dust = Case::of_returns(&[0.1, -1.0, 0.0, 0.0]);
        dust.marks.iter_mut().skip(1).for_each(|mark| mark.equity = left);
        let values = dust.metrics().values;
        assert!(["cagr", "calmar"].into_iter().all(|id| (values[id] + 1.0).abs() < 1e-9));
    }
    let mut debt = Case::of_returns(&[0.1, 0.2]);
    debt.marks[1].equity = -0.5;
    let none = Err(Undefined::Ruined);
    let expected =
        [("cagr", none), ("cagrCalendar", none), ("calmar", none), ("totalReturn", Ok(-1.5))];
    check_null(&debt, &expected);
    let gone = Case::of_returns(&[-1.0, 0.0]);
    check_null(&gone, &[("turnover", Err(Undefined::Ruined))]);
}

#[test]
fn only_gains_leave_nothing_to_divide_by() {
    let expected = [
        ("sortino", Err(Undefined::NoLosses)),
        ("omega", Err(Undefined::NoLosses)),
        ("calmar", Err(Undefined::NoDrawdown)),
        ("recoveryFactor", Err(Undefined::NoDrawdown)),
        ("upi", Err(Undefined::NoDrawdown)),
    ];
    check_null(&Case::of_returns(&[0.1, 0.2, 0.3, 0.1]), &expected);
    let mut mostly_flat = vec![0.0; 60];
    mostly_flat[3] = 0.1;
    check_null(&Case::of_returns(&mostly_flat), &[("tailRatio", Err(Undefined::NoLosses))]);
    let falling = Case::of_returns(&[-0.1, -0.2, -0.1, -0.3]);
    check_null(&falling, &[("minTrl", Err(Undefined::NotPositive)), ("omega", Ok(0.0))]);
}

#[test]
fn trades_of_one_kind_have_no_ratio_of_kinds() {
    use Undefined::{NoLosses, NoVariance, NoWins, TooFewTrades};
    let wins = [
        ("profitFactor", Err(NoLosses)),
        ("payoff", Err(NoLosses)),
        ("kelly", Err(NoLosses)),
        ("expectancyR", Err(NoLosses)),
        ("sqn", Err(NoVariance)),
        ("sqnCapped", Err(NoVariance)),
        ("winRate", Ok(1.0)),
    ];
    check_null(&Case::of_trades(&[0.1, 0.1, 0.1]), &wins);
    let losses = [
        ("profitFactor", Ok(0.0)),
        ("payoff", Err(NoWins)),
        ("kelly", Err(NoWins)),
        ("expectancyR", Err(NoWins)),
        ("topTradeProfitShare", Err(NoWins)),
        ("top5ProfitShare", Err(NoWins)),
        ("longestLossStreak", Ok(2.0)),
    ];
    check_null(&Case::of_trades(&[-1.0, 0.0, -2.0]), &losses);
    let one = [("sqn", Err(TooFewTrades)), ("sqnCapped", Err(TooFewTrades))];
    check_null(&Case::of_trades(&[1.0]), &one);
}

#[test]
fn a_growth_beyond_numbers_is_not_finite() {
    let case = Case::of_returns(&[1e6]);
    assert_eq!(case.metrics().undefined["cagr"], "not_finite");
}

#[test]
fn costs_and_turnover_come_from_the_fills() {
    let mut case = Case::of_returns(&[0.0, 0.0]);
    let fill = |price| Fill {
        time_ms: 0,
        side: Side::Buy,
        quantity: 2.0,
        price,
        fee: 0.25,
        reason: FillReason::Entry,
        trade_id: 0,
    };
    case.fills = vec![fill(1.0), fill(2.0)];
    case.funding = vec![FundingEvent { time_ms: 0, rate: 0.1, amount: -0.5, trade_id: 0 }];
    check(&case, &[("feesPaid", 0.5), ("fundingPaid", 0.5), ("turnover", 6.0)]);
}

#[test]
fn the_growth_rates_of_a_weekday_series_agree() {
    let mut case = Case::of_returns(&golden::returns(7, 1_300, 0.0005, 0.02));
    for (index, mark) in (0..).zip(&mut case.marks) {
        mark.day_ms = (index / 5 * 7 + index % 5) * DAY_MS;
    }
    let values = case
        .measure(|input| {
            let range = TimeRange { start_ms: 0, end_ms: 1_820 * DAY_MS };
            metrics(&MetricInput { range, periods_per_year: 260.0, ..*input })
        })
        .values;
    assert_within(values["cagr"], values["cagrCalendar"], 0.01);
}

#[test]
fn months_of_series_a_chain_to_its_total() {
    let marks = golden::marks(1.0, &golden::series_a());
    let chain = |total: f64, month: &MonthlyReturn| total * (1.0 + month.value);
    assert_close(monthly_returns(1.0, &marks).iter().fold(1.0, chain), 1.794_190_749_449_411_4);
}

proptest! {
    #[test]
    fn whatever_the_days_and_trades_a_number_is_finite_or_has_its_reason(
        returns in prop::collection::vec(prop_oneof![Just(-1.0), Just(0.0), -0.9..4.0_f64], 0..40),
        results in prop::collection::vec(prop_oneof![Just(0.0), -1e3..1e3_f64], 0..12),
    ) {
        let mut case = Case::of_returns(&returns);
        case.trades = Case::of_trades(&results).trades;
        case.equity.excursions = Case::of_trades(&results).equity.excursions;
        case.metrics();
        for which in Profile::ALL {
            assert!(case.profile(which).values().all(|x| x.is_finite()));
        }
    }
}
