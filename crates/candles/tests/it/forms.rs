//! Files as other tools write them: every layout that is read, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};

use candles::import::{ImportOptions, Imported, Label, import_each, read_file};
use candles::{CandleSource as _, Error, ParquetStore};
use model::{Candles, DAY_MS, MINUTE_MS};

use crate::support::{START_MS, id, ms};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/forms").join(name)
}

fn named(exchange: &str, ticker: &str, timeframe: &str) -> ImportOptions {
    ImportOptions {
        exchange: Some(exchange.to_owned()),
        ticker: Some(ticker.to_owned()),
        timeframe: timeframe.parse().ok(),
        ..ImportOptions::default()
    }
}

/// What `scripts/candle_fixtures.py` made up.
fn made_up(count: usize) -> Candles {
    (0..count)
        .map(|row| {
            let open = 100.0 + row as f64 / 8.0;
            model::Candle {
                open_time_ms: START_MS + i64::try_from(row).unwrap() * MINUTE_MS,
                open,
                high: open + 0.5,
                low: open - 0.5,
                close: open + 0.25,
                volume: (row % 7) as f64,
            }
        })
        .collect()
}

#[test]
fn arrow_and_parquet_files_of_other_tools_give_the_same_candles() {
    for (name, zone, form) in [
        ("BTC_USDT-1m.feather", None, "Arrow (Feather)"),
        ("zstd_ms.feather", None, "Arrow (Feather)"),
        ("plain_text_before.feather", None, "Arrow (Feather)"),
        ("naive.feather", Some("UTC"), "Arrow (Feather)"),
        ("ns_utc.parquet", None, "Parquet"),
        ("naive.parquet", Some("UTC"), "Parquet"),
        ("odd_types.parquet", None, "Parquet"),
        ("pandas_index.parquet", None, "Parquet"),
    ] {
        let zone = zone.and_then(model::TimeZoneName::new);
        let options = ImportOptions { zone, ..named("b", "X", "1m") };
        let (report, candles) = read_file(&fixture(name), &options).unwrap();
        assert_eq!(candles, made_up(400), "{name}");
        assert_eq!(report.form, form);
    }
    let (_, days) = read_file(&fixture("date32.parquet"), &named("b", "X", "1d")).unwrap();
    let expected: Vec<i64> = (0..30).map(|day| START_MS + day * DAY_MS).collect();
    assert_eq!(days.open_time_ms, expected);
}

#[test]
fn missing_values_and_zones_of_columns_are_not_made_up() {
    for name in ["null_close.feather", "null_close.parquet"] {
        let error = read_file(&fixture(name), &named("b", "X", "1m")).unwrap_err().to_string();
        assert!(error.contains("1 break a rule: row 6: missing or non-finite"), "{error}");
    }
    for name in ["naive.feather", "naive.parquet"] {
        let error = read_file(&fixture(name), &named("b", "X", "1m")).unwrap_err();
        assert!(matches!(error, Error::NotInferred { flag: "--tz", .. }), "{error}");
    }
}

#[test]
fn bytes_that_are_cut_or_changed_are_an_error_and_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["BTC_USDT-1m.feather", "zstd_ms.feather", "ns_utc.parquet", "odd_types.parquet"] {
        let whole = fs::read(fixture(name)).unwrap();
        let path = dir.path().join(name);
        let options = named("b", "X", "1m");
        for length in (0..whole.len()).step_by(whole.len() / 40) {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(read_file(&path, &options).is_err(), "{name} {length}");
        }
        // The description of the columns is at the end.
        for at in (whole.len() - 900..whole.len()).step_by(3) {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            fs::write(&path, &changed).unwrap();
            let _ = read_file(&path, &options);
        }
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The first candle as `time o h l c v`, and what the file was taken for.
    #[track_caller]
    fn check(&self, name: &str, content: &str, options: &ImportOptions, expected: [&str; 2]) {
        let path = self.write(name, content);
        let (report, candles) = read_file(&path, options).unwrap_or_else(|e| panic!("{e}"));
        let first = candles.as_slice().candle(0);
        let time = jiff::Timestamp::from_millisecond(first.open_time_ms).unwrap();
        let text = format!(
            "{} {time} {} {} {} {} {}",
            report.series, first.open, first.high, first.low, first.close, first.volume
        );
        assert_eq!([text.as_str(), &report.form], expected);
    }
}

