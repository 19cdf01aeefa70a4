//! Reads a whole request, field by field (docs/reference/bundle-request.md).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::fault::{self, Faults};
use crate::settings::SeriesOverrides;
use crate::strategy::Strategy;
use crate::{TimeRange, Timeframe};

use super::axes::{Choices, Lengths, Survivors};
use super::expressions::Expressions;
use super::fields::{Bounds, Fields, Place, symbol, text, wrong_type};
use super::parameters::{ParameterScope, Parameters, within_limit};
use super::{Bundle, Limits, MoneyVariant, fill, money, risk, series, time};

const FIELDS: &[&str] = &[
    "name",
    "universalConfig",
    "dateTimeRanges",
    "tickerVariants",
    "timeframeVariants",
    "moneyManagementVariants",
    "parameterVariants",
    "priority",
    "tags",
];

const CONFIG_FIELDS: &[&str] = &[
    "exchange",
    "ticker",
    "timeframe",
    "balance",
    "strategy",
    "parameters",
    "moneyManagement",
    "risk",
    "costs",
    "fill",
    "instrument",
    "detailTimeframe",
    "calendar",
    "periodsPerYear",
    "riskFreePct",
    "dataPolicy",
];

const BALANCE: Bounds = Bounds::above("an amount in quote", 0.0, 1e15);
/// Characters of a bundle's name and of a tag's value.
const MAX_NAME: usize = 200;
/// Characters of a tag's name.
const MAX_TAG_NAME: usize = 64;
/// Tags of one bundle.
const MAX_TAGS: usize = 32;

/// The bundle that `value` asks for, or everything that is wrong with it.
pub(super) fn read(value: &Value, limits: &Limits) -> Result<Bundle, Faults> {
    let mut faults = Faults::default();
    let Some(root) = Fields::open(value, "", FIELDS, &mut faults) else {
        return Err(faults);
    };
    let labels = Labels::read(&root, &mut faults);
    let config = root
        .require("universalConfig", "the settings that every job shares", &mut faults)
        .and_then(|value| {
            Fields::open(value, &root.at("universalConfig"), CONFIG_FIELDS, &mut faults)
        });
    let ranges = ranges(&root, limits, &mut faults);
    let Some(config) = config else {
        return Err(faults);
    };
    let request = Request { root, config, limits };
    let bundle = request.bundle(labels, ranges, &mut faults);
    match bundle {
        Some(bundle) if faults.is_empty() => bundle.checked(),
        _ => Err(faults),
    }
}

/// What names a bundle; in no key.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    pub(super) name: Option<String>,
    pub(super) priority: i16,
    pub(super) tags: BTreeMap<String, String>,
}

impl Labels {
    fn read(root: &Fields<'_>, faults: &mut Faults) -> Labels {
        let name = root.get("name").and_then(|value| {
            text(value, Place { name: "name", pointer: &root.at("name") }, MAX_NAME, faults)
                .map(str::to_owned)
        });
        let priority = root.integer_or_null("priority", ("a priority", -1_000, 1_000), faults);
        let priority = priority.and_then(|priority| i16::try_from(priority).ok()).unwrap_or(0);
        let tags =
            root.get("tags").map(|value| tags(value, &root.at("tags"), faults)).unwrap_or_default();
        Labels { name, priority, tags }
    }
}

fn tags(value: &Value, pointer: &str, faults: &mut Faults) -> BTreeMap<String, String> {
    let Value::Object(map) = value else {
        wrong_type(value, pointer, "an object of strings", faults);
        return BTreeMap::new();
    };
    if map.len() > MAX_TAGS {
        let message = format!("there are {} tags, more than {MAX_TAGS}", map.len());
        faults.add(pointer, "too_long", message);
        return BTreeMap::new();
    }
    let mut tags = BTreeMap::new();
    for (name, value) in map {
        let pointer = fault::pointer(pointer, name);
        let key = Value::from(name.as_str());
        let named = text(&key, Place { name: "tag name", pointer: &pointer }, MAX_TAG_NAME, faults)
            .is_some_and(|name| !name.is_empty());
        let value = text(value, Place { name, pointer: &pointer }, MAX_NAME, faults);
        if named {
            tags.extend(value.map(|value| (name.clone(), value.to_owned())));
        } else if name.is_empty() {
            faults.add(&pointer, "invalid_text", "a tag has an empty name");
        }
    }
    tags
}

