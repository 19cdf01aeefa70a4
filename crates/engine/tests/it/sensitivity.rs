//! Both ways through ambiguous candles, beside the run itself.

use model::settings::BothTouched;

use crate::drawn::{Drawn, Unwatched, drawn, pct};
use crate::properties::{crossing, wild};

fn asked(case: Drawn) -> Drawn {
    case.with(|spec| spec.fill.sensitivity = true)
}

#[test]
fn the_spread_is_that_of_the_two_rules_and_the_run_stays_as_it_is() {
    for rule in [BothTouched::StopFirst, BothTouched::TargetFirst, BothTouched::Path] {
        let case = crossing(wild(1, 3_000), 5.0, 20.0).with(|spec| spec.fill.both_touched = rule);
        let plain = case.run();
        let run = asked(case.clone()).run();
        assert_eq!(run.outcome, plain.outcome);
        assert_eq!(run.outcome.hash(), plain.outcome.hash());
        assert!(plain.sensitivity.is_none() && plain.outcome.counts.ambiguous > 0);
        let both = run.sensitivity.unwrap();
        for (rule, way) in [
            (BothTouched::StopFirst, both.stop_first),
            (BothTouched::TargetFirst, both.target_first),
        ] {
            let alone = case.clone().with(|spec| spec.fill.both_touched = rule).run();
            assert_eq!(way.final_equity.to_bits(), alone.final_equity.to_bits());
            assert_eq!(way.ambiguous, alone.outcome.counts.ambiguous);
            let entries = alone.outcome.fills.iter();
            let entries = entries.filter(|fill| fill.reason == model::FillReason::Entry).count();
            assert_eq!(way.trades, entries as u64);
        }
        assert!(both.target_first.final_equity > both.stop_first.final_equity);
    }
}

#[test]
fn a_drawn_candle_that_touches_both_is_worth_the_whole_bracket() {
    let case = drawn("9 9 9 9 L | 100 100 100 100 | 101 130 80 100").with(|spec| {
        spec.money_management.stop = Some(pct(10.0));
        spec.money_management.target = Some(pct(20.0));
    });
    let run = asked(case).check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
    let both = run.sensitivity.unwrap();
    assert!((both.stop_first.final_equity - 990.0).abs() < 1e-9);
    assert!((both.target_first.final_equity - 1_020.0).abs() < 1e-9);
}

#[test]
fn without_ambiguous_candles_both_ways_are_the_run() {
    let run = asked(drawn("9 9 9 9 L | 10 10 10 10 | 12 12 12 12")).run();
    let both = run.sensitivity.unwrap();
    assert_eq!(both.stop_first, both.target_first);
    assert_eq!(both.stop_first.final_equity.to_bits(), run.final_equity.to_bits());
    assert_eq!((both.stop_first.trades, both.stop_first.ambiguous), (1, 0));
}

#[test]
fn finer_candles_leave_only_what_they_cannot_tell() {
    let base = "9 9 9 9 L | 100 100 100 100 | 101 130 80 100 | 100 100 100 100";
    let bracket = |text: &str| {
        asked(drawn(base).of_minutes(2).with_minutes(text)).with(|spec| {
            spec.money_management.stop = Some(pct(10.0));
            spec.money_management.target = Some(pct(20.0));
        })
    };
    let told = bracket("- | - | - | - | 101 130 101 120 | 120 120 80 100").run();
    let both = told.sensitivity.unwrap();
    assert_eq!((told.outcome.counts.ambiguous, both.stop_first), (0, both.target_first));
    let untold = bracket("- | - | - | - | 101 130 80 100 | 100 100 100 100").run();
    let both = untold.sensitivity.unwrap();
    assert_eq!(untold.outcome.counts.ambiguous, 1);
    assert!(both.target_first.final_equity > both.stop_first.final_equity);
}

#[test]
fn a_variant_that_asks_leaves_the_others_of_its_batch_alone() {
    let case = crossing(wild(4, 2_000), 5.0, 20.0);
    let both = asked(case.clone());
    let runs = engine::run_batch(&case.input(), &[&both.spec, &case.spec], &Unwatched);
    assert_eq!(runs[0], both.try_run());
    assert_eq!(runs[1], case.try_run());
}
