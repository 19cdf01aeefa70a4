//! Damaged files of every form give an error or good candles, never a panic.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use candles::import::{ImportOptions, read_file};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{examples, minutes};

/// Some bytes changed, a piece written twice, a piece cut out.
#[derive(Clone, Debug)]
struct Damage {
    bytes: Vec<(Index, u8)>,
    twice: Option<(Index, usize)>,
    cut: Option<(Index, usize)>,
}

fn damage() -> impl Strategy<Value = Damage> {
    let piece = || proptest::option::of((any::<Index>(), 1_usize..200));
    let bytes = proptest::collection::vec((any::<Index>(), any::<u8>()), 0..6);
    (bytes, piece(), piece()).prop_map(|(bytes, twice, cut)| Damage { bytes, twice, cut })
}

impl Damage {
    fn of(&self, original: &[u8]) -> Vec<u8> {
        let mut bytes = original.to_vec();
        for (at, value) in &self.bytes {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        if let Some((at, length)) = &self.twice {
            let from = at.index(bytes.len());
            let piece = bytes[from..(from + length).min(bytes.len())].to_vec();
            bytes.splice(from..from, piece);
        }
        if let Some((at, length)) = &self.cut {
            let from = at.index(bytes.len());
            let to = (from + length).min(bytes.len());
            bytes.drain(from..to);
        }
        bytes
    }
}

/// Files of every form: the fixtures, a shipped sample, and some made up.
fn originals(folder: &Path) -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/forms");
    let fixtures = fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = fixtures.collect();
    paths.push(examples().join("us_GOOG-1d.csv.gz"));
    let candles = minutes(60, |_| false);
    let (mut csv, mut json) = (String::from("timestamp,open,high,low,close,volume\n"), Vec::new());
    for row in 0..candles.len() {
        let c = candles.as_slice().candle(row);
        let values = [c.open, c.high, c.low, c.close, c.volume].map(|value| value.to_string());
        writeln!(csv, "{},{}", c.open_time_ms, values.join(",")).unwrap();
        json.push(format!("[{},{}]", c.open_time_ms, values.join(",")));
    }
    let daily = "Price,Adj Close,Close,High,Low,Open,Volume\nTicker,A,A,A,A,A,A\nDate,,,,,,\n\
                 2024-01-02,184.7,185.6,188.4,183.8,187.1,824\n2024-01-03,183.3,184.2,185.8,183.4,184.2,584\n";
    let exotic = "Zeit;Erster;Hoch;Tief;Letzter\n02.01.2024 09:15;16800,5;16850;16790;16840,25\n";
    let binance =
        "1735689600000000,93576.0,93600.5,93500.0,93550.1,12.5,1735689659999999,1,1,1,1,0\n";
    for (name, text) in [
        ("a_A-1m.csv", csv.as_str()),
        ("a_A-1m.json", &format!("[{}]", json.join(","))),
        // Packed once it is damaged: what unpacks is what the reader of text must stand.
        ("a_A-1m.json.gz", &format!("[{}]", json.join(","))),
        ("a_A-1d.csv", daily),
        ("a_A-15m.csv", exotic),
        ("BTCUSDT-1m-2025-01-01.csv", binance),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        paths.push(path);
    }
    let path = folder.join("BTCUSDT-1m-2025-01-01.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    zip.start_file("a.csv", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(binance.as_bytes()).unwrap();
    zip.finish().unwrap();
    paths.push(path);
    paths
}

#[test]
fn damaged_files_never_panic_and_never_give_broken_candles() {
    let folder = tempfile::tempdir().unwrap();
    let originals = originals(folder.path());
    let bytes: Vec<Vec<u8>> = originals.iter().map(|path| fs::read(path).unwrap()).collect();
    let damaged = folder.path().join("damaged");
    fs::create_dir(&damaged).unwrap();
    let config =
        ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(which in any::<Index>(), damage in damage())| {
        let which = which.index(originals.len());
        let path = damaged.join(originals[which].file_name().unwrap());
        let mut damaged = damage.of(&bytes[which]);
        if path.ends_with("a_A-1m.json.gz") {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(&damaged).unwrap();
            damaged = packed.finish().unwrap();
        }
        fs::write(&path, damaged).unwrap();
        let options = ImportOptions {
            exchange: Some("x".to_owned()),
            ticker: Some("X".to_owned()),
            ..ImportOptions::default()
        };
        if let Ok((_, candles)) = read_file(&path, &options) {
            let columns = candles.as_slice();
            prop_assert!(columns.open_time_ms.is_sorted_by(|a, b| a < b));
            for row in 0..columns.len() {
                let c = columns.candle(row);
                prop_assert!(c.low > 0.0 && c.high.is_finite() && c.volume >= 0.0);
                prop_assert!(c.low <= c.open.min(c.close) && c.high >= c.open.max(c.close));
            }
        }
    });
}

