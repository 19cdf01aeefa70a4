//! Copies series to InfluxDB, and proves that they arrived.
//!
//! Segment by segment: what the server already holds is not sent again, what was sent is compared
//! by count, sums and extremes, and row by row where these differ. So a push that was broken off
//! goes on where it was, and one that says that all is stored has seen it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use model::{CandleSlice, Candles, SeriesId, TimeRange};

use crate::error::{Cause, Instant};
use crate::export::Progress;
use crate::{CandleSource, Error, Influx, Probe, Segment, SeriesInfo};

/// The year 2255: later than any payment, and a time that every store can write.
const FAR_MS: i64 = 9_000_000_000_000;
/// Pauses before rows that the server does not show are looked for and sent again. Under load
/// influxd 1.6 can leave a shard that it has just made out of an answer.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1_600)];

/// A copy of series from one source to an InfluxDB.
#[derive(Clone, Copy)]
pub struct Push<'a> {
    /// Where the candles are.
    pub from: &'a dyn CandleSource,
    /// Where they are to be.
    pub to: &'a Influx,
    /// Whether also what the server holds already, by its count and sums, is sent.
    pub again: bool,
}

/// What a push did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushReport {
    /// Candles written.
    pub rows: u64,
    /// Candles not sent because the server's count and sums of them agree.
    pub kept: u64,
    /// Candles sent a second time, because the server did not show them after the first.
    pub repeated: u64,
    /// Candles that the server holds in the segments of the series.
    pub counted: u64,
    /// Requests.
    pub batches: u64,
    /// Bytes sent.
    pub bytes: u64,
}

impl Push<'_> {
    /// Copies all candles of a series, its calendar and instrument, and the funding rates of its
    /// ticker.
    ///
    /// A segment whose count, sums and extremes the server already has is not sent; one that was
    /// sent and is then not there as it was sent is an error. A push can be repeated. `written` is
    /// awaited after each segment of which anything was sent, also where that failed half way:
    /// who keeps copies of it elsewhere can then be told.
    pub async fn run<F: Future<Output = ()> + Send>(
        &self,
        series: &SeriesInfo,
        mut progress: impl FnMut(Progress) + Send,
        mut written: impl FnMut(Segment) -> F + Send,
    ) -> Result<PushReport, Error> {
        let mut report = PushReport::default();
        let range = TimeRange { start_ms: series.first_ms, end_ms: series.last_ms + 1 };
        let id = &series.id;
        for segment in Segment::covering(id.timeframe, range) {
            let candles = self.from.load(id, segment).await?;
            let columns = candles.as_slice();
            let wanted = Probe::of(columns);
            let held = if self.again { None } else { self.to.probe(id, segment).await? };
            let before = report.rows + report.kept;
            let mut say = |rows| progress(Progress { done: before + rows, total: series.count });
            if held.is_some_and(|held| held.agrees(&wanted)) {
                report.kept += wanted.count;
                report.counted += wanted.count;
                say(wanted.count);
            } else {
                let stored = self.store(id, segment, columns, &mut report, &mut say).await;
                written(segment).await;
                stored?;
            }
        }
        self.to.write_settings(id, &series.calendar, series.instrument).await?;
        let SeriesId { exchange, ticker, .. } = id;
        let all = TimeRange { start_ms: 0, end_ms: FAR_MS };
        let rates = self.from.funding(exchange, ticker, all).await?;
        self.to.write_funding(exchange, ticker, &rates).await?;
        Ok(report)
    }

    /// Writes the candles of a segment and looks at them there.
    async fn store(
        &self,
        series: &SeriesId,
        segment: Segment,
        candles: CandleSlice<'_>,
        report: &mut PushReport,
        say: &mut (impl FnMut(u64) + Send),
    ) -> Result<(), Error> {
        let mut done = 0;
        let written = self.to.write(series, candles, |rows| {
            done += rows;
            say(done);
        });
        let written = match written.await {
            Ok(written) => written,
            Err(error) => return Err(with_missing(error, self.to, series, segment, candles).await),
        };
        report.rows += written.rows;
        report.batches += written.batches;
        report.bytes += written.bytes;
        self.prove(series, segment, candles, report).await
    }

    /// Compares what the server holds of a segment with the candles that were written.
    ///
    /// Its figures are asked first. Where they differ the rows decide, for they may be short of a
    /// shard or count what somebody else has written: rows that are not there are sent again, and
    /// only what is not there at last is an error.
    async fn prove(
        &self,
        series: &SeriesId,
        segment: Segment,
        candles: CandleSlice<'_>,
        report: &mut PushReport,
    ) -> Result<(), Error> {
        let wanted = Probe::of(candles);
        let mut pauses = PAUSES.into_iter();
        loop {
            let held = self.to.probe(series, segment).await?.unwrap_or_default();
            if held.agrees(&wanted) {
                report.counted += held.count;
                return Ok(());
            }
            let missing = self.missing(series, segment, candles).await?;
            let Some(first) = missing.as_slice().open_time_ms.first() else {
                tracing::debug!(%series, %segment, %held, %wanted, "figures differ, rows do not");
                report.counted += held.count.max(wanted.count);
                return Ok(());
            };
            let Some(pause) = pauses.next() else {
                let reason = format!(
                    "written {wanted}; the server has {held}; {} of them are not there, the first \
                     of {}",
                    missing.len(),
                    Instant(*first)
                );
                let cause = Cause::Disagrees { segment: segment.to_string(), reason };
                return Err(Error::Rejected { source_id: Arc::from(self.to.id()), cause });
            };
            tracing::warn!(
                %series, %segment, rows = missing.len(), first = %Instant(*first),
                "candles that were written are not there: sending them again"
            );
            tokio::time::sleep(pause).await;
            let again = self.to.write(series, missing.as_slice(), |_| ()).await?;
            report.repeated += again.rows;
            report.batches += again.batches;
            report.bytes += again.bytes;
        }
    }

    /// The candles that the server does not hold as they are.
    async fn missing(
        &self,
        series: &SeriesId,
        segment: Segment,
        candles: CandleSlice<'_>,
    ) -> Result<Candles, Error> {
        let rows = self.to.missing(series, segment, candles, 0..candles.len()).await?;
        Ok(rows.into_iter().map(|row| candles.candle(row)).collect())
    }
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
        && let (Ok(first), Ok(end)) = (usize::try_from(*first_row), usize::try_from(*last_row))
    {
        let rows = to.missing(series, segment, candles, first - 1..end).await;
        *missing = rows.unwrap_or_default().into_iter().map(|row| row as u64 + 1).collect();
    }
    error
}