#[test]
fn yfinance_files_of_one_to_three_header_lines() {
    let folder = Folder::new();
    let us = ImportOptions { exchange: Some("us".to_owned()), ..ImportOptions::default() };
    let adjusted = ImportOptions { adjusted: true, ..us.clone() };
    let one = "Date,Open,High,Low,Close,Adj Close,Volume\n2024-01-02,10,12,8,11,5.5,900\n\
               2024-01-03,10,12,8,10,5,900\n";
    folder.check(
        "AAPL-1d.csv",
        one,
        &us,
        ["us AAPL 1d 2024-01-02T00:00:00Z 10 12 8 11 900", "yfinance CSV"],
    );
    folder.check(
        "AAPL-1d.csv",
        one,
        &adjusted,
        ["us AAPL 1d 2024-01-02T00:00:00Z 5 6 4 5.5 900", "yfinance CSV, adjusted"],
    );
    let two = "Price,Close,High,Low,Open,Volume\nTicker,MSFT,MSFT,MSFT,MSFT,MSFT\n\
               2024-01-02,11,12,8,10,900\n";
    let daily = ImportOptions { timeframe: "1d".parse().ok(), ..us.clone() };
    folder.check(
        "download.csv",
        two,
        &daily,
        ["us MSFT 1d 2024-01-02T00:00:00Z 10 12 8 11 900", "yfinance CSV, 2 header lines"],
    );
    let three = "Price,Adj Close,Adj Close,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\n\
                 Ticker,AAPL,MSFT,AAPL,MSFT,AAPL,MSFT,AAPL,MSFT,AAPL,MSFT,AAPL,MSFT\n\
                 Date,,,,,,,,,,,,\n2024-01-02,1,2,11,21,12,22,8,18,10,20,900,800\n";
    let path = folder.write("both-1d.csv", three);
    let error = read_file(&path, &us).unwrap_err().to_string();
    assert!(error.contains("several tickers (AAPL, MSFT): pass --ticker"), "{error}");
    folder.check(
        "both-1d.csv",
        three,
        &ImportOptions { ticker: Some("MSFT".to_owned()), ..us.clone() },
        ["us MSFT 1d 2024-01-02T00:00:00Z 20 22 18 21 800", "yfinance CSV, 3 header lines"],
    );
    folder.check(
        "both-1d.csv",
        &three.replace("Price,", ",").replace("Ticker,", ","),
        &ImportOptions { ticker: Some("AAPL".to_owned()), ..us.clone() },
        ["us AAPL 1d 2024-01-02T00:00:00Z 10 12 8 11 900", "yfinance CSV, 3 header lines"],
    );
    let intraday = "Datetime,Open,High,Low,Close,Adj Close,Volume\n\
                    2024-01-02 09:30:00-05:00,10,12,8,11,11,900\n\
                    2024-01-02 09:35:00-05:00,10,12,8,11,11,900\n";
    folder.check(
        "AAPL.csv",
        intraday,
        &us,
        ["us AAPL 5m 2024-01-02T14:30:00Z 10 12 8 11 900", "yfinance CSV"],
    );
    let history = "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n\
                   2024-01-02 00:00:00-05:00,10,12,8,11,900,0.0,0.0\n";
    folder.check(
        "AAPL-1d.csv",
        history,
        &us,
        ["us AAPL 1d 2024-01-02T00:00:00Z 10 12 8 11 900", "CSV"],
    );
}

