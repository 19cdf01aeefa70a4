//! The product: order of `seq`, what constraints drop, decoding as a bijection.

use std::collections::BTreeSet;

use model::{Bundle, Limits, Position};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{bundle, request_with};

/// Small axes of every kind, two parameters.
fn wide() -> Vec<(&'static str, Value)> {
    vec![
        (
            "/dateTimeRanges",
            json!([
                {"start": "2024-01-01T00:00:00Z", "end": "2024-02-01T00:00:00Z"},
                {"start": "2024-02-01T00:00:00Z", "end": "2024-03-01T00:00:00Z"}
            ]),
        ),
        ("/tickerVariants", json!(["BTCUSDT", "ETHUSDT"])),
        ("/timeframeVariants", json!(["15m", "1h"])),
        ("/moneyManagementVariants", json!([{"stopLossPct": 1}, {"stopLossPct": 2}])),
        ("/parameterVariants", json!({"slow": [10, 20], "fast": {"from": 5, "to": 15, "step": 5}})),
    ]
}

#[test]
fn the_first_axis_is_the_slowest_and_parameters_go_by_name() {
    let bundle = bundle(&wide());
    let names: Vec<(String, u32)> =
        bundle.axes().into_iter().map(|axis| (axis.name, axis.count)).collect();
    let expected = [
        ("dateRange", 2),
        ("ticker", 2),
        ("timeframe", 2),
        ("moneyManagement", 2),
        ("parameters.fast", 3),
        ("parameters.slow", 2),
    ];
    assert_eq!(names, expected.map(|(name, count)| (name.to_owned(), count)));
    assert_eq!(bundle.total_product(), 96);
    // fast < slow drops (10, 10), (15, 10) of the six points.
    assert_eq!((bundle.total(), bundle.dropped()), (64, 32));
    let first: Vec<(u32, Value)> = bundle
        .jobs()
        .take(5)
        .map(|seq| (seq, bundle.variant(seq).unwrap().to_json()["parameters"].clone()))
        .collect();
    assert_eq!(
        first,
        [
            (0, json!({"fast": 5, "slow": 10})),
            (1, json!({"fast": 5, "slow": 20})),
            (3, json!({"fast": 10, "slow": 20})),
            (5, json!({"fast": 15, "slow": 20})),
            (6, json!({"fast": 5, "slow": 10})),
        ]
    );
    let last = bundle.variant(95).unwrap().to_json();
    assert_eq!(
        last,
        json!({
            "ticker": "ETHUSDT",
            "timeframe": "1h",
            "start": "2024-02-01T00:00:00Z",
            "end": "2024-03-01T00:00:00Z",
            "moneyManagement": {"stopLossPct": 2},
            "parameters": {"fast": 15, "slow": 20}
        })
    );
}

#[test]
fn a_dropped_or_missing_seq_is_no_job() {
    let bundle = bundle(&wide());
    for seq in [2, 4, 96, u32::MAX] {
        assert!(!bundle.has_job(seq));
        assert_eq!((bundle.variant(seq), bundle.job(seq)), (None, None));
    }
}

#[test]
fn axes_show_their_values() {
    let bundle = bundle(&wide());
    let axes = serde_json::to_value(bundle.axes()).unwrap();
    assert_eq!(
        axes[0]["values"][1],
        json!({"start": "2024-02-01T00:00:00Z", "end": "2024-03-01T00:00:00Z"})
    );
    assert_eq!(axes[2], json!({"name": "timeframe", "count": 2, "values": ["15m", "1h"]}));
    assert_eq!(axes[3]["values"], json!([{"stopLossPct": 1}, {"stopLossPct": 2}]));
    assert_eq!(axes[4]["values"], json!([5, 10, 15]));
}

#[test]
fn decimal_steps_give_the_numbers_that_were_meant() {
    let bundle = bundle(&[
        ("/universalConfig/strategy/params/level", json!({"float": [0, 1, 0.1]})),
        ("/parameterVariants/level", json!({"from": 0.1, "to": 0.5, "step": 0.1})),
    ]);
    assert_eq!(bundle.axes()[4].values, [0.1, 0.2, 0.3, 0.4, 0.5].map(Value::from));
}

#[test]
fn explicit_points_are_one_axis_over_the_base() {
    let bundle = bundle(&[
        ("/universalConfig/parameters/slow", json!(100)),
        ("/parameterVariants", json!([{"fast": 5, "slow": 50}, {"fast": 10}, {}])),
    ]);
    let points: Vec<Value> = bundle
        .jobs()
        .map(|seq| bundle.variant(seq).unwrap().to_json()["parameters"].clone())
        .collect();
    assert_eq!(
        points,
        [
            json!({"fast": 5, "slow": 50}),
            json!({"fast": 10, "slow": 100}),
            json!({"fast": 12, "slow": 100})
        ]
    );
    assert_eq!(bundle.axes()[4].name, "parameters");
    assert_eq!(bundle.axes()[4].values[1], json!({"fast": 10}));
}

#[test]
fn empty_lists_and_null_leave_the_one_value_of_the_config() {
    let bundle = bundle(&[
        ("/tickerVariants", json!([])),
        ("/timeframeVariants", json!(null)),
        ("/moneyManagementVariants", json!([])),
        ("/parameterVariants", json!([])),
        ("/universalConfig/moneyManagement", json!({"takeProfitPct": 4})),
    ]);
    assert_eq!(bundle.total_product(), 1);
    let variant = bundle.variant(0).unwrap();
    assert_eq!(
        (variant.ticker.as_str(), variant.timeframe.to_string().as_str()),
        ("BTCUSDT", "15m")
    );
    assert_eq!(variant.money_management, json!({"takeProfitPct": 4}));
}

