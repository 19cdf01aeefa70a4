//! Decisions about a bundle: pause, resume, retry, relabel, and their races.

use std::collections::BTreeMap;

use model::{BundleStatus, JobStatus};
use store::{Change, Changed, Ending, Error, Labels, Release, Settled, Standing};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixture::{Fixture, bundle, completed, ended, failed, held, seqs, statuses};

const RETRY: Change = Change::Retry { only: None };

async fn change(fixture: &Fixture, id: Uuid, change: &Change) -> Changed {
    fixture.store.change(id, change, None).await.unwrap()
}

fn refused(status: BundleStatus, called_off: bool) -> Changed {
    Changed::Refused(Standing { status, called_off })
}

pub(crate) async fn a_paused_bundle_gives_no_job_until_it_is_resumed(fixture: &Fixture) {
    let id = fixture.submit(bundle(3)).await;
    assert_eq!(change(fixture, id, &Change::Resume).await, Changed::Unchanged);
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 1).await;
    assert_eq!(change(fixture, id, &Change::Pause).await, Changed::Applied);
    let row = fixture.bundle(id).await;
    assert_eq!((row.status, row.running), (BundleStatus::Paused, 1));
    assert_eq!(change(fixture, id, &Change::Pause).await, Changed::Unchanged);
    assert_eq!(fixture.bundle(id).await, row);
    fixture.store.release(worker.worker(), &[held(&claims[0])], &Release::Drain).await.unwrap();
    assert!(fixture.claim(worker.worker(), 9).await.is_empty(), "a job that came back waits too");
    assert_eq!(change(fixture, id, &Change::Resume).await, Changed::Applied);
    assert_eq!(fixture.status(id).await, BundleStatus::Running);
    let claims = fixture.claim(worker.worker(), 9).await;
    assert_eq!(seqs(&claims), [0, 1, 2]);
    let finishes: Vec<_> = claims.iter().map(completed).collect();
    fixture.finish(worker.worker(), &finishes).await;
    assert_eq!(fixture.status(id).await, BundleStatus::Completed);
}

pub(crate) async fn a_bundle_that_never_began_is_queued_again_after_a_pause(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    for _ in 0..2 {
        assert_eq!(change(fixture, id, &Change::Pause).await, Changed::Applied);
        assert_eq!(fixture.status(id).await, BundleStatus::Paused);
        assert_eq!(change(fixture, id, &Change::Resume).await, Changed::Applied);
        assert_eq!(fixture.status(id).await, BundleStatus::Queued);
    }
}

pub(crate) async fn the_last_running_jobs_end_a_paused_bundle(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 1).await;
    change(fixture, id, &Change::Pause).await;
    fixture.finish(worker.worker(), &[completed(&claims[0])]).await;
    assert_eq!(fixture.status(id).await, BundleStatus::Completed);
    let answer = change(fixture, id, &Change::Resume).await;
    assert_eq!(answer, refused(BundleStatus::Completed, false));
}

pub(crate) async fn a_retry_opens_a_final_bundle_again(fixture: &Fixture) {
    let id = fixture.submit(bundle(3)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 3).await;
    let finishes = [
        completed(&claims[0]),
        failed(&claims[1], "no_candles"),
        ended(&claims[2], Ending::Cancelled),
    ];
    fixture.finish(worker.worker(), &finishes).await;
    let before = fixture.bundle(id).await;
    assert_eq!((before.completed, before.failed, before.cancelled), (1, 1, 1));
    assert_eq!(change(fixture, id, &RETRY).await, Changed::Applied);
    let row = fixture.bundle(id).await;
    assert_eq!((row.completed, row.failed, row.cancelled), (1, 0, 0));
    assert_eq!((row.status, row.finished_at), (BundleStatus::Running, None));
    assert!(row.version > before.version);
    let job = fixture.job(id, 1).await;
    assert_eq!((job.status, job.error, job.worker), (JobStatus::Pending, None, None));
    assert_eq!(change(fixture, id, &RETRY).await, Changed::Unchanged, "nothing is left to retry");
    let again = fixture.claim(worker.worker(), 9).await;
    assert_eq!(seqs(&again), [1, 2]);
    assert_eq!(again[0].attempt, 2);
    // The first attempt is fenced off.
    assert_eq!(fixture.finish(worker.worker(), &finishes[1..2]).await, [Settled::Lost]);
    let finishes: Vec<_> = again.iter().map(completed).collect();
    fixture.finish(worker.worker(), &finishes).await;
    let row = fixture.bundle(id).await;
    assert_eq!((row.completed, row.status), (3, BundleStatus::Completed));
}

