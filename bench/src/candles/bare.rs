//! The least that anyone pays for candles from InfluxDB: one request, and its msgpack into columns.
//!
//! No count, no check, no cache, no retry: what a loader may be compared with.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, bail, ensure};
use model::Candles;
use rmp::Marker;
use rmp::decode::{RmpRead, read_array_len, read_int, read_marker};

/// Bytes read from the connection at a time.
const BUFFER: usize = 1 << 18;
/// Longest name in an answer.
const NAME: usize = 64;

/// The columns of the answer to `query`, whose first statement selects time and five values.
pub(crate) fn read(address: &str, database: &str, query: &str) -> anyhow::Result<Candles> {
    let form = format!("db={database}&epoch=ms&chunked=true&chunk_size=10000&q={}", encoded(query));
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    // HTTP/1.0: the answer is the bytes until the end, without chunks of its own.
    write!(
        stream,
        "POST /query HTTP/1.0\r\nHost: {address}\r\nAccept: application/x-msgpack\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )?;
    let mut answer = BufReader::with_capacity(BUFFER, stream);
    let mut line = String::new();
    answer.read_line(&mut line)?;
    ensure!(line.contains(" 200 "), "{line}");
    while line != "\r\n" {
        line.clear();
        ensure!(answer.read_line(&mut line)? > 0, "the answer has no body");
    }
    let mut candles = Candles::default();
    while !answer.fill_buf()?.is_empty() {
        value(&mut answer, &mut candles)?;
    }
    Ok(candles)
}

/// Percent-encoded, as a form has it.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(byte).collect()
}

/// Reads one value; rows below `values` go into `candles`.
#[expect(clippy::wildcard_enum_match_arm, reason = "an answer has few of msgpack's 36 markers")]
fn value(from: &mut impl Read, candles: &mut Candles) -> anyhow::Result<()> {
    let marker = read_marker(from).ok().context("the answer is cut off")?;
    let length = match marker {
        Marker::FixMap(length) => u32::from(length),
        Marker::Map16 => u32::from(from.read_data_u16()?),
        Marker::FixArray(length) => {
            for _ in 0..length {
                value(from, candles)?;
            }
            return Ok(());
        }
        Marker::Array16 => {
            for _ in 0..from.read_data_u16()? {
                value(from, candles)?;
            }
            return Ok(());
        }
        other => return scalar(from, other),
    };
    for _ in 0..length {
        let name = name(from)?;
        ensure!(name != b"error", "the server refuses the query");
        if name == b"values" {
            for _ in 0..read_array_len(from)? {
                ensure!(read_array_len(from)? == 6, "a row has six values");
                candles.open_time_ms.push(read_int(from)?);
                let columns = [
                    &mut candles.open,
                    &mut candles.high,
                    &mut candles.low,
                    &mut candles.close,
                    &mut candles.volume,
                ];
                for column in columns {
                    ensure!(matches!(read_marker(from), Ok(Marker::F64)), "a value is a float");
                    column.push(from.read_data_f64()?);
                }
            }
        } else {
            value(from, candles)?;
        }
    }
    Ok(())
}

fn name(from: &mut impl Read) -> anyhow::Result<Vec<u8>> {
    let Ok(Marker::FixStr(length)) = read_marker(from) else { bail!("a name is a short text") };
    let mut bytes = vec![0; usize::from(length).min(NAME)];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "an answer has few of msgpack's 36 markers")]
fn scalar(from: &mut impl Read, marker: Marker) -> anyhow::Result<()> {
    let length = match marker {
        Marker::FixPos(_) | Marker::True | Marker::False | Marker::Null => 0,
        Marker::FixStr(length) => usize::from(length),
        Marker::Str8 => usize::from(from.read_data_u8()?),
        _ => bail!("an answer of candles has no {marker:?}"),
    };
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(())
}
