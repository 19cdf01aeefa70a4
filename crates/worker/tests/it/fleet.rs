//! One store, one candle source, and the workers that share them.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use candles::{
    Cache, CacheSettings, CandleSource, Cause, Clock, Error, Market, MemorySource, Probe, Segment,
    SeriesInfo,
};
use model::{Bundle, Calendar, Candles, Digest, JobStatus, Limits, SeriesId, Timeframe};
use serde_json::{Value, json};
use store::sqlite::Sqlite;
use store::{
    BundleRow, CorrectedSegment, JobFilter, JobRow, LeaseTimes, NewBundle, NewJob, Store,
    Submitted, Terms,
};
use testkit::wait;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use worker::Config;

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// 2024-01-01T00:00:00Z.
pub(crate) const START_MS: i64 = 1_704_067_200_000;
const CANDLES: usize = 40_000;

/// Times for tests in which a lost worker is noticed soon.
pub(crate) const QUICK: LeaseTimes = LeaseTimes {
    beat: Duration::from_millis(100),
    lease: Duration::from_millis(1_500),
    grace: Duration::from_millis(400),
};
/// Times in which nothing is beaten, lost or reaped within a test.
pub(crate) const NEVER: LeaseTimes = LeaseTimes {
    beat: Duration::from_mins(10),
    lease: Duration::from_hours(2),
    grace: Duration::from_hours(1),
};

/// Minutes of `b BTC` and `b ETH`, from a source that can be away.
pub(crate) struct Mortal {
    source: MemorySource,
    pub(crate) is_away: AtomicBool,
    /// It cannot tell its revisions, as InfluxDB.
    pub(crate) is_silent: AtomicBool,
    /// It meets a defect of its own.
    pub(crate) panics: AtomicBool,
}

impl Mortal {
    fn check(&self) -> Result<(), Error> {
        assert!(!self.panics.load(Ordering::Relaxed), "the test wants a panic");
        if !self.is_away.load(Ordering::Relaxed) {
            return Ok(());
        }
        let cause = Cause::Malformed { reason: "the test says so" };
        Err(Error::Unavailable { source_id: Arc::from("mortal"), cause })
    }
}

#[async_trait]
impl CandleSource for Mortal {
    fn id(&self) -> &str {
        self.source.id()
    }

    async fn list_series(&self) -> Result<Vec<SeriesInfo>, Error> {
        self.check()?;
        self.source.list_series().await
    }

    async fn load(&self, series: &SeriesId, segment: Segment) -> Result<Candles, Error> {
        self.check()?;
        self.source.load(series, segment).await
    }

    async fn revision(&self, series: &SeriesId, segment: Segment) -> Result<Option<Digest>, Error> {
        self.check()?;
        if self.is_silent.load(Ordering::Relaxed) {
            return Ok(None);
        }
        self.source.revision(series, segment).await
    }

    async fn probe(&self, series: &SeriesId, segment: Segment) -> Result<Option<Probe>, Error> {
        let candles = self.load(series, segment).await?;
        Ok(Some(Probe::of(candles.as_slice())))
    }
}

/// A store and a source, without workers yet.
pub(crate) struct Fleet {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) source: Arc<Mortal>,
    pub(crate) market: Market,
    /// How far the clock of the cache is ahead, in ms.
    ahead_ms: Arc<AtomicI64>,
    folder: tempfile::TempDir,
}

/// A running worker; dropping the handle does not stop it.
pub(crate) struct Running {
    pub(crate) shutdown: CancellationToken,
    task: JoinHandle<Result<(), worker::Error>>,
}

impl Running {
    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }

    /// Waits until it has stopped by itself.
    pub(crate) async fn stopped(self) {
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }

    /// Takes it off the machine at once, as SIGKILL does: nothing is drained or written.
    pub(crate) fn kill(&self) {
        self.task.abort();
    }
}

impl Fleet {
    pub(crate) async fn new() -> Fleet {
        let store = Sqlite::in_memory().await.unwrap();
        store.migrate().await.unwrap();
        let source = MemorySource::new("memory");
        for (seed, ticker) in [(7, "BTC"), (8, "ETH")] {
            source.insert(minutes(ticker), Calendar::EveryDay, None, walk(seed));
        }
        let source = Arc::new(Mortal {
            source,
            is_away: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
            panics: AtomicBool::new(false),
        });
        let folder = tempfile::tempdir().unwrap();
        let ahead_ms = Arc::new(AtomicI64::new(0));
        let market = market(&source, &ahead_ms, folder.path());
        Fleet { store, source, market, ahead_ms, folder }
    }

    /// What the next worker loads by is another process of this host, `by` later: it shares the
    /// cache and nothing else.
    pub(crate) fn in_another_process(&mut self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap();
        self.ahead_ms.fetch_add(by_ms, Ordering::Relaxed);
        self.market = market(&self.source, &self.ahead_ms, self.folder.path());
    }

    /// Starts a worker of two slots.
    pub(crate) fn worker(&self, change: impl FnOnce(&mut Config)) -> Running {
        let mut config = Config::new("test");
        config.slots = NonZeroUsize::new(2).unwrap();
        config.poll = Duration::from_millis(50);
        config.times = QUICK;
        config.drain_timeout = PATIENCE;
        change(&mut config);
        let shutdown = CancellationToken::new();
        let run =
            worker::run(Arc::clone(&self.store), self.market.clone(), config, shutdown.clone());
        Running { shutdown, task: TaskTracker::new().spawn(run) }
    }

