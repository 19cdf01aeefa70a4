//! The command line: every command, flag and environment variable.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Runs bundles of trading-strategy backtests, on one machine or across a fleet.
#[derive(Debug, Parser)]
#[command(name = "backfleet", version, propagate_version = true, subcommand_required = true)]
#[command(
    after_help = "Exit codes: 0 ok, 1 failure, 2 usage, 3 finished with failed jobs, 4 auth, \
    5 unreachable, 6 not found, 7 conflict, 8 still running at --timeout, 9 verify mismatch, \
    130 interrupted."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command knows.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Configuration file, instead of ./backfleet.toml and the user's own.
    #[arg(long, global = true, env = "BACKFLEET_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Form of the log on stderr.
    #[arg(long, global = true, env = "BACKFLEET_LOG_FORMAT", value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// What is logged, such as `info` or `store=debug`.
    #[arg(long, global = true, env = "BACKFLEET_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// When to colour.
    #[arg(long, global = true, env = "BACKFLEET_COLOR", value_enum, default_value = "auto")]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Real sample candles, a few bundles, one progress bar, a result table; nothing to install.
    Demo(DemoArgs),
    /// API, worker and store in one process on one machine.
    Dev(DevArgs),
    /// The HTTP API over PostgreSQL; run as many as you like.
    Serve(ServeArgs),
    /// A compute worker over PostgreSQL; run as many as you like.
    Worker(WorkerArgs),
    /// Brings the database schema to this version.
    Migrate(DatabaseArgs),
    /// Says what is wrong with a deployment, and how to mend it.
    Doctor(DoctorArgs),
    /// One backtest here, without a server.
    Run(RunArgs),
    /// Candles: import, list, push, export.
    #[command(subcommand)]
    Candles(CandlesCommand),
    /// Bundles on a server: estimate, submit, list, status, watch, results, cancel.
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// The OpenAPI document of the HTTP API.
    Openapi,
    /// Settings in force.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Shell completions, for `source <(backfleet completions bash)`.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Prints every setting; secrets are masked.
    Show {
        /// Also where each value comes from.
        #[arg(long)]
        origin: bool,
        #[arg(long)]
        /// One JSON document.
        json: bool,
        #[command(flatten)]
        serve: ServeArgs,
        #[command(flatten)]
        worker: WorkerTuning,
    },
}

/// Where the embedded data lives.
#[derive(Clone, Debug, Args)]
pub(crate) struct DataArgs {
    /// Folder of the embedded store, the candle files and the candle cache.
    #[arg(long, env = "BACKFLEET_DATA", value_name = "DIR", default_value = "backfleet-data")]
    pub(crate) data: PathBuf,
}

/// Which database.
#[derive(Clone, Debug, Args)]
pub(crate) struct DatabaseArgs {
    /// postgres://user:password@host/database, or a SQLite file's path in --data if absent.
    #[arg(long, env = "BACKFLEET_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// Where candles come from.
#[derive(Clone, Debug, Args)]
pub(crate) struct InfluxArgs {
    /// http://host:8086; the Parquet files in --data if absent.
    #[arg(long, env = "BACKFLEET_INFLUX_URL", value_name = "URL")]
    pub(crate) influx_url: Option<String>,
    /// Database (or the bucket mapped to it) that holds the candles; `market` by default.
    #[arg(long, env = "BACKFLEET_INFLUX_DATABASE", value_name = "NAME")]
    pub(crate) influx_database: Option<String>,
    /// File that holds `user:password` or a token.
    #[arg(long, env = "BACKFLEET_INFLUX_TOKEN_FILE", value_name = "FILE")]
    pub(crate) influx_token_file: Option<PathBuf>,
}

/// The HTTP side of a role.
#[derive(Clone, Debug, Args)]
pub(crate) struct ListenArgs {
    /// Address and port of the HTTP API.
    #[arg(
        long,
        env = "BACKFLEET_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8787"
    )]
    pub(crate) listen: SocketAddr,
    /// Most jobs a bundle may have.
    #[arg(long, env = "BACKFLEET_MAX_JOBS", value_name = "N", default_value_t = 1_000_000)]
    pub(crate) max_jobs: u64,
}

