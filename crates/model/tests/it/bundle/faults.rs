//! Bad input, each with its exact message.

use serde_json::{Value, json};

use model::{Bundle, Fault, Limits, TimeRange};

use super::{bundle, parse, request, request_with};

/// Each fault as `pointer: message (hint)`.
fn lines(faults: &[Fault]) -> Vec<String> {
    let line = |fault: &Fault| match &fault.hint {
        Some(hint) => format!("{}: {} ({hint})", fault.pointer, fault.message),
        None => format!("{}: {}", fault.pointer, fault.message),
    };
    faults.iter().map(line).collect()
}

#[track_caller]
fn check(changes: &[(&str, Value)], expected: &[&str]) {
    let faults = parse(changes).expect_err("a faulty request");
    assert_eq!(lines(&faults.0), expected);
}

/// One changed field, one fault.
#[track_caller]
fn check_one(pointer: &str, value: Value, expected: &str) {
    check(&[(pointer, value)], &[expected]);
}

#[test]
fn unknown_fields_have_a_did_you_mean_at_every_level() {
    check(
        &[
            ("/universalConfg", json!({})),
            ("/universalConfig/moneyManagement/stopLosPct", json!(2)),
            ("/universalConfig/risk/banana", json!(2)),
            ("/universalConfig/ballance", json!(2)),
            ("/dateTimeRanges/0/begin", json!(2)),
        ],
        &[
            "/universalConfg: there is no field \"universalConfg\" here (did you mean \"universalConfig\"?)",
            "/universalConfig/ballance: there is no field \"ballance\" here (did you mean \"balance\"?)",
            "/dateTimeRanges/0/begin: there is no field \"begin\" here (known here: start, end)",
            "/universalConfig/moneyManagement/stopLosPct: there is no field \"stopLosPct\" here \
             (did you mean \"stopLossPct\"?)",
            "/universalConfig/risk/banana: there is no field \"banana\" here (known here: flipPosition, \
             flipOnlyInProfit, direction, cooldownCandles, lossStreak, maxPositionMinutes, \
             closeEarlyWhenProfitable, entryOrder)",
        ],
    );
}

#[test]
fn percents_out_of_range_have_the_unit_and_guess_the_slip() {
    let pointer = "/universalConfig/moneyManagement/stopLossPct";
    check_one(
        pointer,
        json!(2000),
        "/universalConfig/moneyManagement/stopLossPct: \"stopLossPct\" must be a percent of price in \
         (0, 100), not 2000 (did you mean 20?)",
    );
    check_one(
        pointer,
        json!(-2.5),
        "/universalConfig/moneyManagement/stopLossPct: \"stopLossPct\" must be a percent of price in \
         (0, 100), not -2.5 (did you mean 2.5?)",
    );
    check_one(
        pointer,
        json!(0),
        "/universalConfig/moneyManagement/stopLossPct: \"stopLossPct\" must be a percent of price in \
         (0, 100), not 0",
    );
    check_one(
        "/universalConfig/costs/feePct",
        json!(40),
        "/universalConfig/costs/feePct: \"feePct\" must be a percent of notional in [0, 10], not 40 \
         (did you mean 0.4?)",
    );
}

#[test]
fn ranges_name_both_instants() {
    check_one(
        "/dateTimeRanges/0",
        json!({"start": "2024-07-01T00:00:00Z", "end": "2024-01-01T00:00:00+01:00"}),
        "/dateTimeRanges/0: start 2024-07-01T00:00:00Z is not before end 2023-12-31T23:00:00Z \
         (swap \"start\" and \"end\")",
    );
    check_one(
        "/dateTimeRanges/0/end",
        json!("2024-01-01T00:00:00Z"),
        "/dateTimeRanges/0: start 2024-01-01T00:00:00Z is not before end 2024-01-01T00:00:00Z \
         (the end is exclusive: write the open of the first candle after the range)",
    );
}

#[test]
fn times_need_an_offset_and_a_sane_year() {
    let check = |time: Value, expected: &str| {
        check_one("/dateTimeRanges/0/start", time, &format!("/dateTimeRanges/0/start: {expected}"));
    };
    check(
        json!("2024-01-01T00:00:00"),
        "the time \"2024-01-01T00:00:00\" has no offset from UTC (write 2024-01-01T00:00:00Z)",
    );
    check(
        json!("2024-02-01"),
        "the time \"2024-02-01\" has no offset from UTC (write 2024-02-01T00:00:00Z)",
    );
    check(json!("soon"), "\"soon\" is not a time in RFC 3339 (write 2024-01-01T00:00:00Z)");
    check(
        json!(1_704_067_200_000_i64),
        "expected a time such as \"2024-01-01T00:00:00Z\", found the number 1704067200000",
    );
    check(
        json!("1969-12-31T23:59:59Z"),
        "the time \"1969-12-31T23:59:59Z\" is not in the years 1970 to 2199",
    );
    check(
        json!("2024-01-01T00:00:00.0001Z"),
        "the time \"2024-01-01T00:00:00.0001Z\" is finer than a millisecond",
    );
}