pub(crate) async fn a_retry_takes_one_status_only_where_it_is_named(fixture: &Fixture) {
    let id = fixture.submit(bundle(3)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 1).await;
    fixture.finish(worker.worker(), &[failed(&claims[0], "x")]).await;
    fixture.store.cancel(id).await.unwrap();
    assert_eq!(fixture.status(id).await, BundleStatus::Cancelled);
    let only = Change::Retry { only: Some(JobStatus::Failed) };
    assert_eq!(change(fixture, id, &only).await, Changed::Applied);
    let expected = [JobStatus::Pending, JobStatus::Cancelled, JobStatus::Cancelled];
    assert_eq!(statuses(&fixture.all_jobs(id).await), expected);
    let claims = fixture.claim(worker.worker(), 9).await;
    fixture.finish(worker.worker(), &[completed(&claims[0])]).await;
    assert_eq!(fixture.status(id).await, BundleStatus::Completed, "it was called off once only");
}

pub(crate) async fn failed_jobs_of_a_paused_bundle_wait_after_a_retry(fixture: &Fixture) {
    let id = fixture.submit(bundle(2)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 1).await;
    fixture.finish(worker.worker(), &[failed(&claims[0], "x")]).await;
    change(fixture, id, &Change::Pause).await;
    assert_eq!(change(fixture, id, &RETRY).await, Changed::Applied);
    assert_eq!(fixture.status(id).await, BundleStatus::Paused);
    assert!(fixture.claim(worker.worker(), 9).await.is_empty());
    change(fixture, id, &Change::Resume).await;
    assert_eq!(seqs(&fixture.claim(worker.worker(), 9).await), [0, 1]);
}

pub(crate) async fn a_bundle_being_called_off_refuses_everything_else(fixture: &Fixture) {
    let id = fixture.submit(bundle(2)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 1).await;
    fixture.store.cancel(id).await.unwrap();
    let answer = refused(BundleStatus::Running, true);
    for other in [Change::Pause, Change::Resume, RETRY] {
        assert_eq!(change(fixture, id, &other).await, answer, "{other:?}");
    }
    fixture.finish(worker.worker(), &[ended(&claims[0], Ending::Cancelled)]).await;
    assert_eq!(change(fixture, id, &RETRY).await, Changed::Applied);
    assert_eq!(fixture.claim(worker.worker(), 9).await.len(), 2);
}

pub(crate) async fn a_new_priority_moves_jobs_that_wait_or_come_back(fixture: &Fixture) {
    let late = fixture.submit(bundle(2)).await;
    let worker = fixture.worker().await;
    let held_back = fixture.claim(worker.worker(), 1).await;
    let first = fixture.submit(bundle(1)).await;
    let labels = |priority| Change::Relabel(Labels { priority, tags: BTreeMap::new() });
    assert_eq!(change(fixture, first, &labels(Some(5))).await, Changed::Applied);
    assert_eq!(change(fixture, late, &labels(Some(-5))).await, Changed::Applied);
    let row = fixture.bundle(late).await;
    assert_eq!(row.priority, -5);
    assert_eq!(change(fixture, late, &labels(Some(-5))).await, Changed::Unchanged);
    assert_eq!(change(fixture, late, &labels(None)).await, Changed::Unchanged);
    assert_eq!(fixture.bundle(late).await, row);
    let back = [held(&held_back[0])];
    fixture.store.release(worker.worker(), &back, &Release::Drain).await.unwrap();
    let other = fixture.submit(bundle(1)).await;
    let claims = fixture.claim(worker.worker(), 9).await;
    let bundles: Vec<Uuid> = claims.iter().map(|claim| claim.bundle).collect();
    assert_eq!(bundles, [first, other, late, late]);
}

