//! Decodes answers of `/query` in msgpack, chunk by chunk as they arrive.
//!
//! Each chunk is a whole document; `partial: true` says that the statement, or the series in it,
//! goes on in the next one. An answer that ends there was cut off. An `error` anywhere fails the
//! whole answer. Members that are not known are skipped.

use std::collections::BTreeMap;
use std::io::{self, Read};

use model::{Candle, Candles};
use rmp::Marker;
use rmp::decode::{
    self, MarkerReadError, NumValueReadError, RmpRead as _, ValueReadError, read_marker,
};

use super::http::Pieces;
use crate::error::Cause;

/// Rows that room is made for before they are seen: a month of minutes.
const MOST_RESERVED: usize = 31 * 1_440;
/// Bytes of a text in an answer.
const MAX_TEXT: u32 = 1 << 20;

/// What precedes the rows of a series in a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) statement: u64,
    pub(super) name: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) columns: Vec<String>,
}

/// A value of a table that is not made of candles.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Int(i64),
    Float(f64),
    Text(String),
    Flag(bool),
    Other,
}

/// Rows of one series, with what precedes them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub(super) head: Head,
    pub(super) rows: Vec<Vec<Value>>,
}

/// Candles of one series (first statement) and the server's count of them (second statement).
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) candles: Candles,
    pub(super) counted: u64,
}

/// Reads the answer to `SELECT open, high, low, close, volume ..; SELECT count(close) ..`.
///
/// A missing price is NaN, a missing volume 0. More than `most` candles are an error: so memory is
/// bounded whatever the server answers. `shift_ms` is taken from the stored times.
pub(super) fn candles(pieces: &mut Pieces, most: usize, shift_ms: i64) -> Result<Counted, Cause> {
    let candles = Candles::with_capacity(most.min(MOST_RESERVED));
    let mut counted = Counted { candles, counted: 0 };
    documents(pieces, 2, &mut |pieces, head, rows| {
        match head.statement {
            0 if head.columns.len() == 6 => {
                for _ in 0..rows {
                    if counted.candles.len() == most {
                        return Err(Cause::Malformed { reason: "more rows than a segment holds" });
                    }
                    counted.candles.push(candle(pieces, shift_ms)?);
                }
            }
            1 if head.columns.len() == 2 && rows == 1 => {
                width(pieces, 2)?;
                value(pieces)?;
                counted.counted = match value(pieces)? {
                    Value::Int(count) => u64::try_from(count).unwrap_or(0),
                    Value::Null
                    | Value::Float(_)
                    | Value::Text(_)
                    | Value::Flag(_)
                    | Value::Other => {
                        return Err(Cause::Malformed { reason: "a count is no integer" });
                    }
                };
            }
            _ => return Err(Cause::Malformed { reason: "unexpected columns" }),
        }
        Ok(())
    })?;
    Ok(counted)
}

/// Reads the answer to `statements` statements as tables.
pub(super) fn tables(pieces: &mut Pieces, statements: u64) -> Result<Vec<Table>, Cause> {
    let mut tables: Vec<Table> = Vec::new();
    documents(pieces, statements, &mut |pieces, head, count| {
        let mut rows = Vec::new();
        for _ in 0..count {
            let width = array(pieces)?;
            rows.push((0..width).map(|_| value(pieces)).collect::<Result<Vec<_>, _>>()?);
        }
        match tables.last_mut().filter(|table| table.head == *head) {
            Some(table) => table.rows.append(&mut rows),
            None => tables.push(Table { head: head.clone(), rows }),
        }
        Ok(())
    })?;
    Ok(tables)
}

type OnRows<'a> = &'a mut dyn FnMut(&mut Pieces, &Head, u32) -> Result<(), Cause>;

fn documents(pieces: &mut Pieces, statements: u64, on_rows: OnRows<'_>) -> Result<(), Cause> {
    // Whether each statement goes on after the last chunk of it.
    let mut goes_on: BTreeMap<u64, bool> = BTreeMap::new();
    while !pieces.is_at_end().map_err(cut)? {
        for _ in 0..map(pieces)? {
            match text(pieces)?.as_str() {
                "results" => {
                    for _ in 0..array(pieces)? {
                        result(pieces, &mut goes_on, on_rows)?;
                    }
                }
                "error" => return Err(Cause::Query { text: text(pieces)? }),
                _ => skip(pieces)?,
            }
        }
    }
    let whole = (0..statements).all(|statement| goes_on.get(&statement) == Some(&false));
    if whole { Ok(()) } else { Err(Cause::CutOff) }
}

fn result(
    pieces: &mut Pieces,
    goes_on: &mut BTreeMap<u64, bool>,
    on_rows: OnRows<'_>,
) -> Result<(), Cause> {
    let mut statement = 0;
    let mut partial = false;
    for _ in 0..map(pieces)? {
        match text(pieces)?.as_str() {
            "statement_id" => statement = decode::read_int(pieces)?,
            "series" => {
                for _ in 0..array(pieces)? {
                    partial |= series(pieces, statement, on_rows)?;
                }
            }
            "partial" => partial |= flag(pieces)?,
            "error" => return Err(Cause::Query { text: text(pieces)? }),
            _ => skip(pieces)?,
        }
    }
    goes_on.insert(statement, partial);
    Ok(())
}

