//! Every form a setting can be written in: what it becomes and how a faulty one is refused.

use serde_json::{Value, json};

use super::{bundle, parse};

const MONEY: &str = "/universalConfig/moneyManagement";
const RISK: &str = "/universalConfig/risk";

/// `value` written at `place` of the config shows as `expected` at `shown` of the resolved config.
#[track_caller]
fn check(place: &str, value: Value, shown: &str, expected: Value) {
    let config = bundle(&[(place, value)]).job(0).expect("the one job").config();
    assert_eq!(config.pointer(shown).cloned(), Some(expected));
}

/// `value` written at `place` is one fault, shown as pointer below `place` and message.
#[track_caller]
fn refuse(place: &str, value: Value, below: &str, message: &str) {
    let faults = parse(&[(place, value)]).expect_err("a faulty setting").0;
    let found: Vec<(&str, &str)> = faults
        .iter()
        .map(|it| (it.pointer.strip_prefix(place).unwrap_or("elsewhere"), it.message.as_str()))
        .collect();
    assert_eq!(found, [(below, message)]);
}

#[test]
fn sizes_have_five_forms() {
    for size in [
        json!({"percentOfBalance": 50}),
        json!({"fixedQuote": 100.5}),
        json!({"fixedQuantity": 0.25}),
        json!({"kelly": 25, "start": 10}),
    ] {
        check(MONEY, json!({"size": size.clone()}), "/moneyManagement/size", size);
    }
    check(
        MONEY,
        json!({"size": {"riskPct": 1}, "stopLossPct": 2}),
        "/moneyManagement/size",
        json!({"riskPct": 1}),
    );
}

#[test]
fn faulty_sizes_are_refused() {
    refuse(
        MONEY,
        json!({"size": {"riskPct": 1}}),
        "/size",
        "size by \"riskPct\" needs a stop: what is risked is the way to it",
    );
    refuse(MONEY, json!({"size": {"kelly": 25}}), "/size/start", "\"start\" is missing");
    refuse(
        MONEY,
        json!({"size": {"fixedQuote": 5, "start": 1}}),
        "/size/start",
        "\"start\" belongs to \"kelly\", not to \"fixedQuote\"",
    );
    refuse(
        MONEY,
        json!({"size": {}}),
        "/size",
        "exactly one of \"percentOfBalance\", \"fixedQuote\", \"fixedQuantity\", \"riskPct\", \
         \"kelly\" must be set, found 0",
    );
}

#[test]
fn levels_have_three_forms() {
    let atr = json!({"atr": {"n": 14}});
    check(
        MONEY,
        json!({"stop": {"distance": "atr(14)", "follow": true}}),
        "/moneyManagement/stop",
        json!({"distance": atr, "follow": true}),
    );
    check(
        MONEY,
        json!({"target": {"level": {"highest": {"of": "high", "n": 5}}}}),
        "/moneyManagement/target",
        json!({"follow": false, "level": {"highest": {"n": 5, "of": "high"}}}),
    );
    check(
        MONEY,
        json!({"stop": {"level": "s"}}),
        "/moneyManagement/stop/level",
        json!({"ema": {"n": 26, "of": "close"}}),
    );
    refuse(
        MONEY,
        json!({"stop": {"pct": 1, "distance": 5}}),
        "/stop",
        "exactly one of \"pct\", \"distance\", \"level\" must be set, found 2",
    );
    refuse(
        MONEY,
        json!({"target": {"pct": 0}}),
        "/target/pct",
        "\"pct\" must be a percent of price in (0, 10000), not 0",
    );
}

#[test]
fn trails_have_a_short_and_a_long_form() {
    let long = json!({"activationPct": 1, "pct": 2});
    check(
        MONEY,
        json!({"trailingStopPct": 2, "trailingActivationPct": 1}),
        "/moneyManagement/trail",
        long.clone(),
    );
    check(MONEY, json!({"trail": long.clone()}), "/moneyManagement/trail", long.clone());
    // A percent is not sampled: following or not, it is the same trail.
    let following = json!({"activationPct": 1, "pct": 2, "follow": true});
    check(MONEY, json!({"trail": following}), "/moneyManagement/trail", long);
    for (written, canonical) in [
        (
            json!({"distance": "atr(14)"}),
            json!({"activationPct": null, "distance": {"atr": {"n": 14}}}),
        ),
        (
            json!({"distance": "atr(14)", "follow": true}),
            json!({"activationPct": null, "distance": {"atr": {"n": 14}}, "follow": true}),
        ),
    ] {
        check(MONEY, json!({"trail": written}), "/moneyManagement/trail", canonical);
    }
    refuse(
        MONEY,
        json!({"trailingActivationPct": 1}),
        "/trailingActivationPct",
        "\"trailingActivationPct\" arms a trailing stop, but there is none",
    );
    refuse(
        MONEY,
        json!({"trail": {"pct": 1, "level": 1}}),
        "/trail/level",
        "there is no field \"level\" here",
    );
}

