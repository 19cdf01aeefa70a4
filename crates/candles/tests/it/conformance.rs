//! One suite for every source: equal candles give equal answers.

use std::sync::Arc;

use candles::{CandleSource, Influx, InfluxSettings, MemorySource, ParquetStore, Segment};
use model::settings::Instrument;
use model::{Calendar, Candles, DAY_MS};

use crate::support::{START_MS, id, market, minutes, push, range};

/// A series as the suite wants it stored.
struct Stored {
    series: &'static str,
    calendar: &'static str,
    instrument: Option<Instrument>,
    candles: Candles,
}

fn stored() -> Vec<Stored> {
    let tick = Instrument { tick_size: 0.5, min_notional: 10.0, ..Instrument::default() };
    let plain = minutes(75 * 1_440, |minute| minute % 1_000 < 3);
    let hours = model::resample(
        plain.as_slice(),
        model::Timeframe::MINUTE,
        "4h".parse().unwrap(),
        i64::MAX,
    );
    vec![
        Stored { series: "b A/B:C,=\"'\\x 1m", calendar: "24x7", instrument: None, candles: plain },
        Stored {
            series: "b ETH 4h",
            calendar: "session:America/New_York",
            instrument: Some(tick),
            candles: hours.candles,
        },
        Stored {
            series: "a EURÜSD 1m",
            calendar: "24x5",
            instrument: None,
            candles: minutes(10, |_| false),
        },
    ]
}

/// The suite. `source` holds [`stored`].
async fn check(source: Arc<dyn CandleSource>) {
    let mut wanted = stored();
    wanted.sort_by_key(|stored| id(stored.series));
    let listed = source.list_series().await.unwrap();
    let mut expected_order: Vec<_> = listed.iter().map(|info| info.id.clone()).collect();
    expected_order.sort();
    assert_eq!(listed.iter().map(|info| info.id.clone()).collect::<Vec<_>>(), expected_order);
    assert_eq!(listed.len(), wanted.len());
    for (info, stored) in listed.iter().zip(&wanted) {
        let times = &stored.candles.open_time_ms;
        assert_eq!(info.id, id(stored.series));
        assert_eq!(info.calendar, stored.calendar.parse().unwrap());
        assert_eq!(info.instrument, stored.instrument);
        assert_eq!((info.first_ms, info.last_ms), (times[0], *times.last().unwrap()));
        assert_eq!(info.count, times.len() as u64);
        segments_give_the_candles_bit_for_bit(&*source, stored).await;
    }
    what_is_not_there_is_empty(&*source).await;
    a_market_loads_the_same_hash(source).await;
}

async fn segments_give_the_candles_bit_for_bit(source: &dyn CandleSource, stored: &Stored) {
    let series = id(stored.series);
    let times = &stored.candles.open_time_ms;
    let all = model::TimeRange { start_ms: times[0], end_ms: times.last().unwrap() + 1 };
    let mut candles = Candles::default();
    for segment in Segment::covering(series.timeframe, all) {
        let part = source.load(&series, segment).await.unwrap();
        let range = segment.range();
        assert!(part.open_time_ms.iter().all(|t| range.start_ms <= *t && *t < range.end_ms));
        candles.extend_from(part.as_slice());
        let revision = source.revision(&series, segment).await.unwrap();
        assert_eq!(source.revision(&series, segment).await.unwrap(), revision);
    }
    let expected = stored.candles.as_slice();
    assert_eq!(candles.as_slice().hash(&series), expected.hash(&series));
}

async fn what_is_not_there_is_empty(source: &dyn CandleSource) {
    let before = Segment::containing(model::Timeframe::MINUTE, START_MS - DAY_MS);
    assert!(source.load(&id(stored()[0].series), before).await.unwrap().is_empty());
    let here = Segment::containing(model::Timeframe::MINUTE, START_MS);
    for series in ["b NONE 1m", "none ETH 1m", "b ETH 1m", "b ETH' 1m"] {
        assert!(source.load(&id(series), here).await.unwrap().is_empty(), "{series}");
    }
}

async fn a_market_loads_the_same_hash(source: Arc<dyn CandleSource>) {
    let dir = tempfile::tempdir().unwrap();
    let market = market(source, dir.path());
    let stored = &stored()[0];
    let range = range("2024-01-20T12:00:00Z", "2024-02-20T12:00:00Z");
    let loaded = market.load(&id(stored.series), range, 1_024).await.unwrap();
    let all = stored.candles.as_slice();
    let start = all.lower_bound(range.start_ms);
    let expected = all.rows(start - 1_024..all.lower_bound(range.end_ms));
    assert_eq!(loaded.start_row(), 1_024);
    assert_eq!(loaded.as_slice(), expected);
    assert_eq!(loaded.series_hash(), expected.hash(&id(stored.series)));
    assert!(loaded.covered());
    let from = model::TimeRange { start_ms: range.start_ms, end_ms: range.end_ms };
    let times = expected.open_time_ms;
    let missing =
        model::missing_candles(times, model::Timeframe::MINUTE, &Calendar::EveryDay, from);
    assert_eq!(loaded.missing(), missing);
    assert!(missing > 0);
}

