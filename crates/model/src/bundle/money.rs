//! Reads group `moneyManagement`: stops, targets, size, leverage.

use serde_json::{Map, Value};

use crate::fault::{self, Faults};
use crate::number;
use crate::settings::{Level, LevelForm, MoneyManagement, PartialExit, Size, ThenStop, Trail};

use super::expressions::Expressions;
use super::fields::{Bounds, Fields, Place, number, wrong_type};

const FIELDS: &[&str] = &[
    "stopLossPct",
    "takeProfitPct",
    "trailingStopPct",
    "trailingActivationPct",
    "stop",
    "target",
    "trail",
    "exits",
    "size",
    "leverage",
    "maintenanceMarginPct",
    "maxEntries",
];

const STOP_PCT: Bounds = Bounds::open("a percent of price", 0.0, 100.0);
const TARGET_PCT: Bounds = Bounds::open("a percent of price", 0.0, 10_000.0);
const CLOSE_PCT: Bounds = Bounds::above("a percent of the initial quantity", 0.0, 100.0);
const EQUITY_PCT: Bounds = Bounds::above("a percent of equity", 0.0, 100.0);
const FIXED_QUOTE: Bounds = Bounds::above("an amount in quote", 0.0, 1e15);
const FIXED_QUANTITY: Bounds = Bounds::above("a quantity in base", 0.0, 1e15);
const LEVERAGE: Bounds = Bounds::closed("a factor", 1.0, 200.0);
const MARGIN_PCT: Bounds = Bounds::below("a percent of notional", 0.0, 100.0);
/// Parts written as decimals add up to this much more or less than what they say.
const ROUNDING_PCT: f64 = 1e-9;
/// Partial exits of one trade.
const MAX_EXITS: usize = 4;

/// The group as `base` overridden field by field by `variant`; `None` if anything is wrong.
///
/// Faults point to where a field stands: into the variant, or into the base.
pub(super) fn read(
    base: (&Map<String, Value>, &str),
    variant: Option<(&Map<String, Value>, &str)>,
    expressions: &Expressions<'_>,
    faults: &mut Faults,
) -> Option<MoneyManagement> {
    let mut own = Faults::default();
    let fields = Fields::merged(base, variant.unwrap_or(base), FIELDS, &mut own);
    let reader = Reader { fields, expressions };
    let money = reader.money(&mut own);
    let sound = own.is_empty();
    for fault in own.0 {
        // A fault of the base would come once per variant.
        if !faults.0.contains(&fault) {
            faults.push(fault);
        }
    }
    sound.then_some(money)
}

struct Reader<'a> {
    fields: Fields<'a>,
    expressions: &'a Expressions<'a>,
}

