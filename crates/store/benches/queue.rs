//! Submit and drain of 100,000 tiny jobs on each store, in jobs per second.
//!
//! PostgreSQL is private, with fsync off and synchronous commits. A drain claims 100 jobs, writes
//! 100 results with their counts, and begins again; four workers at once. Compare only within one
//! run on one machine.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::sync::Arc;
use std::time::Instant;

use model::{BundleStatus, DAY_MS, DailyMark, Digest, Outcome};
use serde_json::json;
use store::postgres::{Postgres, PostgresOptions};
use store::sqlite::Sqlite;
use store::{
    Claim, Ending, Finish, Held, LeaseTimes, NewBundle, NewJob, NewResult, Packer, Settled, Store,
    WorkerInfo,
};
use tokio::task::JoinSet;
use uuid::Uuid;

const JOBS: u32 = 100_000;
const WORKERS: usize = 4;
const BATCH: u32 = 100;

fn bundle() -> NewBundle {
    let id = Uuid::now_v7();
    let key = |seq: u32| Digest::of(format!("{id}-{seq}").as_bytes());
    NewBundle {
        id,
        owner: "local".to_owned(),
        name: "bench".to_owned(),
        request: json!({}),
        tags: std::collections::BTreeMap::new(),
        priority: 0,
        dropped: 0,
        trace: None,
        idempotency: None,
        jobs: (0..JOBS).map(|seq| NewJob { seq, spec_key: key(seq), result_key: None }).collect(),
        pins: Vec::new(),
        terms: store::Terms::default(),
    }
}

/// A result about as large as that of a backtest of 100 candles.
fn completed(claim: &Claim, packer: &mut Packer) -> Finish {
    let mark = |day: u8| DailyMark {
        day_ms: i64::from(day) * DAY_MS,
        equity: f64::from_bits(u64::from(day))
            + f64::from(claim.spec_key.0[usize::from(day) % 32]) / 3.0,
    };
    let outcome = Outcome { daily_marks: (0..20).map(mark).collect(), ..Outcome::default() };
    let result = NewResult {
        key: claim.spec_key,
        outcome_hash: outcome.hash(),
        data_hash: claim.spec_key,
        metrics: json!({"sharpe": 1.25, "totalReturn": 0.125, "maxDrawdown": -0.5, "trades": 3})
            .into(),
        summary: json!({"candles": 100, "warnings": [], "undefined": {}}).into(),
        daily_returns: vec![0.001; 2],
        outcome: packer.pack(&outcome).expect("there is memory"),
    };
    let held = Held { job: claim.job, attempt: claim.attempt };
    Finish { held, bundle: claim.bundle, ending: Ending::Completed(Box::new(result)) }
}

async fn measure(store: Arc<dyn Store>) {
    store.migrate().await.expect("the database is there");
    let name = store.describe().await.expect("the database is there");
    let bundle = bundle();
    let id = bundle.id;
    let begun = Instant::now();
    store.submit(bundle).await.expect("it fits");
    let seconds = begun.elapsed().as_secs_f64();
    println!("{name}: submit of {JOBS} jobs {seconds:.3} s, {:.0}/s", f64::from(JOBS) / seconds);

    let begun = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let store = Arc::clone(&store);
        workers.spawn(async move {
            let info = WorkerInfo { host: String::new(), version: String::new(), slots: 1 };
            let presence = store.enter(&info, LeaseTimes::default()).await.expect("it answers");
            let mut claiming = std::time::Duration::ZERO;
            let mut calls = 0_u32;
            let mut packer = Packer::default();
            loop {
                let before = Instant::now();
                let claims = store.claim(presence.worker(), BATCH).await.expect("it answers");
                claiming += before.elapsed();
                calls += 1;
                if claims.is_empty() {
                    presence.leave().await.expect("it answers");
                    return claiming / calls;
                }
                let finishes: Vec<_> =
                    claims.iter().map(|claim| completed(claim, &mut packer)).collect();
                let settled = store.finish(presence.worker(), &finishes).await;
                let settled = settled.expect("it answers");
                assert!(settled.iter().all(|settled| *settled == Settled::Stored));
            }
        });
    }
    let claims = workers.join_all().await;
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{name}: drain by {WORKERS} workers, batch {BATCH}: {seconds:.1} s, {:.0}/s; a claim {:?}",
        f64::from(JOBS) / seconds,
        claims.iter().sum::<std::time::Duration>() / u32::try_from(claims.len()).expect("few"),
    );
    let row = store.bundle(None, id).await.expect("it answers").expect("it was stored");
    assert_eq!((row.completed, row.status), (u64::from(JOBS), BundleStatus::Completed));
}

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir().expect("there is room");
    let sqlite = Sqlite::open(&directory.path().join("store.db")).await.expect("there is room");
    measure(sqlite).await;
    let server = testkit::postgres::Postgres::start();
    let options = PostgresOptions::default();
    measure(Postgres::connect(&server.database(), &options).await.expect("the URL is right")).await;
}