#[test]
fn backtesting_backtrader_and_metatrader_files() {
    let folder = Folder::new();
    let x = ImportOptions { exchange: Some("x".to_owned()), ..ImportOptions::default() };
    let utc = ImportOptions { zone: model::TimeZoneName::new("UTC"), ..x.clone() };
    let goog = ",Open,High,Low,Close,Volume\n2004-08-19,100,104.06,95.96,100.34,22351900\n";
    folder.check(
        "GOOG-1d.csv",
        goog,
        &x,
        ["x GOOG 1d 2004-08-19T00:00:00Z 100 104.06 95.96 100.34 22351900", "CSV"],
    );
    let minutes = "Date,Open,High,Low,Close,Volume,OpenInterest\n\
                   2006-01-02,09:01:00,3602,3603,3597,3599,5699,0\n";
    folder.check(
        "FESX-1m.txt",
        minutes,
        &utc,
        [
            "x FESX 1m 2006-01-02T09:01:00Z 3602 3603 3597 3599 5699",
            "CSV with date and time under one name",
        ],
    );
    let four = "2024.01.02,10:05,1.1,1.2,1.0,1.15,77\n2024.01.02,10:06,1.1,1.2,1.0,1.15,77\n";
    folder.check(
        "EURUSD.csv",
        four,
        &utc,
        ["x EURUSD 1m 2024-01-02T10:05:00Z 1.1 1.2 1 1.15 77", "MetaTrader text, no header"],
    );
    let five = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n\
                2024.01.02\t10:05:00\t1.1\t1.2\t1.0\t1.15\t77\t0\t3\n";
    folder.check(
        "EURUSD-1m.csv",
        five,
        &utc,
        ["x EURUSD 1m 2024-01-02T10:05:00Z 1.1 1.2 1 1.15 77", "MetaTrader text, by tab"],
    );
}

#[test]
fn json_arrays_of_ccxt_and_freqtrade_folders() {
    let folder = Folder::new();
    let rows = "[[1704067200000,1,2,0.5,1.5,9],[1704070800000,1,2,0.5,1.5,null]]";
    let path = folder.write("data/kraken/futures/BTC_USDT_USDT-1h-futures.json", rows);
    let error = read_file(&path, &ImportOptions::default()).unwrap_err().to_string();
    assert!(error.contains("kraken BTC/USDT:USDT 1h, 1 break a rule: row 2"), "{error}");
    folder.write("data/kraken/futures/BTC_USDT_USDT-1h-futures.json", rows.replace("null", "3"));
    folder.write("data/kraken/futures/BTC_USDT_USDT-1h-mark.json", rows);
    let rates = "[[1704067200000,0.0001,0,0,0,0],[1704096000000,-0.0002,0,0,0,0]]";
    folder.write("data/kraken/futures/BTC_USDT_USDT-8h-funding_rate.json", rates);
    folder.write("data/kraken/BTC_USDT-1h.json", &*rows.replace("null", "4"));
    folder.write("data/binance/BTC_USDT-1Mo.json", "[[1704067200000,1,2,0.5,1.5,9]]");
    fs::copy(
        fixture("BTC_USDT-1m.feather"),
        folder.0.path().join("data/binance/BTC_USDT-1m.feather"),
    )
    .unwrap();
    let store = ParquetStore::open(&folder.0.path().join("store")).unwrap();
    let data = [folder.0.path().join("data")];
    let imported = import_each(&store, &data, &ImportOptions::default(), |_| ()).unwrap();
    let mut words: Vec<String> = imported
        .iter()
        .map(|imported| match imported {
            Imported::Stored(report) => format!("{} {}", report.series, report.added),
            Imported::Skipped(path) => path.file_name().unwrap().to_string_lossy().into_owned(),
            Imported::Failed(_, error) => error.code().to_owned(),
            Imported::Funding(report) => format!("funding {}", report.merged.added),
            _ => "other".to_owned(),
        })
        .collect();
    words.sort();
    assert_eq!(
        words,
        [
            "BTC_USDT_USDT-1h-mark.json",
            "binance BTC/USDT 1m 400",
            "funding 2",
            "kraken BTC/USDT 1h 2",
            "kraken BTC/USDT:USDT 1h 2",
            "unreadable_file",
        ]
    );
}

