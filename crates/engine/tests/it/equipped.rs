//! Properties of backtests that read finer candles and funding rates.

use engine::run_plain;
use model::settings::{Funding, Size};
use model::{FundingRate, FundingRates, Timeframe};
use proptest::prelude::*;

use crate::drawn::{Drawn, MINUTE_MS, pct};
use crate::properties::{check_books, crossing, uniform, wild};

/// A crossing on candles of 5 minutes with their minutes, of which some are missing, and a funding
/// rate about twice an hour, at opens and inside.
pub(crate) fn equipped(seed: u64, count: usize) -> Drawn {
    let minutes = wild(seed, count * 5);
    let five = Timeframe::from_minutes(5).expect("a timeframe");
    let end_ms = minutes.open_time_ms.last().expect("many minutes") + MINUTE_MS;
    let folded = model::resample(minutes.as_slice(), Timeframe::MINUTE, five, end_ms);
    let mut case = crossing(folded.candles, 4.0, 15.0);
    case.timeframe = five;
    case.spec.series.timeframe = five;
    case.spec.range.end_ms += 4 * MINUTE_MS;
    case.detail = Some(minutes);
    case.spec.overrides.detail_timeframe = Some(Timeframe::MINUTE);
    case.spec.money_management.stop = Some(pct(3.0));
    case.spec.money_management.target = Some(pct(4.0));
    let mut rates = FundingRates::default();
    let (mut state, mut time_ms) = (seed ^ 1, 0);
    while time_ms < end_ms {
        let wait = (0..50).filter(|_| uniform(&mut state) < 0.5).count();
        time_ms += (1 + i64::try_from(wait).expect("at most 50")) * MINUTE_MS;
        let mark = (uniform(&mut state) < 0.5).then(|| 50.0 + 100.0 * uniform(&mut state));
        let rate = 0.01 * (uniform(&mut state) - 0.4);
        rates.push(FundingRate { time_ms, rate, mark }).expect("in order");
    }
    case.funding = Some(rates);
    case.spec.costs.funding = Funding::FromData;
    case
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn an_account_that_pays_funding_is_never_below_zero(
        seed: u64,
        leverage in 1.0_f64..100.0,
        cut in 300_usize..600,
    ) {
        let mut case = equipped(seed, 600).with(|spec| {
            spec.money_management.size = Size::PercentOfBalance(100.0);
            spec.money_management.leverage = leverage;
            spec.money_management.stop = None;
        });
        // The last close of a run cut anywhere is a close like any other.
        let cut = cut.min(case.candles.len() - 1);
        case.spec.range.end_ms = case.candles.open_time_ms[cut];
        let run = case.run();
        prop_assert!(run.final_equity >= 0.0, "{}", run.final_equity);
        prop_assert!(run.outcome.daily_marks.iter().all(|mark| mark.equity >= 0.0));
    }

    #[test]
    fn finer_candles_and_funding_change_no_property(seed: u64, cut in 300_usize..600) {
        let case = equipped(seed, 600);
        let run = case.run();
        prop_assert_eq!(run_plain(&case.input(), &case.spec), Ok(run.clone()));
        check_books(&run, case.spec.balance);
        // Hiding the future: candles, finer candles and rates.
        let cut_ms = case.candles.open_time_ms[cut.min(case.candles.len() - 1)];
        let mut past = case.clone();
        for candles in [Some(&mut past.candles), past.detail.as_mut()].into_iter().flatten() {
            let seen = candles.as_slice().lower_bound(cut_ms);
            *candles = candles.as_slice().rows(0..seen).to_candles();
        }
        past.spec.range.end_ms = cut_ms;
        let mut rates = FundingRates::default();
        let all = case.funding.as_ref().unwrap().as_slice();
        (0..all.lower_bound(cut_ms)).for_each(|row| rates.push(all.get(row)).unwrap());
        past.funding = Some(rates);
        let seen = past.run().outcome;
        let fills: Vec<_> =
            run.outcome.fills.iter().filter(|fill| fill.time_ms < cut_ms).copied().collect();
        prop_assert_eq!(seen.fills, fills);
        // A payment in a hole of the candles is made by the candle after it.
        let last_ms = past.candles.open_time_ms.last().unwrap() + 5 * MINUTE_MS;
        let funding = run.outcome.funding.iter().filter(|event| event.time_ms < last_ms);
        prop_assert_eq!(seen.funding, funding.copied().collect::<Vec<_>>());
    }
}

#[test]
fn the_equipped_walk_resolves_candles_and_pays() {
    let case = equipped(3, 3_000);
    let run = case.run();
    let blind = case.clone().with(|spec| spec.overrides.detail_timeframe = None).run();
    assert!(run.outcome.counts.ambiguous < blind.outcome.counts.ambiguous);
    assert!(run.outcome.funding.len() > 20);
}
