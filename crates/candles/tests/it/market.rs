//! Loads: warm-up, coverage, resampling, sharing.

use std::sync::Arc;

use candles::import::{ImportOptions, import, read_file};
use candles::{Corrections, Error, History, Loaded, Market, MemorySource, ParquetStore};
use model::{Calendar, Candles, DAY_MS, MINUTE_MS, SeriesId, TimeRange, Timeframe, resample};

use crate::support::{Hands, START_MS, examples, id, market, market_at, minutes, ms, range, rows};

fn memory(series: &str, calendar: &str, candles: Candles) -> Arc<MemorySource> {
    let source = MemorySource::new("memory");
    source.insert(id(series), calendar.parse().unwrap(), None, candles);
    Arc::new(source)
}

#[tokio::test]
async fn warm_up_counts_existing_candles_back_over_empty_segments() {
    // January, then nothing until 10 March.
    let gap = |minute| (31 * 1_440..69 * 1_440).contains(&minute);
    let candles = minutes(80 * 1_440, gap);
    let source = memory("b BTC 1m", "24x7", candles.clone());
    let dir = tempfile::tempdir().unwrap();
    let market = market(source, dir.path());
    let range = range("2024-03-10T01:00:00Z", "2024-03-12T00:00:00Z");
    let loaded = market.load(&id("b BTC 1m"), range, 128).await.unwrap();
    assert_eq!(loaded.start_row(), 128);
    let start = candles.as_slice().lower_bound(range.start_ms);
    let expected = candles.as_slice().rows(start - 128..start + 47 * 60);
    assert_eq!(loaded.as_slice(), expected);
    assert_eq!(loaded.as_slice().open_time_ms[67], ms("2024-01-31T23:59:00Z"));
    assert_eq!(loaded.missing(), 0, "the hole is in the warm-up, not in the range");
}

#[tokio::test]
async fn warm_up_ends_at_the_first_candle() {
    let source = memory("b BTC 1m", "24x7", minutes(1_000, |_| false));
    let dir = tempfile::tempdir().unwrap();
    let market = market(source, dir.path());
    let from = |minute: i64| TimeRange {
        start_ms: START_MS + minute * MINUTE_MS,
        end_ms: START_MS + 1_000 * MINUTE_MS,
    };
    let series = id("b BTC 1m");
    assert_eq!(market.load(&series, from(100), 256).await.unwrap().start_row(), 100);
    assert_eq!(market.load(&series, from(100), 0).await.unwrap().start_row(), 0);
    let early = market.load(&series, from(-100), 256).await.unwrap();
    assert_eq!((early.start_row(), early.covered()), (0, false));
}

#[tokio::test]
async fn a_range_without_candles_and_an_unknown_series_are_told_apart() {
    let source = memory("b BTCUSDT 1m", "24x7", minutes(10, |_| false));
    let dir = tempfile::tempdir().unwrap();
    let market = market(source, dir.path());
    let series = id("b BTCUSDT 1m");
    for empty in [
        range("2023-01-01T00:00:00Z", "2023-02-01T00:00:00Z"),
        range("2024-01-01T00:10:00Z", "2024-02-01T00:00:00Z"),
        range("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z"),
    ] {
        let error = market.load(&series, empty, 256).await.unwrap_err();
        assert!(matches!(error, Error::NoCandles { .. }), "{error}");
        assert!(!error.is_transient());
    }
    let text = market.load(&series, range("2023-01-01T00:00:00Z", "2023-02-01T00:00:00Z"), 1);
    assert_eq!(
        text.await.unwrap_err().to_string(),
        "no candles of b BTCUSDT 1m in 2023-01-01T00:00:00Z..2023-02-01T00:00:00Z"
    );
    let any = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let error = market.load(&id("b BTCUSD 1m"), any, 1).await.unwrap_err();
    assert_eq!(error.to_string(), "no series b BTCUSD 1m; nearest: b BTCUSDT 1m");
    assert_eq!(error.code(), "unknown_series");
}

#[tokio::test]
async fn coverage_allows_one_candle_of_slack_and_weekends_where_the_calendar_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let candles = minutes(1_440, |_| false);
    let check = async |calendar: &str, start: i64, end: i64, expected: bool| {
        let cache = dir.path().join(calendar);
        let market = market(memory("b X 1m", calendar, candles.clone()), &cache);
        let range = TimeRange {
            start_ms: START_MS + start * MINUTE_MS,
            end_ms: START_MS + end * MINUTE_MS,
        };
        let loaded = market.load(&id("b X 1m"), range, 0).await.unwrap();
        assert_eq!(loaded.covered(), expected, "{calendar} {start} {end}");
    };
    check("24x7", 0, 1_440, true).await;
    check("24x7", -1, 1_441, true).await;
    check("24x7", -2, 1_440, false).await;
    check("24x7", 0, 1_442, false).await;
    check("24x5", -4 * 1_440, 1_440, true).await;
    check("session", 0, 5 * 1_440, true).await;
    check("session", 0, 5 * 1_440 + 1, false).await;
}