/// The items of the list `name`; `None` if it is missing, `null` or empty, nothing if it is faulty.
fn list<'a>(
    root: &Fields<'a>,
    name: &str,
    limits: &Limits,
    faults: &mut Faults,
) -> Option<&'a [Value]> {
    let value = root.get(name)?;
    let Value::Array(items) = value else {
        wrong_type(value, &root.at(name), "a list", faults);
        return Some(&[]);
    };
    if items.is_empty() {
        return None;
    }
    let count = items.len() as u128;
    let fits =
        within_limit(Place { name, pointer: &root.at(name) }, count, limits.axis_points, faults);
    Some(if fits { items } else { &[] })
}

/// Reads each of `items`, which stand at `pointer`; faulty ones are left out.
fn each<T>(
    items: &[Value],
    pointer: &str,
    faults: &mut Faults,
    read: impl Fn(&Value, &str, &mut Faults) -> Option<T>,
) -> Vec<T> {
    let pointers = (0..items.len()).map(|index| fault::pointer(pointer, index));
    items.iter().zip(pointers).filter_map(|(value, at)| read(value, &at, faults)).collect()
}

fn ranges(root: &Fields<'_>, limits: &Limits, faults: &mut Faults) -> Vec<TimeRange> {
    const NAME: &str = "dateTimeRanges";
    const HINT: &str =
        "write [{\"start\": \"2024-01-01T00:00:00Z\", \"end\": \"2024-07-01T00:00:00Z\"}]";
    match (list(root, NAME, limits, faults), limits.default_range) {
        (Some(items), _) => each(items, &root.at(NAME), faults, time::range),
        (None, Some(range)) => vec![range],
        (None, None) => {
            let message = "\"dateTimeRanges\" must have at least one range";
            faults.add_with_hint(&root.at(NAME), "missing_field", message, HINT);
            Vec::new()
        }
    }
}

struct Request<'a> {
    root: Fields<'a>,
    config: Fields<'a>,
    limits: &'a Limits,
}

