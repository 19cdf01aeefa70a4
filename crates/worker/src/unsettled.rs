//! Results that are on their way to the store, and the jobs that are to point at them.
//!
//! **Invariant:** a job that points at a result of this worker is written after that result is
//! settled, however many statements are under way; until then it stays here, and stays held.

use std::collections::BTreeMap;

use model::Digest;
use store::{Ending, Finish, JobError, NewResult};

/// Why a result is not there although other jobs of this worker were to point at it.
pub(crate) enum Fate {
    /// Its job was no longer ours: the next job of the key brings it.
    Fenced(Box<NewResult>),
    /// The store refuses it: every job of the key fails.
    Refused(JobError),
}

/// What became of a result that was on its way: `None` if it is not known to be absent.
pub(crate) type Settlement = (Digest, Option<Fate>);

/// Fates that are remembered; the jobs they concern follow within moments.
const KEPT_FATES: usize = 64;

/// Results on their way, by key.
#[derive(Default)]
pub(crate) struct Unsettled {
    under_way: BTreeMap<Digest, UnderWay>,
    fates: BTreeMap<Digest, Fate>,
}

#[derive(Default)]
struct UnderWay {
    results: usize,
    pointers: Vec<Finish>,
}

impl Unsettled {
    /// The finish as it can be written now; `None` if it has to wait for the result that it points
    /// at.
    pub(crate) fn admit(&mut self, mut finish: Finish) -> Option<Finish> {
        if let Ending::Cached { key } = &finish.ending {
            if let Some(ahead) = self.under_way.get_mut(key) {
                ahead.pointers.push(finish);
                return None;
            }
            match self.fates.get(key) {
                None => {}
                Some(Fate::Fenced(result)) => finish.ending = Ending::Completed(result.clone()),
                Some(Fate::Refused(error)) => finish.ending = Ending::Failed(error.clone()),
            }
        }
        if let Ending::Completed(result) = &finish.ending {
            self.under_way.entry(result.key).or_default().results += 1;
        }
        Some(finish)
    }

    /// Notes that a result was settled; returns the jobs that waited for it, to be admitted again.
    pub(crate) fn settle(&mut self, (key, fate): Settlement) -> Vec<Finish> {
        match fate {
            None => _ = self.fates.remove(&key),
            Some(fate) => {
                self.fates.insert(key, fate);
                if self.fates.len() > KEPT_FATES {
                    self.fates.pop_first();
                }
            }
        }
        let Some(ahead) = self.under_way.get_mut(&key) else { return Vec::new() };
        ahead.results -= 1;
        if ahead.results > 0 {
            return Vec::new();
        }
        self.under_way.remove(&key).map(|ahead| ahead.pointers).unwrap_or_default()
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use store::{Held, JobId, JsonText, Packer};
    use uuid::Uuid;

    use super::*;

    fn finish(job: i64, ending: Ending) -> Finish {
        Finish { held: Held { job: JobId(job), attempt: 1 }, bundle: Uuid::nil(), ending }
    }

    fn key(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn result(name: &str) -> Box<NewResult> {
        Box::new(NewResult {
            key: key(name),
            outcome_hash: key("outcome"),
            data_hash: key("data"),
            metrics: JsonText::object::<f64>([]),
            summary: JsonText::object::<f64>([]),
            daily_returns: Vec::new(),
            outcome: Packer::default().pack(&model::Outcome::default()).unwrap(),
        })
    }

    fn brings(job: i64, name: &str) -> Finish {
        finish(job, Ending::Completed(result(name)))
    }

    fn points(job: i64, name: &str) -> Finish {
        finish(job, Ending::Cached { key: key(name) })
    }

    fn jobs(finishes: &[Finish]) -> Vec<i64> {
        finishes.iter().map(|finish| finish.held.job.0).collect()
    }

    #[test]
    fn a_pointer_waits_for_every_result_of_its_key() {
        let mut unsettled = Unsettled::default();
        assert!(unsettled.admit(points(1, "a")).is_some(), "nothing of the key is on its way");
        assert!(unsettled.admit(brings(2, "a")).is_some());
        assert!(unsettled.admit(brings(3, "a")).is_some());
        assert!(unsettled.admit(points(4, "a")).is_none());
        assert!(unsettled.admit(points(5, "b")).is_some());
        assert!(unsettled.admit(points(6, "a")).is_none());
        assert!(unsettled.settle((key("a"), None)).is_empty(), "one is still on its way");
        assert!(!unsettled.is_empty());
        assert_eq!(jobs(&unsettled.settle((key("a"), None))), [4, 6]);
        assert!(unsettled.is_empty());
        assert!(matches!(
            unsettled.admit(points(4, "a")),
            Some(Finish { ending: Ending::Cached { .. }, .. })
        ));
    }

    #[test]
    fn the_next_job_brings_a_result_whose_own_job_was_lost() {
        let mut unsettled = Unsettled::default();
        unsettled.admit(brings(1, "a"));
        assert!(unsettled.admit(points(2, "a")).is_none());
        assert!(unsettled.admit(points(3, "a")).is_none());
        let waiting = unsettled.settle((key("a"), Some(Fate::Fenced(result("a")))));
        let mut again: Vec<_> = waiting.into_iter().map(|finish| unsettled.admit(finish)).collect();
        // The first brings it, the other waits for that.
        assert!(again.pop().is_some_and(|last| last.is_none()));
        let first = again.pop().flatten().unwrap();
        assert!(matches!(first.ending, Ending::Completed(_)) && first.held.job.0 == 2);
        // Once it stands the fate is forgotten.
        let waiting = unsettled.settle((key("a"), None));
        assert_eq!(jobs(&waiting), [3]);
        for finish in waiting {
            let admitted = unsettled.admit(finish).unwrap();
            assert!(matches!(admitted.ending, Ending::Cached { .. }));
        }
    }

    #[test]
    fn every_job_of_a_refused_result_fails() {
        let mut unsettled = Unsettled::default();
        unsettled.admit(brings(1, "a"));
        let error = JobError { code: "result_refused".to_owned(), message: String::new() };
        unsettled.settle((key("a"), Some(Fate::Refused(error))));
        let admitted = unsettled.admit(points(2, "a")).unwrap();
        assert!(matches!(admitted.ending, Ending::Failed(_)));
        assert!(unsettled.is_empty());
    }

    #[test]
    fn fates_are_not_kept_for_ever() {
        let mut unsettled = Unsettled::default();
        for number in 0..=KEPT_FATES {
            let name = number.to_string();
            unsettled.admit(brings(1, &name));
            unsettled.settle((key(&name), Some(Fate::Fenced(result(&name)))));
        }
        assert_eq!(unsettled.fates.len(), KEPT_FATES);
    }
}
