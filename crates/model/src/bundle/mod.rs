//! The bundle request: parsed, validated and expanded, lazily, into jobs.
//!
//! [`Bundle::from_json`] notes every fault at once. A [`Bundle`] proves that each of its jobs is
//! sound: no later code checks again. Jobs are decoded from their `seq` ([`Position`]); nothing but
//! one bit a parameter point is held in memory, however large the product is.
//! Not here: the conditions of the strategy (`strategy`), storing jobs (`store`).

mod axes;
mod checks;
mod expressions;
mod fields;
mod fill;
mod inputs;
mod jobs;
mod json;
mod money;
mod needs;
mod parameters;
mod request;
mod risk;
mod series;
mod steps;
mod time;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fault::Faults;
use crate::settings::{Costs, DataPolicy, FillRules, MoneyManagement, Risk, SeriesOverrides};
use crate::strategy::Strategy;
use crate::{SeriesId, TimeRange, Timeframe};

pub use axes::{Axis, Position};
use axes::{Choices, Lengths, Survivors};
pub use fields::{SYMBOL_RULE, is_symbol};
use parameters::Parameters;
use request::Labels;

/// What a request may ask for; checked before anything is expanded in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Points of the FULL product, constraint-dropped ones included.
    pub jobs: u32,
    /// Points of one axis.
    pub axis_points: u32,
    /// Arrays and objects open at once in the document.
    pub depth: usize,
    /// The range of a request without `dateTimeRanges`; `None` makes that a fault.
    pub default_range: Option<TimeRange>,
}

impl Default for Limits {
    /// 1,000,000 jobs, 100,000 points an axis, 64 levels, ranges required.
    fn default() -> Limits {
        Limits { jobs: 1_000_000, axis_points: 100_000, depth: 64, default_range: None }
    }
}

impl Limits {
    /// For a request that was accepted before, whatever the limits are now.
    #[must_use]
    pub fn of_stored() -> Limits {
        Limits { jobs: u32::MAX, axis_points: u32::MAX, ..Limits::default() }
    }
}

/// A valid request: one base config and its axes.
#[derive(Clone, Debug)]
pub struct Bundle {
    labels: Labels,
    exchange: String,
    balance: f64,
    strategy: Strategy,
    risk: Risk,
    costs: Costs,
    fill: FillRules,
    overrides: SeriesOverrides,
    data_policy: DataPolicy,
    ranges: Vec<TimeRange>,
    tickers: Choices<String>,
    timeframes: Choices<Timeframe>,
    money: Choices<MoneyVariant>,
    parameters: Parameters,
    lengths: Lengths,
    survivors: Survivors,
}

/// One choice of money management.
#[derive(Clone, Debug)]
struct MoneyVariant {
    /// As written, merged over the base.
    json: Value,
    /// As resolved; expressions may still have parameters.
    settings: MoneyManagement,
}

/// The choices that make one job, for rows and tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Index in the full product.
    pub seq: u32,
    /// Range of candle open times.
    pub range: TimeRange,
    /// Ticker.
    pub ticker: String,
    /// Length of a candle.
    pub timeframe: Timeframe,
    /// Money management as written, the variant merged over the base.
    pub money_management: Value,
    /// Every parameter of the strategy that has a value.
    pub parameters: BTreeMap<String, f64>,
}

impl Variant {
    /// `{ticker, timeframe, start, end, moneyManagement, parameters}`; times in RFC 3339, UTC.
    pub fn to_json(&self) -> Value {
        json!({
            "ticker": self.ticker,
            "timeframe": self.timeframe.to_string(),
            "start": self.range.start_text(),
            "end": self.range.end_text(),
            "moneyManagement": self.money_management,
            "parameters": parameters::point_json(&self.parameters),
        })
    }
}

impl Bundle {
    /// Reads the bytes of a request; all faults at once, syntax errors alone.
    pub fn from_json(bytes: &[u8], limits: &Limits) -> Result<Bundle, Faults> {
        Bundle::parse(&json::read(bytes, limits.depth)?, limits)
    }

    /// Reads a request that is JSON already; all faults at once.
    ///
    /// Costs one resolving of the strategy per axis and money-management variant and, if the strategy
    /// has constraints, one evaluation of them per parameter point.
    pub fn parse(value: &Value, limits: &Limits) -> Result<Bundle, Faults> {
        request::read(value, limits)
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.labels.name.as_deref()
    }

