//! Corrections by others are noticed; pushes go on where they were and prove what arrived.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use candles::{
    CandleSource, Cause, Error, Influx, InfluxSettings, MemorySource, ParquetStore, Probe, Segment,
    SeriesInfo,
};
use model::{Calendar, Candles, Digest, SeriesId};

use crate::support::{Hands, START_MS, id, market_at, minutes, push, range};

const SERIES: &str = "b BTC 1m";
const MINUTE_MS: i64 = 60_000;

/// A source without revisions that can be probed, and may be away.
struct Probed {
    memory: MemorySource,
    probes: AtomicU32,
    away: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl CandleSource for Probed {
    fn id(&self) -> &str {
        self.memory.id()
    }

    async fn list_series(&self) -> Result<Vec<SeriesInfo>, Error> {
        self.memory.list_series().await
    }

    async fn load(&self, series: &SeriesId, segment: Segment) -> Result<Candles, Error> {
        self.memory.load(series, segment).await
    }

    async fn revision(&self, _: &SeriesId, _: Segment) -> Result<Option<Digest>, Error> {
        Ok(None)
    }

    async fn probe(&self, series: &SeriesId, segment: Segment) -> Result<Option<Probe>, Error> {
        self.probes.fetch_add(1, Ordering::Relaxed);
        if self.away.load(Ordering::Relaxed) {
            return Err(Error::Unavailable { source_id: "memory".into(), cause: Cause::CutOff });
        }
        let candles = self.memory.load(series, segment).await?;
        Ok(Some(Probe::of(candles.as_slice())))
    }
}

fn insert(memory: &MemorySource, candles: &Candles) {
    memory.insert(id(SERIES), Calendar::EveryDay, None, candles.clone());
}

#[tokio::test]
async fn a_closed_segment_that_others_corrected_is_fetched_again_after_a_while() {
    let original = minutes(2_000, |_| false);
    let memory = MemorySource::new("memory");
    insert(&memory, &original);
    let away = std::sync::atomic::AtomicBool::new(false);
    let source = Arc::new(Probed { memory, probes: AtomicU32::new(0), away });
    let dir = tempfile::tempdir().unwrap();
    let hands = Hands::at("2026-01-01T00:00:00Z");
    let all = range("2024-01-01T00:00:00Z", "2024-01-03T00:00:00Z");
    let hash = async || {
        let market = market_at(Arc::<Probed>::clone(&source), dir.path(), &hands);
        market.load(&id(SERIES), all, 0).await.unwrap().series_hash()
    };
    let probes = || source.probes.load(Ordering::Relaxed);
    let first = hash().await;
    let mut corrected = original.clone();
    corrected.high[700] += 1.0;
    insert(&source.memory, &corrected);
    hands.advance(9 * MINUTE_MS);
    assert_eq!((hash().await, probes()), (first, 0), "not compared yet");
    hands.advance(2 * MINUTE_MS);
    let second = hash().await;
    assert_eq!(second, corrected.as_slice().hash(&id(SERIES)));
    assert_ne!(second, first);
    assert_eq!(probes(), 1);
    hands.advance(11 * MINUTE_MS);
    assert_eq!((hash().await, probes()), (second, 2), "compared, and the same");
    hands.advance(MINUTE_MS);
    assert_eq!((hash().await, probes()), (second, 2), "remembered");
    assert_eq!(source.memory.loads(), 2 + u64::from(probes()), "a probe of memory loads it too");

    source.away.store(true, Ordering::Relaxed);
    hands.advance(11 * MINUTE_MS);
    assert_eq!((hash().await, probes()), (second, 3), "a source that is away keeps no load out");
}

fn influx() -> Influx {
    let database = testkit::influx::database();
    let settings =
        InfluxSettings { url: database.url, database: database.name, ..InfluxSettings::default() };
    Influx::new(settings).unwrap()
}

#[tokio::test]
async fn influx_tells_the_probe_of_the_candles_it_holds() {
    let influx = influx();
    let series = id(SERIES);
    let segment = Segment::containing(model::Timeframe::MINUTE, START_MS);
    assert_eq!(influx.probe(&series, segment).await.unwrap(), Some(Probe::default()));
    let mut candles = minutes(20_000, |minute| minute % 7 == 0);
    influx.write(&series, candles.as_slice(), |_| ()).await.unwrap();
    let told = influx.probe(&series, segment).await.unwrap().unwrap();
    assert!(told.agrees(&Probe::of(candles.as_slice())), "{told:?}");
    candles.volume[11] += 1e-3;
    assert!(!told.agrees(&Probe::of(candles.as_slice())));
}

#[tokio::test]
async fn a_push_goes_on_where_it_was_and_mends_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    let store = ParquetStore::open(dir.path()).unwrap();
    let series = id(SERIES);
    let candles = minutes(70 * 1_440, |_| false);
    store.merge(&series, candles.as_slice()).unwrap();
    let info = store.list_series().await.unwrap().remove(0);
    let influx = influx();
    let january = 31 * 1_440;
    let columns = candles.as_slice();
    influx.write(&series, columns.rows(0..january), |_| ()).await.unwrap();
    // Of February only a part, as a push leaves it that is killed.
    influx.write(&series, columns.rows(january..january + 10_000), |_| ()).await.unwrap();
    let months: Vec<Segment> = Segment::covering(
        series.timeframe,
        model::TimeRange { start_ms: info.first_ms, end_ms: info.last_ms + 1 },
    );
    let (report, written, last) = push(&store, &influx, false, &info).await;
    let report = report.unwrap();
    assert_eq!(written, months[1..], "January was there already");
    assert_eq!((report.kept, report.rows), (january as u64, (candles.len() - january) as u64));
    assert_eq!((report.counted, last), (info.count, info.count));
    let report = push(&store, &influx, false, &info).await.0.unwrap();
    assert_eq!((report.kept, report.rows, report.batches), (info.count, 0, 0));
    // Somebody overwrites one value.
    let mut wrong = columns.rows(50..51).to_candles();
    wrong.high[0] *= 2.0;
    influx.write(&series, wrong.as_slice(), |_| ()).await.unwrap();
    let report = push(&store, &influx, false, &info).await.0.unwrap();
    assert_eq!(report.rows, january as u64);
    let report = push(&store, &influx, true, &info).await.0.unwrap();
    assert_eq!((report.kept, report.rows), (0, info.count));
}

