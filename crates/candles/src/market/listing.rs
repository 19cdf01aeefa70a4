//! What the source holds, remembered for some seconds, and which series serves a request.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use model::{SeriesId, fault};
use tokio::time::Instant;

use crate::flight::Flights;
use crate::{CandleSource, Error, SeriesInfo};

/// How long a listing is used.
const TTL: Duration = Duration::from_secs(10);
/// A series that is not in a listing of this age is looked for again.
const SURE: Duration = Duration::from_secs(1);
/// Series named in a message.
const NAMED: usize = 5;

/// Series as listed, ascending by id.
pub(super) type Listed = Arc<Vec<SeriesInfo>>;

pub(super) struct Listing {
    flights: Flights<(), Listed>,
    last: Arc<Mutex<Option<(Instant, Listed)>>>,
}

impl Listing {
    pub(super) fn new() -> Listing {
        Listing { flights: Flights::new(), last: Arc::new(Mutex::new(None)) }
    }

    /// The series, at most some seconds old. Callers at once ask the source once.
    pub(super) async fn get(&self, source: &Arc<dyn CandleSource>) -> Result<Listed, Error> {
        self.younger_than(TTL, source).await
    }

    async fn younger_than(
        &self,
        age: Duration,
        source: &Arc<dyn CandleSource>,
    ) -> Result<Listed, Error> {
        if let Some((at, listed)) = self.last()
            && at.elapsed() < age
        {
            return Ok(listed);
        }
        let (source, last) = (Arc::clone(source), Arc::clone(&self.last));
        let list = async move {
            let asked_at = Instant::now();
            let mut series = source.list_series().await?;
            series.sort_by(|left, right| left.id.cmp(&right.id));
            let listed = Arc::new(series);
            *last.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((asked_at, Arc::clone(&listed)));
            Ok(listed)
        };
        self.flights.run((), || list.boxed()).await
    }

    fn last(&self) -> Option<(Instant, Listed)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The stored series that serves `series`: itself, or the largest that it can be made of.
    ///
    /// While the source is away the last listing serves, so that cached candles still load.
    pub(super) async fn find(
        &self,
        series: &SeriesId,
        source: &Arc<dyn CandleSource>,
    ) -> Result<Arc<SeriesInfo>, Error> {
        let listed = match (self.get(source).await, self.last()) {
            (Ok(listed), _) => listed,
            (Err(error), Some((_, listed))) if error.is_transient() => listed,
            (Err(error), _) => return Err(error),
        };
        if let Some(info) = serving(series, &listed) {
            return Ok(info);
        }
        let listed = self.younger_than(SURE, source).await?;
        serving(series, &listed).ok_or_else(|| unknown(series, &listed))
    }
}

/// The stored series that serves `series`, if there is one.
pub(super) fn serving(series: &SeriesId, listed: &[SeriesInfo]) -> Option<Arc<SeriesInfo>> {
    listed
        .iter()
        .filter(|info| info.id.exchange == series.exchange && info.id.ticker == series.ticker)
        .filter(|info| series.timeframe.is_multiple_of(info.id.timeframe))
        .max_by_key(|info| info.id.timeframe)
        .map(|info| Arc::new(info.clone()))
}

/// Says which series exist that may have been meant.
pub(super) fn unknown(series: &SeriesId, listed: &[SeriesInfo]) -> Error {
    let same_ticker = listed.iter().filter(|info| info.id.ticker == series.ticker);
    let here = || listed.iter().filter(|info| info.id.exchange == series.exchange);
    let slip = fault::nearest(&series.ticker, here().map(|info| info.id.ticker.as_str()));
    let slips = here().filter(|info| Some(info.id.ticker.as_str()) == slip);
    let mut nearest: Vec<SeriesId> = Vec::new();
    for info in same_ticker.chain(slips).chain(here()).chain(listed) {
        if nearest.len() < NAMED && !nearest.contains(&info.id) {
            nearest.push(info.id.clone());
        }
    }
    Error::UnknownSeries { series: series.clone(), nearest }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use model::{Candles, Digest};

    use super::*;
    use crate::Segment;
    use crate::error::Cause;

    /// A source that lists one series until it goes away.
    struct Mortal {
        is_away: AtomicBool,
    }

    #[async_trait]
    impl CandleSource for Mortal {
        fn id(&self) -> &'static str {
            "mortal"
        }

        async fn list_series(&self) -> Result<Vec<SeriesInfo>, Error> {
            if self.is_away.load(Ordering::Relaxed) {
                let source_id = Arc::from("mortal");
                return Err(Error::Unavailable { source_id, cause: Cause::CutOff });
            }
            Ok(listed(&["b BTC 1m"]))
        }

        async fn load(&self, _: &SeriesId, _: Segment) -> Result<Candles, Error> {
            Ok(Candles::default())
        }

        async fn revision(&self, _: &SeriesId, _: Segment) -> Result<Option<Digest>, Error> {
            Ok(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_source_is_away_the_last_listing_finds_series_but_is_not_shown() {
        let mortal = Arc::new(Mortal { is_away: AtomicBool::new(false) });
        let source: Arc<dyn CandleSource> = Arc::<Mortal>::clone(&mortal);
        let listing = Listing::new();
        assert_eq!(listing.get(&source).await.unwrap().len(), 1);
        mortal.is_away.store(true, Ordering::Relaxed);
        assert!(listing.get(&source).await.is_ok(), "it is young");
        tokio::time::advance(TTL).await;
        assert!(listing.get(&source).await.unwrap_err().is_transient());
        assert_eq!(listing.find(&id("b BTC 1h"), &source).await.unwrap().id, id("b BTC 1m"));
        assert!(listing.find(&id("b ETH 1h"), &source).await.unwrap_err().is_transient());
    }

    fn id(text: &str) -> SeriesId {
        let mut words = text.split(' ').map(str::to_owned);
        SeriesId {
            exchange: words.next().unwrap(),
            ticker: words.next().unwrap(),
            timeframe: words.next().unwrap().parse().unwrap(),
        }
    }

    fn listed(texts: &[&str]) -> Vec<SeriesInfo> {
        let info = |text: &&str| SeriesInfo {
            id: id(text),
            calendar: model::Calendar::EveryDay,
            instrument: None,
            first_ms: 0,
            last_ms: 0,
            count: 1,
        };
        texts.iter().map(info).collect()
    }

    #[track_caller]
    fn check(wanted: &str, stored: &[&str], expected: Option<&str>) {
        let found = serving(&id(wanted), &listed(stored)).map(|info| info.id.to_string());
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn the_largest_stored_timeframe_that_divides_serves() {
        let stored = ["b BTC 1m", "b BTC 15m", "b BTC 4h", "b ETH 1m", "c BTC 1h"];
        check("b BTC 15m", &stored, Some("b BTC 15m"));
        check("b BTC 1h", &stored, Some("b BTC 15m"));
        check("b BTC 5m", &stored, Some("b BTC 1m"));
        check("b BTC 1w", &stored, Some("b BTC 4h"));
        check("c BTC 1m", &stored, None);
    }

    #[test]
    fn an_unknown_series_names_what_comes_nearest() {
        let stored = listed(&["b AAA 1m", "b ETHUSDT 1m", "c ETHUSD 1m"]);
        let text = unknown(&id("b ETHUSD 1m"), &stored).to_string();
        assert_eq!(text, "no series b ETHUSD 1m; nearest: c ETHUSD 1m, b ETHUSDT 1m, b AAA 1m");
    }
}
