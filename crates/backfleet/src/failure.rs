//! How a command ends: exit codes and the `error:` / `hint:` text.

use std::path::Path;
use std::process::ExitCode;
use std::{fmt, io};

/// Exit codes that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something failed.
    Failure = 1,
    /// The command line or a configuration file is wrong.
    Usage = 2,
    /// The bundle finished, but jobs failed.
    FailedJobs = 3,
    /// The server refuses the key.
    Auth = 4,
    /// The server or database cannot be reached.
    Unreachable = 5,
    /// There is no such thing.
    NotFound = 6,
    /// It cannot be done in the present state.
    Conflict = 7,
    /// Still running at `--timeout`.
    StillRunning = 8,
    /// What was verified is not what it should be.
    VerifyMismatch = 9,
    /// Interrupted by Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command failed: what, why and the fix.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), hint: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    /// A file that was named and cannot be read.
    pub(crate) fn unreadable(file: &Path, error: &io::Error) -> Failure {
        use io::ErrorKind as Kind;
        let fixes = [
            (Kind::NotFound, "check the name"),
            (Kind::PermissionDenied, "give this user the right to read it"),
            (Kind::IsADirectory, "it is a folder: name a file in it"),
        ];
        let fix = fixes.into_iter().find(|(kind, _)| *kind == error.kind());
        let hint = fix.map_or("copy it again, or look at the disk", |(_, hint)| hint);
        let exit = if error.kind() == Kind::NotFound { Exit::NotFound } else { Exit::Failure };
        Failure::new(exit, format!("cannot read {}: {error}", file.display())).hint(hint)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl From<anyhow::Error> for Failure {
    /// The whole chain on one line.
    fn from(error: anyhow::Error) -> Failure {
        Failure::new(Exit::Failure, format!("{error:#}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::new(Exit::Failure, error.to_string())
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Failure {
        let message = error.to_string();
        if let store::Error::WrongSchema { found, needed } = error {
            let failure = Failure::new(Exit::Conflict, message);
            return if found < needed {
                failure.hint("backfleet migrate")
            } else {
                failure.hint("this program is older than the database: run the newer version")
            };
        }
        if matches!(error, store::Error::Unavailable { .. }) {
            return Failure::new(Exit::Unreachable, message)
                .hint("check --database-url and that the server runs");
        }
        Failure::new(Exit::Failure, message)
    }
}
