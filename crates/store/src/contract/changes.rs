//! Decisions about one bundle: what may be asked, and in which state it can be done.
//!
//! A decision is taken while the bundle's row is locked, so all of them have one order.

use std::collections::BTreeMap;

use model::{BundleStatus, JobStatus};

/// What to do to a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Call it off: its pending jobs now, its running ones at their next beat.
    Cancel,
    /// Claim none of its jobs until it is resumed; running ones go on.
    Pause,
    /// End a pause.
    Resume,
    /// Run its failed and cancelled jobs again; a final bundle is open again.
    Retry {
        /// Only jobs of this status.
        only: Option<JobStatus>,
    },
    /// Change its labels, in whatever state it is.
    Relabel(Labels),
}

/// Labels of a bundle that can be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// -1000 to 1000, higher first; also moves its jobs in the queue.
    pub priority: Option<i16>,
    /// Tags to set, or to remove where `None`; others stay.
    pub tags: BTreeMap<String, Option<String>>,
}

/// Answer to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Done by this call.
    Applied,
    /// It was so before: nothing was written.
    Unchanged,
    /// Its state forbids the change: nothing was written.
    Refused(Standing),
    /// It is at this version, not at the one named: nothing was written.
    OtherVersion(u64),
}

/// Where a bundle stands, as far as decisions about it care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its status.
    pub status: BundleStatus,
    /// Whether it was called off.
    pub called_off: bool,
}

/// What a change means in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Apply,
    Keep,
    Refuse,
}

impl Standing {
    /// Called off, while running jobs still end.
    pub fn is_cancelling(&self) -> bool {
        self.called_off && !self.status.is_final()
    }
}

impl Change {
    /// What this change means for a bundle that stands so.
    pub(crate) fn decide(&self, standing: Standing) -> Decision {
        let closed = standing.status.is_final() || standing.called_off;
        match self {
            Change::Cancel if standing.called_off => Decision::Keep,
            Change::Cancel | Change::Pause | Change::Resume if closed => Decision::Refuse,
            Change::Retry { .. } if standing.is_cancelling() => Decision::Refuse,
            Change::Pause if standing.status == BundleStatus::Paused => Decision::Keep,
            Change::Resume if standing.status != BundleStatus::Paused => Decision::Keep,
            Change::Cancel
            | Change::Pause
            | Change::Resume
            | Change::Retry { .. }
            | Change::Relabel(_) => Decision::Apply,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decisions for each status in order, then for a running and a paused bundle called off.
    #[track_caller]
    fn check(change: &Change, expected: &str) {
        let plain = BundleStatus::ALL
            .map(|status| Standing { status, called_off: status == BundleStatus::Cancelled });
        let called_off = [BundleStatus::Running, BundleStatus::Paused]
            .map(|status| Standing { status, called_off: true });
        let found: Vec<&str> = plain
            .into_iter()
            .chain(called_off)
            .map(|standing| match change.decide(standing) {
                Decision::Apply => "apply",
                Decision::Keep => "keep",
                Decision::Refuse => "refuse",
            })
            .collect();
        assert_eq!(found.join(" "), expected, "{change:?}");
    }

    #[test]
    fn each_change_has_an_answer_in_each_state() {
        check(&Change::Cancel, "apply apply apply refuse refuse keep keep keep");
        check(&Change::Pause, "apply apply keep refuse refuse refuse refuse refuse");
        check(&Change::Resume, "keep keep apply refuse refuse refuse refuse refuse");
        let retry = Change::Retry { only: None };
        check(&retry, "apply apply apply apply apply apply refuse refuse");
        let relabel = Change::Relabel(Labels::default());
        check(&relabel, "apply apply apply apply apply apply apply apply");
    }
}
