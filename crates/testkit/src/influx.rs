//! Private InfluxDB 1.x servers.
//!
//! [`database`] is what most tests need: a fresh database on a shared server, the one of
//! `BACKFLEET_TEST_INFLUX` or one that this process starts at first use. Tests that stop a server
//! start their own by [`Influx::start`]; its port stays the same over restarts.

use std::fs::{self, File};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use crate::guard::Guard;
use crate::{http, port, wait};

/// Names a server whose tests may make databases, such as `http://127.0.0.1:8086`.
pub const VARIABLE: &str = "BACKFLEET_TEST_INFLUX";

/// Limit on a start on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// A database and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// The server, such as `http://127.0.0.1:20001`.
    pub url: String,
    /// The database's name.
    pub name: String,
}

/// A new empty database on the shared server; its name is unique over all processes.
pub fn database() -> Database {
    static OURS: OnceLock<Influx> = OnceLock::new();
    let server = given_server().unwrap_or_else(|| OURS.get_or_init(Influx::start).url());
    create_database(&server)
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration module")]
fn given_server() -> Option<String> {
    std::env::var(VARIABLE).ok()
}

fn create_database(url: &str) -> Database {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let statement = format!("{url}/query?q=CREATE%20DATABASE%20{name}");
    let answer = http::send("POST", &statement, &[], b"").expect("InfluxDB answers");
    assert!(answer.status == 200 && !answer.body.contains("error"), "no database: {answer:?}");
    Database { url: url.to_owned(), name }
}

/// A server of one's own, for tests that stop it. Ends when dropped.
#[derive(Debug)]
pub struct Influx {
    port: u16,
    guard: Mutex<Guard>,
}

impl Influx {
    /// Starts a server without data, in about 0.1 s.
    pub fn start() -> Influx {
        let guard = Guard::new("influx", Signal::KILL);
        let (port, rpc_port) = (port::free(), port::free());
        let directory = guard.directory().display();
        let config = format!(
            r#"reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
dir = "{directory}/meta"
[data]
dir = "{directory}/data"
wal-dir = "{directory}/wal"
[http]
bind-address = "127.0.0.1:{port}"
[monitor]
store-enabled = false
"#
        );
        fs::write(guard.directory().join("influxdb.conf"), config).expect("the directory is ours");
        let server = Influx { port, guard: Mutex::new(guard) };
        server.start_again();
        server
    }

    /// The port, the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server, without a path.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A new empty database on this server.
    pub fn database(&self) -> Database {
        create_database(&self.url())
    }

    /// Starts the stopped server with the data it had, and waits until it answers.
    pub fn start_again(&self) {
        let mut guard = self.guard();
        let log_path = guard.directory().join("server.log");
        let log = File::options().create(true).append(true).open(&log_path);
        let log = log.expect("the directory is ours");
        let mut command = Command::new("influxd");
        command.args(["run", "-config", "influxdb.conf"]).current_dir(guard.directory());
        let errors = log.try_clone().expect("a file can be opened twice");
        guard.spawn(&mut command, log, errors);

        let ping = format!("{}/ping", self.url());
        wait::until(START_TIMEOUT, "InfluxDB to answer", || {
            if let Some(status) = guard.try_wait() {
                let log = fs::read_to_string(&log_path).unwrap_or_default();
                panic!("InfluxDB ended at its start with {status}:\n{log}");
            }
            http::get(&ping).is_ok_and(|answer| answer.status == 204)
        });
    }

    /// Ends the server at once; what it acknowledged stays.
    pub fn stop(&self) {
        self.guard().end(Signal::KILL);
    }

    /// Sends `signal` to the server, such as STOP to make it hang and CONT to go on.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.guard().pid(), signal).expect("the server runs");
    }

    fn guard(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
