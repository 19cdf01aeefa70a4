//! The field table: each number at both ends of its range and just beyond, each word, each flag.

use serde_json::{Value, json};

use super::parse;

/// A number's place in the request, with the fields it cannot stand without; its range as printed.
struct Number {
    /// JSON Pointer to the object that is written.
    place: &'static str,
    /// The object with the number in it.
    with: fn(f64) -> Value,
    /// JSON Pointer below `place` to the number.
    below: &'static str,
    unit: &'static str,
    range: &'static str,
    whole: bool,
}

const CONFIG: &str = "/universalConfig";
const MONEY: &str = "/universalConfig/moneyManagement";
const RISK: &str = "/universalConfig/risk";
const COSTS: &str = "/universalConfig/costs";
const PRICE: &str = "a percent of price";
const EQUITY: &str = "a percent of equity";
const FEE: &str = "a percent of notional";
const BPS: &str = "basis points of price";
const CANDLES: &str = "a count of candles";
const MINUTES: &str = "a count of minutes";
const STEP: &str = "a step or minimum (0 = off)";

const fn real(
    place: &'static str,
    with: fn(f64) -> Value,
    below: &'static str,
    unit: &'static str,
    range: &'static str,
) -> Number {
    Number { place, with, below, unit, range, whole: false }
}

const fn count(
    place: &'static str,
    with: fn(f64) -> Value,
    below: &'static str,
    unit: &'static str,
    range: &'static str,
) -> Number {
    Number { place, with, below, unit, range, whole: true }
}

