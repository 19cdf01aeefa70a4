//! Segments in the cache: fetched from the source, or resampled from finer ones.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use model::{Candles, Digest, RESAMPLER_VERSION, SeriesId, TimeRange, Timeframe, resample};

use super::{Corrections, SegmentState};
use crate::cache::{Cache, Content, Entry, Made, Mapped, folder};
use crate::error::Cause;
use crate::{CandleSource, Error, Probe, Segment, SeriesInfo, validate};

/// Segments fetched at a time for one load.
const IN_FLIGHT: usize = 4;

/// Candles of one timeframe as the cache holds them, whether stored or resampled.
#[derive(Clone)]
pub(super) struct Feed {
    pub(super) source: Arc<dyn CandleSource>,
    pub(super) cache: Cache,
    /// The series as the source has it.
    pub(super) stored: Arc<SeriesInfo>,
    /// What is asked for: the stored timeframe or a multiple of it.
    pub(super) timeframe: Timeframe,
    /// What is known of corrections of the stored series.
    pub(super) corrections: Arc<Corrections>,
}

/// One segment of a feed in the cache.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) segment: Segment,
    pub(super) entry: Entry,
    /// The stored segments in it: itself, or those it was resampled from.
    pub(super) made_of: Vec<SegmentState>,
}

impl Feed {
    /// Open times from the first candle to the last, of the asked timeframe, half-open.
    pub(super) fn extent(&self) -> TimeRange {
        TimeRange {
            start_ms: self.timeframe.floor(self.stored.first_ms),
            end_ms: self.timeframe.floor(self.stored.last_ms) + 1,
        }
    }

    /// Folder of the feed in the cache.
    fn folder(&self) -> String {
        let SeriesId { exchange, ticker, timeframe: from } = &self.stored.id;
        let series = SeriesId {
            exchange: exchange.clone(),
            ticker: ticker.clone(),
            timeframe: self.timeframe,
        };
        if *from == self.timeframe {
            folder(self.source.id(), &series)
        } else {
            let id = format!("{}#resampled.{RESAMPLER_VERSION}.{from}", self.source.id());
            folder(&id, &series)
        }
    }

    /// All segments that hold open times of `range`, in order, fetching what is not cached.
    pub(super) async fn pieces(&self, range: TimeRange) -> Result<Vec<Piece>, Error> {
        futures_util::stream::iter(Segment::covering(self.timeframe, range))
            .map(|segment| self.piece(segment))
            .buffered(IN_FLIGHT)
            .try_collect()
            .await
    }

