//! Writing finished jobs in batches; a job leaves our hands only when the store has settled it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::Digest;
use store::{Ending, Error, Finish, JobError, NewResult, Release, Settled};
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
    let mut unstored = Unstored::default();
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
        // A result is settled before the jobs that only point at it.
        let (results, mut pointers): (Vec<Finish>, Vec<Finish>) = finishes
            .into_iter()
            .partition(|finish| !matches!(finish.ending, Ending::Cached { .. }));
        if !results.is_empty() {
            write(&shared, &results, &closing, &mut unstored).await;
        }
        if !pointers.is_empty() {
            unstored.mend(&mut pointers);
            write(&shared, &pointers, &closing, &mut unstored).await;
        }
        if !returned.is_empty() {
            shared.release(&returned, &Release::Drain).await;
        }
    }
}

/// Results that were not stored although other jobs of this worker were to point at them.
#[derive(Default)]
struct Unstored {
    fates: BTreeMap<Digest, Fate>,
}

/// Why a result is not there.
enum Fate {
    /// Its job was no longer ours: the next job of the key brings it.
    Fenced(Box<NewResult>),
    /// The store refuses it: every job of the key fails.
    Refused(JobError),
}

/// Fates that are remembered; the jobs they concern follow within moments.
const KEPT_FATES: usize = 64;

impl Unstored {
    fn note(&mut self, key: Digest, fate: Fate) {
        self.fates.insert(key, fate);
        if self.fates.len() > KEPT_FATES {
            self.fates.pop_first();
        }
    }

    /// Gives jobs that point at a result which is not there what they need instead.
    fn mend(&self, pointers: &mut [Finish]) {
        for finish in pointers {
            let Ending::Cached { key } = &finish.ending else { continue };
            match self.fates.get(key) {
                None => {}
                Some(Fate::Fenced(result)) => finish.ending = Ending::Completed(result.clone()),
                Some(Fate::Refused(error)) => finish.ending = Ending::Failed(error.clone()),
            }
        }
    }
}

/// Writes `batch`, waiting for a database that is away; gives up only when the process closes.
async fn write(
    shared: &Shared,
    batch: &[Finish],
    closing: &CancellationToken,
    unstored: &mut Unstored,
) {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
    loop {
        match shared.store.finish(shared.presence.worker(), batch).await {
            Ok(settled) => return settle(shared, batch, &settled, unstored),
            Err(Error::Unavailable { .. } | Error::Conflict { .. }) if !closing.is_cancelled() => {
                tokio::time::sleep(backoff.wait()).await;
            }
            Err(Error::Refused { reason }) if batch.len() > 1 => {
                tracing::warn!(error = %reason, jobs = batch.len(), "a batch is written job by job");
                for finish in batch {
                    Box::pin(write(shared, std::slice::from_ref(finish), closing, unstored)).await;
                }
                return;
            }
            Err(Error::Refused { reason }) => {
                return refused(shared, &batch[0], reason, unstored).await;
            }
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
async fn refused(shared: &Shared, finish: &Finish, reason: String, unstored: &mut Unstored) {
    tracing::error!(error = %reason, job.id = finish.held.job.0, "a result was refused");
    let error = JobError {
        code: "result_refused".to_owned(),
        message: format!("the result could not be stored: {reason}"),
    };
    if let Ending::Completed(result) = &finish.ending {
        unstored.note(result.key, Fate::Refused(error.clone()));
    }
    let failed = Finish { ending: Ending::Failed(error), ..finish.clone() };
    let failed = std::slice::from_ref(&failed);
    match shared.store.finish(shared.presence.worker(), failed).await {
        Ok(settled) => settle(shared, failed, &settled, unstored),
        Err(error) => {
            tracing::error!(error = %error, job.id = finish.held.job.0, "nor could its failure");
            shared.held.remove(finish.held);
        }
    }
}

fn settle(shared: &Shared, batch: &[Finish], settled: &[Settled], unstored: &mut Unstored) {
    for (finish, settled) in batch.iter().zip(settled) {
        if *settled == Settled::Missing {
            // Still ours: whoever claims it next computes it.
            shared.send(Outgoing::Return(finish.held));
        } else {
            shared.held.remove(finish.held);
        }
        let answer = match settled {
            Settled::Stored => "stored",
            Settled::AlreadyStored => "already_stored",
            Settled::Lost => {
                if let Ending::Completed(result) = &finish.ending {
                    unstored.note(result.key, Fate::Fenced(result.clone()));
                }
                "fenced"
            }
            Settled::Missing => "missing",
            Settled::Diverged => {
                metrics::counter!("backfleet_determinism_faults_total").increment(1);
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
    shared.settled.notify_one();
}
