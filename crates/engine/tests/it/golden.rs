//! Outcomes that were stored: other bytes need another `ENGINE_VERSION`.
//!
//! `scripts/run-tests.sh` runs these in a debug and in a release build: both have these bytes.

use model::ENGINE_VERSION;
use model::settings::{BothTouched, LevelForm, Trail};

use crate::drawn::Drawn;
use crate::laden::Laden;
use crate::properties::{crossing, wild};

/// The hash of `case`'s outcome by this version of the engine.
#[track_caller]
fn check(case: &Drawn, expected: &str) {
    assert_eq!(ENGINE_VERSION, "1", "a new version stores its hashes here");
    assert_eq!(case.run().outcome.hash().to_string(), expected);
}

#[test]
fn a_cross_with_stop_and_target_is_as_it_was() {
    let case = crossing(wild(42, 5_000), 5.0, 20.0);
    check(&case, "b3:786fe6a699f3ec09a4ac19791f22d235aa0d52a737ba7d09e1c8368d76437d33");
}

#[test]
fn a_levered_trail_by_path_is_as_it_was() {
    let case = crossing(wild(43, 5_000), 8.0, 30.0).with(|spec| {
        spec.money_management.leverage = 3.0;
        let form = LevelForm::Pct(1.5);
        spec.money_management.trail =
            Some(Trail { form, follow: false, activation_pct: Some(1.0) });
        spec.fill.both_touched = BothTouched::Path;
        spec.risk.flip_position = false;
    });
    check(&case, "b3:3dca061736ee31018755afac14d1d8ca7c078b076393b0b6d6cc05f784f87404");
}

/// Finer candles, funding, another ticker, an uploaded column or conditions, in twelve ways.
#[test]
fn what_reads_everything_is_as_it_was() {
    let stored = include_str!("../fixtures/outcomes.txt");
    let found: Vec<String> = (0..12)
        .map(|flavour| {
            let hash = Laden::new(42, 2_000, flavour).run().outcome.hash();
            format!("laden-{flavour} {hash}\n")
        })
        .collect();
    assert_eq!(stored, found.concat(), "this version of the engine: {ENGINE_VERSION}");
}
