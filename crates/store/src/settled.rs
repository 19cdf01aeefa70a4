//! What became of a batch of finishes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Finish, Held, Settled};

/// Finishes sorted by what a store found out about them.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// Written by this call.
    pub(crate) written: BTreeSet<Held>,
    /// Ended by the same attempt, by this call or an earlier one.
    pub(crate) ended: BTreeSet<Held>,
    /// Written, but another outcome stands under the key.
    pub(crate) diverged: BTreeSet<Held>,
}

impl Sorted {
    /// One answer a finish, in their order; of a repeated one only the first was written.
    pub(crate) fn answers(&self, finishes: &[Finish]) -> Vec<Settled> {
        let mut answered = BTreeSet::new();
        let answer = finishes.iter().map(|finish| {
            let repeated = !answered.insert(finish.held);
            let has = |set: &BTreeSet<Held>| set.contains(&finish.held);
            match (has(&self.written), has(&self.ended)) {
                (true, _) if repeated => Settled::AlreadyStored,
                (true, _) if has(&self.diverged) => Settled::Diverged,
                (true, _) => Settled::Stored,
                (false, true) => Settled::AlreadyStored,
                (false, false) => Settled::Lost,
            }
        });
        answer.collect()
    }
}

/// The first finish of each held attempt, ascending by job.
pub(crate) fn distinct(finishes: &[Finish]) -> BTreeMap<Held, &Finish> {
    let mut distinct = BTreeMap::new();
    for finish in finishes {
        distinct.entry(finish.held).or_insert(finish);
    }
    distinct
}
