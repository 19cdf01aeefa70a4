//! Results as rows of JSON, NDJSON, CSV or Parquet.

use std::io::Write;

use model::Variant;
use serde_json::{Map, Value, json};
use store::JobRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::columns::Columns;
use crate::facts::Facts;
use crate::rows::{VariantBody, job_id};
use crate::text::rfc3339;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
    Ndjson,
    Parquet,
}

impl Format {
    const ALL: [Format; 4] = [Self::Json, Self::Csv, Self::Ndjson, Self::Parquet];

    /// Its word, also the ending of a file.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }

    /// Its media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The format of this word.
    pub(crate) fn from_extension(text: &str) -> Option<Format> {
        Self::ALL.into_iter().find(|format| format.extension().eq_ignore_ascii_case(text))
    }

    /// The format that a media range of `Accept` means.
    pub(crate) fn from_media_range(range: &str) -> Option<Format> {
        match range {
            "application/json" | "application/*" | "*/*" => Some(Self::Json),
            "text/csv" | "text/*" => Some(Self::Csv),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => {
                Some(Self::Ndjson)
            }
            "application/vnd.apache.parquet" | "application/x-parquet" | "application/parquet" => {
                Some(Self::Parquet)
            }
            _ => None,
        }
    }
}

/// One result.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only describes the rows in the OpenAPI document")]
pub(crate) struct ResultRow {
    /// `{bundleRequestId}-{seq}`.
    job_id: String,
    /// Index in the full product.
    seq: u32,
    /// The job's axis values.
    variant: VariantBody,
    /// Every metric of the catalogue; null where undefined.
    #[schema(value_type = Object)]
    metrics: Value,
    /// Completed from a result that existed before.
    cached: bool,
    /// BLAKE3 of the outcome's bytes.
    outcome_hash: Option<String>,
}

/// All results that were asked for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the answer in the OpenAPI document")]
pub(crate) struct ResultPage {
    /// In the order asked for.
    items: Vec<ResultRow>,
    /// Always null: the answer is whole.
    next: Option<String>,
}

/// Writes the rows of one bundle.
#[derive(Debug)]
pub(crate) struct Table {
    bundle: Uuid,
    format: Format,
    parameters: Vec<String>,
    rows: u64,
    columns: Option<Columns>,
}

impl Table {
    /// A table of a bundle's jobs.
    pub(crate) fn new(bundle: Uuid, format: Format, facts: &Facts) -> Table {
        let first = facts.bundle.jobs().next().and_then(|seq| facts.bundle.variant(seq));
        let parameters: Vec<String> =
            first.map(|it| it.parameters.into_keys().collect()).unwrap_or_default();
        let columns = (format == Format::Parquet).then(|| Columns::new(&parameters));
        Table { bundle, format, parameters, rows: 0, columns }
    }

    /// What stands before the rows.
    pub(crate) fn head(&self) -> Vec<u8> {
        match self.format {
            Format::Json => b"{\"items\":[".to_vec(),
            Format::Ndjson | Format::Parquet => Vec::new(),
            Format::Csv => {
                let mut out = b"jobId,seq,ticker,timeframe,start,end,moneyManagement".to_vec();
                for name in &self.parameters {
                    out.push(b',');
                    write_field(&mut out, &format!("parameters.{name}"));
                }
                for metric in stats::CATALOGUE {
                    out.push(b',');
                    write_field(&mut out, metric.id);
                }
                out.extend_from_slice(b",cached,outcomeHash\r\n");
                out
            }
        }
    }

    /// Appends one row.
    pub(crate) fn row(&mut self, row: &JobRow, variant: &Variant, out: &mut Vec<u8>) {
        match self.format {
            Format::Json => {
                out.extend_from_slice(if self.rows > 0 { b",\n" } else { b"\n" });
                self.json_row(row, variant, out);
            }
            Format::Ndjson => {
                self.json_row(row, variant, out);
                out.push(b'\n');
            }
            Format::Csv => self.csv_row(row, variant, out),
            Format::Parquet => {
                if let Some(columns) = &mut self.columns {
                    columns.row(job_id(self.bundle, row.seq), row, variant, out);
                }
            }
        }
        self.rows += 1;
    }

    /// Appends what stands after the rows.
    pub(crate) fn tail(&mut self, out: &mut Vec<u8>) {
        match self.format {
            Format::Json => out.extend_from_slice(b"\n],\"next\":null}\n"),
            Format::Parquet => {
                if let Some(columns) = &mut self.columns {
                    columns.end(out);
                }
            }
            Format::Ndjson | Format::Csv => {}
        }
    }

    fn json_row(&self, row: &JobRow, variant: &Variant, out: &mut Vec<u8>) {
        let metrics: Map<String, Value> = stats::CATALOGUE
            .iter()
            .map(|metric| (metric.id.to_owned(), metric_of(row, metric.id).clone()))
            .collect();
        let row = json!({
            "jobId": job_id(self.bundle, row.seq),
            "seq": row.seq,
            "variant": variant.to_json(),
            "metrics": metrics,
            "cached": row.cached,
            "outcomeHash": row.result.as_ref().map(|result| result.outcome_hash.to_string()),
        });
        serde_json::to_writer(out, &row).expect("memory takes every byte");
    }

    fn csv_row(&self, row: &JobRow, variant: &Variant, out: &mut Vec<u8>) {
        let _infallible = write!(
            out,
            "{},{},{},{},{},{},",
            job_id(self.bundle, row.seq),
            row.seq,
            variant.ticker,
            variant.timeframe,
            rfc3339(variant.range.start_ms),
            rfc3339(variant.range.end_ms),
        );
        write_field(out, &variant.money_management.to_string());
        for name in &self.parameters {
            let value = variant.parameters.get(name).map(f64::to_string);
            out.push(b',');
            out.extend_from_slice(value.unwrap_or_default().as_bytes());
        }
        for metric in stats::CATALOGUE {
            out.push(b',');
            let value = metric_of(row, metric.id);
            if !value.is_null() {
                out.extend_from_slice(value.to_string().as_bytes());
            }
        }
        let hash = row.result.as_ref().map(|result| result.outcome_hash.to_string());
        let _infallible = write!(out, ",{},{}\r\n", row.cached, hash.unwrap_or_default());
    }
}

/// A metric of a job; null where it is undefined or there is no result.
fn metric_of<'a>(row: &'a JobRow, id: &str) -> &'a Value {
    row.result.as_ref().and_then(|result| result.metrics.get(id)).unwrap_or(&Value::Null)
}

/// A CSV field, quoted where RFC 4180 asks for it.
fn write_field(out: &mut Vec<u8>, text: &str) {
    if text.contains([',', '"', '\r', '\n']) {
        let _infallible = write!(out, "\"{}\"", text.replace('"', "\"\""));
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}
