//! Importers and exporters, over files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use candles::import::{ImportOptions, ImportReport, Imported, import, import_each, import_file};
use candles::{CandleSource as _, Clock, Error, Format, ParquetStore, Rule, export};
use model::TimeRange;

use crate::support::{START_MS, examples, id, minutes, ms};

struct Folder {
    dir: tempfile::TempDir,
    store: ParquetStore,
}

fn folder() -> Folder {
    let dir = tempfile::tempdir().unwrap();
    let store = ParquetStore::open(&dir.path().join("store")).unwrap();
    Folder { dir, store }
}

impl Folder {
    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn import(&self, path: &Path) -> Result<ImportReport, Error> {
        import_file(&self.store, path, &ImportOptions::default())
    }
}

#[tokio::test]
async fn the_sample_candles_import_as_their_manifest_says() {
    let folder = folder();
    let options = ImportOptions::default();
    let mut heard = 0;
    let reports = import(&folder.store, &[examples()], &options, |_| heard += 1).unwrap();
    assert_eq!(heard, 9);
    let listed: Vec<String> = folder
        .store
        .list_series()
        .await
        .unwrap()
        .iter()
        .map(|info| format!("{} {} {}", info.id, info.calendar, info.count))
        .collect();
    assert_eq!(
        listed,
        [
            "bitstamp BTCUSD 1m 24x7 38942",
            "coinbase BTCEUR 1m 24x7 3663",
            "coinbase BTCUSD 4h 24x7 20695",
            "coinbase ETHUSD 1m 24x7 5329",
            "fxcm EURUSD 1m 24x5 15857",
            "us AAPL 1d session 3270",
            "us GOOG 1d session 2148",
            "us MSFT 1d session 3270",
            "us SPY 1d session 5849",
        ]
    );
    let missing: Vec<u64> = reports.iter().map(|report| report.findings.missing).collect();
    assert_eq!(missing[0], 0, "bitstamp has no gap");
    assert_eq!(missing[5..], [0; 4], "weekends and holidays are no gaps of a session");
    assert!(missing[1] > 0 && missing[2] > 0);
    assert!(missing[4] < 1_000, "weekends are no gaps of 24x5: {}", missing[4]);
    for report in import(&folder.store, &[examples()], &options, |_| ()).unwrap() {
        assert_eq!((report.added, report.replaced, report.unchanged), (0, 0, report.findings.rows));
    }
}

#[test]
fn a_bad_file_is_refused_with_its_rows_and_changes_nothing() {
    let folder = folder();
    let bad = "timestamp,open,high,low,close,volume\n\
               1704067200000,1,2,0.5,1,1\n\
               1704067260000,1,0.9,0.5,1,1\n\
               1704067320000,1,2,0.5,nan,1\n\
               1704067200000,1,2,0.5,1,1\n\
               1704067200000,1,2,0.5,1,2\n\
               1704067199999,1,2,0.5,1,1\n\
               1704067140000,1,2,0.5,1,1\n\
               1704067380000,1,2,-0.5,1,1\n\
               1704067380000,1,2,0.5,1,-1\n\
               1704067380000,1,2,0.5\n\
               x,1,2,0.5,1,1\n\
               32503680000000,1,2,0.5,1,1\n";
    let path = folder.write("b_BTC-1m.csv", bad);
    let Error::Refused(report) = folder.import(&path).unwrap_err() else { panic!("refused") };
    let rows: Vec<(u64, Rule)> =
        report.findings.faults.iter().map(|fault| (fault.row, fault.rule)).collect();
    assert_eq!(
        rows,
        [
            (3, Rule::Extremes),
            (4, Rule::NotFinite),
            (5, Rule::DuplicateIdentical),
            (6, Rule::DuplicateConflicting),
            (7, Rule::OffGrid),
            (8, Rule::Disorder),
            (9, Rule::PriceNotPositive),
            (10, Rule::NegativeVolume),
            (11, Rule::Fields),
            (12, Rule::Unreadable),
            (13, Rule::Future),
        ]
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["faultCounts"]["duplicate_conflicting"], 1);
    assert_eq!(json["faults"][0]["row"], 3);
    assert_eq!(json["faults"][0]["timeMs"], 1_704_067_260_000_i64);
    assert_eq!(folder.store.settings(&id("b BTC 1m")).unwrap(), None);
}

