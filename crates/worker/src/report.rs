//! Progress of the running jobs once a second.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::Shared;

/// Time between two reports.
const PERIOD: Duration = Duration::from_secs(1);

/// Writes progress and speed once a second, in one statement, while either changes.
pub(crate) async fn run(shared: Arc<Shared>, closing: CancellationToken) {
    let mut last = Instant::now();
    let mut candles_before = 0;
    let mut was_idle = true;
    loop {
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = closing.cancelled() => return,
        }
        let candles = shared.candles.load(Ordering::Relaxed);
        let speed = (candles - candles_before) as f64 / last.elapsed().as_secs_f64();
        metrics::gauge!("backfleet_candles_per_second").set(speed);
        (last, candles_before) = (Instant::now(), candles);
        let progress = shared.held.progress();
        let is_idle = progress.is_empty() && speed <= 0.0;
        if is_idle && was_idle {
            continue;
        }
        was_idle = is_idle;
        if let Err(error) = shared.store.progress(shared.presence.worker(), &progress, speed).await
        {
            tracing::debug!(error = %error, "progress was not written");
        }
    }
}