    /// Replaces the candles of a ticker at the source, as somebody who writes past us.
    pub(crate) fn overwrite(&self, ticker: &str, seed: u64) {
        self.source.source.insert(minutes(ticker), Calendar::EveryDay, None, walk(seed));
    }

    /// Says that a ticker's candles of January 2024 were written again.
    pub(crate) async fn correct(&self, ticker: &str) {
        let segment = CorrectedSegment {
            series: minutes(ticker).to_string(),
            start: START_MS,
            end: START_MS + 31 * 86_400_000,
        };
        self.store.correct("memory", &[segment]).await.unwrap();
    }

    /// Submits a bundle with one job a value of `fast`.
    pub(crate) async fn submit(&self, fast: &[u32]) -> Uuid {
        self.submit_request(request(fast)).await
    }

    pub(crate) async fn submit_request(&self, request: Value) -> Uuid {
        self.submit_under(request, Terms::default()).await
    }

    pub(crate) async fn submit_under(&self, request: Value, terms: Terms) -> Uuid {
        let bundle = Bundle::parse(&request, &Limits::of_stored()).unwrap();
        let jobs = bundle
            .keys()
            .map(|(seq, spec_key)| NewJob { seq, spec_key, result_key: None })
            .collect();
        let id = Uuid::now_v7();
        let new = NewBundle {
            id,
            owner: "local".to_owned(),
            name: String::new(),
            request,
            tags: std::collections::BTreeMap::new(),
            priority: 0,
            dropped: 0,
            trace: None,
            idempotency: None,
            jobs,
            pins: Vec::new(),
            terms,
        };
        assert_eq!(self.store.submit(new).await.unwrap(), Submitted::Stored { cached: 0 });
        id
    }

    pub(crate) async fn bundle(&self, id: Uuid) -> BundleRow {
        self.store.bundle(None, id).await.unwrap().unwrap()
    }

    pub(crate) async fn jobs(&self, id: Uuid) -> Vec<JobRow> {
        self.store.jobs(id, &JobFilter::default(), 1_000).await.unwrap()
    }

    /// Waits until `look` is true of the bundle.
    pub(crate) async fn until(&self, id: Uuid, what: &str, look: impl Fn(&BundleRow) -> bool) {
        wait::until_async(PATIENCE, what, || async { look(&self.bundle(id).await) }).await;
    }

    /// Waits for the end; every job is then counted exactly once.
    pub(crate) async fn finished(&self, id: Uuid) -> BundleRow {
        self.until(id, "the bundle to end", |bundle| bundle.finished_at.is_some()).await;
        let bundle = self.bundle(id).await;
        assert_eq!(bundle.completed + bundle.failed + bundle.cancelled, bundle.total);
        assert_eq!(bundle.running, 0);
        bundle
    }

    /// Ends, all completed, each with a result that is there.
    pub(crate) async fn completed(&self, id: Uuid) -> Vec<JobRow> {
        let bundle = self.finished(id).await;
        let jobs = self.jobs(id).await;
        assert_eq!(bundle.completed, bundle.total, "{jobs:?}");
        for job in &jobs {
            assert_eq!(job.status, JobStatus::Completed);
            let result = job.result.as_ref().unwrap();
            assert!(self.store.detail(result.key).await.unwrap().is_some());
        }
        jobs
    }
}

/// The source behind the cache in `folder`.
fn market(source: &Arc<Mortal>, ahead_ms: &Arc<AtomicI64>, folder: &Path) -> Market {
    let (clock, ahead_ms) = (Clock::system(), Arc::clone(ahead_ms));
    let clock = Clock::new(move || clock.now_ms() + ahead_ms.load(Ordering::Relaxed));
    let cache = Cache::open(folder, CacheSettings::default(), clock).unwrap();
    Market::new(Arc::<Mortal>::clone(source), cache)
}

/// The series of `ticker`.
pub(crate) fn minutes(ticker: &str) -> SeriesId {
    let timeframe = Timeframe::MINUTE;
    SeriesId { exchange: "b".to_owned(), ticker: ticker.to_owned(), timeframe }
}

/// Their candles, by the number of a random walk: of BTC 7, of ETH 8.
pub(crate) fn walk(seed: u64) -> Candles {
    testkit::candles::random_walk(seed, Timeframe::MINUTE, START_MS, CANDLES)
}

/// A request with one job a value of `fast`.
pub(crate) fn request(fast: &[u32]) -> Value {
    json!({
        "universalConfig": {
            "exchange": "b", "ticker": "BTC", "timeframe": "1m", "balance": 10_000,
            "strategy": {"signals": {
                "long": "crossUp(ema(close, $fast), ema(close, 200))",
                "short": "crossDown(ema(close, $fast), ema(close, 200))"},
                "params": {"fast": {"int": [2, 199, 1]}}}},
        "dateTimeRanges": [{"start": "2024-01-05T00:00:00Z", "end": "2024-01-25T00:00:00Z"}],
        "parameterVariants": {"fast": fast},
    })
}
