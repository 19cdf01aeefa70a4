//! Funding rates: every source gives the same, and files are imported once.

use std::fs;
use std::sync::Arc;

use candles::{
    CandleSource, Influx, InfluxSettings, Market, MemorySource, Merged, ParquetStore,
    import_funding,
};
use model::{Calendar, Candles, FundingRate, FundingRates, SeriesId, TimeRange};

use crate::support::{START_MS, id, market};

const HOUR_MS: i64 = 3_600_000;
/// A name that has to be quoted everywhere.
const TICKER: &str = "A/B:C,=\"'\\x";

/// Every eight hours for thirty days, each third with a mark.
fn rates() -> FundingRates {
    let mut rates = FundingRates::default();
    for (index, time_ms) in (0..90_i32).zip((START_MS..).step_by(8 * 3_600_000)) {
        let rate = 0.0001 * f64::from(index - 40);
        let mark = (index % 3 == 0).then(|| 100.0 + f64::from(index) / 7.0);
        rates.push(FundingRate { time_ms, rate, mark }).unwrap();
    }
    rates
}

/// The suite. `source` holds [`rates`] of [`TICKER`].
async fn check(source: Arc<dyn CandleSource>) {
    let range = TimeRange { start_ms: START_MS + 1, end_ms: START_MS + 10 * 24 * HOUR_MS };
    let found = source.funding("b", TICKER, range).await.unwrap();
    let all = rates();
    let expected = all.as_slice().within(range);
    assert_eq!(found.as_slice().len(), 29);
    assert_eq!(found.as_slice().hash("b", TICKER), expected.hash("b", TICKER));
    for row in 0..expected.len() {
        assert_eq!(found.as_slice().get(row), expected.get(row));
    }
    for (exchange, ticker) in [("b", "OTHER"), ("c", TICKER)] {
        assert!(source.funding(exchange, ticker, range).await.unwrap().as_slice().is_empty());
    }
    let dir = tempfile::tempdir().unwrap();
    let market = market(source, dir.path());
    let series = SeriesId { ticker: TICKER.to_owned(), ..id("b X 1m") };
    let funding = market.funding(&series, range).await.unwrap();
    assert_eq!(funding.hash(range), expected.hash("b", TICKER));
    assert_eq!(funding.holes(range), []);
    let again = market.funding(&series, range).await.unwrap();
    assert!(Arc::ptr_eq(&funding, &again));
    let later = TimeRange { start_ms: range.end_ms, end_ms: range.end_ms + 40 * 24 * HOUR_MS };
    let hole = market.funding(&series, later).await.unwrap().holes(later)[0];
    assert!(hole.at_end && hole.range.end_ms == later.end_ms);
}

#[tokio::test]
async fn memory_conforms() {
    let source = MemorySource::new("memory");
    source.insert_funding("b", TICKER, rates());
    check(Arc::new(source)).await;
}

#[tokio::test]
async fn parquet_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let store = ParquetStore::open(dir.path()).unwrap();
    let merged = store.merge_funding("b", TICKER, &rates()).unwrap();
    assert_eq!(merged, Merged { added: 90, ..Merged::default() });
    let merged = store.merge_funding("b", TICKER, &rates()).unwrap();
    assert_eq!(merged, Merged { unchanged: 90, ..Merged::default() });
    // Rates are no series of candles.
    assert_eq!(store.list_series().await.unwrap(), []);
    check(Arc::new(store)).await;
}

#[tokio::test]
async fn influx_conforms() {
    let database = testkit::influx::database();
    let settings =
        InfluxSettings { url: database.url, database: database.name, ..InfluxSettings::default() };
    for mapped in [false, true] {
        let mut settings = settings.clone();
        if mapped {
            settings.database.push_str("_mapped");
            "funding \"rates\"".clone_into(&mut settings.mapping.funding_measurement);
            "the rate".clone_into(&mut settings.mapping.rate_field);
            "mark,price".clone_into(&mut settings.mapping.mark_field);
        }
        let influx = Influx::new(settings).unwrap();
        influx.ensure_database().await.unwrap();
        let range = TimeRange { start_ms: 0, end_ms: i64::from(i32::MAX) * 1_000 };
        assert!(influx.funding("b", TICKER, range).await.unwrap().as_slice().is_empty());
        assert_eq!(influx.write_funding("b", TICKER, &rates()).await.unwrap(), 90);
        assert_eq!(influx.write_funding("b", TICKER, &rates()).await.unwrap(), 90);
        check(Arc::new(influx)).await;
    }
}

