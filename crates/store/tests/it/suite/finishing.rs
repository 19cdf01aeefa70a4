//! Endings: fenced, counted once, results kept once.

use std::collections::BTreeSet;

use model::{BundleStatus, Digest, JobStatus};
use serde_json::json;
use store::{Ending, Finish, Held, JobError, NewResult, Progress, Release, Settled};
use uuid::Uuid;

use crate::fixture::{
    Fixture, bundle, completed, ended, failed, held, key, packed, result, statuses,
};

pub(crate) async fn each_ending_is_counted_once(fixture: &Fixture) {
    let id = fixture.submit(bundle(5)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 5).await;
    let finishes = [
        completed(&claims[0]),
        ended(&claims[1], Ending::Cached { key: key(id, 0) }),
        failed(&claims[2], "no_candles"),
        ended(&claims[3], Ending::Cancelled),
    ];
    assert_eq!(fixture.finish(worker.worker(), &finishes).await, [Settled::Stored; 4]);
    let row = fixture.bundle(id).await;
    assert_eq!((row.completed, row.failed, row.cancelled), (2, 1, 1));
    assert_eq!((row.cached, row.running), (1, 1));
    assert_eq!((row.status, row.finished_at), (BundleStatus::Running, None));

    let jobs = fixture.all_jobs(id).await;
    let expected = [
        JobStatus::Completed,
        JobStatus::Completed,
        JobStatus::Failed,
        JobStatus::Cancelled,
        JobStatus::Running,
    ];
    assert_eq!(statuses(&jobs), expected);
    assert_eq!(jobs[0].worker, Some(worker.worker()));
    assert_eq!(jobs[0].result, jobs[1].result);
    assert!(!jobs[0].cached && jobs[1].cached);
    let error = JobError { code: "no_candles".to_owned(), message: "because".to_owned() };
    assert_eq!(jobs[2].error, Some(error));
    assert_eq!((jobs[0].error.as_ref(), jobs[3].error.as_ref()), (None, None));

    fixture.finish(worker.worker(), &[completed(&claims[4])]).await;
    let row = fixture.bundle(id).await;
    assert_eq!((row.status, row.completed, row.running), (BundleStatus::Completed, 3, 0));
    assert!(row.finished_at >= row.started_at);
}

pub(crate) async fn a_stale_attempt_writes_nothing(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    let (first, second) = (fixture.worker().await, fixture.worker().await);
    let old = fixture.claim(first.worker(), 1).await.remove(0);
    fixture.store.release(first.worker(), &[held(&old)], &Release::Drain).await.unwrap();
    let stale = |worker| {
        let store = fixture.store.clone();
        let (finish, held) = (completed(&old), held(&old));
        async move {
            assert_eq!(store.finish(worker, &[finish]).await.unwrap(), [Settled::Lost]);
            let progress = [Progress { held, fraction: 0.5 }];
            store.progress(worker, &progress, 9.0).await.unwrap();
            assert!(!store.mark_started(worker, held).await.unwrap());
            store.release(worker, &[held], &Release::Drain).await.unwrap();
        }
    };
    let pending = fixture.bundle(id).await;
    stale(first.worker()).await;
    assert_eq!(fixture.bundle(id).await, pending);

    // Neither the number of the old attempt nor the worker alone opens the fence.
    let new = fixture.claim(second.worker(), 1).await.remove(0);
    assert_eq!(new.attempt, old.attempt + 1);
    let running = fixture.bundle(id).await;
    stale(first.worker()).await;
    stale(second.worker()).await;
    let wrong = Finish { held: held(&new), ..completed(&new) };
    assert_eq!(fixture.finish(first.worker(), &[wrong]).await, [Settled::Lost]);
    assert_eq!(fixture.bundle(id).await, running);
    assert_eq!(fixture.attempts(id, 0).await, ["drained"]);
    assert_eq!(fixture.query("SELECT count(*) FROM result").await, "0");
    assert_eq!(fixture.finish(second.worker(), &[completed(&new)]).await, [Settled::Stored]);
    assert_eq!(fixture.bundle(id).await.completed, 1);
    stale(first.worker()).await;
}

