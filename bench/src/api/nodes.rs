//! Two API nodes over a PostgreSQL of their own, and a worker by hand that changes bundles.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use store::postgres::{Postgres as PostgresStore, PostgresOptions};
use store::{Ending, Finish, Held, JobError, LeaseTimes, Presence, Store, WorkerInfo};
use tempfile::TempDir;
use testkit::postgres::Postgres;
use testkit::process::Backfleet;
use testkit::{http, port};

/// Longest wait for a process.
const SOON: Duration = Duration::from_mins(1);

/// Running nodes, ended when dropped.
pub(crate) struct Nodes {
    pub(crate) addresses: [SocketAddr; 2],
    processes: [Backfleet; 2],
    database: String,
    _postgres: Postgres,
    _data: TempDir,
}

impl Nodes {
    /// Starts both over the sample candles.
    pub(crate) fn start(program: &Path) -> anyhow::Result<Nodes> {
        let postgres = Postgres::start_durable();
        let database = postgres.database();
        let data = tempfile::tempdir()?;
        let run = |arguments: &[&str]| -> anyhow::Result<()> {
            let output = Backfleet::command(program).args(arguments).output()?;
            let errors = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "{arguments:?}: {errors}");
            Ok(())
        };
        run(&["migrate", "--database-url", &database])?;
        let folder = data.path().to_str().context("a plain path")?;
        run(&["candles", "import", "examples/candles", "--data", folder])?;
        let start = || {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()));
            let mut command = Backfleet::command(program);
            command.args(["serve", "--listen", &address.to_string(), "--data", folder]);
            command.args(["--database-url", &database]);
            let mut process = Backfleet::spawn(command);
            process.until_ready(&format!("http://{address}/readyz"), SOON);
            (address, process)
        };
        let ((a, node_a), (b, node_b)) = (start(), start());
        Ok(Nodes {
            addresses: [a, b],
            processes: [node_a, node_b],
            database,
            _postgres: postgres,
            _data: data,
        })
    }

    /// Submits a bundle of `jobs` jobs; its id.
    pub(crate) fn submit(&self, jobs: usize) -> anyhow::Result<String> {
        let request = json!({
            "universalConfig": {
                "exchange": "bitstamp", "ticker": "BTCUSD", "timeframe": "15m", "balance": 10_000,
                "strategy": {
                    "signals": {"long": "crossUp(close, ema(close, $n))"},
                    "params": {"n": {"int": [2, 10_000, 1], "default": 20}}}},
            "dateTimeRanges": [{"start": "2025-01-08T00:00:00Z", "end": "2025-02-03T00:00:00Z"}],
            "parameterVariants": {"n": {"from": 2, "to": jobs + 1, "step": 1}}
        });
        let url = format!("http://{}/api/backtest/bundle", self.addresses[0]);
        let answer = http::post_json(&url, &request.to_string())?;
        ensure!(answer.status == 202, "{}", answer.body);
        let answer: Value = serde_json::from_str(&answer.body)?;
        Ok(answer["bundleRequestId"].as_str().context("an id")?.to_owned())
    }

    /// A metric of both nodes together.
    pub(crate) fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let mut sum = 0.0;
        for address in self.addresses {
            let text = http::get(&format!("http://{address}/metrics"))?.body;
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            sum += line.map_or(Ok(0.0), str::parse)?;
        }
        Ok(sum)
    }

    /// Resident memory of each node, in MB.
    pub(crate) fn memory_mb(&self) -> [f64; 2] {
        self.processes.each_ref().map(|process| bench::machine::memory_mb(process.pid(), "VmRSS"))
    }

    /// CPU seconds of both nodes so far.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let of = |process: &Backfleet| bench::machine::cpu_seconds(&process.pid().to_string());
        Ok(of(&self.processes[0])? + of(&self.processes[1])?)
    }

    /// A worker that ends jobs when it is told to.
    pub(crate) async fn hand(&self) -> anyhow::Result<Hand> {
        let store = PostgresStore::connect(&self.database, &PostgresOptions::default()).await?;
        let info = WorkerInfo { host: "bench".into(), version: "0".into(), slots: 1 };
        let presence = store.enter(&info, LeaseTimes::default()).await?;
        Ok(Hand { store, presence })
    }
}

/// A worker by hand.
pub(crate) struct Hand {
    pub(crate) store: Arc<dyn Store>,
    presence: Box<dyn Presence>,
}

impl Hand {
    /// Claims up to `jobs` jobs; how they will end.
    pub(crate) async fn claim(&self, jobs: u32) -> anyhow::Result<Vec<Finish>> {
        let claims = self.store.claim(self.presence.worker(), jobs).await?;
        let finish = |claim: store::Claim| Finish {
            held: Held { job: claim.job, attempt: claim.attempt },
            bundle: claim.bundle,
            ending: Ending::Failed(JobError { code: "bench".into(), message: String::new() }),
        };
        Ok(claims.into_iter().map(finish).collect())
    }

    /// Ends jobs.
    pub(crate) async fn finish(&self, finishes: &[Finish]) -> anyhow::Result<()> {
        self.store.finish(self.presence.worker(), finishes).await?;
        Ok(())
    }
}
