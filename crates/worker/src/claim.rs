//! Claiming: about one second of work in hand, never less than the free slots.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::{Bundle, Limits};
use store::{Claim, Error, Held, JobError, Release};
use uuid::Uuid;

use crate::backoff::{Backoff, jittered};
use crate::gather::gathered;
use crate::group::{self, Task};
use crate::in_hand::InHand;
use crate::{Shared, replays};

/// Most jobs claimed at once: bounds what a crash strands.
const MOST: usize = 1024;
/// Most jobs held at once, those included whose results wait to be written: where the store is
/// slower than the threads, results would pile up in memory.
const MOST_HELD: usize = 2 * MOST;
/// Bundles whose parsed request is kept.
const KEPT_BUNDLES: usize = 64;

/// Claims until the worker drains.
pub(crate) async fn run(shared: &Arc<Shared>) {
    let bundles = Arc::new(Bundles::default());
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    while !shared.draining.is_cancelled() {
        let wanted = wanted(shared);
        if wanted == 0 {
            tokio::select! {
                () = shared.room.notified() => {}
                () = shared.settled.notified() => {}
                () = shared.draining.cancelled() => {}
            }
            continue;
        }
        if let Some(wait) = shared.source.pause() {
            idle(shared, wait).await;
            continue;
        }
        replays::poll(shared, &bundles).await;
        let limit = u32::try_from(wanted).unwrap_or(u32::MAX);
        let asked = Instant::now();
        match shared.store.claim(shared.presence.worker(), limit).await {
            Ok(claims) => {
                metrics::histogram!("backfleet_claim_seconds").record(asked.elapsed());
                backoff.reset();
                let (full, some) = (claims.len() >= wanted, !claims.is_empty());
                accept(shared, &bundles, claims);
                if !full {
                    tokio::select! {
                        // What ends here may make room under its owner's cap.
                        () = shared.settled.notified(), if some => {}
                        () = tokio::time::sleep(jittered(shared.config.poll, 0.2)) => {}
                        () = shared.presence.hint() => {}
                        () = shared.draining.cancelled() => {}
                    }
                }
            }
            Err(error @ (Error::Unavailable { .. } | Error::Conflict { .. })) => {
                let wait = backoff.wait();
                tracing::warn!(error = %error, retry_ms = wait.as_millis(), "nothing could be claimed");
                idle(shared, wait).await;
            }
            Err(error) => {
                tracing::error!(error = %error, "nothing could be claimed");
                idle(shared, jittered(shared.config.poll, 0.2)).await;
            }
        }
    }
}

async fn idle(shared: &Shared, wait: Duration) {
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        () = shared.draining.cancelled() => {}
    }
}

/// Jobs to claim now: fills up to a second of work once less than half of it is in hand.
fn wanted(shared: &Shared) -> usize {
    let slots = shared.config.slots.get();
    let target = shared.pool.jobs_per_second().clamp(slots, MOST.max(slots));
    let waiting = shared.waiting.load(std::sync::atomic::Ordering::Relaxed);
    room(slots, target, waiting, shared.held.len())
}

/// Jobs that `waiting` ones leave room for: never less than the free slots, unless too many of the
/// `held` ones wait to be written.
fn room(slots: usize, target: usize, waiting: usize, held: usize) -> usize {
    let free = slots.saturating_sub(waiting);
    let room = if waiting * 2 > target { free } else { free.max(target - waiting) };
    room.min(MOST_HELD.max(2 * slots).saturating_sub(held))
}

/// Takes claimed jobs in and starts what they need.
fn accept(shared: &Arc<Shared>, bundles: &Arc<Bundles>, claims: Vec<Claim>) {
    if claims.is_empty() {
        return;
    }
    metrics::counter!("backfleet_claimed_jobs_total").increment(claims.len() as u64);
    let jobs: Vec<InHand> = claims.into_iter().map(|claim| InHand::new(shared, claim)).collect();
    let (worker, bundles) = (Arc::clone(shared), Arc::clone(bundles));
    shared.tasks.spawn(async move { resolve(worker, bundles, jobs).await });
}

