//! The canonical JSON of a resolved backtest: the text that the spec key hashes.
//!
//! Keys in byte order, camelCase, defaults filled, numbers as their shortest text (`2`, never
//! `2.0` or `-0`), no spaces. Settings that come from the series are `null` unless the request sets
//! them. Short forms are gone (`stopLossPct: 2` is `stop: {pct: 2}`), as are a fill profile (its
//! switches stand instead), `dataPolicy`, names, tags, priority and parameter ranges.
//!
//! The text is made of [`Parts`] so that a sweep writes each part once and only joins them per job.

use std::collections::BTreeMap;

use crate::settings::{
    AllowedSides, BothTouched, Costs, EntryFill, EntryOrder, FillRules, FlipVsStop, Funding,
    GapFill, Instrument, InstrumentKind, Level, LevelBase, LevelForm, Liquidation, MoneyManagement,
    OpenBeyondTarget, PartialExit, Pause, PendingEntry, RangeEnd, Risk, SeriesOverrides, Size,
    ThenStop, Trail, TrailStart, TrailingBase, WrongSideLevel,
};
use crate::strategy::{Signals, canonical_json, cond_json, expr_json, write_number};
use crate::{Digest, TimeRange};

/// The pieces of one canonical text; each is the JSON of one value, except `head` and `tail`.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    /// Fields before `moneyManagement`, from [`head`].
    pub(crate) head: &'a str,
    /// From [`money_management`].
    pub(crate) money_management: &'a str,
    /// From [`parameters`].
    pub(crate) parameters: &'a str,
    /// `periodsPerYear`.
    pub(crate) periods_per_year: Option<f64>,
    /// Range of open times.
    pub(crate) range: TimeRange,
    /// From [`risk`].
    pub(crate) risk: &'a str,
    /// `riskFreePct` and `signalColumn`, from [`tail`].
    pub(crate) tail: &'a str,
    /// Canonical JSON of the conditions, or `null` under a signal column.
    pub(crate) strategy: &'a str,
    /// Ticker.
    pub(crate) ticker: &'a str,
    /// Length of a candle, in its shortest form.
    pub(crate) timeframe: &'a str,
}

/// Appends the canonical text made of `parts`.
pub(crate) fn join(out: &mut String, parts: &Parts<'_>) {
    out.push('{');
    out.push_str(parts.head);
    out.push(',');
    let mut rest = Object::inside(out);
    rest.raw("moneyManagement", parts.money_management);
    rest.raw("parameters", parts.parameters);
    rest.number_or_null("periodsPerYear", parts.periods_per_year);
    let mut range = Object::open(rest.key("range"));
    range.whole("end", parts.range.end_ms);
    range.whole("start", parts.range.start_ms);
    range.close();
    rest.raw("risk", parts.risk);
    rest.out.push(',');
    rest.out.push_str(parts.tail);
    rest.raw("strategy", parts.strategy);
    rest.text("ticker", parts.ticker);
    rest.text("timeframe", parts.timeframe);
    rest.close();
}

/// What [`head`] is made of.
pub(crate) struct Head<'a> {
    pub(crate) exchange: &'a str,
    pub(crate) balance: f64,
    pub(crate) costs: &'a Costs,
    pub(crate) fill: &'a FillRules,
    pub(crate) overrides: &'a SeriesOverrides,
}

/// The fields before `moneyManagement`, without braces.
pub(crate) fn head(parts: &Head<'_>) -> String {
    let Head { exchange, balance, costs, fill, overrides } = *parts;
    let mut out = String::new();
    let mut fields = Object::inside(&mut out);
    fields.number("balance", balance);
    fields.text_or_null("calendar", overrides.calendar.as_ref());
    fields.raw("costs", &self::costs(costs));
    fields.text_or_null("detailTimeframe", overrides.detail_timeframe);
    fields.text("exchange", exchange);
    fields.raw("fill", &self::fill(fill));
    match &overrides.instrument {
        None => fields.raw("instrument", "null"),
        Some(it) => fields.raw("instrument", &instrument(it)),
    }
    out
}

