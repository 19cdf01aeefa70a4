//! Reads group `fill`: the switches of docs/concepts/fills.md and the profiles of peers.

use serde_json::Value;

use crate::fault::Faults;
use crate::settings::{
    BothTouched, EntryFill, FillProfile, FillRules, FlipVsStop, GapFill, LevelBase, Liquidation,
    OpenBeyondTarget, RangeEnd, TrailStart, TrailingBase, WrongSideLevel,
};

use super::fields::{Fields, wrong_type};

const FIELDS: &[&str] = &[
    "entry",
    "bothTouched",
    "openBeyondTarget",
    "flipVsStop",
    "gap",
    "stopOnEntryCandle",
    "levelBase",
    "trailingBase",
    "trailStart",
    "wrongSideLevel",
    "liquidation",
    "end",
    "profile",
    "sensitivity",
];

/// Names of the peers.
const PROFILES: [(&str, FillProfile); 3] = [
    ("backtestingPy", FillProfile::BacktestingPy),
    ("vectorbt", FillProfile::Vectorbt),
    ("freqtrade", FillProfile::Freqtrade),
];

/// The group, defaults filled; a profile gives every switch the value that the peer has.
pub(super) fn read(value: &Value, pointer: &str, faults: &mut Faults) -> FillRules {
    let Some(fields) = Fields::open(value, pointer, FIELDS, faults) else {
        return FillRules::default();
    };
    let profile = match fields.get("profile") {
        None => None,
        Some(_) => fields.one_of("profile", &PROFILES, faults),
    };
    let mut switches = Switches { fields, profile, faults };
    let base = profile.map_or_else(FillRules::default, profile_rules);
    FillRules {
        entry: switches.word("entry", base.entry, &[("nextOpen", EntryFill::NextOpen)]),
        both_touched: switches.word(
            "bothTouched",
            base.both_touched,
            &[
                ("stopFirst", BothTouched::StopFirst),
                ("targetFirst", BothTouched::TargetFirst),
                ("path", BothTouched::Path),
            ],
        ),
        open_beyond_target: switches.word(
            "openBeyondTarget",
            base.open_beyond_target,
            &[
                ("targetAtOpen", OpenBeyondTarget::TargetAtOpen),
                ("stopAtLevel", OpenBeyondTarget::StopAtLevel),
            ],
        ),
        flip_vs_stop: switches.word(
            "flipVsStop",
            base.flip_vs_stop,
            &[("flipFirst", FlipVsStop::FlipFirst), ("stopFirst", FlipVsStop::StopFirst)],
        ),
        gap: switches.word(
            "gap",
            base.gap,
            &[
                ("open", GapFill::Open),
                ("level", GapFill::Level),
                ("withinCandle", GapFill::WithinCandle),
            ],
        ),
        stop_on_entry_candle: switches.flag("stopOnEntryCandle", base.stop_on_entry_candle),
        level_base: switches.word(
            "levelBase",
            base.level_base,
            &[("entryFill", LevelBase::EntryFill), ("signalClose", LevelBase::SignalClose)],
        ),
        trailing_base: switches.word(
            "trailingBase",
            base.trailing_base,
            &[("extreme", TrailingBase::Extreme), ("close", TrailingBase::Close)],
        ),
        trail_start: switches.word(
            "trailStart",
            base.trail_start,
            &[("entryCandle", TrailStart::EntryCandle), ("nextCandle", TrailStart::NextCandle)],
        ),
        wrong_side_level: switches.word(
            "wrongSideLevel",
            base.wrong_side_level,
            &[("skip", WrongSideLevel::Skip), ("enter", WrongSideLevel::Enter)],
        ),
        liquidation: switches.word(
            "liquidation",
            base.liquidation,
            &[("always", Liquidation::Always), ("leveraged", Liquidation::Leveraged)],
        ),
        end: switches.word(
            "end",
            base.end,
            &[
                ("mark", RangeEnd::Mark),
                ("close", RangeEnd::Close),
                ("lastOpen", RangeEnd::LastOpen),
            ],
        ),
        profile,
        sensitivity: switches.fields.boolean("sensitivity", switches.faults).unwrap_or(false),
    }
}