const NUMBERS: &[Number] = &[
    real(MONEY, |v| json!({"stopLossPct": v}), "/stopLossPct", PRICE, "(0, 100)"),
    real(MONEY, |v| json!({"takeProfitPct": v}), "/takeProfitPct", PRICE, "(0, 10000)"),
    real(MONEY, |v| json!({"trailingStopPct": v}), "/trailingStopPct", PRICE, "(0, 100)"),
    real(
        MONEY,
        |v| json!({"trailingStopPct": 1, "trailingActivationPct": v}),
        "/trailingActivationPct",
        PRICE,
        "(0, 100)",
    ),
    real(MONEY, |v| json!({"stop": {"pct": v}}), "/stop/pct", PRICE, "(0, 100)"),
    real(MONEY, |v| json!({"target": {"pct": v}}), "/target/pct", PRICE, "(0, 10000)"),
    real(MONEY, |v| json!({"trail": {"pct": v}}), "/trail/pct", PRICE, "(0, 100)"),
    real(
        MONEY,
        |v| json!({"trail": {"pct": 1, "activationPct": v}}),
        "/trail/activationPct",
        PRICE,
        "(0, 100)",
    ),
    real(
        MONEY,
        |v| json!({"exits": [{"target": {"pct": v}, "closePct": 50}]}),
        "/exits/0/target/pct",
        PRICE,
        "(0, 10000)",
    ),
    real(
        MONEY,
        |v| json!({"exits": [{"target": {"pct": 1}, "closePct": v}]}),
        "/exits/0/closePct",
        "a percent of the initial quantity",
        "(0, 100]",
    ),
    real(
        MONEY,
        |v| json!({"exits": [{"target": {"pct": 1}, "closePct": 50, "thenStop": {"pct": v}}]}),
        "/exits/0/thenStop/pct",
        PRICE,
        "(0, 100)",
    ),
    real(
        MONEY,
        |v| json!({"size": {"percentOfBalance": v}}),
        "/size/percentOfBalance",
        EQUITY,
        "(0, 100]",
    ),
    real(
        MONEY,
        |v| json!({"size": {"fixedQuote": v}}),
        "/size/fixedQuote",
        "an amount in quote",
        "(0, 1000000000000000]",
    ),
    real(
        MONEY,
        |v| json!({"size": {"fixedQuantity": v}}),
        "/size/fixedQuantity",
        "a quantity in base",
        "(0, 1000000000000000]",
    ),
    real(
        MONEY,
        |v| json!({"size": {"riskPct": v}, "stopLossPct": 1}),
        "/size/riskPct",
        EQUITY,
        "(0, 100]",
    ),
    real(MONEY, |v| json!({"size": {"kelly": v, "start": 1}}), "/size/kelly", EQUITY, "(0, 100]"),
    real(MONEY, |v| json!({"size": {"kelly": 1, "start": v}}), "/size/start", EQUITY, "(0, 100]"),
    real(
        MONEY,
        |v| json!({"leverage": v, "maintenanceMarginPct": 0}),
        "/leverage",
        "a factor",
        "[1, 200]",
    ),
    real(MONEY, |v| json!({"maintenanceMarginPct": v}), "/maintenanceMarginPct", FEE, "[0, 100)"),
    count(RISK, |v| json!({"cooldownCandles": v}), "/cooldownCandles", CANDLES, "[0, 1000000]"),
    count(
        RISK,
        |v| json!({"lossStreak": {"max": v, "pause": "day"}}),
        "/lossStreak/max",
        "a count of trades",
        "[1, 1000000]",
    ),
    count(
        RISK,
        |v| json!({"lossStreak": {"max": 1, "pause": "candles", "candles": v}}),
        "/lossStreak/candles",
        CANDLES,
        "[1, 1000000]",
    ),
    count(
        RISK,
        |v| json!({"maxPositionMinutes": v}),
        "/maxPositionMinutes",
        MINUTES,
        "[1, 5256000]",
    ),
    count(
        RISK,
        |v| json!({"closeEarlyWhenProfitable": {"afterMinutes": v}}),
        "/closeEarlyWhenProfitable/afterMinutes",
        MINUTES,
        "[0, 5256000]",
    ),
    count(
        RISK,
        |v| json!({"entryOrder": {"limit": "low", "expireCandles": v}}),
        "/entryOrder/expireCandles",
        CANDLES,
        "[1, 1000000]",
    ),
    real(COSTS, |v| json!({"feePct": v}), "/feePct", FEE, "[0, 10]"),
    real(COSTS, |v| json!({"makerFeePct": v}), "/makerFeePct", FEE, "[0, 10]"),
    real(COSTS, |v| json!({"takerFeePct": v}), "/takerFeePct", FEE, "[0, 10]"),
    real(COSTS, |v| json!({"slippageBps": v}), "/slippageBps", BPS, "[0, 1000]"),
    real(COSTS, |v| json!({"spreadBps": v}), "/spreadBps", BPS, "[0, 1000]"),
    real(
        COSTS,
        |v| json!({"funding": {"ratePct": v}}),
        "/funding/ratePct",
        "a percent of the position's value",
        "[-10, 10]",
    ),
    count(
        COSTS,
        |v| json!({"funding": {"ratePct": 0.01, "everyHours": v}}),
        "/funding/everyHours",
        "hours that divide a day",
        "[1, 24]",
    ),
    real(
        "/universalConfig/instrument",
        |v| json!({"tickSize": v}),
        "/tickSize",
        STEP,
        "[0, 1000000000000000]",
    ),
    real(
        "/universalConfig/instrument",
        |v| json!({"lotStep": v}),
        "/lotStep",
        STEP,
        "[0, 1000000000000000]",
    ),
    real(
        "/universalConfig/instrument",
        |v| json!({"minQuantity": v}),
        "/minQuantity",
        STEP,
        "[0, 1000000000000000]",
    ),
    real(
        "/universalConfig/instrument",
        |v| json!({"minNotional": v}),
        "/minNotional",
        STEP,
        "[0, 1000000000000000]",
    ),
    real(
        "/universalConfig/instrument",
        |v| json!({"contractMultiplier": v}),
        "/contractMultiplier",
        "base units a contract",
        "(0, 1000000000000000]",
    ),
    real("/universalConfig/periodsPerYear", |v| json!(v), "", "days a year", "[1, 366]"),
    real("/universalConfig/riskFreePct", |v| json!(v), "", "a percent a year", "[-100, 100]"),
    real(
        "/universalConfig/balance",
        |v| json!(v),
        "",
        "an amount in quote",
        "(0, 1000000000000000]",
    ),
];

