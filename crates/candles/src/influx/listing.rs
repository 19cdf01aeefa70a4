//! Which series an InfluxDB holds.
//!
//! First and last candle of every series are cheap to ask, their count is not: it reads
//! everything. So counts are remembered and asked again only for series whose ends have moved.

use std::collections::BTreeMap;

use model::settings::Instrument;
use model::{Calendar, SeriesId, TimeRange};

use super::Influx;
use super::msgpack::{Table, Value};
use super::text::quote;
use crate::error::Cause;
use crate::series::InstrumentWire;
use crate::{Error, SeriesInfo};

/// Series with moved ends that are counted one by one; more are counted in one query.
const ONE_BY_ONE: usize = 8;

/// A count, and the ends it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    first_ms: i64,
    last_ms: i64,
    count: u64,
}

pub(super) type Counts = BTreeMap<SeriesId, Counted>;

pub(super) async fn list(influx: &Influx) -> Result<Vec<SeriesInfo>, Error> {
    let Some(from) = from_group_by(influx).await? else { return Ok(Vec::new()) };
    let (from, group_by) = from;
    let close = quote(&influx.mapping().close_field)?;
    let ends =
        format!("SELECT first({close}) {from} {group_by}; SELECT last({close}) {from} {group_by}");
    let mut first = BTreeMap::new();
    let mut last = BTreeMap::new();
    for table in influx.tables(ends, 2).await? {
        let Some(id) = series_of(influx, &table) else { continue };
        let time_ms = time_of(influx, &table)? - influx.mapping().shift_ms(id.timeframe);
        if table.head.statement == 0 {
            first.insert(id, time_ms)
        } else {
            last.insert(id, time_ms)
        };
    }
    let settings = settings(influx).await?;
    let ends: BTreeMap<SeriesId, (i64, i64)> = first
        .into_iter()
        .filter_map(|(id, first_ms)| {
            let last_ms = *last.get(&id)?;
            Some((id, (first_ms, last_ms)))
        })
        .collect();
    let counts = counts(influx, &ends, &format!("SELECT count({close}) {from} {group_by}")).await?;
    let infos = ends.into_iter().map(|(id, (first_ms, last_ms))| {
        let (stored, instrument) = settings.get(&id).cloned().unwrap_or_default();
        let mapped = influx.mapping().calendars.get(&id.exchange).cloned();
        let count = counts.get(&id).map_or(0, |counted| counted.count);
        let calendar = mapped.or(stored).unwrap_or_default();
        SeriesInfo { id, calendar, instrument, first_ms, last_ms, count }
    });
    Ok(infos.collect())
}

/// `FROM ..` and `GROUP BY ..` over all candles; `None` if no measurement has any.
async fn from_group_by(influx: &Influx) -> Result<Option<(String, String)>, Error> {
    let mapping = influx.mapping();
    let mut tags: Vec<String> =
        mapping.ticker_tag_names().into_iter().map(quote).collect::<Result<_, _>>()?;
    let measurements = if mapping.is_per_timeframe() {
        let tables = influx.tables("SHOW MEASUREMENTS".to_owned(), 1).await?;
        let names = tables.iter().flat_map(|table| &table.rows).filter_map(|row| text(row.first()));
        let names = names.filter(|name| mapping.timeframe_of(name).is_some());
        names.map(quote).collect::<Result<Vec<_>, _>>()?
    } else {
        tags.push(quote(&mapping.timeframe_tag)?);
        vec![quote(&mapping.measurement)?]
    };
    if measurements.is_empty() {
        return Ok(None);
    }
    let from = format!("FROM {}", measurements.join(","));
    Ok(Some((from, format!("GROUP BY {}", tags.join(",")))))
}

/// The series of a table's tags; `None` if they name none that this product can have.
fn series_of(influx: &Influx, table: &Table) -> Option<SeriesId> {
    influx.mapping().series_of(&table.head.name, &table.head.tags)
}

fn time_of(influx: &Influx, table: &Table) -> Result<i64, Error> {
    match table.rows.first().and_then(|row| row.first()) {
        Some(Value::Int(time_ms)) => Ok(*time_ms),
        _ => Err(influx.rejected(Cause::Malformed { reason: "a time is no integer" })),
    }
}

/// Calendar and instrument that `push` wrote with a series.
async fn settings(
    influx: &Influx,
) -> Result<BTreeMap<SeriesId, (Option<Calendar>, Option<Instrument>)>, Error> {
    let mapping = influx.mapping();
    let mut tags = mapping.ticker_tag_names();
    tags.push(&mapping.timeframe_tag);
    let tags: Vec<String> = tags.into_iter().map(quote).collect::<Result<_, _>>()?;
    let query = format!(
        "SELECT \"calendar\",\"instrument\" FROM {} GROUP BY {}",
        quote(&mapping.series_measurement)?,
        tags.join(","),
    );
    let mut settings = BTreeMap::new();
    for table in influx.tables(query, 1).await? {
        let (Some(id), Some(row)) = (mapping.settings_of(&table.head.tags), table.rows.last())
        else {
            continue;
        };
        let calendar = text(row.get(1)).and_then(|text| text.parse().ok());
        let instrument: Option<InstrumentWire> =
            text(row.get(2)).and_then(|text| serde_json::from_str(text).ok());
        settings.insert(id, (calendar, instrument.map(Instrument::from)));
    }
    Ok(settings)
}

/// Counts of all series with these ends.
async fn counts(
    influx: &Influx,
    ends: &BTreeMap<SeriesId, (i64, i64)>,
    count_all: &str,
) -> Result<Counts, Error> {
    let known = influx.counts();
    let mut counts = Counts::new();
    let mut moved = Vec::new();
    for (id, (first_ms, last_ms)) in ends {
        match known.get(id) {
            Some(at) if at.first_ms == *first_ms && at.last_ms == *last_ms => {
                counts.insert(id.clone(), *at);
            }
            _ => moved.push((id, *first_ms, *last_ms)),
        }
    }
    if moved.len() <= ONE_BY_ONE {
        for (id, first_ms, last_ms) in moved {
            let range = TimeRange { start_ms: first_ms, end_ms: last_ms + 1 };
            let count = influx.count(id, range).await?;
            counts.insert(id.clone(), Counted { first_ms, last_ms, count });
        }
    } else {
        for table in influx.tables(count_all.to_owned(), 1).await? {
            if let Some(id) = series_of(influx, &table)
                && let Some((first_ms, last_ms)) = ends.get(&id).copied()
                && let Some(Value::Int(count)) = table.rows.first().and_then(|row| row.get(1))
            {
                let count = u64::try_from(*count).unwrap_or(0);
                counts.insert(id, Counted { first_ms, last_ms, count });
            }
        }
    }
    influx.remember_counts(counts.clone());
    Ok(counts)
}

fn text(value: Option<&Value>) -> Option<&str> {
    match value? {
        Value::Text(text) => Some(text),
        Value::Null | Value::Int(_) | Value::Float(_) | Value::Flag(_) | Value::Other => None,
    }
}
