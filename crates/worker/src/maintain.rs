//! The maintenance that every process shares: whoever is alive does it.

use std::sync::Arc;
use std::time::Duration;

use store::{LeaseTimes, Store};
use tokio_util::sync::CancellationToken;

use crate::backoff::jittered;

/// Time between two passes.
const PERIOD: Duration = Duration::from_secs(2);

/// Reaps, ends backoffs and finishes bundles every two seconds until `closing`.
pub async fn maintain(store: Arc<dyn Store>, times: LeaseTimes, closing: CancellationToken) {
    // Short leases (tests, small fleets) are looked at more often.
    let period = PERIOD.min(times.grace / 2);
    loop {
        tokio::select! {
            () = tokio::time::sleep(jittered(period, 0.2)) => {}
            () = closing.cancelled() => return,
        }
        match store.maintain(times).await {
            Ok(done) => {
                metrics::counter!("backfleet_rescued_jobs_total").increment(done.rescued);
                metrics::counter!("backfleet_poisoned_jobs_total").increment(done.poisoned);
                if done.rescued + done.poisoned > 0 {
                    tracing::warn!(
                        rescued = done.rescued,
                        poisoned = done.poisoned,
                        "jobs of a lost worker were taken back"
                    );
                }
            }
            Err(error) => tracing::debug!(error = %error, "maintenance was skipped"),
        }
    }
}