/// The fields between `risk` and `strategy`, without braces.
pub(crate) fn tail(overrides: &SeriesOverrides, signal_column: Option<Digest>) -> String {
    let mut out = String::new();
    let mut fields = Object::inside(&mut out);
    fields.number_or_null("riskFreePct", overrides.risk_free_pct);
    fields.text_or_null("signalColumn", signal_column);
    out
}

/// The conditions; `null` where a signal column replaces them.
pub(crate) fn strategy(signals: &Signals, signal_column: Option<Digest>) -> String {
    if signal_column.is_some() { "null".to_owned() } else { canonical_json(signals) }
}

/// Values of parameters by name.
pub(crate) fn parameters(values: &BTreeMap<String, f64>) -> String {
    let mut out = String::new();
    let mut fields = Object::open(&mut out);
    for (name, value) in values {
        fields.number(name, *value);
    }
    fields.close();
    out
}

/// Group `costs`.
fn costs(costs: &Costs) -> String {
    let mut out = String::new();
    let mut fields = Object::open(&mut out);
    match costs.funding {
        Funding::None => fields.text("funding", "none"),
        Funding::FromData => fields.text("funding", "fromData"),
        Funding::Constant { rate_pct, every_hours } => {
            let mut constant = String::new();
            let mut rate = Object::open(&mut constant);
            rate.number("everyHours", f64::from(every_hours.get()));
            rate.number("ratePct", rate_pct);
            rate.close();
            fields.raw("funding", &constant);
        }
    }
    fields.number("makerFeePct", costs.maker_fee_pct);
    fields.number("slippageBps", costs.slippage_bps);
    fields.number("spreadBps", costs.spread_bps);
    fields.number("takerFeePct", costs.taker_fee_pct);
    fields.close();
    out
}

/// Group `fill`, the profile dissolved into its switches.
///
/// `liquidation`, `trailStart` and `wrongSideLevel` are written only where they are not the default:
/// they are younger than the first stored keys, which must stand.
fn fill(fill: &FillRules) -> String {
    let both_touched = match fill.both_touched {
        BothTouched::StopFirst => "stopFirst",
        BothTouched::TargetFirst => "targetFirst",
        BothTouched::Path => "path",
    };
    let end = match fill.end {
        RangeEnd::Mark => "mark",
        RangeEnd::Close => "close",
        RangeEnd::LastOpen => "lastOpen",
    };
    let entry = match fill.entry {
        EntryFill::NextOpen => "nextOpen",
    };
    let flip_vs_stop = match fill.flip_vs_stop {
        FlipVsStop::FlipFirst => "flipFirst",
        FlipVsStop::StopFirst => "stopFirst",
    };
    let gap = match fill.gap {
        GapFill::Open => "open",
        GapFill::Level => "level",
        GapFill::WithinCandle => "withinCandle",
    };
    let level_base = match fill.level_base {
        LevelBase::EntryFill => "entryFill",
        LevelBase::SignalClose => "signalClose",
    };
    let open_beyond_target = match fill.open_beyond_target {
        OpenBeyondTarget::TargetAtOpen => "targetAtOpen",
        OpenBeyondTarget::StopAtLevel => "stopAtLevel",
    };
    let trailing_base = match fill.trailing_base {
        TrailingBase::Extreme => "extreme",
        TrailingBase::Close => "close",
    };
    let mut out = String::new();
    let mut fields = Object::open(&mut out);
    fields.text("bothTouched", both_touched);
    fields.text("end", end);
    fields.text("entry", entry);
    fields.text("flipVsStop", flip_vs_stop);
    fields.text("gap", gap);
    fields.text("levelBase", level_base);
    if fill.liquidation == Liquidation::Leveraged {
        fields.text("liquidation", "leveraged");
    }
    fields.text("openBeyondTarget", open_beyond_target);
    fields.flag("sensitivity", fill.sensitivity);
    fields.flag("stopOnEntryCandle", fill.stop_on_entry_candle);
    if fill.trail_start == TrailStart::NextCandle {
        fields.text("trailStart", "nextCandle");
    }
    fields.text("trailingBase", trailing_base);
    if fill.wrong_side_level == WrongSideLevel::Enter {
        fields.text("wrongSideLevel", "enter");
    }
    fields.close();
    out
}