#[test]
fn maps_formats_zones_and_labels_from_outside() {
    let folder = Folder::new();
    let x = ImportOptions { exchange: Some("x".to_owned()), ..ImportOptions::default() };
    let close = ImportOptions {
        columns: "time=Zeit,open=Erster,high=Hoch,low=Tief,close=Letzter,volume=Menge".parse().ok(),
        time_format: Some("%d.%m.%Y %H:%M".to_owned()),
        zone: model::TimeZoneName::new("Europe/Berlin"),
        label: Label::Close,
        ..x.clone()
    };
    let german = "Zeit;Erster;Hoch;Tief;Letzter;Menge\n02.01.2024 10:00;1,5;2,5;0,5;1,25;7\n\
                  02.01.2024 10:15;1,5;2,5;0,5;1,25;7\n";
    folder.check(
        "DAX.csv",
        german,
        &close,
        ["x DAX 15m 2024-01-02T08:45:00Z 1.5 2.5 0.5 1.25 7", "CSV by --map, by ;, decimal comma"],
    );
    let numbers = ImportOptions {
        columns: "time=2,open=3,high=4,low=5,close=6,volume=7".parse().ok(),
        ..x.clone()
    };
    folder.check(
        "A-1m.csv",
        "A,1704067200,1,2,0.5,1.5,9\n",
        &numbers,
        ["x A 1m 2024-01-01T00:00:00Z 1 2 0.5 1.5 9", "CSV by --map, no header"],
    );
    let path = folder.write("B-1m.csv", german);
    let missing = ImportOptions { columns: "time=Datum".parse().ok(), ..x };
    let error = read_file(&path, &missing).unwrap_err().to_string();
    assert!(error.contains("it has no column \"Datum\""), "{error}");
}

#[test]
fn a_column_named_twice_is_refused_unless_it_is_chosen_by_number() {
    let folder = Folder::new();
    let x = ImportOptions { exchange: Some("x".to_owned()), ..ImportOptions::default() };
    let text = "time,Open,high,low,close,open\n1704067200,1,2,0.5,1.5,1.25\n";
    let path = folder.write("A-1m.csv", text);
    let error = read_file(&path, &x).unwrap_err().to_string();
    assert!(error.contains("its header names \"Open\" more than once"), "{error}");
    let named = ImportOptions { columns: "open=OPEN".parse().ok(), ..x.clone() };
    let error = read_file(&path, &named).unwrap_err().to_string();
    assert!(error.contains("its header names \"OPEN\" more than once"), "{error}");
    let numbers = "open=6".parse().ok();
    folder.check(
        "A-1m.csv",
        text,
        &ImportOptions { columns: numbers, ..x },
        ["x A 1m 2024-01-01T00:00:00Z 1.25 2 0.5 1.5 0", "CSV by --map, no volume"],
    );
}

#[test]
fn binance_coin_margined_files_have_their_volume_in_another_column() {
    let folder = Folder::new();
    let row = "1704067200000,42000,42100,41900,42050,555,1704067259999,1.32,90,200,0.5,0\n";
    folder.check(
        "BTCUSD_PERP-1m-2024-01-01.csv",
        row,
        &ImportOptions::default(),
        [
            "binance BTCUSD_PERP 1m 2024-01-01T00:00:00Z 42000 42100 41900 42050 1.32",
            "Binance COIN-M archive, volume in base units, no header",
        ],
    );
    folder.check(
        "BTCUSDT-1m-2024-01-01.csv",
        row,
        &ImportOptions::default(),
        [
            "binance BTCUSDT 1m 2024-01-01T00:00:00Z 42000 42100 41900 42050 555",
            "Binance archive, no header",
        ],
    );
    let path = folder.write("BTCUSDT-1mo-2024-01.csv", row);
    let error = read_file(&path, &ImportOptions::default()).unwrap_err().to_string();
    assert!(error.contains("candles of 1mo"), "{error}");
}

