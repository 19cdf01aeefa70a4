//! Flags of the commands that need no server: run and indicator.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::zone;
use super::{DataArgs, InfluxArgs};

#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    /// A bundle request (JSON) that expands to one job; `-` for stdin.
    pub(crate) file: PathBuf,
    /// Which job of a larger bundle.
    #[arg(long, value_name = "N")]
    pub(crate) seq: Option<u32>,
    /// A candle file of any importable form, instead of the stored series.
    #[arg(long, value_name = "FILE")]
    pub(crate) candles: Option<PathBuf>,
    /// IANA time zone of the file's times, where they are written without an offset.
    #[arg(long, value_name = "ZONE", value_parser = zone, requires = "candles")]
    pub(crate) tz: Option<model::TimeZoneName>,
    /// Prints every node, signal, level and event of the candle that opens at this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) explain: Option<String>,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IndicatorForm {
    /// `row,time,value`.
    Csv,
    /// One JSON document.
    Json,
}
