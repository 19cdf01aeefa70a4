//! Opaque cursors: where a page ended, bound to the query that made it.
//!
//! A cursor is base64url of (kind of value, value, seq, hash of the filter), so it is valid on any
//! node and refused with any other filter or order.

use model::Digest;
use store::JobCursor;
use uuid::Uuid;

use crate::code::Code;
use crate::problem::Problem;
use crate::text::{from_base64url, to_base64url};

/// Hash of everything of a query but its page; two queries that differ have other cursors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FilterHash([u8; 8]);

impl FilterHash {
    /// Of the filter's parts, in a fixed order.
    pub(crate) fn of(parts: &impl std::fmt::Debug) -> FilterHash {
        let digest = Digest::of(format!("{parts:?}").as_bytes());
        let mut hash = [0; 8];
        hash.copy_from_slice(&digest.0[..8]);
        FilterHash(hash)
    }
}

/// The cursor after a job.
pub(crate) fn after_job(cursor: JobCursor, filter: FilterHash) -> String {
    let mut bytes = Vec::with_capacity(21);
    bytes.push(u8::from(cursor.value.is_some()));
    bytes.extend_from_slice(&cursor.value.unwrap_or(0.0).to_le_bytes());
    bytes.extend_from_slice(&cursor.seq.to_le_bytes());
    bytes.extend_from_slice(&filter.0);
    to_base64url(&bytes)
}

/// Reads [`after_job`]; refuses a cursor of another query.
pub(crate) fn read_job(text: &str, filter: FilterHash) -> Result<JobCursor, Problem> {
    let bytes = from_base64url(text).ok_or_else(damaged)?;
    let (head, hash) = bytes.split_last_chunk::<8>().ok_or_else(damaged)?;
    let (kind, rest) = head.split_first().ok_or_else(damaged)?;
    let (value, seq) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    let seq = u32::from_le_bytes(seq.try_into().map_err(|_| damaged())?);
    let value = match kind {
        0 => None,
        1 => Some(f64::from_le_bytes(*value)).filter(|value| value.is_finite()),
        _ => return Err(damaged()),
    };
    if *hash == filter.0 { Ok(JobCursor { value, seq }) } else { Err(foreign()) }
}

/// The cursor after a bundle.
pub(crate) fn after_bundle(id: Uuid, filter: FilterHash) -> String {
    let mut bytes = id.as_bytes().to_vec();
    bytes.extend_from_slice(&filter.0);
    to_base64url(&bytes)
}

/// Reads [`after_bundle`]; refuses a cursor of another query.
pub(crate) fn read_bundle(text: &str, filter: FilterHash) -> Result<Uuid, Problem> {
    let bytes = from_base64url(text).ok_or_else(damaged)?;
    let (id, hash) = bytes.split_last_chunk::<8>().ok_or_else(damaged)?;
    let id = Uuid::from_slice(id).map_err(|_| damaged())?;
    if *hash == filter.0 { Ok(id) } else { Err(foreign()) }
}

fn damaged() -> Problem {
    Problem::new(Code::InvalidCursor, "the cursor is damaged: take it from \"next\" as it is")
}

fn foreign() -> Problem {
    let detail = "the cursor belongs to another filter or order: start again without a cursor";
    Problem::new(Code::InvalidCursor, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_is_bound_to_its_filter() {
        let (here, there) = (FilterHash::of(&"status=Failed"), FilterHash::of(&"status=Running"));
        for value in [None, Some(-1.5)] {
            let cursor = JobCursor { value, seq: 77 };
            let text = after_job(cursor, here);
            assert_eq!(read_job(&text, here).unwrap(), cursor);
            assert_eq!(read_job(&text, there).unwrap_err().code(), Code::InvalidCursor);
        }
        let id = Uuid::now_v7();
        assert_eq!(read_bundle(&after_bundle(id, here), here).unwrap(), id);
        for text in ["", "x", "AAAA", &to_base64url(&[9; 21]), &to_base64url(&[1; 40])] {
            assert_eq!(read_job(text, here).unwrap_err().code(), Code::InvalidCursor);
            assert_eq!(read_bundle(text, here).unwrap_err().code(), Code::InvalidCursor);
        }
    }
}