#[tokio::test]
async fn a_checksum_beside_an_archive_is_proved_and_remembered() {
    let folder = Folder::new();
    let store = ParquetStore::open(&folder.0.path().join("store")).unwrap();
    let import =
        |path: &Path| candles::import::import_file(&store, path, &ImportOptions::default());
    let row = "1704067200000,42000,42100,41900,42050,555,1704067259999,1.32,90,200,0.5,0\n";
    let path = folder.write("BTCUSDT-1m-2024-01-01.csv", row);
    let sum = "8f5b0e3d".repeat(8);
    folder
        .write("BTCUSDT-1m-2024-01-01.csv.CHECKSUM", format!("{sum}  BTCUSDT-1m-2024-01-01.csv\n"));
    let error = import(&path).unwrap_err().to_string();
    assert!(error.contains("download both again"), "{error}");
    let sum = error.split("its SHA-256 is ").nth(1).unwrap()[..64].to_owned();
    folder.write("BTCUSDT-1m-2024-01-01.csv.CHECKSUM", format!("{sum}  x\n"));
    let report = import(&path).unwrap();
    assert_eq!((report.sha256.as_deref(), report.reissued), (Some(sum.as_str()), false));
    assert!(!import(&path).unwrap().reissued);
    // The archive issues the file again with another volume.
    let changed = row.replace("555", "556");
    let path = folder.write("BTCUSDT-1m-2024-01-01.csv", &changed);
    let error = import(&path).unwrap_err().to_string();
    let sum = error.split("its SHA-256 is ").nth(1).unwrap()[..64].to_owned();
    folder.write("BTCUSDT-1m-2024-01-01.csv.CHECKSUM", format!("{sum}  x\n"));
    let report = import(&path).unwrap();
    assert_eq!((report.reissued, report.replaced), (true, 1));
    assert_eq!(store.list_series().await.unwrap()[0].id, id("binance BTCUSDT 1m"));
}

#[test]
fn patterns_name_many_files_and_one_that_fails_keeps_no_other_out() {
    let folder = Folder::new();
    let good = "t,o,h,l,c\n1704067200,1,2,0.5,1\n1704067260,1,2,0.5,1\n";
    for name in ["x_A-1m-2024-01.csv", "x_A-1m-2024-02.csv", "x_B-1m.csv"] {
        folder.write(name, good);
    }
    folder.write("x_C-1m.csv", "t,o,h,l,c\n1704067200,1,0.2,0.5,1\n");
    let store = ParquetStore::open(&folder.0.path().join("store")).unwrap();
    let pattern = [folder.0.path().join("x_?-1m*.csv")];
    let imported = import_each(&store, &pattern, &ImportOptions::default(), |_| ()).unwrap();
    let words: Vec<String> = imported
        .iter()
        .map(|imported| match imported {
            Imported::Stored(report) => format!("{} {}", report.added, report.unchanged),
            Imported::Failed(_, error) => error.code().to_owned(),
            Imported::Skipped(_) | _ => "other".to_owned(),
        })
        .collect();
    assert_eq!(words, ["2 0", "0 2", "2 0", "import_refused"]);
    let none = [folder.0.path().join("y*.csv")];
    let error = import_each(&store, &none, &ImportOptions::default(), |_| ()).unwrap_err();
    assert!(error.to_string().contains("no file is called so"), "{error}");
}

