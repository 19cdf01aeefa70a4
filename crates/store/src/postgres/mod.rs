//! The store of a fleet: PostgreSQL 14 or newer.
//!
//! submit -> claim -> beat* | progress* -> finish | release; maintain returns what dead workers held.
//! Three layers, each with one duty: a job's row and its fence (attempt, worker, status) say who
//! owns it; SKIP LOCKED and transaction-level advisory locks keep claims apart; one session-level
//! advisory lock per worker process says that it lives.
//!
//! **Invariants:** each worker write carries the fence; each job counts once, in the statement that
//! ends it; only the database's clock is read; no transaction waits for a backtest. A claim never
//! waits for a bundle row.

mod bundles;
mod caps;
mod changes;
mod cursor;
mod data;
mod finish;
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
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::Digest;
use serde_json::Value;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor};
use tokio::sync::Mutex;
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
use cursor::Cursors;
use hints::Hinter;
use maintenance::Watch;

/// Limit on a call that touches all jobs of a bundle.
const BULK_TIMEOUT: Duration = Duration::from_mins(5);

/// Connections of a node's own. Opened by API nodes alone.
const BEAT_CONNECTIONS: u32 = 2;

/// Statements of one worker that end jobs at the same time: the server works on one while the worker
/// sends the other.
const WRITERS: NonZeroUsize = NonZeroUsize::new(2).expect("it is not 0");

/// A connection that was idle for longer is tried before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// How to use a PostgreSQL server.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Most connections in the pool. Each worker needs one more for its presence, each process that
    /// maintains one more for that.
    pub max_connections: u32,
    /// Longest wait for a free or new connection.
    pub connect_timeout: Duration,
    /// Longest call; submitting, cancelling and migrating may take 5 minutes.
    pub call_timeout: Duration,
    /// URL that leads to the server itself where the other one leads to a pooler: presence and
    /// notifications need a session of their own.
    pub direct_url: Option<String>,
    /// Name shown in `pg_stat_activity`.
    pub application_name: String,
    /// Whether the server is a streaming replica: it is only read, and shows no progress of jobs.
    pub replica: bool,
}

impl Default for PostgresOptions {
    fn default() -> PostgresOptions {
        PostgresOptions {
            max_connections: 8,
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(30),
            direct_url: None,
            application_name: "backfleet".to_owned(),
            replica: false,
        }
    }
}

/// The store on PostgreSQL.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: PgPool,
    /// For beats and what is written under leases: they must not wait behind long reads.
    beats: PgPool,
    /// Like the pool's, by another name: whose unbroken age counts.
    maintenance: PgConnectOptions,
    direct: PgConnectOptions,
    /// Like `direct`, by the name of the session that hears of changes.
    listening: PgConnectOptions,
    connect_timeout: Duration,
    call_timeout: Duration,
    watch: Arc<Mutex<Option<Watch>>>,
    hints: Hinter,
    cursors: Arc<Cursors>,
}

impl Postgres {
    /// A store on the server of `url` (`postgres://user:password@host/database`).
    ///
    /// Connects when first used, so a server that is away is no error here; a URL that cannot be
    /// read is. Does not migrate.
    #[expect(clippy::unused_async, reason = "connecting at once must stay possible")]
    pub async fn connect(url: &str, options: &PostgresOptions) -> Result<Arc<dyn Store>, Error> {
        let connect = configured(url, options)?;
        let direct = match &options.direct_url {
            Some(url) => configured(url, options)?,
            None => connect.clone(),
        };
        let mut pool = pool_options(options.max_connections, options.connect_timeout);
        if options.replica {
            pool = pool.after_connect(|conn, _| Box::pin(prepare_replica_session(conn)));
        }
        let maintenance = named(&connect, options, "maintenance");
        let beats = pool_options(BEAT_CONNECTIONS, options.connect_timeout)
            .connect_lazy_with(named(&connect, options, "node"));
        let pool = pool.connect_lazy_with(connect);
        let hints = Hinter::default();
        if !options.replica {
            hints.start(pool.clone());
        }
        Ok(Arc::new(Postgres {
            maintenance,
            listening: named(&direct, options, "changes"),
            direct: named(&direct, options, "presence"),
            pool,
            beats,
            hints,
            connect_timeout: options.connect_timeout,
            call_timeout: options.call_timeout,
            watch: Arc::default(),
            cursors: Arc::default(),
        }))
    }

