//! Funding rates in InfluxDB: a measurement of their own, a point a payment.

use std::fmt::Write as _;
use std::sync::Arc;

use model::{FundingRate, FundingRates, TimeRange};

use super::msgpack::{self, Value};
use super::schema::Tag;
use super::text::{bound, escape, line_key, quote, tagged};
use super::{Influx, Mapping};
use crate::Error;
use crate::error::Cause;

/// Payments in a request.
const BATCH: usize = 10_000;

/// The rates of a ticker that are due in `range`; none where there is no such measurement.
pub(super) async fn read(
    influx: &Influx,
    (exchange, ticker): (&str, &str),
    range: TimeRange,
) -> Result<FundingRates, Error> {
    if !influx.mapping().can_hold(exchange) {
        return Ok(FundingRates::default());
    }
    let tags = influx.mapping().ticker_tags(exchange, ticker);
    let query = select(influx.mapping(), &tags, range)?;
    let parameters = bound(&tags);
    let tables = influx.query(query, parameters, |pieces| msgpack::tables(pieces, 2)).await?;
    let mut rates = FundingRates::default();
    let mut counted = 0;
    let malformed = |reason| influx.rejected(Cause::Malformed { reason });
    for table in &tables {
        for row in &table.rows {
            if table.head.statement == 1 {
                let Some(Value::Int(count)) = row.get(1) else {
                    return Err(malformed("a count is no integer"));
                };
                counted = u64::try_from(*count).unwrap_or(0);
                continue;
            }
            let Some(Value::Int(time_ms)) = row.first() else {
                return Err(malformed("a time is no integer"));
            };
            let number = |index: usize| match row.get(index) {
                Some(Value::Float(value)) => Ok(Some(*value)),
                Some(Value::Int(value)) => Ok(Some(*value as f64)),
                Some(Value::Null) | None => Ok(None),
                Some(Value::Text(_) | Value::Flag(_) | Value::Other) => {
                    Err(malformed("a rate is no number"))
                }
            };
            // A point without a rate is none: another field of the measurement was written.
            let Some(rate) = number(1)? else { continue };
            let rate = FundingRate { time_ms: *time_ms, rate, mark: number(2)? };
            rates.push(rate).map_err(|fault| bad(influx, *time_ms, fault))?;
        }
    }
    let got = rates.as_slice().len() as u64;
    if got != counted {
        let source_id = Arc::clone(&influx.inner.id);
        return Err(Error::Unavailable { source_id, cause: Cause::RowCount { got, counted } });
    }
    Ok(rates)
}

fn bad(influx: &Influx, time_ms: i64, fault: model::FundingFault) -> Error {
    let reason = format!("the funding payment at {} {fault}", crate::error::Instant(time_ms));
    influx.rejected(Cause::Settings { reason })
}

/// The payments of a range, then the server's count of them.
fn select(mapping: &Mapping, tags: &[Tag<'_>], range: TimeRange) -> Result<String, Error> {
    let (rate, mark) = (quote(&mapping.rate_field)?, quote(&mapping.mark_field)?);
    let rest = format!(
        "FROM {} WHERE {} AND time >= {}ms AND time < {}ms",
        quote(&mapping.funding_measurement)?,
        tagged(tags)?,
        range.start_ms,
        range.end_ms,
    );
    Ok(format!("SELECT {rate},{mark} {rest}; SELECT count({rate}) {rest}"))
}

impl Influx {
    /// Writes funding rates of a ticker, 10,000 a request. Writing them again changes nothing.
    pub async fn write_funding(
        &self,
        exchange: &str,
        ticker: &str,
        rates: &FundingRates,
    ) -> Result<u64, Error> {
        let mapping = self.mapping();
        let tags = mapping.ticker_tags(exchange, ticker);
        let key = line_key(&mapping.funding_measurement, &tags)?;
        let special = [',', '=', ' '];
        let rows = rates.as_slice();
        let (rate, mark) =
            (escape(&mapping.rate_field, &special), escape(&mapping.mark_field, &special));
        let mut from = 0;
        while from < rows.len() {
            let to = (from + BATCH).min(rows.len());
            let mut lines = String::new();
            for row in from..to {
                let payment = rows.get(row);
                let _ = write!(lines, "{key} {rate}={}", payment.rate);
                if let Some(value) = payment.mark {
                    let _ = write!(lines, ",{mark}={value}");
                }
                let _ = writeln!(lines, " {}", payment.time_ms);
            }
            self.write_lines(lines, from as u64 + 1, to as u64).await?;
            from = to;
        }
        Ok(rows.len() as u64)
    }
}
