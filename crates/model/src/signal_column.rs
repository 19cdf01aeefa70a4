//! Uploaded signals: what a strategy of someone else's wanted at each close.
//!
//! A column is ascending by open time and has no duplicates; its hash is its name everywhere.

use crate::{Digest, TimeRange};

/// Most rows of a column: nine years of minutes.
pub const MAX_SIGNAL_ROWS: usize = 5_000_000;

/// Owned rows of one column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignalColumn {
    open_time_ms: Vec<i64>,
    values: Vec<i8>,
}

/// Why a row cannot follow those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignalFault {
    /// The value is none of the three there are.
    #[error("its signal is not -1, 0 or 1")]
    Value,
    /// The time is that of the row before.
    #[error("its time is that of the row before")]
    Duplicate,
    /// The time is earlier than that of the row before.
    #[error("its time is earlier than that of the row before")]
    Disorder,
    /// There are as many rows as a column may have.
    #[error("a column has at most {MAX_SIGNAL_ROWS} rows")]
    TooMany,
}

impl SignalColumn {
    /// Appends the signal at the close of the candle that opens at `open_time_ms`.
    pub fn push(&mut self, open_time_ms: i64, value: f64) -> Result<(), SignalFault> {
        let value =
            [0_i8, 1, -1].into_iter().find(|it| f64::from(*it).total_cmp(&(value + 0.0)).is_eq());
        let value = value.ok_or(SignalFault::Value)?;
        match self.open_time_ms.last() {
            Some(last) if *last == open_time_ms => return Err(SignalFault::Duplicate),
            Some(last) if *last > open_time_ms => return Err(SignalFault::Disorder),
            Some(_) if self.open_time_ms.len() >= MAX_SIGNAL_ROWS => {
                return Err(SignalFault::TooMany);
            }
            Some(_) | None => {}
        }
        self.open_time_ms.push(open_time_ms);
        self.values.push(value);
        Ok(())
    }

    /// The rows, borrowed.
    pub fn as_slice(&self) -> SignalSlice<'_> {
        SignalSlice { open_time_ms: &self.open_time_ms, values: &self.values }
    }

    /// The rows as bytes, for keeping: a version, then each time and value.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.values.len() * ROW_BYTES);
        bytes.push(BYTES_VERSION);
        let mut before = 0;
        for (time_ms, value) in self.open_time_ms.iter().zip(&self.values) {
            bytes.extend(time_ms.wrapping_sub(before).to_le_bytes());
            bytes.extend(value.to_le_bytes());
            before = *time_ms;
        }
        bytes
    }

    /// Undoes [`SignalColumn::to_bytes`]; `None` if these are no such bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<SignalColumn> {
        let rows = bytes.strip_prefix(&[BYTES_VERSION])?;
        let mut column = SignalColumn::default();
        let (rows, rest) = rows.as_chunks::<ROW_BYTES>();
        let mut time_ms = 0_i64;
        for row in rows {
            let (step, value) = row.split_first_chunk::<8>()?;
            time_ms = time_ms.wrapping_add(i64::from_le_bytes(*step));
            let value = i8::from_le_bytes([*value.first()?]);
            column.push(time_ms, f64::from(value)).ok()?;
        }
        rest.is_empty().then_some(column)
    }
}

/// First byte of a column's bytes.
const BYTES_VERSION: u8 = 1;
/// Bytes of a row: the distance from the time before, and the value.
const ROW_BYTES: usize = 9;

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

    /// How many rows have the time of one of the candles, which ascend by open time.
    pub fn matched(&self, open_time_ms: &[i64]) -> usize {
        let mut candle = 0;
        let has = |time_ms: &&i64| {
            candle += open_time_ms[candle..].iter().take_while(|it| *it < *time_ms).count();
            open_time_ms.get(candle) == Some(*time_ms)
        };
        self.open_time_ms.iter().filter(has).count()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn column(rows: &[(i64, f64)]) -> Result<SignalColumn, SignalFault> {
        let mut column = SignalColumn::default();
        rows.iter().try_for_each(|(time_ms, value)| column.push(*time_ms, *value))?;
        Ok(column)
    }

    #[test]
    fn rows_ascend_and_are_one_of_three_values() {
        let sound = column(&[(-5, 1.0), (0, -0.0), (7, -1.0)]).unwrap();
        assert_eq!(sound.as_slice().values, [1, 0, -1]);
        for value in [0.5, 2.0, -2.0, f64::NAN, f64::INFINITY, 255.0, 257.0] {
            assert_eq!(column(&[(0, value)]), Err(SignalFault::Value), "{value}");
        }
        assert_eq!(column(&[(1, 0.0), (1, 0.0)]), Err(SignalFault::Duplicate));
        assert_eq!(column(&[(2, 0.0), (1, 0.0)]), Err(SignalFault::Disorder));
    }

    #[test]
    fn bytes_are_read_back_and_damage_is_noticed() {
        let sound = column(&[(i64::MIN, 1.0), (0, 0.0), (1, -1.0), (i64::MAX, 0.0)]).unwrap();
        let bytes = sound.to_bytes();
        assert_eq!(SignalColumn::from_bytes(&bytes), Some(sound));
        for cut in 0..bytes.len() {
            assert_ne!(
                SignalColumn::from_bytes(&bytes[..cut]).map(|it| it.as_slice().len()),
                Some(4)
            );
        }
        assert_eq!(SignalColumn::from_bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 5]), None);
    }

    #[test]
    fn candles_get_the_value_of_their_time_and_zero_without_one() {
        let column = column(&[(0, 1.0), (5, -1.0), (10, 1.0), (99, 1.0)]).unwrap();
        let times = [-1, 0, 4, 5, 6, 10, 11];
        let aligned: Vec<i8> = column.as_slice().aligned(&times).collect();
        assert_eq!(aligned, [0, 1, 0, -1, 0, 1, 0]);
        assert_eq!(column.as_slice().matched(&times), 3);
        let range = TimeRange { start_ms: 1, end_ms: 10 };
        assert_eq!(column.as_slice().within(range).open_time_ms, [5]);
        let reversed = TimeRange { start_ms: 50, end_ms: 10 };
        assert!(column.as_slice().within(reversed).is_empty());
    }

    #[test]
    fn the_hash_is_pinned_and_depends_on_times_and_values() {
        let hash = |rows: &[(i64, f64)]| column(rows).unwrap().as_slice().hash().to_string();
        let pinned = "b3:879677015b9ae21062ba12d0e4c5177d3ec4688343f5429b2a3e2cad305af6e9";
        assert_eq!(hash(&[(0, 1.0), (60_000, -1.0)]), pinned);
        assert_ne!(hash(&[(0, 1.0), (60_000, 0.0)]), pinned);
        assert_ne!(hash(&[(0, 1.0), (60_001, -1.0)]), pinned);
    }
}
