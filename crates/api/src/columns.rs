//! Results as Parquet: a column for each column of the CSV, numbers as doubles, null where undefined.
//!
//! Rows are kept until they fill a row group; what is finished is handed out bit by bit, so an answer
//! of any length costs the memory of one group.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use model::Variant;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use serde_json::Value;
use store::JobRow;

/// Rows of a group.
const ROW_GROUP: usize = 8_192;
const ZSTD: i32 = 3;

/// What is written and not yet handed out.
#[derive(Clone, Debug, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the rows of one bundle as Parquet.
pub(crate) struct Columns {
    file: Option<SerializedFileWriter<Written>>,
    written: Written,
    parameters: Vec<String>,
    rows: Group,
}

/// The rows of a group, by column.
#[derive(Default)]
struct Group {
    texts: [Vec<ByteArray>; 4],
    numbers: [Vec<i64>; 3],
    /// Parameters, then metrics.
    values: Vec<Vec<Option<f64>>>,
    cached: Vec<bool>,
    hashes: Vec<Option<ByteArray>>,
}

impl std::fmt::Debug for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Columns").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

const TEXTS: [&str; 4] = ["jobId", "ticker", "timeframe", "moneyManagement"];
const NUMBERS: [&str; 3] = ["seq", "start", "end"];

impl Columns {
    /// A file whose jobs have these parameters.
    pub(crate) fn new(parameters: &[String]) -> Columns {
        let written = Written::default();
        let begin = || {
            let level = ZstdLevel::try_new(ZSTD)?;
            let properties =
                WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
            SerializedFileWriter::new(written.clone(), schema(parameters)?, Arc::new(properties))
        };
        let file = Some(begin().expect("memory takes every byte"));
        Columns { file, written, parameters: parameters.to_vec(), rows: Group::default() }
    }

    /// Adds a row; appends to `out` what is finished by it.
    pub(crate) fn row(&mut self, id: String, row: &JobRow, variant: &Variant, out: &mut Vec<u8>) {
        let parameters = self.parameters.iter().map(|name| variant.parameters.get(name).copied());
        let metrics = stats::CATALOGUE.iter().map(|metric| {
            let metrics = row.result.as_ref().map(|result| &result.metrics);
            metrics.and_then(|metrics| metrics.get(metric.id)).and_then(Value::as_f64)
        });
        let values: Vec<Option<f64>> = parameters.chain(metrics).collect();
        self.rows.values.resize_with(values.len(), Vec::new);
        for (column, value) in self.rows.values.iter_mut().zip(values) {
            column.push(value);
        }
        let texts = [
            id,
            variant.ticker.clone(),
            variant.timeframe.to_string(),
            variant.money_management.to_string(),
        ];
        for (column, text) in self.rows.texts.iter_mut().zip(texts) {
            column.push(text.into_bytes().into());
        }
        let numbers = [i64::from(row.seq), variant.range.start_ms, variant.range.end_ms];
        for (column, number) in self.rows.numbers.iter_mut().zip(numbers) {
            column.push(number);
        }
        self.rows.cached.push(row.cached);
        let hash = row.result.as_ref().map(|result| result.outcome_hash.to_string());
        self.rows.hashes.push(hash.map(|hash| hash.into_bytes().into()));
        if self.rows.cached.len() == ROW_GROUP {
            self.write_group();
            out.append(&mut self.written.take());
        }
    }

    /// Ends the file; appends the rest of it to `out`.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        if !self.rows.cached.is_empty() {
            self.write_group();
        }
        if let Some(file) = self.file.take() {
            file.close().expect("memory takes every byte");
        }
        out.append(&mut self.written.take());
    }

    fn write_group(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        let Some(file) = &mut self.file else { return };
        let mut write = || {
            let mut group = file.next_row_group()?;
            rows.write(&mut group)?;
            group.close()
        };
        write().expect("memory takes every byte");
    }
}

impl Group {
    /// In the order of [`schema`].
    fn write(&self, group: &mut SerializedRowGroupWriter<'_, Written>) -> Result<(), ParquetError> {
        let missing = || ParquetError::General("the schema has fewer columns".to_owned());
        for texts in &self.texts {
            let mut column = group.next_column()?.ok_or_else(missing)?;
            column.typed::<ByteArrayType>().write_batch(texts, None, None)?;
            column.close()?;
        }
        for numbers in &self.numbers {
            let mut column = group.next_column()?.ok_or_else(missing)?;
            column.typed::<Int64Type>().write_batch(numbers, None, None)?;
            column.close()?;
        }
        for values in &self.values {
            let mut column = group.next_column()?.ok_or_else(missing)?;
            let (levels, present) = optional(values);
            column.typed::<DoubleType>().write_batch(&present, Some(&levels), None)?;
            column.close()?;
        }
        let mut column = group.next_column()?.ok_or_else(missing)?;
        column.typed::<BoolType>().write_batch(&self.cached, None, None)?;
        column.close()?;
        let mut column = group.next_column()?.ok_or_else(missing)?;
        let (levels, present) = optional(&self.hashes);
        column.typed::<ByteArrayType>().write_batch(&present, Some(&levels), None)?;
        column.close()?;
        Ok(())
    }
}

/// Definition levels, and the values that are there.
fn optional<T: Clone>(values: &[Option<T>]) -> (Vec<i16>, Vec<T>) {
    let levels = values.iter().map(|value| i16::from(value.is_some())).collect();
    (levels, values.iter().flatten().cloned().collect())
}

fn schema(parameters: &[String]) -> Result<TypePtr, ParquetError> {
    let column = |name: &str, physical, repetition, logical| {
        let column = Type::primitive_type_builder(name, physical).with_repetition(repetition);
        column.with_logical_type(logical).build().map(Arc::new)
    };
    let mut fields = Vec::new();
    for name in TEXTS {
        let text = Some(LogicalType::String);
        fields.push(column(name, Physical::BYTE_ARRAY, Repetition::REQUIRED, text)?);
    }
    for name in NUMBERS {
        let time = LogicalType::timestamp(true, TimeUnit::MILLIS);
        let logical = (name != "seq").then_some(time);
        fields.push(column(name, Physical::INT64, Repetition::REQUIRED, logical)?);
    }
    let parameters = parameters.iter().map(|name| format!("parameters.{name}"));
    let metrics = stats::CATALOGUE.iter().map(|metric| metric.id.to_owned());
    for name in parameters.chain(metrics) {
        fields.push(column(&name, Physical::DOUBLE, Repetition::OPTIONAL, None)?);
    }
    fields.push(column("cached", Physical::BOOLEAN, Repetition::REQUIRED, None)?);
    let text = Some(LogicalType::String);
    fields.push(column("outcomeHash", Physical::BYTE_ARRAY, Repetition::OPTIONAL, text)?);
    Type::group_type_builder("results").with_fields(fields).build().map(Arc::new)
}
