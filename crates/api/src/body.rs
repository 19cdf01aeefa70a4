//! Request bodies: limited before any work is done on them.
//!
//! The limit counts the bytes after decompression, and the compressed bytes as well. A body that
//! is too long is read on and thrown away for a while, so that a client which sends first and reads
//! later sees the 413 instead of a broken connection.

use std::io::Read;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use utoipa::ToSchema;

use crate::code::Code;
use crate::problem::Problem;

/// Bytes of a body over the limit that are read and thrown away before the refusal is sent.
const MAX_DISCARD: usize = 64 * 1024 * 1024;
/// Largest window of a zstd body, as a power of two: 8 MiB, what RFC 8878 recommends.
const MAX_WINDOW_LOG: u32 = 23;

/// How the bytes of a body are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// A body as received: within the limit, still packed.
#[derive(Debug)]
pub(crate) struct Received {
    bytes: Bytes,
    packing: Packing,
    shorten: &'static str,
}

/// The bytes of a file, as they are.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only describes a body in the OpenAPI document")]
pub(crate) struct FileBytes(Vec<u8>);

/// How to get under the limit of a bundle request.
const SHORTER_BUNDLE: &str = "write axes as {\"from\", \"to\", \"step\"} or split the bundle";
/// How to get under the limit of a file.
const SHORTER_FILE: &str = "leave out what no candle needs, or send it as Parquet";

/// Reads a JSON body of at most `max` bytes; refuses other media types.
pub(crate) async fn receive(
    headers: &HeaderMap,
    body: Body,
    max: usize,
) -> Result<Received, Problem> {
    check_media_type(headers)?;
    receive_bytes(headers, body, max, SHORTER_BUNDLE).await
}

/// Reads a file of at most `max` bytes of any media type.
pub(crate) async fn receive_file(
    headers: &HeaderMap,
    body: Body,
    max: usize,
) -> Result<Received, Problem> {
    receive_bytes(headers, body, max, SHORTER_FILE).await
}

async fn receive_bytes(
    headers: &HeaderMap,
    body: Body,
    max: usize,
    shorten: &'static str,
) -> Result<Received, Problem> {
    let packing = packing(headers)?;
    let promised = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let promised: usize = promised.unwrap_or(0);
    if promised > max && headers.contains_key(EXPECT) {
        return Err(too_large(max, shorten));
    }
    let mut bytes = Vec::with_capacity(promised.min(max));
    let mut length = 0;
    let mut body = body;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            let detail = "the body ended before its announced end";
            return Err(Problem::new(Code::BodyUnreadable, detail));
        };
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= max {
            bytes.extend_from_slice(&data);
        } else if length > MAX_DISCARD {
            break;
        }
    }
    if length > max {
        return Err(too_large(max, shorten));
    }
    Ok(Received { bytes: bytes.into(), packing, shorten })
}

impl Received {
    /// The plain bytes, at most `max`. Takes time in proportion to them: not for the async runtime.
    pub(crate) fn unpack(self, max: usize) -> Result<Bytes, Problem> {
        match self.packing {
            Packing::Plain => Ok(self.bytes),
            Packing::Gzip => read_plain(MultiGzDecoder::new(&self.bytes[..]), max, self.shorten),
            Packing::Zstd => {
                let mut reader = zstd::Decoder::new(&self.bytes[..]).map_err(|_| damaged())?;
                reader.window_log_max(MAX_WINDOW_LOG).map_err(|_| damaged())?;
                read_plain(reader, max, self.shorten)
            }
        }
    }
}

/// All that `reader` gives, if it is at most `max` bytes.
fn read_plain(reader: impl Read, max: usize, shorten: &str) -> Result<Bytes, Problem> {
    let mut plain = Vec::new();
    reader.take(max as u64 + 1).read_to_end(&mut plain).map_err(|_| damaged())?;
    if plain.len() > max { Err(too_large(max, shorten)) } else { Ok(plain.into()) }
}

fn damaged() -> Problem {
    Problem::new(Code::BodyUnreadable, "the body is not what its Content-Encoding says")
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let media = given.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let subtype = media.strip_prefix("application/").unwrap_or_default();
    if subtype.eq_ignore_ascii_case("json") || subtype.ends_with("+json") {
        return Ok(());
    }
    let found = given.map_or_else(|| "there is none".to_owned(), |text| format!("not \"{text}\""));
    let detail = format!("the Content-Type must be application/json, {found}");
    Err(Problem::new(Code::UnsupportedMediaType, detail))
}

fn packing(headers: &HeaderMap) -> Result<Packing, Problem> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else { return Ok(Packing::Plain) };
    let encoding = encoding.to_str().unwrap_or("?").trim();
    if encoding.eq_ignore_ascii_case("identity") {
        Ok(Packing::Plain)
    } else if encoding.eq_ignore_ascii_case("gzip") || encoding.eq_ignore_ascii_case("x-gzip") {
        Ok(Packing::Gzip)
    } else if encoding.eq_ignore_ascii_case("zstd") {
        Ok(Packing::Zstd)
    } else {
        let detail = format!("the Content-Encoding must be gzip or zstd, not \"{encoding}\"");
        Err(Problem::new(Code::UnsupportedEncoding, detail))
    }
}

fn too_large(max: usize, shorten: &str) -> Problem {
    let detail = format!(
        "the body is longer than {max} bytes, the maximum, counted after decompression; {shorten}"
    );
    Problem::new(Code::BodyTooLarge, detail)
}