#[tokio::test]
async fn faults_are_mended_only_when_that_is_asked_for() {
    let folder = Folder::new();
    let bad = "t,o,h,l,c,v\n1704067260,1,2,0.5,1,1\n1704067200,1,2,0.5,1,1\n\
               1704067320,1,2,0.5,1,1\n1704067320,1,2,0.5,1.5,1\n1704067380,1,0.9,0.5,1,1\n\
               1704067440,1,2,0.5,1,1\n";
    let path = folder.write("x_A-1m.csv", bad);
    let read = |fix: &str, strict: bool| {
        let fix = fix.parse().unwrap_or_default();
        read_file(&path, &ImportOptions { fix, strict, ..ImportOptions::default() })
    };
    assert!(matches!(read("", false), Err(Error::Refused(_))));
    let (report, candles) = read("drop,keep-last,fill", true).unwrap();
    let mended = report.findings.mended.unwrap();
    assert_eq!(mended.to_string(), "1 dropped, 1 superseded, 1 moved, 1 filled");
    assert_eq!(candles.len(), 5);
    assert_eq!(candles.close, [1.0, 1.0, 1.5, 1.5, 1.0]);
    let error = read("drop,keep-last", true).unwrap_err().to_string();
    assert!(error.contains("--strict takes no warnings: 1 candles are missing"), "{error}");

    // The same in the store, for what other tools have put there.
    let store = ParquetStore::open(&folder.0.path().join("store")).unwrap();
    let series = id("x A 1m");
    let faulty: Candles = [1, 2, 3, 5, 7]
        .into_iter()
        .map(|minute| model::Candle {
            open_time_ms: START_MS + minute * MINUTE_MS,
            open: 1.0,
            high: if minute == 3 { 0.5 } else { 2.0 },
            low: 0.5,
            close: 1.0,
            volume: 1.0,
        })
        .collect();
    store.merge(&series, faulty.as_slice()).unwrap();
    let clock = candles::Clock::new(|| ms("2025-01-01T00:00:00Z"));
    let info = store.list_series().await.unwrap().remove(0);
    let found = candles::verify(&store, &info, &clock, |_| ()).await.unwrap();
    assert_eq!((found.bad(), found.rows), (1, 5));
    let still = store.mend(&series, "fill".parse().unwrap(), &clock).unwrap();
    assert_eq!((still.bad(), still.mended), (1, None));
    store.mend(&series, "drop,fill".parse().unwrap(), &clock).unwrap();
    let info = store.list_series().await.unwrap().remove(0);
    let found = candles::verify(&store, &info, &clock, |_| ()).await.unwrap();
    assert_eq!((found.bad(), found.rows, found.missing), (0, 7, 0));
}

#[test]
fn decimal_units_that_differ_between_rows_are_a_warning() {
    let folder = Folder::new();
    let rows = "t,o,h,l,c\n1704067200,1,2,0.5,1\n1704067260000,1,2,0.5,1\n";
    let path = folder.write("x_A-1m.csv", rows);
    let (report, _) = read_file(&path, &ImportOptions::default()).unwrap();
    assert_eq!(report.findings.warnings(), ["times are in seconds and milliseconds"]);
}

#[tokio::test]
async fn an_exported_file_of_every_form_reads_back_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let store = ParquetStore::open(&dir.path().join("store")).unwrap();
    // Two months, so two record batches.
    let candles = crate::support::minutes(40 * 1_440, |minute| minute % 991 == 7);
    store.merge(&id("b BTC 1m"), candles.as_slice()).unwrap();
    let info = store.list_series().await.unwrap().remove(0);
    let range = model::TimeRange { start_ms: info.first_ms, end_ms: info.last_ms + 1 };
    for name in ["x.parquet", "x.arrow", "x.feather", "x.csv", "x.csv.gz"] {
        let path = dir.path().join(name);
        let format = candles::Format::of(&path).unwrap();
        let rows = candles::export(&store, &info, range, &path, format, |_| {}).await.unwrap();
        assert_eq!(rows, info.count);
        let (_, read) = read_file(&path, &named("b", "BTC", "1m")).unwrap();
        assert_eq!(read.as_slice(), candles.as_slice(), "{name}");
    }
}
