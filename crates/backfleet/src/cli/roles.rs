//! Flags of the roles: where data lives, which servers, how a worker works.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{duration, positive};

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
    /// `postgres://user:password@host/database`; the SQLite file in --data if absent.
    #[arg(long, env = "BACKFLEET_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// Where candles come from.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the names are those of the flags")]
pub(crate) struct InfluxArgs {
    /// `http://host:8086`; the Parquet files in --data if absent.
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
    /// Most jobs that an API key may submit a minute on this node; 0 for no limit.
    #[arg(long, env = "BACKFLEET_JOBS_PER_MINUTE", value_name = "N", default_value_t = 1_000_000)]
    pub(crate) jobs_per_minute: u64,
}

/// How this process lives among the API nodes.
#[derive(Clone, Debug, Args)]
pub(crate) struct NodeArgs {
    /// Time between two signs of life of an API node.
    #[arg(long, env = "BACKFLEET_NODE_BEAT", value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) node_beat: Duration,
    /// An API node that gave no sign for this long has lost its leases.
    #[arg(long, env = "BACKFLEET_NODE_TTL", value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) node_ttl: Duration,
    /// A streaming replica of the database to read statuses, lists and results from.
    #[arg(long, env = "BACKFLEET_READ_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) read_database_url: Option<String>,
    /// A replica that is further behind is not read.
    #[arg(long, env = "BACKFLEET_READ_LAG", value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) read_lag: Duration,
}

/// How bundles that are submitted here share the queue.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct QueueArgs {
    /// Order of bundles of equal priority: `strict` runs the older one to its end first, `fair`
    /// lets them take turns.
    #[arg(long, env = "BACKFLEET_ORDERING", value_enum, default_value = "strict")]
    pub(crate) ordering: OrderingArg,
    /// Most jobs of one owner that may run at once; no limit by default.
    #[arg(long, env = "BACKFLEET_OWNER_RUNNING_CAP", value_name = "N")]
    pub(crate) owner_running_cap: Option<NonZeroU32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderingArg {
    /// Priority, then age.
    Strict,
    /// Priority, then turns of 64 jobs a bundle.
    Fair,
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
    pub(crate) queue: QueueArgs,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) influx: InfluxArgs,
    #[command(flatten)]
    pub(crate) lease: LeaseArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
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
    /// Address and port for `/metrics` and `/healthz`; none by default.
    #[arg(long = "listen", env = "BACKFLEET_WORKER_LISTEN", value_name = "ADDRESS")]
    pub(crate) worker_listen: Option<SocketAddr>,
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
    /// Warn of a transaction in the database that has been open for longer.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(crate) max_snapshot: Duration,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}
