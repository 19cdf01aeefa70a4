//! Replays: completed jobs run once more, never from the cache and never counted.
//!
//! One at a time and before any job. The answer is written under the replay's own fence; what it
//! was compared with stays as it is, whatever comes out.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::{Control, Monitor};
use model::{ENGINE_VERSION, JobSpec, Outcome};
use serde_json::{Value, json};
use store::{Divergence, JobError, NewResult, ReplayClaim, ReplayedResult};

use crate::claim::{Bundles, Missing};
use crate::group::Trouble;
use crate::inputs::Need;
use crate::replay::prepare;
use crate::{Shared, data, group};

/// Claims a replay if there is one and none runs here, and starts it.
pub(crate) async fn poll(shared: &Arc<Shared>, bundles: &Arc<Bundles>) {
    let Ok(permit) = Arc::clone(&shared.replays).try_acquire_owned() else { return };
    let claims = match shared.store.claim_replays(shared.presence.worker(), 1).await {
        Ok(claims) => claims,
        Err(error) => {
            tracing::debug!(%error, "no replay could be claimed");
            return;
        }
    };
    let Some(claim) = claims.into_iter().next() else { return };
    let (worker, bundles) = (Arc::clone(shared), Arc::clone(bundles));
    shared.tasks.spawn(async move {
        run(&worker, &bundles, claim).await;
        drop(permit);
    });
}

async fn run(shared: &Arc<Shared>, bundles: &Bundles, claim: ReplayClaim) {
    let held = claim.held;
    let (answer, divergence) = match replay(shared, bundles, &claim).await {
        Ok(found) => found,
        Err(Pause::Unanswered) => {
            if let Err(error) = shared.store.release_replays(shared.presence.worker()).await {
                tracing::warn!(%error, replay.id = held.id, "a replay was not given back");
            }
            return;
        }
    };
    let verdict = answer["verdict"].as_str().unwrap_or_default().to_owned();
    if divergence.is_some() {
        metrics::counter!("backfleet_determinism_faults_total").increment(1);
        tracing::error!(
            bundle.id = %claim.bundle, job.seq = claim.seq, %answer,
            "a replay came out differently: the engine is not deterministic on some host"
        );
    }
    let worker = shared.presence.worker();
    match shared.store.answer_replay(worker, held, &answer, divergence.as_ref()).await {
        Ok(written) => tracing::info!(replay.id = held.id, verdict, written, "replayed"),
        Err(error) => {
            tracing::warn!(%error, replay.id = held.id, "an answer was not written: its lease will end");
        }
    }
    metrics::counter!("backfleet_replays_total", "verdict" => verdict).increment(1);
}

/// Why there is no answer now.
enum Pause {
    /// A source or the database is away, or this process stops: another time, another worker.
    Unanswered,
}

type Answer = (Value, Option<Divergence>);

fn gone(message: &str) -> Answer {
    (json!({"verdict": "data_gone", "message": message}), None)
}

fn failed(error: &JobError) -> Answer {
    (json!({"verdict": "failed", "code": error.code, "message": error.message}), None)
}

async fn replay(
    shared: &Arc<Shared>,
    bundles: &Bundles,
    claim: &ReplayClaim,
) -> Result<Answer, Pause> {
    let Some(expected) = claim.result.clone() else {
        return Ok((json!({"verdict": "result_gone"}), None));
    };
    if expected.engine_version != ENGINE_VERSION {
        return Ok((
            json!({
                "verdict": "other_engine",
                "message": format!(
                    "the result is of engine version {}, this worker has {ENGINE_VERSION}",
                    expected.engine_version
                ),
            }),
            None,
        ));
    }
    let bundle = match bundles.get(shared, claim.bundle).await {
        Ok(bundle) => bundle,
        Err(Missing::Away) => return Err(Pause::Unanswered),
        Err(Missing::Invalid(message)) => {
            return Ok(failed(&JobError { code: "invalid_spec".to_owned(), message }));
        }
    };
    let Some(spec) = bundle.job(claim.seq).filter(|spec| spec.key == claim.spec_key) else {
        let message = "this worker's version reads the request differently".to_owned();
        return Ok(failed(&JobError { code: "invalid_spec".to_owned(), message }));
    };
    let spec = Arc::new(spec);
    let no_needs = BTreeSet::new();
    let need = Need::of(&spec);
    let signals = match group::signals(shared, &need).await {
        Ok(signals) => signals,
        Err(Trouble::GiveBack(_)) => return Err(Pause::Unanswered),
        Err(Trouble::Fail(error)) => return Ok(gone(&error.message)),
    };
    let inputs = match data::fetch(shared, &need, signals, &no_needs).await {
        Ok(fetched) => fetched.inputs,
        Err(data::Failure::Store(_)) => return Err(Pause::Unanswered),
        Err(data::Failure::Candles(error)) if error.is_transient() || error.may_pass() => {
            shared.source.away();
            return Err(Pause::Unanswered);
        }
        Err(data::Failure::Candles(error)) => return Ok(gone(&error.chain())),
    };
    let job = match prepare(&inputs, &spec) {
        Ok(job) => job,
        Err(error) => return Ok(gone(&error.message)),
    };
    if job.data_hash != expected.data_hash {
        return Ok((
            json!({
                "verdict": "data_gone",
                "message": "the candles or the settings of the series changed since",
                "expectedData": expected.data_hash,
                "foundData": job.data_hash,
            }),
            None,
        ));
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let worker = Arc::clone(shared);
    shared.pool.start(move || {
        let monitor = Whole { shared: &worker };
        let result = crate::replay::run_jobs(&inputs, &[&job], &monitor).pop();
        // Nobody waits any more in a process that stops.
        let _ = sender.send(result);
    });
    match receiver.await {
        Ok(Some(Ok(result))) => Ok(compare(shared, &expected, &spec, result).await),
        Ok(Some(Err(Some(error)))) => Ok(failed(&error)),
        Ok(Some(Err(None)) | None) => Err(Pause::Unanswered),
        Err(_panic) => Ok(failed(&crate::replay::internal_fault())),
    }
}

/// Runs to the end, unless the process is to stop.
struct Whole<'a> {
    shared: &'a Shared,
}