#[test]
fn ranges_are_required_unless_the_caller_has_one() {
    let mut without = request();
    without.as_object_mut().unwrap().remove("dateTimeRanges");
    let faults = Bundle::parse(&without, &Limits::default()).unwrap_err();
    assert_eq!(
        lines(&faults.0),
        ["/dateTimeRanges: \"dateTimeRanges\" must have at least one range (write [{\"start\": \
             \"2024-01-01T00:00:00Z\", \"end\": \"2024-07-01T00:00:00Z\"}])"]
    );
    let range = TimeRange { start_ms: 0, end_ms: 1 };
    let limits = Limits { default_range: Some(range), ..Limits::default() };
    assert_eq!(Bundle::parse(&without, &limits).unwrap().ranges(), [range]);
}

#[test]
fn axes_that_cannot_be_stepped_are_refused() {
    let check = |axis: Value, expected: &str| {
        check_one("/parameterVariants/fast", axis, &format!("/parameterVariants/fast{expected}"));
    };
    check(
        json!({"from": 45, "to": 5, "step": 5}),
        ": the axis \"fast\" runs from 45 down to 5 (swap \"from\" and \"to\")",
    );
    check(
        json!({"from": 5, "to": 45, "step": 0}),
        "/step: the step of \"fast\" must be above 0, not 0",
    );
    check(
        json!({"from": 5, "to": 45, "step": -5}),
        "/step: the step of \"fast\" must be above 0, not -5",
    );
    check(
        json!({"from": 5, "to": 45}),
        "/step: \"step\" is missing (write {\"from\": 5, \"to\": 45, \"step\": 5})",
    );
    check(json!([]), ": the axis \"fast\" has no value (leave \"fast\" out, or list its values)");
    check(
        json!("5"),
        ": expected a list of values or {from, to, step}, found the string \"5\" (write 5 without quotes)",
    );
}

#[test]
fn long_axes_and_large_products_are_refused_before_they_are_expanded() {
    check_one(
        "/parameterVariants/slow",
        json!({"from": 1, "to": 10, "step": 0.000_000_9}),
        "/parameterVariants/slow: the axis \"slow\" has 10000001 points, more than the 100000 that one \
         may have (take larger steps or split the bundle)",
    );
    check(
        &[
            ("/parameterVariants/slow", json!({"from": 1, "to": 10_000, "step": 1})),
            ("/parameterVariants/fast", json!({"from": 1, "to": 1_000, "step": 1})),
            ("/tickerVariants", json!(["A", "B"])),
        ],
        &["the axes multiply to 2 x 1000 x 10000 = 20000000 jobs, more than the 1000000 of one bundle \
           (shorten an axis or split the bundle; constraints do not count)"]
        .map(|line| format!(": {line}"))
        .each_ref()
        .map(String::as_str),
    );
}

#[test]
fn parameters_are_checked_against_the_strategy() {
    check_one(
        "/parameterVariants/fst",
        json!([1]),
        "/parameterVariants/fst: the strategy has no parameter \"fst\" (did you mean \"fast\"?)",
    );
    check_one(
        "/universalConfig/parameters/fast",
        json!(0),
        "/universalConfig/parameters/fast: \"fast\" is 0, out of its range (from 1 to 1000)",
    );
    check_one(
        "/parameterVariants",
        json!([{"fast": 5}, {"fast": 5.5}]),
        "/parameterVariants/1/fast: \"fast\" is 5.5, it takes whole numbers (from 1 to 1000)",
    );
    check_one(
        "/parameterVariants/fast",
        json!({"from": 5, "to": 10, "step": 0.5}),
        "/parameterVariants/fast: \"fast\" is 5.5, it takes whole numbers (from 1 to 1000)",
    );
}

#[test]
fn every_parameter_needs_a_value_at_every_point() {
    let no_default = ("/universalConfig/strategy/params/fast", json!({"int": [1, 1_000, 1]}));
    let hint = "set it in \"parameters\" or \"parameterVariants\", or give it a default";
    check(
        std::slice::from_ref(&no_default),
        &[&format!(
            "/universalConfig/parameters/fast: the parameter \"fast\" has no value ({hint})"
        )],
    );
    check(
        &[no_default.clone(), ("/parameterVariants", json!([{"fast": 3}, {"slow": 5}]))],
        &[&format!("/parameterVariants/1: the parameter \"fast\" has no value ({hint})")],
    );
    bundle(&[no_default, ("/parameterVariants", json!({"fast": [3]}))]);
}