/// Whether the series goes on in the next chunk.
fn series(pieces: &mut Pieces, statement: u64, on_rows: OnRows<'_>) -> Result<bool, Cause> {
    let mut head = Head { statement, ..Head::default() };
    let mut partial = false;
    for _ in 0..map(pieces)? {
        match text(pieces)?.as_str() {
            "name" => head.name = text(pieces)?,
            "tags" => {
                for _ in 0..map(pieces)? {
                    let name = text(pieces)?;
                    head.tags.insert(name, text(pieces)?);
                }
            }
            "columns" => {
                let count = array(pieces)?;
                head.columns = (0..count).map(|_| text(pieces)).collect::<Result<_, _>>()?;
            }
            "values" => {
                let rows = array(pieces)?;
                if rows > 0 && head.columns.is_empty() {
                    return Err(Cause::Malformed { reason: "rows before their columns" });
                }
                on_rows(pieces, &head, rows)?;
            }
            "partial" => partial = flag(pieces)?,
            _ => skip(pieces)?,
        }
    }
    Ok(partial)
}

fn candle(pieces: &mut Pieces, shift_ms: i64) -> Result<Candle, Cause> {
    width(pieces, 6)?;
    let time_ms: i64 = decode::read_int(pieces)?;
    Ok(Candle {
        open_time_ms: time_ms.saturating_sub(shift_ms),
        open: price(pieces)?.unwrap_or(f64::NAN),
        high: price(pieces)?.unwrap_or(f64::NAN),
        low: price(pieces)?.unwrap_or(f64::NAN),
        close: price(pieces)?.unwrap_or(f64::NAN),
        volume: price(pieces)?.unwrap_or(0.0),
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "msgpack has 36 markers")]
fn price(pieces: &mut Pieces) -> Result<Option<f64>, Cause> {
    match marker(pieces)? {
        Marker::F64 => Ok(Some(pieces.read_data_f64()?)),
        Marker::Null => Ok(None),
        other => match scalar(pieces, other)? {
            Value::Int(number) => Ok(Some(number as f64)),
            Value::Float(number) => Ok(Some(number)),
            Value::Null | Value::Text(_) | Value::Flag(_) | Value::Other => {
                Err(Cause::Malformed { reason: "a price is no number" })
            }
        },
    }
}

fn value(pieces: &mut Pieces) -> Result<Value, Cause> {
    let marker = marker(pieces)?;
    scalar(pieces, marker)
}

/// The value that begins with `marker`; what is no scalar is skipped.
#[expect(clippy::wildcard_enum_match_arm, reason = "msgpack has 36 markers")]
fn scalar(pieces: &mut Pieces, marker: Marker) -> Result<Value, Cause> {
    let int = |number: i64| Ok(Value::Int(number));
    match marker {
        Marker::Null => Ok(Value::Null),
        Marker::True => Ok(Value::Flag(true)),
        Marker::False => Ok(Value::Flag(false)),
        Marker::FixPos(number) => int(i64::from(number)),
        Marker::FixNeg(number) => int(i64::from(number)),
        Marker::U8 => int(pieces.read_data_u8()?.into()),
        Marker::U16 => int(pieces.read_data_u16()?.into()),
        Marker::U32 => int(pieces.read_data_u32()?.into()),
        Marker::U64 => {
            let number = pieces.read_data_u64()?;
            int(i64::try_from(number)
                .map_err(|_| Cause::Malformed { reason: "an integer is too large" })?)
        }
        Marker::I8 => int(pieces.read_data_i8()?.into()),
        Marker::I16 => int(pieces.read_data_i16()?.into()),
        Marker::I32 => int(pieces.read_data_i32()?.into()),
        Marker::I64 => int(pieces.read_data_i64()?),
        Marker::F32 => Ok(Value::Float(pieces.read_data_f32()?.into())),
        Marker::F64 => Ok(Value::Float(pieces.read_data_f64()?)),
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
            let length = text_len(pieces, marker)?;
            text_of(pieces, length).map(Value::Text)
        }
        other => {
            skip_from(pieces, other)?;
            Ok(Value::Other)
        }
    }
}

fn skip(pieces: &mut Pieces) -> Result<(), Cause> {
    let marker = marker(pieces)?;
    skip_from(pieces, marker)
}