#[tokio::test]
async fn memory_conforms() {
    let source = MemorySource::new("memory");
    for stored in stored() {
        let calendar = stored.calendar.parse().unwrap();
        source.insert(id(stored.series), calendar, stored.instrument, stored.candles);
    }
    check(Arc::new(source)).await;
}

fn parquet(folder: &std::path::Path) -> ParquetStore {
    let store = ParquetStore::open(folder).unwrap();
    for stored in stored() {
        let series = id(stored.series);
        store.merge(&series, stored.candles.as_slice()).unwrap();
        let calendar = stored.calendar.parse().unwrap();
        store.set_settings(&series, calendar, stored.instrument).unwrap();
    }
    store
}

#[tokio::test]
async fn parquet_conforms() {
    let dir = tempfile::tempdir().unwrap();
    check(Arc::new(parquet(dir.path()))).await;
}

async fn pushed(settings: InfluxSettings) -> Influx {
    let dir = tempfile::tempdir().unwrap();
    let store = parquet(dir.path());
    let influx = Influx::new(settings).unwrap();
    influx.ensure_database().await.unwrap();
    influx.ensure_database().await.unwrap();
    assert_eq!(influx.list_series().await.unwrap(), []);
    for info in store.list_series().await.unwrap() {
        let (report, _, done) = push(&store, &influx, false, &info).await;
        let report = report.unwrap();
        assert_eq!((report.rows, report.counted, done), (info.count, info.count, info.count));
    }
    influx
}

fn settings() -> InfluxSettings {
    let database = testkit::influx::database();
    InfluxSettings { url: database.url, database: database.name, ..InfluxSettings::default() }
}

#[tokio::test]
async fn influx_conforms() {
    check(Arc::new(pushed(settings()).await)).await;
}

#[tokio::test]
async fn influx_with_another_schema_packed_writes_and_small_chunks_conforms() {
    let mut settings = InfluxSettings { gzip: true, chunk_size: 777, retries: 0, ..settings() };
    // A database that does not exist yet.
    settings.database.push_str(" \"new\"");
    "ohlc {timeframe}, \"x\"".clone_into(&mut settings.mapping.measurement);
    "venue name".clone_into(&mut settings.mapping.exchange_tag);
    "vt=symbol".clone_into(&mut settings.mapping.symbol_tag);
    "open price".clone_into(&mut settings.mapping.open_field);
    "c\"lose".clone_into(&mut settings.mapping.close_field);
    check(Arc::new(pushed(settings).await)).await;
}

/// Only compiled: what workers and handlers spawn has to be `Send`.
#[test]
fn futures_can_be_spawned() {
    fn check<T: Send>(_: &T) {}
    let dir = tempfile::tempdir().unwrap();
    let store = ParquetStore::open(dir.path()).unwrap();
    let influx = Influx::new(InfluxSettings::default()).unwrap();
    let market = market(Arc::new(store.clone()), &dir.path().join("cache"));
    let series = id("b BTC 1m");
    let all = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let candles = Candles::default();
    let info = candles::SeriesInfo {
        id: series.clone(),
        calendar: Calendar::EveryDay,
        instrument: None,
        first_ms: 0,
        last_ms: 0,
        count: 0,
    };
    check(&market.load(&series, all, 256));
    check(&market.series());
    check(&influx.ensure_database());
    check(&influx.write(&series, candles.as_slice(), |_| ()));
    let push = candles::Push { from: &store, to: &influx, again: false };
    check(&push.run(&info, |_| (), |_| std::future::ready(())));
    check(&candles::export(&store, &info, all, dir.path(), candles::Format::Csv, |_| ()));
}

#[tokio::test]
async fn a_configured_calendar_goes_before_the_pushed_one() {
    let mut settings = settings();
    settings.mapping.calendars.insert("a".to_owned(), "session".parse().unwrap());
    let influx = pushed(settings).await;
    let calendars: Vec<String> = influx
        .list_series()
        .await
        .unwrap()
        .into_iter()
        .map(|info| format!("{} {}", info.id.exchange, info.calendar))
        .collect();
    assert_eq!(calendars, ["a session", "b 24x7", "b session:America/New_York"]);
}
