//! A bundle of tiny backtests: its submit, and its drain by one worker.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench::machine;
use serde_json::{Value, json};
use testkit::postgres::{self, Postgres};
use testkit::process::Backfleet;
use testkit::{Signal, http, port, wait};

/// Longest wait for a process.
const SOON: Duration = Duration::from_mins(1);
/// Longest wait for the bundle.
const LATE: Duration = Duration::from_mins(15);
/// Values of the second axis.
const FINE: u32 = 250;

/// Submits `jobs` backtests of 100 candles in one request and drains them; returns jobs a second.
pub(crate) fn run(
    program: &Path,
    server: &Postgres,
    jobs: u32,
    slots: usize,
) -> anyhow::Result<f64> {
    let database = server.database();
    let data = tempfile::tempdir()?;
    let folder = data.path().to_str().context("a plain path")?;
    for arguments in [
        ["migrate", "--database-url", &database].as_slice(),
        &["candles", "import", "examples/candles", "--data", folder],
    ] {
        let output = Backfleet::command(program).args(arguments).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {errors}");
    }
    let spawn = |role: &[&str]| {
        let mut command = Backfleet::command(program);
        command.args(role).args(["--data", folder, "--database-url", &database]);
        Backfleet::spawn(command)
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()));
    let mut serve = spawn(&["serve", "--listen", &address.to_string()]);
    serve.until_ready(&format!("http://{address}/readyz"), SOON);

    let memory_before = machine::memory_mb(serve.pid(), "VmRSS");
    let submitted = Instant::now();
    let url = format!("http://{address}/api/backtest/bundle");
    let answer = http::post_json(&url, &request(jobs).to_string())?;
    let submit = submitted.elapsed().as_secs_f64();
    ensure!(answer.status == 202, "{}", answer.body);
    let answer: Value = serde_json::from_str(&answer.body)?;
    let id = answer["bundleRequestId"].as_str().context("an id")?;
    let total = u32::try_from(answer["total"].as_u64().context("a total")?)?;
    println!(
        "submit          {total} jobs in one request, answered after {submit:.2} s ({:.0} jobs/s); \
         memory of serve {memory_before:.0} MB before, {:.0} MB at most, {:.0} MB after",
        f64::from(total) / submit,
        machine::memory_mb(serve.pid(), "VmHWM"),
        machine::memory_mb(serve.pid(), "VmRSS"),
    );

    let written = || number(&database, "SELECT pg_current_wal_insert_lsn() - '0/0'");
    let before = written()?;
    let mut worker = spawn(&["worker", "--slots", &slots.to_string()]);
    let status = format!("{url}/{id}/status");
    let last = wait::some(LATE, "the bundle to end", || {
        let answer = http::get(&status).ok().filter(|answer| answer.status == 200)?;
        let status: Value = serde_json::from_str(&answer.body).ok()?;
        status["completedAt"].is_string().then_some(status)
    });
    ensure!(last["completed"] == total, "not all completed: {last}");
    let wal = written()? - before;
    let seconds = number(
        &database,
        &format!(
            "SELECT extract(epoch FROM finished_at - started_at) FROM bundle WHERE id = '{id}'"
        ),
    )?;
    let rate = f64::from(total) / seconds;
    println!(
        "drain           {rate:.0} jobs/s, {seconds:.1} s from the first claim to the last finish \
         (100 candles, a result row and the count each; {slots} compute threads)"
    );
    let sessions = postgres::query(&database, "SELECT pid FROM pg_stat_activity");
    let of_server: f64 = sessions.lines().filter_map(|pid| machine::cpu_seconds(pid).ok()).sum();
    println!(
        "drain costs     {:.0} bytes of WAL a job; CPU: worker {:.1} s, serve {:.1} s, PostgreSQL's \
         sessions {of_server:.1} s",
        wal / f64::from(total),
        machine::cpu_seconds(&worker.pid().to_string())?,
        machine::cpu_seconds(&serve.pid().to_string())?,
    );
    for process in [&mut worker, &mut serve] {
        process.signal(Signal::TERM);
        let status = process.wait(SOON);
        ensure!(status.success(), "{status}: {}", process.stderr());
    }
    Ok(rate)
}

/// About `jobs` variants over the first 100 candles of 15 minutes of a sample, no two alike.
fn request(jobs: u32) -> Value {
    json!({
        "name": "tiny jobs",
        "universalConfig": {
            "exchange": "bitstamp", "ticker": "BTCUSD", "timeframe": "15m", "balance": 10_000,
            "strategy": {
                "signals": {
                    "long": "crossUp(close, 90000 + $coarse * 25 + $fine / 10)",
                    "exitLong": "crossDown(close, 90000 + $coarse * 25 + $fine / 10)"},
                "params": {
                    "coarse": {"int": [0, 10_000, 1], "default": 0},
                    "fine": {"int": [0, FINE, 1], "default": 0}}}},
        "dateTimeRanges": [{"start": "2025-01-08T00:00:00Z", "end": "2025-01-09T01:00:00Z"}],
        "parameterVariants": {
            "coarse": {"from": 0, "to": (jobs / FINE).max(1) - 1, "step": 1},
            "fine": {"from": 0, "to": FINE - 1, "step": 1}}
    })
}

fn number(database: &str, query: &str) -> anyhow::Result<f64> {
    postgres::query(database, query).parse().with_context(|| query.to_owned())
}
