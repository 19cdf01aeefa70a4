//! Columns found by name, whatever their types: what Arrow and Parquet files have in common.

use std::ops::ControlFlow;
use std::path::Path;

use super::lines::unreadable;
use super::row::{Each, Row};
use super::time::{Stamp, Unit};
use crate::Error;
use crate::validate::Rule;

const TIMES: [&str; 13] = [
    "ts",
    "time",
    "timestamp",
    "date",
    "datetime",
    "open_time",
    "opentime",
    "open_time_ms",
    "t",
    "unix",
    "__index_level_0__",
    "index",
    "time_utc",
];
const OPENS: [&str; 2] = ["open", "o"];
const HIGHS: [&str; 2] = ["high", "h"];
const LOWS: [&str; 2] = ["low", "l"];
const CLOSES: [&str; 2] = ["close", "c"];
const VOLUMES: [&str; 4] = ["volume", "vol", "v", "base_volume"];

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// An instant, or a time of day somewhere.
    Time {
        unit: Unit,
        utc: bool,
    },
    /// Days since 1970-01-01.
    Days,
    /// Integers of a number of bytes.
    Int {
        bytes: usize,
        signed: bool,
    },
    Half,
    Float,
    Double,
    /// Integers of 16 bytes and the digits behind the point.
    Decimal {
        scale: i32,
    },
}

impl Kind {
    pub(super) fn integer(bits: i32, signed: bool) -> Option<Kind> {
        let bytes = usize::try_from(bits / 8).ok()?;
        matches!(bits, 8 | 16 | 32 | 64).then_some(Kind::Int { bytes, signed })
    }

    pub(super) fn float(precision: i16) -> Option<Kind> {
        [Kind::Half, Kind::Float, Kind::Double].get(usize::try_from(precision).ok()?).copied()
    }

    pub(super) fn decimal(scale: i32) -> Option<Kind> {
        (0..=38).contains(&scale).then_some(Kind::Decimal { scale })
    }

    /// Whether values are integers, whatever they count.
    fn is_whole(self) -> bool {
        matches!(self, Self::Time { .. } | Self::Days | Self::Int { .. })
    }

    fn width(self) -> usize {
        match self {
            Self::Time { .. } | Self::Double => 8,
            Self::Days | Self::Float => 4,
            Self::Int { bytes, .. } => bytes,
            Self::Half => 2,
            Self::Decimal { .. } => 16,
        }
    }
}

/// The columns of a candle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<T> {
    pub(super) time: T,
    pub(super) open: T,
    pub(super) high: T,
    pub(super) low: T,
    pub(super) close: T,
    pub(super) volume: Option<T>,
}

impl<T> Named<T> {
    pub(super) fn try_map<U, E>(
        &self,
        map: &mut impl FnMut(&T, Role) -> Result<U, E>,
    ) -> Result<Named<U>, E> {
        Ok(Named {
            time: map(&self.time, Role::Time)?,
            open: map(&self.open, Role::Value)?,
            high: map(&self.high, Role::Value)?,
            low: map(&self.low, Role::Value)?,
            close: map(&self.close, Role::Value)?,
            volume: self.volume.as_ref().map(|place| map(place, Role::Value)).transpose()?,
        })
    }
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Time,
    Value,
}

/// Why the columns of a candle are not found.
pub(super) enum Unknown {
    /// There is none of that name.
    Column(&'static str),
    /// There is more than one of that name.
    Twice(String),
    /// There is one, and its type is not read.
    Kind(String),
}

impl Unknown {
    /// What the file at `path` lacks.
    pub(super) fn of(self, path: &Path) -> Error {
        let reason = match self {
            Self::Column(name) => format!("it has no column \"{name}\""),
            Self::Twice(name) => {
                format!("it has more than one column \"{}\"", name.escape_debug())
            }
            Self::Kind(name) => {
                format!("its column \"{}\" has a type that is not read", name.escape_debug())
            }
        };
        unreadable(path, &reason)
    }
}

/// Finds the columns of a candle among `names`, in any case.
pub(super) fn pick<'a, T>(
    names: impl Iterator<Item = &'a str>,
    place: impl Fn(usize) -> Option<T>,
) -> Result<Named<T>, Unknown> {
    let names: Vec<String> = names.map(|name| name.to_lowercase().replace(' ', "_")).collect();
    let find = |known: &[&str]| {
        known.iter().find_map(|wanted| names.iter().position(|name| name == wanted))
    };
    let at = |index: usize| {
        if names.iter().filter(|name| **name == names[index]).count() > 1 {
            return Err(Unknown::Twice(names[index].clone()));
        }
        place(index).ok_or_else(|| Unknown::Kind(names[index].clone()))
    };
    let need = |known: &[&str], what: &'static str| at(find(known).ok_or(Unknown::Column(what))?);
    Ok(Named {
        time: need(&TIMES, "timestamp")?,
        open: need(&OPENS, "open")?,
        high: need(&HIGHS, "high")?,
        low: need(&LOWS, "low")?,
        close: need(&CLOSES, "close")?,
        volume: find(&VOLUMES).map(at).transpose()?,
    })
}