/// An instrument; also hashed into the data hash.
pub(crate) fn instrument(instrument: &Instrument) -> String {
    let kind = match instrument.kind {
        InstrumentKind::Spot => "spot",
        InstrumentKind::Perpetual => "perpetual",
    };
    let mut out = String::new();
    let mut fields = Object::open(&mut out);
    fields.number("contractMultiplier", instrument.contract_multiplier);
    fields.text("kind", kind);
    fields.number("lotStep", instrument.lot_step);
    fields.number("minNotional", instrument.min_notional);
    fields.number("minQuantity", instrument.min_quantity);
    fields.number("tickSize", instrument.tick_size);
    fields.close();
    out
}

/// Group `moneyManagement`, short forms written out.
pub(crate) fn money_management(money: &MoneyManagement) -> String {
    let mut out = String::new();
    let mut fields = Object::open(&mut out);
    let exits: Vec<String> = money.exits.iter().map(partial_exit).collect();
    fields.raw("exits", &format!("[{}]", exits.join(",")));
    fields.number("leverage", money.leverage);
    fields.number("maintenanceMarginPct", money.maintenance_margin_pct);
    fields.raw("size", &size(money.size));
    fields.raw_or_null("stop", money.stop.as_ref().map(level).as_deref());
    fields.raw_or_null("target", money.target.as_ref().map(level).as_deref());
    fields.raw_or_null("trail", money.trail.as_ref().map(trail).as_deref());
    fields.close();
    out
}

fn size(size: Size) -> String {
    let mut out = String::new();
    let mut fields = Object::open(&mut out);
    match size {
        Size::PercentOfBalance(pct) => fields.number("percentOfBalance", pct),
        Size::FixedQuote(quote) => fields.number("fixedQuote", quote),
        Size::FixedQuantity(quantity) => fields.number("fixedQuantity", quantity),
        Size::RiskPct(pct) => fields.number("riskPct", pct),
        Size::Kelly { cap, start } => {
            fields.number("kelly", cap);
            fields.number("start", start);
        }
    }
    fields.close();
    out
}

fn level_form(fields: &mut Object<'_>, form: &LevelForm) {
    match form {
        LevelForm::Pct(pct) => fields.number("pct", *pct),
        LevelForm::Distance(expr) => fields.raw("distance", &expr_json(expr)),
        LevelForm::Price(expr) => fields.raw("level", &expr_json(expr)),
    }
}

fn level(level: &Level) -> String {
    let mut out = String::new();
    let mut fields = Object::open(&mut out);
    match level.form {
        LevelForm::Distance(_) => {
            level_form(&mut fields, &level.form);
            fields.flag("follow", level.follow);
        }
        LevelForm::Pct(_) | LevelForm::Price(_) => {
            fields.flag("follow", level.follow);
            level_form(&mut fields, &level.form);
        }
    }
    fields.close();
    out
}

fn trail(trail: &Trail) -> String {
    let mut out = String::new();
    let mut fields = Object::open(&mut out);
    fields.number_or_null("activationPct", trail.activation_pct);
    level_form(&mut fields, &trail.form);
    if trail.follow {
        fields.flag("follow", true);
    }
    fields.close();
    out
}

fn partial_exit(exit: &PartialExit) -> String {
    let then_stop = exit.then_stop.as_ref().map(|stop| match stop {
        ThenStop::Entry => "\"entry\"".to_owned(),
        ThenStop::Level(stop) => level(stop),
    });
    let mut out = String::new();
    let mut fields = Object::open(&mut out);
    fields.number("closePct", exit.close_pct);
    fields.raw("target", &level(&exit.target));
    fields.raw_or_null("thenStop", then_stop.as_deref());
    fields.close();
    out
}

