//! Writes candles by line protocol.

use std::io::Write as _;
use std::ops::Range;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt as _, TryStreamExt as _};
use model::settings::Instrument;
use model::{Calendar, CandleSlice, SeriesId};

use super::http::Body;
use super::{Influx, text};
use crate::error::{Cause, FileCause};
use crate::series::InstrumentWire;
use crate::{Error, Segment};

/// Candles in a request.
const BATCH: usize = 10_000;
/// Requests at a time: while one is stored the next is written down.
const IN_FLIGHT: usize = 2;
const PLAIN: &str = "text/plain; charset=utf-8";

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteReport {
    /// Candles that the server has confirmed.
    pub rows: u64,
    /// Requests.
    pub batches: u64,
    /// Bytes sent, packed or not.
    pub bytes: u64,
}

impl Influx {
    /// Writes `candles`, 10,000 a request, all five fields always; `confirmed` hears of each
    /// request's rows, in order. Writing the same candles again changes nothing.
    ///
    /// A batch that the server takes only in part fails with [`Cause::Write`], which names its
    /// rows; a broken connection is tried again.
    pub async fn write(
        &self,
        series: &SeriesId,
        candles: CandleSlice<'_>,
        mut confirmed: impl FnMut(u64),
    ) -> Result<WriteReport, Error> {
        let mapping = self.mapping();
        let measurement = mapping.measurement_of(series.timeframe);
        self.check_exchange(series)?;
        let key = text::line_key(&measurement, &mapping.tags(series))?;
        let shift_ms = mapping.shift_ms(series.timeframe);
        let mut report = WriteReport::default();
        let send = |from: usize| {
            let (key, rows) = (&key, from..(from + BATCH).min(candles.len()));
            async move {
                let lines = text::lines(key, mapping, candles.rows(rows.clone()), shift_ms);
                let bytes = self.write_lines(lines, from as u64 + 1, rows.end as u64).await?;
                Ok::<_, Error>((bytes, rows.len() as u64))
            }
        };
        let starts = (0..candles.len()).step_by(BATCH);
        let mut sent = futures_util::stream::iter(starts).map(send).buffered(IN_FLIGHT);
        while let Some((bytes, rows)) = sent.try_next().await? {
            report.bytes += bytes;
            report.rows += rows;
            report.batches += 1;
            confirmed(rows);
        }
        Ok(report)
    }

    /// Those of `rows` that the server does not hold as they are in `candles`, which are those of
    /// `segment`.
    pub(crate) async fn missing(
        &self,
        series: &SeriesId,
        segment: Segment,
        candles: CandleSlice<'_>,
        rows: Range<usize>,
    ) -> Result<Vec<usize>, Error> {
        let held = self.stored(series, segment.range()).await?;
        let held = held.as_slice();
        let is_missing = |row: &usize| {
            let wanted = candles.candle(*row);
            let at = held.lower_bound(wanted.open_time_ms);
            at >= held.len() || held.candle(at) != wanted
        };
        Ok(rows.filter(is_missing).collect())
    }

    /// Writes calendar and instrument of a series beside its candles.
    pub async fn write_settings(
        &self,
        series: &SeriesId,
        calendar: &Calendar,
        instrument: Option<Instrument>,
    ) -> Result<(), Error> {
        let mapping = self.mapping();
        self.check_exchange(series)?;
        let mut tags = mapping.ticker_tags(&series.exchange, &series.ticker);
        tags.push(mapping.timeframe_tag_of(series.timeframe));
        let key = text::line_key(&mapping.series_measurement, &tags)?;
        let mut line = format!("{key} calendar={}", text::string_value(&calendar.to_string()));
        if let Some(instrument) = instrument {
            let wire = InstrumentWire::from(instrument);
            let json = serde_json::to_string(&wire).expect("plain numbers are always JSON");
            line.push_str(",instrument=");
            line.push_str(&text::string_value(&json));
        }
        // One fixed time: a series has one point, and a later one replaces it.
        line.push_str(" 0\n");
        self.write_lines(line, 1, 1).await.map(drop)
    }

    /// Of a mapping with a fixed exchange no other one can be written.
    fn check_exchange(&self, series: &SeriesId) -> Result<(), Error> {
        if self.mapping().can_hold(&series.exchange) {
            return Ok(());
        }
        let reason = "the mapping has another exchange for all series";
        Err(Error::BadName { name: series.exchange.clone(), reason })
    }

    /// Sends lines and returns the bytes of the request.
    pub(super) async fn write_lines(
        &self,
        lines: String,
        first_row: u64,
        last_row: u64,
    ) -> Result<u64, Error> {
        let settings = &self.inner.settings;
        let dialect = self.dialect().await?;
        let path = dialect.write_path(settings);
        let bytes = if settings.gzip { pack(&lines)? } else { Bytes::from(lines) };
        let body = Body { bytes, content_type: PLAIN, gzip: settings.gzip };
        let written = self.again(async || {
            let response = self.inner.http.send(dialect, &path, "*/*", &body).await?;
            self.inner
                .http
                .read(response, |pieces| {
                    std::io::copy(pieces, &mut std::io::sink()).map_err(|_| Cause::CutOff)
                })
                .await
        });
        match written.await {
            Ok(_) => Ok(body.bytes.len() as u64),
            Err(Error::Rejected { source_id, cause: Cause::Status { status, text } }) => {
                let missing = Vec::new();
                let cause = Cause::Write { first_row, last_row, missing, status, text };
                Err(Error::Rejected { source_id, cause })
            }
            Err(error) => Err(error),
        }
    }
}

/// Level 1: higher ones cost more than a LAN saves.
fn pack(lines: &str) -> Result<Bytes, Error> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(lines.len() / 3), Compression::fast());
    let packed = encoder.write_all(lines.as_bytes()).and_then(|()| encoder.finish());
    packed.map(Bytes::from).map_err(|error| Error::File {
        action: "pack",
        path: "request".into(),
        cause: FileCause::from(error),
    })
}