impl Reader<'_> {
    fn money(&self, faults: &mut Faults) -> MoneyManagement {
        let fields = &self.fields;
        let default = MoneyManagement::default();
        let money = MoneyManagement {
            stop: self.level_or_sugar("stop", "stopLossPct", STOP_PCT, faults),
            target: self.level_or_sugar("target", "takeProfitPct", TARGET_PCT, faults),
            trail: self.trail(faults),
            exits: self.exits(faults),
            size: self.size(faults).unwrap_or(default.size),
            leverage: fields.number("leverage", LEVERAGE, faults).unwrap_or(default.leverage),
            maintenance_margin_pct: fields
                .number("maintenanceMarginPct", MARGIN_PCT, faults)
                .unwrap_or(default.maintenance_margin_pct),
        };
        self.check_margin(&money, faults);
        self.check_max_entries(faults);
        let has_stop = fields.get("stop").is_some() || fields.get("stopLossPct").is_some();
        if matches!(money.size, Size::RiskPct(_)) && !has_stop {
            let message = "size by \"riskPct\" needs a stop: what is risked is the way to it";
            let hint = "set \"stopLossPct\" or \"stop\"";
            faults.add_with_hint(&fields.at("size"), "conflict", message, hint);
        }
        money
    }

    /// A level, or the percent that is its short form; both at once are a fault.
    fn level_or_sugar(
        &self,
        long: &str,
        sugar: &str,
        bounds: Bounds,
        faults: &mut Faults,
    ) -> Option<Level> {
        let pct = self.fields.number_or_null(sugar, bounds, faults);
        let level = self
            .fields
            .get(long)
            .and_then(|value| self.level(value, &self.fields.at(long), bounds, faults));
        self.refuse_both(long, sugar, faults);
        level.or(pct.map(|pct| Level { form: LevelForm::Pct(pct), follow: false }))
    }

    fn refuse_both(&self, long: &str, sugar: &str, faults: &mut Faults) {
        if self.fields.get(long).is_some() && self.fields.get(sugar).is_some() {
            let message = format!("\"{sugar}\" and \"{long}\" say the same thing twice");
            let hint = format!("leave one out, or set it to null in the variant: \"{long}\": null");
            faults.add_with_hint(&self.fields.at(sugar), "conflict", message, hint);
        }
    }

    fn level(
        &self,
        value: &Value,
        pointer: &str,
        bounds: Bounds,
        faults: &mut Faults,
    ) -> Option<Level> {
        let fields = Fields::open(value, pointer, &["pct", "distance", "level", "follow"], faults)?;
        let follow = fields.boolean("follow", faults).unwrap_or(false);
        let form = self.form(&fields, &["pct", "distance", "level"], bounds, faults)?;
        Some(Level { form, follow })
    }

    /// Exactly one of `forms`.
    fn form(
        &self,
        fields: &Fields<'_>,
        forms: &[&str],
        bounds: Bounds,
        faults: &mut Faults,
    ) -> Option<LevelForm> {
        let name = exactly_one(fields, forms, faults)?;
        let (value, at) = (fields.get(name)?, fields.at(name));
        match name {
            "pct" => {
                number(value, Place { name, pointer: &at }, bounds, faults).map(LevelForm::Pct)
            }
            "distance" => self.expressions.expr(value, &at, faults).map(LevelForm::Distance),
            _ => self.expressions.expr(value, &at, faults).map(LevelForm::Price),
        }
    }

    fn trail(&self, faults: &mut Faults) -> Option<Trail> {
        let fields = &self.fields;
        let pct = fields.number_or_null("trailingStopPct", STOP_PCT, faults);
        let activation = fields.number_or_null("trailingActivationPct", STOP_PCT, faults);
        self.refuse_both("trail", "trailingStopPct", faults);
        self.refuse_both("trail", "trailingActivationPct", faults);
        let activation_alone = fields.get("trailingActivationPct").is_some()
            && fields.get("trailingStopPct").is_none()
            && fields.get("trail").is_none();
        if activation_alone {
            let message = "\"trailingActivationPct\" arms a trailing stop, but there is none";
            let hint = "set \"trailingStopPct\"";
            faults.add_with_hint(&fields.at("trailingActivationPct"), "conflict", message, hint);
        }
        let Some(value) = fields.get("trail") else {
            return pct.map(|pct| Trail {
                form: LevelForm::Pct(pct),
                follow: false,
                activation_pct: activation,
            });
        };
        let pointer = fields.at("trail");
        let names = ["pct", "distance", "follow", "activationPct"];
        let long = Fields::open(value, &pointer, &names, faults)?;
        let follow = long.boolean("follow", faults).unwrap_or(false);
        let activation_pct = long.number_or_null("activationPct", STOP_PCT, faults);
        let form = self.form(&long, &["pct", "distance"], STOP_PCT, faults)?;
        // A percent is not sampled, so it has nothing to follow.
        let follow = follow && matches!(form, LevelForm::Distance(_));
        Some(Trail { form, follow, activation_pct })
    }

    fn exits(&self, faults: &mut Faults) -> Vec<PartialExit> {
        let pointer = self.fields.at("exits");
        let list = match self.fields.get("exits") {
            None => return Vec::new(),
            Some(Value::Array(list)) => list,
            Some(other) => {
                wrong_type(other, &pointer, "a list of exits", faults);
                return Vec::new();
            }
        };
        if list.len() > MAX_EXITS {
            let message = format!("there are {} exits, more than {MAX_EXITS}", list.len());
            faults.add(&pointer, "too_long", message);
            return Vec::new();
        }
        let exits: Vec<PartialExit> = list
            .iter()
            .enumerate()
            .filter_map(|(index, value)| self.exit(value, &fault::pointer(&pointer, index), faults))
            .collect();
        let total: f64 = exits.iter().map(|exit| exit.close_pct).sum();
        if total > 100.0 + ROUNDING_PCT {
            let message = format!("the exits close {} % of the position", number::text(total));
            let hint = "\"closePct\" counts from the initial quantity: 100 in all at most";
            faults.add_with_hint(&pointer, "out_of_range", message, hint);
        }
        exits
    }

    fn exit(&self, value: &Value, pointer: &str, faults: &mut Faults) -> Option<PartialExit> {
        let fields = Fields::open(value, pointer, &["target", "closePct", "thenStop"], faults)?;
        let target = fields
            .require("target", "write {\"pct\": 2}", faults)
            .and_then(|value| self.level(value, &fields.at("target"), TARGET_PCT, faults));
        let close_pct = fields
            .require("closePct", "write 50 to close a half", faults)
            .and_then(|_| fields.number("closePct", CLOSE_PCT, faults));
        let then_stop = match fields.get("thenStop") {
            None => None,
            Some(Value::String(text)) if text == "entry" => Some(ThenStop::Entry),
            Some(value @ Value::Object(_)) => {
                let level = self.level(value, &fields.at("thenStop"), STOP_PCT, faults)?;
                Some(ThenStop::Level(level))
            }
            Some(other) => {
                wrong_type(other, &fields.at("thenStop"), "\"entry\" or a level", faults);
                return None;
            }
        };
        Some(PartialExit { target: target?, close_pct: close_pct?, then_stop })
    }

    fn size(&self, faults: &mut Faults) -> Option<Size> {
        const FORMS: [&str; 5] =
            ["percentOfBalance", "fixedQuote", "fixedQuantity", "riskPct", "kelly"];
        let pointer = self.fields.at("size");
        let value = self.fields.raw("size")?;
        let [balance, quote, quantity, risk, kelly] = FORMS;
        let fields = Fields::open(
            value,
            &pointer,
            &[balance, quote, quantity, risk, kelly, "start"],
            faults,
        )?;
        let form = exactly_one(&fields, &FORMS, faults)?;
        if form != kelly && fields.get("start").is_some() {
            let message = format!("\"start\" belongs to \"kelly\", not to \"{form}\"");
            faults.add(&fields.at("start"), "conflict", message);
        }
        match form {
            "percentOfBalance" => {
                fields.number(form, EQUITY_PCT, faults).map(Size::PercentOfBalance)
            }
            "fixedQuote" => fields.number(form, FIXED_QUOTE, faults).map(Size::FixedQuote),
            "fixedQuantity" => fields.number(form, FIXED_QUANTITY, faults).map(Size::FixedQuantity),
            "riskPct" => fields.number(form, EQUITY_PCT, faults).map(Size::RiskPct),
            _ => {
                let cap = fields.number(form, EQUITY_PCT, faults);
                let hint = "percent of equity before 30 trades are closed";
                fields.require("start", hint, faults)?;
                let start = fields.number("start", EQUITY_PCT, faults)?;
                Some(Size::Kelly { cap: cap?, start })
            }
        }
    }

    /// `maxEntries` is kept for later: it may say 1, which is how it is.
    fn check_max_entries(&self, faults: &mut Faults) {
        let Some(value) = self.fields.raw("maxEntries") else { return };
        if value.as_f64().is_none_or(|entries| !(1.0..=1.0).contains(&entries)) {
            let message = "\"maxEntries\" is reserved: a trade has 1 entry in this version";
            let hint = "leave it out, or write 1";
            let code = if value.is_number() { "out_of_range" } else { "wrong_type" };
            faults.add_with_hint(&self.fields.at("maxEntries"), code, message, hint);
        }
    }

    /// A margin that is used up before the liquidation price makes no sense: mmr < 1 / L.
    fn check_margin(&self, money: &MoneyManagement, faults: &mut Faults) {
        if money.maintenance_margin_pct * money.leverage < 100.0 {
            return;
        }
        let set_margin = self.fields.raw("maintenanceMarginPct").is_some();
        let name = if set_margin { "maintenanceMarginPct" } else { "leverage" };
        let limit = 100.0 / money.leverage;
        let message = format!(
            "a maintenance margin of {} % is the whole initial margin at leverage {}",
            number::text(money.maintenance_margin_pct),
            number::text(money.leverage),
        );
        let hint = format!("set \"maintenanceMarginPct\" below {}", number::text(limit));
        faults.add_with_hint(&self.fields.at(name), "conflict", message, hint);
    }
}

/// The one of `forms` that is set; none or several are a fault.
fn exactly_one<'f>(fields: &Fields<'_>, forms: &[&'f str], faults: &mut Faults) -> Option<&'f str> {
    let set: Vec<&str> = forms.iter().copied().filter(|form| fields.get(form).is_some()).collect();
    if let [one] = set[..] {
        return Some(one);
    }
    let quoted: Vec<String> = forms.iter().map(|form| format!("\"{form}\"")).collect();
    let message = format!("exactly one of {} must be set, found {}", quoted.join(", "), set.len());
    faults.add(fields.pointer(), "conflict", message);
    None
}