/// Both ends of a range as printed, each with whether it belongs to it.
fn ends(range: &str) -> [(f64, bool); 2] {
    let (low, high) = range[1..range.len() - 1].split_once(", ").unwrap();
    let number = |text: &str| text.parse::<f64>().unwrap();
    [(number(low), range.starts_with('[')), (number(high), range.ends_with(']'))]
}

/// Pointers and messages of what is wrong with `value` at `place`.
fn faults(place: &str, value: Value) -> Vec<(String, String)> {
    let faults = parse(&[(place, value)]).err().map(|faults| faults.0).unwrap_or_default();
    faults.into_iter().map(|fault| (fault.pointer, fault.message)).collect()
}

#[test]
fn every_number_is_taken_up_to_its_ends_and_refused_beyond_them_by_name_unit_and_range() {
    for Number { place, with, below, unit, range, whole } in NUMBERS {
        let pointer = format!("{place}{below}");
        let name = pointer.rsplit('/').next().unwrap();
        for ((end, inside), outwards) in ends(range).into_iter().zip([-1.0, 1.0]) {
            let step = if *whole { 1.0 } else { end.abs().max(1.0) * 1e-9 };
            let (last, first_out) =
                if inside { (end, end + outwards * step) } else { (end - outwards * step, end) };
            assert_eq!(faults(place, with(last)), [], "{pointer} {last}");
            for value in [first_out, outwards * 1e300] {
                let found = faults(place, with(value));
                let [(at, message)] = &found[..] else { panic!("{pointer} {value}: {found:?}") };
                assert_eq!(*at, pointer);
                let start = format!("\"{name}\" must be {unit} in {range}, not ");
                assert!(message.starts_with(&start), "{message} instead of {start}");
            }
        }
        let found = faults(place, with(f64::NAN));
        // JSON has no NaN: it is written as null, which is a value only where a field may be off.
        assert!(found.iter().all(|(at, _)| at.starts_with(place)), "{pointer}: {found:?}");
        if *whole {
            let (low, _) = ends(range)[0];
            let found = faults(place, with(low + 0.5));
            let message = format!("\"{name}\" must be a whole number, not {}", low + 0.5);
            assert_eq!(found, [(pointer, message)]);
        }
    }
}

#[test]
fn a_percent_out_of_range_is_guessed() {
    for (place, field, value, guess) in [
        (MONEY, "stopLossPct", 2_000.0, "20"),
        (MONEY, "stopLossPct", 200.0, "2"),
        (MONEY, "stopLossPct", -2.0, "2"),
        (MONEY, "takeProfitPct", 40_000.0, "400"),
        (MONEY, "trailingStopPct", 150.0, "1.5"),
        (COSTS, "feePct", 25.0, "0.25"),
        (COSTS, "feePct", 10.1, "0.101"),
        (COSTS, "takerFeePct", -0.1, "0.1"),
    ] {
        let faults = parse(&[(place, json!({field: value}))]).expect_err(field).0;
        let hints: Vec<_> = faults.iter().map(|fault| fault.hint.as_deref()).collect();
        assert_eq!(hints, [Some(format!("did you mean {guess}?").as_str())], "{field}: {value}");
    }
}

/// Fields that take one of a few words: the object with the word in it, and every word.
type Words = (&'static str, fn(&str) -> Value, &'static str, &'static [&'static str]);

