//! Flags of the commands that talk to a server.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::values::duration;

/// Which server.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServerArgs {
    /// Address of a Backfleet API.
    #[arg(
        long,
        env = "BACKFLEET_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:8787"
    )]
    pub(crate) server: String,
    /// File that holds an API key.
    #[arg(long, env = "BACKFLEET_API_KEY_FILE", value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// One JSON document (a line an event in `watch`).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which bundles are listed.
#[derive(Clone, Debug, Args)]
pub(crate) struct BundleListArgs {
    /// Only with this status.
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Only with this in their name, whatever its case.
    #[arg(long, value_name = "PART")]
    pub(crate) name: Option<String>,
    /// Only with this tag.
    #[arg(long, value_name = "KEY:VALUE")]
    pub(crate) tag: Option<String>,
    /// Only of this owner; it takes a key that sees other owners.
    #[arg(long)]
    pub(crate) owner: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Jobs, missing candles, time and the luck bar of a request; stores nothing.
    Estimate {
        /// A bundle request (JSON); `-` for stdin.
        file: PathBuf,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Stores a bundle; its jobs start at once.
    Submit {
        /// A bundle request (JSON); `-` for stdin.
        file: PathBuf,
        /// A signal file (CSV or Parquet): uploaded first, as the strategy's `signalColumn`.
        #[arg(long, value_name = "FILE")]
        signals: Option<PathBuf>,
        /// Watch it to its end.
        #[arg(long)]
        watch: bool,
        /// A repeat with the same key stores nothing twice.
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
        /// Give up watching after this long (exit code 8); the bundle goes on.
        #[arg(long, value_name = "TIME", value_parser = duration)]
        timeout: Option<Duration>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Bundles, newest first.
    List(BundleListArgs),
    /// Where a bundle stands.
    Status {
        /// Its id.
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Follows a bundle to its end. Ctrl-C stops watching, not the bundle.
    Watch {
        /// Its id.
        id: String,
        /// Give up after this long (exit code 8); the bundle goes on.
        #[arg(long, value_name = "TIME", value_parser = duration)]
        timeout: Option<Duration>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// One row a job: its axis values and metrics.
    Results {
        /// The bundle's id.
        id: String,
        /// Only the first N.
        #[arg(long, default_value_t = 20)]
        top: u32,
        /// Metric to sort by, best first with a minus: `-sharpe`.
        #[arg(long, default_value = "-sharpe", allow_hyphen_values = true)]
        sort: String,
        /// Only rows for which this holds, such as `trades>=100`; may be repeated.
        #[arg(long = "where", value_name = "RULE")]
        rules: Vec<String>,
        /// Form of the output.
        #[arg(short, long, value_enum, default_value = "table")]
        output: ResultsForm,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// How much of its best result is luck: one sentence and the numbers behind it.
    Honesty {
        /// The bundle's id.
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Writes a report to keep or send: one HTML file that asks the network for nothing.
    Report {
        /// The bundle's id.
        id: String,
        /// The file to write; `-` for stdout.
        #[arg(long, value_name = "FILE")]
        html: PathBuf,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Calls a bundle off.
    Cancel {
        /// Its id.
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Runs failed and cancelled jobs again.
    Retry {
        /// The bundle's id.
        id: String,
        /// Only the failed ones.
        #[arg(long)]
        failed: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Claims no more jobs of a bundle; running ones go on.
    Pause {
        /// Its id.
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Ends a pause.
    Resume {
        /// The bundle's id.
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// What two bundles have in common: settings, data, outcomes, the first trade that differs.
    Diff {
        /// The first bundle's id.
        first: String,
        /// The second bundle's id.
        second: String,
        /// Differing jobs that are looked into.
        #[arg(long, default_value_t = 10)]
        top: usize,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct WorkersArgs {
    #[command(subcommand)]
    pub(crate) command: Option<WorkersCommand>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkersCommand {
    /// Asks a worker to end what it holds and stop.
    Drain {
        /// Its number.
        id: i64,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResultsForm {
    /// For people.
    Table,
    /// Comma-separated.
    Csv,
    /// A Parquet file, on stdout.
    Parquet,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Ndjson,
}
