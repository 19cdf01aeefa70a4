//! A private `PgBouncer` in transaction mode, in front of a private PostgreSQL.

use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::guard::Guard;
use crate::{port, postgres, wait};

/// Limit on a start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A pooler that hands the server's sessions out anew for each transaction. Ends when dropped.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    _guard: Guard,
}

impl PgBouncer {
    /// Starts one in front of the server of `url`, with `sessions` of the server's sessions.
    ///
    /// # Panics
    /// Where Debian's package `pgbouncer` is not installed.
    pub fn start(url: &str, sessions: u32) -> PgBouncer {
        let mut guard = Guard::new("pgbouncer", Signal::INT);
        let directory = guard.directory().to_owned();
        let account = postgres::account();
        if let Some((uid, gid)) = account {
            chown(&directory, Some(uid), Some(gid)).expect("root may give files away");
        }
        fs::set_permissions(&directory, Permissions::from_mode(0o700))
            .expect("the directory is ours");
        let port = port::free();
        let server = url.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next());
        let server = server.expect("the URL names a port");
        // Everybody is the superuser that the tests know.
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=postgres\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = transaction\ndefault_pool_size = {sessions}\n\
             ignore_startup_parameters = extra_float_digits\n"
        );
        let path = directory.join("pgbouncer.ini");
        fs::write(&path, settings).expect("the directory is ours");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("the file is ours");
        let mut command = Command::new("/usr/sbin/pgbouncer");
        command.arg(&path).current_dir(&directory);
        if let Some((uid, gid)) = account {
            command.uid(uid).gid(gid);
        }
        let log = File::create(directory.join("pgbouncer.log")).expect("the directory is ours");
        let errors = log.try_clone().expect("a file can be opened twice");
        guard.spawn(&mut command, log, errors);
        wait::until(START_TIMEOUT, "PgBouncer to listen", || {
            if let Some(status) = guard.try_wait() {
                let log = fs::read_to_string(directory.join("pgbouncer.log")).unwrap_or_default();
                panic!("PgBouncer ended at its start with {status}:\n{log}");
            }
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        PgBouncer { port, _guard: guard }
    }

    /// `url` with the server's port replaced by the pooler's.
    pub fn url(&self, url: &str) -> String {
        let (before, rest) = url.rsplit_once(':').expect("the URL names a port");
        let (_, database) = rest.split_once('/').expect("the URL names a database");
        format!("{before}:{}/{database}", self.port)
    }
}
