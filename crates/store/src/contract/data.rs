//! Which data stood where: what makes a result known at submit, and what a bundle is held to.
//!
//! Workers record; a submit asks. A correction of candles raises the revision of their segments,
//! and with it everything that was recorded of them is void.

use std::time::Duration;

use model::{Digest, SeriesId};
use serde::{Deserialize, Serialize};

/// A stretch of a series that a backtest read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct DataPart {
    /// What was asked for.
    #[serde(with = "series_text")]
    pub asked: SeriesId,
    /// Name of the stored series that it was made of.
    pub stored: String,
    /// First open time that counts, in ms; the least there is where history was short.
    pub from: i64,
    /// First open time that no longer counts.
    pub to: i64,
}

/// A segment of a stored series that is closed, with the hash of its candles.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct SegmentHash {
    /// Name of the stored series.
    pub series: String,
    /// Its first open time, in ms.
    pub start: i64,
    /// The first open time after it.
    pub end: i64,
    /// Hash of its candles.
    pub hash: Digest,
}

/// What a need was met with.
#[derive(Clone, Debug, PartialEq)]
pub struct DataVersion {
    /// Everything that decides which data is read.
    pub need: Digest,
    /// Where it came from.
    pub source: String,
    /// What was read.
    pub parts: Vec<DataPart>,
    /// The data hash.
    pub hash: Digest,
    /// Sum of the revisions of the segments of all parts, as the store gave it
    /// before the load.
    pub revision: u64,
    /// Whether nothing of the range is still to come.
    pub closed: bool,
    /// Whether candles reach both ends of the range.
    pub covered: bool,
    /// Candles missing inside the range.
    pub missing: u64,
    /// What the source said of all parts without reading them.
    pub fingerprint: Digest,
    /// The closed segments in it: what a bundle that uses it is held to.
    pub segments: Vec<SegmentHash>,
}

/// A recorded version that no correction has made void.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownData {
    /// As recorded.
    pub version: DataVersion,
    /// Time since a worker last looked.
    pub age: Duration,
}

/// A closed segment that a host holds, and what it knew of corrections when it fetched it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldSegment {
    /// The segment.
    pub segment: SegmentHash,
    /// Its revision, as [`crate::Store::corrections`] gave it before the load; 0 where it had none.
    pub revision: u64,
}

/// A segment whose candles were written again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CorrectedSegment {
    /// Name of the stored series.
    pub series: String,
    /// Its first open time, in ms.
    pub start: i64,
    /// The first open time after it.
    pub end: i64,
}

/// How often a segment was corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Its first open time, in ms.
    pub start: i64,
    /// The first open time after it.
    pub end: i64,
    /// Times it was corrected.
    pub revision: u64,
}

/// Whether a bundle may run on the segments that a host has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pinned {
    /// They are those of the bundle, now at the latest.
    Same,
    /// The bundle began on other candles in this segment.
    Changed(SegmentHash),
    /// The host's copy is older than a correction: load again.
    Outdated,
}

/// A series as one JSON string a part.
mod series_text {
    use model::SeriesId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(super) fn serialize<S: Serializer>(id: &SeriesId, to: S) -> Result<S::Ok, S::Error> {
        (&id.exchange, &id.ticker, id.timeframe.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SeriesId, D::Error> {
        let (exchange, ticker, timeframe) = <(String, String, String)>::deserialize(from)?;
        let timeframe = timeframe.parse().map_err(de::Error::custom)?;
        Ok(SeriesId { exchange, ticker, timeframe })
    }
}