pub(crate) async fn a_finish_whose_answer_was_lost_is_already_stored(fixture: &Fixture) {
    let id = fixture.submit(bundle(2)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 2).await;
    fixture.finish(worker.worker(), &[completed(&claims[0])]).await;
    let before = fixture.bundle(id).await;
    let again = fixture.finish(worker.worker(), &[completed(&claims[0])]).await;
    assert_eq!(again, [Settled::AlreadyStored]);
    assert_eq!(fixture.bundle(id).await, before);
    // In one call with a new one, too.
    let finishes = [completed(&claims[0]), completed(&claims[1])];
    let again = fixture.finish(worker.worker(), &finishes).await;
    assert_eq!(again, [Settled::AlreadyStored, Settled::Stored]);
    assert_eq!(fixture.bundle(id).await.completed, 2);
}

pub(crate) async fn answers_come_in_the_order_of_the_finishes(fixture: &Fixture) {
    fixture.submit(bundle(4)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 3).await;
    let nobody = Finish { held: Held { attempt: 9, ..held(&claims[2]) }, ..completed(&claims[2]) };
    let finishes = [completed(&claims[2]), nobody, completed(&claims[0]), completed(&claims[2])];
    let settled = fixture.finish(worker.worker(), &finishes).await;
    let expected = [Settled::Stored, Settled::Lost, Settled::Stored, Settled::AlreadyStored];
    assert_eq!(settled, expected);
    assert_eq!(fixture.finish(worker.worker(), &[]).await, []);
}

/// A completion of `claim` under another key.
fn under(claim: &store::Claim, key: Digest, outcome: &[u8]) -> Finish {
    let outcome_hash = Digest::of(outcome);
    let result = NewResult { key, outcome_hash, outcome: packed(outcome), ..result(claim) };
    ended(claim, Ending::Completed(Box::new(result)))
}

pub(crate) async fn equal_keys_share_one_result(fixture: &Fixture) {
    let id = fixture.submit(bundle(4)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 4).await;
    let shared = Digest::of(b"shared");
    let finishes: Vec<_> = claims.iter().map(|claim| under(claim, shared, b"same")).collect();
    // Twice in one call, then again in another.
    let settled = fixture.finish(worker.worker(), &finishes[..2]).await;
    assert_eq!(settled, [Settled::Stored; 2]);
    let settled = fixture.finish(worker.worker(), &finishes[2..]).await;
    assert_eq!(settled, [Settled::Stored; 2]);
    assert_eq!(fixture.query("SELECT count(*) FROM result").await, "1");
    let keys: BTreeSet<Digest> =
        fixture.all_jobs(id).await.into_iter().map(|job| job.result.unwrap().key).collect();
    assert_eq!(keys, BTreeSet::from([shared]));
    let row = fixture.bundle(id).await;
    assert_eq!((row.completed, row.cached, row.status), (4, 0, BundleStatus::Completed));
}

pub(crate) async fn another_outcome_under_a_standing_key_is_a_fault(fixture: &Fixture) {
    let id = fixture.submit(bundle(4)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 4).await;
    let (shared, other) = (Digest::of(b"shared"), Digest::of(b"other key"));
    let settled = fixture.finish(worker.worker(), &[under(&claims[0], shared, b"one")]).await;
    assert_eq!(settled, [Settled::Stored]);
    let finishes = [under(&claims[1], shared, b"two"), under(&claims[2], shared, b"one")];
    let settled = fixture.finish(worker.worker(), &finishes).await;
    assert_eq!(settled, [Settled::Diverged, Settled::Stored]);
    let settled = fixture.finish(worker.worker(), &[under(&claims[3], other, b"two")]).await;
    assert_eq!(settled, [Settled::Stored]);

    let jobs = fixture.all_jobs(id).await;
    assert_eq!(statuses(&jobs), [JobStatus::Completed; 4]);
    assert_eq!(jobs[1].error.as_ref().unwrap().code, "determinism_fault");
    assert_eq!((jobs[0].error.as_ref(), jobs[2].error.as_ref()), (None, None));
    assert_eq!(jobs[1].result.as_ref().unwrap().outcome_hash, Digest::of(b"one"));
    assert_eq!(fixture.query("SELECT count(*) FROM result_conflict").await, "1");
    assert_eq!(fixture.bundle(id).await.completed, 4);
    assert!(fixture.store.failures(id).await.unwrap().is_empty());
}

