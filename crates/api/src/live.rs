//! Bundles that are followed on this process: one feed a bundle, however many follow it.
//!
//! A feed looks at the bundle's status, which is loaded once for all readers, and keeps the newest
//! change as the text of an event. A follower that is slow misses changes between, never the last
//! one: nothing is queued for it. A feed ends with its bundle, its last follower, or the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::app::App;
use crate::code::Code;
use crate::status::Snapshot;
use crate::status_cache::Remembered;

/// The feeds of this process.
#[derive(Default)]
pub(crate) struct Live {
    feeds: Mutex<BTreeMap<Uuid, watch::Sender<Option<Arc<Change>>>>>,
    tasks: TaskTracker,
}

/// The newest change of a bundle, ready to be sent.
#[derive(Debug)]
pub(crate) struct Change {
    /// Version after the change.
    pub(crate) version: u64,
    /// Version that the delta is relative to.
    pub(crate) before: Option<u64>,
    /// Whether nothing changes any more.
    pub(crate) is_final: bool,
    /// The event with the whole status.
    pub(crate) whole: Bytes,
    /// The event with the fields that changed.
    pub(crate) delta: Bytes,
}

impl Change {
    /// From one status to the next; a final status has one event, which closes the stream.
    fn new(snapshot: &Snapshot, before: Option<&Snapshot>) -> Change {
        let version = snapshot.row.version;
        let is_final = snapshot.row.status.is_final();
        let whole = event(version, if is_final { "end" } else { "snapshot" }, snapshot.body());
        let delta = match before {
            Some(before) if !is_final => event(version, "delta", &delta(before, snapshot)),
            Some(_) | None => whole.clone(),
        };
        let before = before.map(|before| before.row.version);
        Change { version, before, is_final, whole, delta }
    }
}

/// The text of one event; `data` is one line.
fn event(id: u64, name: &str, data: &[u8]) -> Bytes {
    let mut text = format!("id: {id}\nevent: {name}\ndata: ").into_bytes();
    text.extend_from_slice(data);
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// The fields of a status that differ from the one before.
fn delta(before: &Snapshot, after: &Snapshot) -> Vec<u8> {
    let fields = |snapshot: &Snapshot| {
        serde_json::from_slice::<Map<String, Value>>(snapshot.body()).unwrap_or_default()
    };
    let (before, mut after) = (fields(before), fields(after));
    after.retain(|name, value| before.get(name) != Some(value));
    serde_json::to_vec(&after).expect("a status has only text keys")
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, watch::Sender<Option<Arc<Change>>>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Follows a bundle: the newest change, `None` before the first look.
    pub(crate) fn follow(&self, id: Uuid) -> watch::Receiver<Option<Arc<Change>>> {
        let live = self.live();
        let mut feeds = live.lock();
        if let Some(feed) = feeds.get(&id) {
            return feed.subscribe();
        }
        let (feed, follower) = watch::channel(None);
        feeds.insert(id, feed.clone());
        live.tasks.spawn(run(self.clone(), id, feed));
        follower
    }
}

/// Looks at a bundle until it is final, nobody follows it, or the process stops.
async fn run(app: App, id: Uuid, feed: watch::Sender<Option<Arc<Change>>>) {
    let mut before: Option<Arc<Snapshot>> = None;
    let status = app.statuses().remembered(id);
    loop {
        match app.status(id).await {
            Ok(snapshot) => {
                let known = before.as_ref().map(|before| before.row.version);
                if known.is_none_or(|known| snapshot.row.version > known) {
                    let change = Change::new(&snapshot, before.as_deref());
                    let is_final = change.is_final;
                    feed.send_replace(Some(Arc::new(change)));
                    before = Some(snapshot);
                    if is_final {
                        break;
                    }
                }
            }
            Err(problem) if problem.code() == Code::BundleNotFound => break,
            // The log says what is wrong; the followers wait until it is over.
            Err(_) => {}
        }
        tokio::select! {
            () = next_look(&app, &status) => {}
            () = app.draining().cancelled() => break,
        }
        let mut feeds = app.live().lock();
        if feed.receiver_count() == 0 {
            feeds.remove(&id);
            return;
        }
    }
    app.live().lock().remove(&id);
}

/// Waits until another look is worth it: a hint, or a while without hints.
async fn next_look(app: &App, status: &Remembered) {
    let config = app.config();
    if !app.statuses().is_hinted() {
        return tokio::time::sleep(config.watch_period).await;
    }
    // A hint right after a look is answered when the status may be loaded again.
    tokio::time::sleep(config.status_age).await;
    let _late = tokio::time::timeout(config.version_sweep, status.changed()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_three_lines_and_an_empty_one() {
        assert_eq!(&event(7, "delta", b"{}")[..], b"id: 7\nevent: delta\ndata: {}\n\n");
    }
}
