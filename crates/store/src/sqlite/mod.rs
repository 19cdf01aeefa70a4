//! The store of one process: a SQLite file, or memory.
//!
//! Same semantics as the PostgreSQL store. One writer connection (`BEGIN IMMEDIATE`), readers beside
//! it (WAL); wake-ups and presence are in-process. A file belongs to one process at a time: its lock
//! file says so, and whatever an earlier process left Running is returned at open.
//!
//! **Invariant:** time comes from SQLite's clock, read once per transaction.

mod bundles;
mod caps;
mod changes;
mod data;
mod hints;
mod jobs;
mod keys;
mod maintenance;
mod nodes;
mod presence;
mod queue;
mod replays;
mod schema;
mod signals;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use model::Digest;
use serde_json::Value;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite as Database, SqliteConnection, Transaction};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::failure::{FLOOR_SINCE, SCHEMA_VERSION, of_migration, within};
use crate::rows::WorkerRecord;
use crate::{
    AttemptRow, BundleFilter, BundleRow, Change, Changed, Claim, CorrectedSegment, Correction,
    DataVersion, Divergence, Error, Finish, Held, HeldReplay, HeldSegment, JobFilter, JobPoint,
    JobReturns, JobRow, KnownData, LeaseTimes, Maintained, NewBundle, PackedSignals, Pinned,
    Presence, Progress, QueueDepth, Release, ReplayClaim, ReplayRow, ResultDetail, Schema, Settled,
    Store, Submitted, WorkerId, WorkerInfo, WorkerRow,
};
use hints::Hinter;
use maintenance::Watch;

/// Limit on a call that touches a few rows.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Limit on a call that touches all jobs of a bundle.
const BULK_TIMEOUT: Duration = Duration::from_mins(5);

/// Connections that read beside the writer.
const READERS: u32 = 4;

/// The embedded store.
#[derive(Clone, Debug)]
pub struct Sqlite {
    writer: SqlitePool,
    reader: SqlitePool,
    /// Workers of this process that are present, each with its wake-up.
    present: Arc<Mutex<BTreeMap<WorkerId, Arc<Notify>>>>,
    watch: Arc<Mutex<Watch>>,
    hints: Arc<Hinter>,
    /// Holds the file's lock as long as any clone lives.
    _lock: Option<Arc<File>>,
}

/// A write transaction and its one time.
struct Write {
    tx: Transaction<'static, Database>,
    now: i64,
}

impl Sqlite {
    /// Opens or creates the database file at `path`; returns jobs that a dead process held.
    ///
    /// Does not migrate. `Unavailable` where another process has the file open.
    pub async fn open(path: &Path) -> Result<Arc<dyn Store>, Error> {
        let lock = lock_file(path)?;
        let options = configured(SqliteConnectOptions::new().filename(path));
        let writer = pool(options.clone(), 1);
        let reader = pool(options, READERS);
        Sqlite::start(writer, reader, Some(Arc::new(lock))).await
    }

    /// A store that is gone when the last handle to it is; for tests and trials.
    pub async fn in_memory() -> Result<Arc<dyn Store>, Error> {
        let options = configured(SqliteConnectOptions::from_str("sqlite::memory:")?);
        let only = pool(options, 1);
        Sqlite::start(only.clone(), only, None).await
    }

    async fn start(
        writer: SqlitePool,
        reader: SqlitePool,
        lock: Option<Arc<File>>,
    ) -> Result<Arc<dyn Store>, Error> {
        let store = Sqlite {
            writer,
            reader,
            present: Arc::default(),
            watch: Arc::new(Mutex::new(Watch::begin())),
            hints: Arc::default(),
            _lock: lock,
        };
        let schema = store.read_schema().await?;
        if schema.fits() {
            store.return_abandoned().await?;
        }
        Ok(Arc::new(store))
    }

    async fn begin(&self) -> Result<Write, Error> {
        let mut tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let now = now(&mut tx).await?;
        Ok(Write { tx, now })
    }

