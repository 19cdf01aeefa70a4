//! Which data jobs run on: records, corrections, pins.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::{Bundle, JobStatus, Limits};
use serde_json::json;
use store::{Change, Terms};
use uuid::Uuid;

use crate::fleet::{Fleet, request};
use crate::inputs::across;

/// The outcome hashes of a completed bundle, and how many of its jobs were cached.
async fn outcome(fleet: &Fleet, id: Uuid) -> (Vec<String>, usize) {
    let jobs = fleet.completed(id).await;
    let hash = |job: &store::JobRow| job.result.as_ref().unwrap().outcome_hash.to_string();
    (jobs.iter().map(hash).collect(), jobs.iter().filter(|job| job.cached).count())
}

#[tokio::test]
async fn what_was_loaded_is_on_record_with_the_data_hash_of_its_results() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker(|_| ());
    let id = fleet.submit(&[10, 20]).await;
    let jobs = fleet.completed(id).await;
    let bundle = Bundle::parse(&request(&[10, 20]), &Limits::of_stored()).unwrap();
    let need = bundle.job(0).unwrap().need(fleet.market.source_id());
    assert_eq!(need, bundle.job(1).unwrap().need("memory"));
    let known = fleet.store.known_data(&[need]).await.unwrap().remove(&need).unwrap().version;
    assert_eq!(known.hash, jobs[0].result.as_ref().unwrap().data_hash);
    assert!(known.closed && known.covered && known.missing == 0);
    assert_eq!(known.segments.len(), 1, "January is closed, and nothing before it exists");
    worker.stop().await;
}

#[tokio::test]
async fn a_correction_makes_a_bundle_run_again_on_the_new_candles() {
    let fleet = Fleet::new().await;
    fleet.source.is_silent.store(true, Ordering::Relaxed);
    let worker = fleet.worker(|_| ());
    let first = outcome(&fleet, fleet.submit(&[10, 20]).await).await;
    // Closed segments of a source that cannot tell are believed: nobody said that they changed.
    fleet.overwrite("BTC", 8);
    let before = outcome(&fleet, fleet.submit(&[10, 20]).await).await;
    assert_eq!(before, (first.0.clone(), 2));
    fleet.correct("BTC").await;
    let after = outcome(&fleet, fleet.submit(&[10, 20]).await).await;
    assert_eq!(after.1, 0, "nothing of the old candles answers");
    assert_ne!(after.0, first.0);
    // And back: the old results stand under the old data.
    fleet.overwrite("BTC", 7);
    fleet.correct("BTC").await;
    let back = outcome(&fleet, fleet.submit(&[10, 20]).await).await;
    assert_eq!(back, (first.0, 2));
    worker.stop().await;
}

/// Who finds out that candles changed.
#[derive(Clone, Copy, PartialEq)]
enum Known {
    /// Whoever wrote them says so.
    Told,
    /// Nobody says so: the next comparison with the source finds it.
    Probed,
}

/// Runs the first of two jobs, changes the candles, and lets the second one go.
async fn changed_between(version: &str, known: Known) -> (Fleet, Uuid) {
    let mut fleet = Fleet::new().await;
    fleet.source.is_silent.store(known == Known::Probed, Ordering::Relaxed);
    let mut two = request(&[10, 20]);
    two["universalConfig"]["dataPolicy"] = json!({ "version": version });
    // One at a time: the second is not claimed while the first runs.
    let terms = Terms { running_cap: Some(1), ..Terms::default() };
    let id = fleet.submit_under(two, terms).await;
    let start = |fleet: &Fleet| {
        fleet.worker(|config| {
            config.slots = NonZeroUsize::MIN;
            config.pace = Some(15_000.0);
            config.poll = Duration::from_millis(20);
        })
    };
    let mut worker = start(&fleet);
    fleet.until(id, "the first job to run", |bundle| bundle.running == 1).await;
    fleet.store.change(id, &Change::Pause, None).await.unwrap();
    fleet.until(id, "the first job to complete", |bundle| bundle.running == 0).await;
    assert_eq!(fleet.bundle(id).await.completed, 1);
    fleet.overwrite("BTC", 8);
    match known {
        Known::Told => fleet.correct("BTC").await,
        Known::Probed => {
            worker.stop().await;
            fleet.in_another_process(Duration::from_mins(11));
            worker = start(&fleet);
        }
    }
    fleet.store.change(id, &Change::Resume, None).await.unwrap();
    fleet.finished(id).await;
    worker.stop().await;
    (fleet, id)
}

#[tokio::test]
async fn a_bundle_whose_candles_change_under_it_does_not_mix_them() {
    for known in [Known::Told, Known::Probed] {
        let (fleet, id) = changed_between("pinned", known).await;
        let jobs = fleet.jobs(id).await;
        let of = |status| jobs.iter().find(|job| job.status == status).unwrap();
        let error = of(JobStatus::Failed).error.as_ref().unwrap();
        assert_eq!(error.code, "data_changed");
        assert!(error.message.contains("b BTC 1m from 2024-01-01T00:00:00Z"), "{error:?}");
        // The next bundle begins on what is there now.
        let old = of(JobStatus::Completed).result.as_ref().unwrap().data_hash;
        let worker = fleet.worker(|_| ());
        let next = fleet.completed(fleet.submit(&[10, 20]).await).await;
        let results = next.iter().map(|job| job.result.as_ref().unwrap());
        assert!(results.into_iter().all(|result| result.data_hash != old));
        assert!(next.iter().all(|job| !job.cached));
        worker.stop().await;
        let corrections = fleet.store.corrections("memory", "b BTC 1m").await.unwrap();
        assert_eq!(corrections.len(), 1, "other hosts look again: {corrections:?}");
    }
}

#[tokio::test]
async fn a_bundle_that_follows_the_latest_goes_on_with_the_new_candles() {
    for known in [Known::Told, Known::Probed] {
        let (fleet, id) = changed_between("latest", known).await;
        let jobs = fleet.completed(id).await;
        let data = |index: usize| jobs[index].result.as_ref().unwrap().data_hash;
        assert_ne!(data(0), data(1));
    }
}

#[tokio::test]
async fn a_correction_of_another_ticker_that_a_job_reads_voids_its_record() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker(|_| ());
    let request = across(&[10]);
    let first = outcome(&fleet, fleet.submit_request(request.clone()).await).await;
    let need = Bundle::parse(&request, &Limits::of_stored()).unwrap().job(0).unwrap();
    let need = need.need(fleet.market.source_id());
    let known = async || fleet.store.known_data(&[need]).await.unwrap().remove(&need);
    let before = known().await.unwrap().version;
    let read: Vec<&str> = before.parts.iter().map(|part| part.stored.as_str()).collect();
    assert_eq!(read, ["b BTC 1m", "b ETH 1m"]);
    let held: Vec<&str> = before.segments.iter().map(|it| it.series.as_str()).collect();
    assert_eq!(held, ["b BTC 1m", "b ETH 1m"]);
    fleet.overwrite("ETH", 9);
    fleet.correct("ETH").await;
    assert_eq!(known().await, None, "nothing of the old candles is known at a submit");
    let after = outcome(&fleet, fleet.submit_request(request).await).await;
    assert_eq!(after.1, 0);
    assert_ne!(after.0, first.0);
    assert_ne!(known().await.unwrap().version.hash, before.hash);
    worker.stop().await;
}