#[tokio::test]
async fn a_timeframe_that_is_not_stored_is_resampled_across_segments() {
    let candles = minutes(70 * 1_440 + 17, |minute| minute % 50 == 7);
    let source = memory("b BTC 1m", "24x7", candles.clone());
    let dir = tempfile::tempdir().unwrap();
    let market = market(source, dir.path());
    let all = range("2023-12-01T00:00:00Z", "2024-12-01T00:00:00Z");
    for timeframe in ["5m", "1h", "4h", "1d", "1w"] {
        let to: Timeframe = timeframe.parse().unwrap();
        let end_ms = candles.open_time_ms.last().unwrap() + MINUTE_MS;
        let expected = resample(candles.as_slice(), Timeframe::MINUTE, to, end_ms).candles;
        let series = id(&format!("b BTC {timeframe}"));
        let loaded = market.load(&series, all, 0).await.unwrap();
        assert_eq!(loaded.as_slice(), expected.as_slice(), "{timeframe}");
        assert_eq!(loaded.series(), &series);
        assert_eq!(loaded.stored().id, id("b BTC 1m"));
    }
}

#[tokio::test]
async fn weeks_that_cross_a_year_are_whole() {
    // 2024-12-30 is a Monday; days of 2024 and 2025.
    let day = "1d".parse().unwrap();
    let mut days = testkit::candles::random_walk(7, day, START_MS, 400);
    days.volume.fill(1.0);
    let dir = tempfile::tempdir().unwrap();
    let market = market(memory("b BTC 1d", "24x7", days), dir.path());
    let range = range("2024-12-01T00:00:00Z", "2025-01-20T00:00:00Z");
    let loaded = market.load(&id("b BTC 1w"), range, 0).await.unwrap();
    let weeks: Vec<(i64, f64)> =
        rows(loaded.as_slice()).iter().map(|week| (week.open_time_ms, week.volume)).collect();
    let expected: Vec<(i64, f64)> =
        (0..7).map(|week| (ms("2024-12-02T00:00:00Z") + week * 7 * DAY_MS, 7.0)).collect();
    assert_eq!(weeks, expected);
}

#[tokio::test]
async fn an_unfinished_candle_is_not_shown_until_it_is_over() {
    let candles = minutes(100, |_| false);
    let source = memory("b BTC 1m", "24x7", candles);
    let dir = tempfile::tempdir().unwrap();
    // The last candle opens at 01:39 and is over at 01:40.
    let hands = Hands::at("2024-01-01T01:39:59.999Z");
    let all = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let len = async |timeframe: &str| {
        let market = market_at(Arc::<MemorySource>::clone(&source), dir.path(), &hands);
        let series = id(&format!("b BTC {timeframe}"));
        market.load(&series, all, 0).await.unwrap().as_slice().len()
    };
    assert_eq!((len("1m").await, len("20m").await), (99, 4));
    hands.advance(1);
    assert_eq!(len("1m").await, 99, "the open segment is used for a minute");
    hands.advance(60_000);
    assert_eq!((len("1m").await, len("20m").await), (100, 5));
}

#[tokio::test]
async fn equal_loads_share_one_value_and_ask_the_source_once_per_segment() {
    let source = memory("b BTC 1m", "24x7", minutes(40 * 1_440, |_| false));
    let dir = tempfile::tempdir().unwrap();
    let market = market(Arc::<MemorySource>::clone(&source), dir.path());
    let range = range("2024-01-05T00:00:00Z", "2024-02-05T00:00:00Z");
    let series = id("b BTC 1m");
    let loads = (0..20).map(|_| market.load(&series, range, 256));
    let loaded: Vec<Arc<Loaded>> =
        futures_util::future::join_all(loads).await.into_iter().map(Result::unwrap).collect();
    assert!(loaded.iter().all(|other| Arc::ptr_eq(&loaded[0], other)));
    assert_eq!(source.loads(), 2);
    let again = market.load(&series, range, 256).await.unwrap();
    assert!(Arc::ptr_eq(&loaded[0], &again));
    // Another range of the same segments maps the same pages.
    let inner = market.load(&series, TimeRange { end_ms: range.end_ms - 1, ..range }, 64).await;
    let (inner, outer) = (inner.unwrap(), again.as_slice());
    let offset = 256 - 64;
    assert_eq!(inner.as_slice().close.as_ptr(), outer.rows(offset..outer.len()).close.as_ptr(),);
    assert_eq!(source.loads(), 2);
}

