//! A worker's presence: a session of its own that holds its lock, listens and beats.
//!
//! A supervised task owns that session. It reconnects with growing jittered pauses, takes the lock
//! again and wakes the worker, for what was submitted meanwhile. Without the session the worker beats
//! through the pool: its lease decides then. Behind a transaction pooler there is no session to own,
//! so the worker runs on its lease alone and says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, PgListener};
use sqlx::{Connection, Executor, PgExecutor};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;

use super::{Postgres, pool_options};
use crate::failure::{jittered, within};
use crate::payload::clean;
use crate::{
    Beat, CancelFlag, Error, Held, JobId, LeaseTimes, Presence, Release, WorkerId, WorkerInfo,
};

/// First and longest pause before connecting again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What a beat may take on the session, before the pool is tried.
const BEAT_TIMEOUTS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// Row of a beat: drain, then job, attempt and cancel of what is held.
type BeatRow = (bool, Option<i64>, Option<i32>, Option<bool>);

/// A worker of this process; dropping it ends its session.
struct PgPresence {
    store: Postgres,
    worker: WorkerId,
    beat_timeout: Duration,
    hint: Arc<Notify>,
    /// `None` behind a transaction pooler.
    session: Option<Handle>,
}

/// The task that owns the session, and how to talk to it.
struct Handle {
    commands: mpsc::Sender<Command>,
    connected: Arc<AtomicBool>,
    _task: JoinSet<()>,
}

enum Command {
    Beat(oneshot::Sender<Result<Beat, Error>>),
    Leave(oneshot::Sender<()>),
}

/// The task's side.
struct Keeper {
    store: Postgres,
    worker: WorkerId,
    beat_timeout: Duration,
    hint: Arc<Notify>,
    connected: Arc<AtomicBool>,
    commands: mpsc::Receiver<Command>,
}

/// A live session.
struct Session {
    listener: PgListener,
    /// Whether the presence lock is held. It is not while the server has not yet noticed that the
    /// session before this one is gone; that one holds it then.
    locked: bool,
}

/// Why a session is over.
enum Over {
    Left,
    Broken,
}

#[async_trait]
impl Presence for PgPresence {
    fn worker(&self) -> WorkerId {
        self.worker
    }

    async fn beat(&self) -> Result<Beat, Error> {
        if let Some(session) = &self.session
            && let Some(beat) = session.beat(self.beat_timeout).await
        {
            return Ok(beat);
        }
        self.store.call(beat(&self.store.pool, self.worker)).await
    }

    async fn hint(&self) {
        self.hint.notified().await;
    }

    async fn leave(&self) -> Result<(), Error> {
        self.store.call(self.store.leave_worker(self.worker)).await?;
        if let Some(session) = &self.session {
            session.leave(self.beat_timeout).await;
        }
        Ok(())
    }
}

impl PgPresence {
    /// Starts the task that owns the session.
    fn keep(&self, session: Session) -> Handle {
        let connected = Arc::new(AtomicBool::new(true));
        let (commands, receiver) = mpsc::channel(4);
        let keeper = Keeper {
            store: self.store.clone(),
            worker: self.worker,
            beat_timeout: self.beat_timeout,
            hint: Arc::clone(&self.hint),
            connected: Arc::clone(&connected),
            commands: receiver,
        };
        let mut task = JoinSet::new();
        task.spawn(keeper.keep(session));
        Handle { commands, connected, _task: task }
    }
}

impl Handle {
    /// Beats on the session; `None` where it is away or does not answer.
    async fn beat(&self, limit: Duration) -> Option<Beat> {
        if !self.connected.load(Ordering::Acquire) {
            return None;
        }
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(Command::Beat(reply)).ok()?;
        tokio::time::timeout(limit * 2, answer).await.ok()?.ok()?.ok()
    }

    /// Gives up the lock, if the session is there.
    async fn leave(&self, limit: Duration) {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command::Leave(reply)).await.is_ok() {
            // No answer: the session is away, and the lock went with it.
            let _answered = tokio::time::timeout(limit * 2, answer).await;
        }
    }
}

