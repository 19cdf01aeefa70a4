//! Copies series to InfluxDB, and proves that they arrived.
//!
//! Segment by segment: what the server already holds is not sent again, what was sent is compared
//! by count, sums and extremes. So a push that was broken off goes on where it was.

use std::sync::Arc;

use model::{CandleSlice, SeriesId, TimeRange};

use crate::error::Cause;
use crate::export::Progress;
use crate::{CandleSource, Error, Influx, Probe, Segment, SeriesInfo};

/// The year 2255: later than any payment, and a time that every store can write.
const FAR_MS: i64 = 9_000_000_000_000;

/// What a push did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushReport {
    /// Candles written.
    pub rows: u64,
    /// Candles not sent because the server's count and sums of them agree.
    pub kept: u64,
    /// Candles that the server counts in the segments of the series.
    pub counted: u64,
    /// Requests.
    pub batches: u64,
    /// Bytes sent.
    pub bytes: u64,
}

/// Copies all candles of a series to `to`, its calendar and instrument, and the funding rates of
/// its ticker.
///
/// A segment whose count, sums and extremes the server already has is not sent; one that was sent
/// and then differs is an error. With `again` everything is sent. A push can be repeated.
pub async fn push(
    from: &dyn CandleSource,
    series: &SeriesInfo,
    to: &Influx,
    again: bool,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<PushReport, Error> {
    let mut report = PushReport::default();
    let range = TimeRange { start_ms: series.first_ms, end_ms: series.last_ms + 1 };
    let id = &series.id;
    for segment in Segment::covering(id.timeframe, range) {
        let candles = from.load(id, segment).await?;
        let columns = candles.as_slice();
        let wanted = Probe::of(columns);
        let held = if again { None } else { to.probe(id, segment).await? };
        let mut done = report.rows + report.kept;
        let total = series.count;
        if held.is_some_and(|held| held.agrees(&wanted)) {
            report.kept += wanted.count;
            report.counted += wanted.count;
            progress(Progress { done: done + wanted.count, total });
        } else {
            let written = to.write(id, columns, |rows| {
                done += rows;
                progress(Progress { done, total });
            });
            let written = match written.await {
                Ok(written) => written,
                Err(error) => return Err(with_missing(error, to, id, segment, columns).await),
            };
            report.rows += written.rows;
            report.batches += written.batches;
            report.bytes += written.bytes;
            let held = to.probe(id, segment).await?.unwrap_or_default();
            prove(to, segment, &wanted, &held)?;
            report.counted += held.count;
        }
    }
    to.write_settings(id, &series.calendar, series.instrument).await?;
    let SeriesId { exchange, ticker, .. } = id;
    let all = TimeRange { start_ms: 0, end_ms: FAR_MS };
    let rates = from.funding(exchange, ticker, all).await?;
    to.write_funding(exchange, ticker, &rates).await?;
    Ok(report)
}

/// Candles that the server has and the source has not are left alone: they may be another's.
fn prove(to: &Influx, segment: Segment, wanted: &Probe, held: &Probe) -> Result<(), Error> {
    if held.agrees(wanted) || held.count > wanted.count {
        return Ok(());
    }
    let reason = format!("written {wanted}; the server has {held}");
    let cause = Cause::Disagrees { segment: segment.to_string(), reason };
    Err(Error::Rejected { source_id: Arc::from(to.id()), cause })
}

/// The error of a batch that was stored in part, with the rows that the server does not hold.
async fn with_missing(
    mut error: Error,
    to: &Influx,
    series: &SeriesId,
    segment: Segment,
    candles: CandleSlice<'_>,
) -> Error {
    if let Error::Rejected { cause: Cause::Write { first_row, last_row, missing, .. }, .. } =
        &mut error
    {
        let batch = (*first_row, *last_row);
        *missing = to.missing(series, segment, candles, batch).await.unwrap_or_default();
    }
    error
}
