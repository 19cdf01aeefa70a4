//! Private PostgreSQL servers.
//!
//! [`database`] is what most tests need: a fresh database on a shared server. The server is the one
//! of `BACKFLEET_TEST_POSTGRES` (`make test` sets it, see the program `with-servers`), else one that
//! this process starts at first use. Tests that stop or kill a server start their own by
//! [`Postgres::start`]; its port stays the same over restarts.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, geteuid, kill_process};

use crate::guard::Guard;
use crate::{port, wait};

/// Names a server whose tests may make databases: a URL without a path, user `postgres`, no password.
pub const VARIABLE: &str = "BACKFLEET_TEST_POSTGRES";

/// Limit on a start, with crash recovery on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// URL of a new empty database on the shared server; its name is unique over all processes.
///
/// Costs 50-200 ms, and about 1 s more where this process has to start the server.
pub fn database() -> String {
    static OURS: OnceLock<Postgres> = OnceLock::new();
    let server = given_server().unwrap_or_else(|| OURS.get_or_init(Postgres::start).server_url());
    create_database(&server)
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration module")]
fn given_server() -> Option<String> {
    std::env::var(VARIABLE).ok()
}

fn create_database(server: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    // Nobody can be connected to template0, so no other test can be in the way.
    query(&format!("{server}/postgres"), &format!("CREATE DATABASE {name} TEMPLATE template0"));
    format!("{server}/{name}")
}

/// Runs `sql` on the database of `url` by psql; returns the rows, columns separated by `|`.
///
/// A look from outside that shares no code or connection with what is tested. About 30 ms.
#[track_caller]
pub fn query(url: &str, sql: &str) -> String {
    let mut command = Command::new(programs().join("psql"));
    command.args(["-XqtA", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]);
    let output = command.output().expect("psql comes with the server");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "psql failed on \"{sql}\" at {url}: {stderr}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// A session that holds a snapshot open: nothing that is deleted meanwhile can be vacuumed away.
/// Ends when dropped, and when this process does.
#[derive(Debug)]
pub struct Snapshot {
    psql: Child,
}

impl Snapshot {
    /// Takes a snapshot of the database of `url`; it stands when this returns.
    #[track_caller]
    pub fn hold(url: &str) -> Snapshot {
        let mut command = Command::new(programs().join("psql"));
        command.args(["-XqtA", "-v", "ON_ERROR_STOP=1", "-d", url]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut psql = command.spawn().expect("psql comes with the server");
        let begin = b"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class;\n";
        let mut input = psql.stdin.take().expect("it is a pipe");
        input.write_all(begin).expect("psql reads its input");
        // An end of the input would end the session.
        psql.stdin = Some(input);
        let mut line = String::new();
        let output =
            BufReader::new(psql.stdout.as_mut().expect("it is a pipe")).read_line(&mut line);
        assert!(output.is_ok() && !line.trim().is_empty(), "no snapshot at {url}");
        Snapshot { psql }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        _ = self.psql.kill();
        _ = self.psql.wait();
    }
}

/// Settings of a server that only has to be quick. Commits stay synchronous, so that a killed server
/// loses none of them: without fsync they are in the kernel's cache, which outlives the server.
const QUICK: [&str; 3] = ["fsync=off", "full_page_writes=off", "shared_buffers=64MB"];

/// A server of one's own, for tests that stop it or that count what is in it. Ends when dropped.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    settings: &'static [&'static str],
    guard: Mutex<Guard>,
}

impl Postgres {
    /// Makes a cluster and starts its server, in about 1 s; as user `postgres` when we are root.
    pub fn start() -> Postgres {
        Postgres::start_with(&QUICK)
    }

    /// Like [`Postgres::start`] with the settings it comes with, fsync included: for measurements.
    pub fn start_durable() -> Postgres {
        Postgres::start_with(&[])
    }

    fn start_with(settings: &'static [&'static str]) -> Postgres {
        // QUIT is PostgreSQL's immediate shutdown: children and shared memory go, nothing is written.
        let guard = Guard::new("postgres", Signal::QUIT);
        if let Some((uid, gid)) = account() {
            chown(guard.directory(), Some(uid), Some(gid)).expect("root may give files away");
        }
        fs::set_permissions(guard.directory(), Permissions::from_mode(0o700))
            .expect("the directory is ours");
        let mut initdb = program("initdb", guard.directory());
        initdb.args(["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]);
        initdb.args(["--no-sync", "--no-locale", "--no-instructions"]);
        let output = initdb.output().expect("initdb is there");
        assert!(output.status.success(), "initdb failed: {output:?}");
        let server = Postgres { port: port::free(), settings, guard: Mutex::new(guard) };
        server.start_again();
        server
    }

    /// The port, the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// URL of the database `postgres`, which every server has.
    pub fn url(&self) -> String {
        format!("{}/postgres", self.server_url())
    }

    /// URL without a database, as [`VARIABLE`] holds it.
    pub fn server_url(&self) -> String {
        format!("postgres://postgres@{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// URL of a new empty database on this server.
    pub fn database(&self) -> String {
        create_database(&self.server_url())
    }

    /// Starts the stopped server and waits until it accepts connections, after recovery if need be.
    pub fn start_again(&self) {
        let mut guard = self.guard();
        let log_path = guard.directory().join("server.log");
        let log = File::options().create(true).append(true).open(&log_path);
        let log = log.expect("the directory is ours");
        let mut command = program("postgres", guard.directory());
        command.args(["-D", "data", "-p", &self.port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories="] {
            command.args(["-c", setting]);
        }
        for setting in self.settings {
            command.args(["-c", setting]);
        }
        let errors = log.try_clone().expect("a file can be opened twice");
        guard.spawn(&mut command, log, errors);

        let pid = guard.pid().as_raw_pid().to_string();
        let state_path = guard.directory().join("data/postmaster.pid");
        wait::until(START_TIMEOUT, "PostgreSQL to be ready", || {
            if let Some(status) = guard.try_wait() {
                let log = fs::read_to_string(&log_path).unwrap_or_default();
                panic!("PostgreSQL ended at its start with {status}:\n{log}");
            }
            // A server that was killed leaves its file, so the pid counts too.
            let state = fs::read_to_string(&state_path).unwrap_or_default();
            let mut lines = state.lines();
            lines.next() == Some(&pid) && lines.nth(6).is_some_and(|line| line.trim() == "ready")
        });
    }

    /// Ends the server at once, like a crash: clients see a closed socket, the next start recovers
    /// and empties UNLOGGED tables. No acknowledged commit is lost.
    pub fn stop_immediate(&self) {
        self.guard().end(Signal::QUIT);
    }

    /// Ends the server in order: sessions are terminated (57P01), nothing needs recovery.
    pub fn stop_fast(&self) {
        self.guard().end(Signal::INT);
    }

    /// Stops the server in order, leaves it away for `away`, and starts it again. Blocks throughout.
    pub fn restart(&self, away: Duration) {
        self.stop_fast();
        thread::sleep(away);
        self.start_again();
    }

    /// Sends `signal` to the postmaster alone; its sessions are processes of their own.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.guard().pid(), signal).expect("the server runs");
    }

    fn guard(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of PostgreSQL's programs, run in `directory` as a user whom it does not refuse.
pub(crate) fn program(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(programs().join(name));
    command.current_dir(directory);
    if let Some((uid, gid)) = account() {
        command.uid(uid).gid(gid);
    }
    command
}

/// Folder of the newest server's programs, where Debian puts them; else the PATH is searched.
fn programs() -> PathBuf {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| version(path));
    newest.map(|path| path.join("bin")).unwrap_or_default()
}

/// The ids of `postgres` when we are root, whom PostgreSQL refuses.
pub(crate) fn account() -> Option<(u32, u32)> {
    if !geteuid().is_root() {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").expect("/etc/passwd can be read");
    let account = accounts.lines().find_map(|line| line.strip_prefix("postgres:"));
    let mut fields = account.expect("the package made a user \"postgres\"").split(':').skip(1);
    let mut id = || fields.next()?.parse().ok();
    id().zip(id())
}
