//! The hardest cases that need PostgreSQL and a scale or a fault of its own.

use std::time::Duration;

use model::{BundleStatus, Digest};
use sqlx::{Connection, PgConnection};
use store::postgres::{Postgres, PostgresOptions};
use store::{Ending, Finish, LeaseTimes, NewResult, Ordering, Settled, Sweep, Terms, WorkerInfo};
use testkit::pgbouncer::PgBouncer;
use testkit::wait;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::faults::{behind, proxy_to, url};
use crate::fixture::{
    Engine, Fixture, LONG, OUR_LOCKS, PATIENCE, bundle, completed, ended, held, result,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_link_keeps_its_presence_but_loses_its_jobs_with_its_lease() {
    let fixture = Fixture::postgres().await;
    let times = LeaseTimes {
        beat: Duration::from_millis(100),
        lease: Duration::from_millis(1_500),
        grace: Duration::from_millis(300),
    };
    let proxy = proxy_to(&fixture);
    let far = behind(&proxy, &fixture).await;
    let info = WorkerInfo { host: String::new(), version: String::new(), slots: 1 };
    let cut_off = far.enter(&info, times).await.unwrap();
    let id = fixture.submit(bundle(1)).await;
    let old = far.claim(cut_off.worker(), 1).await.unwrap().remove(0);
    fixture.store.maintain(times).await.unwrap();
    cut_off.beat().await.unwrap();
    proxy.blackhole();
    let cut_at = Instant::now();
    // The server sees an open socket: the lock is held, so the grace alone proves nothing.
    while fixture.store.maintain(times).await.unwrap().rescued == 0 {
        assert!(cut_at.elapsed() < PATIENCE, "the lease does not end");
    }
    assert!(cut_at.elapsed() + times.beat >= times.lease, "{:?}", cut_at.elapsed());
    assert_ne!(fixture.query(OUR_LOCKS).await, "", "the presence lock is still held");
    let other = fixture.worker().await;
    let claim = fixture.claim(other.worker(), 1).await.remove(0);
    assert_eq!((claim.attempt, claim.suspect), (2, true));
    assert_eq!(fixture.finish(other.worker(), &[completed(&claim)]).await, [Settled::Stored]);
    // What the cut-off worker sends once it is heard again is fenced.
    proxy.pass();
    let late = far.finish(cut_off.worker(), &[completed(&old)]).await;
    assert!(matches!(late.as_deref(), Ok([Settled::Lost]) | Err(_)), "{late:?}");
    let row = fixture.bundle(id).await;
    assert_eq!((row.status, row.completed, row.total), (BundleStatus::Completed, 1, 1));
    drop((cut_off, other));
    fixture.check_books().await;
}

/// A sweep whose host freezes between two statements: its session holds the row of the lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_that_freezes_keeps_its_lease_from_nobody() {
    let fixture = Fixture::postgres().await;
    let proxy = proxy_to(&fixture);
    let far = behind(&proxy, &fixture).await;
    let frozen = far.enter_node("frozen", "", "").await.unwrap();
    let other = fixture.store.enter_node("other", "", "").await.unwrap();
    let (sweep, key) = (Sweep::Bundles, Sweep::Bundles.lease());
    let short = Duration::from_secs(2);
    let lease = far.claim_lease(&frozen, &key, short).await.unwrap().unwrap();
    let mut reader = PgConnection::connect(url(&fixture)).await.unwrap();
    let lock = "BEGIN; LOCK TABLE bundle IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut reader).await.unwrap();
    let mut sweeping = JoinSet::new();
    sweeping.spawn(async move { far.sweep(&frozen, &lease, sweep, LONG.lease).await });
    let session = async |state: &str| {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name <> '' AND {state}"
        );
        fixture.query(&sql).await != "0"
    };
    let waits = || session("wait_event_type = 'Lock'");
    wait::until_async(PATIENCE, "the sweep to wait in its transaction", waits).await;
    proxy.blackhole();
    sqlx::raw_sql("ROLLBACK").execute(&mut reader).await.unwrap();
    // The old session would keep the row for as long as the server lets it be idle, and whoever
    // claims the lease would wait for it.
    let taken = || async {
        let claimed = fixture.store.claim_lease(&other, &key, LONG.lease);
        let claimed =
            tokio::time::timeout(PATIENCE, claimed).await.expect("a claim waits for nobody");
        claimed.unwrap().is_some()
    };
    wait::until_async(PATIENCE, "the lease to move", taken).await;
    sweeping.abort_all();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_that_was_written_beside_the_end_of_its_job_is_cleared() {
    let fixture = Fixture::postgres().await;
    fixture.submit(bundle(2)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 2).await;
    fixture.finish(worker.worker(), &[completed(&claims[0])]).await;
    // As a report leaves it that commits at the same moment as the end.
    let late = "INSERT INTO job_progress SELECT id, bundle_id, attempt, 0.5 FROM job";
    fixture.query(late).await;
    fixture.store.maintain(LONG).await.unwrap();
    let left = "SELECT j.status FROM job_progress p JOIN job j ON j.id = p.job_id";
    assert_eq!(fixture.query(left).await, "1", "only the running job has progress");
    drop(worker);
    fixture.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_jobs_run_under_the_default_lock_table() {
    const JOBS: u32 = 20_000;
    let fixture = Fixture::postgres().await;
    let id = fixture.submit(bundle(JOBS)).await;
    let worker = fixture.worker().await;
    let mut claims = Vec::new();
    while claims.len() < JOBS as usize {
        let next = fixture.claim(worker.worker(), 256).await;
        assert!(!next.is_empty());
        claims.extend(next);
    }
    assert_eq!(fixture.bundle(id).await.running, u64::from(JOBS));
    // One lock, the worker's own, and not one a job.
    assert_eq!(fixture.query(OUR_LOCKS).await.lines().count(), 1);
    assert_eq!(worker.beat().await.unwrap().owned.len(), JOBS as usize);
    assert_eq!(fixture.store.maintain(LONG).await.unwrap().rescued, 0);
    let finishes: Vec<Finish> = claims[..256].iter().map(completed).collect();
    assert_eq!(fixture.finish(worker.worker(), &finishes).await, [Settled::Stored; 256]);
    worker.leave().await.unwrap();
    let row = fixture.bundle(id).await;
    assert_eq!((row.running, row.completed), (0, 256));
    drop(worker);
    fixture.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_last_finishers_on_two_connections_end_each_of_many_bundles_once() {
    const BUNDLES: usize = 300;
    let fixture = Fixture::postgres().await;
    let (first, second) = (fixture.worker().await, fixture.worker().await);
    for _ in 0..BUNDLES {
        fixture.submit(bundle(2)).await;
        let one = fixture.claim(first.worker(), 1).await;
        let two = fixture.claim(second.worker(), 1).await;
        let (one, two) = ([completed(&one[0])], [completed(&two[0])]);
        tokio::join!(fixture.finish(first.worker(), &one), fixture.finish(second.worker(), &two));
    }
    // One revision by the submit and one by the end, however many saw it.
    let ends = "SELECT count(*) FROM bundle
        WHERE status = 3 AND revision = 2 AND finished_at IS NOT NULL";
    assert_eq!(fixture.query(ends).await, BUNDLES.to_string());
    drop((first, second));
    fixture.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finishes_of_one_worker_at_once_share_counts_and_results_without_a_deadlock() {
    const WRITERS: u32 = 4;
    const ROUNDS: u32 = 40;
    let fixture = Fixture::postgres().await;
    let worker = fixture.worker().await;
    for round in 0..ROUNDS {
        let ids = [fixture.submit(bundle(64)).await, fixture.submit(bundle(64)).await];
        let claims = fixture.claim(worker.worker(), 128).await;
        // Each statement ends jobs of both bundles, with results that the others bring, too.
        let mut finishes = JoinSet::new();
        for writer in 0..WRITERS {
            let own = claims.iter().filter(|claim| claim.seq % WRITERS == writer);
            let finish = own.map(|claim| {
                let key = Digest::of(format!("{round} {}", claim.seq / WRITERS).as_bytes());
                let result = NewResult { key, outcome_hash: key, ..result(claim) };
                ended(claim, Ending::Completed(Box::new(result)))
            });
            let own: Vec<Finish> = finish.collect();
            let (store, worker) = (fixture.store.clone(), worker.worker());
            finishes.spawn(async move { store.finish(worker, &own).await.unwrap() });
        }
        let settled = finishes.join_all().await.concat();
        assert_eq!(settled, [Settled::Stored; 128]);
        for id in ids {
            assert_eq!(fixture.status(id).await, BundleStatus::Completed);
        }
    }
    let results = (ROUNDS * 64 / WRITERS).to_string();
    assert_eq!(fixture.query("SELECT count(*) FROM result").await, results);
    drop(worker);
    fixture.check_books().await;
    // A session tells what it met when it ends: the store would have tried again, and said nothing.
    let Fixture { store, engine, .. } = fixture;
    drop(store);
    let Engine::Postgres { url } = engine else { unreachable!("it is PostgreSQL") };
    let mut conn = PgConnection::connect(&url).await.unwrap();
    let others = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let deadline = Instant::now() + PATIENCE;
    while sqlx::query_scalar::<_, i64>(others).fetch_one(&mut conn).await.unwrap() > 0 {
        assert!(Instant::now() < deadline, "the sessions do not end");
    }
    let met = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(sqlx::query_scalar::<_, i64>(met).fetch_one(&mut conn).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_hundred_thousand_jobs_a_single_one_is_in_the_next_turn() {
    let fixture = Fixture::postgres().await;
    let terms = Terms { ordering: Ordering::Fair { chunk: 64 }, running_cap: None };
    let mut large = bundle(100_000);
    large.terms = terms;
    fixture.submit(large).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 256).await;
    let mut small = bundle(1);
    (small.owner, small.terms) = ("another".to_owned(), terms);
    let small = fixture.submit(small).await;
    let finishes: Vec<Finish> = claims.iter().map(completed).collect();
    fixture.finish(worker.worker(), &finishes).await;
    let next = fixture.claim(worker.worker(), 256).await;
    let at = next.iter().position(|claim| claim.bundle == small);
    assert!(at.is_some_and(|at| at <= 64), "{at:?}");
    drop(worker);
    fixture.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_snapshot_is_measured_and_claims_stay_in_order() {
    let fixture = Fixture::postgres().await;
    fixture.submit(bundle(20_000)).await;
    let mut reader = PgConnection::connect(url(&fixture)).await.unwrap();
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM job";
    sqlx::raw_sql(begin).execute(&mut reader).await.unwrap();
    let worker = fixture.worker().await;
    let mut last = None;
    for _ in 0..70 {
        let claims = fixture.claim(worker.worker(), 256).await;
        let ids: Vec<_> = claims.iter().map(|claim| Some(claim.seq)).collect();
        assert!(ids.is_sorted() && ids[0] > last);
        last = ids[255];
    }
    let seen = || async {
        let depth = fixture.store.queue_depth().await.unwrap();
        depth.oldest_snapshot_seconds > 0.0 && depth.dead_rows > 10_000
    };
    wait::until_async(PATIENCE, "the snapshot and the dead rows to be seen", seen).await;
    // A job of a higher priority is in the next claim all the same.
    let mut urgent = bundle(1);
    urgent.priority = 9;
    let urgent = fixture.submit(urgent).await;
    assert_eq!(fixture.claim(worker.worker(), 1).await[0].bundle, urgent);
    sqlx::raw_sql("ROLLBACK").execute(&mut reader).await.unwrap();
    drop(worker);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_pooler_is_noticed_and_the_lease_alone_decides() {
    let fixture = Fixture::postgres().await;
    let pooler = PgBouncer::start(url(&fixture), 1);
    let options = PostgresOptions { max_connections: 1, ..PostgresOptions::default() };
    let pooled = Postgres::connect(&pooler.url(url(&fixture)), &options).await.unwrap();
    let info = WorkerInfo { host: String::new(), version: String::new(), slots: 1 };
    let worker = pooled.enter(&info, LONG).await.unwrap();
    let row = fixture.store.workers().await.unwrap().remove(0);
    assert_eq!((row.id, row.presence), (worker.worker(), false));
    // A direct URL beside the pooler's gives the presence back.
    let options = PostgresOptions { direct_url: Some(url(&fixture).to_owned()), ..options };
    let another = PgBouncer::start(url(&fixture), 4);
    let both = Postgres::connect(&another.url(url(&fixture)), &options).await.unwrap();
    let present = both.enter(&info, LONG).await.unwrap();
    let row = fixture.store.workers().await.unwrap().remove(0);
    assert_eq!((row.id, row.presence), (present.worker(), true));
    // A pooler of this age cannot keep the statements of two clients apart: that is said, too.
    let third = Postgres::connect(&pooler.url(url(&fixture)), &options).await.unwrap();
    let refused = third.enter(&info, LONG).await.err().unwrap().to_string();
    assert!(refused.contains("PgBouncer 1.21"), "{refused}");
    // Without a presence a silent worker is dead when its lease is over, and not before.
    let times = LeaseTimes { grace: Duration::from_millis(100), ..LONG };
    fixture.submit(bundle(1)).await;
    let claim = fixture.claim(worker.worker(), 1).await.remove(0);
    let begun = Instant::now();
    while begun.elapsed() < times.grace * 3 {
        assert_eq!(fixture.store.maintain(times).await.unwrap().rescued, 0);
    }
    fixture.store.release(worker.worker(), &[held(&claim)], &store::Release::Drain).await.unwrap();
}
