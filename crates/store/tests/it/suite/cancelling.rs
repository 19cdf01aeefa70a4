//! Calling bundles off.

use model::{BundleStatus, JobStatus};
use store::{CancelFlag, Cancelled, Ending, Error, JobError, Release, Settled};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixture::{Fixture, bundle, completed, ended, failed, held, statuses};

pub(crate) async fn pending_jobs_are_cancelled_at_once(fixture: &Fixture) {
    let id = fixture.submit(bundle(3)).await;
    let other = fixture.submit(bundle(1)).await;
    fixture.query("UPDATE job SET hold = 2, not_before = created_at WHERE seq = 1").await;
    assert_eq!(fixture.store.cancel(id).await.unwrap(), Cancelled::Accepted);
    let row = fixture.bundle(id).await;
    assert_eq!((row.status, row.cancelled), (BundleStatus::Cancelled, 3));
    assert!(row.finished_at.is_some() && row.started_at.is_none());
    assert_eq!(fixture.store.cancel(id).await.unwrap(), Cancelled::Accepted);
    assert_eq!(fixture.bundle(id).await, row);
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 9).await;
    assert_eq!(claims.iter().map(|claim| claim.bundle).collect::<Vec<_>>(), [other]);
}

pub(crate) async fn running_jobs_are_called_off_at_the_next_beat(fixture: &Fixture) {
    let id = fixture.submit(bundle(3)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 1).await;
    assert_eq!(worker.beat().await.unwrap().owned, [(held(&claims[0]), CancelFlag::Clear)]);
    assert_eq!(fixture.store.cancel(id).await.unwrap(), Cancelled::Accepted);
    let row = fixture.bundle(id).await;
    assert_eq!((row.status, row.cancelled, row.running), (BundleStatus::Running, 2, 1));
    assert_eq!(worker.beat().await.unwrap().owned, [(held(&claims[0]), CancelFlag::Raised)]);
    assert_eq!(fixture.store.cancel(id).await.unwrap(), Cancelled::Accepted);
    let finish = ended(&claims[0], Ending::Cancelled);
    assert_eq!(fixture.finish(worker.worker(), &[finish]).await, [Settled::Stored]);
    let row = fixture.bundle(id).await;
    assert_eq!((row.status, row.cancelled, row.running), (BundleStatus::Cancelled, 3, 0));
    assert_eq!(statuses(&fixture.all_jobs(id).await), [JobStatus::Cancelled; 3]);
}

pub(crate) async fn a_job_that_completes_after_a_cancel_counts(fixture: &Fixture) {
    let id = fixture.submit(bundle(2)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 2).await;
    fixture.store.cancel(id).await.unwrap();
    fixture.finish(worker.worker(), &[completed(&claims[0]), failed(&claims[1], "bad")]).await;
    let row = fixture.bundle(id).await;
    assert_eq!((row.completed, row.failed, row.cancelled), (1, 1, 0));
    assert_eq!(row.status, BundleStatus::Cancelled);
}

pub(crate) async fn a_returned_job_of_a_cancelled_bundle_is_not_run_again(fixture: &Fixture) {
    let backoff = std::time::Duration::ZERO;
    let away = Release::SourceAway { backoff, timeout: backoff };
    let reason = JobError { code: "x".to_owned(), message: "because".to_owned() };
    let retry = Release::Retry { reason, backoff };
    let worker = fixture.worker().await;
    for why in [Release::Drain, away, retry] {
        let id = fixture.submit(bundle(1)).await;
        let claims = fixture.claim(worker.worker(), 1).await;
        fixture.store.cancel(id).await.unwrap();
        fixture.store.release(worker.worker(), &[held(&claims[0])], &why).await.unwrap();
        let job = fixture.job(id, 0).await;
        assert_eq!((job.status, job.error), (JobStatus::Cancelled, None), "{why:?}");
        assert_eq!(fixture.status(id).await, BundleStatus::Cancelled);
    }
}

pub(crate) async fn a_final_bundle_cannot_be_cancelled(fixture: &Fixture) {
    let worker = fixture.worker().await;
    let id = fixture.submit(bundle(1)).await;
    let claims = fixture.claim(worker.worker(), 1).await;
    fixture.finish(worker.worker(), &[completed(&claims[0])]).await;
    let row = fixture.bundle(id).await;
    let final_as = Cancelled::AlreadyFinal(BundleStatus::Completed);
    assert_eq!(fixture.store.cancel(id).await.unwrap(), final_as);
    assert_eq!(fixture.bundle(id).await, row);
    let empty = fixture.submit(bundle(0)).await;
    assert_eq!(fixture.store.cancel(empty).await.unwrap(), final_as);
}

pub(crate) async fn a_bundle_that_does_not_exist_cannot_be_cancelled(fixture: &Fixture) {
    let refused = fixture.store.cancel(Uuid::now_v7()).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
}

pub(crate) async fn a_cancel_is_safe_while_jobs_are_claimed_and_finished(fixture: &Fixture) {
    for _ in 0..5 {
        let id = fixture.submit(bundle(200)).await;
        let mut workers = JoinSet::new();
        for _ in 0..3 {
            let presence = fixture.worker().await;
            let store = fixture.store.clone();
            workers.spawn(async move {
                loop {
                    let claims = store.claim(presence.worker(), 7).await.unwrap();
                    if claims.is_empty() {
                        return presence;
                    }
                    let finishes: Vec<_> = claims.iter().map(completed).collect();
                    let settled = store.finish(presence.worker(), &finishes).await.unwrap();
                    assert!(settled.iter().all(|settled| *settled == Settled::Stored));
                }
            });
        }
        let store = fixture.store.clone();
        let cancel = store.cancel(id).await.unwrap();
        workers.join_all().await;
        let row = fixture.bundle(id).await;
        assert_eq!((row.completed + row.cancelled, row.running), (200, 0));
        match cancel {
            Cancelled::Accepted => assert_eq!(row.status, BundleStatus::Cancelled),
            Cancelled::AlreadyFinal(status) => {
                assert_eq!((row.status, row.completed), (status, 200));
            }
        }
    }
}