/// Skips the value that begins with `first`, however it nests, in constant memory.
fn skip_from(pieces: &mut Pieces, first: Marker) -> Result<(), Cause> {
    let mut next = Some(first);
    let mut left: u64 = 1;
    while left > 0 {
        let marker = match next.take() {
            Some(marker) => marker,
            None => marker(pieces)?,
        };
        left -= 1;
        let bytes = match marker {
            Marker::Null
            | Marker::True
            | Marker::False
            | Marker::Reserved
            | Marker::FixPos(_)
            | Marker::FixNeg(_) => 0,
            Marker::U8 | Marker::I8 => 1,
            Marker::U16 | Marker::I16 | Marker::FixExt1 => 2,
            Marker::U32 | Marker::I32 | Marker::F32 => 4,
            Marker::U64 | Marker::I64 | Marker::F64 => 8,
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                text_len(pieces, marker)?.into()
            }
            Marker::Bin8 => pieces.read_data_u8()?.into(),
            Marker::Bin16 => pieces.read_data_u16()?.into(),
            Marker::Bin32 => pieces.read_data_u32()?.into(),
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
                left += array_len(pieces, marker)?;
                0
            }
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
                left += 2 * u64::from(decode::marker_to_len(pieces, marker)?);
                0
            }
            Marker::FixExt2 => 3,
            Marker::FixExt4 => 5,
            Marker::FixExt8 => 9,
            Marker::FixExt16 => 17,
            Marker::Ext8 => 1 + u64::from(pieces.read_data_u8()?),
            Marker::Ext16 => 1 + u64::from(pieces.read_data_u16()?),
            Marker::Ext32 => 1 + u64::from(pieces.read_data_u32()?),
        };
        let skipped = io::copy(&mut pieces.by_ref().take(bytes), &mut io::sink()).map_err(cut)?;
        if skipped < bytes {
            return Err(Cause::CutOff);
        }
    }
    Ok(())
}

fn marker(pieces: &mut Pieces) -> Result<Marker, Cause> {
    Ok(read_marker(pieces)?)
}

fn map(pieces: &mut Pieces) -> Result<u32, Cause> {
    Ok(decode::read_map_len(pieces)?)
}

/// Elements of the array that begins with `marker`.
#[expect(clippy::wildcard_enum_match_arm, reason = "msgpack has 36 markers")]
fn array_len(pieces: &mut Pieces, marker: Marker) -> Result<u64, Cause> {
    match marker {
        Marker::FixArray(length) => Ok(length.into()),
        Marker::Array16 => Ok(pieces.read_data_u16()?.into()),
        Marker::Array32 => Ok(pieces.read_data_u32()?.into()),
        _ => Err(Cause::Malformed { reason: "an array is none" }),
    }
}

fn array(pieces: &mut Pieces) -> Result<u32, Cause> {
    Ok(decode::read_array_len(pieces)?)
}

fn width(pieces: &mut Pieces, expected: u32) -> Result<(), Cause> {
    if array(pieces)? == expected {
        Ok(())
    } else {
        Err(Cause::Malformed { reason: "a row has another width than its columns" })
    }
}

fn flag(pieces: &mut Pieces) -> Result<bool, Cause> {
    Ok(decode::read_bool(pieces)?)
}

fn text(pieces: &mut Pieces) -> Result<String, Cause> {
    let marker = marker(pieces)?;
    let length = text_len(pieces, marker)?;
    text_of(pieces, length)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "msgpack has 36 markers")]
fn text_len(pieces: &mut Pieces, marker: Marker) -> Result<u32, Cause> {
    match marker {
        Marker::FixStr(length) => Ok(length.into()),
        Marker::Str8 => Ok(pieces.read_data_u8()?.into()),
        Marker::Str16 => Ok(pieces.read_data_u16()?.into()),
        Marker::Str32 => Ok(pieces.read_data_u32()?),
        _ => Err(Cause::Malformed { reason: "a text is none" }),
    }
}

fn text_of(pieces: &mut Pieces, length: u32) -> Result<String, Cause> {
    if length > MAX_TEXT {
        return Err(Cause::Malformed { reason: "a text is too long" });
    }
    let mut bytes = vec![0; length as usize];
    pieces.read_exact(&mut bytes).map_err(cut)?;
    String::from_utf8(bytes).map_err(|_| Cause::Malformed { reason: "a text is no UTF-8" })
}

/// The answer ended inside a value; if the connection broke, `Pieces` knows why.
fn cut(_: io::Error) -> Cause {
    Cause::CutOff
}

impl From<ValueReadError> for Cause {
    fn from(error: ValueReadError) -> Cause {
        match error {
            ValueReadError::InvalidMarkerRead(_) | ValueReadError::InvalidDataRead(_) => {
                Cause::CutOff
            }
            ValueReadError::TypeMismatch(_) => {
                Cause::Malformed { reason: "a value has another type" }
            }
        }
    }
}

impl From<NumValueReadError> for Cause {
    fn from(error: NumValueReadError) -> Cause {
        match error {
            NumValueReadError::InvalidMarkerRead(_) | NumValueReadError::InvalidDataRead(_) => {
                Cause::CutOff
            }
            NumValueReadError::TypeMismatch(_) | NumValueReadError::OutOfRange => {
                Cause::Malformed { reason: "an integer is none" }
            }
        }
    }
}

impl From<MarkerReadError> for Cause {
    fn from(_: MarkerReadError) -> Cause {
        Cause::CutOff
    }
}
