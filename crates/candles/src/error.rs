//! What goes wrong with candles, named by what the caller does next.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::{SeriesId, TimeRange};

use crate::import::ImportReport;
use crate::validate::RowFault;

/// A failure to list, load, import or push candles.
///
/// `Clone`, because loads that are shared share their failure too.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source is away, overloaded, or was cut off: the same call may succeed later.
    #[error("candle source \"{source_id}\" is unavailable")]
    Unavailable {
        /// Which source.
        source_id: Arc<str>,
        /// What happened.
        #[source]
        cause: Cause,
    },
    /// The source refuses or does not understand: its settings have to be changed.
    #[error("candle source \"{source_id}\" refused the request")]
    Rejected {
        /// Which source.
        source_id: Arc<str>,
        /// What it said.
        #[source]
        cause: Cause,
    },
    /// The source holds candles that no backtest may see; they have to be corrected there.
    #[error("candle source \"{source_id}\" holds unusable candles of {series}: {fault}")]
    BadCandles {
        /// Which source.
        source_id: Arc<str>,
        /// Which series.
        series: SeriesId,
        /// The first fault found; its row counts from 1 within the segment.
        fault: RowFault,
    },
    /// The source has no such series and none that it can be resampled from.
    #[error("no series {series}{}", Stored(.nearest))]
    UnknownSeries {
        /// What was asked for.
        series: SeriesId,
        /// What comes nearest, at most five, nearest first.
        nearest: Vec<SeriesId>,
    },
    /// The series exists and has no candle in the range.
    #[error("no candles of {series} in {}", Span(.range))]
    NoCandles {
        /// Which series.
        series: SeriesId,
        /// The range asked for.
        range: TimeRange,
    },
    /// A file has rows that break the rules; nothing of it was stored.
    #[error("import refused: {0}")]
    Refused(Box<ImportReport>),
    /// What a file does not say has to be passed by the flag.
    #[error("cannot tell the {what} of \"{}\": pass {flag}", .path.display())]
    NotInferred {
        /// The file.
        path: PathBuf,
        /// What is unknown.
        what: &'static str,
        /// The command-line flag that says it.
        flag: &'static str,
    },
    /// A file is no candle file that this crate reads.
    #[error("cannot read candles from \"{}\": {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file holds no funding rates that this crate reads.
    #[error("cannot read funding rates from \"{}\": {reason}", .path.display())]
    UnreadableFunding {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A name cannot be written to the source.
    #[error("\"{name}\" cannot be used as a name: {reason}")]
    BadName {
        /// The name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {action} \"{}\"", .path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: FileCause,
    },
}

/// Why a source failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// No connection, or it broke before the answer.
    #[error("cannot connect to \"{address}\"")]
    Connect {
        /// Host and port.
        address: String,
        /// What the client said.
        #[source]
        source: Arc<hyper_util::client::legacy::Error>,
    },
    /// The connection broke inside the answer.
    #[error("the answer broke off")]
    Body(#[source] Arc<hyper::Error>),
    /// Nothing arrived for this long.
    #[error("no answer within {} s", .after.as_secs_f64())]
    Timeout {
        /// The limit.
        after: Duration,
    },
    /// A status that is no success.
    #[error("status {status}: {text}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The server's words, shortened.
        text: String,
    },
    /// An `error` inside an answer that says 200.
    #[error("{text}")]
    Query {
        /// The server's words.
        text: String,
    },
    /// The last chunk said that more would follow.
    #[error("the answer ends before its last chunk")]
    CutOff,
    /// A cached file was gone or damaged, and is again after it was fetched anew.
    #[error("the cached candles are damaged")]
    Damaged,
    /// The rows do not agree with the server's own count of them.
    #[error("got {got} candles where the server counts {counted}")]
    RowCount {
        /// Rows received.
        got: u64,
        /// The server's `count(close)`.
        counted: u64,
    },
    /// InfluxDB 3 would have to open more files than it may.
    #[error(
        "{text} (InfluxDB 3 Core keeps a file per ten minutes of candles and reads at most 432 of \
         them in a query: start it with a larger --query-file-limit and --gen1-duration, or keep \
         candles in InfluxDB 1.x or 2.x, or in Parquet files)"
    )]
    FileLimit {
        /// The server's words.
        text: String,
    },
    /// InfluxDB 2.x has no bucket under the name of the database.
    #[error(
        "{text} (InfluxDB 2.x reads a bucket only if it is mapped: influx bucket create, then \
         influx v1 dbrp create --db DATABASE --rp autogen --default --bucket-id ID)"
    )]
    NotMapped {
        /// The server's words.
        text: String,
    },
    /// What the server holds after a push is not what was written.
    #[error("candles of {segment} are not all stored: {reason}")]
    Disagrees {
        /// The month or year.
        segment: String,
        /// What differs.
        reason: String,
    },
    /// The server did not take all lines of a batch; it may have stored some of them.
    #[error(
        "candles {first_row} to {last_row} were not all stored{}: status {status}: {text}",
        Missing(.missing)
    )]
    Write {
        /// Row of the first candle of the batch, from 1.
        first_row: u64,
        /// Row of its last candle.
        last_row: u64,
        /// Rows that the server does not hold; empty where it was not asked.
        missing: Vec<u64>,
        /// The HTTP status.
        status: u16,
        /// The server's words, shortened.
        text: String,
    },
    /// The answer is not what the protocol promises.
    #[error("the answer cannot be understood: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A setting that no request can be made of.
    #[error("{reason}")]
    Settings {
        /// What is wrong with it.
        reason: String,
    },
}