impl Keeper {
    /// Keeps a session until the worker leaves, beginning with `session`.
    async fn keep(mut self, session: Session) {
        let mut session = session;
        while let Over::Broken = self.serve(session).await {
            self.connected.store(false, Ordering::Release);
            let Some(next) = self.reconnect().await else { return };
            session = next;
            self.connected.store(true, Ordering::Release);
            self.hint.notify_one();
        }
    }

    async fn serve(&mut self, mut session: Session) -> Over {
        loop {
            tokio::select! {
                heard = session.listener.try_recv() => match heard {
                    Ok(Some(_)) => self.hint.notify_one(),
                    Ok(None) | Err(_) => return Over::Broken,
                },
                command = self.commands.recv() => match command {
                    Some(Command::Beat(reply)) => {
                        let beat = within(self.beat_timeout, session.beat(self.worker)).await;
                        let broken = matches!(beat, Err(Error::Unavailable { .. }));
                        // The worker may have stopped waiting.
                        let _heard = reply.send(beat);
                        if broken {
                            return Over::Broken;
                        }
                    }
                    Some(Command::Leave(reply)) => {
                        // A failure means that the session is gone, and the lock with it.
                        let _gone = within(self.beat_timeout, session.unlock(self.worker)).await;
                        let _heard = reply.send(());
                        return Over::Left;
                    }
                    None => return Over::Left,
                },
            }
        }
    }

