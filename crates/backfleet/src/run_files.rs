//! The files of an offline run: candles of the job's series and of other tickers, signals.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use candles::Market;
use candles::import::{ImportOptions, ImportReport, read_file, read_signals};
use model::{Candles, Digest, SeriesId, SignalColumn, TimeZoneName};
use serde_json::{Map, Value, json};

use crate::failure::{Exit, Failure};

/// The candle files of one run.
pub(crate) struct CandleFiles {
    /// The series of the job's own file.
    pub(crate) own: ImportReport,
    /// First and last open time of the job's own candles, ms.
    pub(crate) ends: (i64, i64),
    /// All of them.
    pub(crate) market: Market,
}

impl CandleFiles {
    /// Reads `files` for a job on `series` that reads the tickers of `others`.
    ///
    /// A file whose name says one of these tickers is that ticker's; what remains is the job's own,
    /// whatever its name says.
    pub(crate) fn read(
        files: &[PathBuf],
        series: &SeriesId,
        others: &[SeriesId],
        zone: Option<&TimeZoneName>,
    ) -> Result<CandleFiles, Failure> {
        let mut own = Vec::new();
        let mut of_others: Vec<(&SeriesId, &Path)> = Vec::new();
        for file in files {
            match others.iter().find(|other| names(file, &other.ticker)) {
                Some(other) => of_others.push((other, file)),
                None => own.push(file),
            }
        }
        let [own] = own.as_slice() else {
            let rest: Vec<String> = own.iter().map(|file| file.display().to_string()).collect();
            let what = match others {
                [] => "--candles takes one file: the strategy reads no other ticker".to_owned(),
                _ => format!(
                    "one of the candle files must be that of {}, not {} ({})",
                    series.ticker,
                    own.len(),
                    if rest.is_empty() { "none is left".to_owned() } else { rest.join(", ") },
                ),
            };
            return Err(Failure::usage(what).hint(
                "a file of another ticker has that ticker in its name, as in us_SPY-1d.csv.gz",
            ));
        };
        if let Some(missing) = others.iter().find(|it| !of_others.iter().any(|(id, _)| id == it)) {
            return Err(Failure::new(
                Exit::NotFound,
                format!("the strategy reads {}, and no candle file is named so", missing.ticker),
            )
            .hint(format!("add --candles {}-{}.csv", missing.ticker, missing.timeframe)));
        }
        let (report, candles) = read(own, series, zone)?;
        let times = (candles.open_time_ms.first(), candles.open_time_ms.last());
        let (Some(first), Some(last)) = times else {
            return Err(Failure::new(Exit::Failure, "the candle file has no candles"));
        };
        let ends = (*first, *last);
        let mut all = vec![(report.series.clone(), report.calendar.clone(), candles)];
        for (other, file) in of_others {
            let (report, candles) = read(file, other, zone)?;
            all.push((report.series, report.calendar, candles));
        }
        Ok(CandleFiles { own: report, ends, market: Market::from_series(all) })
    }
}

/// Whether the file's name says `ticker`, between marks that part words.
fn names(file: &Path, ticker: &str) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().to_ascii_uppercase());
    let (name, ticker) = (name.unwrap_or_default(), ticker.to_ascii_uppercase());
    let flat = |text: &str| text.replace(['/', ':'], "_");
    let (name, ticker) = (flat(&name), flat(&ticker));
    name.match_indices(&ticker).any(|(at, _)| {
        let parts = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        let bytes = name.as_bytes();
        parts(at.checked_sub(1).and_then(|before| bytes.get(before)))
            && parts(bytes.get(at + ticker.len()))
    })
}

fn read(
    file: &Path,
    series: &SeriesId,
    zone: Option<&TimeZoneName>,
) -> Result<(ImportReport, Candles), Failure> {
    let options = ImportOptions {
        exchange: Some(series.exchange.clone()),
        ticker: Some(series.ticker.clone()),
        zone: zone.cloned(),
        ..ImportOptions::default()
    };
    match read_file(file, &options) {
        // A file of one candle does not say how long it is: then it is what the request asks for.
        Err(candles::Error::NotInferred { flag: "--timeframe", .. }) => {
            let timeframe = Some(series.timeframe);
            Ok(read_file(file, &ImportOptions { timeframe, ..options })?)
        }
        other => Ok(other?),
    }
}

/// Reads a signal file.
pub(crate) fn signals(
    file: &Path,
    zone: Option<&TimeZoneName>,
) -> Result<Arc<SignalColumn>, Failure> {
    let bytes = std::fs::read(file).map_err(|error| Failure::unreadable(file, &error))?;
    let column = read_signals(Bytes::from(bytes), zone).map_err(|error| {
        Failure::new(Exit::Failure, format!("{}: {:#}", file.display(), anyhow::Error::from(error)))
            .hint("a signal file is CSV or Parquet: a candle's open time and 1, -1 or 0 a row")
    })?;
    Ok(Arc::new(column))
}

/// The request with `hash` as its signal column: put in where the strategy names none.
///
/// Fails where it names another one, or makes its signals itself.
pub(crate) fn with_signals(body: &[u8], hash: Digest) -> Result<Vec<u8>, Failure> {
    let Ok(mut request) = serde_json::from_slice::<Value>(body) else { return Ok(body.to_vec()) };
    let Some(config) = request.get_mut("universalConfig").and_then(Value::as_object_mut) else {
        return Ok(body.to_vec());
    };
    let strategy = config.entry("strategy").or_insert_with(|| Value::Object(Map::new()));
    let Some(strategy) = strategy.as_object_mut() else { return Ok(body.to_vec()) };
    match strategy.get("signalColumn") {
        None | Some(Value::Null) => {}
        Some(named) if *named == json!(hash.to_string()) => {}
        Some(named) => {
            let text = format!("the strategy names the signal column {named}, the file is {hash}");
            return Err(Failure::new(Exit::Conflict, text)
                .hint("pass the file that was meant, or write its hash as signalColumn"));
        }
    }
    strategy.insert("signalColumn".to_owned(), json!(hash.to_string()));
    Ok(request.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_a_ticker_as_a_whole_word() {
        for (file, ticker, expected) in [
            ("us_SPY-1d.csv.gz", "SPY", true),
            ("spy.csv", "SPY", true),
            ("data/us_SPYG-1d.csv", "SPY", false),
            ("us_ASPY.csv", "SPY", false),
            ("spyg_SPY.csv", "SPY", true),
            ("BTC_USDT-1h.csv", "BTC/USDT", true),
            ("SPY/other.csv", "SPY", false),
        ] {
            assert_eq!(names(Path::new(file), ticker), expected, "{file} {ticker}");
        }
    }

    #[test]
    fn a_request_without_a_column_takes_the_files() {
        let hash = Digest::of(b"x");
        let with = |strategy: Value| {
            let body = json!({"universalConfig": {"strategy": strategy}}).to_string();
            let body = with_signals(body.as_bytes(), hash).map_err(|failure| failure.message)?;
            let request: Value = serde_json::from_slice(&body).unwrap();
            Ok::<_, String>(request["universalConfig"]["strategy"]["signalColumn"].clone())
        };
        assert_eq!(with(json!({})), Ok(json!(hash.to_string())));
        assert_eq!(with(json!({"signalColumn": hash.to_string()})), Ok(json!(hash.to_string())));
        assert!(with(json!({"signalColumn": "b3:00"})).is_err());
        assert_eq!(with_signals(b"{", hash).map_err(|failure| failure.message), Ok(b"{".to_vec()));
    }
}