#[tokio::test]
async fn rows_that_the_server_refuses_are_named_one_by_one() {
    let database = testkit::influx::database();
    let settings = InfluxSettings {
        url: database.url.clone(),
        database: database.name.clone(),
        ..InfluxSettings::default()
    };
    let influx = Influx::new(settings).unwrap();
    // A policy that keeps one hour refuses what is older, and the rest of the batch is stored.
    let statement = "ALTER RETENTION POLICY autogen ON";
    let query = format!(
        "{}/query?q={}%20%22{}%22%20DURATION%201h%20SHARD%20DURATION%201h",
        database.url,
        statement.replace(' ', "%20"),
        database.name
    );
    assert_eq!(testkit::http::send("POST", &query, &[], b"").unwrap().status, 200);
    let policy = influx.policy().await.unwrap().unwrap();
    assert_eq!((policy.name.as_str(), policy.duration_ms), ("autogen", Some(3_600_000)));
    let dir = tempfile::tempdir().unwrap();
    let store = ParquetStore::open(dir.path()).unwrap();
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let open = now_ms - now_ms.rem_euclid(MINUTE_MS);
    let mut candles = minutes(5, |_| false);
    let minutes_ago = [500, 400, 300, 20, 10];
    for (time, ago) in candles.open_time_ms.iter_mut().zip(minutes_ago) {
        *time = open - ago * MINUTE_MS;
    }
    store.merge(&id(SERIES), candles.as_slice()).unwrap();
    let info = store.list_series().await.unwrap().remove(0);
    let (failed, written, _) = push(&store, &influx, false, &info).await;
    let error = failed.unwrap_err();
    assert_eq!(written.len(), 1, "some of its rows were stored");
    let text = error.chain();
    assert!(text.contains("were not all stored; missing: row "), "{text}");
    assert!(text.contains("points beyond retention policy"), "{text}");
    let warnings = policy.warnings(info.first_ms, info.last_ms, now_ms);
    assert!(warnings[0].contains("drops the older candles silently"), "{warnings:?}");
}