/// Decodes each claim into its spec and hands the jobs on by what they load.
async fn resolve(shared: Arc<Shared>, bundles: Arc<Bundles>, jobs: Vec<InHand>) {
    let mut tasks = Vec::new();
    for (id, jobs) in gathered(jobs.into_iter().map(|job| (job.claim.bundle, job))) {
        match bundles.get(&shared, id).await {
            Ok(bundle) => {
                // A panic in there fails its jobs on the way out.
                let market = shared.market.clone();
                let decode = move || decode(&bundle, jobs, market.source_id());
                let decoded = tokio::task::spawn_blocking(decode).await;
                tasks.extend(decoded.unwrap_or_default());
            }
            Err(Missing::Away) => {
                let held: Vec<Held> = jobs.into_iter().map(InHand::let_go).collect();
                shared.release(&held, &Release::Drain).await;
            }
            Err(Missing::Invalid(message)) => {
                for job in jobs {
                    job.fail(invalid_spec(message.clone()));
                }
            }
        }
    }
    group::start(&shared, tasks).await;
}

/// The jobs with their specs and what these need of `source`; one that has no spec fails here.
fn decode(bundle: &Bundle, jobs: Vec<InHand>, source: &str) -> Vec<Task> {
    let mut tasks = Vec::with_capacity(jobs.len());
    let specs = bundle.specs(jobs.iter().map(|job| job.claim.seq));
    for (job, spec) in jobs.into_iter().zip(specs) {
        match spec {
            Some(spec) if spec.key == job.claim.spec_key => {
                let need = spec.need(source);
                tasks.push(Task { job, spec: Arc::new(spec), need });
            }
            Some(_) => {
                let text = "this worker's version reads the request differently than the node \
                            that stored it; run one version everywhere and retry";
                job.fail(invalid_spec(text.to_owned()));
            }
            None => {
                let text = format!("the bundle has no job {}", job.claim.seq);
                job.fail(invalid_spec(text));
            }
        }
    }
    tasks
}

fn invalid_spec(message: String) -> JobError {
    JobError { code: "invalid_spec".to_owned(), message }
}

/// Why a request could not be had.
pub(crate) enum Missing {
    /// The database is away: give the jobs back.
    Away,
    /// It is gone or cannot be read.
    Invalid(String),
}

/// Parsed requests, by bundle; the oldest ids go first.
#[derive(Default)]
pub(crate) struct Bundles {
    parsed: Mutex<BTreeMap<Uuid, Arc<Bundle>>>,
}

impl Bundles {
    pub(crate) async fn get(&self, shared: &Shared, id: Uuid) -> Result<Arc<Bundle>, Missing> {
        if let Some(bundle) = self.lock().get(&id) {
            return Ok(Arc::clone(bundle));
        }
        let request = match shared.store.request(id).await {
            Ok(Some(request)) => request,
            Ok(None) => return Err(Missing::Invalid("the bundle's request is gone".to_owned())),
            // Giving these back would claim them again at once, for ever.
            Err(Error::Refused { reason }) => {
                return Err(Missing::Invalid(format!("the request cannot be read: {reason}")));
            }
            Err(error) => {
                tracing::warn!(error = %error, bundle.id = %id, "a request could not be read");
                return Err(Missing::Away);
            }
        };
        let parsed =
            tokio::task::spawn_blocking(move || Bundle::parse(&request, &Limits::of_stored()));
        let bundle = match parsed.await {
            Ok(Ok(bundle)) => Arc::new(bundle),
            Ok(Err(faults)) => return Err(Missing::Invalid(faults.to_string())),
            Err(_) => return Err(Missing::Invalid("the request cannot be read".to_owned())),
        };
        let mut kept = self.lock();
        kept.insert(id, Arc::clone(&bundle));
        if kept.len() > KEPT_BUNDLES {
            kept.pop_first();
        }
        Ok(bundle)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, Arc<Bundle>>> {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_HELD, room};

    #[test]
    fn no_slot_stays_free_and_no_more_than_a_second_of_work_is_in_hand() {
        // (slots, jobs a second, jobs in hand) -> jobs to claim.
        for (slots, target, waiting, expected) in [
            (2, 2, 0, 2),
            (2, 2, 1, 1),
            (2, 2, 2, 0),
            (8, 8, 5, 3),
            (8, 8, 7, 1),
            (8, 8, 8, 0),
            (2, 100, 0, 100),
            (2, 100, 50, 50),
            (2, 100, 51, 0),
            (2, 2, 300, 0),
        ] {
            let found = room(slots, target, waiting, waiting);
            assert_eq!(found, expected, "{slots} {target} {waiting}");
        }
    }

    #[test]
    fn nothing_is_claimed_while_too_many_results_wait_to_be_written() {
        assert_eq!(room(2, 1_000, 0, MOST_HELD - 300), 300);
        assert_eq!(room(2, 1_000, 0, MOST_HELD), 0);
        assert_eq!(room(2, 1_000, 0, MOST_HELD + 1), 0);
        assert_eq!(room(MOST_HELD, MOST_HELD, 0, MOST_HELD), MOST_HELD);
    }
}
