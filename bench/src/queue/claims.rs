//! Claims from a short and a deep backlog, and while somebody holds an old snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use model::Digest;
use serde_json::{Value, json};
use store::postgres::{Postgres as PostgresStore, PostgresOptions};
use store::{LeaseTimes, NewBundle, NewJob, Presence, Store, Terms, WorkerInfo};
use testkit::postgres::{self, Postgres, Snapshot};
use uuid::Uuid;

/// The statement as the store sends it.
const CLAIM: &str = include_str!("../../../crates/store/src/postgres/sql/claim_jobs.sql");
/// The session's settings as the store makes them.
const SESSION: &str = include_str!("../../../crates/store/src/postgres/sql/prepare_session.sql");
/// Pending jobs of the short backlog.
const FEW: u32 = 1_000;
/// Jobs of a measured claim.
const LIMIT: u32 = 4;
/// Measured claims.
const CLAIMS: usize = 200;
/// Jobs of one bundle of a backlog.
const BUNDLE: u32 = 100_000;

/// A worker by hand over a database of its own.
struct Queue {
    database: String,
    store: Arc<dyn Store>,
    worker: Box<dyn Presence>,
}

/// Compares claims from `backlog` pending jobs with those from a thousand.
pub(crate) async fn run(server: &Postgres, backlog: u32) -> anyhow::Result<()> {
    let few = Queue::with(server, FEW).await?;
    let base = few.measure().await?;
    println!("claims          of {LIMIT} jobs, {FEW} pending: {}", figures(&base));
    few.explain(&format!("{FEW} pending"), true)?;

    let many = Queue::with(server, backlog).await?;
    let deep = many.measure().await?;
    let ratio = |times: &[Duration]| at(times, 50) / at(&base, 50);
    println!("                {backlog} pending: {} ({:.2} x)", figures(&deep), ratio(&deep));
    many.explain(&format!("{backlog} pending"), true)?;

    let snapshot = Snapshot::hold(&many.database);
    let dead = many.take(backlog / 4).await?;
    let old = many.measure().await?;
    println!(
        "                {backlog} pending, {dead} claimed since an old snapshot that is held: {} \
         ({:.2} x)",
        figures(&old),
        ratio(&old)
    );
    many.explain("old snapshot, from where the last claim ended", false)?;
    many.explain("old snapshot, from the top", true)?;
    drop(snapshot);
    Ok(())
}

impl Queue {
    /// A new database with `pending` claimable jobs.
    async fn with(server: &Postgres, pending: u32) -> anyhow::Result<Queue> {
        let database = server.database();
        let store = PostgresStore::connect(&database, &PostgresOptions::default()).await?;
        store.migrate().await?;
        let mut left = pending;
        while left > 0 {
            let jobs = left.min(BUNDLE);
            store.submit(bundle(jobs)).await?;
            left -= jobs;
        }
        // What autovacuum would have done by the time a backlog is old.
        postgres::query(&database, "VACUUM ANALYZE job");
        let info = WorkerInfo { host: "bench".into(), version: "0".into(), slots: 1 };
        let worker = store.enter(&info, LeaseTimes::default()).await?;
        Ok(Queue { database, store, worker })
    }

    /// The time of each of some claims, in order of length.
    async fn measure(&self) -> anyhow::Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(CLAIMS);
        for _ in 0..CLAIMS {
            let started = Instant::now();
            let claims = self.store.claim(self.worker.worker(), LIMIT).await?;
            times.push(started.elapsed());
            ensure!(claims.len() == LIMIT as usize, "{} jobs were claimed", claims.len());
        }
        times.sort_unstable();
        Ok(times)
    }

    /// Claims at least `jobs` jobs in large claims; how many.
    async fn take(&self, jobs: u32) -> anyhow::Result<usize> {
        let mut taken = 0;
        while taken < jobs as usize {
            taken += self.store.claim(self.worker.worker(), 256).await?.len();
        }
        Ok(taken)
    }

    /// Prints what a claim reads, by a claim that is rolled back.
    fn explain(&self, what: &str, from_top: bool) -> anyhow::Result<()> {
        let low = if from_top {
            "-1, -1, 0, 0, 0".to_owned()
        } else {
            let last = "SELECT (SELECT last_value FROM queue_epoch) || ', ' || rank || ', ' || turn
                || ', ' || (extract(epoch FROM created_at) * 1000000)::bigint || ', ' || id
                FROM job WHERE status = 1 ORDER BY rank DESC, turn DESC, created_at DESC, id DESC
                LIMIT 1";
            postgres::query(&self.database, last)
        };
        let sql = format!(
            "{SESSION}; BEGIN;
             PREPARE claim (bigint, bigint, bigint, smallint, bigint, bigint, bigint) AS {CLAIM};
             EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE claim (1, {LIMIT}, {low});
             ROLLBACK"
        );
        let answer = postgres::query(&self.database, &sql);
        let begin = answer.find("[\n").context("a plan")?;
        let plan: Value = serde_json::from_str(&answer[begin..])?;
        let blocks = |node: &Value| {
            let count = |key: &str| node[key].as_u64().unwrap_or(0);
            count("Shared Hit Blocks") + count("Shared Read Blocks")
        };
        let root = &plan[0]["Plan"];
        let candidates = find(root, "CTE candidate").context("the candidates")?;
        println!(
            "buffers         a claim of {LIMIT}, {what}: {} in all, {} to find its candidates",
            blocks(root),
            blocks(candidates)
        );
        Ok(())
    }
}

/// The node of a plan that answers the query called `name`.
fn find<'a>(node: &'a Value, name: &str) -> Option<&'a Value> {
    if node["Subplan Name"] == name {
        return Some(node);
    }
    node["Plans"].as_array()?.iter().find_map(|child| find(child, name))
}

fn bundle(jobs: u32) -> NewBundle {
    let id = Uuid::now_v7();
    let job = |seq| {
        let spec_key = Digest::of(format!("{id}-{seq}").as_bytes());
        NewJob { seq, spec_key, result_key: None }
    };
    NewBundle {
        id,
        owner: "local".to_owned(),
        name: "backlog".to_owned(),
        request: json!({}),
        tags: BTreeMap::new(),
        priority: 0,
        dropped: 0,
        trace: None,
        idempotency: None,
        jobs: (0..jobs).map(job).collect(),
        pins: Vec::new(),
        terms: Terms::default(),
    }
}

fn at(times: &[Duration], part: usize) -> f64 {
    times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3
}

fn figures(times: &[Duration]) -> String {
    format!("p50 {:.2} ms, p99 {:.2} ms", at(times, 50), at(times, 99))
}
