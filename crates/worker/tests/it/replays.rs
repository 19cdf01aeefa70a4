//! Replays on a real worker.

use model::JobStatus;
use serde_json::Value;
use testkit::wait;
use uuid::Uuid;

use crate::fleet::{Fleet, PATIENCE};

/// Asks for a replay of the first job and waits for its answer.
async fn verify(fleet: &Fleet, id: Uuid) -> Value {
    fleet.store.ask_replay(id, 0).await.unwrap().unwrap();
    let answered = || async {
        let row = fleet.store.replay(id, 0).await.unwrap().unwrap();
        row.status == JobStatus::Completed
    };
    wait::until_async(PATIENCE, "the replay to be answered", answered).await;
    fleet.store.replay(id, 0).await.unwrap().unwrap().answer.unwrap()
}

#[tokio::test]
async fn a_replay_gives_the_same_outcome_without_the_cache() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker(|_| ());
    let id = fleet.submit(&[10]).await;
    let before = fleet.completed(id).await;
    let answer = verify(&fleet, id).await;
    assert_eq!(answer["verdict"], "equal", "{answer}");
    let hash = before[0].result.as_ref().unwrap().outcome_hash.to_string();
    assert_eq!(answer["outcomeHash"], hash);
    assert_eq!(fleet.jobs(id).await, before);
    worker.stop().await;
}

#[tokio::test]
async fn changed_candles_are_told_from_a_changed_outcome() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker(|_| ());
    let id = fleet.submit(&[10]).await;
    fleet.completed(id).await;
    fleet.overwrite("BTC", 8);
    let answer = verify(&fleet, id).await;
    assert_eq!(answer["verdict"], "data_gone", "{answer}");
    assert!(fleet.jobs(id).await[0].error.is_none());
    worker.stop().await;
}

#[tokio::test]
async fn a_planted_determinism_fault_is_found_marked_and_described() {
    let fleet = Fleet::new().await;
    let id = fleet.submit(&[10]).await;
    let honest = fleet.worker(|_| ());
    let job = fleet.completed(id).await.remove(0);
    honest.stop().await;
    // A host that computed something else, and stored it first.
    let other = Fleet::new().await;
    let planted = other.submit(&[10]).await;
    let claim = other.store.claim(liar(&other).await, 1).await.unwrap().remove(0);
    let result = job.result.unwrap();
    let detail = fleet.store.detail(result.key).await.unwrap().unwrap();
    let mut outcome = detail.outcome.unpack().unwrap();
    outcome.fills[3].price += 1.0;
    let lie = store::NewResult {
        key: result.key,
        outcome_hash: outcome.hash(),
        data_hash: result.data_hash,
        metrics: result.metrics.into(),
        summary: result.summary.into(),
        daily_returns: detail.daily_returns,
        outcome: store::Packer::default().pack(&outcome).unwrap(),
    };
    let finish = store::Finish {
        held: store::Held { job: claim.job, attempt: claim.attempt },
        bundle: planted,
        ending: store::Ending::Completed(Box::new(lie)),
    };
    other.store.finish(store::WorkerId(1), &[finish]).await.unwrap();
    let worker = other.worker(|_| ());
    let answer = verify(&other, planted).await;
    assert_eq!(answer["verdict"], "different", "{answer}");
    assert_eq!(answer["firstDifference"]["part"], "fills");
    assert_eq!(answer["firstDifference"]["index"], 3);
    let marked = other.jobs(planted).await.remove(0);
    assert_eq!(marked.status, JobStatus::Completed);
    assert_eq!(marked.error.unwrap().code, "determinism_fault");
    worker.stop().await;
}

/// Enters a worker that only the test speaks for.
async fn liar(fleet: &Fleet) -> store::WorkerId {
    let info = store::WorkerInfo { host: String::new(), version: String::new(), slots: 1 };
    let presence = fleet.store.enter(&info, crate::fleet::NEVER).await.unwrap();
    presence.worker()
}