/// Beat, lease and grace: the same on every process of a fleet.
#[derive(Clone, Debug, Args)]
pub(crate) struct LeaseArgs {
    /// Time between two heartbeats of a worker.
    #[arg(long, env = "BACKFLEET_BEAT", value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) beat: Duration,
    /// A worker that has not beaten for this long has lost its jobs.
    #[arg(long, env = "BACKFLEET_LEASE", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) lease: Duration,
    /// A dead worker's jobs are taken back after this; longer than a heartbeat.
    #[arg(long, env = "BACKFLEET_GRACE", value_name = "TIME", default_value = "7500ms", value_parser = duration)]
    pub(crate) grace: Duration,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) influx: InfluxArgs,
    #[command(flatten)]
    pub(crate) lease: LeaseArgs,
}

/// How a worker works.
#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerTuning {
    /// Compute threads; a core each by default.
    #[arg(long, env = "BACKFLEET_SLOTS", value_name = "N")]
    pub(crate) slots: Option<NonZeroUsize>,
    /// Time between two looks at an empty queue.
    #[arg(long, env = "BACKFLEET_POLL", value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) poll: Duration,
    /// Time that running jobs get to finish on SIGTERM.
    #[arg(long, env = "BACKFLEET_DRAIN_TIMEOUT", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) drain_timeout: Duration,
    /// Longest wait of a job for a candle source that does not answer.
    #[arg(long, env = "BACKFLEET_SOURCE_TIMEOUT", value_name = "TIME", default_value = "15m", value_parser = duration)]
    pub(crate) source_timeout: Duration,
    /// Throttle of the whole process, in candles a second.
    #[arg(long, env = "BACKFLEET_PACE", value_name = "CANDLES", value_parser = positive)]
    pub(crate) pace: Option<f64>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) influx: InfluxArgs,
    #[command(flatten)]
    pub(crate) lease: LeaseArgs,
    #[command(flatten)]
    pub(crate) tuning: WorkerTuning,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DevArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    #[command(flatten)]
    pub(crate) tuning: WorkerTuning,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DemoArgs {
    /// Keep the server up afterwards, until Ctrl-C.
    #[arg(long)]
    pub(crate) serve: bool,
    /// Address and port of the HTTP API; a free port by default.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Keep store, candles and results in this folder; a temporary one by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// One JSON document on stdout instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

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

/// How a file's rows are read and named.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImportNames {
    /// Exchange, where the file's name does not say.
    #[arg(long)]
    pub(crate) exchange: Option<String>,
    /// Ticker, where the file's name does not say.
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
}

#[derive(Debug, Subcommand)]
pub(crate) enum CandlesCommand {
    /// Reads candle files (CSV, gzip, Binance ZIP) or folders into --data.
    Import {
        /// Files or folders.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        names: ImportNames,
        #[command(flatten)]
        data: DataArgs,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Series that exist, with their first and last candle and count.
    List {
        #[command(flatten)]
        data: DataArgs,
        #[command(flatten)]
        influx: InfluxArgs,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Writes the series of --data to InfluxDB.
    Push {
        /// Only this series, as `exchange/ticker/timeframe`.
        #[arg(long)]
        series: Option<String>,
        #[command(flatten)]
        data: DataArgs,
        #[command(flatten)]
        influx: InfluxArgs,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Writes one series to a Parquet or CSV file.
    Export {
        /// The series, as `exchange/ticker/timeframe`.
        series: String,
        /// The file; its ending says the form: .parquet, .csv or .csv.gz.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        data: DataArgs,
        #[command(flatten)]
        influx: InfluxArgs,
    },
}

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
    List {
        /// Only with this status.
        #[arg(long)]
        status: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        server: ServerArgs,
    },
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
    /// Calls a bundle off.
    Cancel {
        /// Its id.
        id: String,
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
    /// One JSON document.
    Json,
}

/// `500ms`, `5s`, `15m` or `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a whole number and a unit: 500ms, 5s, 15m, 2h".to_owned()),
    };
    count
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(milliseconds))
        .filter(|total| *total > 0)
        .map(Duration::from_millis)
        .ok_or_else(|| "write a whole number above 0 and a unit: 500ms, 5s, 15m, 2h".to_owned())
}

fn zone(text: &str) -> Result<model::TimeZoneName, String> {
    let unknown = "write an IANA time zone such as America/New_York";
    model::TimeZoneName::new(text).ok_or_else(|| unknown.to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("write a number above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_need_a_unit_and_a_count() {
        assert_eq!(duration("1500ms"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("15m"), Ok(Duration::from_secs(900)));
        for text in ["", "5", "s", "0s", "-1s", "1.5s", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
