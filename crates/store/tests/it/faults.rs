//! What befalls PostgreSQL and the way to it: cut sessions, lost answers, restarts, a full lock table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use model::{BundleStatus, Digest, JobStatus};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use store::postgres::{Postgres, PostgresOptions};
use store::{
    Cancelled, Change, Ending, Error, Idempotency, Labels, LeaseTimes, NewResult, Progress,
    Release, Settled, Store, Submitted,
};
use testkit::postgres::Postgres as Server;
use testkit::proxy::Proxy;
use testkit::wait;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::fixture::{Engine, Fixture, LONG, PATIENCE, bundle, completed, ended, held, result};

pub(crate) fn url(fixture: &Fixture) -> &str {
    match &fixture.engine {
        Engine::Postgres { url } => url,
        Engine::Sqlite { .. } => unreachable!("it is PostgreSQL"),
    }
}

async fn connect(url: &str) -> Arc<dyn Store> {
    Postgres::connect(url, &PostgresOptions::default()).await.unwrap()
}

/// A store on the same database behind a proxy.
pub(crate) async fn behind(proxy: &Proxy, fixture: &Fixture) -> Arc<dyn Store> {
    connect(&proxy.url(url(fixture))).await
}

pub(crate) fn proxy_to(fixture: &Fixture) -> Proxy {
    let port = url(fixture).rsplit_once(':').unwrap().1.split_once('/').unwrap().0;
    Proxy::start(port.parse().unwrap())
}

