//! Opening what the settings name: the store, the candle source, the cache.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candles::{Auth, Cache, CacheSettings, Clock, Influx, Market, ParquetStore, Secret};
use store::Store;
use store::postgres::{Postgres, PostgresOptions};
use store::sqlite::Sqlite;

use crate::cli::{DatabaseArgs, InfluxArgs};
use crate::failure::{Exit, Failure};
use crate::settings::{Files, masked};

/// The store that the settings name: PostgreSQL by URL, else SQLite in the data folder.
pub(crate) async fn store(database: &DatabaseArgs) -> Result<Arc<dyn Store>, Failure> {
    match database.database_url.as_deref() {
        Some(url) => postgres(url).await,
        None => sqlite(&database.data.data).await,
    }
}

/// PostgreSQL; a role that shares its queue with other machines needs it.
pub(crate) async fn postgres(url: &str) -> Result<Arc<dyn Store>, Failure> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(Failure::usage(format!("\"{}\" is not a PostgreSQL URL", masked(url)))
            .hint("write postgres://user:password@host:5432/database"));
    }
    Ok(Postgres::connect(url, &PostgresOptions::default()).await?)
}

/// A streaming replica of the PostgreSQL that a role uses, to read from.
pub(crate) async fn replica(url: &str) -> Result<Arc<dyn Store>, Failure> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(Failure::usage(format!("\"{}\" is not a PostgreSQL URL", masked(url)))
            .hint("write --read-database-url postgres://user:password@host:5432/database"));
    }
    let options = PostgresOptions {
        replica: true,
        application_name: "backfleet reads".to_owned(),
        ..PostgresOptions::default()
    };
    Ok(Postgres::connect(url, &options).await?)
}

/// The SQLite file of a data folder; one process at a time.
pub(crate) async fn sqlite(data: &Path) -> Result<Arc<dyn Store>, Failure> {
    std::fs::create_dir_all(data).map_err(|error| unusable(data, &error))?;
    let opened = Sqlite::open(&data.join("backfleet.sqlite")).await;
    opened.map_err(|error| {
        let is_away = matches!(error, store::Error::Unavailable { .. });
        let failure = Failure::from(error);
        if is_away {
            failure.hint(format!(
                "another process may use {}, or it cannot be written: name another one with --data",
                data.display()
            ))
        } else {
            failure
        }
    })
}

fn unusable(data: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failure, format!("cannot use the data folder {}: {error}", data.display()))
        .hint("name another one with --data")
}

/// Folder of the Parquet files below a data folder.
pub(crate) fn candle_folder(data: &Path) -> PathBuf {
    data.join("candles")
}

/// The Parquet files of a data folder.
pub(crate) fn parquet(data: &Path) -> Result<ParquetStore, Failure> {
    std::fs::create_dir_all(data).map_err(|error| unusable(data, &error))?;
    Ok(ParquetStore::open(&candle_folder(data))?)
}

/// The InfluxDB that the settings name, if they do.
pub(crate) fn influx(args: &InfluxArgs, files: &Files) -> Result<Option<Influx>, Failure> {
    if args.influx_url.is_none() && files.influx.is_none() {
        return Ok(None);
    }
    let mut settings = files.influx.clone().unwrap_or_default();
    if let Some(url) = &args.influx_url {
        settings.url.clone_from(url);
    }
    if let Some(database) = &args.influx_database {
        settings.database.clone_from(database);
    }
    if let Some(file) = &args.influx_token_file {
        settings.auth = credentials(file)?;
    }
    Ok(Some(Influx::new(settings)?))
}

/// The cache of a data folder.
pub(crate) fn cache(data: &Path) -> Result<Cache, Failure> {
    std::fs::create_dir_all(data).map_err(|error| unusable(data, &error))?;
    Ok(Cache::open(&data.join("cache"), CacheSettings::default(), Clock::system())?)
}

