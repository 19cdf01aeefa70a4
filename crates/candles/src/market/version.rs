//! Which version of a series was loaded: the segments it came from, and a cheap look at whether the
//! source still has the same.

use std::collections::BTreeMap;

use model::{Digest, SeriesId, TimeRange};

use super::{Backing, Market};
use crate::{Error, Segment};

/// How often each segment of a stored series was corrected, by the start of the segment in ms.
///
/// A cached segment that was fetched before its last correction is fetched again.
pub type Corrections = BTreeMap<i64, u64>;

/// One segment of a stored series as this host holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentState {
    /// Its first open time, in ms.
    pub start_ms: i64,
    /// The first open time after it.
    pub end_ms: i64,
    /// Hash of its candles.
    pub hash: Digest,
    /// It ended so long ago that no candle of it is still to come.
    pub closed: bool,
}

/// What a source says, without reading a candle, about a stretch of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Equal as long as nothing is known to have changed.
    pub digest: Digest,
    /// Whether the source knows its revisions: equal digests then prove equal candles.
    pub exact: bool,
}

impl Fingerprint {
    /// One of several stretches, in their order.
    pub fn join(all: &[Fingerprint]) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        for one in all {
            hasher.update(&one.digest.0);
        }
        let digest = Digest(*hasher.finalize().as_bytes());
        Fingerprint { digest, exact: all.iter().all(|one| one.exact) }
    }
}

impl Market {
    /// Names the source: equal ids promise equal candles.
    pub fn source_id(&self) -> &str {
        match &self.inner.backing {
            Backing::Source { source, .. } => source.id(),
            Backing::Whole { .. } => "memory",
        }
    }

    /// Whether what ended at `end_ms` ended so long ago that no candle of it is still to come.
    pub fn is_closed(&self, end_ms: i64) -> bool {
        match &self.inner.backing {
            Backing::Source { cache, .. } => cache.is_closed(end_ms),
            Backing::Whole { .. } => false,
        }
    }

    /// What the source says about the candles that `series` is made of in `range`.
    ///
    /// Costs a look-up in the listing and one question a segment; reads no candle.
    pub async fn fingerprint(
        &self,
        series: &SeriesId,
        range: TimeRange,
    ) -> Result<Fingerprint, Error> {
        let stored = self.find(series).await?;
        let held = TimeRange {
            start_ms: range.start_ms.max(stored.first_ms),
            end_ms: range.end_ms.min(stored.last_ms.saturating_add(1)),
        };
        let mut hasher = blake3::Hasher::new();
        let settings = format!(
            "{} {:?} {:?} {} {}",
            stored.id, stored.calendar, stored.instrument, held.start_ms, held.end_ms
        );
        hasher.update(settings.as_bytes());
        let mut exact = true;
        if let Backing::Source { source, .. } = &self.inner.backing {
            for segment in Segment::covering(stored.id.timeframe, held) {
                match source.revision(&stored.id, segment).await? {
                    Some(revision) => {
                        hasher.update(&revision.0);
                    }
                    None => exact = false,
                }
            }
        }
        Ok(Fingerprint { digest: Digest(*hasher.finalize().as_bytes()), exact })
    }
}
