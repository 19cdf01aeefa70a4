//! Uploaded signals: what a strategy of someone else's wanted at each close.
//!
//! A column is ascending by open time and has no duplicates; its hash is its name everywhere.

use crate::{Digest, TimeRange};

/// Borrowed rows of one column: equally long, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalSlice<'a> {
    /// Open times of the candles at whose close a signal is read, ms since 1970-01-01 UTC, strictly
    /// ascending.
    pub open_time_ms: &'a [i64],
    /// 1 = long is wanted, -1 = short is wanted, 0 = neither.
    pub values: &'a [i8],
}

impl<'a> SignalSlice<'a> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.open_time_ms.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.open_time_ms.is_empty()
    }

    /// The rows whose times are in `range`.
    #[must_use]
    pub fn within(&self, range: TimeRange) -> SignalSlice<'a> {
        let row = |time_ms| self.open_time_ms.partition_point(|open_ms| *open_ms < time_ms);
        let rows = row(range.start_ms)..row(range.end_ms).max(row(range.start_ms));
        SignalSlice { open_time_ms: &self.open_time_ms[rows.clone()], values: &self.values[rows] }
    }

    /// The value of each candle, by its open time; 0 where there is no row of that time.
    ///
    /// `open_time_ms` ascends.
    pub fn aligned<'s>(&'s self, open_time_ms: &'s [i64]) -> impl Iterator<Item = i8> + 's {
        let mut row = 0;
        open_time_ms.iter().map(move |time_ms| {
            row += self.open_time_ms[row..].iter().take_while(|it| *it < time_ms).count();
            if self.open_time_ms.get(row) == Some(time_ms) { self.values[row] } else { 0 }
        })
    }

    /// Content hash: BLAKE3 of the count, the times and the values, little-endian.
    pub fn hash(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"backfleet.signal.1\0");
        hasher.update(&(self.len() as u64).to_le_bytes());
        let mut buffer = Vec::with_capacity(HASH_CHUNK * 8);
        for chunk in self.open_time_ms.chunks(HASH_CHUNK) {
            buffer.clear();
            buffer.extend(chunk.iter().flat_map(|time| time.to_le_bytes()));
            hasher.update(&buffer);
        }
        for chunk in self.values.chunks(HASH_CHUNK) {
            buffer.clear();
            buffer.extend(chunk.iter().flat_map(|value| value.to_le_bytes()));
            hasher.update(&buffer);
        }
        Digest(*hasher.finalize().as_bytes())
    }
}

/// Rows hashed at a time.
const HASH_CHUNK: usize = 2_048;
