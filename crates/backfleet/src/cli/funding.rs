//! The flags of `backfleet candles funding`.

use std::path::PathBuf;

use clap::Args;

use super::DataArgs;

#[derive(Clone, Debug, Args)]
pub(crate) struct FundingArgs {
    /// Files of time, rate and, where there is one, mark price: CSV (also gzipped or zipped) of any
    /// venue, or freqtrade's Feather, Parquet or JSON.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Exchange; else from the file's name or folder (Binance's archive, freqtrade).
    #[arg(long)]
    pub(crate) exchange: Option<String>,
    /// Ticker; else from the file's name, as Binance's archive and freqtrade name theirs.
    #[arg(long)]
    pub(crate) ticker: Option<String>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}
