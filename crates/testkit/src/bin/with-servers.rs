//! `with-servers COMMAND ..`: runs a command with one PostgreSQL and one InfluxDB for all its tests.
//!
//! cargo-nextest runs each test in a process of its own; this saves each of them a server. The
//! servers end with this program, however it ends (see `testkit`'s guard).

use std::env;
use std::process::ExitCode;

use rustix::process::{Pid, Signal, kill_process};
use testkit::influx::{self, Influx};
use testkit::postgres::{self, Postgres};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut words = env::args_os().skip(1);
    let program = words.next().expect("usage: with-servers COMMAND ..");
    let postgres = Postgres::start();
    let influx = Influx::start();
    // From here on the command decides when it is done; a Ctrl-C reaches it without us.
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be handled");
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be handled");
    let mut child = Command::new(&program)
        .args(words)
        .env(postgres::VARIABLE, postgres.server_url())
        .env(influx::VARIABLE, influx.url())
        .spawn()
        .unwrap_or_else(|error| panic!("{} did not start: {error}", program.display()));
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    loop {
        tokio::select! {
            status = child.wait() => {
                let code = status.expect("a child of ours can be waited for").code();
                // No code: the command was ended by a signal.
                return ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
            }
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {
                if let Some(pid) = pid {
                    _ = kill_process(pid, Signal::TERM);
                }
            }
        }
    }
}