    /// Connects again, for as long as it takes; `None` if the worker left meanwhile.
    async fn reconnect(&mut self) -> Option<Session> {
        let worker = self.worker.0;
        tracing::warn!(worker.id = worker, "the presence session is lost; connecting again");
        let mut pause = PAUSES.0;
        loop {
            let open = async {
                let mut session = Session::open(&self.store).await?;
                within(self.beat_timeout, session.begin(self.worker)).await?;
                Ok::<Session, Error>(session)
            };
            match open.await {
                Ok(session) => {
                    tracing::info!(worker.id = worker, "the presence session is back");
                    return Some(session);
                }
                Err(error) => tracing::debug!(worker.id = worker, %error, "no presence session"),
            }
            let waited = tokio::time::sleep(jittered(pause));
            tokio::pin!(waited);
            loop {
                tokio::select! {
                    () = &mut waited => break,
                    // Dropping a beat's reply sends the worker to the pool.
                    command = self.commands.recv() => if let None | Some(Command::Leave(_)) = command {
                        return None;
                    },
                }
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

impl Session {
    async fn open(store: &Postgres) -> Result<Session, Error> {
        // A pool of one: a lost session is never handed out again under the listener's feet.
        let pool = pool_options(1, store.connect_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(store.direct.clone());
        let mut listener = within(store.connect_timeout, PgListener::connect_with(&pool)).await?;
        listener.ignore_pool_close_event(true);
        listener.eager_reconnect(false);
        Ok(Session { listener, locked: false })
    }

    /// Listens and takes the presence lock.
    async fn begin(&mut self, worker: WorkerId) -> Result<(), Error> {
        self.listener.execute(include_str!("sql/listen_for_jobs.sql")).await?;
        self.lock(worker).await
    }

    async fn lock(&mut self, worker: WorkerId) -> Result<(), Error> {
        if !self.locked {
            let query = sqlx::query_scalar(include_str!("sql/take_presence.sql")).bind(worker.0);
            self.locked = query.fetch_one(&mut self.listener).await?;
        }
        Ok(())
    }

    async fn unlock(&mut self, worker: WorkerId) -> Result<(), Error> {
        let query = sqlx::query(include_str!("sql/drop_presence.sql")).bind(worker.0);
        query.execute(&mut self.listener).await?;
        Ok(())
    }

    async fn beat(&mut self, worker: WorkerId) -> Result<Beat, Error> {
        self.lock(worker).await?;
        beat(&mut self.listener, worker).await
    }

    /// Whether a pooler hands the server's sessions out anew for each transaction.
    ///
    /// Two connections that are open at once are then served by one session, or one of them by two.
    async fn is_pooled(&mut self, store: &Postgres) -> Result<bool, Error> {
        let mut other = PgConnection::connect_with(&store.direct).await?;
        let first = session_id(&mut self.listener).await?;
        let second = session_id(&mut other).await?;
        let again = session_id(&mut self.listener).await?;
        other.close().await?;
        Ok(first == second || first != again)
    }
}

/// The server's process behind a connection, asked in the protocol that passes every pooler.
async fn session_id(executor: impl PgExecutor<'_>) -> Result<i32, Error> {
    use sqlx::Row;
    let row = executor.fetch_one(sqlx::raw_sql(include_str!("sql/session_id.sql"))).await?;
    Ok(row.try_get(0)?)
}

/// One beat: extends the lease, reads what is held.
async fn beat(executor: impl PgExecutor<'_>, worker: WorkerId) -> Result<Beat, Error> {
    let query = sqlx::query_as(include_str!("sql/beat_worker.sql")).bind(worker.0);
    let rows: Vec<BeatRow> = query.fetch_all(executor).await?;
    let Some((drain, ..)) = rows.first() else {
        return Err(Error::Refused { reason: format!("there is no worker {}", worker.0) });
    };
    let owned = rows.iter().filter_map(|(_, job, attempt, cancel)| {
        let held = Held { job: JobId((*job)?), attempt: (*attempt)?.unsigned_abs() };
        let flag = if (*cancel)? { CancelFlag::Raised } else { CancelFlag::Clear };
        Some((held, flag))
    });
    Ok(Beat { owned: owned.collect(), drain: *drain })
}

impl Postgres {
    pub(super) async fn enter_worker(
        &self,
        info: &WorkerInfo,
        times: LeaseTimes,
    ) -> Result<Box<dyn Presence>, Error> {
        // Before there is a worker, so that a failure leaves none behind.
        let mut session = Session::open(self).await?;
        let pooled = session.is_pooled(self).await?;
        let slots = i32::try_from(info.slots).unwrap_or(i32::MAX);
        let lease = i64::try_from(times.lease.as_millis()).unwrap_or(i64::MAX);
        let query = sqlx::query_scalar(include_str!("sql/enter_worker.sql"));
        let query = query.bind(clean(&info.host)).bind(clean(&info.version));
        let worker = WorkerId(query.bind(slots).bind(lease).fetch_one(&self.pool).await?);
        let hint = Arc::new(Notify::new());
        let beat_timeout = times.beat.clamp(BEAT_TIMEOUTS.0, BEAT_TIMEOUTS.1);
        let mut presence =
            PgPresence { store: self.clone(), worker, beat_timeout, hint, session: None };
        if pooled {
            tracing::warn!(
                worker.id = worker.0,
                "the database is behind a transaction pooler: this worker has no presence lock and \
                 hears of no submits, so a crash is noticed only when its lease is over and work is \
                 found only by polling; give a direct URL"
            );
        } else {
            session.begin(worker).await?;
            let query = sqlx::query(include_str!("sql/claim_presence.sql")).bind(worker.0);
            query.execute(&self.pool).await?;
            presence.session = Some(presence.keep(session));
        }
        Ok(Box::new(presence))
    }

    async fn leave_worker(&self, worker: WorkerId) -> Result<(), Error> {
        let beat = beat(&self.pool, worker).await?;
        let held: Vec<Held> = beat.owned.into_iter().map(|(held, _)| held).collect();
        self.return_jobs(worker, &held, &Release::Drain).await?;
        self.return_replays(worker).await?;
        self.forget_cursor(worker);
        let query = sqlx::query(include_str!("sql/leave_worker.sql")).bind(worker.0);
        query.execute(&self.pool).await?;
        Ok(())
    }
}
