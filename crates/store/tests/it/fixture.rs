//! A migrated store of either kind, looked at from outside, and what tests put into it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::{BundleStatus, DailyMark, Digest, JobStatus, Outcome};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use store::postgres::{Postgres, PostgresOptions};
use store::sqlite::Sqlite;
use store::{
    BundleRow, Claim, Ending, Finish, Held, JobError, JobFilter, JobRow, LeaseTimes, NewBundle,
    NewJob, NewResult, PackedOutcome, Packer, Presence, Settled, Store, Submitted, WorkerId,
    WorkerInfo,
};
use tempfile::TempDir;
use testkit::wait;
use uuid::Uuid;

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Lease times that never end within a test.
pub(crate) const LONG: LeaseTimes = LeaseTimes {
    beat: Duration::from_mins(1),
    lease: Duration::from_mins(10),
    grace: Duration::from_mins(2),
};

/// A store and how to look into it.
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) engine: Engine,
}

/// Where the database of a fixture is.
pub(crate) enum Engine {
    Sqlite { _directory: TempDir, path: PathBuf },
    Postgres { url: String },
}

impl Fixture {
    pub(crate) async fn sqlite() -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let store = Sqlite::open(&path).await.unwrap();
        Fixture { store, engine: Engine::Sqlite { _directory: directory, path } }.migrated().await
    }

    pub(crate) async fn postgres() -> Fixture {
        Fixture::on_postgres(testkit::postgres::database()).await
    }

    /// A store on an empty database of some server.
    pub(crate) async fn on_postgres(url: String) -> Fixture {
        let store = Postgres::connect(&url, &PostgresOptions::default()).await.unwrap();
        Fixture { store, engine: Engine::Postgres { url } }.migrated().await
    }

    async fn migrated(self) -> Fixture {
        let before = self.store.schema().await.unwrap();
        assert_eq!(before.found, 0);
        for _ in 0..2 {
            let after = self.store.migrate().await.unwrap();
            assert_eq!(after.found, after.needed);
        }
        self
    }

    /// Runs one statement from outside; its first column as text, one line a row.
    pub(crate) async fn query(&self, sql: &str) -> String {
        match &self.engine {
            Engine::Sqlite { path, .. } => {
                let url = format!("sqlite://{}", path.display());
                let mut conn = SqliteConnection::connect(&url).await.unwrap();
                let sql = AssertSqlSafe(sql.to_owned());
                let rows = sqlx::query(sql).fetch_all(&mut conn).await.unwrap();
                conn.close().await.unwrap();
                let texts = rows.iter().map(|row| {
                    let text: Result<Option<String>, _> = row.try_get_unchecked(0);
                    text.unwrap().unwrap_or_default()
                });
                texts.collect::<Vec<_>>().join("\n")
            }
            Engine::Postgres { url } => {
                let (url, sql) = (url.clone(), sql.to_owned());
                let query = move || testkit::postgres::query(&url, &sql);
                tokio::task::spawn_blocking(query).await.unwrap()
            }
        }
    }

    /// An id as this database writes it in SQL.
    pub(crate) fn uuid(&self, id: Uuid) -> String {
        match self.engine {
            Engine::Sqlite { .. } => format!("x'{}'", id.simple()),
            Engine::Postgres { .. } => format!("'{id}'"),
        }
    }

    /// Makes the next job's id `id`.
    pub(crate) async fn set_next_job_id(&self, id: i64) {
        let sql = match self.engine {
            Engine::Sqlite { .. } => {
                format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('job', {})", id - 1)
            }
            Engine::Postgres { .. } => format!("ALTER TABLE job ALTER id RESTART WITH {id}"),
        };
        self.query(&sql).await;
    }

    /// Enters a worker whose lease never ends within a test.
    pub(crate) async fn worker(&self) -> Box<dyn Presence> {
        self.worker_with(LONG).await
    }

    pub(crate) async fn worker_with(&self, times: LeaseTimes) -> Box<dyn Presence> {
        let info = WorkerInfo { host: "host".to_owned(), version: "0.1.0".to_owned(), slots: 2 };
        self.store.enter(&info, times).await.unwrap()
    }

    /// Stores `bundle`; returns its id.
    pub(crate) async fn submit(&self, bundle: NewBundle) -> Uuid {
        let id = bundle.id;
        let submitted = self.store.submit(bundle).await.unwrap();
        assert!(matches!(submitted, Submitted::Stored { .. }), "{submitted:?}");
        id
    }

    pub(crate) async fn claim(&self, worker: WorkerId, limit: u32) -> Vec<Claim> {
        self.store.claim(worker, limit).await.unwrap()
    }

    pub(crate) async fn finish(&self, worker: WorkerId, finishes: &[Finish]) -> Vec<Settled> {
        self.store.finish(worker, finishes).await.unwrap()
    }

    pub(crate) async fn bundle(&self, id: Uuid) -> BundleRow {
        self.store.bundle(None, id).await.unwrap().unwrap()
    }

    pub(crate) async fn status(&self, id: Uuid) -> BundleStatus {
        self.bundle(id).await.status
    }

    pub(crate) async fn job(&self, bundle: Uuid, seq: u32) -> JobRow {
        self.store.job(bundle, seq).await.unwrap().unwrap().0
    }

    /// Why the abnormal attempts of a job ended, oldest first.
    pub(crate) async fn attempts(&self, bundle: Uuid, seq: u32) -> Vec<String> {
        let (_, attempts) = self.store.job(bundle, seq).await.unwrap().unwrap();
        attempts.into_iter().map(|attempt| attempt.ended_by).collect()
    }

    pub(crate) async fn all_jobs(&self, bundle: Uuid) -> Vec<JobRow> {
        self.store.jobs(bundle, &JobFilter::default(), 1_000_000).await.unwrap()
    }

    /// The books: counts equal rows, and nothing is left where nothing runs.
    pub(crate) async fn check_books(&self) {
        for (what, sql) in BOOKS {
            assert_eq!(self.query(sql).await, "", "{what}");
        }
        if let Engine::Postgres { .. } = self.engine {
            // A session that was dropped is closed by a task of its own.
            let free = || async { self.query(OUR_LOCKS).await.is_empty() };
            wait::until_async(PATIENCE, "our advisory locks to be gone", free).await;
        }
    }
}