/// The candle source that the settings name, behind the cache of the data folder.
pub(crate) fn market(data: &Path, args: &InfluxArgs, files: &Files) -> Result<Market, Failure> {
    let cache = cache(data)?;
    Ok(match influx(args, files)? {
        Some(source) => Market::new(Arc::new(source), cache),
        None => Market::new(Arc::new(parquet(data)?), cache),
    })
}

fn credentials(path: &Path) -> Result<Auth, Failure> {
    let place = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read the token file {place}: {error}")))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::usage(format!("the token file {place} is empty")));
    }
    Ok(match text.split_once(':') {
        Some((user, password)) => {
            Auth::Basic { user: user.to_owned(), password: Secret::new(password) }
        }
        None => Auth::Token(Secret::new(text)),
    })
}

impl From<candles::Error> for Failure {
    fn from(error: candles::Error) -> Failure {
        let exit = if error.is_transient() { Exit::Unreachable } else { Exit::Failure };
        let failure = Failure::new(exit, error.chain());
        match hint_for(&error) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// What to do about a file that cannot be read.
fn hint_for_file(cause: &candles::FileCause) -> Option<String> {
    use candles::FileCause;
    use std::io::ErrorKind as Kind;
    let damaged = [Kind::InvalidData, Kind::InvalidInput, Kind::UnexpectedEof, Kind::Other];
    let words = match cause {
        FileCause::Parquet(_) => {
            "the file is cut off, damaged or no Parquet: copy it again, or write it anew"
        }
        FileCause::Json(_) => "the file is no JSON of the form that is read there: write it again",
        FileCause::Io(error) if error.kind() == Kind::NotFound => {
            "check the name, and where a link points to"
        }
        FileCause::Io(error) if error.kind() == Kind::PermissionDenied => {
            "give this user the right to read it, or name another file"
        }
        FileCause::Io(error) if damaged.contains(&error.kind()) => {
            "the file is cut off or damaged, or something follows its end (`gzip -t` or `unzip -t` \
             shows it): copy or download it again"
        }
        FileCause::Io(_) | _ => return None,
    };
    Some(words.to_owned())
}

/// What to do about a failure of candles.
fn hint_for(error: &candles::Error) -> Option<String> {
    use candles::Error as Candles;
    Some(match error {
        Candles::UnknownSeries { series, .. } | Candles::NoCandles { series, .. } => {
            let model::SeriesId { exchange, ticker, timeframe } = series;
            format!(
                "backfleet candles import FILE --exchange {exchange} --ticker {ticker} \
                 --timeframe {timeframe}"
            )
        }
        Candles::Refused(report) => {
            let is_disorder = report.findings.fault_counts.contains_key(&candles::Rule::Disorder);
            let fix = if is_disorder {
                "--fix keep-last puts the rows in order"
            } else {
                "correct them, or mend them with --fix drop, keep-last or fill"
            };
            format!("nothing of this file was stored: {fix}")
        }
        Candles::Unreadable { .. } => {
            "`backfleet candles import --help` names every form that is read; --map names the columns \
             of a CSV"
                .to_owned()
        }
        Candles::UnreadableFunding { .. } => {
            "a file of funding rates is CSV, or JSON, Feather or Parquet of freqtrade, with a time, a \
             rate and optionally a mark price"
                .to_owned()
        }
        Candles::BadName { .. } => "pass --exchange and --ticker".to_owned(),
        Candles::File { .. } if error.may_pass() => {
            "make room or name another folder with --data; what was stored is whole".to_owned()
        }
        Candles::Unavailable { .. } | Candles::Rejected { .. } => {
            "check --influx-url and that the server runs".to_owned()
        }
        Candles::File { cause, .. } => return hint_for_file(cause),
        // What the message says is all there is to say, of errors yet to come as well.
        Candles::BadCandles { .. } | Candles::NotInferred { .. } | _ => {
            return None;
        }
    })
}
