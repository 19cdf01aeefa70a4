//! What the tests share: series, folders, markets.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use candles::{
    Cache, CacheSettings, CandleSource, Clock, Error, Influx, Market, Push, PushReport, Segment,
    SeriesInfo,
};
use model::{Candle, CandleSlice, Candles, MINUTE_MS, SeriesId, TimeRange};

/// 2024-01-01T00:00:00Z.
pub(crate) const START_MS: i64 = 1_704_067_200_000;

pub(crate) fn ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

pub(crate) fn range(start: &str, end: &str) -> TimeRange {
    TimeRange { start_ms: ms(start), end_ms: ms(end) }
}

pub(crate) fn id(text: &str) -> SeriesId {
    let mut words = text.split(' ').map(str::to_owned);
    SeriesId {
        exchange: words.next().unwrap(),
        ticker: words.next().unwrap(),
        timeframe: words.next().unwrap().parse().unwrap(),
    }
}

/// Minute candles from [`START_MS`], `count` of them, without the minutes that `is_gap`.
pub(crate) fn minutes(count: i64, is_gap: impl Fn(i64) -> bool) -> Candles {
    let walk = testkit::candles::random_walk(
        7,
        model::Timeframe::MINUTE,
        START_MS,
        usize::try_from(count).unwrap(),
    );
    let columns = walk.as_slice();
    (0..columns.len())
        .map(|row| columns.candle(row))
        .filter(|candle| !is_gap((candle.open_time_ms - START_MS) / MINUTE_MS))
        .collect()
}

pub(crate) fn rows(candles: CandleSlice<'_>) -> Vec<Candle> {
    (0..candles.len()).map(|row| candles.candle(row)).collect()
}

/// A clock that tests move.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicI64>);

impl Hands {
    pub(crate) fn at(text: &str) -> Hands {
        Hands(Arc::new(AtomicI64::new(ms(text))))
    }

    pub(crate) fn advance(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::Relaxed);
    }

    pub(crate) fn clock(&self) -> Clock {
        let hands = Arc::clone(&self.0);
        Clock::new(move || hands.load(Ordering::Relaxed))
    }
}

/// A market over `source` with a cache in `folder`, long after all candles of these tests.
pub(crate) fn market(source: Arc<dyn CandleSource>, folder: &std::path::Path) -> Market {
    market_at(source, folder, &Hands::at("2026-01-01T00:00:00Z"))
}

pub(crate) fn market_at(
    source: Arc<dyn CandleSource>,
    folder: &std::path::Path,
    hands: &Hands,
) -> Market {
    let cache = Cache::open(folder, CacheSettings::default(), hands.clock()).unwrap();
    Market::new(source, cache)
}

/// Pushes a series, and tells which segments were written and how many candles were heard of.
pub(crate) async fn push(
    from: &dyn CandleSource,
    to: &Influx,
    again: bool,
    series: &SeriesInfo,
) -> (Result<PushReport, Error>, Vec<Segment>, u64) {
    let (mut written, mut done) = (Vec::new(), 0);
    let push = Push { from, to, again };
    let note = |segment| {
        written.push(segment);
        std::future::ready(())
    };
    let report = push.run(series, |progress| done = progress.done, note).await;
    (report, written, done)
}

/// The sample candles of the repository.
pub(crate) fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/candles")
}
