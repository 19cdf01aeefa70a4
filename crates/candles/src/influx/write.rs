//! Writes candles by line protocol.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use model::settings::Instrument;
use model::{Calendar, CandleSlice, SeriesId};

use super::http::Body;
use super::{Influx, text};
use crate::Error;
use crate::error::{Cause, FileCause};
use crate::series::InstrumentWire;

/// Candles in a request.
const BATCH: usize = 10_000;
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
    /// request's rows. Writing the same candles again changes nothing.
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
        let key = text::line_key(&measurement, mapping, series, !mapping.is_per_timeframe())?;
        let mut report = WriteReport::default();
        let mut from = 0;
        while from < candles.len() {
            let to = (from + BATCH).min(candles.len());
            let lines = text::lines(&key, mapping, candles.rows(from..to));
            report.bytes += self.write_lines(lines, from as u64 + 1, to as u64).await?;
            report.rows += (to - from) as u64;
            report.batches += 1;
            confirmed((to - from) as u64);
            from = to;
        }
        Ok(report)
    }

    /// Writes calendar and instrument of a series beside its candles.
    pub async fn write_settings(
        &self,
        series: &SeriesId,
        calendar: &Calendar,
        instrument: Option<Instrument>,
    ) -> Result<(), Error> {
        let mapping = self.mapping();
        let key = text::line_key(&mapping.series_measurement, mapping, series, true)?;
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

    /// Sends lines and returns the bytes of the request.
    pub(super) async fn write_lines(
        &self,
        lines: String,
        first_row: u64,
        last_row: u64,
    ) -> Result<u64, Error> {
        let settings = &self.inner.settings;
        let mut pairs = vec![("db", settings.database.as_str()), ("precision", "ms")];
        if let Some(policy) = &settings.retention_policy {
            pairs.push(("rp", policy));
        }
        let path = format!("/write?{}", text::form(&pairs));
        let bytes = if settings.gzip { pack(&lines)? } else { Bytes::from(lines) };
        let body = Body { bytes, content_type: PLAIN, gzip: settings.gzip };
        let written = self.again(async || {
            let response = self.inner.http.send(&path, "*/*", &body).await?;
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
                let cause = Cause::Write { first_row, last_row, status, text };
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
