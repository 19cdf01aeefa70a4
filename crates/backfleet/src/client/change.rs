//! `backfleet bundle cancel|retry|pause|resume`.

use bytes::Bytes;

use super::watch::Status;
use super::{connect, text};
use crate::cli::ServerArgs;
use crate::failure::Failure;
use crate::output;

/// What is asked of a bundle.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Cancel,
    Retry { failed: bool },
    Pause,
    Resume,
}

impl Change {
    fn path(self) -> &'static str {
        match self {
            Change::Cancel => "cancel",
            Change::Retry { failed: false } => "retry",
            Change::Retry { failed: true } => "retry?status=Failed",
            Change::Pause => "pause",
            Change::Resume => "resume",
        }
    }

    fn said(self, status: &Status) -> String {
        let pending = output::thousands(status.count("pending"));
        match self {
            Change::Cancel => "is called off; running jobs stop at their next beat".to_owned(),
            Change::Retry { .. } => format!("has {pending} jobs that wait for a worker"),
            Change::Pause => "is paused; running jobs go on to their end".to_owned(),
            Change::Resume => format!("goes on; {pending} jobs wait for a worker"),
        }
    }
}

/// Asks for the change and says what it did.
pub(crate) async fn run(change: Change, id: &str, server: &ServerArgs) -> Result<(), Failure> {
    let path = format!("/api/backtest/bundle/{id}/{}", change.path());
    let document = connect(server)?.post(&path, Bytes::new(), &[]).await?.json()?;
    if server.json {
        output::line(&document.to_string());
        return Ok(());
    }
    let status = Status { document };
    let state = text(&status.document, "status");
    output::note(&format!("bundle {id} {} ({state})", change.said(&status)));
    Ok(())
}