/// Values of a column: times where they are whole, numbers otherwise; a missing one is `None`.
#[derive(Clone, Debug)]
pub(super) enum Column {
    Times(Vec<Option<Stamp>>),
    Numbers(Vec<f64>),
}

impl Column {
    /// Values as Arrow holds them, `valid` having a bit for each.
    pub(super) fn from_arrow(
        kind: Kind,
        role: Role,
        values: &[u8],
        valid: Option<&[u8]>,
        rows: usize,
    ) -> Option<Column> {
        let width = kind.width();
        let values = values.get(..rows.checked_mul(width)?)?;
        if valid.is_some_and(|bits| bits.len() < rows.div_ceil(8)) {
            return None;
        }
        let is_valid = |row: usize| valid.is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1);
        let all = values.chunks_exact(width).enumerate();
        if kind.is_whole() {
            let value = |(row, bytes): (usize, &[u8])| is_valid(row).then(|| integer(kind, bytes));
            return Column::from_integers(kind, role, all.map(value));
        }
        let value = |(row, bytes): (usize, &[u8])| {
            if is_valid(row) { number(kind, bytes) } else { f64::NAN }
        };
        Some(Column::Numbers(all.map(value).collect()))
    }

    /// Whole numbers of a kind; `None` where dates stand for prices.
    pub(super) fn from_integers(
        kind: Kind,
        role: Role,
        values: impl Iterator<Item = Option<i64>>,
    ) -> Option<Column> {
        match (role, kind) {
            (Role::Time, _) => {
                let value = |value: Option<i64>| value.and_then(|value| stamp(kind, value));
                Some(Column::Times(values.map(value).collect()))
            }
            (Role::Value, Kind::Int { .. }) => {
                let value = |value: Option<i64>| value.map_or(f64::NAN, |value| value as f64);
                Some(Column::Numbers(values.map(value).collect()))
            }
            (Role::Value, _) => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Times(times) => times.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    fn stamp(&self, row: usize) -> Option<Stamp> {
        match self {
            Self::Times(times) => *times.get(row)?,
            Self::Numbers(numbers) => Stamp::float(*numbers.get(row)?),
        }
    }

    fn number(&self, row: usize) -> f64 {
        match self {
            Self::Numbers(numbers) => numbers.get(row).copied().unwrap_or(f64::NAN),
            Self::Times(_) => f64::NAN,
        }
    }
}

/// A time of this kind.
fn stamp(kind: Kind, value: i64) -> Option<Stamp> {
    match kind {
        Kind::Days => Stamp::day(value),
        Kind::Time { unit, utc } => {
            let ms = match unit {
                Unit::Seconds => value.checked_mul(1_000)?,
                Unit::Millis => value,
                Unit::Micros => value.div_euclid(1_000),
                Unit::Nanos => value.div_euclid(1_000_000),
            };
            if utc {
                return Some(Stamp::Number(ms, unit));
            }
            let time = jiff::Timestamp::from_millisecond(ms).ok()?;
            Some(Stamp::Naive(jiff::tz::Offset::UTC.to_datetime(time)))
        }
        Kind::Int { .. } => Some(Stamp::number(value)),
        Kind::Half | Kind::Float | Kind::Double | Kind::Decimal { .. } => None,
    }
}

fn integer(kind: Kind, bytes: &[u8]) -> i64 {
    let signed = !matches!(kind, Kind::Int { signed: false, .. });
    let negative = signed && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    for (slot, byte) in wide.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    i64::from_le_bytes(wide)
}

fn number(kind: Kind, bytes: &[u8]) -> f64 {
    match (kind, bytes.len()) {
        (Kind::Double, 8) => f64::from_le_bytes(bytes.try_into().unwrap_or_default()),
        (Kind::Float, 4) => f32::from_le_bytes(bytes.try_into().unwrap_or_default()).into(),
        (Kind::Half, 2) => half(u16::from_le_bytes(bytes.try_into().unwrap_or_default())),
        (Kind::Decimal { scale }, 16) => {
            decimal(i128::from_le_bytes(bytes.try_into().unwrap_or_default()), scale)
        }
        _ => f64::NAN,
    }
}

/// The nearest double to `value` x 10^-`scale`.
pub(super) fn decimal(value: i128, scale: i32) -> f64 {
    format!("{value}e-{scale}").parse().unwrap_or(f64::NAN)
}

fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f64::from(bits & 0x3ff) / 1_024.0;
    match exponent {
        0 => sign * fraction * 2_f64.powi(-14),
        0x1f => f64::NAN,
        _ => sign * (1.0 + fraction) * 2_f64.powi(exponent - 15),
    }
}

