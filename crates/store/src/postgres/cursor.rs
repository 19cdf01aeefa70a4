//! Where each worker's last claim ended, so that the next need not read what lies before it.
//!
//! Claimed rows leave dead versions in the index of claimable jobs, and as long as somebody holds an
//! old snapshot vacuum cannot remove them: a claim from the top then reads all of them, each time.
//! A claim below the last one is exact as long as nothing became claimable before it. Whoever makes
//! a job claimable anywhere but at the end moves the epoch **after** the commit and **before** it
//! answers, so a claim that begins after that answer sees the new epoch and starts from the top.
//! A process that dies between the two leaves an epoch that did not move; so does a claim that was
//! rolled back after others had skipped its rows. Every [`FROM_TOP_EVERY`]th claim, and every claim
//! that comes back short, therefore starts from the top.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::WorkerId;

/// Claims of one worker from one start at the top to the next.
const FROM_TOP_EVERY: u32 = 64;

/// A place in the order of the claims: rank, turn, microseconds of `created_at`, id.
pub(super) type Place = (i64, i64, i64, i64);

/// Where a claim begins: after `place`, if the epoch is still this one; else at the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Low {
    pub(super) epoch: i64,
    pub(super) place: Place,
}

/// An epoch that never is: the claim begins at the top.
pub(super) const TOP: Low = Low { epoch: -1, place: (-1, 0, 0, 0) };

#[derive(Clone, Copy, Debug)]
struct Cursor {
    epoch: i64,
    place: Option<Place>,
    claims: u32,
}

/// The cursors of the workers of this process.
#[derive(Debug, Default)]
pub(super) struct Cursors(Mutex<BTreeMap<WorkerId, Cursor>>);

impl Cursors {
    /// Where the next claim of `worker` begins.
    pub(super) fn low(&self, worker: WorkerId) -> Low {
        let cursors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match cursors.get(&worker) {
            Some(Cursor { epoch, place: Some(place), claims }) if *claims < FROM_TOP_EVERY => {
                Low { epoch: *epoch, place: *place }
            }
            Some(_) | None => TOP,
        }
    }

    /// Notes a whole claim that read `epoch` and ended at `last`.
    ///
    /// A claim may read a new epoch yet not the jobs that came with it: its snapshot is older. Only
    /// the next one, which has read the same epoch, saw all of them.
    pub(super) fn advance(&self, worker: WorkerId, epoch: i64, last: Place) {
        let mut cursors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cursor = cursors.entry(worker).or_insert(Cursor { epoch: -1, place: None, claims: 0 });
        if cursor.epoch != epoch {
            *cursor = Cursor { epoch, place: None, claims: 0 };
        } else if cursor.place.is_none() || cursor.claims >= FROM_TOP_EVERY {
            *cursor = Cursor { epoch, place: Some(last), claims: 0 };
        } else {
            cursor.place = Some(last);
            cursor.claims += 1;
        }
    }

    /// The next claim of `worker` begins at the top.
    pub(super) fn forget(&self, worker: WorkerId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&worker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: WorkerId = WorkerId(1);

    #[test]
    fn a_cursor_holds_from_the_second_claim_in_an_epoch_and_not_for_ever() {
        let cursors = Cursors::default();
        assert_eq!(cursors.low(ONE), TOP);
        cursors.advance(ONE, 7, (0, 0, 0, 1));
        assert_eq!(cursors.low(ONE), TOP, "the first claim may have an older snapshot");
        cursors.advance(ONE, 7, (0, 0, 0, 2));
        assert_eq!(cursors.low(ONE), Low { epoch: 7, place: (0, 0, 0, 2) });
        cursors.advance(ONE, 8, (0, 0, 0, 3));
        assert_eq!(cursors.low(ONE), TOP, "the epoch moved");
        let mut from_top = 0;
        for id in 0..i64::from(3 * FROM_TOP_EVERY) {
            cursors.advance(ONE, 8, (0, 0, 0, id));
            from_top += u32::from(cursors.low(ONE) == TOP);
        }
        assert!((2..=3).contains(&from_top), "{from_top}");
        cursors.forget(ONE);
        assert_eq!(cursors.low(ONE), TOP);
    }
}