    /// One segment. Boxed, because a resampled one needs stored ones.
    pub(super) fn piece(&self, segment: Segment) -> BoxFuture<'_, Result<Piece, Error>> {
        let piece = async move {
            if self.timeframe != self.stored.id.timeframe {
                return self.resampled(segment).await;
            }
            let entry = self.fetched(segment).await?;
            let made_of = vec![self.state(segment, &entry)];
            Ok(Piece { segment, entry, made_of })
        };
        piece.boxed()
    }

    fn state(&self, segment: Segment, entry: &Entry) -> SegmentState {
        let TimeRange { start_ms, end_ms } = segment.range();
        SegmentState { start_ms, end_ms, hash: entry.hash, closed: self.cache.is_closed(end_ms) }
    }

    /// Corrections that are known of a stored segment.
    fn corrected(&self, segment: Segment) -> u64 {
        self.corrections.get(&segment.range().start_ms).copied().unwrap_or(0)
    }

    async fn fetched(&self, segment: Segment) -> Result<Entry, Error> {
        let revision = self.source.revision(&self.stored.id, segment).await?;
        let is_valid = {
            let feed = self.clone();
            move |entry: &Entry| feed.is_valid(entry, segment, revision)
        };
        let feed = self.clone();
        let make = move || feed.fetch(segment, revision).boxed();
        let entry = self.cache.fill(&self.folder(), &segment.to_string(), is_valid, make).await?;
        if revision.is_none() && entry.complete && self.cache.probe_is_due(&entry) {
            return self.probed(segment, entry).await;
        }
        Ok(entry)
    }

    /// The entry if the source still agrees with it, else one that is fetched anew.
    ///
    /// A source that does not answer leaves the entry as it is: closed candles seldom change.
    async fn probed(&self, segment: Segment, entry: Entry) -> Result<Entry, Error> {
        let (folder, name) = (self.folder(), segment.to_string());
        let series = &self.stored.id;
        let told = match self.source.probe(series, segment).await {
            Ok(Some(told)) => told,
            Ok(None) => return Ok(entry),
            Err(error) => {
                tracing::warn!(%series, %segment, %error, "cannot compare cached candles");
                self.cache.be_quiet();
                return Ok(entry);
            }
        };
        let Some(mapped) = self.cache.map(&folder, &name, entry.hash).await? else {
            return Err(self.damaged());
        };
        let kept = Probe::of(mapped.as_slice());
        if kept.agrees(&told) {
            self.cache.agreed(&folder, &name, &entry).await?;
            return Ok(entry);
        }
        tracing::warn!(%series, %segment, cached = %kept, stored = %told, "candles were corrected");
        let old = entry;
        // Another process may have fetched it anew by now.
        let is_valid = move |entry: &Entry| entry.fetched_at_ms > old.fetched_at_ms;
        let feed = self.clone();
        let make = move || feed.fetch(segment, None).boxed();
        self.cache.fill(&folder, &name, is_valid, make).await
    }

    /// Whether a cached segment may be used without asking the source.
    ///
    /// A source that knows its revisions is believed. Else a closed segment is used if it is not
    /// empty and the series neither begins nor ends elsewhere in it than it did then; any other is
    /// used while it is young.
    fn is_valid(&self, entry: &Entry, segment: Segment, revision: Option<Digest>) -> bool {
        if entry.corrected < self.corrected(segment) {
            return false;
        }
        let age_ms = self.cache.clock().now_ms() - entry.fetched_at_ms;
        let young = i128::from(age_ms) <= self.cache.settings().open_ttl.as_millis().cast_signed();
        if revision.is_some() {
            return entry.revision == revision && (entry.complete || young);
        }
        young || (entry.complete && entry.rows > 0 && entry.reach == self.reach(segment))
    }

    /// The part of `segment` that the series spans.
    fn reach(&self, segment: Segment) -> (i64, i64) {
        let range = segment.range();
        (self.stored.first_ms.max(range.start_ms), self.stored.last_ms.min(range.end_ms))
    }

    async fn fetch(self, segment: Segment, revision: Option<Digest>) -> Result<Made, Error> {
        let now_ms = self.cache.clock().now_ms();
        let series = &self.stored.id;
        let mut candles = self.source.load(series, segment).await?;
        if let Some(fault) = validate::first_fault(candles.as_slice(), series.timeframe) {
            let source_id = Arc::from(self.source.id());
            return Err(Error::BadCandles { source_id, series: series.clone(), fault });
        }
        let finished = candles.as_slice().lower_bound(now_ms - series.timeframe.ms() + 1);
        let complete = if revision.is_some() {
            finished == candles.len()
        } else {
            self.cache.is_closed(segment.range().end_ms)
        };
        if finished < candles.len() {
            candles = candles.as_slice().rows(0..finished).to_candles();
        }
        Ok(Made {
            content: Content::Candles(candles),
            timeframe: series.timeframe,
            fetched_at_ms: now_ms,
            revision,
            reach: self.reach(segment),
            complete,
            parts: Vec::new(),
            corrected: self.corrected(segment),
        })
    }

    async fn resampled(&self, segment: Segment) -> Result<Piece, Error> {
        let range = segment.range();
        // Weeks do not end with a year: a bucket belongs to the segment in which it opens.
        let rows = TimeRange {
            start_ms: align_up(self.timeframe, range.start_ms),
            end_ms: align_up(self.timeframe, range.end_ms),
        };
        let base = Feed { timeframe: self.stored.id.timeframe, ..self.clone() };
        let extent = base.extent();
        let needed = TimeRange {
            start_ms: rows.start_ms.max(extent.start_ms),
            end_ms: rows.end_ms.min(extent.end_ms),
        };
        let pieces = base.pieces(needed).await?;
        let goes_on = self.stored.last_ms >= rows.end_ms;
        let made_of = pieces.iter().flat_map(|piece| piece.made_of.clone()).collect();
        let revision = Some(self.resampled_revision(&pieces, goes_on));
        let is_valid = move |entry: &Entry| entry.revision == revision;
        let feed = self.clone();
        let make = move || feed.fold(base, pieces, rows, goes_on, revision).boxed();
        let entry = self.cache.fill(&self.folder(), &segment.to_string(), is_valid, make).await?;
        Ok(Piece { segment, entry, made_of })
    }

    /// Names what a resampled segment is made of.
    fn resampled_revision(&self, pieces: &[Piece], goes_on: bool) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&RESAMPLER_VERSION.to_le_bytes());
        hasher.update(&self.stored.id.timeframe.minutes().to_le_bytes());
        hasher.update(&self.timeframe.minutes().to_le_bytes());
        hasher.update(&[u8::from(goes_on)]);
        for piece in pieces {
            hasher.update(&piece.entry.hash.0);
        }
        Digest(*hasher.finalize().as_bytes())
    }

    async fn fold(
        self,
        base: Feed,
        pieces: Vec<Piece>,
        rows: TimeRange,
        goes_on: bool,
        revision: Option<Digest>,
    ) -> Result<Made, Error> {
        let mut source = Candles::default();
        for piece in pieces.iter().filter(|piece| piece.entry.rows > 0) {
            let mapped = base.map(piece).await?;
            let columns = mapped.as_slice();
            let from = columns.lower_bound(rows.start_ms);
            let to = columns.lower_bound(rows.end_ms);
            source.extend_from(columns.rows(from..to));
        }
        let from = self.stored.id.timeframe;
        let source_end_ms = match source.open_time_ms.last() {
            Some(last_ms) if !goes_on => last_ms + from.ms(),
            Some(_) | None => i64::MAX,
        };
        let folded = resample(source.as_slice(), from, self.timeframe, source_end_ms);
        Ok(Made {
            content: Content::Candles(folded.candles),
            timeframe: self.timeframe,
            fetched_at_ms: self.cache.clock().now_ms(),
            revision,
            reach: (rows.start_ms, rows.end_ms),
            complete: goes_on,
            parts: Vec::new(),
            corrected: 0,
        })
    }

    /// Maps one segment. A damaged one is forgotten, and the load has to start again.
    pub(super) async fn map(&self, piece: &Piece) -> Result<Arc<Mapped>, Error> {
        let name = piece.segment.to_string();
        let mapped = self.cache.map(&self.folder(), &name, piece.entry.hash).await?;
        mapped.ok_or_else(|| self.damaged())
    }

    /// All of `pieces` as one mapping: columns of one contiguous run of candles.
    ///
    /// Several segments are joined once per host; a wider join that holds them is used as it is.
    pub(super) async fn join(&self, pieces: &[Piece]) -> Result<Option<Arc<Mapped>>, Error> {
        let full: Vec<Piece> = pieces.iter().filter(|p| p.entry.rows > 0).cloned().collect();
        let (first, last) = match full.as_slice() {
            [] => return Ok(None),
            [only] => return self.map(only).await.map(Some),
            [first, .., last] => (first.segment.to_string(), last.segment.to_string()),
        };
        let parts: Vec<Digest> = full.iter().map(|piece| piece.entry.hash).collect();
        let folder = self.folder();
        if let Some(mapped) = self.cache.find_joined(&folder, &parts).await? {
            return Ok(Some(mapped));
        }
        let name = Cache::joined_name(&first, &last);
        let wanted = parts.clone();
        let is_valid = move |entry: &Entry| entry.parts == wanted;
        let feed = self.clone();
        let make = move || feed.concatenate(full, parts).boxed();
        let entry = self.cache.fill(&folder, &name, is_valid, make).await?;
        let mapped = self.cache.map(&folder, &name, entry.hash).await?;
        mapped.map(Some).ok_or_else(|| self.damaged())
    }

    async fn concatenate(self, pieces: Vec<Piece>, parts: Vec<Digest>) -> Result<Made, Error> {
        let mut objects = Vec::with_capacity(pieces.len());
        for piece in &pieces {
            objects.push(self.map(piece).await?);
        }
        Ok(Made {
            content: Content::Joined(objects),
            timeframe: self.timeframe,
            fetched_at_ms: self.cache.clock().now_ms(),
            revision: None,
            reach: (0, 0),
            complete: true,
            parts,
            corrected: 0,
        })
    }

    fn damaged(&self) -> Error {
        Error::Unavailable { source_id: Arc::from(self.source.id()), cause: Cause::Damaged }
    }
}

/// The first open time of `timeframe` at or after `time_ms`.
fn align_up(timeframe: Timeframe, time_ms: i64) -> i64 {
    let floor = timeframe.floor(time_ms);
    if floor == time_ms { floor } else { floor + timeframe.ms() }
}
