//! What the worker, the API and `run` load candles through: one source behind one cache.
//!
//! A load gives one contiguous slice per column, warm-up first, finished candles only. Equal loads
//! share one value; different ranges of one series share segments, and mapped pages across all
//! processes of the host. A timeframe that is not stored is resampled from the largest stored one
//! that divides it, and cached like any other.

mod fetch;
mod funding;
mod listing;
mod loaded;
mod version;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures_util::FutureExt as _;
use model::{Calendar, Candles, SeriesId, TimeRange, resample};
use tokio::time::Instant;

pub use self::loaded::{History, Loaded};
pub use self::version::{Corrections, Fingerprint, SegmentState};

use self::fetch::Feed;
use self::funding::Rates;
use self::listing::Listing;
use self::loaded::Columns;
use crate::cache::Cache;
use crate::error::Cause;
use crate::flight::Flights;
use crate::{CandleSource, Error, SeriesInfo};

/// Tries of a load that meets damaged files in the cache.
const TRIES: u32 = 3;

type LoadKey = (SeriesId, TimeRange, History, Corrections);

/// Candles of one source. Clones share everything.
#[derive(Clone)]
pub struct Market {
    inner: Arc<Inner>,
}

struct Inner {
    backing: Backing,
    flights: Flights<LoadKey, Arc<Loaded>>,
    recent: Mutex<BTreeMap<LoadKey, (Instant, Weak<Loaded>)>>,
    rates: Rates,
}

/// Where a market has its candles from.
enum Backing {
    /// A source, through the cache.
    Source { source: Arc<dyn CandleSource>, cache: Cache, listing: Box<Listing> },
    /// Series that are in memory.
    Whole { listed: Arc<Vec<SeriesInfo>>, candles: BTreeMap<SeriesId, Arc<Candles>> },
}

impl Market {
    /// The candles of `source`, cached in `cache`.
    pub fn new(source: Arc<dyn CandleSource>, cache: Cache) -> Market {
        Market::with(Backing::Source { source, cache, listing: Box::new(Listing::new()) })
    }

    /// A market of one series held in memory, without a cache.
    ///
    /// `candles` keep the rules of a series, as everything that importers read does.
    pub fn from_candles(id: SeriesId, calendar: Calendar, candles: Candles) -> Market {
        Market::from_series([(id, calendar, candles)])
    }

    /// A market of several series, as [`Market::from_candles`] makes one of one; of two with the
    /// same id the later one stands.
    pub fn from_series(series: impl IntoIterator<Item = (SeriesId, Calendar, Candles)>) -> Market {
        let (mut listed, mut all) = (BTreeMap::new(), BTreeMap::new());
        for (id, calendar, candles) in series {
            let times = &candles.open_time_ms;
            let Some((first_ms, last_ms)) = times.first().copied().zip(times.last().copied())
            else {
                continue;
            };
            let count = candles.len() as u64;
            let info =
                SeriesInfo { id: id.clone(), calendar, instrument: None, first_ms, last_ms, count };
            listed.insert(id.clone(), info);
            all.insert(id, Arc::new(candles));
        }
        let listed = Arc::new(listed.into_values().collect());
        Market::with(Backing::Whole { listed, candles: all })
    }

    fn with(backing: Backing) -> Market {
        let inner = Inner {
            backing,
            flights: Flights::new(),
            recent: Mutex::new(BTreeMap::new()),
            rates: Rates::new(),
        };
        Market { inner: Arc::new(inner) }
    }

    /// All series of the source, ascending by id, at most 10 s old.
    ///
    /// Callers at once ask the source once.
    pub async fn series(&self) -> Result<Arc<Vec<SeriesInfo>>, Error> {
        match &self.inner.backing {
            Backing::Source { source, listing, .. } => listing.get(source).await,
            Backing::Whole { listed, .. } => Ok(Arc::clone(listed)),
        }
    }

    /// The stored series that serves `series`: itself, or the one it is resampled from.
    ///
    /// Fails with [`Error::UnknownSeries`], which names what comes nearest. While the source is
    /// away the last listing answers.
    pub async fn find(&self, series: &SeriesId) -> Result<Arc<SeriesInfo>, Error> {
        self.inner.find(series).await
    }

    /// The candles of `series` that open in `range`, and at most `warmup` existing ones before.
    ///
    /// Warm from the cache this costs some file look-ups and a mapping, whatever the range; cold
    /// it is one request per segment. Fails with [`Error::NoCandles`] if none opens in the range;
    /// whether its ends are covered is for the caller to judge ([`Loaded::covered`]).
    pub async fn load(
        &self,
        series: &SeriesId,
        range: TimeRange,
        warmup: u32,
    ) -> Result<Arc<Loaded>, Error> {
        self.load_corrected(series, range, History::Candles(warmup), Corrections::new()).await
    }

    /// The candles of `series` that open in `range`, and the `history` before; as [`Market::load`],
    /// but a cached segment is used only if it was fetched after the last of the `corrections` that
    /// are known of the stored series.
    pub async fn load_corrected(
        &self,
        series: &SeriesId,
        range: TimeRange,
        history: History,
        corrections: Corrections,
    ) -> Result<Arc<Loaded>, Error> {
        let key = (series.clone(), range, history, corrections);
        if let Some(loaded) = self.inner.recent(&key) {
            return Ok(loaded);
        }
        let inner = Arc::clone(&self.inner);
        let load = {
            let key = key.clone();
            async move {
                let started = Instant::now();
                let loaded = Arc::new(inner.load(&key).await?);
                inner.remember(key, started, &loaded);
                Ok(loaded)
            }
        };
        self.inner.flights.run(key, || load.boxed()).await
    }
}