pub(crate) async fn a_job_is_not_completed_from_a_result_that_is_not_there(fixture: &Fixture) {
    let worker = fixture.worker().await;
    let id = fixture.submit(bundle(2)).await;
    let claims = fixture.claim(worker.worker(), 2).await;
    let key = model::Digest::of(b"nobody computed this");
    let nowhere = ended(&claims[0], Ending::Cached { key });
    let both = [nowhere.clone(), completed(&claims[1])];
    assert_eq!(fixture.finish(worker.worker(), &both).await, [Settled::Missing, Settled::Stored]);
    let row = fixture.bundle(id).await;
    assert_eq!((row.completed, row.cached, row.running), (1, 0, 1));
    // It is still held, and can be finished with a result of its own; in one call with it, another
    // may point at it.
    assert_eq!(fixture.finish(worker.worker(), &[completed(&claims[0])]).await, [Settled::Stored]);
    assert_eq!(fixture.finish(worker.worker(), &[nowhere]).await, [Settled::AlreadyStored]);
}

pub(crate) async fn results_read_back_bit_for_bit(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    let worker = fixture.worker().await;
    let claim = fixture.claim(worker.worker(), 1).await.remove(0);
    let metrics = json!({
        "third": 1.0 / 3.0, "tiny": 5e-324, "huge": f64::MAX, "ulp": 1.000_000_000_000_000_2,
        "negative": -0.1, "whole": 3, "zero": 0.0, "odd": 123_456_789.123_456_79,
    });
    let summary = json!({"warnings": ["a\0b", "\u{10ffff}", "\\u0000"], "undefined": {}});
    let new = NewResult {
        metrics: metrics.clone().into(),
        summary: summary.clone().into(),
        daily_returns: vec![f64::NAN, -0.0, f64::INFINITY, 0.1],
        outcome: packed(&[]),
        ..result(&claim)
    };
    fixture
        .finish(worker.worker(), &[ended(&claim, Ending::Completed(Box::new(new.clone())))])
        .await;
    let found = fixture.job(id, 0).await.result.unwrap();
    assert_eq!((found.metrics, found.summary), (metrics, summary));
    assert_eq!((found.outcome_hash, found.data_hash), (new.outcome_hash, new.data_hash));
    let detail = fixture.store.detail(new.key).await.unwrap().unwrap();
    assert_eq!(detail.outcome, new.outcome);
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&detail.daily_returns), bits(&new.daily_returns));
    assert_eq!(fixture.store.detail(Digest::of(b"nobody")).await.unwrap(), None);
}

pub(crate) async fn a_large_outcome_reads_back(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    let worker = fixture.worker().await;
    let claim = fixture.claim(worker.worker(), 1).await.remove(0);
    // 20 MB that do not compress well.
    let outcome: Vec<u8> = (0_u32..5_000_000)
        .flat_map(|index| index.wrapping_mul(2_654_435_761).rotate_left(index % 32).to_le_bytes())
        .collect();
    let finish = under(&claim, claim.spec_key, &outcome);
    assert_eq!(fixture.finish(worker.worker(), &[finish]).await, [Settled::Stored]);
    let detail = fixture.store.detail(claim.spec_key).await.unwrap().unwrap();
    assert!(detail.outcome == packed(&outcome), "the outcome changed");
    assert_eq!(fixture.status(id).await, BundleStatus::Completed);
}

pub(crate) async fn two_last_finishers_end_the_bundle_once(fixture: &Fixture) {
    let (first, second) = (fixture.worker().await, fixture.worker().await);
    for _ in 0..50 {
        let id = fixture.submit(bundle(2)).await;
        let one = fixture.claim(first.worker(), 1).await;
        let two = fixture.claim(second.worker(), 1).await;
        let (one, two) = ([completed(&one[0])], [completed(&two[0])]);
        tokio::join!(fixture.finish(first.worker(), &one), fixture.finish(second.worker(), &two));
        let row = fixture.bundle(id).await;
        assert_eq!((row.status, row.completed), (BundleStatus::Completed, 2));
        assert!(row.finished_at.is_some());
        // One revision by the submit and one by the end, however many saw it.
        let sql = format!("SELECT revision FROM bundle WHERE id = {}", fixture.uuid(id));
        assert_eq!(fixture.query(&sql).await, "2");
    }
}