/// Rows shown of those that are missing.
const SHOWN_ROWS: usize = 20;

struct Missing<'a>(&'a [u64]);

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, row) in self.0.iter().take(SHOWN_ROWS).enumerate() {
            write!(f, "{}{row}", if index == 0 { "; missing: row " } else { ", " })?;
        }
        match self.0.len().checked_sub(SHOWN_ROWS) {
            Some(more) if more > 0 => write!(f, " and {more} more"),
            Some(_) | None => Ok(()),
        }
    }
}

/// Why a file operation failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileCause {
    /// The system's answer.
    #[error(transparent)]
    Io(Arc<io::Error>),
    /// The Parquet library's answer.
    #[error(transparent)]
    Parquet(Arc<parquet::errors::ParquetError>),
    /// The JSON parser's answer.
    #[error(transparent)]
    Json(Arc<serde_json::Error>),
}

impl From<io::Error> for FileCause {
    fn from(error: io::Error) -> FileCause {
        FileCause::Io(Arc::new(error))
    }
}

impl From<parquet::errors::ParquetError> for FileCause {
    fn from(error: parquet::errors::ParquetError) -> FileCause {
        FileCause::Parquet(Arc::new(error))
    }
}

impl From<serde_json::Error> for FileCause {
    fn from(error: serde_json::Error) -> FileCause {
        FileCause::Json(Arc::new(error))
    }
}

/// `ENFILE` and `EMFILE`, for which the standard library has no kind.
const OUT_OF_FILES: [i32; 2] = [23, 24];

impl Error {
    /// Whether the same call may succeed later, without anything being changed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether the trouble is this host's and may pass, or be absent on another: a full disk, too
    /// many open files, a network disk that does not answer.
    pub fn may_pass(&self) -> bool {
        use io::ErrorKind as Kind;
        let Self::File { cause: FileCause::Io(error), .. } = self else { return false };
        let out_of_files = error.raw_os_error().is_some_and(|code| OUT_OF_FILES.contains(&code));
        out_of_files
            || matches!(
                error.kind(),
                Kind::StorageFull
                    | Kind::QuotaExceeded
                    | Kind::ReadOnlyFilesystem
                    | Kind::StaleNetworkFileHandle
                    | Kind::ResourceBusy
                    | Kind::TimedOut
                    | Kind::Interrupted
                    | Kind::OutOfMemory
            )
    }

    /// Stable code of the failure, as a job's `error.code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "source_unavailable",
            Self::Rejected { .. } => "source_rejected",
            Self::BadCandles { .. } => "bad_candles",
            Self::UnknownSeries { .. } => "unknown_series",
            Self::NoCandles { .. } => "no_candles",
            Self::Refused(_) => "import_refused",
            Self::NotInferred { .. } => "not_inferred",
            Self::Unreadable { .. } | Self::UnreadableFunding { .. } => "unreadable_file",
            Self::BadName { .. } => "bad_name",
            Self::File { .. } => "file",
        }
    }

    /// The error and its causes on one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let words = error.to_string();
            // Some libraries repeat their cause in their own words.
            if !text.ends_with(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            cause = error.source();
        }
        text
    }

    /// A closure for `map_err` on file operations.
    pub(crate) fn file<C: Into<FileCause>>(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(C) -> Error {
        move |cause| Error::File { action, path: path.to_owned(), cause: cause.into() }
    }
}

/// The tail of the message about an unknown series.
struct Stored<'a>(&'a [SeriesId]);

impl fmt::Display for Stored<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, series) in self.0.iter().enumerate() {
            write!(f, "{}{series}", if index == 0 { "; nearest: " } else { ", " })?;
        }
        Ok(())
    }
}

/// A range as two instants.
struct Span<'a>(&'a TimeRange);

impl fmt::Display for Span<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", Instant(self.0.start_ms), Instant(self.0.end_ms))
    }
}

/// A time as RFC 3339, or as its number of milliseconds where the calendar has no such year.
pub(crate) struct Instant(pub(crate) i64);

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => fmt::Display::fmt(&time, f),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}
