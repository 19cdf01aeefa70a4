//! Flags of the `candles` commands.

use std::path::PathBuf;

use candles::Fix;
use candles::import::{ColumnMap, Label};
use clap::{Args, Subcommand, ValueEnum};

use super::values::{size, zone};
use super::{DataArgs, InfluxArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum CandlesCommand {
    /// Reads candle files or folders into --data: CSV, Binance ZIP, JSON, Feather, Parquet.
    Import(Box<ImportArgs>),
    /// Reads funding rates of a perpetual into --data.
    Funding(super::FundingArgs),
    /// Series that exist, with their first and last candle and count.
    List(ListArgs),
    /// Checks stored series: every rule, gaps, leaps.
    Verify(VerifyArgs),
    /// Writes one series to a Parquet, Arrow or CSV file.
    Export(ExportArgs),
    /// Makes a series up: a seeded random walk, for tests and measurements.
    Generate(GenerateArgs),
    /// Writes the series of --data to InfluxDB.
    Push(PushArgs),
    /// The host's cache of mapped candles.
    #[command(subcommand)]
    Cache(CacheCommand),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files, folders, or patterns with * and ?.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Exchange, where neither the file's name nor its folder says.
    #[arg(long)]
    pub(crate) exchange: Option<String>,
    /// Ticker, where the file does not say; chooses among several.
    #[arg(long)]
    pub(crate) ticker: Option<String>,
    /// Timeframe, where neither the file's name nor its rows say.
    #[arg(long)]
    pub(crate) timeframe: Option<model::Timeframe>,
    /// Days of the series: 24x7, 24x5, session or session:Area/City.
    #[arg(long)]
    pub(crate) calendar: Option<model::Calendar>,
    /// IANA time zone of times without an offset.
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub(crate) tz: Option<model::TimeZoneName>,
    /// Which columns hold what, such as time=Date,open=O; by number from 1 without a header.
    #[arg(long, value_name = "MAP")]
    pub(crate) map: Option<ColumnMap>,
    /// Format of the times, as strptime has it: `%d.%m.%Y %H:%M`.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) time_format: Option<String>,
    /// Which end of a candle its time is.
    #[arg(long, value_enum, default_value = "open")]
    pub(crate) label: LabelArg,
    /// Scales open, high, low and close by adjusted close / close.
    #[arg(long)]
    pub(crate) adjusted: bool,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
    /// Prints what was found in every file, not only in those that deserve a look.
    #[arg(long, conflicts_with = "json")]
    pub(crate) report: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is done about faults.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct JudgeArgs {
    /// Refuses what only deserves a look, too: gaps, no volume, leaps, mixed units.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Mends faults: drop, keep-last, fill, or several with commas.
    #[arg(long, value_name = "WAYS")]
    pub(crate) fix: Option<Fix>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LabelArg {
    /// The open.
    Open,
    /// The close: times are moved back by one timeframe.
    Close,
}

impl From<LabelArg> for Label {
    fn from(label: LabelArg) -> Label {
        match label {
            LabelArg::Open => Label::Open,
            LabelArg::Close => Label::Close,
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ListArgs {
    /// Reads every series: candles missing, gaps, and the hash of the data.
    #[arg(long)]
    pub(crate) coverage: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) influx: InfluxArgs,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The series, as `exchange/ticker/timeframe`; all without it.
    pub(crate) series: Option<String>,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) influx: InfluxArgs,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ExportArgs {
    /// The series, as `exchange/ticker/timeframe`.
    pub(crate) series: String,
    /// The file; its ending says the form: .parquet, .arrow, .feather, .csv or .csv.gz.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) influx: InfluxArgs,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct GenerateArgs {
    /// The series, as `exchange/ticker/timeframe`.
    pub(crate) series: String,
    /// Candles.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) count: u32,
    /// Open time of the first candle.
    #[arg(long, value_name = "TIME", default_value = "2024-01-01T00:00:00Z")]
    pub(crate) start: jiff::Timestamp,
    /// Equal seeds give equal candles, on every machine.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How prices move.
    #[arg(long, value_enum, default_value = "walk")]
    pub(crate) movement: Movement,
    /// Usual move of a candle, in percent.
    #[arg(long, value_name = "PCT", default_value_t = 0.1)]
    pub(crate) volatility: f64,
    /// First price.
    #[arg(long, default_value_t = 100.0)]
    pub(crate) price: f64,
    /// Share of the candles that are missing.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) gaps: f64,
    /// Days of the series: 24x7, 24x5, session or session:Area/City.
    #[arg(long, default_value = "24x7")]
    pub(crate) calendar: model::Calendar,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Movement {
    /// The same everywhere.
    Walk,
    /// Rising, falling, quiet and wild times in turn.
    Regimes,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct PushArgs {
    /// Only this series, as `exchange/ticker/timeframe`.
    #[arg(long)]
    pub(crate) series: Option<String>,
    /// Sends also what the server's count and sums say it has already.
    #[arg(long)]
    pub(crate) again: bool,
    /// `postgres://user:password@host/database` of the fleet: its hosts hear at once of candles that
    /// were written, else when they next compare.
    #[arg(long, env = "BACKFLEET_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) influx: InfluxArgs,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// How full it is.
    Stats {
        #[command(flatten)]
        data: DataArgs,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Forgets candles: they are fetched anew.
    Purge {
        /// Only this series, as `exchange/ticker/timeframe`; all without it.
        #[arg(long)]
        series: Option<String>,
        #[command(flatten)]
        data: DataArgs,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Reads every file and compares it with its hash; damaged ones go.
    Verify {
        #[command(flatten)]
        data: DataArgs,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Drops what was used longest ago until the cache is this small.
    Shrink {
        /// Size, such as 500MB or 2GB.
        #[arg(value_parser = size)]
        to: u64,
        #[command(flatten)]
        data: DataArgs,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
}