/// Processes of the server that hold a presence lock in the fixture's database.
const PRESENT: &str = "SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND classid::bigint >> 16 = 16967
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_presence_session_comes_back_and_nothing_is_rescued() {
    let fixture = Fixture::postgres().await;
    let times = LeaseTimes {
        beat: Duration::from_millis(100),
        lease: Duration::from_mins(10),
        grace: Duration::from_millis(400),
    };
    let worker = fixture.worker_with(times).await;
    let id = fixture.submit(bundle(1)).await;
    let claim = fixture.claim(worker.worker(), 1).await.remove(0);
    let first = fixture.query(PRESENT).await;
    assert!(!first.is_empty());
    // What was already heard is heard of.
    worker.hint().await;
    fixture.query(&format!("SELECT pg_terminate_backend({first})")).await;

    let deadline = Instant::now() + PATIENCE;
    let back = loop {
        let beat = worker.beat().await.unwrap();
        assert_eq!(beat.owned.len(), 1);
        assert_eq!(fixture.store.maintain(times).await.unwrap().rescued, 0);
        let now = fixture.query(PRESENT).await;
        if !now.is_empty() && now != first {
            break now;
        }
        assert!(Instant::now() < deadline, "the presence session does not come back");
    };
    assert!(!back.contains('\n'));
    // Submits of the meantime may have gone unheard.
    tokio::time::timeout(PATIENCE, worker.hint()).await.expect("the worker is told to look");
    assert_eq!(fixture.finish(worker.worker(), &[completed(&claim)]).await, [Settled::Stored]);
    assert_eq!(fixture.status(id).await, BundleStatus::Completed);
    drop(worker);
    fixture.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_beats_through_the_pool_while_its_session_is_away() {
    let fixture = Fixture::postgres().await;
    let proxy = proxy_to(&fixture);
    let options = PostgresOptions {
        direct_url: Some(proxy.url(url(&fixture))),
        ..PostgresOptions::default()
    };
    let store = Postgres::connect(url(&fixture), &options).await.unwrap();
    let info = store::WorkerInfo { host: String::new(), version: String::new(), slots: 1 };
    let worker = store.enter(&info, LONG).await.unwrap();
    proxy.refuse();
    let beat_at = store.workers().await.unwrap()[0].beat_at;
    wait::until_async(PATIENCE, "a beat", || async {
        worker.beat().await.unwrap();
        store.workers().await.unwrap()[0].beat_at > beat_at
    })
    .await;
    let gone = || async { fixture.query(PRESENT).await.is_empty() };
    wait::until_async(PATIENCE, "the server to notice", gone).await;
    proxy.pass();
    let back = || async { !fixture.query(PRESENT).await.is_empty() };
    wait::until_async(PATIENCE, "the presence lock to be taken again", back).await;
    worker.leave().await.unwrap();
    drop(worker);
    fixture.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_declared_dead_by_a_reaper_that_has_just_come() {
    let fixture = Fixture::postgres().await;
    let times = LeaseTimes {
        beat: Duration::from_millis(100),
        lease: Duration::from_millis(600),
        grace: Duration::from_mins(10),
    };
    fixture.submit(bundle(1)).await;
    let worker = fixture.worker_with(times).await;
    fixture.claim(worker.worker(), 1).await;
    // Dead for an hour, as after an outage that long.
    fixture.query("UPDATE worker SET beat_at = now() - interval '1 hour'").await;
    let reaper = connect(url(&fixture)).await;
    assert_eq!(reaper.maintain(times).await.unwrap().rescued, 0);
    // A reaper whose connection breaks begins anew.
    let maintainer = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'backfleet maintenance'";
    assert_eq!(fixture.query(maintainer).await, "t");
    let broken = reaper.maintain(times).await;
    assert!(matches!(broken, Err(Error::Unavailable { .. })), "{broken:?}");
    let begun = Instant::now();
    while reaper.maintain(times).await.unwrap().rescued == 0 {
        assert!(begun.elapsed() < PATIENCE, "the job is not rescued");
    }
    assert!(begun.elapsed() >= times.lease);
    drop(worker);
    fixture.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finish_whose_answer_is_lost_stands_and_counts_once() {
    let fixture = Fixture::postgres().await;
    let proxy = proxy_to(&fixture);
    let store = behind(&proxy, &fixture).await;
    let worker = fixture.worker().await;
    let id = fixture.submit(bundle(1)).await;
    let claim = fixture.claim(worker.worker(), 1).await.remove(0);
    let summary = json!({"marker": "the answer to this is lost"}).into();
    let new = NewResult { summary, ..result(&claim) };
    let finish = [ended(&claim, Ending::Completed(Box::new(new)))];
    proxy.swallow_reply_to(|bytes| bytes.windows(6).any(|word| word == b"marker"));
    let lost = store.finish(worker.worker(), &finish).await;
    assert!(matches!(lost, Err(Error::Unavailable { .. })), "{lost:?}");
    assert_eq!(proxy.struck(), 1);
    let again = store.finish(worker.worker(), &finish).await.unwrap();
    assert_eq!(again, [Settled::AlreadyStored]);
    let row = fixture.bundle(id).await;
    assert_eq!((row.completed, row.running), (1, 0));
    // The bundle was not ended by a call that never came back, but it is by the sweeper.
    fixture.store.maintain(LONG).await.unwrap();
    assert_eq!(fixture.status(id).await, BundleStatus::Completed);
    drop(worker);
    fixture.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_whose_answer_is_lost_is_repeated_without_harm() {
    let fixture = Fixture::postgres().await;
    let proxy = proxy_to(&fixture);
    let store = behind(&proxy, &fixture).await;
    let keyed = || {
        let body_hash = Digest::of(b"body");
        let keep = Duration::from_hours(1);
        let mut new = bundle(100);
        new.idempotency = Some(Idempotency { key: "k".to_owned(), body_hash, keep });
        new
    };
    let first = keyed();
    let id = first.id;
    proxy.swallow_reply_to_commit();
    let lost = store.submit(first).await;
    assert!(matches!(lost, Err(Error::Unavailable { .. })), "{lost:?}");
    assert_eq!(proxy.struck(), 1);
    assert_eq!(store.submit(keyed()).await.unwrap(), Submitted::Repeated { id });
    // Cut before the commit instead: nothing is stored, the repeat is the first.
    let mut other = keyed();
    other.idempotency.as_mut().unwrap().key = "other".to_owned();
    other.request = json!({"marker": "the way is cut after this"});
    proxy.swallow_reply_to(|bytes| bytes.windows(6).any(|word| word == b"marker"));
    let lost = store.submit(other.clone()).await;
    assert!(matches!(lost, Err(Error::Unavailable { .. })), "{lost:?}");
    assert_eq!(proxy.struck(), 2);
    assert_eq!(store.submit(other).await.unwrap(), Submitted::Stored { cached: 0 });
    assert_eq!(fixture.query("SELECT count(*) FROM job").await, "200");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_racer_waits_for_the_first_submit_and_then_gives_up() {
    let fixture = Fixture::postgres().await;
    let body_hash = Digest::of(b"body");
    let keep = Duration::from_hours(1);
    let mut racer = bundle(1);
    racer.idempotency = Some(Idempotency { key: "k".to_owned(), body_hash, keep });
    let mut first = PgConnection::connect(url(&fixture)).await.unwrap();
    let mut tx = first.begin().await.unwrap();
    let unfinished = "INSERT INTO idempotency VALUES
        ('local', 'k', decode(repeat('00', 32), 'hex'), gen_random_uuid(), now() + interval '1 h')";
    sqlx::raw_sql(unfinished).execute(&mut *tx).await.unwrap();
    let started = Instant::now();
    let answer = fixture.store.submit(racer.clone()).await;
    assert!(matches!(answer, Err(Error::Conflict { .. })), "{answer:?}");
    assert!(started.elapsed() >= Duration::from_secs(5));
    tx.rollback().await.unwrap();
    fixture.submit(racer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_longer_than_a_grace_kills_no_worker() {
    let server = Server::start();
    let fixture = Fixture::on_postgres(server.database()).await;
    let times = LeaseTimes {
        beat: Duration::from_millis(100),
        lease: Duration::from_mins(10),
        grace: Duration::from_millis(500),
    };
    let worker = fixture.worker_with(times).await;
    let id = fixture.submit(bundle(2)).await;
    let claims = fixture.claim(worker.worker(), 2).await;
    let progress = [Progress { held: held(&claims[0]), fraction: 0.5 }];
    fixture.store.progress(worker.worker(), &progress, 1.0).await.unwrap();
    fixture.store.maintain(times).await.unwrap();
    let before = fixture.bundle(id).await;

    // A crash: recovery empties the UNLOGGED progress.
    server.stop_immediate();
    assert!(matches!(worker.beat().await, Err(Error::Unavailable { .. })));
    assert!(matches!(fixture.store.ping().await, Err(Error::Unavailable { .. })));
    let stopped = Instant::now();
    wait::until(PATIENCE, "the outage to outlast a grace", || stopped.elapsed() > times.grace * 2);
    server.start_again();

    // The reaper is back before the worker beats again, and must not take its silence for death.
    let deadline = Instant::now() + PATIENCE;
    let mut alive_since = None::<Instant>;
    while alive_since.is_none_or(|since| since.elapsed() < times.grace * 3) {
        assert!(Instant::now() < deadline, "the store does not come back");
        if let Ok(done) = fixture.store.maintain(times).await {
            assert_eq!(done.rescued, 0);
            if worker.beat().await.is_ok() {
                alive_since = alive_since.or_else(|| Some(Instant::now()));
            }
        }
    }
    let after = fixture.bundle(id).await;
    assert_eq!((after.running, after.status), (2, BundleStatus::Running));
    assert_eq!(after.running_progress.to_bits(), 0.0_f64.to_bits());
    assert!(after.version >= before.version);
    let finishes: Vec<_> = claims.iter().map(completed).collect();
    assert_eq!(fixture.finish(worker.worker(), &finishes).await, [Settled::Stored; 2]);
    assert_eq!(fixture.job(id, 0).await.attempt, 1);
    drop(worker);
    fixture.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_lock_table_makes_claims_smaller() {
    let server = Server::start();
    let fixture = Fixture::on_postgres(server.database()).await;
    fixture.query("ALTER SYSTEM SET autovacuum = off").await;
    fixture.query("SELECT pg_reload_conf()").await;
    fixture.submit(bundle(2_000)).await;
    let worker = fixture.worker().await;
    assert_eq!(fixture.claim(worker.worker(), 1).await.len(), 1);
    // Fills the table, then gives back room for less than a claim takes.
    let mut hog = PgConnection::connect(url(&fixture)).await.unwrap();
    let fill = "DO $$ BEGIN FOR key IN 1..1000000 LOOP PERFORM pg_advisory_lock(key); END LOOP;
        EXCEPTION WHEN out_of_memory THEN NULL; END $$";
    sqlx::raw_sql(fill).execute(&mut hog).await.unwrap();
    let free = "SELECT count(pg_advisory_unlock(key)) FROM generate_series(1, 200) AS key";
    sqlx::raw_sql(free).execute(&mut hog).await.unwrap();
    let claims = fixture.claim(worker.worker(), 256).await;
    assert!(!claims.is_empty() && claims.len() < 256, "{} claims", claims.len());
    // The answer to an unlock comes after it; that to a goodbye does not.
    sqlx::raw_sql("SELECT pg_advisory_unlock_all()").execute(&mut hog).await.unwrap();
    assert_eq!(fixture.claim(worker.worker(), 256).await.len(), 256);
    drop(worker);
    fixture.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_finishes_returns_and_cancels_at_once_never_double_or_deadlock() {
    const CLAIMERS: usize = 16;
    const ROUNDS: usize = 12;
    const CLAIMS: usize = 1_000;
    let fixture = Fixture::postgres().await;
    let done = Arc::new(AtomicBool::new(false));
    let claimed = Arc::new(AtomicUsize::new(0));
    let mut claimers = JoinSet::new();
    for number in 0..CLAIMERS {
        let presence = fixture.worker().await;
        let (store, done) = (fixture.store.clone(), Arc::clone(&done));
        let claimed = Arc::clone(&claimed);
        claimers.spawn(async move {
            let worker = presence.worker();
            let mut mine = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let claims = store.claim(worker, 10).await.unwrap();
                claimed.fetch_add(claims.len(), Ordering::Relaxed);
                mine.extend(claims.iter().map(|claim| (claim.job, claim.attempt)));
                let (kept, returned) = claims.split_at(claims.len() * (number % 4 + 1) / 4);
                // Against the order of the claim, so that it is not the caller who avoids deadlocks.
                let finishes: Vec<_> = kept.iter().rev().map(completed).collect();
                store.finish(worker, &finishes).await.unwrap();
                let returned: Vec<_> = returned.iter().rev().map(held).collect();
                store.release(worker, &returned, &Release::Drain).await.unwrap();
                let beat = presence.beat().await.unwrap();
                assert!(beat.owned.is_empty());
            }
            (mine, presence)
        });
    }
    let mut bundles = BTreeMap::new();
    let mut round = 0;
    while round < ROUNDS || claimed.load(Ordering::Relaxed) < CLAIMS {
        round += 1;
        let id = fixture.submit(bundle(500)).await;
        bundles.insert(id, false);
        let other = fixture.submit(bundle(100)).await;
        let cancelled = fixture.store.cancel(id).await.unwrap() == Cancelled::Accepted;
        bundles.insert(id, cancelled);
        bundles.insert(other, false);
        // And bulk changes of what is being claimed.
        let priority = Some(i16::try_from(bundles.len() % 7).unwrap());
        let change = Change::Relabel(Labels { priority, ..Labels::default() });
        fixture.store.change(other, &change, None).await.unwrap();
        fixture.store.maintain(LONG).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let claimers = claimers.join_all().await;
    let claims: Vec<_> = claimers.iter().flat_map(|(mine, _)| mine).collect();
    assert_eq!(claims.iter().collect::<BTreeSet<_>>().len(), claims.len(), "claimed twice");
    fixture.store.maintain(LONG).await.unwrap();
    for (id, cancelled) in bundles {
        let row = fixture.bundle(id).await;
        assert_eq!(row.running, 0);
        if cancelled {
            assert_eq!(row.status, BundleStatus::Cancelled, "{row:?}");
            assert_eq!(row.completed + row.cancelled, row.total);
        }
    }
    let nobody = format!("SELECT id FROM job WHERE status = {}", JobStatus::Running.code());
    assert_eq!(fixture.query(&nobody).await, "");
    drop(claimers);
    fixture.check_books().await;
}

#[tokio::test]
async fn an_unmigrated_database_is_named_as_such() {
    let store = connect(&testkit::postgres::database()).await;
    assert_eq!(store.schema().await.unwrap().found, 0);
    let error = store.queue_depth().await.unwrap_err();
    assert!(matches!(error, Error::WrongSchema { found: 0, needed: 4 }), "{error:?}");
    let error = store.submit(bundle(1)).await.unwrap_err();
    assert!(matches!(error, Error::WrongSchema { found: 0, needed: 4 }), "{error:?}");
}

#[tokio::test]
async fn a_url_that_cannot_be_read_is_refused_and_a_server_that_is_away_is_waited_for() {
    let options = PostgresOptions::default();
    let error = Postgres::connect("nonsense", &options).await.err().unwrap();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    let port = testkit::port::free();
    let away = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    let store = Postgres::connect(&away, &options).await.unwrap();
    let error = store.ping().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
}
