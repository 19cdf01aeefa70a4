//! Damaged files of every form give an error or good candles, never a panic.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use candles::import::{ImportOptions, read_file};
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
        ("a_A-1d.csv", daily),
        ("a_A-15m.csv", exotic),
        ("BTCUSDT-1m-2025-01-01.csv", binance),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        paths.push(path);
    }
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
        fs::write(&path, damage.of(&bytes[which])).unwrap();
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
