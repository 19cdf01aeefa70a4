//! The processes: two API nodes and three workers over one PostgreSQL, killed and replaced.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use bench::machine;
use tempfile::TempDir;
use testkit::candles::Lcg;
use testkit::postgres::{self, Postgres};
use testkit::process::Backfleet;
use testkit::{Signal, http, port};

use crate::load::Load;

/// API nodes.
const NODES: usize = 2;
/// Workers.
const WORKERS: usize = 3;
/// Longest wait for a process.
const SOON: Duration = Duration::from_mins(1);
/// Counters of a worker that are summed over all that lived.
const COUNTERS: [&str; 3] = [
    "backfleet_finishes_total{answer=\"fenced\"}",
    "backfleet_finishes_total{answer=\"already_stored\"}",
    "backfleet_self_fenced_total",
];

/// Running processes, ended when dropped.
pub(crate) struct Fleet {
    program: PathBuf,
    database: String,
    data: TempDir,
    members: Vec<Member>,
    kills: [usize; 2],
    /// Of workers that are gone, as last seen.
    counted: [f64; 3],
    _server: Postgres,
}

/// A process and where it listens; `None` while it is dead.
struct Member {
    role: &'static str,
    address: SocketAddr,
    process: Option<Backfleet>,
}

impl Fleet {
    /// Starts everything over the sample candles.
    pub(crate) fn start(program: &Path) -> anyhow::Result<Fleet> {
        let server = Postgres::start_durable();
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
        let roles = [["serve"].repeat(NODES), ["worker"].repeat(WORKERS)].concat();
        let member = |role| Member {
            role,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port::free())),
            process: None,
        };
        let mut fleet = Fleet {
            program: program.to_owned(),
            database,
            members: roles.into_iter().map(member).collect(),
            data,
            kills: [0; 2],
            counted: [0.0; 3],
            _server: server,
        };
        fleet.start_missing();
        for member in &mut fleet.members {
            let url = format!("http://{}/healthz", member.address);
            let process = member.process.as_mut().context("it was started")?;
            process.until_ready(&url, SOON);
        }
        Ok(fleet)
    }

    /// Where the API nodes are, dead or alive.
    pub(crate) fn urls(&self) -> Vec<String> {
        let nodes = self.members.iter().filter(|member| member.role == "serve");
        nodes.map(|node| format!("http://{}", node.address)).collect()
    }

    /// The database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Starts every member that is dead, at its old address.
    pub(crate) fn start_missing(&mut self) {
        for member in &mut self.members {
            if member.process.is_some() {
                continue;
            }
            let mut command = Backfleet::command(&self.program);
            command.args([member.role, "--listen", &member.address.to_string()]);
            command.arg("--data").arg(self.data.path());
            command.args(["--database-url", &self.database]);
            member.process = Some(Backfleet::spawn(command));
        }
    }

    /// Kills a member without warning; who died before comes back.
    pub(crate) fn kill_one(&mut self, lcg: &mut Lcg) {
        self.start_missing();
        let chosen = usize::try_from(lcg.below(self.members.len() as u64)).unwrap_or(0);
        self.note_counters(chosen);
        let member = &mut self.members[chosen];
        if let Some(mut process) = member.process.take() {
            process.signal(Signal::KILL);
            process.wait(SOON);
        }
        self.kills[usize::from(member.role == "worker")] += 1;
    }

    /// Adds what a worker has counted to the sums, before it goes.
    fn note_counters(&mut self, member: usize) {
        let now = counters(&self.members[member]);
        for (sum, value) in self.counted.iter_mut().zip(now) {
            *sum += value;
        }
    }

    /// One line: work, faults, sizes, memory.
    pub(crate) fn figures(&self, load: &Load) -> anyhow::Result<String> {
        let row = postgres::query(
            &self.database,
            "SELECT (SELECT count(*) FROM job WHERE status >= 2),
                (SELECT count(*) FROM job WHERE status < 2),
                (SELECT count(*) FROM attempt WHERE ended_by = 'worker_lost'),
                (SELECT count(*) FROM attempt WHERE ended_by <> 'worker_lost'),
                pg_table_size('job') / 1024, pg_indexes_size('job') / 1024,
                pg_total_relation_size('result') / 1024, pg_total_relation_size('bundle_slot') / 1024",
        );
        let fields: Vec<u64> = row.split('|').map(str::parse).collect::<Result<_, _>>()?;
        let [ended, open, lost, returned, job, indexes, result, slots] =
            fields[..].try_into().context("eight fields")?;
        let memory: Vec<String> = self.members.iter().map(memory).collect();
        Ok(format!(
            "{} bundles, {ended} jobs ended, {open} open; killed {} nodes, {} workers; run again \
             {lost}, given back {returned}, requests resent {}; kB: job {job} + indexes {indexes}, \
             result {result}, slots {slots}; MB: {}",
            load.bundles.len(),
            self.kills[0],
            self.kills[1],
            load.resent,
            memory.join(" ")
        ))
    }

    /// Ends all in order; what they counted.
    pub(crate) fn end(&mut self) -> anyhow::Result<String> {
        (0..self.members.len()).for_each(|member| self.note_counters(member));
        for member in self.members.iter_mut().rev() {
            let Some(process) = &mut member.process else { continue };
            process.signal(Signal::TERM);
            let status = process.wait(SOON);
            ensure!(status.success(), "{}: {status}: {}", member.role, process.stderr());
        }
        let [fenced, again, cut_off] = self.counted;
        Ok(format!(
            "ends refused by the fence {fenced}, found stored before {again}, workers that fenced \
             themselves {cut_off}"
        ))
    }
}

fn counters(member: &Member) -> [f64; 3] {
    let url = format!("http://{}/metrics", member.address);
    let text = match &member.process {
        Some(_) if member.role == "worker" => http::get(&url).map_or(String::new(), |it| it.body),
        Some(_) | None => String::new(),
    };
    COUNTERS.map(|name| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
    })
}

fn memory(member: &Member) -> String {
    match &member.process {
        Some(process) => {
            format!("{} {:.0}", member.role, machine::memory_mb(process.pid(), "VmRSS"))
        }
        None => format!("{} dead", member.role),
    }
}