/// Advisory locks in our namespaces; their 64 bits are split over two columns.
pub(crate) const OUR_LOCKS: &str = "SELECT classid, objid FROM pg_locks
    WHERE locktype = 'advisory' AND classid::bigint >> 16 BETWEEN 16966 AND 16969
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Queries that must find nothing.
const BOOKS: [(&str, &str); 6] = [
    (
        "a capped bundle's released jobs differ from those that do not wait for the cap",
        "SELECT b.id FROM bundle b WHERE b.released IS NOT NULL AND b.released <> b.total - (
            SELECT count(*) FROM job j WHERE j.bundle_id = b.id AND j.hold & 4 <> 0
        )",
    ),
    (
        "a bundle's counts differ from its jobs",
        "SELECT b.id FROM bundle b JOIN (
            SELECT bundle_id, sum(completed) AS completed, sum(failed) AS failed,
                sum(cancelled) AS cancelled, sum(cached) AS cached, sum(running) AS running
            FROM bundle_slot GROUP BY bundle_id
        ) s ON s.bundle_id = b.id JOIN (
            SELECT bundle_id, count(*) AS total,
                sum(CASE status WHEN 1 THEN 1 ELSE 0 END) AS running,
                sum(CASE status WHEN 2 THEN 1 ELSE 0 END) AS completed,
                sum(CASE status WHEN 3 THEN 1 ELSE 0 END) AS failed,
                sum(CASE status WHEN 4 THEN 1 ELSE 0 END) AS cancelled,
                sum(CASE WHEN cached THEN 1 ELSE 0 END) AS cached
            FROM job GROUP BY bundle_id
        ) j ON j.bundle_id = b.id
        WHERE j.total <> b.total OR s.running <> j.running OR s.completed <> j.completed
            OR s.failed <> j.failed OR s.cancelled <> j.cancelled OR s.cached <> j.cached",
    ),
    (
        "a worker's slot differs from what it holds",
        "SELECT s.slot FROM bundle_slot s WHERE s.running <> (
            SELECT count(*) FROM job j
            WHERE j.bundle_id = s.bundle_id AND j.worker_id = s.slot AND j.status = 1
        )",
    ),
    (
        "a job that does not run has progress",
        "SELECT p.job_id FROM job_progress p JOIN job j ON j.id = p.job_id WHERE j.status <> 1",
    ),
    (
        "a final job has no end, or one that is not final has",
        "SELECT id FROM job WHERE (status >= 2) <> (finished_at IS NOT NULL)",
    ),
    (
        "a completed job has no result",
        "SELECT id FROM job WHERE status = 2
            AND NOT EXISTS (SELECT 1 FROM result WHERE result.key = job.result_key)",
    ),
];

