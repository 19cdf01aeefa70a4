//! Dead workers: their jobs are rescued, and what they write afterwards is refused.

use std::time::Duration;

use model::{BundleStatus, JobStatus};
use store::{CancelFlag, LeaseTimes, Maintained, Presence, Progress, Settled};
use uuid::Uuid;

use crate::fixture::{Fixture, LONG, PATIENCE, bundle, completed, held};

/// A lease of a quarter of a second; the grace never ends.
const SHORT_LEASE: LeaseTimes = LeaseTimes {
    beat: Duration::from_millis(50),
    lease: Duration::from_millis(250),
    grace: Duration::from_mins(10),
};

/// A grace of 150 ms; the lease never ends.
const SHORT_GRACE: LeaseTimes = LeaseTimes {
    beat: Duration::from_millis(50),
    lease: Duration::from_mins(10),
    grace: Duration::from_millis(150),
};

/// Maintains until `done` says so; returns what was done in all.
async fn maintain_until(
    fixture: &Fixture,
    times: LeaseTimes,
    done: impl Fn(&Maintained) -> bool,
) -> Maintained {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut all = Maintained::default();
    while !done(&all) {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain after {all:?}");
        let now = fixture.store.maintain(times).await.unwrap();
        all.rescued += now.rescued;
        all.poisoned += now.poisoned;
        all.finished_bundles += now.finished_bundles;
    }
    all
}

pub(crate) async fn jobs_of_a_silent_worker_are_rescued_after_its_lease(fixture: &Fixture) {
    let id = fixture.submit(bundle(3)).await;
    let worker = fixture.worker_with(SHORT_LEASE).await;
    let claims = fixture.claim(worker.worker(), 2).await;
    let beat_at = fixture.store.workers().await.unwrap()[0].beat_at;
    let progress = [Progress { held: held(&claims[0]), fraction: 0.5 }];
    fixture.store.progress(worker.worker(), &progress, 50.0).await.unwrap();
    let before = fixture.bundle(id).await;
    let done = maintain_until(fixture, SHORT_LEASE, |done| done.rescued > 0).await;
    assert_eq!((done.rescued, done.poisoned), (2, 0));
    let row = fixture.bundle(id).await;
    assert!(row.version > before.version);
    assert_eq!((row.running, row.candles_per_second.to_bits()), (0, 0.0_f64.to_bits()));
    let (job, attempts) = fixture.store.job(id, 0).await.unwrap().unwrap();
    assert_eq!((job.status, job.worker), (JobStatus::Pending, None));
    assert_eq!((attempts.len(), attempts[0].ended_by.as_str()), (1, "worker_lost"));
    assert_eq!((attempts[0].attempt, attempts[0].worker), (1, Some(worker.worker())));
    assert!(attempts[0].ended_at - beat_at >= 250, "rescued before the lease was over");
    assert!(fixture.store.workers().await.unwrap()[0].lost);
    // Only what was held: the third job was not.
    let next = fixture.worker().await;
    let suspects: Vec<bool> =
        fixture.claim(next.worker(), 9).await.iter().map(|claim| claim.suspect).collect();
    assert_eq!(suspects, [true, true, false]);
}

pub(crate) async fn jobs_of_an_absent_worker_are_rescued_after_the_grace(fixture: &Fixture) {
    let id = fixture.submit(bundle(2)).await;
    let (dead, silent) =
        (fixture.worker_with(SHORT_GRACE).await, fixture.worker_with(SHORT_GRACE).await);
    fixture.claim(dead.worker(), 1).await;
    fixture.claim(silent.worker(), 1).await;
    drop(dead);
    let done = maintain_until(fixture, SHORT_GRACE, |done| done.rescued > 0).await;
    // The other is silent too, but present: its lease has not ended.
    assert_eq!(done.rescued, 1);
    assert_eq!(fixture.job(id, 0).await.status, JobStatus::Pending);
    assert_eq!(fixture.job(id, 1).await.status, JobStatus::Running);
}

pub(crate) async fn a_worker_that_beats_keeps_its_jobs(fixture: &Fixture) {
    let id = fixture.submit(bundle(2)).await;
    let times = LeaseTimes { lease: Duration::from_secs(2), ..SHORT_LEASE };
    let (alive, dead) = (fixture.worker_with(times).await, fixture.worker_with(times).await);
    let claims = fixture.claim(alive.worker(), 1).await;
    fixture.claim(dead.worker(), 1).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let beat = alive.beat().await.unwrap();
        assert_eq!(beat.owned, [(held(&claims[0]), CancelFlag::Clear)]);
        if fixture.store.maintain(times).await.unwrap().rescued > 0 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "the dead worker's job is not rescued");
    }
    assert_eq!(fixture.job(id, 0).await.status, JobStatus::Running);
    assert_eq!(fixture.job(id, 1).await.status, JobStatus::Pending);
}