#[tokio::test]
async fn feather_and_parquet_of_freqtrade_hold_rates_in_their_open_and_are_known_by_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let futures = dir.path().join("data/kraken/futures");
    fs::create_dir_all(&futures).unwrap();
    // As freqtrade keeps them: the rate is the open, all else is 0.
    let source = MemorySource::new("memory");
    let (series, eight) = (id("kraken BTC 8h"), 8 * HOUR_MS);
    let payments: Candles = [0.0001, -0.0002, 0.00005]
        .into_iter()
        .zip(0..)
        .map(|(open, row)| model::Candle {
            open_time_ms: START_MS + row * eight,
            open,
            high: 0.0,
            low: 0.0,
            close: 0.0,
            volume: 0.0,
        })
        .collect();
    source.insert(series, Calendar::EveryDay, None, payments);
    let info = source.list_series().await.unwrap().remove(0);
    let range = TimeRange { start_ms: START_MS, end_ms: START_MS + 3 * eight };
    for name in ["BTC_USDT_USDT-8h-funding_rate.feather", "ETH_USDT_USDT-8h-funding_rate.parquet"] {
        let path = futures.join(name);
        let format = candles::Format::of(&path).unwrap();
        candles::export(&source, &info, range, &path, format, |_| ()).await.unwrap();
        let rates = candles::read_funding(&path).unwrap();
        let rows = rates.as_slice();
        assert_eq!(rows.rate, [0.0001, -0.0002, 0.00005], "{name}");
        assert_eq!(rows.time_ms, [0, 1, 2].map(|row| START_MS + row * eight));
        let named = candles::import::funding_of(&path);
        let ticker = format!("{}/USDT:USDT", &name[..3]);
        assert_eq!(named, (Some("kraken".to_owned()), Some(ticker)));
    }
    let store = ParquetStore::open(&dir.path().join("store")).unwrap();
    let options = candles::import::ImportOptions::default();
    let data = [dir.path().join("data")];
    candles::import::import(&store, &data, &options, |_| panic!("no candles")).unwrap();
    for ticker in ["BTC/USDT:USDT", "ETH/USDT:USDT"] {
        assert_eq!(store.funding("kraken", ticker, range).await.unwrap().as_slice().len(), 3);
    }
    let candles = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/fixtures/forms/BTC_USDT-1m.feather");
    let text = candles::read_funding(&candles).unwrap_err().to_string();
    assert!(text.contains("row 1: the payment has a rate that is not between"), "{text}");
}

#[test]
fn a_correction_replaces_and_a_later_file_adds() {
    let dir = tempfile::tempdir().unwrap();
    let store = ParquetStore::open(dir.path()).unwrap();
    let file = dir.path().join("f.csv");
    let import = |text: &str| {
        fs::write(&file, text).unwrap();
        import_funding(&store, &file, ("b", "BTC")).unwrap().merged
    };
    let first = import("time,rate\n1704067200000,0.1\n1704096000000,0.2\n");
    assert_eq!(first, Merged { added: 2, ..Merged::default() });
    let second = import("time,rate\n1704096000004,0.3\n1704124800000,0.4\n");
    assert_eq!(second, Merged { added: 1, replaced: 1, unchanged: 0 });
    let error = import_funding(&store, &file, ("b", "../up")).map(|report| report.rows);
    assert!(error.is_ok());
    assert!(import_funding(&store, &file, ("b", "a b")).is_err());
}

#[tokio::test]
async fn a_market_in_memory_has_the_rates_it_was_given() {
    let market = Market::from_candles(id("b X 1m"), Calendar::EveryDay, Candles::default());
    let range = TimeRange { start_ms: START_MS, end_ms: START_MS + 24 * HOUR_MS };
    let none = market.funding(&id("b Y 1m"), range).await.unwrap();
    assert_eq!(none.holes(range).len(), 1);
    market.set_funding("b", "X", rates());
    let funding = market.funding(&id("b X 1h"), range).await.unwrap();
    assert_eq!(funding.within(range).len(), 3);
}

#[test]
fn a_file_without_rates_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rates.csv");
    std::fs::write(&file, "time,rate\n2024-01-01T00:00:00Z,NaN\n").unwrap();
    let text = candles::read_funding(&file).unwrap_err().to_string();
    assert!(text.starts_with("cannot read funding rates from \"") && text.contains("line 2"));
}
