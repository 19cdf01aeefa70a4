//! Storing a bundle: all or nothing, once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{BundleStatus, Digest, JobStatus};
use serde_json::json;
use store::{Error, Idempotency, JobFilter, NewBundle, NewJob, Submitted};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixture::{Fixture, bundle, completed, failed, key, statuses};

pub(crate) async fn a_submitted_bundle_reads_back(fixture: &Fixture) {
    let mut new = bundle(3);
    new.jobs[2].seq = 7;
    "desk".clone_into(&mut new.owner);
    new.priority = -1000;
    new.dropped = 5;
    new.trace = Some("00-aa-bb-01".to_owned());
    new.tags = BTreeMap::from([("owner".to_owned(), "desk-1".to_owned())]);
    new.request = json!({"b": [1, 2.5, 1e300, 5e-324], "a": {"deep": [null, true]}});
    let id = fixture.submit(new.clone()).await;

    let row = fixture.store.bundle(Some("desk"), id).await.unwrap().unwrap();
    assert_eq!((row.id, row.owner.as_str(), row.name.as_str()), (id, "desk", "a bundle"));
    assert_eq!((row.priority, row.total, row.dropped), (-1000, 3, 5));
    assert_eq!(row.tags, new.tags);
    assert_eq!(row.status, BundleStatus::Queued);
    assert_eq!(
        (row.completed, row.failed, row.cancelled, row.cached, row.running),
        (0, 0, 0, 0, 0)
    );
    assert_eq!((row.started_at, row.finished_at), (None, None));
    assert!(row.created_at > 1_600_000_000_000);
    assert_eq!(fixture.store.request(id).await.unwrap(), Some(new.request));
    assert_eq!(fixture.store.bundle(Some("other"), id).await.unwrap(), None);
    assert_eq!(fixture.store.bundle(None, Uuid::now_v7()).await.unwrap(), None);
    assert_eq!(fixture.store.request(Uuid::now_v7()).await.unwrap(), None);

    let jobs = fixture.all_jobs(id).await;
    assert_eq!(jobs.iter().map(|job| job.seq).collect::<Vec<_>>(), [0, 1, 7]);
    assert_eq!(statuses(&jobs), [JobStatus::Pending; 3]);
    assert_eq!((jobs[0].attempt, jobs[0].worker, jobs[0].started_at), (0, None, None));
    assert_eq!(fixture.store.job(id, 2).await.unwrap(), None);
}

/// A bundle with an idempotency key.
fn keyed(name: &str, body: &str) -> NewBundle {
    let body_hash = Digest::of(body.as_bytes());
    let idempotency =
        Idempotency { key: name.to_owned(), body_hash, keep: Duration::from_hours(24) };
    NewBundle { idempotency: Some(idempotency), ..bundle(10) }
}

pub(crate) async fn a_repeated_key_answers_the_first_bundle(fixture: &Fixture) {
    let first = fixture.submit(keyed("k", "body")).await;
    let repeated = fixture.store.submit(keyed("k", "body")).await.unwrap();
    assert_eq!(repeated, Submitted::Repeated { id: first });
    assert_eq!(fixture.store.submit(keyed("k", "other")).await.unwrap(), Submitted::KeyReused);

    let mut elsewhere = keyed("k", "body");
    "somebody else".clone_into(&mut elsewhere.owner);
    fixture.submit(elsewhere).await;
    fixture.submit(keyed("another", "body")).await;
    assert_eq!(fixture.query("SELECT count(*) || ' ' || sum(total) FROM bundle").await, "3 30");
}

pub(crate) async fn an_expired_key_is_new_again(fixture: &Fixture) {
    let mut brief = keyed("k", "body");
    brief.idempotency.as_mut().unwrap().keep = Duration::ZERO;
    let first = fixture.submit(brief).await;
    let second = fixture.submit(keyed("k", "other")).await;
    assert_ne!(first, second);
    let third = fixture.store.submit(keyed("k", "other")).await.unwrap();
    assert_eq!(third, Submitted::Repeated { id: second });
}

pub(crate) async fn five_hundred_identical_submits_store_one_bundle(fixture: &Fixture) {
    let mut submits = JoinSet::new();
    for _ in 0..500 {
        let store = fixture.store.clone();
        submits.spawn(async move {
            let bundle = keyed("k", "body");
            let id = bundle.id;
            (id, store.submit(bundle).await.unwrap())
        });
    }
    let mut ids = BTreeSet::new();
    let mut stored = 0;
    while let Some(answer) = submits.join_next().await {
        match answer.unwrap() {
            (id, Submitted::Stored { .. }) => {
                stored += 1;
                ids.insert(id);
            }
            (_, Submitted::Repeated { id }) => {
                ids.insert(id);
            }
            (_, Submitted::KeyReused) => panic!("the bodies are equal"),
        }
    }
    assert_eq!((stored, ids.len()), (1, 1));
    assert_eq!(fixture.query("SELECT count(*) FROM bundle").await, "1");
    assert_eq!(fixture.query("SELECT count(*) FROM job").await, "10");
}

/// A bundle of which two jobs have a result: one completed, one failed has none.
async fn with_results(fixture: &Fixture) -> Uuid {
    let id = fixture.submit(bundle(3)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 3).await;
    let ends = [completed(&claims[0]), completed(&claims[1]), failed(&claims[2], "no_candles")];
    fixture.finish(worker.worker(), &ends).await;
    worker.leave().await.unwrap();
    id
}

