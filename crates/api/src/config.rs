//! What an API process is told at its start.

use std::time::Duration;

use store::{NodeTimes, Terms};

/// Limits, times and texts of one API process. Addresses are not here: the caller binds.
#[derive(Clone, Debug)]
pub struct Config {
    /// Program version, shown by `/`, `/healthz` and the OpenAPI document.
    pub version: String,
    /// Whether requests need an API key though none was ever made: the address is public.
    pub require_keys: bool,
    /// Most jobs that an API key may submit a minute on this process.
    pub jobs_per_minute: Option<u64>,
    /// Id of this node: the same for each process at this address of this host.
    pub node_id: String,
    /// Where this node listens, for people.
    pub node_url: String,
    /// Beat and lease of this node.
    pub node: NodeTimes,
    /// Time between two sweeps, where this node holds their leases.
    pub sweep_period: Duration,
    /// How far a read replica may be behind before it is not asked.
    pub replica_lag: Duration,
    /// Longest request body in bytes, counted after decompression.
    pub max_body_bytes: usize,
    /// Most jobs a bundle may have, counted over the full product.
    pub max_jobs_per_bundle: u64,
    /// Longest time from a request's head to its answer's head.
    pub request_timeout: Duration,
    /// Longest time a client may take to send a request's head.
    pub header_timeout: Duration,
    /// How long requests in flight may go on after a shutdown was asked for.
    pub drain: Duration,
    /// How long the answer to an `Idempotency-Key` is remembered.
    pub idempotency_keep: Duration,
    /// How old a status may be before the store is asked again.
    pub status_age: Duration,
    /// How old the status of a final bundle may be before the store is asked again.
    pub final_status_age: Duration,
    /// Time between two looks at a bundle whose events somebody follows, while no hints come.
    pub watch_period: Duration,
    /// Time between two comparisons of all remembered versions, for hints that were lost.
    pub version_sweep: Duration,
    /// Time between two signs of life on an event stream where nothing happens.
    pub heartbeat: Duration,
    /// How long a client may take nothing of an answer before its connection is given up.
    pub stall: Duration,
    /// Time without a reader after which a bundle leaves this process's caches.
    pub idle: Duration,
    /// Longest wait for the candle source when a submit is checked against its series.
    pub series_timeout: Duration,
    /// Longest wait for the candles of a job.
    pub candles_timeout: Duration,
    /// How the bundles that are submitted here share the queue.
    pub terms: Terms,
}

impl Config {
    /// The defaults, for a program of this version.
    pub fn new(version: impl Into<String>) -> Config {
        Config {
            version: version.into(),
            require_keys: false,
            jobs_per_minute: None,
            node_id: "node".to_owned(),
            node_url: String::new(),
            node: NodeTimes::default(),
            sweep_period: Duration::from_secs(1),
            replica_lag: Duration::from_secs(10),
            max_body_bytes: 4 * 1024 * 1024,
            max_jobs_per_bundle: 1_000_000,
            request_timeout: Duration::from_mins(1),
            header_timeout: Duration::from_secs(15),
            drain: Duration::from_secs(10),
            idempotency_keep: Duration::from_hours(24),
            status_age: Duration::from_millis(100),
            final_status_age: Duration::from_secs(1),
            watch_period: Duration::from_millis(250),
            version_sweep: Duration::from_secs(5),
            heartbeat: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            idle: Duration::from_mins(1),
            series_timeout: Duration::from_secs(2),
            candles_timeout: Duration::from_secs(15),
            terms: Terms::default(),
        }
    }
}