impl Inner {
    /// An equal load that somebody still holds, unless it is older than an open segment may be.
    fn recent(&self, key: &LoadKey) -> Option<Arc<Loaded>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, loaded) = recent.get(key)?;
        let usable = match &self.backing {
            Backing::Source { cache, .. } => at.elapsed() < cache.settings().open_ttl,
            Backing::Whole { .. } => true,
        };
        if usable { loaded.upgrade() } else { None }
    }

    fn remember(&self, key: LoadKey, at: Instant, loaded: &Arc<Loaded>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|_, (_, loaded)| loaded.strong_count() > 0);
        recent.insert(key, (at, Arc::downgrade(loaded)));
    }

    async fn find(&self, series: &SeriesId) -> Result<Arc<SeriesInfo>, Error> {
        match &self.backing {
            Backing::Source { source, listing, .. } => listing.find(series, source).await,
            Backing::Whole { listed, .. } => {
                listing::serving(series, listed).ok_or_else(|| listing::unknown(series, listed))
            }
        }
    }

    async fn load(&self, key: &LoadKey) -> Result<Loaded, Error> {
        let (series, range, history, corrections) = key;
        let nothing = || Error::NoCandles { series: series.clone(), range: *range };
        let stored = self.find(series).await?;
        let columns = match &self.backing {
            Backing::Source { source, cache, .. } => {
                let feed = Feed {
                    corrections: Arc::new(corrections.clone()),
                    source: Arc::clone(source),
                    cache: cache.clone(),
                    stored: Arc::clone(&stored),
                    timeframe: series.timeframe,
                };
                columns(&feed, *range, *history).await?
            }
            Backing::Whole { candles, .. } => candles
                .get(&stored.id)
                .map(|candles| (fold_whole(candles, &stored, series), Vec::new())),
        };
        let (columns, segments) = columns.ok_or_else(nothing)?;
        let loaded = Loaded::new(columns, series.clone(), stored, *range, *history);
        loaded.map(|loaded| loaded.with_segments(segments)).ok_or_else(nothing)
    }
}

/// The whole series in memory, in the asked timeframe.
fn fold_whole(candles: &Arc<Candles>, stored: &SeriesInfo, series: &SeriesId) -> Columns {
    let (from, to) = (stored.id.timeframe, series.timeframe);
    if from == to {
        return Columns::Owned(Arc::clone(candles));
    }
    let folded = resample(candles.as_slice(), from, to, stored.last_ms + from.ms());
    Columns::Owned(Arc::new(folded.candles))
}

/// Columns and the stored segments that they were made of, ascending.
type Read = (Columns, Vec<SegmentState>);

/// Mapped columns that hold `range` and the `history` before it; `None` without any candle.
async fn columns(feed: &Feed, range: TimeRange, history: History) -> Result<Option<Read>, Error> {
    let mut tries = 1;
    loop {
        match mapped(feed, range, history).await {
            Err(Error::Unavailable { cause: Cause::Damaged, .. }) if tries < TRIES => tries += 1,
            result => return result,
        }
    }
}

async fn mapped(feed: &Feed, range: TimeRange, history: History) -> Result<Option<Read>, Error> {
    let extent = feed.extent();
    let (since_ms, warmup) = match history {
        History::Candles(warmup) => {
            // A time span of W candles never holds more than W: what it covers is needed for
            // certain.
            let span_ms = i64::from(warmup).saturating_mul(feed.timeframe.ms());
            (range.start_ms.saturating_sub(span_ms), warmup)
        }
        History::Since(time_ms) => (time_ms.min(range.start_ms), 0),
    };
    let needed = TimeRange {
        start_ms: since_ms.max(extent.start_ms),
        end_ms: range.end_ms.min(extent.end_ms),
    };
    if range.start_ms >= extent.end_ms || needed.start_ms >= needed.end_ms {
        return Ok(None);
    }
    let mut pieces = feed.pieces(needed).await?;
    let mut before: u64 = 0;
    for piece in &pieces {
        let segment = piece.segment.range();
        if segment.end_ms <= range.start_ms {
            before += piece.entry.rows;
        } else if segment.start_ms < range.start_ms && piece.entry.rows > 0 {
            before += feed.map(piece).await?.as_slice().lower_bound(range.start_ms) as u64;
        }
    }
    while before < u64::from(warmup)
        && let Some(first) = pieces.first()
        && first.segment.range().start_ms > extent.start_ms
    {
        let piece = feed.piece(first.segment.previous()).await?;
        before += piece.entry.rows;
        pieces.insert(0, piece);
    }
    let mut segments: Vec<_> = pieces.iter().flat_map(|piece| piece.made_of.clone()).collect();
    segments.sort_unstable();
    segments.dedup();
    Ok(feed.join(&pieces).await?.map(|mapped| (Columns::Mapped(mapped), segments)))
}
