//! Writing finished jobs in batches; a job leaves our hands only when the store has settled it.

use std::sync::Arc;
use std::time::Duration;

use store::{Ending, Error, Finish, JobError, Release, Settled};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::{Outgoing, Shared};

/// Most jobs written in one statement.
const MOST: usize = 256;
/// Jobs that are written without waiting for more.
const ENOUGH: usize = 32;
/// Longest wait for more.
const LINGER: Duration = Duration::from_millis(50);

/// Writes until `closing` and the queue is empty.
pub(crate) async fn run(
    shared: Arc<Shared>,
    mut queue: UnboundedReceiver<Outgoing>,
    closing: CancellationToken,
) {
    let mut batch = Vec::with_capacity(MOST);
    loop {
        tokio::select! {
            biased;
            received = queue.recv_many(&mut batch, MOST) => if received == 0 { return },
            () = closing.cancelled() => return,
        }
        let deadline = tokio::time::Instant::now() + LINGER;
        while batch.len() < ENOUGH {
            let more = queue.recv_many(&mut batch, MOST);
            match tokio::time::timeout_at(deadline, more).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        let (mut finishes, mut returned) = (Vec::with_capacity(batch.len()), Vec::new());
        for outgoing in batch.drain(..) {
            match outgoing {
                Outgoing::Finish(finish) => finishes.push(finish),
                Outgoing::Return(held) => returned.push(held),
            }
        }
        // A result comes before the jobs that only point at it.
        finishes.sort_by_key(|finish| !matches!(finish.ending, Ending::Completed(_)));
        if !finishes.is_empty() {
            write(&shared, &finishes, &closing).await;
        }
        if !returned.is_empty() {
            shared.release(&returned, Release::Drain).await;
        }
    }
}

/// Writes `batch`, waiting for a database that is away; gives up only when the process closes.
async fn write(shared: &Shared, batch: &[Finish], closing: &CancellationToken) {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
    loop {
        match shared.store.finish(shared.presence.worker(), batch).await {
            Ok(settled) => return settle(shared, batch, &settled),
            Err(Error::Unavailable { .. } | Error::Conflict { .. }) if !closing.is_cancelled() => {
                tokio::time::sleep(backoff.wait()).await;
            }
            Err(Error::Refused { reason }) if batch.len() > 1 => {
                tracing::warn!(error = %reason, jobs = batch.len(), "a batch is written job by job");
                for finish in batch {
                    Box::pin(write(shared, std::slice::from_ref(finish), closing)).await;
                }
                return;
            }
            Err(Error::Refused { reason }) => return refused(shared, &batch[0], reason).await,
            Err(error) => {
                tracing::error!(error = %error, jobs = batch.len(), "finished jobs were not written: their lease will end");
                for finish in batch {
                    shared.held.remove(finish.held);
                }
                return;
            }
        }
    }
}

/// The store refuses this one result: the job fails with what it said.
async fn refused(shared: &Shared, finish: &Finish, reason: String) {
    tracing::error!(error = %reason, job.id = finish.held.job.0, "a result was refused");
    let error = JobError {
        code: "result_refused".to_owned(),
        message: format!("the result could not be stored: {reason}"),
    };
    let failed = Finish { ending: Ending::Failed(error), ..finish.clone() };
    let failed = std::slice::from_ref(&failed);
    match shared.store.finish(shared.presence.worker(), failed).await {
        Ok(settled) => settle(shared, failed, &settled),
        Err(error) => {
            tracing::error!(error = %error, job.id = finish.held.job.0, "nor could its failure");
            shared.held.remove(finish.held);
        }
    }
}

fn settle(shared: &Shared, batch: &[Finish], settled: &[Settled]) {
    for (finish, settled) in batch.iter().zip(settled) {
        shared.held.remove(finish.held);
        let answer = match settled {
            Settled::Stored => "stored",
            Settled::AlreadyStored => "already_stored",
            Settled::Lost => "fenced",
            Settled::Diverged => {
                tracing::error!(
                    job.id = finish.held.job.0,
                    bundle.id = %finish.bundle,
                    "another outcome stands under the same key: the engine is not deterministic here"
                );
                "diverged"
            }
        };
        metrics::counter!("backfleet_finishes_total", "answer" => answer).increment(1);
    }
}
