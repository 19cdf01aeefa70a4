//! The real program as a child process.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use crate::guard::Guard;
use crate::{http, wait};

/// Lines of a process that a failing test shows.
const LAST_LINES: usize = 40;

/// A running `backfleet`, its output in files. Killed when dropped, and when the test is killed.
#[derive(Debug)]
pub struct Backfleet {
    guard: Guard,
    ended: Option<ExitStatus>,
}

impl Backfleet {
    /// A command for `binary` that does not see the caller's `BACKFLEET_` variables.
    ///
    /// `binary` is `env!("CARGO_BIN_EXE_backfleet")`, which only tests of that crate have.
    pub fn command(binary: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(binary);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("BACKFLEET_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Starts `command` without input.
    #[track_caller]
    pub fn spawn(mut command: Command) -> Backfleet {
        let mut guard = Guard::new("process", Signal::KILL);
        let [stdout, stderr] = ["stdout", "stderr"]
            .map(|name| File::create(guard.directory().join(name)).expect("the directory is ours"));
        guard.spawn(&mut command, stdout, stderr);
        Backfleet { guard, ended: None }
    }

    /// Process id.
    ///
    /// # Panics
    /// If the process has been waited for.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.guard.pid().as_raw_pid().cast_unsigned()
    }

    /// Sends `signal`: `KILL` to crash it, `STOP` and `CONT` to freeze it, `TERM` to drain it.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill_process(self.guard.pid(), signal).expect("the process has not been waited for");
    }

    /// How the process ended, if it has.
    #[track_caller]
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.guard.try_wait();
        }
        self.ended
    }

    /// Waits for the end of the process.
    #[track_caller]
    pub fn wait(&mut self, deadline: Duration) -> ExitStatus {
        wait::some(deadline, "the process to end", || self.try_wait())
    }

    /// Waits until `GET url` answers 200; fails at once, with its errors, if the process ends.
    #[track_caller]
    pub fn until_ready(&mut self, url: &str, deadline: Duration) {
        wait::until(deadline, &format!("200 from {url}"), || {
            if let Some(status) = self.try_wait() {
                panic!("the process ended with {status}:\n{}", self.stderr());
            }
            http::get(url).is_ok_and(|answer| answer.status == 200)
        });
    }

    /// File of what it has written to stdout.
    pub fn stdout_path(&self) -> PathBuf {
        self.guard.directory().join("stdout")
    }

    /// File of what it has written to stderr.
    pub fn stderr_path(&self) -> PathBuf {
        self.guard.directory().join("stderr")
    }

    /// What it has written to stdout so far.
    pub fn stdout(&self) -> String {
        text(&self.stdout_path())
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        text(&self.stderr_path())
    }
}

impl Drop for Backfleet {
    /// A test that fails shows what its processes said last.
    #[expect(clippy::print_stderr, reason = "the output of a failing test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.stderr();
            let lines: Vec<&str> = said.lines().rev().take(LAST_LINES).collect();
            eprintln!("--- a process of the test, its last lines:");
            lines.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).expect("the file was made at the start")).into_owned()
}