    fn present(&self) -> MutexGuard<'_, BTreeMap<WorkerId, Arc<Notify>>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all workers: there may be something to claim.
    fn wake(&self) {
        for notify in self.present().values() {
            notify.notify_one();
        }
    }

    async fn read_schema(&self) -> Result<Schema, Error> {
        let exists = sqlx::query_scalar(include_str!("sql/table_exists.sql"));
        let found = if exists.fetch_one(&self.writer).await? {
            let version = sqlx::query_scalar(include_str!("sql/read_schema_version.sql"));
            version.fetch_one(&self.writer).await?
        } else {
            0
        };
        let oldest = if found >= FLOOR_SINCE {
            let floor = sqlx::query_scalar(include_str!("sql/read_schema_floor.sql"));
            floor.fetch_one(&self.writer).await?
        } else {
            0
        };
        Ok(Schema { found, needed: SCHEMA_VERSION, oldest })
    }

    async fn run_migrations(&self) -> Result<Schema, Error> {
        let found = self.read_schema().await?.found;
        let mut migrator = Migrator::with_migrations(schema::migrations());
        migrator.set_ignore_missing(true);
        migrator.run(&self.writer).await.map_err(|error| of_migration(error, found))?;
        self.return_abandoned().await?;
        self.read_schema().await
    }

    async fn read_workers(&self) -> Result<Vec<WorkerRow>, Error> {
        let mut conn = self.reader.acquire().await?;
        let now = now(&mut conn).await?;
        let rows = sqlx::query_as(include_str!("sql/list_workers.sql")).bind(now);
        let rows: Vec<WorkerRecord> = rows.fetch_all(&mut *conn).await?;
        Ok(rows.into_iter().map(|WorkerRecord(row)| row).collect())
    }

    async fn ask_to_drain(&self, worker: WorkerId) -> Result<bool, Error> {
        let row = sqlx::query(include_str!("sql/drain_worker.sql")).bind(worker.0);
        Ok(row.fetch_optional(&self.writer).await?.is_some())
    }

    /// Limits a call and completes the error of a missing table with the version that is there.
    async fn call<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        match within(limit, call).await {
            Err(Error::WrongSchema { needed, .. }) => {
                let found = within(CALL_TIMEOUT, self.read_schema()).await?.found;
                Err(Error::WrongSchema { found, needed })
            }
            answer => answer,
        }
    }
}

/// Now, by SQLite's clock.
async fn now(conn: &mut SqliteConnection) -> Result<i64, Error> {
    Ok(sqlx::query_scalar(include_str!("sql/begin_time.sql")).fetch_one(conn).await?)
}

/// Digits of a hash, for JSON parameters.
fn hex(digest: &Digest) -> String {
    digest.to_string().split_off("b3:".len())
}

fn configured(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(5))
        .pragma("temp_store", "memory")
        // A bundle's results are read twice as fast; writes do not go through the map.
        .pragma("mmap_size", "4294967296")
}

/// A pool whose connections live as long as it does; opens them when first used.
fn pool(options: SqliteConnectOptions, connections: u32) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .acquire_timeout(BULK_TIMEOUT)
        .connect_lazy_with(options)
}

