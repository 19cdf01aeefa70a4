//! A worker of this process: present until it leaves or is dropped.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::queue::millis;
use super::{CALL_TIMEOUT, Sqlite};
use crate::payload::clean;
use crate::{
    Beat, CancelFlag, Error, Held, JobId, LeaseTimes, Presence, Release, WorkerId, WorkerInfo,
};

/// An entry in the process's list of workers; dropping it is dying.
struct SqlitePresence {
    store: Sqlite,
    worker: WorkerId,
    notify: Arc<Notify>,
}

impl Drop for SqlitePresence {
    fn drop(&mut self) {
        self.store.present().remove(&self.worker);
    }
}

#[async_trait]
impl Presence for SqlitePresence {
    fn worker(&self) -> WorkerId {
        self.worker
    }

    async fn beat(&self) -> Result<Beat, Error> {
        self.store.call(CALL_TIMEOUT, self.store.beat_worker(self.worker)).await
    }

    async fn hint(&self) {
        self.notify.notified().await;
    }

    async fn leave(&self) -> Result<(), Error> {
        self.store.call(CALL_TIMEOUT, self.store.leave_worker(self.worker)).await?;
        self.store.present().remove(&self.worker);
        Ok(())
    }
}

impl Sqlite {
    pub(super) async fn enter_worker(
        &self,
        info: &WorkerInfo,
        times: LeaseTimes,
    ) -> Result<Box<dyn Presence>, Error> {
        let mut write = self.begin().await?;
        let query = sqlx::query_scalar(include_str!("sql/enter_worker.sql"));
        let query = query.bind(clean(&info.host)).bind(clean(&info.version)).bind(info.slots);
        let query = query.bind(millis(times.lease)).bind(write.now);
        let worker = WorkerId(query.fetch_one(&mut *write.tx).await?);
        write.tx.commit().await?;
        let notify = Arc::new(Notify::new());
        self.present().insert(worker, Arc::clone(&notify));
        Ok(Box::new(SqlitePresence { store: self.clone(), worker, notify }))
    }

    async fn beat_worker(&self, worker: WorkerId) -> Result<Beat, Error> {
        let mut write = self.begin().await?;
        let query = sqlx::query_scalar(include_str!("sql/beat_worker.sql")).bind(worker.0);
        let drain = query.bind(write.now).fetch_optional(&mut *write.tx).await?;
        let Some(drain) = drain else {
            return Err(Error::Refused { reason: format!("there is no worker {}", worker.0) });
        };
        let query = sqlx::query_as(include_str!("sql/list_owned.sql")).bind(worker.0);
        let rows: Vec<(i64, u32, bool)> = query.fetch_all(&mut *write.tx).await?;
        write.tx.commit().await?;
        let owned = rows.into_iter().map(|(job, attempt, cancel)| {
            let flag = if cancel { CancelFlag::Raised } else { CancelFlag::Clear };
            (Held { job: JobId(job), attempt }, flag)
        });
        Ok(Beat { owned: owned.collect(), drain })
    }

    async fn leave_worker(&self, worker: WorkerId) -> Result<(), Error> {
        let beat = self.beat_worker(worker).await?;
        let held: Vec<Held> = beat.owned.into_iter().map(|(held, _)| held).collect();
        self.return_jobs(worker, &held, &Release::Drain).await?;
        self.return_replays(worker).await?;
        let mut write = self.begin().await?;
        let query = sqlx::query(include_str!("sql/leave_worker.sql")).bind(worker.0);
        query.bind(write.now).execute(&mut *write.tx).await?;
        write.tx.commit().await?;
        Ok(())
    }
}
