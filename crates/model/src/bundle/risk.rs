//! Reads group `risk`: flips, sides, cooldown, loss streak, time limits, entry orders.

use std::num::NonZeroU32;

use serde_json::Value;

use crate::fault::Faults;
use crate::settings::{AllowedSides, EntryOrder, LossStreak, Pause, PendingEntry, Risk};

use super::expressions::Expressions;
use super::fields::{Fields, wrong_type};

const FIELDS: &[&str] = &[
    "flipPosition",
    "flipOnlyInProfit",
    "direction",
    "cooldownCandles",
    "lossStreak",
    "maxPositionMinutes",
    "closeEarlyWhenProfitable",
    "entryOrder",
];

/// Unit and range of a field that counts.
type Count = (&'static str, i64, i64);

const COOLDOWN: Count = ("a count of candles", 0, 1_000_000);
const CANDLES: Count = ("a count of candles", 1, 1_000_000);
const STREAK: Count = ("a count of trades", 1, 1_000_000);
/// Ten years.
const MAX_MINUTES: i64 = 5_256_000;
const TIME_LIMIT: Count = ("a count of minutes", 1, MAX_MINUTES);
const EARLY_CLOSE: Count = ("a count of minutes", 0, MAX_MINUTES);

/// The group, defaults filled.
pub(super) fn read(
    value: &Value,
    pointer: &str,
    expressions: &Expressions<'_>,
    faults: &mut Faults,
) -> Risk {
    let default = Risk::default();
    let Some(fields) = Fields::open(value, pointer, FIELDS, faults) else {
        return default;
    };
    let sides = [
        ("both", AllowedSides::Both),
        ("long", AllowedSides::Long),
        ("short", AllowedSides::Short),
    ];
    Risk {
        flip_position: fields.boolean("flipPosition", faults).unwrap_or(default.flip_position),
        flip_only_in_profit: fields
            .boolean("flipOnlyInProfit", faults)
            .unwrap_or(default.flip_only_in_profit),
        direction: fields.one_of("direction", &sides, faults).unwrap_or(default.direction),
        cooldown_candles: fields
            .integer("cooldownCandles", COOLDOWN, faults)
            .map_or(default.cooldown_candles, count),
        loss_streak: loss_streak(&fields, faults),
        max_position_minutes: fields
            .integer_or_null("maxPositionMinutes", TIME_LIMIT, faults)
            .and_then(positive),
        close_early_after_minutes: close_early(&fields, faults),
        entry_order: entry_order(&fields, expressions, faults),
    }
}

/// A count that its bounds keep far below 2^32.
fn count(value: i64) -> u32 {
    u32::try_from(value).expect("the bounds of every count fit")
}

fn positive(value: i64) -> Option<NonZeroU32> {
    NonZeroU32::new(count(value))
}

fn loss_streak(fields: &Fields<'_>, faults: &mut Faults) -> Option<LossStreak> {
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Day,
        Candles,
        Forever,
    }
    let (value, pointer) = (fields.get("lossStreak")?, fields.at("lossStreak"));
    let fields = Fields::open(value, &pointer, &["max", "pause", "candles"], faults)?;
    let max = fields
        .require("max", "losing trades in a row that start the pause", faults)
        .and_then(|_| fields.integer("max", STREAK, faults))
        .and_then(positive);
    let kinds = [("day", Kind::Day), ("candles", Kind::Candles), ("forever", Kind::Forever)];
    let kind = fields
        .require("pause", "write day, candles or forever", faults)
        .and_then(|_| fields.one_of("pause", &kinds, faults));
    if kind.is_some_and(|kind| kind != Kind::Candles) && fields.get("candles").is_some() {
        let message = "\"candles\" belongs to \"pause\": \"candles\"";
        faults.add(&fields.at("candles"), "conflict", message);
    }
    let pause = match kind? {
        Kind::Day => Pause::Day,
        Kind::Forever => Pause::Forever,
        Kind::Candles => {
            fields.require("candles", "how long the pause is", faults)?;
            Pause::Candles(fields.integer("candles", CANDLES, faults).and_then(positive)?)
        }
    };
    Some(LossStreak { max: max?, pause })
}

fn close_early(fields: &Fields<'_>, faults: &mut Faults) -> Option<u32> {
    const NAME: &str = "closeEarlyWhenProfitable";
    let (value, pointer) = (fields.get(NAME)?, fields.at(NAME));
    let fields = Fields::open(value, &pointer, &["afterMinutes"], faults)?;
    fields.require("afterMinutes", "write 0 for at once", faults)?;
    fields.integer("afterMinutes", EARLY_CLOSE, faults).map(count)
}

fn entry_order(
    fields: &Fields<'_>,
    expressions: &Expressions<'_>,
    faults: &mut Faults,
) -> EntryOrder {
    let pointer = fields.at("entryOrder");
    match fields.raw("entryOrder") {
        None => EntryOrder::Market,
        Some(Value::String(text)) if text == "market" => EntryOrder::Market,
        Some(value @ Value::Object(_)) => {
            pending(value, &pointer, expressions, faults).unwrap_or_default()
        }
        Some(other) => {
            let wanted = "\"market\", {\"limit\": ...} or {\"stop\": ...}";
            wrong_type(other, &pointer, wanted, faults);
            EntryOrder::Market
        }
    }
}

fn pending(
    value: &Value,
    pointer: &str,
    expressions: &Expressions<'_>,
    faults: &mut Faults,
) -> Option<EntryOrder> {
    let known = ["limit", "stop", "expireCandles", "cancelIf"];
    let fields = Fields::open(value, pointer, &known, faults)?;
    let expire_candles =
        fields.integer_or_null("expireCandles", CANDLES, faults).and_then(positive);
    let cancel_if = fields
        .get("cancelIf")
        .and_then(|value| expressions.cond(value, &fields.at("cancelIf"), faults));
    let (name, value) = match (fields.get("limit"), fields.get("stop")) {
        (Some(value), None) => ("limit", value),
        (None, Some(value)) => ("stop", value),
        (limit, _) => {
            let found = if limit.is_some() { 2 } else { 0 };
            let message = format!("exactly one of \"limit\", \"stop\" must be set, found {found}");
            faults.add(pointer, "conflict", message);
            return None;
        }
    };
    let price = expressions.expr(value, &fields.at(name), faults)?;
    let entry = PendingEntry { price, expire_candles, cancel_if };
    Some(if name == "limit" { EntryOrder::Limit(entry) } else { EntryOrder::Stop(entry) })
}