    async fn read_schema(&self) -> Result<Schema, Error> {
        let exists = sqlx::query_scalar(include_str!("sql/table_exists.sql"));
        let found = if exists.fetch_one(&self.pool).await? {
            let version = sqlx::query_scalar(include_str!("sql/read_schema_version.sql"));
            version.fetch_one(&self.pool).await?
        } else {
            0
        };
        let oldest = if found >= FLOOR_SINCE {
            let floor = sqlx::query_scalar(include_str!("sql/read_schema_floor.sql"));
            floor.fetch_one(&self.pool).await?
        } else {
            0
        };
        Ok(Schema { found, needed: SCHEMA_VERSION, oldest })
    }

    async fn run_migrations(&self) -> Result<Schema, Error> {
        let found = self.read_schema().await?.found;
        let mut migrator = Migrator::with_migrations(schema::migrations());
        migrator.set_ignore_missing(true);
        // Migrators take turns by a session lock, which a pooler would strand.
        let pool = pool_options(1, self.connect_timeout).connect_lazy_with(self.direct.clone());
        let migrated = migrator.run(&pool).await;
        pool.close().await;
        migrated.map_err(|error| of_migration(error, found))?;
        self.read_schema().await
    }

    async fn server_version(&self) -> Result<String, Error> {
        let version = sqlx::query_scalar(include_str!("sql/read_server_version.sql"));
        Ok(version.fetch_one(&self.pool).await?)
    }

    async fn read_workers(&self) -> Result<Vec<WorkerRow>, Error> {
        let rows = sqlx::query_as(include_str!("sql/list_workers.sql"));
        let rows: Vec<WorkerRecord> = rows.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|WorkerRecord(row)| row).collect())
    }

    async fn ask_to_drain(&self, worker: WorkerId) -> Result<bool, Error> {
        let row = sqlx::query(include_str!("sql/drain_worker.sql")).bind(worker.0);
        Ok(row.fetch_optional(&self.pool).await?.is_some())
    }

    /// Limits a call and completes the error of a missing table with the version that is there.
    async fn call_within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        match within(limit, call).await {
            Err(Error::WrongSchema { needed, .. }) => {
                let found = within(self.call_timeout, self.read_schema()).await?.found;
                Err(Error::WrongSchema { found, needed })
            }
            answer => answer,
        }
    }

    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        self.call_within(self.call_timeout, call).await
    }
}

fn configured(url: &str, options: &PostgresOptions) -> Result<PgConnectOptions, Error> {
    let connect = PgConnectOptions::from_str(url)?;
    // Poolers refuse start-up parameters they do not know.
    Ok(connect.application_name(&options.application_name).extra_float_digits(None))
}

fn named(connect: &PgConnectOptions, options: &PostgresOptions, what: &str) -> PgConnectOptions {
    connect.clone().application_name(&format!("{} {what}", options.application_name))
}

fn pool_options(connections: u32, connect_timeout: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(connect_timeout)
        .test_before_acquire(false)
        .before_acquire(|conn, meta| {
            Box::pin(async move { Ok(meta.idle_for < TRUSTED_IDLE || conn.ping().await.is_ok()) })
        })
        .after_connect(|conn, _| {
            Box::pin(async move {
                // The simple protocol works through every pooler.
                conn.execute(sqlx::raw_sql(include_str!("sql/prepare_session.sql"))).await?;
                Ok(())
            })
        })
}

