//! Reads group `costs` and the settings that otherwise come from the series.

use std::num::NonZeroU32;

use serde_json::Value;

use crate::fault::Faults;
use crate::settings::{Costs, DataPolicy, Funding, Instrument, InstrumentKind, SeriesOverrides};
use crate::{Calendar, Timeframe};

use super::fields::{Bounds, Fields, wrong_type};

const FEE_PCT: Bounds = Bounds::closed("a percent of notional", 0.0, 10.0);
const FUNDING_PCT: Bounds = Bounds::closed("a percent of the position's value", -10.0, 10.0);
const BPS: Bounds = Bounds::closed("basis points of price", 0.0, 1_000.0);
const STEP: Bounds = Bounds::closed("a step or minimum (0 = off)", 0.0, 1e15);
const MULTIPLIER: Bounds = Bounds::above("base units a contract", 0.0, 1e15);
const PERIODS: Bounds = Bounds::closed("days a year", 1.0, 366.0);
const RISK_FREE_PCT: Bounds = Bounds::closed("a percent a year", -100.0, 100.0);

/// Group `costs`, defaults filled. `funding` must be said for a perpetual.
pub(super) fn costs(
    value: &Value,
    pointer: &str,
    instrument: Option<&Instrument>,
    faults: &mut Faults,
) -> Costs {
    const FIELDS: &[&str] =
        &["feePct", "makerFeePct", "takerFeePct", "slippageBps", "spreadBps", "funding"];
    let default = Costs::default();
    let Some(fields) = Fields::open(value, pointer, FIELDS, faults) else {
        return default;
    };
    let both = fields.number("feePct", FEE_PCT, faults);
    let mut fee = |name: &str, default: f64| {
        if fields.raw("feePct").is_some() && fields.raw(name).is_some() {
            let message = format!("\"feePct\" sets \"{name}\" too, so only one may be given");
            let hint = "write \"makerFeePct\" and \"takerFeePct\"";
            faults.add_with_hint(&fields.at(name), "conflict", message, hint);
        }
        fields.number(name, FEE_PCT, faults).or(both).unwrap_or(default)
    };
    let maker_fee_pct = fee("makerFeePct", default.maker_fee_pct);
    let taker_fee_pct = fee("takerFeePct", default.taker_fee_pct);
    let perpetual = instrument.is_some_and(|it| it.kind == InstrumentKind::Perpetual);
    if perpetual && fields.raw("funding").is_none() {
        let hint = "write \"none\", \"fromData\" or {\"ratePct\": 0.01, \"everyHours\": 8}";
        let message = "a perpetual pays funding, so \"funding\" must be said";
        faults.add_with_hint(&fields.at("funding"), "missing_field", message, hint);
    }
    Costs {
        maker_fee_pct,
        taker_fee_pct,
        slippage_bps: fields.number("slippageBps", BPS, faults).unwrap_or(default.slippage_bps),
        spread_bps: fields.number("spreadBps", BPS, faults).unwrap_or(default.spread_bps),
        funding: funding(&fields, faults).unwrap_or(default.funding),
    }
}

/// `"none"`, `"fromData"` or a constant rate.
fn funding(fields: &Fields<'_>, faults: &mut Faults) -> Option<Funding> {
    const EVERY: (&str, i64, i64) = ("hours that divide a day", 1, 24);
    let pointer = fields.at("funding");
    match fields.raw("funding")? {
        Value::String(_) => {
            let words = [("none", Funding::None), ("fromData", Funding::FromData)];
            fields.one_of("funding", &words, faults)
        }
        value @ Value::Object(_) => {
            let fields = Fields::open(value, &pointer, &["ratePct", "everyHours"], faults)?;
            fields.require("ratePct", "percent of the position's value each time", faults)?;
            let rate_pct = fields.number("ratePct", FUNDING_PCT, faults)?;
            let hours = match fields.get("everyHours") {
                None => 8,
                Some(_) => fields.integer("everyHours", EVERY, faults)?,
            };
            if 24 % hours != 0 {
                let message = format!("\"everyHours\" must divide a day, and {hours} does not");
                let hint = "write 1, 2, 3, 4, 6, 8, 12 or 24";
                faults.add_with_hint(&fields.at("everyHours"), "out_of_range", message, hint);
                return None;
            }
            let every_hours = u32::try_from(hours).ok().and_then(NonZeroU32::new)?;
            Some(Funding::Constant { rate_pct, every_hours })
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
            let wanted = "\"none\", \"fromData\" or {\"ratePct\": 0.01, \"everyHours\": 8}";
            wrong_type(other, &pointer, wanted, faults);
            None
        }
    }
}