    /// -1000 (last) to 1000 (first); 0 unless set.
    pub fn priority(&self) -> i16 {
        self.labels.priority
    }

    /// Free labels.
    pub fn tags(&self) -> &BTreeMap<String, String> {
        &self.labels.tags
    }

    /// The venue, as in the request.
    pub fn exchange(&self) -> &str {
        &self.exchange
    }

    /// The strategy; without conditions if the bundle brings a signal column.
    pub fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// The date ranges, in order.
    pub fn ranges(&self) -> &[TimeRange] {
        &self.ranges
    }

    /// What the jobs run on: every ticker with every timeframe, each once, sorted.
    pub fn series(&self) -> Vec<SeriesId> {
        let timeframes = &self.timeframes.values;
        let mut series: Vec<SeriesId> = self
            .tickers
            .values
            .iter()
            .flat_map(|ticker| {
                timeframes.iter().map(|timeframe| self.series_id(ticker, *timeframe))
            })
            .collect();
        series.sort_unstable();
        series.dedup();
        series
    }

    fn series_id(&self, ticker: &str, timeframe: Timeframe) -> SeriesId {
        SeriesId { exchange: self.exchange.clone(), ticker: ticker.to_owned(), timeframe }
    }

    /// Every ticker with the JSON Pointer to where the request names it: for faults of unknown ones.
    pub fn tickers(&self) -> impl Iterator<Item = (String, &str)> {
        let tickers = self.tickers.values.iter();
        (0..).zip(tickers).map(|(index, ticker)| (self.tickers.pointer(index), ticker.as_str()))
    }

    /// Points of the full product: `seq` runs from 0 to this, with gaps.
    pub fn total_product(&self) -> u32 {
        self.lengths.product()
    }

    /// How many jobs there are: the full product less the dropped points.
    pub fn total(&self) -> u32 {
        self.lengths.outer() * self.survivors.count()
    }

    /// How many points the constraints of the strategy drop.
    pub fn dropped(&self) -> u32 {
        self.total_product() - self.total()
    }

    /// The `seq` of every job, ascending; costs no memory.
    pub fn jobs(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.total_product()).filter(|seq| self.has_job(*seq))
    }

    /// Whether `seq` is a job: within the product and not dropped.
    pub fn has_job(&self, seq: u32) -> bool {
        seq < self.total_product() && self.survivors.contains(seq % self.lengths.parameters)
    }

    /// Where `seq` stands on each axis, dropped or not; `None` beyond the product.
    pub fn position(&self, seq: u32) -> Option<Position> {
        self.lengths.decode(seq)
    }

    /// The `seq` at `position`; `None` if it is beyond an axis.
    pub fn seq(&self, position: Position) -> Option<u32> {
        self.lengths.encode(position)
    }

    /// The choices that make the job `seq`; `None` if there is no such job.
    pub fn variant(&self, seq: u32) -> Option<Variant> {
        let position = self.position(seq).filter(|_| self.has_job(seq))?;
        Some(Variant {
            seq,
            range: self.ranges[position.range as usize],
            ticker: self.tickers.at(position.ticker).clone(),
            timeframe: *self.timeframes.at(position.timeframe),
            money_management: self.money.at(position.money_management).json.clone(),
            parameters: self.parameters.point(position.parameters),
        })
    }

    /// The axes in the order of `seq`, slowest first; those of one value included, but for
    /// parameters, which have an axis only where the request gives one.
    pub fn axes(&self) -> Vec<Axis> {
        let ranges = self
            .ranges
            .iter()
            .map(|range| json!({"start": range.start_text(), "end": range.end_text()}));
        let tickers = self.tickers.values.iter().map(|ticker| Value::from(ticker.as_str()));
        let timeframes = self.timeframes.values.iter().map(|it| Value::from(it.to_string()));
        let money = self.money.values.iter().map(|variant| variant.json.clone());
        let mut axes = vec![
            Axis::new("dateRange".to_owned(), ranges.collect()),
            Axis::new("ticker".to_owned(), tickers.collect()),
            Axis::new("timeframe".to_owned(), timeframes.collect()),
            Axis::new("moneyManagement".to_owned(), money.collect()),
        ];
        let names = self.parameters.axes().into_iter().map(|(name, _)| match name {
            Some(name) => format!("parameters.{name}"),
            None => "parameters".to_owned(),
        });
        let parameters = names.zip(self.parameters.axis_values());
        axes.extend(parameters.map(|(name, values)| Axis::new(name, values)));
        axes
    }
}
