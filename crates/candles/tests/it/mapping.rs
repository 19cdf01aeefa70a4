//! Schemas that this product did not make, on a real server.

use std::collections::BTreeMap;
use std::sync::Arc;

use candles::{CandleSource, Influx, InfluxSettings, Mapping, ParquetStore, Segment, Stamp};
use model::{Calendar, SeriesId};

use crate::support::{START_MS, id, market, minutes, push, range};

fn influx(mapping: Mapping) -> Influx {
    let database = testkit::influx::database();
    let settings = InfluxSettings {
        url: database.url,
        database: database.name,
        mapping,
        ..InfluxSettings::default()
    };
    Influx::new(settings).unwrap()
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// Schemas seen elsewhere, and one with a bit of everything.
fn mappings() -> Vec<Mapping> {
    let minute = model::Timeframe::MINUTE;
    vec![
        Mapping::default(),
        Mapping { measurement: text("candles_{timeframe}"), ..Mapping::default() },
        Mapping { label: Stamp::Close, ..Mapping::default() },
        Mapping {
            measurement: text("bar_data"),
            symbol_tag: text("vt_symbol"),
            symbol_format: text("{symbol}.{exchange}"),
            timeframe_tag: text("interval"),
            ..Mapping::default()
        },
        Mapping {
            measurement: text("ohlcv {timeframe}"),
            exchange: Some(text("b")),
            symbol_tag: text("pair"),
            symbol_format: text("spot:{symbol}"),
            timeframes: BTreeMap::from([(minute, text("60"))]),
            open_field: text("o"),
            high_field: text("h"),
            low_field: text("l"),
            close_field: text("c"),
            volume_field: text("v"),
            label: Stamp::Close,
            ..Mapping::default()
        },
    ]
}

#[tokio::test]
async fn every_schema_gives_the_candles_and_hashes_of_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = ParquetStore::open(&dir.path().join("files")).unwrap();
    let series = id("b BRK.B 1m");
    // Two months, so that a shift by one candle crosses the border of a segment.
    let candles = minutes(40 * 1_440, |minute| minute % 997 == 5);
    store.merge(&series, candles.as_slice()).unwrap();
    store.set_settings(&series, Calendar::Weekdays, None).unwrap();
    let asked = range("2024-01-10T00:00:00Z", "2024-02-05T00:00:00Z");
    let hash = async |source: Arc<dyn CandleSource>, name: usize, series: &SeriesId| {
        let market = market(source, &dir.path().join(name.to_string()));
        let loaded = market.load(series, asked, 512).await.unwrap();
        (loaded.series_hash(), loaded.start_row(), loaded.missing())
    };
    let hourly = id("b BRK.B 1h");
    let expected = hash(Arc::new(store.clone()), 0, &series).await;
    let expected_hourly = hash(Arc::new(store.clone()), 0, &hourly).await;
    let listed = store.list_series().await.unwrap();
    for (index, mapping) in mappings().into_iter().enumerate() {
        let influx = influx(mapping.clone());
        let report = push(&store, &influx, false, &listed[0]).await.0.unwrap();
        assert_eq!(report.rows, listed[0].count);
        assert_eq!(influx.list_series().await.unwrap(), listed, "{mapping:?}");
        let source: Arc<dyn CandleSource> = Arc::new(influx);
        assert_eq!(hash(Arc::clone(&source), index + 1, &series).await, expected, "{mapping:?}");
        assert_eq!(hash(source, index + 1, &hourly).await, expected_hourly, "{mapping:?}");
    }
}

#[tokio::test]
async fn a_fixed_exchange_has_no_candles_of_another() {
    let mapping = Mapping { exchange: Some(text("b")), ..Mapping::default() };
    let influx = influx(mapping);
    let candles = minutes(3, |_| false);
    influx.write(&id("b BTC 1m"), candles.as_slice(), |_| ()).await.unwrap();
    let other = influx.write(&id("c BTC 1m"), candles.as_slice(), |_| ()).await;
    assert!(other.unwrap_err().to_string().contains("another exchange"));
    let segment = Segment::containing(model::Timeframe::MINUTE, START_MS);
    assert_eq!(influx.load(&id("b BTC 1m"), segment).await.unwrap().len(), 3);
    assert_eq!(influx.load(&id("c BTC 1m"), segment).await.unwrap().len(), 0);
}