/// Hands `count` rows on, numbered after `done`.
pub(super) fn rows(
    columns: &Named<Column>,
    count: usize,
    done: u64,
    each: &mut Each<'_>,
) -> ControlFlow<()> {
    for row in 0..count {
        let value = |column: &Column| column.number(row);
        let values = [
            value(&columns.open),
            value(&columns.high),
            value(&columns.low),
            value(&columns.close),
            columns.volume.as_ref().map_or(0.0, value),
        ];
        let candle = columns.time.stamp(row).ok_or(Rule::Unreadable);
        each(done + row as u64 + 1, candle.map(|stamp| Row { stamp, values }))?;
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_in_any_case_unless_there_are_two() {
        let fault = |names: &[&str]| match pick(names.iter().copied(), Some) {
            Ok(columns) => format!("{} {:?}", columns.open, columns.volume),
            Err(unknown) => unknown.of(Path::new("f")).to_string(),
        };
        let four = ["Time", "OPEN", "high", "Low", "close"];
        assert_eq!(fault(&four), "1 None");
        assert_eq!(fault(&[&four[..], &["volume", "note", "note"]].concat()), "1 Some(5)");
        let twice = fault(&[&four[..], &["open"]].concat());
        assert!(twice.contains("it has more than one column \"open\""), "{twice}");
        assert!(fault(&four[..4]).contains("it has no column \"close\""));
    }

    #[test]
    fn numbers_of_every_width_are_read() {
        let role = |kind: Kind| if kind.is_whole() { Role::Time } else { Role::Value };
        let one = |kind, bytes: &[u8]| match Column::from_arrow(kind, role(kind), bytes, None, 1)
            .unwrap()
        {
            Column::Numbers(numbers) => numbers[0],
            Column::Times(times) => match times[0] {
                Some(Stamp::Number(ms, _)) => ms as f64,
                other => panic!("{other:?}"),
            },
        };
        let same = |left: f64, right: f64| assert_eq!(left.to_bits(), right.to_bits());
        same(one(Kind::Double, &1.5_f64.to_le_bytes()), 1.5);
        same(one(Kind::Float, &0.1_f32.to_le_bytes()), f64::from(0.1_f32));
        same(one(Kind::Half, &0x3e00_u16.to_le_bytes()), 1.5);
        same(one(Kind::Decimal { scale: 2 }, &12_345_i128.to_le_bytes()), 123.45);
        same(one(Kind::Days, &1_i32.to_le_bytes()), 86_400_000.0);
        let seconds = Kind::Time { unit: Unit::Seconds, utc: true };
        same(one(seconds, &(-1_i64).to_le_bytes()), -1_000.0);
        let signed = Kind::Int { bytes: 4, signed: true };
        same(one(signed, &(-7_i32).to_le_bytes()), -7_000.0);
        assert!(Column::from_arrow(Kind::Double, Role::Value, &[0; 7], None, 1).is_none());
        assert!(Column::from_arrow(Kind::Double, Role::Value, &[0; 80], Some(&[0]), 10).is_none());
    }
}
