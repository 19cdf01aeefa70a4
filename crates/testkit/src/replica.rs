//! A streaming replica of a private PostgreSQL server.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Duration;

use rustix::process::Signal;

use crate::guard::Guard;
use crate::postgres::{Postgres, account, program, query};
use crate::{port, wait};

/// Limit on the copy and on the start.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// A server that follows another and can only be read. Ends when dropped.
#[derive(Debug)]
pub struct Replica {
    port: u16,
    guard: Guard,
}

impl Replica {
    /// Copies `primary` as it is and follows it from there, in about 2 s.
    pub fn start(primary: &Postgres) -> Replica {
        let guard = Guard::new("replica", Signal::QUIT);
        if let Some((uid, gid)) = account() {
            chown(guard.directory(), Some(uid), Some(gid)).expect("root may give files away");
        }
        fs::set_permissions(guard.directory(), Permissions::from_mode(0o700))
            .expect("the directory is ours");
        let mut copy = program("pg_basebackup", guard.directory());
        copy.args(["-h", "127.0.0.1", "-p", &primary.port().to_string(), "-U", "postgres"]);
        copy.args(["-D", "data", "-R", "-X", "stream", "-c", "fast", "--no-sync"]);
        let output = copy.output().expect("pg_basebackup comes with the server");
        assert!(output.status.success(), "pg_basebackup failed: {output:?}");
        let mut replica = Replica { port: port::free(), guard };
        replica.start_again();
        replica
    }

    /// Starts the stopped replica and waits until it can be read.
    pub fn start_again(&mut self) {
        let log_path = self.guard.directory().join("server.log");
        let log = File::options().create(true).append(true).open(&log_path);
        let log = log.expect("the directory is ours");
        let mut command = program("postgres", self.guard.directory());
        command.args(["-D", "data", "-p", &self.port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"] {
            command.args(["-c", setting]);
        }
        let errors = log.try_clone().expect("a file can be opened twice");
        self.guard.spawn(&mut command, log, errors);
        let state_path = self.guard.directory().join("data/postmaster.pid");
        wait::until(START_TIMEOUT, "the replica to be ready", || {
            if let Some(status) = self.guard.try_wait() {
                let log = fs::read_to_string(&log_path).unwrap_or_default();
                panic!("the replica ended at its start with {status}:\n{log}");
            }
            let state = fs::read_to_string(&state_path).unwrap_or_default();
            // A hot standby says "standby" once it can be read.
            state.lines().nth(7).is_some_and(|line| matches!(line.trim(), "standby" | "ready"))
        });
    }

    /// Ends it at once; the primary goes on.
    pub fn stop(&mut self) {
        self.guard.end(Signal::QUIT);
    }

    /// URL of the copy of the primary's database that `url` names.
    ///
    /// # Panics
    /// If `url` names no database.
    pub fn url(&self, url: &str) -> String {
        let (_, database) = url.rsplit_once('/').expect("the URL names a database");
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Stands still from now on: what the primary commits is received, not shown.
    pub fn freeze(&self) {
        query(&self.url("/postgres"), "SELECT pg_wal_replay_pause()");
        wait::until(START_TIMEOUT, "the replay to pause", || {
            query(&self.url("/postgres"), "SELECT pg_get_wal_replay_pause_state()") == "paused"
        });
    }

    /// Catches up and follows again.
    pub fn thaw(&self) {
        query(&self.url("/postgres"), "SELECT pg_wal_replay_resume()");
    }
}