#[test]
fn partial_exits_close_at_most_everything() {
    let exit = |pct: u32| json!({"target": {"pct": 1}, "closePct": pct});
    check(
        MONEY,
        json!({"exits": [{"target": {"pct": 1}, "closePct": 50, "thenStop": "entry"}]}),
        "/moneyManagement/exits",
        json!([{"closePct": 50, "target": {"follow": false, "pct": 1}, "thenStop": "entry"}]),
    );
    refuse(
        MONEY,
        json!({"exits": [exit(60), exit(50)]}),
        "/exits",
        "the exits close 110 % of the position",
    );
    refuse(MONEY, json!({"exits": vec![exit(10); 5]}), "/exits", "there are 5 exits, more than 4");
    refuse(
        MONEY,
        json!({"exits": [{"target": {"pct": 1}}]}),
        "/exits/0/closePct",
        "\"closePct\" is missing",
    );
}

#[test]
fn risk_has_pauses_and_early_closes() {
    for streak in [
        json!({"max": 3, "pause": "day"}),
        json!({"max": 3, "pause": "forever"}),
        json!({"candles": 5, "max": 3, "pause": "candles"}),
    ] {
        check(RISK, json!({"lossStreak": streak.clone()}), "/risk/lossStreak", streak);
    }
    check(
        RISK,
        json!({"closeEarlyWhenProfitable": {"afterMinutes": 0}}),
        "/risk/closeEarlyWhenProfitable",
        json!({"afterMinutes": 0}),
    );
    refuse(
        RISK,
        json!({"lossStreak": {"max": 3, "pause": "day", "candles": 5}}),
        "/lossStreak/candles",
        "\"candles\" belongs to \"pause\": \"candles\"",
    );
    refuse(
        RISK,
        json!({"maxPositionMinutes": 0}),
        "/maxPositionMinutes",
        "\"maxPositionMinutes\" must be a count of minutes in [1, 5256000], not 0",
    );
}

#[test]
fn entries_may_be_pending_orders() {
    check(
        RISK,
        json!({"entryOrder": {"limit": "low", "expireCandles": 3, "cancelIf": "close > f"}}),
        "/risk/entryOrder",
        json!({
            "cancelIf": {"gt": ["close", {"ema": {"n": 12, "of": "close"}}]},
            "expireCandles": 3,
            "limit": "low"
        }),
    );
    refuse(
        RISK,
        json!({"entryOrder": {"limit": "low", "stop": "high"}}),
        "/entryOrder",
        "exactly one of \"limit\", \"stop\" must be set, found 2",
    );
    refuse(
        RISK,
        json!({"entryOrder": "limit"}),
        "/entryOrder",
        "expected \"market\", {\"limit\": ...} or {\"stop\": ...}, found the string \"limit\"",
    );
}

#[test]
fn instruments_calendars_and_rates_override_the_series() {
    let instrument = json!({
        "contractMultiplier": 1, "kind": "spot", "lotStep": 0.001, "minNotional": 0,
        "minQuantity": 0, "tickSize": 0.1
    });
    check(
        "/universalConfig/instrument",
        json!({"tickSize": 0.1, "lotStep": 0.001}),
        "/instrument",
        instrument,
    );
    check(
        "/universalConfig/calendar",
        json!("session:America/New_York"),
        "/calendar",
        json!("session:America/New_York"),
    );
    check("/universalConfig/riskFreePct", json!(2.5), "/riskFreePct", json!(2.5));
    refuse(
        "/universalConfig/periodsPerYear",
        json!(35_040),
        "",
        "\"periodsPerYear\" must be days a year in [1, 366], not 35040",
    );
}

