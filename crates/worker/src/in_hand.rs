//! A claimed job on its way through the worker, which it leaves exactly once.
//!
//! **Invariant:** every claim is counted in `waiting` until its [`InHand`] is gone, on every path,
//! panics included: a job that nobody lets go of would stall the claims for ever, and the beat
//! would hold it for ever.

use std::sync::Arc;

use store::{Claim, Ending, Finish, Held, JobError};

use crate::held::{JobControl, Stop};
use crate::{Outgoing, Shared};

/// A claimed job; dropped without an ending it fails (in a panic) or is given back.
pub(crate) struct InHand {
    shared: Arc<Shared>,
    pub(crate) claim: Claim,
    pub(crate) control: Arc<JobControl>,
    has_left: bool,
}

impl InHand {
    /// Takes a claim in.
    pub(crate) fn new(shared: &Arc<Shared>, claim: Claim) -> InHand {
        let control = shared.held.add(Held { job: claim.job, attempt: claim.attempt });
        shared.waits();
        InHand { shared: Arc::clone(shared), claim, control, has_left: false }
    }

    /// The fence of the claim.
    pub(crate) fn held(&self) -> Held {
        Held { job: self.claim.job, attempt: self.claim.attempt }
    }

    /// Hands the ending to the writer.
    pub(crate) fn finish(mut self, ending: Ending) {
        self.send(ending);
    }

    /// It cannot be run.
    pub(crate) fn fail(self, error: JobError) {
        self.finish(Ending::Failed(error));
    }

    /// It was stopped before it had an outcome.
    pub(crate) fn stop(mut self, reason: Stop) {
        match reason {
            Stop::Cancelled => self.send(Ending::Cancelled),
            Stop::Lost => {
                self.shared.held.remove(self.held());
                self.has_left = true;
            }
            Stop::Drained => self.give_back(),
        }
    }

    /// The caller releases it in the store.
    pub(crate) fn let_go(mut self) -> Held {
        self.has_left = true;
        self.held()
    }

    /// The job, unless it was stopped: then it leaves here.
    pub(crate) fn unless_stopped(self) -> Option<InHand> {
        match self.control.stopped() {
            None => Some(self),
            Some(reason) => {
                self.stop(reason);
                None
            }
        }
    }

    fn send(&mut self, ending: Ending) {
        let (held, bundle) = (self.held(), self.claim.bundle);
        self.shared.send(Outgoing::Finish(Finish { held, bundle, ending }));
        self.has_left = true;
    }

    fn give_back(&mut self) {
        self.shared.send(Outgoing::Return(self.held()));
        self.has_left = true;
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        if !self.has_left && std::thread::panicking() {
            self.send(Ending::Failed(crate::replay::internal_fault()));
        } else if !self.has_left {
            self.give_back();
        }
        self.shared.computed();
    }
}
