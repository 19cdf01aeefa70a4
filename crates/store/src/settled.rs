//! What became of a batch of finishes.

use std::collections::{BTreeMap, BTreeSet};

use model::Digest;

use crate::{Ending, Finish, Held, Settled};

/// Finishes sorted by what a store found out about them.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// Written by this call.
    pub(crate) written: BTreeSet<Held>,
    /// Ended by the same attempt, by this call or an earlier one.
    pub(crate) ended: BTreeSet<Held>,
    /// Written, but another outcome stands under the key.
    pub(crate) diverged: BTreeSet<Held>,
    /// Not written, because the result they point at does not stand.
    pub(crate) missing: BTreeSet<Held>,
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
                (false, false) if has(&self.missing) => Settled::Missing,
                (false, false) => Settled::Lost,
            }
        });
        answer.collect()
    }
}

/// Splits finishes into those that bring what they need and those that point at a result.
pub(crate) fn split<'a>(finishes: &BTreeMap<Held, &'a Finish>) -> [BTreeMap<Held, &'a Finish>; 2] {
    let (pointers, whole) = finishes
        .iter()
        .map(|(held, finish)| (*held, *finish))
        .partition(|(_, finish)| pointed_at(finish).is_some());
    [whole, pointers]
}

/// The key of the standing result that a job is completed from.
pub(crate) fn pointed_at(finish: &Finish) -> Option<Digest> {
    match finish.ending {
        Ending::Cached { key } => Some(key),
        Ending::Completed(_) | Ending::Failed(_) | Ending::Cancelled => None,
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