#[test]
fn names_and_words_are_checked() {
    check_one(
        "/universalConfig/timeframe",
        json!("7m"),
        "/universalConfig/timeframe: \"7m\" is not a timeframe: write whole minutes that divide a day, \
         such as 1m, 15m, 1h, 4h, 1d, or 1w",
    );
    check_one(
        "/tickerVariants",
        json!(["BTCUSDT", "BTC USDT"]),
        "/tickerVariants/1: \"ticker\" must be 1 to 64 of the characters A-Z a-z 0-9 . _ : / -, \
         not \"BTC USDT\"",
    );
    check_one(
        "/universalConfig/risk/direction",
        json!("longs"),
        "/universalConfig/risk/direction: \"direction\" must be one of both, long, short, not \"longs\" \
         (did you mean \"long\"?)",
    );
    check_one(
        "/universalConfig/calendar",
        json!("24/7"),
        "/universalConfig/calendar: \"24/7\" is not a calendar: write 24x7, 24x5, session or \
         session:Area/City with an IANA time zone",
    );
    check_one("/name", json!("a\nb"), "/name: \"name\" has a control character");
    check_one("/name", json!("x".repeat(201)), "/name: \"name\" has 201 characters, more than 200");
    check_one("/tags", json!({"owner": 1}), "/tags/owner: expected a string, found the number 1");
}

#[test]
fn numbers_are_checked() {
    check_one(
        "/priority",
        json!(1001),
        "/priority: \"priority\" must be a priority in [-1000, 1000], not 1001",
    );
    check_one("/priority", json!(0.5), "/priority: \"priority\" must be a whole number, not 0.5");
    check_one(
        "/universalConfig/balance",
        json!(0),
        "/universalConfig/balance: \"balance\" must be an amount in quote in (0, 1000000000000000], \
         not 0",
    );
    check_one(
        "/universalConfig/balance",
        json!("10000"),
        "/universalConfig/balance: expected an amount in quote, found the string \"10000\" \
         (write 10000 without quotes)",
    );
    check_one(
        "/universalConfig/risk/cooldownCandles",
        json!(null),
        "/universalConfig/risk/cooldownCandles: expected a count of candles, found null",
    );
}

#[test]
fn the_same_thing_is_not_said_twice() {
    check_one(
        "/universalConfig/moneyManagement",
        json!({"stopLossPct": 2, "stop": {"pct": 2}}),
        "/universalConfig/moneyManagement/stopLossPct: \"stopLossPct\" and \"stop\" say the same thing \
         twice (leave one out, or set it to null in the variant: \"stop\": null)",
    );
    check_one(
        "/universalConfig/costs",
        json!({"feePct": 0.1, "makerFeePct": 0.1}),
        "/universalConfig/costs/makerFeePct: \"feePct\" sets \"makerFeePct\" too, so only one may be \
         given (write \"makerFeePct\" and \"takerFeePct\")",
    );
}

#[test]
fn a_profile_may_not_be_contradicted() {
    check_one(
        "/universalConfig/fill",
        json!({"profile": "vectorbt", "stopOnEntryCandle": true, "flipVsStop": "stopFirst"}),
        "/universalConfig/fill/stopOnEntryCandle: \"stopOnEntryCandle\": true contradicts the profile \
         \"vectorbt\", which has false (leave out \"stopOnEntryCandle\" or \"profile\")",
    );
}

#[test]
fn the_margin_must_outlast_the_liquidation_price() {
    check_one(
        "/universalConfig/moneyManagement",
        json!({"leverage": 200}),
        "/universalConfig/moneyManagement/leverage: a maintenance margin of 0.5 % is the whole initial \
         margin at leverage 200 (set \"maintenanceMarginPct\" below 0.5)",
    );
}

#[test]
fn max_entries_is_reserved_and_may_be_one() {
    let pointer = "/universalConfig/moneyManagement/maxEntries";
    for value in [json!(2), json!(0), json!(1.5), json!("1"), json!(null), json!(true)] {
        let expected = format!(
            "{pointer}: \"maxEntries\" is reserved: a trade has 1 entry in this version (leave it out, or \
             write 1)"
        );
        check_one(pointer, value, &expected);
    }
    let plain = Bundle::parse(&request_with(&[]), &Limits::default()).unwrap();
    for one in [json!(1), json!(1.0)] {
        let said = Bundle::parse(&request_with(&[(pointer, one)]), &Limits::default()).unwrap();
        assert_eq!(said.job(0).unwrap().key, plain.job(0).unwrap().key);
    }
}