/// The switches as a peer has them: `scripts/peers` compares them trade by trade.
fn profile_rules(profile: FillProfile) -> FillRules {
    let rules = FillRules {
        open_beyond_target: OpenBeyondTarget::StopAtLevel,
        liquidation: Liquidation::Leveraged,
        profile: Some(profile),
        ..FillRules::default()
    };
    match profile {
        FillProfile::BacktestingPy => FillRules {
            level_base: LevelBase::SignalClose,
            wrong_side_level: WrongSideLevel::Enter,
            ..rules
        },
        FillProfile::Vectorbt => FillRules {
            flip_vs_stop: FlipVsStop::StopFirst,
            stop_on_entry_candle: false,
            trail_start: TrailStart::NextCandle,
            ..rules
        },
        FillProfile::Freqtrade => {
            FillRules { gap: GapFill::WithinCandle, end: RangeEnd::LastOpen, ..rules }
        }
    }
}

struct Switches<'a> {
    fields: Fields<'a>,
    profile: Option<FillProfile>,
    faults: &'a mut Faults,
}

impl Switches<'_> {
    fn word<T: Copy + PartialEq>(&mut self, name: &str, base: T, words: &[(&str, T)]) -> T {
        let Some(value) = self.fields.one_of(name, words, self.faults) else {
            return base;
        };
        let word =
            |of: T| words.iter().find(|(_, value)| *value == of).map_or("", |(word, _)| word);
        if value != base {
            self.contradicts(name, word(value), word(base));
        }
        value
    }

    fn flag(&mut self, name: &str, base: bool) -> bool {
        match self.fields.raw(name) {
            None => base,
            Some(Value::Bool(value)) => {
                if *value != base {
                    self.contradicts(name, &value.to_string(), &base.to_string());
                }
                *value
            }
            Some(other) => {
                wrong_type(other, &self.fields.at(name), "true or false", self.faults);
                base
            }
        }
    }

    fn contradicts(&mut self, name: &str, value: &str, base: &str) {
        let peer = self.profile.and_then(|profile| {
            PROFILES.iter().find(|(_, known)| *known == profile).map(|(name, _)| *name)
        });
        let Some(peer) = peer else { return };
        let message =
            format!("\"{name}\": {value} contradicts the profile \"{peer}\", which has {base}");
        let hint = format!("leave out \"{name}\" or \"profile\"");
        self.faults.add_with_hint(&self.fields.at(name), "conflict", message, hint);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::canonical;
    use crate::settings::{Costs, SeriesOverrides};

    /// The profile and its switches written out are the same rules and the same canonical text.
    #[track_caller]
    fn check(profile: &str, switches: &Value) {
        let read = |value: &Value| {
            let mut faults = Faults::default();
            let rules = read(value, "/fill", &mut faults);
            assert!(faults.is_empty(), "{faults}");
            rules
        };
        let (short, long) = (read(&json!({ "profile": profile })), read(switches));
        assert_eq!(FillRules { profile: None, ..short }, long);
        let (costs, overrides) = (Costs::default(), SeriesOverrides::default());
        let text = |fill: &FillRules| {
            let head = canonical::Head {
                exchange: "x",
                balance: 1.0,
                costs: &costs,
                fill,
                overrides: &overrides,
            };
            canonical::head(&head)
        };
        assert_eq!(text(&short), text(&long));
        let mut both = switches.clone();
        both["profile"] = json!(profile);
        assert_eq!(read(&both), short);
    }

    #[test]
    fn a_profile_is_short_for_the_switches_of_its_peer() {
        check(
            "backtestingPy",
            &json!({
                "openBeyondTarget": "stopAtLevel",
                "levelBase": "signalClose",
                "wrongSideLevel": "enter",
                "liquidation": "leveraged"
            }),
        );
        check(
            "vectorbt",
            &json!({
                "openBeyondTarget": "stopAtLevel",
                "flipVsStop": "stopFirst",
                "stopOnEntryCandle": false,
                "trailStart": "nextCandle",
                "liquidation": "leveraged"
            }),
        );
        check(
            "freqtrade",
            &json!({
                "openBeyondTarget": "stopAtLevel",
                "gap": "withinCandle",
                "end": "lastOpen",
                "liquidation": "leveraged"
            }),
        );
    }
}
