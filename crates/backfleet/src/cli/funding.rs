//! The flags of `backfleet candles funding`.

use std::path::PathBuf;

use clap::Args;

use super::DataArgs;

#[derive(Clone, Debug, Args)]
pub(crate) struct FundingArgs {
    /// Files of time, rate and, where there is one, mark price: CSV (also gzipped or zipped) of any
    /// venue, or freqtrade's JSON.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Exchange; `binance` for a file named as its archive names it.
    #[arg(long)]
    pub(crate) exchange: Option<String>,
    /// Ticker; else from the name of a file of Binance's archive.
    #[arg(long)]
    pub(crate) ticker: Option<String>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}