#[test]
fn many_faults_are_counted_and_twenty_are_listed() {
    let folder = folder();
    let rows = "0,1,2,0.5,x\n".repeat(50);
    let path = folder.write("b_BTC-1m.csv", format!("t,o,h,l,c\n{rows}"));
    let error = folder.import(&path).unwrap_err();
    let text = error.to_string();
    let Error::Refused(report) = error else { panic!("refused") };
    assert_eq!(
        (report.findings.faults.len(), report.findings.fault_counts[&Rule::Unreadable]),
        (20, 50)
    );
    assert!(text.ends_with("row 21: unreadable field; and 30 more"), "{text}");
}

/// Two rows of Binance's archive, the second in microseconds as since 2025.
const BINANCE: &str = "1704067200000,1.5,1.6,1.4,1.55,10.5,1704067259999,15,3,5,7,0\n\
                       1704067260000000,1.55,1.7,1.5,1.6,11,1704067319999999,16,3,5,7,0\n";

#[test]
fn binance_archives_import_with_and_without_header_plain_and_zipped() {
    let header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,\
                  taker_buy_volume,taker_buy_quote_volume,ignore\n";
    for content in [BINANCE.to_owned(), format!("{header}{BINANCE}")] {
        let folder = folder();
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default();
        zip.start_file("BTCUSDT-1m-2024-01.csv", stored).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
        let zip = zip.finish().unwrap().into_inner();
        let path = folder.write("BTCUSDT-1m-2024-01.zip", zip);
        let report = folder.import(&path).unwrap();
        assert_eq!(report.series, id("binance BTCUSDT 1m"));
        assert_eq!((report.added, report.findings.first_ms), (2, Some(START_MS)));
        let path = folder.write("BTCUSDT-1m-2024-01.csv", &content);
        assert_eq!(folder.import(&path).unwrap().unchanged, 2);
    }
}

#[test]
fn a_zip_with_two_tables_and_a_cut_gzip_are_unreadable() {
    let folder = folder();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in ["a.csv", "b.csv"] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(BINANCE.as_bytes()).unwrap();
    }
    let path = folder.write("BTCUSDT-1m.zip", zip.finish().unwrap().into_inner());
    assert!(folder.import(&path).unwrap_err().to_string().contains("exactly one CSV"));
    let whole = fs::read(examples().join("coinbase_BTCEUR-1m.csv.gz")).unwrap();
    let path = folder.write("coinbase_BTCEUR-1m.csv.gz", &whole[..whole.len() / 2]);
    assert!(matches!(folder.import(&path), Err(Error::File { action: "read", .. })));
    assert!(matches!(folder.import(Path::new("/none.csv")), Err(Error::File { .. })));
}

#[test]
fn what_cannot_be_told_names_its_flag() {
    let folder = folder();
    let rows = "t,o,h,l,c\n1704067200,1,2,0.5,1\n1704067500,1,2,0.5,1\n";
    let path = folder.write("BTC.csv", rows);
    let text = folder.import(&path).unwrap_err().to_string();
    assert!(text.ends_with("BTC.csv\": pass --exchange"), "{text}");
    let options = ImportOptions { exchange: Some("b".to_owned()), ..ImportOptions::default() };
    let report = import_file(&folder.store, &path, &options).unwrap();
    assert_eq!(report.series, id("b BTC 5m"), "the timeframe is the usual distance of the rows");
    let path = folder.write("b_ETH.csv", "t,o,h,l,c\n1704067200,1,2,0.5,1\n");
    let text = folder.import(&path).unwrap_err().to_string();
    assert!(text.contains("--timeframe"), "{text}");
    let path = folder.write("b_ETH-1h.csv", "date,o,h,l,c\n2024-01-01 10:00,1,2,0.5,1\n");
    assert!(folder.import(&path).unwrap_err().to_string().ends_with("pass --tz"));
    let zone = model::TimeZoneName::new("Europe/Berlin");
    let options = ImportOptions { zone, ..ImportOptions::default() };
    let report = import_file(&folder.store, &path, &options).unwrap();
    assert_eq!(report.findings.first_ms, Some(ms("2024-01-01T09:00:00Z")));
}

#[test]
fn the_unfinished_last_candle_is_left_out() {
    let folder = folder();
    let path =
        folder.write("b_BTC-1m.csv", "t,o,h,l,c\n1704067200,1,2,0.5,1\n1704067260,1,2,0.5,1\n");
    let clock = Some(Clock::new(|| START_MS + 119_999));
    let options = ImportOptions { clock, ..ImportOptions::default() };
    let report = import_file(&folder.store, &path, &options).unwrap();
    assert_eq!((report.findings.rows, report.added, report.findings.unfinished), (2, 1, true));
}

