//! Ends child processes and removes their directories, however this process ends.
//!
//! `Drop` does not run in a process that is killed, nor for a `static`. So each [`Guard`] has a small
//! shell process at the other end of a pipe: when the pipe closes, it ends the child and removes the
//! directory. It is in a process group of its own, so Ctrl-C and a test runner's kill spare it.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::wait;

/// Each line is a process to end, an empty one takes it back. `$1` is the signal, `$2` the folder.
///
/// A process that ended has no `exe`, even while nobody has waited for it.
const SCRIPT: &str = r#"
while read -r line; do child=$line; done
if [ -n "$child" ]; then
    kill -s "$1" "$child"
    kill -s CONT "$child"
    for look in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -e "/proc/$child/exe" ] && sleep 0.1
    done
    kill -s KILL "$child"
fi 2>/dev/null
rm -rf "$2"
"#;

/// Limit on the end of a child after the signal that ends it.
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// A new directory, and at most one child process; both go when this is dropped or we are killed.
#[derive(Debug)]
pub(crate) struct Guard {
    directory: PathBuf,
    ending: Signal,
    child: Option<Child>,
    janitor: Child,
    lines: Option<ChildStdin>,
}

impl Guard {
    /// Makes a directory named after `name`; children are to be ended by `ending`.
    pub(crate) fn new(name: &str, ending: Signal) -> Guard {
        let directory = TempDir::with_prefix(format!("backfleet-{name}-"))
            .expect("a directory can be made in the system's temporary directory")
            .keep();
        let mut janitor = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "janitor", &ending.as_raw().to_string()])
            .arg(&directory)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("/bin/sh can be run");
        let lines = janitor.stdin.take();
        Guard { directory, ending, child: None, janitor, lines }
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts `command` in its own process group, without input, its output in files.
    #[track_caller]
    pub(crate) fn spawn(&mut self, command: &mut Command, stdout: File, stderr: File) {
        assert!(self.child.is_none(), "{command:?} cannot start: the last one was not ended");
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0);
        let child =
            command.spawn().unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
        self.tell(&child.id().to_string());
        self.child = Some(child);
    }

    /// Process id of the running child.
    #[track_caller]
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("the process was started and not ended"))
    }

    /// How the child ended, if it has.
    #[track_caller]
    pub(crate) fn try_wait(&mut self) -> Option<ExitStatus> {
        let child = self.child.as_mut().expect("the process was started and not ended");
        let status = child.try_wait().expect("a child of ours can be waited for")?;
        self.child = None;
        self.tell("");
        Some(status)
    }

    /// Ends the child by `signal` and waits for its end; nothing to do if there is none.
    #[track_caller]
    pub(crate) fn end(&mut self, signal: Signal) {
        let Some(child) = &self.child else { return };
        let pid = Pid::from_child(child);
        // It may have ended by itself, which is as good.
        _ = kill_process(pid, signal);
        _ = kill_process(pid, Signal::CONT);
        wait::some(END_TIMEOUT, &format!("the end of process {pid:?}"), || self.try_wait());
    }

    fn tell(&mut self, line: &str) {
        let lines = self.lines.as_mut().expect("the pipe is open until drop");
        writeln!(lines, "{line}").expect("the janitor reads until the pipe closes");
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end(self.ending);
        drop(self.lines.take());
        _ = self.janitor.wait();
    }
}
