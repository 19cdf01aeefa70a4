//! Listening for changes: one session a process, whatever the number of clients.
//!
//! A hint marks the bundles it names; the next reader, or the feed that waits, loads them. Hints may
//! be lost, so all remembered versions are compared with the store's now and then, in one statement.
//! While the session is away nothing is trusted for longer than without hints.

use std::time::Duration;

use store::HintFeed;
use uuid::Uuid;

use crate::app::App;

/// Pause before the next try to listen.
const PAUSE: Duration = Duration::from_millis(500);
/// Bundles whose versions are compared in one statement.
const BATCH: usize = 5_000;

impl App {
    /// Listens, again and again. Never ends by itself.
    pub(crate) async fn hear(&self) {
        loop {
            if let Ok(feed) = self.store().listen().await {
                self.statuses().set_hinted(true);
                self.follow_hints(feed).await;
                self.statuses().set_hinted(false);
                tracing::info!("changes are not told any more; listening again");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Until the session is lost.
    async fn follow_hints(&self, mut feed: Box<dyn HintFeed>) {
        let mut sweep = tokio::time::interval(self.config().version_sweep);
        loop {
            tokio::select! {
                heard = feed.next() => match heard {
                    Ok(ids) => {
                        metrics::counter!("backfleet_hints_total").increment(1);
                        self.statuses().touch(ids);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "the session that hears of changes is lost");
                        return;
                    }
                },
                _ = sweep.tick() => if self.compare_versions().await.is_err() {
                    return;
                },
            }
        }
    }

    /// Marks the bundles whose version is not the one remembered.
    async fn compare_versions(&self) -> Result<(), store::Error> {
        let remembered = self.statuses().versions();
        let ids: Vec<Uuid> = remembered.keys().copied().collect();
        for batch in ids.chunks(BATCH) {
            let found = self.store().versions(batch).await?;
            let other = found.into_iter().filter(|(id, version)| remembered[id] != *version);
            let other: Vec<Uuid> = other.map(|(id, _)| id).collect();
            if !other.is_empty() {
                metrics::counter!("backfleet_hints_missed_total").increment(other.len() as u64);
                self.statuses().touch(other);
            }
        }
        Ok(())
    }
}
