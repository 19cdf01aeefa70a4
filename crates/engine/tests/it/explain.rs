//! One candle laid open.

use engine::{Error, Event, explain};
use model::FillReason;
use serde_json::json;

use crate::drawn::{MINUTE_MS, drawn, pct};

#[test]
fn an_explanation_names_levels_events_signals_and_what_is_due() {
    let case = drawn("9 9 9 9 L | 100 105 99 101 S | 90 120 80 85 | 85 85 85 85")
        .with(|spec| spec.money_management.stop = Some(pct(15.0)));
    let explained = explain(&case.input(), &case.spec, MINUTE_MS).unwrap();
    assert!(!explained.account.signals.long && explained.account.signals.short);
    assert_eq!(explained.account.due_exit, Some(FillReason::Flip));
    assert_eq!(explained.inside.unwrap().stop, Some(85.0));
    assert_eq!(explained.events.len(), 1);
    assert!(matches!(explained.events[0], Event::Fill { reason: FillReason::Entry, .. }));
    assert!((explained.account.equity - 1_001.0).abs() < 1e-12);
    let flip = explain(&case.input(), &case.spec, 2 * MINUTE_MS).unwrap();
    let reasons: Vec<_> = flip
        .events
        .iter()
        .map(|event| serde_json::to_value(event).unwrap()["reason"].clone())
        .collect();
    assert_eq!(reasons, ["flip", "entry", "stop_loss"]);
    assert_eq!(flip.account.position, None);
}

#[test]
fn skipped_entries_are_events() {
    let case = drawn("9 9 9 9 L | 100 100 100 100 L").with(|spec| spec.balance = 0.0);
    let explained = explain(&case.input(), &case.spec, MINUTE_MS).unwrap();
    let events = serde_json::to_value(&explained.events).unwrap();
    assert_eq!(
        events,
        json!([{"event": "skipped", "reason": "ruined"}, {"event": "skipped", "reason": "lastCandle"}])
    );
}

#[test]
fn an_explanation_is_a_table_for_people() {
    let case = drawn("9 9 9 9 L | 100 105 99 101 | 90 120 80 85");
    let text = explain(&case.input(), &case.spec, MINUTE_MS).unwrap().to_string();
    assert!(text.starts_with("candle 1970-01-01T00:01:00Z\n"), "{text}");
    for part in ["inside   Long 1 at 100", "Buy 1 at 100, fee 0 (Entry, trade 0)", "equity   1001"]
    {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}

#[test]
fn a_time_without_a_candle_of_the_range_is_refused() {
    let mut case = drawn("9 9 9 9 L | 9 9 9 9 | 9 9 9 9");
    case.spec.range.start_ms = MINUTE_MS;
    for time_ms in [0, 30_000, 3 * MINUTE_MS] {
        let refused = explain(&case.input(), &case.spec, time_ms);
        assert_eq!(refused, Err(Error::NoSuchCandle { time_ms }));
    }
}
