//! Asks the server for the count, sums and extremes of candles.

use model::{SeriesId, TimeRange};

use super::msgpack::{self, Value};
use super::{Influx, text};
use crate::error::Cause;
use crate::{Error, Probe};

/// The probe of the candles of `series` that open in `range`.
pub(super) async fn read(
    influx: &Influx,
    series: &SeriesId,
    range: TimeRange,
) -> Result<Probe, Error> {
    let mapping = influx.mapping();
    if !mapping.can_hold(&series.exchange) {
        return Ok(Probe::default());
    }
    let query = text::probe(mapping, series, range)?;
    let parameters = text::parameters(mapping, series);
    let tables = influx.query(query, parameters, |pieces| msgpack::tables(pieces, 1)).await?;
    let Some(row) = tables.first().and_then(|table| table.rows.first()) else {
        return Ok(Probe::default());
    };
    let malformed = || influx.rejected(Cause::Malformed { reason: "a sum is no number" });
    let Some(Value::Int(count)) = row.get(1) else { return Err(malformed()) };
    let number = |index: usize| match row.get(index) {
        Some(Value::Float(number)) => Ok(*number),
        Some(Value::Int(number)) => Ok(*number as f64),
        // A field that no candle has, such as a volume that is not stored.
        Some(Value::Null) => Ok(0.0),
        Some(Value::Text(_) | Value::Flag(_) | Value::Other) | None => Err(malformed()),
    };
    Ok(Probe {
        count: u64::try_from(*count).unwrap_or(0),
        sums: [number(2)?, number(3)?, number(4)?, number(5)?, number(6)?],
        highest: number(7)?,
        lowest: number(8)?,
    })
}