#[test]
fn a_folder_without_a_manifest_imports_its_files_by_their_names() {
    let folder = folder();
    let data = folder.dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let row = "t,o,h,l,c\n1704067200,1,2,0.5,1\n";
    fs::write(data.join("b_BTC-1m.csv"), row).unwrap();
    fs::write(data.join("b_ETH-1m.csv"), row).unwrap();
    fs::write(data.join("notes.md"), "no candles").unwrap();
    let calendar = "24x5".parse().ok();
    let options = ImportOptions { calendar, ..ImportOptions::default() };
    let reports = import(&folder.store, &[data], &options, |_| ()).unwrap();
    let series: Vec<String> = reports.iter().map(|r| r.series.to_string()).collect();
    assert_eq!(series, ["b BTC 1m", "b ETH 1m"]);
    assert_eq!(reports[0].calendar.to_string(), "24x5");
    // A later import without a calendar keeps it.
    let path = folder.write("b_BTC-1m.csv", row);
    assert_eq!(folder.import(&path).unwrap().calendar.to_string(), "24x5");
}

#[tokio::test]
async fn exports_import_again_bit_for_bit() {
    let folder = folder();
    let series = id("b BTC 1m");
    let candles = minutes(50 * 1_440, |minute| minute % 77 == 0);
    folder.store.merge(&series, candles.as_slice()).unwrap();
    let info = folder.store.list_series().await.unwrap().remove(0);
    let range = TimeRange { start_ms: START_MS + 120_000, end_ms: i64::MAX };
    let expected = candles.as_slice().rows(1..candles.len()).hash(&series);
    for name in ["b_BTC-1m.csv", "b_BTC-1m.csv.gz"] {
        let path = folder.dir.path().join(name);
        let format = Format::of(&path).unwrap();
        let mut done = 0;
        let rows = export(&folder.store, &info, range, &path, format, |p| done = p.done).await;
        assert_eq!((rows.unwrap(), done), (candles.len() as u64 - 1, candles.len() as u64 - 1));
        let (_, read) = candles::import::read_file(&path, &ImportOptions::default()).unwrap();
        assert_eq!(read.as_slice().hash(&series), expected);
    }
    // A Parquet export is a file that the store can hold.
    let path = folder.dir.path().join("2024.parquet");
    export(&folder.store, &info, range, &path, Format::Parquet, |_| ()).await.unwrap();
    let other = ParquetStore::open(&folder.dir.path().join("other")).unwrap();
    let place = folder.dir.path().join("other/exchange=b/symbol=BTC/timeframe=1m");
    fs::create_dir_all(&place).unwrap();
    fs::rename(&path, place.join("2024.parquet")).unwrap();
    let info = other.list_series().await.unwrap().remove(0);
    assert_eq!(info.count, candles.len() as u64 - 1);
    let empty = TimeRange { start_ms: 0, end_ms: 1 };
    let nothing = export(&other, &info, empty, &path, Format::Parquet, |_| ()).await;
    assert!(matches!(nothing, Err(Error::NoCandles { .. })));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_damaged_file_keeps_no_other_series_from_anyone() {
    let folder = folder();
    let rows = "t,o,h,l,c,v\n1704067200,1,2,0.5,1,1\n1704070800,1,2,0.5,1,1\n";
    for name in ["x_GOOD-1h.csv", "x_BAD-1h.csv"] {
        let path = folder.write(name, rows);
        folder.import(&path).unwrap();
    }
    let bad = "store/exchange=x/symbol=BAD/timeframe=1h/2024.parquet";
    folder.write(bad, "no Parquet at all");
    let listed = folder.store.list_series().await.unwrap();
    let listed: Vec<String> =
        listed.iter().map(|info| format!("{} {}", info.id, info.count)).collect();
    assert_eq!(listed, ["x BAD 1h 0", "x GOOD 1h 2"]);
    let hour = TimeRange { start_ms: START_MS, end_ms: START_MS + 3_600_000 };
    let year = candles::Segment::covering(id("x BAD 1h").timeframe, hour)[0];
    assert_eq!(folder.store.load(&id("x GOOD 1h"), year).await.unwrap().len(), 2);
    let error = folder.store.load(&id("x BAD 1h"), year).await.unwrap_err().chain();
    assert!(error.contains("2024.parquet"), "{error}");
}

#[test]
fn a_name_that_no_request_can_use_is_refused() {
    let folder = folder();
    let path = folder.write("x_A-1h.csv", "t,o,h,l,c,v\n1704067200,1,2,0.5,1,1\n");
    let long = "x".repeat(65);
    for ticker in ["", " A ", "a\nb", "\u{1b}[31m", "é", &long] {
        let options = ImportOptions { ticker: Some(ticker.to_owned()), ..ImportOptions::default() };
        let error = import_file(&folder.store, &path, &options).unwrap_err();
        assert!(matches!(error, Error::BadName { .. }), "{ticker}: {error}");
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }
    let options =
        ImportOptions { ticker: Some("BTC/USDT:USDT".to_owned()), ..ImportOptions::default() };
    import_file(&folder.store, &path, &options).unwrap();
}

#[test]
fn a_folder_without_candle_files_is_no_success() {
    let folder = folder();
    let empty = folder.dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let error = import(&folder.store, &[empty], &ImportOptions::default(), |_| ()).unwrap_err();
    assert!(error.to_string().contains("it holds no file that ends in .csv"), "{error}");
}

#[test]
fn files_that_macos_packs_beside_a_csv_are_passed_over() {
    let folder = folder();
    let path = folder.dir.path().join("x_A-1h.zip");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let stored = zip::write::SimpleFileOptions::default();
    for (name, text) in
        [("A.csv", "t,o,h,l,c,v\n1704067200,1,2,0.5,1,1\n"), ("__MACOSX/._A.csv", "\0\0")]
    {
        archive.start_file(name, stored).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    assert_eq!(folder.import(&path).unwrap().added, 1);
}

#[test]
fn links_are_followed_once_and_one_to_nowhere_is_said() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    let data = folder.dir.path().join("data");
    fs::create_dir_all(data.join("deep")).unwrap();
    let row = "t,o,h,l,c\n1704067200,1,2,0.5,1\n";
    fs::write(data.join("deep/b_BTC-1m.csv"), row).unwrap();
    symlink("..", data.join("deep/up")).unwrap();
    symlink("deep/b_BTC-1m.csv", data.join("b_ETH-1m.csv")).unwrap();
    symlink("nowhere", data.join("b_LOST-1m.csv")).unwrap();
    let imported = import_each(&folder.store, &[data], &ImportOptions::default(), |_| ()).unwrap();
    let words: Vec<String> = imported
        .iter()
        .map(|imported| match imported {
            Imported::Stored(report) => report.series.to_string(),
            Imported::Failed(path, error) => format!("{} {}", path.display(), error.code()),
            Imported::Funding(_) | Imported::Skipped(_) | _ => "other".to_owned(),
        })
        .collect();
    assert_eq!(words.len(), 3, "{words:?}");
    assert_eq!((words[0].as_str(), words[2].as_str()), ("b ETH 1m", "b BTC 1m"));
    assert!(words[1].ends_with("b_LOST-1m.csv file"), "{words:?}");
}

#[test]
fn times_at_the_ends_of_what_can_be_kept_are_right_or_refused_by_their_row() {
    let folder = folder();
    for (time, expected) in [
        ("-99999999960", Err(Rule::Past)),
        ("0000-01-01T00:00:00Z", Err(Rule::Past)),
        ("1677-09-21T00:12:00Z", Err(Rule::Past)),
        ("1677-09-21T00:13:00Z", Ok("1677-09-21T00:13:00Z")),
        ("-60", Ok("1969-12-31T23:59:00Z")),
        ("-9223372036854775808", Err(Rule::Past)),
        ("9223372036854775807", Err(Rule::OffGrid)),
        ("2262-04-11T23:47:00Z", Err(Rule::Future)),
        ("99999999999999999999", Err(Rule::Unreadable)),
    ] {
        let path = folder.write("x_A-1m.csv", format!("t,o,h,l,c,v\n{time},1,2,0.5,1,1\n"));
        match (folder.import(&path), expected) {
            (Ok(report), Ok(expected)) => {
                assert_eq!(report.findings.first_ms, Some(ms(expected)), "{time}");
            }
            (Err(Error::Refused(report)), Err(rule)) => {
                let fault = &report.findings.faults[0];
                assert_eq!((fault.row, fault.rule), (2, rule), "{time}");
            }
            (found, _) => panic!("{time}: {found:?}"),
        }
    }
}
