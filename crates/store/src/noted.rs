//! Which bundles the calls of this process have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::{Claim, Finish, Held, JobId, Progress};

/// Jobs of this process whose bundle is remembered, at most.
const MAX_JOBS: usize = 20_000;

/// The bundles of claimed jobs, for writes that name only the job.
#[derive(Debug, Default)]
pub(crate) struct Noted(Mutex<BTreeMap<JobId, Uuid>>);

impl Noted {
    /// Bundles of claimed jobs, which are remembered.
    pub(crate) fn claimed(&self, claims: &[Claim]) -> BTreeSet<Uuid> {
        let mut jobs = self.jobs();
        if jobs.len() > MAX_JOBS {
            jobs.clear();
        }
        jobs.extend(claims.iter().map(|claim| (claim.job, claim.bundle)));
        claims.iter().map(|claim| claim.bundle).collect()
    }

    /// Bundles of running jobs.
    pub(crate) fn progressed(&self, progress: &[Progress]) -> BTreeSet<Uuid> {
        let jobs = self.jobs();
        progress.iter().filter_map(|row| jobs.get(&row.held.job).copied()).collect()
    }

    /// Bundles of jobs that ended.
    pub(crate) fn finished(&self, finishes: &[Finish]) -> BTreeSet<Uuid> {
        let mut jobs = self.jobs();
        for finish in finishes {
            jobs.remove(&finish.held.job);
        }
        finishes.iter().map(|finish| finish.bundle).collect()
    }

    /// Bundles of jobs that were given back.
    pub(crate) fn released(&self, held: &[Held]) -> BTreeSet<Uuid> {
        let mut jobs = self.jobs();
        held.iter().filter_map(|held| jobs.remove(&held.job)).collect()
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<JobId, Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