const WORDS: &[Words] = &[
    (RISK, |w| json!({"direction": w}), "/direction", &["both", "long", "short"]),
    (
        RISK,
        |w| json!({"lossStreak": {"max": 1, "pause": w}}),
        "/lossStreak/pause",
        &["day", "forever"],
    ),
    (COSTS, |w| json!({"funding": w}), "/funding", &["none", "fromData"]),
    (FILL, |w| json!({"entry": w}), "/entry", &["nextOpen"]),
    (FILL, |w| json!({"bothTouched": w}), "/bothTouched", &["stopFirst", "targetFirst", "path"]),
    (
        FILL,
        |w| json!({"openBeyondTarget": w}),
        "/openBeyondTarget",
        &["targetAtOpen", "stopAtLevel"],
    ),
    (FILL, |w| json!({"flipVsStop": w}), "/flipVsStop", &["flipFirst", "stopFirst"]),
    (FILL, |w| json!({"gap": w}), "/gap", &["open", "level", "withinCandle"]),
    (FILL, |w| json!({"levelBase": w}), "/levelBase", &["entryFill", "signalClose"]),
    (FILL, |w| json!({"trailingBase": w}), "/trailingBase", &["extreme", "close"]),
    (FILL, |w| json!({"end": w}), "/end", &["mark", "close", "lastOpen"]),
    (FILL, |w| json!({"profile": w}), "/profile", &["backtestingPy", "vectorbt", "freqtrade"]),
    (CONFIG_INSTRUMENT, |w| json!({"kind": w}), "/kind", &["spot"]),
    ("/universalConfig/dataPolicy", |w| json!({"ends": w}), "/ends", &["fail", "allow"]),
    ("/universalConfig/dataPolicy", |w| json!({"gaps": w}), "/gaps", &["warn", "fail"]),
    ("/universalConfig/dataPolicy", |w| json!({"version": w}), "/version", &["pinned", "latest"]),
    (
        "/universalConfig/calendar",
        |w| json!(w),
        "",
        &["24x7", "24x5", "session", "session:America/New_York"],
    ),
];
const FILL: &str = "/universalConfig/fill";
const CONFIG_INSTRUMENT: &str = "/universalConfig/instrument";

#[test]
fn every_word_is_taken_and_another_is_refused_where_it_stands() {
    for (place, with, below, words) in WORDS {
        for word in *words {
            assert_eq!(faults(place, with(word)), [], "{place}{below}: {word}");
        }
        for wrong in ["Sideways", "", "both "] {
            let found = faults(place, with(wrong));
            let pointers: Vec<&str> = found.iter().map(|(at, _)| at.as_str()).collect();
            assert_eq!(pointers, [format!("{place}{below}")], "{wrong:?}: {found:?}");
            assert!(found[0].1.contains(&format!("\"{wrong}\"")), "{}", found[0].1);
        }
        let found = faults(place, with(&words[0].to_uppercase()));
        let same = words[0].to_uppercase() == words[0];
        assert_eq!(found.is_empty(), same, "{place}{below}: words are exact");
    }
}

#[test]
fn every_flag_is_true_or_false_and_nothing_else() {
    for (place, name) in [
        (RISK, "flipPosition"),
        (RISK, "flipOnlyInProfit"),
        (FILL, "stopOnEntryCandle"),
        (FILL, "sensitivity"),
    ] {
        for value in [true, false] {
            assert_eq!(faults(place, json!({name: value})), []);
        }
        for value in [json!(1), json!("true"), json!([]), json!({})] {
            let found = faults(place, json!({name: value}));
            let pointers: Vec<&str> = found.iter().map(|(at, _)| at.as_str()).collect();
            assert_eq!(pointers, [format!("{place}/{name}")], "{value}");
            assert!(found[0].1.starts_with("expected true or false, found "), "{}", found[0].1);
        }
    }
}

#[test]
fn every_group_refuses_fields_it_does_not_have() {
    for group in ["moneyManagement", "risk", "costs", "fill", "instrument", "dataPolicy"] {
        let place = format!("{CONFIG}/{group}");
        let found = faults(&place, json!({"noSuchField": 1}));
        let message = "there is no field \"noSuchField\" here".to_owned();
        assert_eq!(found, [(format!("{place}/noSuchField"), message)]);
        let pointers: Vec<String> =
            faults(&place, json!([1])).into_iter().map(|(at, _)| at).collect();
        assert_eq!(pointers, [place]);
    }
}

#[test]
fn parts_that_add_up_to_all_but_for_rounding_are_taken() {
    let exit = |pct: f64| json!({"target": {"pct": 1}, "closePct": pct});
    // In binary the first three are a last bit above 100 in all.
    for parts in [[0.2, 83.9, 15.9], [0.1, 64.1, 35.8], [33.3, 33.3, 33.4]] {
        assert_eq!(faults(MONEY, json!({"exits": parts.map(exit)})), [], "{parts:?}");
    }
}