#[tokio::test]
async fn the_euro_resampled_to_hours_equals_the_vendors_own_hours() {
    let dir = tempfile::tempdir().unwrap();
    let store = ParquetStore::open(&dir.path().join("candles")).unwrap();
    import(&store, &[examples()], &ImportOptions::default(), |_| ()).unwrap();
    let market = market(Arc::new(store), &dir.path().join("cache"));
    let all = range("2014-05-01T05:00:00Z", "2014-05-16T05:00:00Z");
    let loaded = market.load(&id("fxcm EURUSD 1h"), all, 256).await.unwrap();
    assert!(loaded.covered());
    assert_eq!(loaded.calendar(), &Calendar::Weekdays);
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/fixtures/fxcm_EURUSD-bid-1h.csv");
    let (report, vendor) = read_file(&fixture, &ImportOptions::default()).unwrap();
    assert_eq!(report.series, id("fxcm EURUSD 1h"));
    let prices = |candle: &model::Candle| {
        (candle.open_time_ms, [candle.open, candle.high, candle.low, candle.close])
    };
    let ours = rows(loaded.as_slice());
    let vendors = rows(vendor.as_slice());
    let common: Vec<_> = vendors
        .iter()
        .filter(|theirs| ours.iter().any(|our| our.open_time_ms == theirs.open_time_ms))
        .map(prices)
        .collect();
    let same: Vec<_> = ours
        .iter()
        .filter(|our| vendors.iter().any(|theirs| our.open_time_ms == theirs.open_time_ms))
        .map(prices)
        .collect();
    assert_eq!(common.len(), 268);
    assert_eq!(same, common);
}

#[tokio::test]
async fn one_series_in_memory_is_a_market_too() {
    let path = examples().join("bitstamp_BTCUSD-1m.csv.gz");
    let (report, candles) = read_file(&path, &ImportOptions::default()).unwrap();
    let market = Market::from_candles(report.series.clone(), report.calendar, candles.clone());
    let listed = market.series().await.unwrap();
    assert_eq!((listed.len(), listed[0].count), (1, 38_942));
    let range = range("2025-01-10T00:00:00Z", "2025-01-20T00:00:00Z");
    let loaded = market.load(&report.series, range, 256).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let source = memory("bitstamp BTCUSD 1m", "24x7", candles);
    let stored = crate::support::market(source, dir.path());
    for timeframe in ["1m", "15m"] {
        let series = id(&format!("bitstamp BTCUSD {timeframe}"));
        let whole = market.load(&series, range, 256).await.unwrap();
        let cached = stored.load(&series, range, 256).await.unwrap();
        assert_eq!(whole.series_hash(), cached.series_hash());
        assert_eq!(whole.start_row(), 256);
    }
    assert_eq!(loaded.as_slice().len(), 256 + 14_400);
}

#[tokio::test]
async fn history_since_a_time_is_what_opens_at_or_after_it() {
    let candles = minutes(100, |minute| minute == 41);
    let late = candles.as_slice().rows(45..90).to_candles();
    let (a, b) = (id("b A 1m"), id("b B 1m"));
    let source = MemorySource::new("memory");
    for (series, candles) in [(&a, &candles), (&b, &late)] {
        source.insert(series.clone(), Calendar::EveryDay, None, candles.clone());
    }
    let dir = tempfile::tempdir().unwrap();
    let cached = market(Arc::new(source), dir.path());
    let whole = Market::from_series([
        (a.clone(), Calendar::EveryDay, candles),
        (b.clone(), Calendar::EveryDay, late),
    ]);
    let at = |minute: i64| START_MS + minute * MINUTE_MS;
    let range = TimeRange { start_ms: at(60), end_ms: at(80) };
    for market in [cached, whole] {
        let load = async |series: &SeriesId, since: i64| {
            let history = History::Since(at(since));
            let loaded =
                market.load_corrected(series, range, history, Corrections::new()).await.unwrap();
            let times = loaded.as_slice().open_time_ms;
            assert_eq!(times[times.len() - 1], at(79));
            ((times[0] - START_MS) / MINUTE_MS, loaded.start_row())
        };
        assert_eq!(load(&a, 40).await, (40, 19));
        assert_eq!(load(&a, 41).await, (42, 18));
        assert_eq!(load(&a, 60).await, (60, 0));
        assert_eq!(load(&a, 70).await, (60, 0));
        assert_eq!(load(&b, 40).await, (46, 14));
        assert_eq!(market.series().await.unwrap().len(), 2);
    }
}
