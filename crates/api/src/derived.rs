//! Answers computed from all jobs of a bundle, kept by the bundle's version.
//!
//! However many clients ask, an answer is computed once a version, by one caller at a time. While
//! the bundle runs its versions pass faster than answers can be made: then one serves for a few
//! times as long as it took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

use crate::flight::Flight;
use crate::problem::Problem;
use crate::status::Snapshot;

/// Most answers that are held at once.
const MAX_HELD: usize = 256;
/// An answer serves a running bundle for so many times the time it took.
const PATIENCE: u32 = 5;
/// And for at least this long.
const LEAST_AGE: Duration = Duration::from_millis(500);

/// The answers that were asked for lately, as JSON, by bundle and query.
#[derive(Default)]
pub(crate) struct DerivedCache {
    held: Mutex<BTreeMap<(Uuid, String), Entry>>,
}

struct Entry {
    flight: Arc<Flight<Derived>>,
    read_at: Instant,
}

/// An answer and the version it is at least as new as.
#[derive(Clone)]
struct Derived {
    version: u64,
    took: Duration,
    json: Bytes,
}

impl DerivedCache {
    /// Forgets answers that nobody has read for `idle`.
    pub(crate) fn evict(&self, idle: Duration) {
        self.lock().retain(|_, entry| entry.read_at.elapsed() < idle);
    }

    /// The answer to `query` about a bundle that stands as `snapshot` says, as `load` makes it.
    pub(crate) async fn get<F>(
        &self,
        snapshot: &Snapshot,
        query: String,
        load: impl FnOnce() -> F,
    ) -> Result<Response, Problem>
    where
        F: Future<Output = Result<Bytes, Problem>>,
    {
        let version = snapshot.row.version;
        let age = |held: &Derived| age(snapshot, held.version, held.took);
        let load = || async {
            let started = Instant::now();
            let json = load().await?;
            Ok(Derived { version, took: started.elapsed(), json })
        };
        let flight = self.flight((snapshot.row.id, query));
        let held = flight.get(age, load).await?;
        Ok(([(CONTENT_TYPE, "application/json")], held.json).into_response())
    }

    fn flight(&self, key: (Uuid, String)) -> Arc<Flight<Derived>> {
        let mut held = self.lock();
        if held.len() >= MAX_HELD && !held.contains_key(&key) {
            let oldest = held.iter().min_by_key(|(_, entry)| entry.read_at);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                held.remove(&oldest);
            }
        }
        let entry = held
            .entry(key)
            .or_insert_with(|| Entry { flight: Arc::default(), read_at: Instant::now() });
        entry.read_at = Instant::now();
        Arc::clone(&entry.flight)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Uuid, String), Entry>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long what was made at `version`, in the time it `took`, serves a bundle that stands as `snapshot`
/// says.
pub(crate) fn age(snapshot: &Snapshot, version: u64, took: Duration) -> Duration {
    if version == snapshot.row.version {
        Duration::MAX
    } else if snapshot.row.status.is_final() {
        Duration::ZERO
    } else {
        (took * PATIENCE).max(LEAST_AGE)
    }
}

/// Runs `work`, which takes long, beside the async runtime.
pub(crate) async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_panic| Problem::internal())
}

/// `answer` as JSON.
pub(crate) fn to_json(answer: &impl Serialize) -> Bytes {
    serde_json::to_vec(answer).expect("an answer has only text keys").into()
}