#[test]
fn money_management_is_merged_field_by_field_over_the_base() {
    let bundle = bundle(&[
        ("/universalConfig/moneyManagement", json!({"stopLossPct": 1, "takeProfitPct": 4})),
        ("/moneyManagementVariants", json!([{"takeProfitPct": 8}, {"stopLossPct": null}])),
    ]);
    let merged = |seq: u32| bundle.variant(seq).unwrap().money_management;
    assert_eq!(merged(0), json!({"stopLossPct": 1, "takeProfitPct": 8}));
    assert_eq!(merged(1), json!({"stopLossPct": null, "takeProfitPct": 4}));
    assert_eq!(bundle.job(1).unwrap().money_management.stop, None);
}

#[test]
fn series_and_tickers_are_told_with_their_places() {
    let bundle = bundle(&[
        ("/tickerVariants", json!(["B", "A", "B"])),
        ("/timeframeVariants", json!(["15m", "1h"])),
    ]);
    let series: Vec<String> = bundle.series().iter().map(ToString::to_string).collect();
    assert_eq!(series, ["binance A 15m", "binance A 1h", "binance B 15m", "binance B 1h"]);
    let places: Vec<(String, &str)> = bundle.tickers().collect();
    assert_eq!(places[2], ("/tickerVariants/2".to_owned(), "B"));
}

prop_compose! {
    /// A request with axes of random lengths, duplicates allowed.
    fn requests()(
        ranges in 1_usize..3,
        tickers in 0_usize..4,
        timeframes in 0_usize..3,
        money in 0_usize..4,
        fast in prop::collection::vec(1_u32..40, 1..5),
        slow in prop::collection::vec(1_u32..40, 1..5),
    ) -> Value {
        let range = json!({"start": "2024-01-01T00:00:00Z", "end": "2024-02-01T00:00:00Z"});
        request_with(&[
            ("/dateTimeRanges", json!(vec![range; ranges])),
            ("/tickerVariants", json!(&["A", "B", "C"][..tickers])),
            ("/timeframeVariants", json!(&["5m", "1h"][..timeframes])),
            ("/moneyManagementVariants", json!(vec![json!({"stopLossPct": 3}); money])),
            ("/parameterVariants", json!({"fast": fast, "slow": slow})),
        ])
    }
}

proptest! {
    #[test]
    fn decoding_is_a_bijection_onto_the_product_less_the_dropped_points(request in requests()) {
        let Ok(bundle) = Bundle::parse(&request, &Limits::default()) else {
            // The constraint left nothing.
            return Ok(());
        };
        let lengths: Vec<u32> = bundle.axes().iter().map(|axis| axis.count).collect();
        prop_assert_eq!(bundle.total_product(), lengths.iter().product::<u32>());
        let mut positions = Vec::new();
        for seq in 0..bundle.total_product() {
            let position = bundle.position(seq).unwrap();
            prop_assert_eq!(bundle.seq(position), Some(seq));
            positions.push(position);
            let fast_below_slow = {
                let slow = position.parameters % lengths[5];
                let fast = position.parameters / lengths[5];
                let axis = |index: usize, at: u32| bundle.axes()[index].values[at as usize].as_f64();
                axis(4, fast) < axis(5, slow)
            };
            prop_assert_eq!(bundle.has_job(seq), fast_below_slow);
        }
        // Positions are compared field by field in the order of the axes: first axis slowest.
        prop_assert!(positions.is_sorted());
        prop_assert_eq!(positions.iter().collect::<BTreeSet<_>>().len(), positions.len());
        prop_assert_eq!(bundle.position(bundle.total_product()), None);
        let jobs: Vec<u32> = bundle.jobs().collect();
        prop_assert_eq!(jobs.len(), bundle.total() as usize);
        prop_assert!(jobs.is_sorted());
    }

    #[test]
    fn the_warm_ups_of_a_bundle_are_those_of_its_jobs(request in requests()) {
        let Ok(bundle) = Bundle::parse(&request, &Limits::default()) else { return Ok(()) };
        let warmups: Vec<_> = bundle.warmups().collect();
        prop_assert_eq!(warmups.len(), bundle.total() as usize);
        for (seq, warmup) in warmups {
            prop_assert_eq!(bundle.job(seq).map(|job| job.warmup), Some(warmup));
        }
    }

    #[test]
    fn the_keys_of_a_bundle_are_those_of_its_jobs(request in requests()) {
        let Ok(bundle) = Bundle::parse(&request, &Limits::default()) else { return Ok(()) };
        let keys: Vec<_> = bundle.keys().collect();
        prop_assert_eq!(keys.len(), bundle.total() as usize);
        for (seq, key) in keys {
            prop_assert_eq!(bundle.job(seq).map(|job| job.key), Some(key));
        }
    }

    #[test]
    fn the_jobs_of_a_bundle_are_those_that_it_gives_one_by_one(request in requests()) {
        let Ok(bundle) = Bundle::parse(&request, &Limits::default()) else { return Ok(()) };
        let seqs = (0..bundle.total() + 2).rev();
        let one_by_one: Vec<_> = seqs.clone().map(|seq| bundle.job(seq)).collect();
        prop_assert_eq!(bundle.specs(seqs), one_by_one);
    }
}

#[test]
fn a_position_beyond_an_axis_has_no_seq() {
    let bundle = bundle(&wide());
    let last = bundle.position(95).unwrap();
    assert_eq!(bundle.seq(Position { ticker: 2, ..last }), None);
}
