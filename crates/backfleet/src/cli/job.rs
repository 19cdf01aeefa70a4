//! Flags of the commands about one job.

use std::time::Duration;

use clap::Subcommand;

use super::ServerArgs;
use super::values::duration;

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// One job: settings, metrics, attempts, hashes.
    Show {
        /// `{bundle id}-{seq}`.
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Its closed trades in order, and the position that is still open.
    Trades {
        /// `{bundle id}-{seq}`.
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Runs a completed job once more on a worker and compares the outcome (exit code 9 if it
    /// differs).
    Verify {
        /// `{bundleRequestId}-{seq}`.
        id: String,
        /// Give up waiting after this long (exit code 8); the replay goes on.
        #[arg(long, value_name = "TIME", value_parser = duration)]
        timeout: Option<Duration>,
        #[command(flatten)]
        server: ServerArgs,
    },
}