impl Monitor for Whole<'_> {
    fn progress(&self, _variant: usize, _candles_done: usize) -> Control {
        if self.shared.draining.is_cancelled() { Control::Stop } else { Control::Continue }
    }
}

async fn compare(
    shared: &Shared,
    expected: &ReplayedResult,
    spec: &JobSpec,
    found: NewResult,
) -> Answer {
    if found.outcome_hash == expected.outcome_hash {
        return (json!({"verdict": "equal", "outcomeHash": found.outcome_hash}), None);
    }
    let standing = shared.store.detail(expected.key).await.ok().flatten();
    let standing = standing.and_then(|detail| detail.outcome.unpack().ok());
    let again = found.outcome.unpack().ok();
    let first = match (standing, again) {
        (Some(standing), Some(again)) => first_difference(&standing, &again),
        (None, _) | (_, None) => json!({"part": "bytes"}),
    };
    let answer = json!({
        "verdict": "different",
        "specKey": spec.key,
        "expected": expected.outcome_hash,
        "found": found.outcome_hash,
        "firstDifference": first,
    });
    let divergence =
        Divergence { key: expected.key, outcome_hash: found.outcome_hash, outcome: found.outcome };
    (answer, Some(divergence))
}

/// Where two outcomes part, in the order in which a backtest writes them.
fn first_difference(standing: &Outcome, found: &Outcome) -> Value {
    fn of<T: PartialEq + std::fmt::Debug>(part: &str, one: &[T], other: &[T]) -> Option<Value> {
        let shorter = one.len().min(other.len());
        let at = (0..shorter).find(|index| one[*index] != other[*index]).unwrap_or(shorter);
        if at == one.len() && at == other.len() {
            return None;
        }
        let text = |all: &[T]| all.get(at).map(|item| format!("{item:?}"));
        Some(json!({"part": part, "index": at, "expected": text(one), "found": text(other)}))
    }
    let whole = |part, one: String, other: String| {
        (one != other).then(|| json!({"part": part, "expected": one, "found": other}))
    };
    of("fills", &standing.fills, &found.fills)
        .or_else(|| of("funding", &standing.funding, &found.funding))
        .or_else(|| of("dailyMarks", &standing.daily_marks, &found.daily_marks))
        .or_else(|| {
            let text = |outcome: &Outcome| format!("{:?}", outcome.open_position);
            whole("openPosition", text(standing), text(found))
        })
        .or_else(|| {
            let text = |outcome: &Outcome| format!("{:?}", outcome.counts);
            whole("counts", text(standing), text(found))
        })
        .unwrap_or_else(|| json!({"part": "bytes"}))
}

#[cfg(test)]
mod tests {
    use model::{DailyMark, Outcome};

    use super::*;

    #[test]
    fn the_first_difference_is_named_with_both_values() {
        let mark = |equity| DailyMark { day_ms: 0, equity };
        let one = Outcome { daily_marks: vec![mark(1.0), mark(2.0)], ..Outcome::default() };
        let other = Outcome { daily_marks: vec![mark(1.0), mark(2.5)], ..Outcome::default() };
        let shorter = Outcome { daily_marks: vec![mark(1.0)], ..Outcome::default() };
        let found = first_difference(&one, &other);
        assert_eq!((&found["part"], &found["index"]), (&json!("dailyMarks"), &json!(1)));
        assert!(found["found"].as_str().unwrap().contains("2.5"), "{found}");
        assert_eq!(first_difference(&one, &shorter)["found"], Value::Null);
        assert_eq!(first_difference(&one, &one)["part"], "bytes");
    }
}