/// `instrument`, `detailTimeframe`, `calendar`, `periodsPerYear`, `riskFreePct`.
pub(super) fn overrides(config: &Fields<'_>, faults: &mut Faults) -> SeriesOverrides {
    SeriesOverrides {
        instrument: config
            .get("instrument")
            .and_then(|value| instrument(value, &config.at("instrument"), faults)),
        detail_timeframe: config
            .get("detailTimeframe")
            .and_then(|value| timeframe(value, &config.at("detailTimeframe"), faults)),
        calendar: config
            .get("calendar")
            .and_then(|value| calendar(value, &config.at("calendar"), faults)),
        periods_per_year: config.number_or_null("periodsPerYear", PERIODS, faults),
        risk_free_pct: config.number_or_null("riskFreePct", RISK_FREE_PCT, faults),
    }
}

fn instrument(value: &Value, pointer: &str, faults: &mut Faults) -> Option<Instrument> {
    const FIELDS: &[&str] =
        &["kind", "tickSize", "lotStep", "minQuantity", "minNotional", "contractMultiplier"];
    let fields = Fields::open(value, pointer, FIELDS, faults)?;
    let default = Instrument::default();
    let kinds = [("spot", InstrumentKind::Spot), ("perpetual", InstrumentKind::Perpetual)];
    let multiplier = fields.number("contractMultiplier", MULTIPLIER, faults);
    let mut step = |name: &str| fields.number(name, STEP, faults).unwrap_or(0.0);
    Some(Instrument {
        tick_size: step("tickSize"),
        lot_step: step("lotStep"),
        min_quantity: step("minQuantity"),
        min_notional: step("minNotional"),
        contract_multiplier: multiplier.unwrap_or(default.contract_multiplier),
        kind: fields.one_of("kind", &kinds, faults).unwrap_or(default.kind),
    })
}

/// A timeframe as text.
pub(super) fn timeframe(value: &Value, pointer: &str, faults: &mut Faults) -> Option<Timeframe> {
    let Value::String(text) = value else {
        wrong_type(value, pointer, "a timeframe such as \"15m\"", faults);
        return None;
    };
    let short: String = text.chars().take(64).collect();
    short.parse().map_err(|error| faults.add(pointer, "invalid_timeframe", format!("{error}"))).ok()
}

fn calendar(value: &Value, pointer: &str, faults: &mut Faults) -> Option<Calendar> {
    let Value::String(text) = value else {
        wrong_type(value, pointer, "a calendar such as \"24x7\"", faults);
        return None;
    };
    let short: String = text.chars().take(64).collect();
    short.parse().map_err(|error| faults.add(pointer, "unknown_value", format!("{error}"))).ok()
}

/// `dataPolicy`, defaults filled.
pub(super) fn data_policy(value: &Value, pointer: &str, faults: &mut Faults) -> DataPolicy {
    let Some(fields) = Fields::open(value, pointer, &["ends", "gaps", "version"], faults) else {
        return DataPolicy::default();
    };
    let mut is =
        |name: &str, words: [(&str, bool); 2]| fields.one_of(name, &words, faults).unwrap_or(false);
    DataPolicy {
        allow_uncovered_ends: is("ends", [("fail", false), ("allow", true)]),
        fail_on_gaps: is("gaps", [("warn", false), ("fail", true)]),
        follow_latest: is("version", [("pinned", false), ("latest", true)]),
    }
}
