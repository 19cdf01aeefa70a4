//! What one job of a bundle takes: three numbers that never change, kept for many bundles.
//!
//! An estimate looks at hundreds of bundles. Were it to hold their requests, which are long and of which
//! few are held, it would push out those of the bundles that are being looked at.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::app::App;
use crate::facts::Facts;
use crate::speed::Work;

/// Most bundles that are kept; the oldest ids go first.
const MOST: usize = 4_096;

/// The sizes that are known.
#[derive(Default)]
pub(crate) struct JobSizes(Mutex<BTreeMap<Uuid, Work>>);

impl JobSizes {
    fn get(&self, id: Uuid) -> Option<Work> {
        self.lock().get(&id).copied()
    }

    /// Keeps what the facts of a bundle say.
    fn keep(&self, id: Uuid, facts: &Facts) -> Work {
        let size = Work::of(&facts.bundle, 1.0, facts.candles_per_job);
        let mut kept = self.lock();
        kept.insert(id, size);
        if kept.len() > MOST {
            kept.pop_first();
        }
        size
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// What one job of a bundle takes. `None` where its request cannot be read: an estimate then does
    /// without.
    pub(crate) async fn job_size(&self, id: Uuid) -> Option<Work> {
        if let Some(size) = self.job_sizes().get(id) {
            return Some(size);
        }
        let facts = self.read_facts(id).await.ok()??;
        Some(self.job_sizes().keep(id, &facts))
    }
}