pub(crate) async fn a_bundle_fails_only_if_nothing_completed(fixture: &Fixture) {
    let worker = fixture.worker().await;
    let check = async |ends: &[bool], expected| {
        let id = fixture.submit(bundle(u32::try_from(ends.len()).unwrap())).await;
        let claims = fixture.claim(worker.worker(), 9).await;
        let finishes: Vec<_> = claims
            .iter()
            .zip(ends)
            .map(|(claim, good)| if *good { completed(claim) } else { failed(claim, "bad") })
            .collect();
        fixture.finish(worker.worker(), &finishes).await;
        assert_eq!(fixture.status(id).await, expected);
    };
    check(&[false, false], BundleStatus::Failed).await;
    check(&[false, true], BundleStatus::Completed).await;
    check(&[true], BundleStatus::Completed).await;
}

pub(crate) async fn progress_is_shown_while_a_job_runs(fixture: &Fixture) {
    let id = fixture.submit(bundle(3)).await;
    let other = fixture.submit(bundle(1)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 4).await;
    let report = |index: usize, fraction| Progress { held: held(&claims[index]), fraction };
    let progress = [report(0, 0.25), report(1, 0.5), report(3, 7.0)];
    fixture.store.progress(worker.worker(), &progress, 3_000.0).await.unwrap();
    let row = fixture.bundle(id).await;
    assert_eq!(row.running_progress.to_bits(), 0.75_f64.to_bits());
    assert_eq!(row.candles_per_second.to_bits(), 2_000_f64.to_bits());
    assert_eq!(fixture.job(id, 0).await.progress.to_bits(), 0.25_f64.to_bits());
    assert_eq!(fixture.job(id, 2).await.progress.to_bits(), 0.0_f64.to_bits());
    assert_eq!(fixture.job(other, 0).await.progress.to_bits(), 1.0_f64.to_bits());
    let workers = fixture.store.workers().await.unwrap();
    assert_eq!(workers[0].candles_per_second.to_bits(), 3_000_f64.to_bits());

    let again = [report(0, 0.75), report(1, f64::NAN)];
    fixture.store.progress(worker.worker(), &again, f64::INFINITY).await.unwrap();
    assert_eq!(fixture.bundle(id).await.running_progress.to_bits(), 0.75_f64.to_bits());
    let finishes: Vec<_> = claims[..3].iter().map(completed).collect();
    fixture.finish(worker.worker(), &finishes).await;
    let row = fixture.bundle(id).await;
    assert_eq!(row.running_progress.to_bits(), 0.0_f64.to_bits());
    assert_eq!(row.candles_per_second.to_bits(), 0.0_f64.to_bits());
    assert_eq!(fixture.job(id, 0).await.progress.to_bits(), 1.0_f64.to_bits());
}

pub(crate) async fn the_version_grows_with_every_change(fixture: &Fixture) {
    let id = fixture.submit(bundle(4)).await;
    let worker = fixture.worker().await;
    let mut last = fixture.bundle(id).await;
    assert!(last.version > 0);
    assert_eq!(fixture.bundle(id).await, last);
    let mut grows = async |id: Uuid, what: &str| {
        let now = fixture.bundle(id).await;
        assert!(now.version > last.version, "{what}: {now:?}");
        assert_eq!(fixture.bundle(id).await, now);
        last = now;
    };
    let claims = fixture.claim(worker.worker(), 3).await;
    grows(id, "claim").await;
    let progress = [Progress { held: held(&claims[0]), fraction: 0.5 }];
    fixture.store.progress(worker.worker(), &progress, 100.0).await.unwrap();
    grows(id, "progress").await;
    fixture.finish(worker.worker(), &[completed(&claims[0])]).await;
    grows(id, "finish").await;
    fixture.store.release(worker.worker(), &[held(&claims[1])], &Release::Drain).await.unwrap();
    grows(id, "release").await;
    fixture.store.cancel(id).await.unwrap();
    grows(id, "cancel").await;
    fixture.finish(worker.worker(), &[ended(&claims[2], Ending::Cancelled)]).await;
    grows(id, "end").await;
    assert_eq!(fixture.status(id).await, BundleStatus::Cancelled);
}
