//! Giving jobs back, and the life of a worker.

use std::time::Duration;

use model::{BundleStatus, JobStatus};
use store::{Beat, CancelFlag, Claim, Held, JobError, Progress, Release, WorkerId};
use testkit::wait;

use crate::fixture::{Fixture, LONG, PATIENCE, bundle, completed, held};

/// A backoff that is over at once.
const NOW: Duration = Duration::ZERO;

/// A backoff that is not over within a test.
const LATER: Duration = Duration::from_hours(1);

/// Claims one job, waiting for the sweeper to end its backoff.
async fn claim_again(fixture: &Fixture, worker: WorkerId) -> Claim {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        fixture.store.maintain(LONG).await.unwrap();
        if let Some(claim) = fixture.claim(worker, 1).await.pop() {
            return claim;
        }
        assert!(tokio::time::Instant::now() < deadline, "the backoff does not end");
    }
}

pub(crate) async fn a_drained_job_is_pending_again_at_once(fixture: &Fixture) {
    let id = fixture.submit(bundle(2)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 2).await;
    let progress = [Progress { held: held(&claims[0]), fraction: 0.5 }];
    fixture.store.progress(worker.worker(), &progress, 1.0).await.unwrap();
    fixture.store.release(worker.worker(), &[held(&claims[0])], &Release::Drain).await.unwrap();
    let job = fixture.job(id, 0).await;
    assert_eq!((job.status, job.worker, job.attempt), (JobStatus::Pending, None, 1));
    assert_eq!(job.progress.to_bits(), 0.0_f64.to_bits());
    assert_eq!(fixture.bundle(id).await.running, 1);
    for attempt in 2..6 {
        let claim = fixture.claim(worker.worker(), 1).await.remove(0);
        assert_eq!((claim.seq, claim.attempt, claim.suspect), (0, attempt, false));
        // An attempt that nobody holds hides none that is held.
        let given = [held(&claim), Held { attempt: attempt + 9, ..held(&claim) }];
        fixture.store.release(worker.worker(), &given, &Release::Drain).await.unwrap();
    }
    let (_, attempts) = fixture.store.job(id, 0).await.unwrap().unwrap();
    assert_eq!(attempts.iter().map(|row| row.attempt).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(attempts.iter().all(|row| row.ended_by == "drained"));
    assert!(attempts.iter().all(|row| row.worker == Some(worker.worker())));
    assert!(attempts.iter().all(|row| row.started_at.is_some_and(|at| at <= row.ended_at)));
}

pub(crate) async fn jobs_wait_while_their_source_is_away(fixture: &Fixture) {
    let id = fixture.submit(bundle(2)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 2).await;
    let away = |backoff| Release::SourceAway { backoff, timeout: LATER };
    fixture.store.release(worker.worker(), &[held(&claims[0])], &away(LATER)).await.unwrap();
    fixture.store.release(worker.worker(), &[held(&claims[1])], &away(NOW)).await.unwrap();
    let depth = fixture.store.queue_depth().await.unwrap();
    assert_eq!((depth.pending, depth.on_hold), (0, 2));
    // Waiting is no failure, however often.
    for _ in 0..5 {
        let claim = claim_again(fixture, worker.worker()).await;
        assert_eq!(claim.seq, 1);
        fixture.store.release(worker.worker(), &[held(&claim)], &away(NOW)).await.unwrap();
    }
    assert_eq!(fixture.attempts(id, 1).await, ["source_away"; 6]);
    assert_eq!(fixture.job(id, 1).await.status, JobStatus::Pending);
}

pub(crate) async fn a_job_fails_when_its_source_stays_away(fixture: &Fixture) {
    let id = fixture.submit(bundle(2)).await;
    let worker = fixture.worker().await;
    let away = |timeout| Release::SourceAway { backoff: NOW, timeout };
    let claims = fixture.claim(worker.worker(), 1).await;
    fixture.store.release(worker.worker(), &[held(&claims[0])], &away(LATER)).await.unwrap();
    // The wait counts from the first release on.
    fixture.query("UPDATE job SET source_since = created_at WHERE seq = 0").await;
    let pause = Duration::from_millis(2);
    let claim = loop {
        let claim = claim_again(fixture, worker.worker()).await;
        if claim.seq == 0 {
            break claim;
        }
    };
    wait::until_async(PATIENCE, "the timeout to pass", || async {
        let job = fixture.job(id, 0).await;
        job.started_at.unwrap() > job.created_at + 2
    })
    .await;
    fixture.store.release(worker.worker(), &[held(&claim)], &away(pause)).await.unwrap();
    let job = fixture.job(id, 0).await;
    assert_eq!(job.status, JobStatus::Failed);
    let error = job.error.unwrap();
    assert_eq!(error.code, "source_unavailable");
    assert!(error.message.starts_with("the candle source did not answer for "), "{error:?}");
    assert_eq!(fixture.bundle(id).await.failed, 1);
}

pub(crate) async fn progress_ends_the_wait_for_a_source(fixture: &Fixture) {
    fixture.submit(bundle(1)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 1).await;
    let away = Release::SourceAway { backoff: NOW, timeout: LATER };
    fixture.store.release(worker.worker(), &[held(&claims[0])], &away).await.unwrap();
    let waits = "SELECT count(*) FROM job WHERE source_since IS NOT NULL";
    assert_eq!(fixture.query(waits).await, "1");
    let claim = claim_again(fixture, worker.worker()).await;
    assert_eq!(fixture.query(waits).await, "1");
    let progress = [Progress { held: held(&claim), fraction: 0.1 }];
    fixture.store.progress(worker.worker(), &progress, 1.0).await.unwrap();
    assert_eq!(fixture.query(waits).await, "0");
}

pub(crate) async fn the_third_passing_failure_is_final(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    let worker = fixture.worker().await;
    for attempt in 1..=3 {
        let claim = claim_again(fixture, worker.worker()).await;
        assert_eq!(claim.attempt, attempt);
        let reason =
            JobError { code: "out_of_memory".to_owned(), message: format!("reason {attempt}") };
        let retry = Release::Retry { reason: reason.clone(), backoff: NOW };
        fixture.store.release(worker.worker(), &[held(&claim)], &retry).await.unwrap();
        if attempt < 3 {
            assert_eq!(fixture.job(id, 0).await.error, Some(reason), "it shows why it waits");
        }
    }
    let job = fixture.job(id, 0).await;
    assert_eq!((job.status, job.attempt), (JobStatus::Failed, 3));
    let message = "reason 3 (tried 3 times)".to_owned();
    assert_eq!(job.error, Some(JobError { code: "out_of_memory".to_owned(), message }));
    assert_eq!(fixture.attempts(id, 0).await, ["retried"; 3]);
    assert_eq!(fixture.status(id).await, BundleStatus::Failed);
}

pub(crate) async fn a_worker_that_leaves_frees_its_jobs(fixture: &Fixture) {
    let id = fixture.submit(bundle(3)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 3).await;
    fixture.finish(worker.worker(), &[completed(&claims[0])]).await;
    worker.leave().await.unwrap();
    let row = fixture.bundle(id).await;
    assert_eq!((row.running, row.completed), (0, 1));
    assert_eq!(fixture.attempts(id, 1).await, ["drained"]);
    let next = fixture.worker().await;
    assert_ne!(next.worker(), worker.worker());
    assert_eq!(fixture.claim(next.worker(), 9).await.len(), 2);
    let rows = fixture.store.workers().await.unwrap();
    assert_eq!(rows.iter().map(|row| row.lost).collect::<Vec<_>>(), [false, true]);
    assert!(!fixture.store.drain_worker(worker.worker()).await.unwrap());
}

pub(crate) async fn a_worker_is_asked_to_drain_at_its_beat(fixture: &Fixture) {
    fixture.submit(bundle(2)).await;
    let worker = fixture.worker().await;
    assert_eq!(worker.beat().await.unwrap(), Beat::default());
    let claims = fixture.claim(worker.worker(), 2).await;
    assert!(fixture.store.drain_worker(worker.worker()).await.unwrap());
    assert!(!fixture.store.drain_worker(WorkerId(999)).await.unwrap());
    let beat = worker.beat().await.unwrap();
    assert!(beat.drain);
    let owned: Vec<_> = claims.iter().map(|claim| (held(claim), CancelFlag::Clear)).collect();
    assert_eq!(beat.owned, owned);
    assert!(fixture.store.workers().await.unwrap()[0].draining);
}

pub(crate) async fn workers_are_listed_with_their_figures(fixture: &Fixture) {
    fixture.submit(bundle(4)).await;
    let first = fixture.worker().await;
    let second = fixture.worker().await;
    let claims = fixture.claim(second.worker(), 3).await;
    fixture.finish(second.worker(), &[completed(&claims[0]), completed(&claims[1])]).await;
    let rows = fixture.store.workers().await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.id).collect::<Vec<_>>(),
        [second.worker(), first.worker()]
    );
    let row = &rows[0];
    assert_eq!((row.host.as_str(), row.version.as_str(), row.slots), ("host", "0.1.0", 2));
    assert_eq!((row.running, row.finished), (1, 2));
    assert!(row.presence && !row.draining && !row.lost);
    assert!(row.beat_at >= row.started_at);
    assert_eq!((rows[1].running, rows[1].finished), (0, 0));
    second.beat().await.unwrap();
    assert!(fixture.store.workers().await.unwrap()[0].beat_at >= row.beat_at);
}