/// Group `risk`.
pub(crate) fn risk(risk: &Risk) -> String {
    let direction = match risk.direction {
        AllowedSides::Both => "both",
        AllowedSides::Long => "long",
        AllowedSides::Short => "short",
    };
    let early =
        risk.close_early_after_minutes.map(|minutes| format!("{{\"afterMinutes\":{minutes}}}"));
    let streak = risk.loss_streak.map(|streak| {
        let max = streak.max;
        match streak.pause {
            Pause::Day => format!("{{\"max\":{max},\"pause\":\"day\"}}"),
            Pause::Forever => format!("{{\"max\":{max},\"pause\":\"forever\"}}"),
            Pause::Candles(candles) => {
                format!("{{\"candles\":{candles},\"max\":{max},\"pause\":\"candles\"}}")
            }
        }
    });
    let entry_order = match &risk.entry_order {
        EntryOrder::Market => "\"market\"".to_owned(),
        EntryOrder::Limit(entry) => pending_entry("limit", entry),
        EntryOrder::Stop(entry) => pending_entry("stop", entry),
    };
    let mut out = String::new();
    let mut fields = Object::open(&mut out);
    fields.raw_or_null("closeEarlyWhenProfitable", early.as_deref());
    fields.whole("cooldownCandles", i64::from(risk.cooldown_candles));
    fields.text("direction", direction);
    fields.raw("entryOrder", &entry_order);
    fields.flag("flipOnlyInProfit", risk.flip_only_in_profit);
    fields.flag("flipPosition", risk.flip_position);
    fields.raw_or_null("lossStreak", streak.as_deref());
    let minutes = risk.max_position_minutes.map(|minutes| minutes.to_string());
    fields.raw_or_null("maxPositionMinutes", minutes.as_deref());
    fields.close();
    out
}

fn pending_entry(name: &'static str, entry: &PendingEntry) -> String {
    let mut out = String::new();
    let mut fields = Object::open(&mut out);
    let expire_candles = entry.expire_candles.map(|candles| candles.to_string());
    fields.raw_or_null("cancelIf", entry.cancel_if.as_ref().map(cond_json).as_deref());
    fields.raw_or_null("expireCandles", expire_candles.as_deref());
    fields.raw(name, &expr_json(&entry.price));
    fields.close();
    out
}

/// Writes one JSON object; the caller gives the keys in byte order.
struct Object<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> Object<'a> {
    /// Starts an object.
    fn open(out: &'a mut String) -> Object<'a> {
        out.push('{');
        Object { out, first: true }
    }

    /// Goes on with an object that is already open and ends in a comma or a brace.
    fn inside(out: &'a mut String) -> Object<'a> {
        Object { out, first: true }
    }

    fn key(&mut self, key: &str) -> &mut String {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        quote(self.out, key);
        self.out.push(':');
        self.out
    }

    fn raw(&mut self, key: &str, json: &str) {
        self.key(key).push_str(json);
    }

    fn raw_or_null(&mut self, key: &str, json: Option<&str>) {
        self.raw(key, json.unwrap_or("null"));
    }

    fn number(&mut self, key: &str, value: f64) {
        write_number(self.key(key), value);
    }

    fn number_or_null(&mut self, key: &str, value: Option<f64>) {
        match value {
            Some(value) => self.number(key, value),
            None => self.raw(key, "null"),
        }
    }

    fn whole(&mut self, key: &str, value: i64) {
        self.raw(key, &value.to_string());
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    fn text(&mut self, key: &str, text: &str) {
        quote(self.key(key), text);
    }

    fn text_or_null(&mut self, key: &str, text: Option<impl ToString>) {
        match text {
            Some(text) => self.text(key, &text.to_string()),
            None => self.raw(key, "null"),
        }
    }

    fn close(self) {
        self.out.push('}');
    }
}

/// Appends `text` as a JSON string.
fn quote(out: &mut String, text: &str) {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    if plain {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}