/// A bundle of `jobs` jobs with keys of its own.
pub(crate) fn bundle(jobs: u32) -> NewBundle {
    let id = Uuid::now_v7();
    let jobs = (0..jobs).map(|seq| NewJob { seq, spec_key: key(id, seq), result_key: None });
    NewBundle {
        id,
        owner: "local".to_owned(),
        name: "a bundle".to_owned(),
        request: json!({"name": "a bundle"}),
        tags: std::collections::BTreeMap::new(),
        priority: 0,
        dropped: 0,
        trace: None,
        idempotency: None,
        jobs: jobs.collect(),
        pins: Vec::new(),
        terms: store::Terms::default(),
    }
}

/// A hash that only this job has.
pub(crate) fn key(bundle: Uuid, seq: u32) -> Digest {
    Digest::of(format!("{bundle}-{seq}").as_bytes())
}

pub(crate) fn held(claim: &Claim) -> Held {
    Held { job: claim.job, attempt: claim.attempt }
}

/// A result under the job's own spec key.
pub(crate) fn result(claim: &Claim) -> NewResult {
    let outcome = claim.spec_key.0.to_vec();
    NewResult {
        key: claim.spec_key,
        outcome_hash: Digest::of(&outcome),
        data_hash: Digest::of(b"data"),
        metrics: json!({"sharpe": 1.25, "trades": 3}).into(),
        summary: json!({"candles": 100}).into(),
        daily_returns: vec![0.0, 0.5],
        outcome: packed(&outcome),
    }
}

/// An outcome that says these bytes, as the values of its days.
pub(crate) fn packed(bytes: &[u8]) -> PackedOutcome {
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let mark = |bytes| DailyMark { day_ms: 0, equity: f64::from_bits(word(bytes)) };
    let daily_marks = bytes.chunks(8).map(mark).collect();
    Packer::default().pack(&Outcome { daily_marks, ..Outcome::default() }).unwrap()
}

pub(crate) fn ended(claim: &Claim, ending: Ending) -> Finish {
    Finish { held: held(claim), bundle: claim.bundle, ending }
}

pub(crate) fn completed(claim: &Claim) -> Finish {
    ended(claim, Ending::Completed(Box::new(result(claim))))
}

pub(crate) fn failed(claim: &Claim, code: &str) -> Finish {
    let error = JobError { code: code.to_owned(), message: "because".to_owned() };
    ended(claim, Ending::Failed(error))
}

pub(crate) fn seqs(claims: &[Claim]) -> Vec<u32> {
    claims.iter().map(|claim| claim.seq).collect()
}

pub(crate) fn statuses(jobs: &[JobRow]) -> Vec<JobStatus> {
    jobs.iter().map(|job| job.status).collect()
}
