//! Flags of the commands that read files here: run, indicator, signals.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::values::zone;
use super::{DataArgs, InfluxArgs, ServerArgs};

#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    /// A bundle request (JSON) that expands to one job; `-` for stdin.
    pub(crate) file: PathBuf,
    /// Which job of a larger bundle.
    #[arg(long, value_name = "N")]
    pub(crate) seq: Option<u32>,
    /// A candle file of any importable form, instead of the stored series; again for each other
    /// ticker that the strategy reads, whose name is in the file's name.
    #[arg(long, value_name = "FILE")]
    pub(crate) candles: Vec<PathBuf>,
    /// A signal file (CSV or Parquet: open time, 1 / -1 / 0): the strategy's `signalColumn`.
    #[arg(long, value_name = "FILE")]
    pub(crate) signals: Option<PathBuf>,
    /// A file of funding rates of the job's ticker (CSV or JSON), for `costs.funding: fromData`.
    #[arg(long, value_name = "FILE", requires = "candles")]
    pub(crate) funding: Option<PathBuf>,
    /// IANA time zone of the files' times, where they are written without an offset.
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub(crate) tz: Option<model::TimeZoneName>,
    /// Prints every node, signal, level and event of the candle that opens at this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) explain: Option<String>,
    /// Adds the numbers of quantstats, backtestingPy or freqtrade as that tool defines them.
    #[arg(long, value_name = "PEER", conflicts_with = "explain")]
    pub(crate) profile: Option<stats::Profile>,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) influx: InfluxArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct IndicatorArgs {
    /// The indicator as JSON, `{"ema": {"of": "close", "n": 12}}`, or as text, `ema(close, 12)`.
    pub(crate) expression: String,
    /// A candle file of any importable form.
    #[arg(long, value_name = "FILE")]
    pub(crate) candles: PathBuf,
    /// Timeframe, where neither the file's name nor its rows say.
    #[arg(long)]
    pub(crate) timeframe: Option<model::Timeframe>,
    /// IANA time zone of times without an offset.
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub(crate) tz: Option<model::TimeZoneName>,
    /// Days of the series: 24x7, 24x5, session or session:Area/City.
    #[arg(long)]
    pub(crate) calendar: Option<model::Calendar>,
    /// Form of the output.
    #[arg(short, long, value_enum, default_value = "csv")]
    pub(crate) output: IndicatorForm,
    /// One JSON document, as `-o json`.
    #[arg(long, conflicts_with = "output")]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IndicatorForm {
    /// `row,time,value`.
    Csv,
    /// One JSON document.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignalsCommand {
    /// Uploads a signal file to a server; prints the hash that `signalColumn` takes.
    Put {
        /// CSV (plain or gzipped) or Parquet: a candle's open time and 1, -1 or 0 a row.
        file: PathBuf,
        /// IANA time zone of times without an offset.
        #[arg(long, value_name = "ZONE", value_parser = zone)]
        tz: Option<model::TimeZoneName>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Prints the hash of a signal file; talks to no server.
    Hash {
        /// CSV (plain or gzipped) or Parquet: a candle's open time and 1, -1 or 0 a row.
        file: PathBuf,
        /// IANA time zone of times without an offset.
        #[arg(long, value_name = "ZONE", value_parser = zone)]
        tz: Option<model::TimeZoneName>,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
}
