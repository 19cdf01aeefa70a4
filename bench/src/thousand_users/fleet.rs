//! The system that is measured: one API node and one worker over servers of their own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use candles::{CandleSource, Influx, InfluxSettings, Push};
use model::Digest;
use tempfile::TempDir;
use testkit::postgres::{self, Postgres};
use testkit::process::Backfleet;
use testkit::{Signal, influx, port, wait};
use tokio::runtime::Runtime;

use crate::load::Load;

/// Longest wait for a process.
const SOON: Duration = Duration::from_mins(1);

/// Running processes, ended when dropped.
pub(crate) struct Fleet {
    address: SocketAddr,
    serve: Backfleet,
    worker: Backfleet,
    database: String,
    _servers: (Postgres, influx::Influx),
    _data: [TempDir; 2],
}

impl Fleet {
    /// Starts servers and processes of `program`; the candles of `load` are in InfluxDB.
    pub(crate) fn start(
        program: &Path,
        slots: usize,
        load: &Load,
        runtime: &Runtime,
    ) -> anyhow::Result<Fleet> {
        let servers = (Postgres::start_durable(), influx::Influx::start());
        let (database, market) = (servers.0.database(), servers.1.database());
        runtime.block_on(push(load, &market))?;
        let output =
            Backfleet::command(program).args(["migrate", "--database-url", &database]).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "migrate: {errors}");

        let data = [tempfile::tempdir()?, tempfile::tempdir()?];
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()));
        let spawn = |data: &TempDir, role: &[&str]| {
            let mut command = Backfleet::command(program);
            command.args(role).arg("--data").arg(data.path()).args(["--database-url", &database]);
            command.args(["--influx-url", &market.url, "--influx-database", &market.name]);
            Backfleet::spawn(command)
        };
        let mut serve = spawn(&data[0], &["serve", "--listen", &address.to_string()]);
        serve.until_ready(&format!("http://{address}/readyz"), SOON);
        let worker = spawn(&data[1], &["worker", "--slots", &slots.to_string()]);
        wait::until(SOON, "the worker to enter", || {
            postgres::query(&database, "SELECT count(*) FROM worker") == "1"
        });
        Ok(Fleet { address, serve, worker, database, _servers: servers, _data: data })
    }

    /// Where the API is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU seconds of each part so far.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<String> {
        let of = |process: &Backfleet| bench::machine::cpu_seconds(&process.pid().to_string());
        let sessions = postgres::query(&self.database, "SELECT pid FROM pg_stat_activity");
        // The session that asked has ended meanwhile.
        let database: f64 =
            sessions.lines().filter_map(|pid| bench::machine::cpu_seconds(pid).ok()).sum();
        Ok(format!(
            "worker {:.1} s, serve {:.1} s, PostgreSQL {database:.1} s",
            of(&self.worker)?,
            of(&self.serve)?,
        ))
    }

    /// Bytes of all results as stored, indexes included.
    pub(crate) fn stored_bytes(&self) -> anyhow::Result<usize> {
        Ok(postgres::query(&self.database, "SELECT pg_total_relation_size('result')").parse()?)
    }

    /// Outcome hashes as stored, by the bundle's place in `ids` and the seq.
    pub(crate) fn outcomes(
        &self,
        ids: &[String],
    ) -> anyhow::Result<BTreeMap<(usize, u32), Digest>> {
        let users: BTreeMap<&str, usize> =
            ids.iter().enumerate().map(|(user, id)| (id.as_str(), user)).collect();
        let query = "SELECT bundle_id, seq, 'b3:' || encode(outcome_hash, 'hex')
             FROM job JOIN result ON key = result_key WHERE status = 2";
        let rows = postgres::query(&self.database, query);
        let outcome = |row: &str| {
            let mut fields = row.split('|');
            let user = *users.get(fields.next()?)?;
            let seq = fields.next()?.parse().ok()?;
            Some(((user, seq), fields.next()?.parse().ok()?))
        };
        rows.lines().map(|row| outcome(row).context("a row that is not ours")).collect()
    }

    /// Ends both processes as an operator would.
    pub(crate) fn end(&mut self) -> anyhow::Result<()> {
        for process in [&mut self.worker, &mut self.serve] {
            process.signal(Signal::TERM);
            let status = process.wait(SOON);
            ensure!(status.success(), "{status}: {}", process.stderr());
        }
        Ok(())
    }
}

async fn push(load: &Load, market: &influx::Database) -> anyhow::Result<()> {
    let settings = InfluxSettings {
        url: market.url.clone(),
        database: market.name.clone(),
        ..InfluxSettings::default()
    };
    let influx = Influx::new(settings)?;
    for series in load.source.list_series().await? {
        let push = Push { from: &load.source, to: &influx, again: false };
        push.run(&series, |_| {}, |_| std::future::ready(())).await?;
    }
    Ok(())
}
