//! Replays: claimed, fenced and reaped like jobs, never counted.

use std::time::Duration;

use model::{Digest, JobStatus};
use serde_json::json;
use store::{Divergence, HeldReplay, LeaseTimes, ReplayClaim, WorkerId};
use testkit::wait;
use uuid::Uuid;

use crate::fixture::{Fixture, PATIENCE, bundle, completed, packed, result};

/// A bundle of one completed job.
async fn done(fixture: &Fixture, worker: WorkerId) -> Uuid {
    let id = fixture.submit(bundle(1)).await;
    let claims = fixture.claim(worker, 1).await;
    fixture.finish(worker, &[completed(&claims[0])]).await;
    id
}

async fn claim(fixture: &Fixture, worker: WorkerId) -> ReplayClaim {
    let mut claims = fixture.store.claim_replays(worker, 10).await.unwrap();
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}

pub(crate) async fn a_completed_job_is_replayed_once_a_request(fixture: &Fixture) {
    let worker = fixture.worker().await;
    let id = done(fixture, worker.worker()).await;
    let before = fixture.bundle(id).await;
    let store = &fixture.store;
    assert_eq!(store.replay(id, 0).await.unwrap(), None);
    let asked = store.ask_replay(id, 0).await.unwrap().unwrap();
    assert_eq!((asked.status, asked.attempt, &asked.answer), (JobStatus::Pending, 0, &None));
    // A repeat before the answer is the same request.
    assert_eq!(store.ask_replay(id, 0).await.unwrap().unwrap(), asked);
    let claim = claim(fixture, worker.worker()).await;
    assert_eq!((claim.bundle, claim.seq, claim.held.attempt), (id, 0, 1));
    let expected = claim.result.clone().unwrap();
    let job = fixture.job(id, 0).await;
    assert_eq!(expected.outcome_hash, job.result.as_ref().unwrap().outcome_hash);
    assert!(store.claim_replays(worker.worker(), 10).await.unwrap().is_empty());
    let answer = json!({"verdict": "equal"});
    assert!(store.answer_replay(worker.worker(), claim.held, &answer, None).await.unwrap());
    let row = store.replay(id, 0).await.unwrap().unwrap();
    assert_eq!((row.status, row.worker), (JobStatus::Completed, Some(worker.worker())));
    assert_eq!(row.answer, Some(answer));
    assert!(row.ended_at >= Some(row.created_at));
    // Neither the job nor its bundle knows of it.
    assert_eq!(fixture.job(id, 0).await, job);
    assert_eq!(fixture.bundle(id).await, before);
    let again = store.ask_replay(id, 0).await.unwrap().unwrap();
    assert_eq!((again.status, again.answer), (JobStatus::Pending, None));
}

pub(crate) async fn a_job_without_a_result_is_not_replayed(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    assert_eq!(fixture.store.ask_replay(id, 0).await.unwrap(), None);
    assert_eq!(fixture.store.ask_replay(id, 7).await.unwrap(), None);
    assert_eq!(fixture.store.ask_replay(Uuid::now_v7(), 0).await.unwrap(), None);
}

pub(crate) async fn a_late_answer_of_a_replay_is_fenced(fixture: &Fixture) {
    let (first, second) = (fixture.worker().await, fixture.worker().await);
    let id = done(fixture, first.worker()).await;
    fixture.store.ask_replay(id, 0).await.unwrap();
    let late = claim(fixture, first.worker()).await.held;
    fixture.store.release_replays(first.worker()).await.unwrap();
    let held = claim(fixture, second.worker()).await.held;
    assert_eq!(held, HeldReplay { attempt: 2, ..late });
    let answer = json!({"verdict": "different"});
    let divergence = Divergence {
        key: Digest::of(b"key"),
        outcome_hash: Digest::of(b"hash"),
        outcome: packed(&[]),
    };
    for (worker, held) in [(first.worker(), late), (first.worker(), held), (second.worker(), late)]
    {
        let written = fixture.store.answer_replay(worker, held, &answer, Some(&divergence)).await;
        assert!(!written.unwrap());
    }
    assert_eq!(fixture.query("SELECT count(*) FROM result_conflict").await, "0");
    let answer = json!({"verdict": "equal"});
    assert!(fixture.store.answer_replay(second.worker(), held, &answer, None).await.unwrap());
}

pub(crate) async fn replays_of_a_dead_worker_go_to_another_and_end_after_three(fixture: &Fixture) {
    let times = LeaseTimes {
        beat: Duration::from_millis(50),
        lease: Duration::from_millis(300),
        grace: Duration::from_millis(150),
    };
    let worker = fixture.worker().await;
    let id = done(fixture, worker.worker()).await;
    fixture.store.ask_replay(id, 0).await.unwrap();
    for attempt in 1..=3 {
        let doomed = fixture.worker_with(times).await;
        let held = claim(fixture, doomed.worker()).await.held;
        assert_eq!(held.attempt, attempt);
        drop(doomed);
        wait::until_async(PATIENCE, "the replay to be taken back", || async {
            worker.beat().await.unwrap();
            fixture.store.maintain(times).await.unwrap();
            let row = fixture.store.replay(id, 0).await.unwrap().unwrap();
            row.status != JobStatus::Running
        })
        .await;
    }
    let row = fixture.store.replay(id, 0).await.unwrap().unwrap();
    assert_eq!((row.status, row.worker), (JobStatus::Failed, None));
    assert_eq!(row.answer, Some(json!({"verdict": "worker_lost"})));
}

pub(crate) async fn a_divergence_is_recorded_and_counts_nothing(fixture: &Fixture) {
    let worker = fixture.worker().await;
    let id = fixture.submit(bundle(1)).await;
    let claims = fixture.claim(worker.worker(), 1).await;
    fixture.finish(worker.worker(), &[completed(&claims[0])]).await;
    let before = fixture.bundle(id).await;
    fixture.store.ask_replay(id, 0).await.unwrap();
    let held = claim(fixture, worker.worker()).await.held;
    let divergence = Divergence {
        key: result(&claims[0]).key,
        outcome_hash: Digest::of(b"another"),
        outcome: packed(b"another"),
    };
    let answer = json!({"verdict": "different"});
    let store = &fixture.store;
    assert!(store.answer_replay(worker.worker(), held, &answer, Some(&divergence)).await.unwrap());
    assert_eq!(fixture.query("SELECT count(*) FROM result_conflict").await, "1");
    let job = fixture.job(id, 0).await;
    assert_eq!(job.status, JobStatus::Completed);
    assert_eq!(job.error.unwrap().code, "determinism_fault");
    assert_eq!(job.result.unwrap().outcome_hash, result(&claims[0]).outcome_hash);
    assert_eq!(fixture.bundle(id).await, before);
}

pub(crate) async fn a_worker_that_leaves_gives_its_replay_back(fixture: &Fixture) {
    let worker = fixture.worker().await;
    let id = done(fixture, worker.worker()).await;
    fixture.store.ask_replay(id, 0).await.unwrap();
    let leaving = fixture.worker().await;
    claim(fixture, leaving.worker()).await;
    leaving.leave().await.unwrap();
    assert_eq!(claim(fixture, worker.worker()).await.held.attempt, 2);
}
