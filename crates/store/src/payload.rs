//! How values are written into columns: text without NUL, compressed outcomes, float arrays.
//!
//! Both databases use the same bytes, so a row means the same in either.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{Digest, JobStatus, Outcome, OutcomeError};
use serde_json::Value;

use crate::{Ending, Error, NewResult};

/// Marks a completed job whose outcome differs from the one that stands under its key.
pub(crate) const DETERMINISM_FAULT: &str = "determinism_fault";

/// What is said of such a job.
pub(crate) const DIVERGED: &str = "another outcome stands under the same key";

/// Attempts at a replay before it is given up.
pub(crate) const MAX_REPLAYS: i32 = 3;

/// Answer of a replay that was given up.
pub(crate) const REPLAY_LOST: &str = r#"{"verdict":"worker_lost"}"#;

/// Failures by causes that can pass before a job is given up.
pub(crate) const MAX_ATTEMPTS: i16 = 3;

/// Losses of a started suspect before it is given up.
pub(crate) const MAX_LOSSES: i16 = 2;

/// Text that either database can hold: PostgreSQL has no NUL in text.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// Text as it is searched: case folded the same way in both databases.
pub(crate) fn fold(text: &str) -> String {
    clean(text).to_lowercase()
}

/// A rate fit for a column: neither NaN nor infinite nor negative.
pub(crate) fn rate(value: f64) -> f64 {
    if value.is_finite() { value.max(0.0) } else { 0.0 }
}

/// A fraction fit for a column: 0 to 1.
pub(crate) fn fraction(value: f64) -> f64 {
    rate(value).min(1.0)
}

/// The rank column of a priority: 1000 - priority.
pub(crate) fn rank(priority: i16) -> i16 {
    1000 - priority.clamp(-1000, 1000)
}

/// A count as a column holds it.
pub(crate) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// JSON text of a value without maps or floats, which always has one.
pub(crate) fn text_of<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("lists of plain fields are JSON")
}

/// Tags to set or to remove, as a JSON merge patch (RFC 7396).
pub(crate) fn clean_tags(tags: &BTreeMap<String, Option<String>>) -> Value {
    let tag = |(name, value): (&String, &Option<String>)| {
        (clean(name).into_owned(), value.as_deref().map(|value| clean(value).into_owned()).into())
    };
    Value::Object(tags.iter().map(tag).collect())
}

/// Undoes [`crate::Packer::compress`].
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<u8>, Error> {
    zstd::decode_all(packed)
        .map_err(|error| Error::Refused { reason: format!("what is stored is damaged: {error}") })
}

/// First bytes of what is compressed and nothing else: the canonical bytes of an outcome of an earlier build.
const ZSTD: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// Undoes [`crate::Packer::pack`].
pub(crate) fn unpack_outcome(packed: &[u8]) -> Result<Outcome, Error> {
    let refused = |error: OutcomeError| Error::Refused { reason: error.to_string() };
    if packed.starts_with(&ZSTD) {
        return Outcome::from_bytes(&unpack(packed)?).map_err(refused);
    }
    let cut = || Error::Refused { reason: "a stored outcome is cut off".to_owned() };
    let (len, rest) = packed.split_first_chunk().ok_or_else(cut)?;
    let len = usize::try_from(u64::from_le_bytes(*len)).map_err(|_| cut())?;
    let (text, noise) = rest.split_at_checked(len).ok_or_else(cut)?;
    Outcome::from_compact(&unpack(text)?, noise).map_err(refused)
}

/// Floats as little-endian bytes, bit for bit.
pub(crate) fn float_bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Undoes [`float_bytes`].
pub(crate) fn floats(bytes: &[u8]) -> Vec<f64> {
    let (chunks, _) = bytes.as_chunks::<8>();
    chunks.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect()
}

/// The columns of a job that an ending decides.
pub(crate) struct EndedColumns<'a> {
    pub(crate) status: i16,
    pub(crate) cached: bool,
    pub(crate) result_key: Option<&'a Digest>,
    pub(crate) error_code: Option<Cow<'a, str>>,
    pub(crate) error_message: Option<Cow<'a, str>>,
}

impl EndedColumns<'_> {
    /// What `ending` writes into the job's row.
    pub(crate) fn of(ending: &Ending) -> EndedColumns<'_> {
        let (status, cached, result_key, error) = match ending {
            Ending::Completed(result) => (JobStatus::Completed, false, Some(&result.key), None),
            Ending::Cached { key } => (JobStatus::Completed, true, Some(key), None),
            Ending::Failed(error) => (JobStatus::Failed, false, None, Some(error)),
            Ending::Cancelled => (JobStatus::Cancelled, false, None, None),
        };
        EndedColumns {
            status: status.code(),
            cached,
            result_key,
            error_code: error.map(|error| clean(&error.code)),
            error_message: error.map(|error| clean(&error.message)),
        }
    }
}

/// The result that comes with an ending, where there is one.
pub(crate) fn result_of(ending: &Ending) -> Option<&NewResult> {
    match ending {
        Ending::Completed(result) => Some(result),
        Ending::Cached { .. } | Ending::Failed(_) | Ending::Cancelled => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_survive_bit_for_bit() {
        let values = [0.0, -0.0, 0.1, f64::MIN_POSITIVE, f64::MAX, f64::NAN, f64::NEG_INFINITY];
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&floats(&float_bytes(&values))), bits(&values));
    }

    #[test]
    fn a_nul_is_replaced_and_odd_numbers_are_tamed() {
        assert_eq!(clean("a\0b"), "a\u{fffd}b");
        assert_eq!(fold("ÄB"), "äb");
        assert_eq!(rank(1000), 0);
        assert_eq!(rank(i16::MIN), 2000);
        for (value, expected) in [(f64::NAN, 0.0), (-1.0, 0.0), (0.5, 0.5), (2.0, 1.0)] {
            assert_eq!(fraction(value).to_bits(), f64::to_bits(expected));
        }
    }
}
