//! A fleet of real processes over a private PostgreSQL and a private InfluxDB.
//!
//! Here: starting one, and looking into its books from outside. The tests are named by what happens
//! to it: workers die (`crashes`), servers go away (`outages`), bundles compete (`order`), candles change
//! (`corrections`).

mod corrections;
mod crashes;
mod nodes;
mod order;
mod outages;

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::influx::{self, Influx};
use testkit::postgres::{self, Postgres};
use testkit::process::Backfleet;
use testkit::{Signal, port, wait};

use crate::support::{SOON, backfleet, command, get, import_samples, transcript};

/// Longest wait for a bundle on a busy machine.
const LATE: Duration = Duration::from_mins(2);

/// Times that can be waited for.
pub(crate) const SHORT_LEASE: [&str; 6] =
    ["--beat", "300ms", "--grace", "900ms", "--lease", "2500ms"];
/// Times whose order a busy machine does not change: a worker fences itself two beats before its
/// lease is over.
const WIDE_LEASE: [&str; 6] = ["--beat", "1s", "--grace", "3s", "--lease", "6s"];
/// A lease that outlasts every outage of the tests, beside a grace that none outlasts.
const LONG_LEASE: [&str; 6] = ["--beat", "300ms", "--grace", "900ms", "--lease", "30s"];

/// Two API nodes over servers of their own, with the sample candles in InfluxDB.
pub(crate) struct Fleet {
    pub(crate) node_a: Node,
    node_b: Node,
    postgres: Postgres,
    influx: Influx,
    database: String,
    candles: influx::Database,
    lease: [&'static str; 6],
}

/// One API node.
pub(crate) struct Node {
    pub(crate) url: String,
    process: Backfleet,
    _data: TempDir,
}

/// One worker, its cache empty at the start.
pub(crate) struct Worker {
    /// What it is called in the database.
    id: i64,
    process: Backfleet,
    _data: TempDir,
}

impl Fleet {
    /// Starts the servers, fills InfluxDB and starts two nodes.
    pub(crate) fn start(lease: [&'static str; 6]) -> Fleet {
        let files = tempfile::tempdir().unwrap();
        let (postgres, influx) = thread::scope(|scope| {
            scope.spawn(|| import_samples(files.path()));
            (Postgres::start(), Influx::start())
        });
        let (database, candles) = (postgres.database(), influx.database());
        succeed(&["migrate", "--database-url", &database]);
        let data = ["--data", text(files.path())];
        let push = ["candles", "push", "--influx-url", &candles.url, "--influx-database"];
        succeed(&[&push[..], &[&candles.name], &data].concat());
        let [node_a, node_b] = [(); 2].map(|()| Node::start(&database, &candles, lease));
        Fleet { node_a, node_b, postgres, influx, database, candles, lease }
    }

    /// Starts a worker that computes `pace` candles a second, so that a bundle lasts.
    pub(crate) fn worker(&self, pace: u32) -> Worker {
        self.worker_over(&self.database, pace)
    }

    /// Starts a worker that reaches the database by another URL, such as a proxy's.
    fn worker_over(&self, database: &str, pace: u32) -> Worker {
        let data = tempfile::tempdir().unwrap();
        let before = self.newest_worker();
        let mut arguments = vec!["worker", "--poll", "300ms", "--pace"];
        let pace = pace.to_string();
        arguments.extend([&pace, "--data", text(data.path())]);
        arguments.extend(self.lease);
        let process = spawn(&arguments, database, &self.candles);
        let newer = || self.newest_worker().filter(|newest| Some(*newest) != before);
        let id = wait::some(SOON, "the worker to enter", newer);
        Worker { id, process, _data: data }
    }

    fn newest_worker(&self) -> Option<i64> {
        get(&format!("{}/api/workers", self.node_a.url))["items"][0]["id"].as_i64()
    }

    /// What the API says of a worker.
    fn view(&self, worker: &Worker) -> Value {
        let workers = get(&format!("{}/api/workers", self.node_b.url));
        let mut items = workers["items"].as_array().unwrap().iter();
        items.find(|item| item["id"] == worker.id).unwrap().clone()
    }

    /// Rows of a query, seen from outside.
    #[track_caller]
    fn sql(&self, query: &str) -> String {
        postgres::query(&self.database, query)
    }

    /// The one number that a query returns.
    #[track_caller]
    fn count(&self, query: &str) -> i64 {
        let answer = self.sql(query);
        answer.parse().unwrap_or_else(|_| panic!("{query} returns {answer}"))
    }

    /// Checks that every job of a bundle is final once, is counted once and has a result of its own,
    /// and that every attempt but the last was ended by somebody.
    #[track_caller]
    fn check_books(&self, bundle: &str, completed: u64, failed: u64) {
        let of = format!("bundle_id = '{bundle}'");
        let total = completed + failed;
        let counted = self.sql(&format!(
            "SELECT sum(completed), sum(failed), sum(cancelled), sum(running)
             FROM bundle_slot WHERE {of}"
        ));
        assert_eq!(counted, format!("{completed}|{failed}|0|0"), "counted");
        let jobs = self.sql(&format!(
            "SELECT count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE status = 3),
                count(*), count(DISTINCT seq) FROM job WHERE {of}"
        ));
        assert_eq!(jobs, format!("{completed}|{failed}|{total}|{total}"), "jobs");
        let results = self.sql(&format!(
            "SELECT count(*), count(DISTINCT key) FROM job JOIN result ON key = result_key WHERE {of}"
        ));
        assert_eq!(results, format!("{completed}|{completed}"), "results");
        let unexplained = self.sql(&format!(
            "SELECT id, attempt FROM job WHERE {of}
             AND attempt <> 1 + (SELECT count(*) FROM attempt WHERE job_id = job.id)"
        ));
        assert_eq!(unexplained, "", "attempts that nobody ended");
        assert_eq!(self.count("SELECT count(*) FROM result_conflict"), 0, "outcomes differ");
    }

    /// Kills the first node.
    pub(crate) fn lose_node_a(&mut self) {
        self.node_a.process.signal(Signal::KILL);
        self.node_a.process.wait(SOON);
    }

    /// Starts the first node again at the same address.
    pub(crate) fn regain_node_a(&mut self) {
        let listen = &self.node_a.url["http://".len()..];
        self.node_a = Node::start_at(listen, &self.database, &self.candles, self.lease);
    }

    /// Ends `workers` in order, then the nodes; none may leave an advisory lock.
    #[track_caller]
    pub(crate) fn end(mut self, workers: impl IntoIterator<Item = Worker>) {
        for mut worker in workers {
            terminate(&mut worker.process);
        }
        let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
        // The nodes still take a lock for each pass of the reaper.
        wait::until(SOON, "the workers' locks to go", || self.count(held) == 0);
        for node in [&mut self.node_a, &mut self.node_b] {
            terminate(&mut node.process);
        }
        assert_eq!(self.count(held), 0);
    }
}

impl Node {
    fn start(database: &str, candles: &influx::Database, lease: [&str; 6]) -> Node {
        Node::start_at(&format!("127.0.0.1:{}", port::free()), database, candles, lease)
    }