impl Request<'_> {
    fn bundle(
        &self,
        labels: Labels,
        ranges: Vec<TimeRange>,
        faults: &mut Faults,
    ) -> Option<Bundle> {
        let config = &self.config;
        let exchange = config
            .require("exchange", "write the venue's name, such as \"binance\"", faults)
            .and_then(|value| symbol(value, "exchange", &config.at("exchange"), faults));
        let tickers = self.tickers(faults);
        let timeframes = self.timeframes(faults);
        let balance = config
            .require("balance", "the cash to start with, in quote, such as 10000", faults)
            .and_then(|_| config.number("balance", BALANCE, faults));
        let strategy = self.strategy(faults);
        let scope =
            ParameterScope { strategy: strategy.as_ref(), max_points: self.limits.axis_points };
        let parameters = Parameters::read(&self.root, config, &scope, faults);
        let expressions = Expressions { strategy: strategy.as_ref() };
        let money = self.money(&expressions, faults);
        let empty = Value::Object(Map::new());
        let group = |name: &str| (config.get(name).unwrap_or(&empty), config.at(name));
        let (value, pointer) = group("risk");
        let risk = risk::read(value, &pointer, &expressions, faults);
        let overrides = series::overrides(config, faults);
        let (value, pointer) = group("costs");
        let costs = series::costs(value, &pointer, overrides.instrument.as_ref(), faults);
        let (value, pointer) = group("fill");
        let fill = fill::read(value, &pointer, faults);
        let (value, pointer) = group("dataPolicy");
        let data_policy = series::data_policy(value, &pointer, faults);
        self.check_detail(&timeframes.values, &overrides, faults);
        let axes: Vec<u128> = parameters.axes().into_iter().map(|(_, count)| count).collect();
        let ranges_count = ranges.len().max(1) as u128;
        let others = [ranges_count, tickers.count(), timeframes.count(), money.count()];
        let lengths = Lengths::checked(others, &axes, self.limits.jobs, faults)?;
        Some(Bundle {
            labels,
            exchange: exchange?,
            balance: balance?,
            strategy: strategy?,
            risk,
            costs,
            fill,
            overrides,
            data_policy,
            ranges,
            tickers,
            timeframes,
            money,
            survivors: Survivors::all(lengths.parameters),
            parameters,
            lengths,
        })
    }

    fn strategy(&self, faults: &mut Faults) -> Option<Strategy> {
        let hint = "write {\"signals\": {...}} or {\"scenario\": [...]}";
        let value = self.config.require("strategy", hint, faults)?;
        Strategy::parse(value, &self.config.at("strategy"), faults)
    }

    /// The values of an axis: the items of `variants`, or the one value `base` of the config.
    fn axis<T>(
        &self,
        (base, variants, example): (&'static str, &'static str, &str),
        read: impl Fn(&Value, &str, &mut Faults) -> Option<T>,
        faults: &mut Faults,
    ) -> Choices<T> {
        let items = list(&self.root, variants, self.limits, faults);
        let value = match items {
            Some(_) => self.config.get(base),
            None => self.config.require(base, &format!("write {example}"), faults),
        };
        let own = value.and_then(|value| read(value, &self.config.at(base), faults));
        let values = match items {
            Some(items) => each(items, &self.root.at(variants), faults, read),
            None => own.into_iter().collect(),
        };
        Choices { values, from_config: items.is_none().then_some(base), list: variants }
    }

    fn tickers(&self, faults: &mut Faults) -> Choices<String> {
        let names = ("ticker", "tickerVariants", "\"BTCUSDT\"");
        self.axis(names, |value, at, faults| symbol(value, "ticker", at, faults), faults)
    }

    fn timeframes(&self, faults: &mut Faults) -> Choices<Timeframe> {
        self.axis(("timeframe", "timeframeVariants", "\"15m\""), series::timeframe, faults)
    }

    /// Each variant merged over the base; the base alone where there is none.
    fn money(&self, expressions: &Expressions<'_>, faults: &mut Faults) -> Choices<MoneyVariant> {
        const NAME: &str = "moneyManagementVariants";
        let (config, empty) = (&self.config, Map::new());
        let base_pointer = config.at("moneyManagement");
        let base = match config.get("moneyManagement") {
            None => &empty,
            Some(Value::Object(map)) => map,
            Some(other) => {
                wrong_type(other, &base_pointer, "an object", faults);
                &empty
            }
        };
        let base = (base, base_pointer.as_str());
        let Some(items) = list(&self.root, NAME, self.limits, faults) else {
            let settings = money::read(base, None, expressions, faults);
            let json = Value::Object(base.0.clone());
            let values = settings.map(|settings| MoneyVariant { json, settings });
            return Choices {
                values: values.into_iter().collect(),
                from_config: Some("moneyManagement"),
                list: NAME,
            };
        };
        let values = each(items, &self.root.at(NAME), faults, |value, at, faults| {
            let Value::Object(variant) = value else {
                wrong_type(value, at, "an object", faults);
                return None;
            };
            let settings = money::read(base, Some((variant, at)), expressions, faults)?;
            let mut json = base.0.clone();
            json.extend(variant.clone());
            Some(MoneyVariant { json: Value::Object(json), settings })
        });
        Choices { values, from_config: None, list: NAME }
    }

    /// Finer candles must make up whole candles of every timeframe.
    fn check_detail(
        &self,
        timeframes: &[Timeframe],
        overrides: &SeriesOverrides,
        faults: &mut Faults,
    ) {
        let Some(detail) = overrides.detail_timeframe else { return };
        let misfit = timeframes.iter().find(|it| !it.is_multiple_of(detail) || **it == detail);
        if let Some(timeframe) = misfit {
            let message = format!("candles of {timeframe} are not made of several of {detail}");
            let hint = "write a finer timeframe that divides it, such as \"1m\"";
            let pointer = self.config.at("detailTimeframe");
            faults.add_with_hint(&pointer, "conflict", message, hint);
        }
    }
}