/// As every session, and with the table of progress that a replica can read.
async fn prepare_replica_session(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    conn.execute(sqlx::raw_sql(include_str!("sql/prepare_session.sql"))).await?;
    conn.execute(sqlx::raw_sql(include_str!("sql/prepare_replica_session.sql"))).await?;
    Ok(())
}

#[async_trait]
impl Store for Postgres {
    async fn describe(&self) -> Result<String, Error> {
        let version = within(self.call_timeout, self.server_version()).await?;
        Ok(format!("PostgreSQL {version}"))
    }

    async fn ping(&self) -> Result<(), Error> {
        within(self.call_timeout, self.server_version()).await.map(|_| ())
    }

    async fn schema(&self) -> Result<Schema, Error> {
        within(self.call_timeout, self.read_schema()).await
    }

    async fn migrate(&self) -> Result<Schema, Error> {
        within(BULK_TIMEOUT, self.run_migrations()).await
    }

    async fn submit(&self, bundle: NewBundle) -> Result<Submitted, Error> {
        self.call_within(BULK_TIMEOUT, self.insert_bundle(&bundle)).await
    }

    async fn bundle(&self, owner: Option<&str>, id: Uuid) -> Result<Option<BundleRow>, Error> {
        self.call(self.read_bundle(owner, id)).await
    }

    async fn request(&self, id: Uuid) -> Result<Option<Value>, Error> {
        self.call(self.read_request(id)).await
    }

    async fn bundles(&self, filter: &BundleFilter, limit: u32) -> Result<Vec<BundleRow>, Error> {
        self.call(self.list_bundles(filter, limit)).await
    }

    async fn jobs(
        &self,
        bundle: Uuid,
        filter: &JobFilter,
        limit: u32,
    ) -> Result<Vec<JobRow>, Error> {
        self.call(self.list_jobs(bundle, filter, limit)).await
    }

    async fn job(
        &self,
        bundle: Uuid,
        seq: u32,
    ) -> Result<Option<(JobRow, Vec<AttemptRow>)>, Error> {
        self.call(self.read_job(bundle, seq)).await
    }

