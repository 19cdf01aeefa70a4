//! Daily marks and equity.

use crate::drawn::drawn;

#[test]
fn a_day_is_marked_with_cash_and_position_at_its_last_close() {
    let mut case = drawn("9 9 9 9 L | 10 10 10 10 | 12 12 12 12 l | 13 13 13 13");
    case.candles.open_time_ms = [0, 1_439, 2_880, 4_320].map(|minute| minute * 60_000).to_vec();
    case.spec.range.end_ms = 4_400 * 60_000;
    case.spec.costs.taker_fee_pct = 10.0;
    let run = case.run();
    let marks: Vec<_> = run
        .outcome
        .daily_marks
        .iter()
        .map(|mark| (mark.day_ms / 86_400_000, mark.equity))
        .collect();
    let expected = [(0, 999.0), (1, 999.0), (2, 1_001.0), (3, 1_000.7)];
    assert_eq!(marks.len(), expected.len());
    for ((day, equity), (expected_day, expected_equity)) in marks.into_iter().zip(expected) {
        assert_eq!(day, expected_day);
        assert!((equity - expected_equity).abs() < 1e-9, "day {day}: {equity}");
    }
    assert!((run.final_equity - 1_000.7).abs() < 1e-9);
}