#[test]
fn a_fault_of_money_management_points_to_where_its_field_stands() {
    check(
        &[
            ("/universalConfig/moneyManagement/leverage", json!(0)),
            ("/moneyManagementVariants", json!([{"stopLossPct": 1}, {"stopLossPct": 100}])),
        ],
        &[
            "/universalConfig/moneyManagement/leverage: \"leverage\" must be a factor in [1, 200], not 0",
            "/moneyManagementVariants/1/stopLossPct: \"stopLossPct\" must be a percent of price in \
             (0, 100), not 100 (did you mean 1?)",
        ],
    );
}

#[test]
fn a_variant_may_unset_what_the_base_sets() {
    bundle(&[
        ("/universalConfig/moneyManagement/stopLossPct", json!(1)),
        ("/moneyManagementVariants", json!([{"stopLossPct": null, "stop": {"pct": 2}}])),
    ]);
}

#[test]
fn a_perpetual_must_say_its_funding() {
    check_one(
        "/universalConfig/instrument/kind",
        json!("perpetual"),
        "/universalConfig/costs/funding: a perpetual pays funding, so \"funding\" must be said \
         (write \"none\", \"fromData\" or {\"ratePct\": 0.01, \"everyHours\": 8})",
    );
}

#[test]
fn missing_fields_are_named_all_at_once() {
    let empty = json!({"universalConfig": {}});
    let faults = Bundle::parse(&empty, &Limits::default()).unwrap_err();
    let missing: Vec<&str> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    let expected = ["exchange", "ticker", "timeframe", "balance", "strategy"]
        .map(|name| format!("/universalConfig/{name}"));
    assert_eq!(missing[0], "/dateTimeRanges");
    assert_eq!(missing[1..], expected);
}

#[test]
fn constraints_that_leave_nothing_are_a_fault() {
    check_one(
        "/universalConfig/parameters",
        json!({"fast": 30, "slow": 20}),
        "/universalConfig/strategy/constraints: the constraints drop the only parameter point",
    );
    check_one(
        "/parameterVariants",
        json!({"fast": [30, 40], "slow": [20, 25]}),
        "/universalConfig/strategy/constraints: the constraints drop all 4 parameter points",
    );
}

#[test]
fn detail_candles_must_make_up_whole_candles() {
    check(
        &[
            ("/universalConfig/detailTimeframe", json!("10m")),
            ("/timeframeVariants", json!(["1h", "15m"])),
        ],
        &[
            "/universalConfig/detailTimeframe: candles of 15m are not made of several of 10m (write a \
           finer timeframe that divides it, such as \"1m\")",
        ],
    );
}

#[test]
fn what_the_engine_does_not_run_is_refused_by_name() {
    let any: Vec<String> =
        (1..8).map(|n| format!("(barsInTrade == {n} or openPnlPct > {n})")).collect();
    let exit = any.join(" and ");
    let faults = parse(&[("/universalConfig/strategy/signals/exitLong", json!(exit))]).unwrap_err();
    assert!(faults.0.iter().all(|fault| fault.code == "unsupported"));
    assert_eq!(
        lines(&faults.0),
        [
            "/universalConfig/strategy: a condition on the position with more than 64 combinations of \
          its \"any\" parts is not supported"
        ]
    );
}

#[test]
fn a_constant_funding_rate_has_ranges() {
    const AT: &str = "/universalConfig/costs/funding";
    let check = |funding: Value, expected: &str| {
        let text = format!("/universalConfig/costs/funding{expected}");
        check_one(AT, funding, &text);
    };
    check(
        json!({"ratePct": 20}),
        "/ratePct: \"ratePct\" must be a percent of the position's value in [-10, 10], not 20 \
         (did you mean 0.2?)",
    );
    check(
        json!({"ratePct": 1, "everyHours": 5}),
        "/everyHours: \"everyHours\" must divide a day, and 5 does not (write 1, 2, 3, 4, 6, 8, 12 \
         or 24)",
    );
    check(
        json!({"ratePct": 1, "everyHours": 48}),
        "/everyHours: \"everyHours\" must be hours that divide a day in [1, 24], not 48",
    );
    check(
        json!({"everyHours": 8}),
        "/ratePct: \"ratePct\" is missing (percent of the position's value each time)",
    );
    check(
        json!("fromdata"),
        ": \"funding\" must be one of none, fromData, not \"fromdata\" (did you mean \"fromData\"?)",
    );
    check(
        json!(0.01),
        ": expected \"none\", \"fromData\" or {\"ratePct\": 0.01, \"everyHours\": 8}, found the \
         number 0.01",
    );
}

#[test]
fn a_request_that_was_stored_is_read_whatever_the_limits_are_now() {
    let request = request_with(&[("/parameterVariants", json!({"slow": [50, 60, 70]}))]);
    let tight = Limits { jobs: 2, ..Limits::default() };
    assert!(Bundle::parse(&request, &tight).is_err());
    assert_eq!(Bundle::parse(&request, &Limits::of_stored()).unwrap().total(), 3);
}
