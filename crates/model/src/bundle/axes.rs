//! The product of the axes: `seq` to axis positions and back.
//!
//! `seq` is the index in the FULL product, first axis slowest, in the order date range, ticker,
//! timeframe, money management, parameters. Points that a constraint drops keep their `seq`, so
//! there are gaps; nothing here costs memory per job.

use serde::Serialize;
use serde_json::Value;

use crate::fault::Faults;

/// Positions on the five axes of one point of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Index in `dateTimeRanges`.
    pub range: u32,
    /// Index in `tickerVariants`.
    pub ticker: u32,
    /// Index in `timeframeVariants`.
    pub timeframe: u32,
    /// Index in `moneyManagementVariants`.
    pub money_management: u32,
    /// Index of the parameter point: all parameter axes together, names in byte order, the first
    /// one slowest, or the index in the list of explicit points.
    pub parameters: u32,
}

/// One axis of a bundle as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// `dateRange`, `ticker`, `timeframe`, `moneyManagement`, `parameters` (explicit points) or
    /// `parameters.NAME`.
    pub name: String,
    /// How many values it has.
    pub count: u32,
    /// The values in order, as JSON; one for each count.
    pub values: Vec<Value>,
}

impl Axis {
    pub(super) fn new(name: String, values: Vec<Value>) -> Axis {
        let count = u32::try_from(values.len()).expect("the product of all axes is a u32");
        Axis { name, count, values }
    }
}

/// The values of an axis and where in the request they stand.
#[derive(Clone, Debug)]
pub(super) struct Choices<T> {
    pub(super) values: Vec<T>,
    /// The one value is this field of the config; else the values are the items of `list`.
    pub(super) from_config: Option<&'static str>,
    /// Name of the list of variants.
    pub(super) list: &'static str,
}

impl<T> Choices<T> {
    /// JSON Pointer to the value at `index`.
    pub(super) fn pointer(&self, index: u32) -> String {
        match self.from_config {
            Some(field) => format!("/universalConfig/{field}"),
            None => format!("/{}/{index}", self.list),
        }
    }

    /// The value at `index`, which is within the axis.
    pub(super) fn at(&self, index: u32) -> &T {
        &self.values[index as usize]
    }

    /// How many there are; 1 for a faulty axis, so that the product goes on.
    pub(super) fn count(&self) -> u128 {
        self.values.len().max(1) as u128
    }
}

/// How long each of the five axes is; the product fits in `u32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) ranges: u32,
    pub(super) tickers: u32,
    pub(super) timeframes: u32,
    pub(super) money_management: u32,
    pub(super) parameters: u32,
}

impl Lengths {
    /// Checks the product against `max_jobs`; notes a fault that shows it if it is too large.
    ///
    /// `parameters` are the lengths of the parameter axes; all lengths are at least 1.
    pub(super) fn checked(
        others: [u128; 4],
        parameters: &[u128],
        max_jobs: u32,
        faults: &mut Faults,
    ) -> Option<Lengths> {
        let factors = || others.iter().chain(parameters).copied();
        let product = factors().try_fold(1_u128, u128::checked_mul);
        let within = product.and_then(|product| u32::try_from(product).ok());
        let Some(_) = within.filter(|product| *product <= max_jobs) else {
            let text: Vec<String> =
                factors().filter(|count| *count > 1).map(|count| count.to_string()).collect();
            let product =
                product.map_or("more than 10^38".to_owned(), |product| product.to_string());
            let message = format!(
                "the axes multiply to {} = {product} jobs, more than the {max_jobs} of one bundle",
                text.join(" x "),
            );
            let hint = "shorten an axis or split the bundle; constraints do not count";
            faults.add_with_hint("", "too_many_jobs", message, hint);
            return None;
        };
        let length = |count: u128| u32::try_from(count).expect("a factor of a small product");
        let [ranges, tickers, timeframes, money_management] = others.map(length);
        let parameters = length(parameters.iter().product());
        Some(Lengths { ranges, tickers, timeframes, money_management, parameters })
    }

    /// Points of the full product.
    pub(super) fn product(&self) -> u32 {
        self.outer() * self.parameters
    }

    /// Points of the product of all axes but the parameters.
    pub(super) fn outer(&self) -> u32 {
        self.ranges * self.tickers * self.timeframes * self.money_management
    }

    /// Where `seq` stands; `None` from `product` on.
    pub(super) fn decode(&self, seq: u32) -> Option<Position> {
        if seq >= self.product() {
            return None;
        }
        let mut rest = seq;
        let mut digit = |length: u32| {
            let digit = rest % length;
            rest /= length;
            digit
        };
        // The last axis is the fastest.
        let parameters = digit(self.parameters);
        let money_management = digit(self.money_management);
        let timeframe = digit(self.timeframes);
        let ticker = digit(self.tickers);
        let range = digit(self.ranges);
        Some(Position { range, ticker, timeframe, money_management, parameters })
    }

    /// The `seq` of `position`; `None` if it is beyond an axis.
    pub(super) fn encode(&self, position: Position) -> Option<u32> {
        let digits = [
            (position.range, self.ranges),
            (position.ticker, self.tickers),
            (position.timeframe, self.timeframes),
            (position.money_management, self.money_management),
            (position.parameters, self.parameters),
        ];
        digits
            .into_iter()
            .try_fold(0_u32, |seq, (digit, length)| (digit < length).then(|| seq * length + digit))
    }
}

/// Which parameter points the constraints leave: one bit a point, none if there is no constraint.
#[derive(Clone, Debug)]
pub(super) struct Survivors {
    words: Option<Vec<u64>>,
    count: u32,
}

impl Survivors {
    /// All of `count` points.
    pub(super) fn all(count: u32) -> Survivors {
        Survivors { words: None, count }
    }

    /// Those of `count` points for which `keeps` is true.
    pub(super) fn filter(count: u32, mut keeps: impl FnMut(u32) -> bool) -> Survivors {
        let mut words = vec![0_u64; count.div_ceil(u64::BITS) as usize];
        let mut kept = 0;
        for index in (0..count).filter(|index| keeps(*index)) {
            words[(index / u64::BITS) as usize] |= 1 << (index % u64::BITS);
            kept += 1;
        }
        Survivors { words: Some(words), count: kept }
    }

    /// How many points are left.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Whether the point `index` is left.
    pub(super) fn contains(&self, index: u32) -> bool {
        match &self.words {
            None => index < self.count,
            Some(words) => words
                .get((index / u64::BITS) as usize)
                .is_some_and(|word| word >> (index % u64::BITS) & 1 == 1),
        }
    }
}