    async fn points(
        &self,
        bundle: Uuid,
        metric: &str,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobPoint>, Error> {
        self.call(self.list_points(bundle, metric, after, limit)).await
    }

    async fn returns(
        &self,
        bundle: Uuid,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobReturns>, Error> {
        self.call(self.list_returns(bundle, after, limit)).await
    }

    async fn failures(&self, bundle: Uuid) -> Result<BTreeMap<String, u64>, Error> {
        self.call(self.count_failures(bundle)).await
    }

    async fn detail(&self, key: Digest) -> Result<Option<ResultDetail>, Error> {
        self.call(self.read_detail(key)).await
    }

    async fn standing_results(&self, keys: &[Digest]) -> Result<BTreeMap<Digest, Digest>, Error> {
        self.call(self.find_results(keys)).await
    }

    async fn put_signals(&self, owner: &str, signals: &PackedSignals) -> Result<bool, Error> {
        self.call(self.insert_signals(owner, signals)).await
    }

    async fn signals(&self, hash: Digest) -> Result<Option<PackedSignals>, Error> {
        self.call(self.read_signals(hash)).await
    }

    async fn has_signals(&self, hash: Digest) -> Result<bool, Error> {
        self.call(self.find_signals(hash)).await
    }

    async fn known_data(&self, needs: &[Digest]) -> Result<BTreeMap<Digest, KnownData>, Error> {
        self.call(self.find_data(needs)).await
    }

    async fn record_data(&self, versions: &[DataVersion]) -> Result<(), Error> {
        self.call(self.write_data(versions)).await
    }

    async fn corrections(&self, source: &str, series: &str) -> Result<Vec<Correction>, Error> {
        self.call(self.list_corrections(source, series)).await
    }

    async fn sources(&self) -> Result<Vec<String>, Error> {
        self.call(self.list_sources()).await
    }

    async fn correct(&self, source: &str, segments: &[CorrectedSegment]) -> Result<(), Error> {
        self.call(self.correct_segments(source, segments)).await
    }

    async fn pin(
        &self,
        bundle: Uuid,
        source: &str,
        held: &[HeldSegment],
        latest: bool,
    ) -> Result<Pinned, Error> {
        self.call(Box::pin(self.pin_bundle(bundle, source, held, latest))).await
    }

    async fn change(&self, id: Uuid, change: &Change, at: Option<u64>) -> Result<Changed, Error> {
        let changed = self.call_within(BULK_TIMEOUT, self.change_bundle(id, change, at)).await?;
        self.hints.note([id]);
        Ok(changed)
    }

    async fn queue_depth(&self) -> Result<QueueDepth, Error> {
        self.call(self.measure_queue()).await
    }

    async fn workers(&self) -> Result<Vec<WorkerRow>, Error> {
        self.call(self.read_workers()).await
    }

    async fn drain_worker(&self, worker: WorkerId) -> Result<bool, Error> {
        self.call(self.ask_to_drain(worker)).await
    }

    async fn enter(
        &self,
        info: &WorkerInfo,
        times: LeaseTimes,
    ) -> Result<Box<dyn Presence>, Error> {
        self.call(Box::pin(self.enter_worker(info, times))).await
    }

    async fn claim(&self, worker: WorkerId, limit: u32) -> Result<Vec<Claim>, Error> {
        let claims = self.call(Box::pin(self.claim_jobs(worker, limit))).await?;
        self.hints.note(self.hints.noted().claimed(&claims));
        Ok(claims)
    }

    async fn mark_started(&self, worker: WorkerId, held: Held) -> Result<bool, Error> {
        self.call(self.record_start(worker, held)).await
    }

    async fn progress(
        &self,
        worker: WorkerId,
        progress: &[Progress],
        candles_per_second: f64,
    ) -> Result<(), Error> {
        self.call(self.record_progress(worker, progress, candles_per_second)).await?;
        self.hints.note(self.hints.noted().progressed(progress));
        Ok(())
    }

    fn writers(&self) -> NonZeroUsize {
        WRITERS
    }

    async fn finish(&self, worker: WorkerId, finishes: &[Finish]) -> Result<Vec<Settled>, Error> {
        let settled = self.call(Box::pin(self.finish_jobs(worker, finishes))).await?;
        self.hints.note(self.hints.noted().finished(finishes));
        Ok(settled)
    }

    async fn release(&self, worker: WorkerId, held: &[Held], why: &Release) -> Result<(), Error> {
        self.call(self.return_jobs(worker, held, why)).await?;
        self.hints.note(self.hints.noted().released(held));
        Ok(())
    }

    async fn ask_replay(&self, bundle: Uuid, seq: u32) -> Result<Option<ReplayRow>, Error> {
        self.call(self.insert_replay(bundle, seq)).await
    }

    async fn replay(&self, bundle: Uuid, seq: u32) -> Result<Option<ReplayRow>, Error> {
        self.call(self.read_replay(bundle, seq)).await
    }

    async fn claim_replays(&self, worker: WorkerId, limit: u32) -> Result<Vec<ReplayClaim>, Error> {
        self.call(self.take_replays(worker, limit)).await
    }

    async fn answer_replay(
        &self,
        worker: WorkerId,
        held: HeldReplay,
        answer: &Value,
        divergence: Option<&Divergence>,
    ) -> Result<bool, Error> {
        self.call(Box::pin(self.write_answer(worker, held, answer, divergence))).await
    }

    async fn release_replays(&self, worker: WorkerId) -> Result<(), Error> {
        self.call(self.return_replays(worker)).await
    }

    async fn maintain(&self, times: LeaseTimes) -> Result<Maintained, Error> {
        self.call(Box::pin(self.run_maintenance(times))).await
    }
}
