//! Writing finished jobs in batches; a job leaves our hands only when the store has settled it.
//!
//! As many statements are under way as the store gains from. Each has other jobs, so they do not
//! meet but on the counts of a bundle, which they lock last, and on equal results, which they lock
//! in the order of their keys.

use std::sync::Arc;
use std::time::Duration;

use store::{Ending, Error, Finish, Held, JobError, Release, Settled};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::unsettled::{Fate, Settlement, Unsettled};
use crate::{Outgoing, Shared};

/// Most jobs written in one statement.
const MOST: usize = 512;
/// Jobs that are written without waiting for more.
const ENOUGH: usize = 32;
/// Longest wait for more.
const LINGER: Duration = Duration::from_millis(50);

/// Writes until `closing` and nothing is left to write.
pub(crate) async fn run(
    shared: Arc<Shared>,
    mut queue: UnboundedReceiver<Outgoing>,
    closing: CancellationToken,
) {
    let mut writer = Writer {
        most_writes: shared.store.writers().get(),
        shared,
        closing: closing.clone(),
        ready: Vec::with_capacity(MOST),
        returned: Vec::new(),
        due: Instant::now(),
        unsettled: Unsettled::default(),
        writes: JoinSet::new(),
    };
    let mut incoming = Vec::with_capacity(MOST);
    loop {
        writer.start();
        let has_room = writer.ready.len() < MOST;
        tokio::select! {
            biased;
            Some(settled) = writer.writes.join_next() => writer.settled(settled),
            received = queue.recv_many(&mut incoming, MOST), if has_room => {
                if received == 0 {
                    return;
                }
                incoming.drain(..).for_each(|outgoing| writer.take(outgoing));
            }
            () = tokio::time::sleep_until(writer.due), if writer.lingers() => {}
            () = closing.cancelled(), if writer.is_idle() => return,
        }
    }
}

/// What is to be written, and what is being written.
struct Writer {
    shared: Arc<Shared>,
    closing: CancellationToken,
    ready: Vec<Finish>,
    returned: Vec<Held>,
    /// When `ready` is written, however little it is.
    due: Instant,
    unsettled: Unsettled,
    writes: JoinSet<Vec<Settlement>>,
    most_writes: usize,
}

impl Writer {
    fn take(&mut self, outgoing: Outgoing) {
        match outgoing {
            Outgoing::Finish(finish) => self.admit(finish),
            Outgoing::Return(held) => self.returned.push(held),
        }
    }

    fn admit(&mut self, finish: Finish) {
        let Some(finish) = self.unsettled.admit(finish) else { return };
        if self.ready.is_empty() {
            self.due = Instant::now() + LINGER;
        }
        self.ready.push(finish);
    }

    /// Starts what can be written now.
    fn start(&mut self) {
        while self.can_start() {
            let (shared, closing) = (Arc::clone(&self.shared), self.closing.clone());
            if !self.returned.is_empty() {
                let returned = std::mem::take(&mut self.returned);
                self.writes.spawn(async move {
                    shared.release(&returned, &Release::Drain).await;
                    Vec::new()
                });
            } else if self.ready.len() >= ENOUGH || self.is_due() {
                let rest = self.ready.split_off(self.ready.len().min(MOST));
                let batch = std::mem::replace(&mut self.ready, rest);
                self.writes.spawn(async move { write(&shared, &batch, &closing).await });
            } else {
                return;
            }
        }
    }

    fn can_start(&self) -> bool {
        self.writes.len() < self.most_writes
    }

    fn is_due(&self) -> bool {
        !self.ready.is_empty() && self.due <= Instant::now()
    }

    /// Whether something waits for more to be written with, and for nothing else.
    fn lingers(&self) -> bool {
        self.can_start() && !self.ready.is_empty()
    }

    fn is_idle(&self) -> bool {
        let is_idle = self.writes.is_empty() && self.ready.is_empty() && self.returned.is_empty();
        debug_assert!(!is_idle || self.unsettled.is_empty(), "a result is nowhere on its way");
        is_idle
    }

    /// Lets go on what waited for a statement that ended.
    fn settled(&mut self, settled: Result<Vec<Settlement>, JoinError>) {
        let settled = match settled {
            Ok(settled) => settled,
            // Nobody aborts a write: the worker ends as if it had panicked itself.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        for settlement in settled {
            for finish in self.unsettled.settle(settlement) {
                self.admit(finish);
            }
        }
    }
}

/// Writes `batch`, waiting for a database that is away; gives up only when the process closes.
/// Answers what became of each result in it.
async fn write(shared: &Shared, batch: &[Finish], closing: &CancellationToken) -> Vec<Settlement> {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
    loop {
        let started = Instant::now();
        match shared.store.finish(shared.presence.worker(), batch).await {
            Ok(settled) => {
                metrics::histogram!("backfleet_finish_seconds").record(started.elapsed());
                return settle(shared, batch, &settled);
            }
            Err(Error::Unavailable { .. } | Error::Conflict { .. }) if !closing.is_cancelled() => {
                tokio::time::sleep(backoff.wait()).await;
            }
            Err(Error::Refused { reason }) if batch.len() > 1 => {
                tracing::warn!(error = %reason, jobs = batch.len(), "a batch is written job by job");
                let mut settlements = Vec::new();
                for finish in batch {
                    let one = std::slice::from_ref(finish);
                    settlements.append(&mut Box::pin(write(shared, one, closing)).await);
                }
                return settlements;
            }
            Err(Error::Refused { reason }) => return refused(shared, &batch[0], reason).await,
            Err(error) => {
                tracing::error!(error = %error, jobs = batch.len(), "finished jobs were not written: their lease will end");
                for finish in batch {
                    shared.held.remove(finish.held);
                }
                return results(batch).collect();
            }
        }
    }
}

/// The results in `batch`, none of which is known to be absent.
fn results(batch: &[Finish]) -> impl Iterator<Item = Settlement> {
    batch.iter().filter_map(|finish| match &finish.ending {
        Ending::Completed(result) => Some((result.key, None)),
        Ending::Cached { .. } | Ending::Failed(_) | Ending::Cancelled => None,
    })
}

/// The store refuses this one result: the job fails with what it said.
async fn refused(shared: &Shared, finish: &Finish, reason: String) -> Vec<Settlement> {
    tracing::error!(error = %reason, job.id = finish.held.job.0, "a result was refused");
    let error = JobError {
        code: "result_refused".to_owned(),
        message: format!("the result could not be stored: {reason}"),
    };
    let fate = |(key, _)| (key, Some(Fate::Refused(error.clone())));
    let settlements = results(std::slice::from_ref(finish)).map(fate).collect();
    let failed = Finish { ending: Ending::Failed(error.clone()), ..finish.clone() };
    let failed = std::slice::from_ref(&failed);
    match shared.store.finish(shared.presence.worker(), failed).await {
        Ok(settled) => _ = settle(shared, failed, &settled),
        Err(error) => {
            tracing::error!(error = %error, job.id = finish.held.job.0, "nor could its failure");
            shared.held.remove(finish.held);
        }
    }
    settlements
}

fn settle(shared: &Shared, batch: &[Finish], settled: &[Settled]) -> Vec<Settlement> {
    let mut settlements = Vec::new();
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
            Settled::Lost => "fenced",
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
        if let Ending::Completed(result) = &finish.ending {
            let is_lost = *settled == Settled::Lost;
            settlements.push((result.key, is_lost.then(|| Fate::Fenced(result.clone()))));
        }
        metrics::counter!("backfleet_finishes_total", "answer" => answer).increment(1);
    }
    shared.settled.notify_one();
    settlements
}
