//! The heartbeat: extends the lease, obeys cancels, and fences itself when it cannot be heard.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;

use store::{Beat, Held, Release};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Shared;
use crate::held::Stop;

/// Beats until `closing`; a drain asked for by the database ends the claims.
pub(crate) async fn run(shared: Arc<Shared>, closing: CancellationToken) {
    let mut confirmed = Instant::now();
    let mut strangers = BTreeSet::new();
    loop {
        let before = shared.held.snapshot();
        let sent = Instant::now();
        let asked = tokio::time::timeout(shared.config.times.beat, shared.presence.beat());
        let answer = guarded(&shared, confirmed, asked).await;
        match answer {
            Ok(Ok(beat)) => {
                confirmed = sent;
                if beat.drain {
                    shared.draining.cancel();
                }
                apply(&shared, &before, &beat, &mut strangers).await;
            }
            Ok(Err(error)) => tracing::warn!(error = %error, "heartbeat failed"),
            Err(_) => tracing::warn!("heartbeat timed out"),
        }
        let pause = guarded(&shared, confirmed, tokio::time::sleep(shared.config.times.beat));
        tokio::select! {
            () = pause => {}
            () = closing.cancelled() => return,
        }
    }
}

/// Awaits `work`; drops the running jobs at the moment their lease is no longer sure, whatever
/// `work` waits for.
async fn guarded<T>(shared: &Shared, confirmed: Instant, work: impl Future<Output = T>) -> T {
    let fence_at = confirmed + shared.config.fence_after();
    let mut work = pin!(work);
    if let Ok(done) = tokio::time::timeout_at(fence_at, work.as_mut()).await {
        return done;
    }
    fence(shared);
    work.await
}

fn fence(shared: &Shared) {
    let jobs = shared.held.len();
    if jobs == 0 {
        return;
    }
    tracing::error!(
        jobs,
        "the lease could not be renewed: running jobs are dropped before others take them"
    );
    metrics::counter!("backfleet_self_fenced_total").increment(1);
    shared.held.stop_all(Stop::Lost);
}

/// Stops what was lost or called off. What the database says is ours but was unknown here at two
/// beats in a row (the answer to its claim was lost) is given back.
async fn apply(shared: &Shared, before: &[Held], beat: &Beat, strangers: &mut BTreeSet<Held>) {
    let owned: BTreeSet<Held> = beat.owned.iter().map(|(held, _)| *held).collect();
    let lost: Vec<Held> = before.iter().filter(|held| !owned.contains(held)).copied().collect();
    shared.held.lose(&lost);
    let unknown: BTreeSet<Held> = shared.held.reconcile(&beat.owned).into_iter().collect();
    let again: Vec<Held> = unknown.intersection(strangers).copied().collect();
    if !again.is_empty() {
        tracing::warn!(jobs = again.len(), "jobs of a claim whose answer was lost are given back");
        shared.release(&again, &Release::Drain).await;
    }
    *strangers = unknown;
}