pub(crate) async fn tags_are_set_and_removed_one_by_one(fixture: &Fixture) {
    let mut new = bundle(0);
    new.tags = BTreeMap::from([("desk".into(), "one".into()), ("old".into(), "yes".into())]);
    let id = fixture.submit(new).await;
    let tags = BTreeMap::from([
        ("desk".to_owned(), Some("two".to_owned())),
        ("old".to_owned(), None),
        ("never".to_owned(), None),
        ("new".to_owned(), Some("a\0b".to_owned())),
    ]);
    let labels = Change::Relabel(Labels { priority: None, tags });
    assert_eq!(change(fixture, id, &labels).await, Changed::Applied);
    let row = fixture.bundle(id).await;
    let expected = [("desk", "two"), ("new", "a\u{fffd}b")];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(row.tags, BTreeMap::from(expected));
    assert_eq!(change(fixture, id, &labels).await, Changed::Unchanged);
    assert_eq!(fixture.bundle(id).await, row);
}

pub(crate) async fn a_change_at_another_version_is_not_made(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    let worker = fixture.worker().await;
    fixture.claim(worker.worker(), 1).await;
    let version = fixture.bundle(id).await.version;
    for change in [Change::Pause, Change::Cancel, RETRY] {
        let at = Some(version + 1);
        let answer = fixture.store.change(id, &change, at).await.unwrap();
        assert_eq!(answer, Changed::OtherVersion(version), "{change:?}");
    }
    // Of many that name one version, one is first.
    let mut racers = JoinSet::new();
    for priority in 1..=8 {
        let store = fixture.store.clone();
        let labels = Labels { priority: Some(priority), tags: BTreeMap::new() };
        racers.spawn(async move {
            store.change(id, &Change::Relabel(labels), Some(version)).await.unwrap()
        });
    }
    let answers = racers.join_all().await;
    let applied = answers.iter().filter(|answer| **answer == Changed::Applied).count();
    assert_eq!(applied, 1, "{answers:?}");
}

pub(crate) async fn a_bundle_that_does_not_exist_cannot_be_changed(fixture: &Fixture) {
    for change in [Change::Pause, Change::Resume, RETRY, Change::Relabel(Labels::default())] {
        let answer = fixture.store.change(Uuid::now_v7(), &change, None).await;
        assert!(matches!(answer, Err(Error::Refused { .. })), "{answer:?}");
    }
}

pub(crate) async fn racing_changes_lose_no_job_and_no_count(fixture: &Fixture) {
    let id = fixture.submit(bundle(120)).await;
    let mut tasks = JoinSet::new();
    for turn in 0..2 {
        let (store, presence) = (fixture.store.clone(), fixture.worker().await);
        tasks.spawn(async move {
            for round in 0..30 {
                let claims = store.claim(presence.worker(), 5).await.unwrap();
                let ending = |claim| match (round + turn) % 3 {
                    0 => failed(claim, "x"),
                    1 => completed(claim),
                    _ => ended(claim, Ending::Cancelled),
                };
                let finishes: Vec<_> = claims.iter().map(ending).collect();
                let settled = store.finish(presence.worker(), &finishes).await.unwrap();
                assert!(settled.iter().all(|settled| *settled == Settled::Stored));
            }
            presence.leave().await.unwrap();
        });
    }
    for offset in 0..3 {
        let store = fixture.store.clone();
        let changes = [Change::Pause, RETRY, Change::Resume, Change::Cancel, RETRY];
        tasks.spawn(async move {
            let mut version = 0;
            for change in changes.iter().cycle().skip(offset).take(20) {
                store.change(id, change, None).await.unwrap();
                let row = store.bundle(None, id).await.unwrap().unwrap();
                assert!(row.version >= version, "the version went back");
                assert!(row.completed + row.failed + row.cancelled + row.running <= row.total);
                assert_eq!(row.status.is_final(), row.finished_at.is_some());
                version = row.version;
            }
        });
    }
    tasks.join_all().await;
    // Whatever the order was: a resume and a retry bring every job to its end.
    change(fixture, id, &Change::Resume).await;
    change(fixture, id, &RETRY).await;
    let worker = fixture.worker().await;
    loop {
        let claims = fixture.claim(worker.worker(), 50).await;
        if claims.is_empty() {
            break;
        }
        let finishes: Vec<_> = claims.iter().map(completed).collect();
        fixture.finish(worker.worker(), &finishes).await;
    }
    let row = fixture.bundle(id).await;
    assert_eq!((row.completed, row.status), (120, BundleStatus::Completed));
}