#[test]
fn levels_may_use_the_parameters_of_the_strategy() {
    let bundle = bundle(&[
        ("/universalConfig/strategy/params/k", json!({"float": [0.5, 4, 0.5], "default": 2})),
        (
            "/moneyManagementVariants",
            json!([{"stopLossPct": 1}, {"stop": {"distance": "$k * atr(14)"}}]),
        ),
        ("/parameterVariants", json!({"k": {"from": 1, "to": 2, "step": 0.5}})),
    ]);
    // The strategy itself does not use k: with a plain stop all its values are one backtest.
    let keys: Vec<_> = bundle.keys().map(|(_, key)| key).collect();
    assert_eq!((keys[0], keys[1]), (keys[1], keys[2]));
    assert!(keys[3] != keys[4] && keys[4] != keys[5] && keys[3] != keys[5]);
    for (seq, key) in bundle.keys() {
        assert_eq!(bundle.job(seq).unwrap().key, key);
        assert_eq!(bundle.specs([seq]), [bundle.job(seq)]);
    }
    let config = bundle.job(4).unwrap().config();
    assert_eq!(config["parameters"], json!({"fast": 12, "k": 1.5, "slow": 26}));
    assert_eq!(
        config["moneyManagement"]["stop"]["distance"],
        json!({"*": [1.5, {"atr": {"n": 14}}]})
    );
    assert_eq!(bundle.job(0).unwrap().parameters.len(), 2);
}

#[test]
fn what_money_management_reads_counts_for_the_warm_up() {
    let plain = bundle(&[]).job(0).unwrap().warmup;
    let deep = [(MONEY, json!({"stop": {"level": "lowest(low, 9000)"}}))];
    let pending =
        [(RISK, json!({"entryOrder": {"limit": "low", "cancelIf": "close < sma(close, 5000)"}}))];
    assert!(plain < 8_192);
    assert_eq!(bundle(&deep).job(0).unwrap().warmup, 16_384);
    assert_eq!(bundle(&pending).job(0).unwrap().warmup, 8_192);
}

#[test]
fn higher_timeframes_must_be_multiples_of_every_timeframe() {
    let faults = parse(&[
        ("/universalConfig/strategy/signals/long", json!("sma(close, 5, tf: 1h) > close")),
        ("/timeframeVariants", json!(["15m", "4h", "1h"])),
    ])
    .unwrap_err();
    assert_eq!(
        faults.to_string(),
        "/timeframeVariants/1: the strategy reads 1h candles, no whole multiple of 4h (run it on a \
         timeframe that divides 1h, or change its \"tf\")"
    );
}

#[test]
fn other_tickers_are_counted_and_a_job_lists_those_it_reads() {
    let reads = |count: usize| {
        let texts = (0..count).map(|index| format!("close(ticker: T{index}) > 1"));
        let long = texts.chain(["close(ticker: BTCUSDT) > 1".to_owned()]).collect::<Vec<_>>();
        parse(&[
            ("/universalConfig/strategy", json!({"signals": {"long": long.join(" and ")}})),
            ("/universalConfig/parameters", json!({})),
            ("/parameterVariants", json!({})),
            (MONEY, json!({"stop": {"distance": "atr(9, ticker: ETHUSDT)"}})),
        ])
    };
    let bundle = reads(2).unwrap();
    let job = bundle.job(0).unwrap();
    let others: Vec<String> = job.other_series().iter().map(ToString::to_string).collect();
    assert_eq!(job.series.ticker, "BTCUSDT");
    assert_eq!(
        others,
        ["ETHUSDT", "T0", "T1"].map(|it| format!("binance {it} {}", job.series.timeframe))
    );
    assert_eq!(
        reads(15).unwrap_err().to_string(),
        "/universalConfig/moneyManagement: the strategy reads 17 other tickers, at most 16"
    );
}

#[test]
fn a_need_names_what_is_read_and_nothing_of_what_is_done_with_it() {
    let of = |changes: &[(&str, serde_json::Value)]| bundle(changes).job(0).unwrap().need("files");
    let plain = of(&[]);
    assert_eq!(plain, of(&[(MONEY, json!({"stop": {"pct": 3}}))]));
    let read = [
        ("/universalConfig/ticker", json!("ETHUSDT")),
        ("/universalConfig/calendar", json!("24x5")),
        ("/universalConfig/periodsPerYear", json!(252)),
        (MONEY, json!({"stop": {"level": "lowest(low, 9000)"}})),
    ];
    for change in read {
        assert_ne!(plain, of(std::slice::from_ref(&change)), "{change:?}");
    }
    assert_ne!(plain, bundle(&[]).job(0).unwrap().need("another source"));
}