pub(crate) async fn a_job_whose_result_stands_is_cached_at_submit(fixture: &Fixture) {
    let old = with_results(fixture).await;
    let mut new = bundle(4);
    for (job, known) in new.jobs.iter_mut().zip([0, 2, 1]) {
        job.result_key = Some(key(old, known));
    }
    let id = new.id;
    assert_eq!(fixture.store.submit(new).await.unwrap(), Submitted::Stored { cached: 2 });
    let row = fixture.bundle(id).await;
    assert_eq!((row.completed, row.cached, row.total), (2, 2, 4));
    assert_eq!((row.status, row.finished_at), (BundleStatus::Queued, None));
    let jobs = fixture.all_jobs(id).await;
    let expected =
        [JobStatus::Completed, JobStatus::Pending, JobStatus::Completed, JobStatus::Pending];
    assert_eq!(statuses(&jobs), expected);
    assert_eq!(jobs[2].result.as_ref().unwrap().key, key(old, 1));
    assert!(jobs[0].cached && jobs[0].finished_at.is_some() && !jobs[1].cached);
    let progress: Vec<u64> = jobs.iter().map(|job| job.progress.to_bits()).collect();
    assert_eq!(progress, [1.0, 0.0, 1.0, 0.0].map(f64::to_bits));
}

pub(crate) async fn a_bundle_of_cached_jobs_is_final_at_submit(fixture: &Fixture) {
    let old = with_results(fixture).await;
    let mut new = bundle(2);
    new.jobs[0].result_key = Some(key(old, 0));
    new.jobs[1].result_key = Some(key(old, 0));
    let id = new.id;
    assert_eq!(fixture.store.submit(new).await.unwrap(), Submitted::Stored { cached: 2 });
    let row = fixture.bundle(id).await;
    assert_eq!((row.status, row.completed, row.cached), (BundleStatus::Completed, 2, 2));
    assert!(row.finished_at.is_some() && row.started_at.is_none());
}

pub(crate) async fn a_bundle_without_jobs_is_completed(fixture: &Fixture) {
    let id = fixture.submit(bundle(0)).await;
    let row = fixture.bundle(id).await;
    assert_eq!((row.status, row.total), (BundleStatus::Completed, 0));
    assert!(row.finished_at.is_some());
    assert!(fixture.all_jobs(id).await.is_empty());
}

pub(crate) async fn a_bundle_with_a_repeated_seq_stores_nothing(fixture: &Fixture) {
    let mut new = keyed("k", "body");
    new.jobs[9].seq = 0;
    let refused = fixture.store.submit(new).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    for table in ["bundle", "job", "idempotency", "bundle_slot"] {
        assert_eq!(fixture.query(&format!("SELECT count(*) FROM {table}")).await, "0");
    }
    fixture.submit(keyed("k", "body")).await;
}

pub(crate) async fn a_hundred_thousand_jobs_are_stored_in_order(fixture: &Fixture) {
    let mut new = bundle(0);
    let id = new.id;
    // Leaves gaps, like constraints do.
    new.jobs = (0..100_000)
        .map(|index| NewJob { seq: index * 3, spec_key: key(id, index), result_key: None })
        .collect();
    fixture.submit(new).await;
    assert_eq!(fixture.bundle(id).await.total, 100_000);
    let disorder = "SELECT count(*) FROM (
        SELECT seq, lag(seq) OVER (ORDER BY id) AS before FROM job
    ) AS pair WHERE before >= seq";
    assert_eq!(fixture.query(disorder).await, "0");
    assert_eq!(fixture.query("SELECT count(*) || ' ' || max(seq) FROM job").await, "100000 299997");
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 256).await;
    assert!(claims.iter().map(|claim| claim.seq).eq((0..256).map(|index| index * 3)));
    assert_eq!(claims[255].spec_key, key(id, 255));
    fixture.store.cancel(id).await.unwrap();
    assert_eq!(fixture.bundle(id).await.cancelled, 100_000 - 256);
    worker.leave().await.unwrap();
    assert_eq!(fixture.status(id).await, BundleStatus::Cancelled);
}

pub(crate) async fn text_with_nul_is_stored(fixture: &Fixture) {
    let mut new = bundle(1);
    "a\0b".clone_into(&mut new.name);
    "o\0".clone_into(&mut new.owner);
    new.tags = BTreeMap::from([("t\0".to_owned(), "v\0".to_owned())]);
    new.request = json!({"name": "a\0b", "n\0": 1});
    let id = fixture.submit(new.clone()).await;
    assert_eq!(fixture.store.request(id).await.unwrap(), Some(new.request));
    let row = fixture.store.bundle(Some("o\0"), id).await.unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.owner.as_str()), ("a\u{fffd}b", "o\u{fffd}"));
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 1).await;
    fixture.finish(worker.worker(), &[failed(&claims[0], "bad\0code")]).await;
    let filter = JobFilter { error_code: Some("bad\0code".to_owned()), ..JobFilter::default() };
    let jobs = fixture.store.jobs(id, &filter, 10).await.unwrap();
    assert_eq!(jobs[0].error.as_ref().unwrap().code, "bad\u{fffd}code");
}
