//! Claiming: about one second of work in hand, never less than the free slots.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::{Bundle, Limits};
use store::{Claim, Ending, Error, Finish, Held, JobError, Release};
use uuid::Uuid;

use crate::backoff::{Backoff, jittered};
use crate::group::{self, Task};
use crate::held::JobControl;
use crate::{Outgoing, Shared};

/// Most jobs claimed at once: bounds what a crash strands.
const MOST: usize = 256;
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
                () = shared.draining.cancelled() => {}
            }
            continue;
        }
        if let Some(wait) = shared.source.pause() {
            idle(shared, wait).await;
            continue;
        }
        let limit = u32::try_from(wanted).unwrap_or(u32::MAX);
        match shared.store.claim(shared.presence.worker(), limit).await {
            Ok(claims) => {
                backoff.reset();
                let full = claims.len() >= wanted;
                accept(shared, &bundles, claims);
                if !full {
                    tokio::select! {
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
    if waiting * 2 > target { 0 } else { target - waiting }
}

/// Takes claimed jobs in and starts what they need.
fn accept(shared: &Arc<Shared>, bundles: &Arc<Bundles>, claims: Vec<Claim>) {
    if claims.is_empty() {
        return;
    }
    metrics::counter!("backfleet_claimed_jobs_total").increment(claims.len() as u64);
    shared.waiting.fetch_add(claims.len(), std::sync::atomic::Ordering::Relaxed);
    let claims: Vec<_> = claims
        .into_iter()
        .map(|claim| {
            let control = shared.held.add(Held { job: claim.job, attempt: claim.attempt });
            (claim, control)
        })
        .collect();
    let (worker, bundles) = (Arc::clone(shared), Arc::clone(bundles));
    shared.tasks.spawn(async move { resolve(worker, bundles, claims).await });
}

/// Decodes each claim into its spec and hands the jobs on by what they load.
async fn resolve(
    shared: Arc<Shared>,
    bundles: Arc<Bundles>,
    claims: Vec<(Claim, Arc<JobControl>)>,
) {
    let mut by_bundle: BTreeMap<Uuid, Vec<(Claim, Arc<JobControl>)>> = BTreeMap::new();
    for claimed in claims {
        by_bundle.entry(claimed.0.bundle).or_default().push(claimed);
    }
    let mut tasks = Vec::new();
    for (id, claimed) in by_bundle {
        match bundles.get(&shared, id).await {
            Ok(bundle) => {
                let decoded = tokio::task::spawn_blocking(move || decode(&bundle, claimed)).await;
                let (good, bad) = decoded.expect("decoding a validated bundle does not panic");
                tasks.extend(good);
                for (task, error) in bad {
                    fail(&shared, &task, error);
                }
            }
            Err(Missing::Away) => {
                let held: Vec<Held> = claimed.iter().map(|(claim, _)| held_of(claim)).collect();
                for _ in &held {
                    shared.computed();
                }
                shared.release(&held, Release::Drain).await;
            }
            Err(Missing::Invalid(message)) => {
                for (claim, _) in claimed {
                    fail(&shared, &claim, invalid_spec(message.clone()));
                }
            }
        }
    }
    group::start(&shared, tasks).await;
}

type Undecoded = Vec<(Claim, JobError)>;

fn decode(bundle: &Bundle, claimed: Vec<(Claim, Arc<JobControl>)>) -> (Vec<Task>, Undecoded) {
    let (mut good, mut bad) = (Vec::with_capacity(claimed.len()), Vec::new());
    for (claim, control) in claimed {
        match bundle.job(claim.seq) {
            Some(spec) if spec.key == claim.spec_key => {
                good.push(Task { claim, control, spec: Arc::new(spec) });
            }
            Some(_) => {
                let text = "this worker's version reads the request differently than the node \
                            that stored it; run one version everywhere and retry";
                bad.push((claim, invalid_spec(text.to_owned())));
            }
            None => {
                let text = format!("the bundle has no job {}", claim.seq);
                bad.push((claim, invalid_spec(text)));
            }
        }
    }
    (good, bad)
}

fn invalid_spec(message: String) -> JobError {
    JobError { code: "invalid_spec".to_owned(), message }
}

/// Finishes a job that cannot be run.
pub(crate) fn fail(shared: &Shared, claim: &Claim, error: JobError) {
    shared.send(Outgoing::Finish(Finish {
        held: held_of(claim),
        bundle: claim.bundle,
        ending: Ending::Failed(error),
    }));
    shared.computed();
}

/// The fence of a claim.
pub(crate) fn held_of(claim: &Claim) -> Held {
    Held { job: claim.job, attempt: claim.attempt }
}

/// Why a request could not be had.
enum Missing {
    /// The database is away: give the jobs back.
    Away,
    /// It is gone or cannot be read.
    Invalid(String),
}

/// Parsed requests, by bundle; the oldest ids go first.
#[derive(Default)]
struct Bundles {
    parsed: Mutex<BTreeMap<Uuid, Arc<Bundle>>>,
}

impl Bundles {
    async fn get(&self, shared: &Shared, id: Uuid) -> Result<Arc<Bundle>, Missing> {
        if let Some(bundle) = self.lock().get(&id) {
            return Ok(Arc::clone(bundle));
        }
        let request = match shared.store.request(id).await {
            Ok(Some(request)) => request,
            Ok(None) => return Err(Missing::Invalid("the bundle's request is gone".to_owned())),
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