pub(crate) async fn a_late_worker_is_fenced_after_a_rescue(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    let zombie = fixture.worker_with(SHORT_LEASE).await;
    let old = fixture.claim(zombie.worker(), 1).await.remove(0);
    maintain_until(fixture, SHORT_LEASE, |done| done.rescued > 0).await;
    let next = fixture.worker().await;
    let new = fixture.claim(next.worker(), 1).await.remove(0);
    assert_eq!((new.attempt, new.suspect), (2, true));

    let before = fixture.bundle(id).await;
    assert_eq!(zombie.beat().await.unwrap().owned, []);
    let progress = [Progress { held: held(&old), fraction: 0.9 }];
    fixture.store.progress(zombie.worker(), &progress, 9.0).await.unwrap();
    assert_eq!(fixture.finish(zombie.worker(), &[completed(&old)]).await, [Settled::Lost]);
    assert_eq!(fixture.bundle(id).await, before);

    assert_eq!(fixture.finish(next.worker(), &[completed(&new)]).await, [Settled::Stored]);
    assert_eq!(fixture.finish(zombie.worker(), &[completed(&old)]).await, [Settled::Lost]);
    let row = fixture.bundle(id).await;
    assert_eq!((row.completed, row.status), (1, BundleStatus::Completed));
    // A worker that was late is alive all the same: it may go on with new jobs.
    let other = fixture.submit(bundle(1)).await;
    let claim = fixture.claim(zombie.worker(), 1).await.remove(0);
    assert_eq!(fixture.finish(zombie.worker(), &[completed(&claim)]).await, [Settled::Stored]);
    assert_eq!(fixture.status(other).await, BundleStatus::Completed);
}

/// Claims the one job, starts it if asked to, and dies; returns what the reaper did.
async fn die(fixture: &Fixture, suspect: bool, start: bool) -> (u32, Maintained) {
    let worker = fixture.worker_with(SHORT_GRACE).await;
    let claim = fixture.claim(worker.worker(), 1).await.remove(0);
    assert_eq!(claim.suspect, suspect);
    if start {
        assert!(fixture.store.mark_started(worker.worker(), held(&claim)).await.unwrap());
    }
    drop::<Box<dyn Presence>>(worker);
    let done = maintain_until(fixture, SHORT_GRACE, |done| done.rescued + done.poisoned > 0).await;
    (claim.attempt, done)
}

/// The one error of the bundle's one job.
async fn check_poisoned(fixture: &Fixture, id: Uuid) {
    let job = fixture.job(id, 0).await;
    assert_eq!(job.status, JobStatus::Failed);
    let error = job.error.unwrap();
    assert_eq!(error.code, "worker_lost");
    assert_eq!(error.message, "3 workers died while they ran it");
    assert_eq!(fixture.status(id).await, BundleStatus::Failed);
}

pub(crate) async fn a_job_that_kills_three_workers_fails(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    for (attempt, suspect) in [(1, false), (2, true)] {
        let (died_as, done) = die(fixture, suspect, suspect).await;
        assert_eq!((died_as, done.rescued, done.poisoned), (attempt, 1, 0));
    }
    let (died_as, done) = die(fixture, true, true).await;
    assert_eq!((died_as, done.rescued, done.poisoned), (3, 0, 1));
    maintain_until(fixture, LONG, |_| true).await;
    check_poisoned(fixture, id).await;
    assert_eq!(fixture.attempts(id, 0).await, ["worker_lost"; 3]);
    // What a dead worker would still say of it is refused: it is not its success.
    let worker = fixture.worker().await;
    assert_eq!(fixture.claim(worker.worker(), 1).await, []);
}

pub(crate) async fn a_lost_job_that_never_started_is_only_suspect(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    let mut suspect = false;
    for attempt in 1..=5 {
        let (died_as, done) = die(fixture, suspect, false).await;
        assert_eq!((died_as, done.rescued, done.poisoned), (attempt, 1, 0));
        suspect = true;
    }
    assert_eq!(fixture.job(id, 0).await.status, JobStatus::Pending);
    die(fixture, true, true).await;
    let (_, done) = die(fixture, true, true).await;
    assert_eq!(done.poisoned, 1);
    check_poisoned(fixture, id).await;
}

pub(crate) async fn a_called_off_job_of_a_dead_worker_is_cancelled(fixture: &Fixture) {
    let id = fixture.submit(bundle(2)).await;
    let worker = fixture.worker_with(SHORT_GRACE).await;
    fixture.claim(worker.worker(), 1).await;
    fixture.store.cancel(id).await.unwrap();
    assert_eq!(fixture.status(id).await, BundleStatus::Running);
    drop(worker);
    maintain_until(fixture, SHORT_GRACE, |done| done.finished_bundles > 0).await;
    let row = fixture.bundle(id).await;
    assert_eq!((row.status, row.cancelled), (BundleStatus::Cancelled, 2));
}
