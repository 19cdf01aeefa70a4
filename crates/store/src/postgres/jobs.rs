//! Reading jobs, their results and the queue.

use std::collections::BTreeMap;

use model::{Digest, JobStatus};
use uuid::Uuid;

use super::Postgres;
use super::bundles::seq as column;
use crate::payload::{clean, floats};
use crate::rows::{AttemptRecord, JobRecord, PointRecord, ReturnsRecord};
use crate::{
    AttemptRow, Error, JobFilter, JobPoint, JobReturns, JobRow, PackedOutcome, QueueDepth,
    ResultDetail,
};

impl Postgres {
    pub(super) async fn list_jobs(
        &self,
        bundle: Uuid,
        filter: &JobFilter,
        limit: u32,
    ) -> Result<Vec<JobRow>, Error> {
        // Seqs beyond the column's range belong to no job.
        let seqs: Option<Vec<i32>> = filter
            .seqs
            .as_ref()
            .map(|seqs| seqs.iter().filter_map(|seq| column(*seq).ok()).collect());
        let after = filter.after.map(|after| i32::try_from(after.seq).unwrap_or(i32::MAX));
        let text = match filter.sort {
            Some(_) => include_str!("sql/list_jobs_by_metric.sql"),
            None => include_str!("sql/list_jobs_by_seq.sql"),
        };
        let query = sqlx::query_as(text).bind(bundle).bind(filter.status.map(JobStatus::code));
        let query = query.bind(filter.error_code.as_deref().map(clean)).bind(seqs);
        let mut query = query.bind(after).bind(i64::from(limit));
        if let Some(sort) = &filter.sort {
            let sign = if sort.descending { -1.0 } else { 1.0 };
            let after = filter.after.and_then(|after| after.value);
            query = query.bind(sort.metric.as_str()).bind(sign).bind(after);
        }
        let rows: Vec<JobRecord> = query.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|JobRecord(row)| row).collect())
    }

    pub(super) async fn read_job(
        &self,
        bundle: Uuid,
        seq: u32,
    ) -> Result<Option<(JobRow, Vec<AttemptRow>)>, Error> {
        let Ok(seq) = column(seq) else { return Ok(None) };
        let query = sqlx::query_as(include_str!("sql/read_job.sql")).bind(bundle).bind(seq);
        let Some(JobRecord(job)) = query.fetch_optional(&self.pool).await? else {
            return Ok(None);
        };
        let query = sqlx::query_as(include_str!("sql/list_attempts.sql")).bind(bundle).bind(seq);
        let attempts: Vec<AttemptRecord> = query.fetch_all(&self.pool).await?;
        Ok(Some((job, attempts.into_iter().map(|AttemptRecord(row)| row).collect())))
    }

    pub(super) async fn list_points(
        &self,
        bundle: Uuid,
        metric: &str,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobPoint>, Error> {
        let query = sqlx::query_as(include_str!("sql/list_points.sql")).bind(bundle).bind(metric);
        let query = query
            .bind(after.map(|after| i32::try_from(after).unwrap_or(i32::MAX)))
            .bind(i64::from(limit));
        let rows: Vec<PointRecord> = query.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|PointRecord(row)| row).collect())
    }

    pub(super) async fn list_returns(
        &self,
        bundle: Uuid,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobReturns>, Error> {
        let query = sqlx::query_as(include_str!("sql/list_returns.sql")).bind(bundle);
        let query = query
            .bind(after.map(|after| i32::try_from(after).unwrap_or(i32::MAX)))
            .bind(i64::from(limit));
        let rows: Vec<ReturnsRecord> = query.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|ReturnsRecord(row)| row).collect())
    }

    pub(super) async fn count_failures(
        &self,
        bundle: Uuid,
    ) -> Result<BTreeMap<String, u64>, Error> {
        let query = sqlx::query_as(include_str!("sql/count_failures.sql")).bind(bundle);
        let rows: Vec<(String, i64)> = query.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(code, count)| (code, count.unsigned_abs())).collect())
    }

    pub(super) async fn read_detail(&self, key: Digest) -> Result<Option<ResultDetail>, Error> {
        let query = sqlx::query_as(include_str!("sql/read_detail.sql")).bind(&key.0[..]);
        let row: Option<(Vec<u8>, Vec<u8>)> = query.fetch_optional(&self.pool).await?;
        let Some((returns, detail)) = row else { return Ok(None) };
        Ok(Some(ResultDetail {
            daily_returns: floats(&returns),
            outcome: PackedOutcome::stored(detail),
        }))
    }

    pub(super) async fn measure_queue(&self) -> Result<QueueDepth, Error> {
        let query = sqlx::query_as(include_str!("sql/queue_depth.sql"));
        let row: (i64, i64, i64, f64, i64, f64) = query.fetch_one(&self.pool).await?;
        let (pending, on_hold, running, oldest_pending_seconds, dead, oldest_snapshot_seconds) =
            row;
        Ok(QueueDepth {
            pending: pending.unsigned_abs(),
            on_hold: on_hold.unsigned_abs(),
            running: running.unsigned_abs(),
            oldest_pending_seconds,
            dead_rows: dead.unsigned_abs(),
            oldest_snapshot_seconds,
        })
    }
}