    fn start_at(
        listen: &str,
        database: &str,
        candles: &influx::Database,
        lease: [&str; 6],
    ) -> Node {
        let data = tempfile::tempdir().unwrap();
        let mut arguments = vec!["serve", "--listen", listen, "--data", text(data.path())];
        arguments.extend(["--node-beat", "1s", "--node-ttl", "6s"]);
        arguments.extend(lease);
        let mut process = spawn(&arguments, database, candles);
        let url = format!("http://{listen}");
        process.until_ready(&format!("{url}/readyz"), SOON);
        Node { url, process, _data: data }
    }
}

fn spawn(arguments: &[&str], database: &str, candles: &influx::Database) -> Backfleet {
    let mut command = command(arguments);
    command.args(["--database-url", database, "--influx-url", &candles.url]);
    command.args(["--influx-database", &candles.name]);
    Backfleet::spawn(command)
}

/// Drains a process by SIGTERM.
#[track_caller]
fn terminate(process: &mut Backfleet) {
    process.signal(Signal::TERM);
    let status = process.wait(SOON);
    assert!(status.success(), "{status}:\n{}", process.stderr());
}

#[track_caller]
fn succeed(arguments: &[&str]) {
    let output = backfleet(arguments);
    assert!(output.status.success(), "{}", transcript(&output));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// 2,000 jobs of 624 or about 2,500 candles, which are made of stored minutes.
fn two_thousand_jobs() -> Value {
    json!({
        "universalConfig": {
            "exchange": "bitstamp", "ticker": "BTCUSD", "timeframe": "15m", "balance": 10000,
            "strategy": {
                "signals": {
                    "long": "crossUp(ema(close, $fast), ema(close, $slow))",
                    "short": "crossDown(ema(close, $fast), ema(close, $slow))"},
                "params": {
                    "fast": {"int": [5, 50, 5], "default": 10},
                    "slow": {"int": [60, 180, 5], "default": 60}}},
            "costs": {"feePct": 0.1, "slippageBps": 1}},
        "dateTimeRanges": [{"start": "2025-01-08T00:00:00Z", "end": "2025-02-03T00:00:00Z"}],
        "timeframeVariants": ["15m", "1h"],
        "moneyManagementVariants": [
            {}, {"stopLossPct": 1}, {"stopLossPct": 2, "takeProfitPct": 4}, {"takeProfitPct": 3}],
        "parameterVariants": {
            "fast": {"from": 5, "to": 50, "step": 5}, "slow": {"from": 60, "to": 180, "step": 5}}
    })
}

/// A job of about 2,000 daily candles for each ticker and each n from 2 to `last`.
fn equities(tickers: &[&str], last: u32, priority: i32) -> Value {
    json!({
        "universalConfig": {
            "exchange": "us", "ticker": tickers[0], "timeframe": "1d", "balance": 100_000,
            "strategy": {
                "signals": {"long": "crossUp(close, ema(close, $n))", "exitLong": "close < ema(close, $n)"},
                "params": {"n": {"int": [2, 400, 1], "default": 20}}}},
        "dateTimeRanges": [{"start": "2005-01-03T00:00:00Z", "end": "2013-01-01T00:00:00Z"}],
        "tickerVariants": tickers,
        "parameterVariants": {"n": {"from": 2, "to": last, "step": 1}},
        "priority": priority
    })
}