/// Files of funding rates and of signals, as text and as columns.
fn other_originals(folder: &Path) -> Vec<PathBuf> {
    let forms = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/forms");
    let mut paths: Vec<PathBuf> =
        ["BTC_USDT-1m.feather", "zstd_ms.feather", "ns_utc.parquet", "odd_types.parquet"]
            .map(|name| forms.join(name))
            .into();
    for (name, text) in [
        (
            "rates.csv",
            "fundingTime,fundingRate,markPrice\n1704067200000,0.0001,42000.5\n1704096000000,-2e-4,\n",
        ),
        ("rates.json", "[[1704067200000,0.0001,0.0,0.0],[\"1704096000000\",-0.0002,0,0]]"),
        (
            "signals.csv",
            "time,signal\n2024-01-02T10:15:00Z,1\n2024-01-02T10:16:00Z,0\n2024-01-02T10:17:00Z,-1\n",
        ),
        ("signals.txt", "1704067200;1\n1704067260;-1\n"),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        paths.push(path);
    }
    paths
}

#[test]
fn damaged_rates_and_signals_never_panic_and_never_give_what_breaks_their_rules() {
    let folder = tempfile::tempdir().unwrap();
    let originals = other_originals(folder.path());
    let bytes: Vec<Vec<u8>> = originals.iter().map(|path| fs::read(path).unwrap()).collect();
    let path = folder.path().join("damaged");
    let config =
        ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(which in any::<Index>(), damage in damage())| {
        let damaged = damage.of(&bytes[which.index(originals.len())]);
        fs::write(&path, &damaged).unwrap();
        if let Ok(rates) = candles::read_funding(&path) {
            let rows = rates.as_slice();
            prop_assert!(rows.time_ms.is_sorted_by(|a, b| a < b));
            prop_assert!(rows.rate.iter().all(|rate| (-1.0..=1.0).contains(rate)));
        }
        if let Ok(column) = candles::import::read_signals(damaged.into(), None) {
            prop_assert!(!column.as_slice().is_empty());
        }
    });
}

#[test]
fn a_damaged_cache_is_an_error_or_a_fetch_and_never_other_candles() {
    use crate::support::{id, market, range};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let source = candles::MemorySource::new("memory");
    source.insert(id("b BTC 1m"), model::Calendar::EveryDay, None, minutes(90, |_| false));
    let source = std::sync::Arc::new(source);
    let all = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let load = || {
        let market = market(std::sync::Arc::<candles::MemorySource>::clone(&source), folder.path());
        let loaded = runtime.block_on(market.load(&id("b BTC 1m"), all, 0)).unwrap();
        loaded.series_hash()
    };
    let expected = load();
    let config =
        ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(which in any::<Index>(), damage in damage())| {
        let mut files = Vec::new();
        let mut folders = vec![folder.path().join("objects"), folder.path().join("series")];
        while let Some(folder) = folders.pop() {
            for item in fs::read_dir(folder).unwrap() {
                let path = item.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        let path = &files[which.index(files.len())];
        let damaged = damage.of(&fs::read(path).unwrap());
        // A new file: the old one may be mapped.
        fs::remove_file(path).unwrap();
        fs::write(path, damaged).unwrap();
        prop_assert_eq!(load(), expected);
    });
}

#[test]
fn damaged_answers_of_influxdb_never_panic_and_never_give_broken_candles() {
    use crate::mock::{Mock, Reply, good};
    use candles::CandleSource as _;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let segment = candles::Segment::containing(model::Timeframe::MINUTE, crate::support::START_MS);
    let next = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let replies = std::sync::Arc::clone(&next);
    let mock = runtime
        .block_on(Mock::serve(move |_, _| Reply::Whole(200, replies.lock().unwrap().clone())));
    let influx = candles::Influx::new(mock.settings()).unwrap();
    let good = good();
    let series = crate::support::id("b BTC 1m");
    let config =
        ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(damage in damage())| {
        *next.lock().unwrap() = damage.of(&good);
        if let Ok(candles) = runtime.block_on(influx.load(&series, segment)) {
            let columns = candles.as_slice();
            prop_assert!(columns.open_time_ms.is_sorted_by(|a, b| a < b));
            prop_assert!(columns.low.iter().all(|low| *low > 0.0));
        }
        // Tables are read by another decoder.
        let _ = runtime.block_on(influx.list_series());
    });
}