/// Takes the lock file beside the database.
fn lock_file(path: &Path) -> Result<File, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = File::options().create(true).truncate(false).write(true).open(name);
    let unavailable = |error: std::io::Error| Error::Unavailable {
        reason: format!("cannot open the lock file of the database: {error}"),
    };
    let file = file.map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let reason = "another process has the database open".to_owned();
            Err(Error::Unavailable { reason })
        }
        Err(TryLockError::Error(error)) => Err(unavailable(error)),
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn describe(&self) -> Result<String, Error> {
        let version = sqlx::query_scalar(include_str!("sql/read_server_version.sql"));
        let version: String = within(CALL_TIMEOUT, version.fetch_one(&self.reader)).await?;
        Ok(format!("SQLite {version}"))
    }

    async fn ping(&self) -> Result<(), Error> {
        let version = sqlx::query(include_str!("sql/read_server_version.sql"));
        within(CALL_TIMEOUT, version.execute(&self.reader)).await.map(|_| ())
    }

    async fn schema(&self) -> Result<Schema, Error> {
        within(CALL_TIMEOUT, self.read_schema()).await
    }

    async fn migrate(&self) -> Result<Schema, Error> {
        within(BULK_TIMEOUT, self.run_migrations()).await
    }

    async fn submit(&self, bundle: NewBundle) -> Result<Submitted, Error> {
        self.call(BULK_TIMEOUT, self.insert_bundle(&bundle)).await
    }

    async fn bundle(&self, owner: Option<&str>, id: Uuid) -> Result<Option<BundleRow>, Error> {
        self.call(CALL_TIMEOUT, self.read_bundle(owner, id)).await
    }

    async fn request(&self, id: Uuid) -> Result<Option<Value>, Error> {
        self.call(CALL_TIMEOUT, self.read_request(id)).await
    }

    async fn bundles(&self, filter: &BundleFilter, limit: u32) -> Result<Vec<BundleRow>, Error> {
        self.call(CALL_TIMEOUT, self.list_bundles(filter, limit)).await
    }

    async fn jobs(
        &self,
        bundle: Uuid,
        filter: &JobFilter,
        limit: u32,
    ) -> Result<Vec<JobRow>, Error> {
        self.call(CALL_TIMEOUT, self.list_jobs(bundle, filter, limit)).await
    }

    async fn job(
        &self,
        bundle: Uuid,
        seq: u32,
    ) -> Result<Option<(JobRow, Vec<AttemptRow>)>, Error> {
        self.call(CALL_TIMEOUT, self.read_job(bundle, seq)).await
    }

    async fn points(
        &self,
        bundle: Uuid,
        metric: &str,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobPoint>, Error> {
        self.call(CALL_TIMEOUT, self.list_points(bundle, metric, after, limit)).await
    }

    async fn returns(
        &self,
        bundle: Uuid,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobReturns>, Error> {
        self.call(CALL_TIMEOUT, self.list_returns(bundle, after, limit)).await
    }

    async fn failures(&self, bundle: Uuid) -> Result<BTreeMap<String, u64>, Error> {
        self.call(CALL_TIMEOUT, self.count_failures(bundle)).await
    }

    async fn detail(&self, key: Digest) -> Result<Option<ResultDetail>, Error> {
        self.call(CALL_TIMEOUT, self.read_detail(key)).await
    }

    async fn standing_results(&self, keys: &[Digest]) -> Result<BTreeMap<Digest, Digest>, Error> {
        self.call(CALL_TIMEOUT, self.find_results(keys)).await
    }

    async fn put_signals(&self, owner: &str, signals: &PackedSignals) -> Result<bool, Error> {
        self.call(CALL_TIMEOUT, self.insert_signals(owner, signals)).await
    }

    async fn signals(&self, hash: Digest) -> Result<Option<PackedSignals>, Error> {
        self.call(CALL_TIMEOUT, self.read_signals(hash)).await
    }

    async fn has_signals(&self, hash: Digest) -> Result<bool, Error> {
        self.call(CALL_TIMEOUT, self.find_signals(hash)).await
    }

    async fn known_data(&self, needs: &[Digest]) -> Result<BTreeMap<Digest, KnownData>, Error> {
        self.call(CALL_TIMEOUT, self.find_data(needs)).await
    }

    async fn record_data(&self, versions: &[DataVersion]) -> Result<(), Error> {
        self.call(CALL_TIMEOUT, self.write_data(versions)).await
    }

    async fn corrections(&self, source: &str, series: &str) -> Result<Vec<Correction>, Error> {
        self.call(CALL_TIMEOUT, self.list_corrections(source, series)).await
    }

    async fn sources(&self) -> Result<Vec<String>, Error> {
        self.call(CALL_TIMEOUT, self.list_sources()).await
    }

    async fn correct(&self, source: &str, segments: &[CorrectedSegment]) -> Result<(), Error> {
        self.call(CALL_TIMEOUT, self.correct_segments(source, segments)).await
    }

    async fn pin(
        &self,
        bundle: Uuid,
        source: &str,
        held: &[HeldSegment],
        latest: bool,
    ) -> Result<Pinned, Error> {
        self.call(CALL_TIMEOUT, self.pin_bundle(bundle, source, held, latest)).await
    }

    async fn change(&self, id: Uuid, change: &Change, at: Option<u64>) -> Result<Changed, Error> {
        let changed = self.call(BULK_TIMEOUT, self.change_bundle(id, change, at)).await?;
        self.hints.note([id]);
        Ok(changed)
    }

    async fn queue_depth(&self) -> Result<QueueDepth, Error> {
        self.call(CALL_TIMEOUT, self.measure_queue()).await
    }

    async fn workers(&self) -> Result<Vec<WorkerRow>, Error> {
        self.call(CALL_TIMEOUT, self.read_workers()).await
    }

    async fn drain_worker(&self, worker: WorkerId) -> Result<bool, Error> {
        self.call(CALL_TIMEOUT, self.ask_to_drain(worker)).await
    }

    async fn enter(
        &self,
        info: &WorkerInfo,
        times: LeaseTimes,
    ) -> Result<Box<dyn Presence>, Error> {
        self.call(CALL_TIMEOUT, self.enter_worker(info, times)).await
    }

    async fn claim(&self, worker: WorkerId, limit: u32) -> Result<Vec<Claim>, Error> {
        let claims = self.call(CALL_TIMEOUT, self.claim_jobs(worker, limit)).await?;
        self.hints.note(self.hints.noted().claimed(&claims));
        Ok(claims)
    }

    async fn mark_started(&self, worker: WorkerId, held: Held) -> Result<bool, Error> {
        self.call(CALL_TIMEOUT, self.record_start(worker, held)).await
    }

    async fn progress(
        &self,
        worker: WorkerId,
        progress: &[Progress],
        candles_per_second: f64,
    ) -> Result<(), Error> {
        let record = self.record_progress(worker, progress, candles_per_second);
        self.call(CALL_TIMEOUT, record).await?;
        self.hints.note(self.hints.noted().progressed(progress));
        Ok(())
    }

    async fn finish(&self, worker: WorkerId, finishes: &[Finish]) -> Result<Vec<Settled>, Error> {
        let settled = self.call(CALL_TIMEOUT, self.finish_jobs(worker, finishes)).await?;
        self.hints.note(self.hints.noted().finished(finishes));
        Ok(settled)
    }

    async fn release(&self, worker: WorkerId, held: &[Held], why: &Release) -> Result<(), Error> {
        self.call(CALL_TIMEOUT, self.return_jobs(worker, held, why)).await?;
        self.hints.note(self.hints.noted().released(held));
        Ok(())
    }

    async fn ask_replay(&self, bundle: Uuid, seq: u32) -> Result<Option<ReplayRow>, Error> {
        self.call(CALL_TIMEOUT, self.insert_replay(bundle, seq)).await
    }

    async fn replay(&self, bundle: Uuid, seq: u32) -> Result<Option<ReplayRow>, Error> {
        self.call(CALL_TIMEOUT, self.read_replay(bundle, seq)).await
    }

    async fn claim_replays(&self, worker: WorkerId, limit: u32) -> Result<Vec<ReplayClaim>, Error> {
        self.call(CALL_TIMEOUT, self.take_replays(worker, limit)).await
    }

    async fn answer_replay(
        &self,
        worker: WorkerId,
        held: HeldReplay,
        answer: &Value,
        divergence: Option<&Divergence>,
    ) -> Result<bool, Error> {
        self.call(CALL_TIMEOUT, self.write_answer(worker, held, answer, divergence)).await
    }

    async fn release_replays(&self, worker: WorkerId) -> Result<(), Error> {
        self.call(CALL_TIMEOUT, self.return_replays(worker)).await
    }

    async fn maintain(&self, times: LeaseTimes) -> Result<Maintained, Error> {
        self.call(CALL_TIMEOUT, self.run_maintenance(times)).await
    }
}
