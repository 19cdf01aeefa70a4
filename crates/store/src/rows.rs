//! Reading rows: the same columns by name from either database.
//!
//! Statements select integers as 64 bit, times as milliseconds, JSON as text, hashes as bytes, so
//! that one implementation serves both.

use std::time::Duration;

use model::{BundleStatus, Digest, JobStatus};
use serde_json::Value;
use sqlx::error::BoxDynError;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use uuid::Uuid;

use crate::payload::floats;
use crate::{
    AttemptRow, BundleRow, Claim, Correction, DataVersion, HeldReplay, JobError, JobId, JobPoint,
    JobReturns, JobRow, KnownData, ReplayClaim, ReplayRow, ReplayedResult, ResultSummary, WorkerId,
    WorkerRow,
};

/// Implements `FromRow` for a newtype over one of the contract's rows, by a function of a row.
macro_rules! readable {
    ($(#[$doc:meta])* $record:ident($inner:ty), |$row:ident| $read:block) => {
        $(#[$doc])*
        pub(crate) struct $record(pub(crate) $inner);

        impl<'r, R: Row> FromRow<'r, R> for $record
        where
            &'static str: ColumnIndex<R>,
            bool: Decode<'r, R::Database> + Type<R::Database>,
            i64: Decode<'r, R::Database> + Type<R::Database>,
            f64: Decode<'r, R::Database> + Type<R::Database>,
            String: Decode<'r, R::Database> + Type<R::Database>,
            Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
            Uuid: Decode<'r, R::Database> + Type<R::Database>,
        {
            fn from_row($row: &'r R) -> Result<$record, sqlx::Error> {
                $read
            }
        }
    };
}

readable! {
    /// A bundle with its counts.
    BundleRecord(BundleRow), |row| {
        let count = |column| narrow::<u64>(column, row.try_get(column)?);
        let rank = narrow::<i16>("rank", row.try_get("rank")?)?;
        let status = narrow::<i16>("status", row.try_get("status")?)?;
        Ok(BundleRecord(BundleRow {
            id: row.try_get("id")?,
            owner: row.try_get("owner")?,
            name: row.try_get("name")?,
            tags: json("tags", &row.try_get::<String, _>("tags")?)?,
            priority: 1000 - rank,
            status: BundleStatus::from_code(status).ok_or_else(|| damaged("status", "code"))?,
            total: count("total")?,
            dropped: count("dropped")?,
            completed: count("completed")?,
            failed: count("failed")?,
            cancelled: count("cancelled")?,
            cached: count("cached")?,
            running: count("running")?,
            running_progress: row.try_get("running_progress")?,
            candles_per_second: row.try_get("candles_per_second")?,
            version: count("version")?,
            created_at: row.try_get("created_at")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
        }))
    }
}

readable! {
    /// A job with the light part of its result.
    JobRecord(JobRow), |row| {
        let status = narrow::<i16>("status", row.try_get("status")?)?;
        let code: Option<String> = row.try_get("error_code")?;
        let message: Option<String> = row.try_get("error_message")?;
        let result = match row.try_get::<Option<Vec<u8>>, _>("result_key")? {
            None => None,
            Some(key) => Some(ResultSummary {
                key: digest("result_key", &key)?,
                outcome_hash: digest("outcome_hash", &row.try_get::<Vec<u8>, _>("outcome_hash")?)?,
                data_hash: digest("data_hash", &row.try_get::<Vec<u8>, _>("data_hash")?)?,
                metrics: json("metrics", &row.try_get::<String, _>("metrics")?)?,
                summary: json("summary", &row.try_get::<String, _>("summary")?)?,
            }),
        };
        Ok(JobRecord(JobRow {
            seq: narrow("seq", row.try_get("seq")?)?,
            status: JobStatus::from_code(status).ok_or_else(|| damaged("status", "code"))?,
            attempt: narrow("attempt", row.try_get("attempt")?)?,
            worker: row.try_get::<Option<i64>, _>("worker_id")?.map(WorkerId),
            progress: row.try_get("progress")?,
            cached: row.try_get("cached")?,
            error: code.map(|code| JobError { code, message: message.unwrap_or_default() }),
            created_at: row.try_get("created_at")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
            result,
        }))
    }
}

readable! {
    /// A job as a point of its bundle.
    PointRecord(JobPoint), |row| {
        let status = narrow::<i16>("status", row.try_get("status")?)?;
        Ok(PointRecord(JobPoint {
            seq: narrow("seq", row.try_get("seq")?)?,
            status: JobStatus::from_code(status).ok_or_else(|| damaged("status", "code"))?,
            value: row.try_get("value")?,
        }))
    }
}

readable! {
    /// A completed job as a column of its bundle's returns.
    ReturnsRecord(JobReturns), |row| {
        let settings: Option<String> = row.try_get("settings")?;
        let settings = settings.map(|text| json("settings", &text)).transpose()?;
        Ok(ReturnsRecord(JobReturns {
            seq: narrow("seq", row.try_get("seq")?)?,
            key: digest("result_key", &row.try_get::<Vec<u8>, _>("result_key")?)?,
            settings: settings.unwrap_or_default(),
            daily_returns: floats(&row.try_get::<Vec<u8>, _>("daily_returns")?),
        }))
    }
}

readable! {
    /// An attempt that ended abnormally.
    AttemptRecord(AttemptRow), |row| {
        Ok(AttemptRecord(AttemptRow {
            attempt: narrow("attempt", row.try_get("attempt")?)?,
            worker: row.try_get::<Option<i64>, _>("worker_id")?.map(WorkerId),
            started_at: row.try_get("started_at")?,
            ended_at: row.try_get("ended_at")?,
            ended_by: row.try_get("ended_by")?,
        }))
    }
}

readable! {
    /// A worker.
    WorkerRecord(WorkerRow), |row| {
        Ok(WorkerRecord(WorkerRow {
            id: WorkerId(row.try_get("id")?),
            host: row.try_get("host")?,
            version: row.try_get("version")?,
            slots: narrow("slots", row.try_get("slots")?)?,
            presence: row.try_get("presence")?,
            draining: row.try_get("draining")?,
            lost: row.try_get("lost")?,
            started_at: row.try_get("started_at")?,
            beat_at: row.try_get("beat_at")?,
            running: narrow("running", row.try_get("running")?)?,
            finished: narrow("finished", row.try_get("finished")?)?,
            candles_per_second: row.try_get("candles_per_second")?,
        }))
    }
}

/// Sort key of a claim: rank, turn, creation.
pub(crate) type ClaimOrder = (i64, i64, i64, JobId);

readable! {
    /// A claimed job with what it is ordered by: a claim's rows come in no order.
    ClaimRecord((ClaimOrder, Claim)), |row| {
        let job = JobId(row.try_get("id")?);
        let created: i64 = row.try_get("created_at")?;
        let order = (row.try_get("rank")?, row.try_get("turn")?, created, job);
        let claim = Claim {
            job,
            attempt: narrow("attempt", row.try_get("attempt")?)?,
            bundle: row.try_get("bundle_id")?,
            seq: narrow("seq", row.try_get("seq")?)?,
            spec_key: digest("spec_key", &row.try_get::<Vec<u8>, _>("spec_key")?)?,
            suspect: row.try_get("suspect")?,
        };
        Ok(ClaimRecord((order, claim)))
    }
}

/// The claims in the order they are to be worked on.
pub(crate) fn in_order(mut records: Vec<ClaimRecord>) -> Vec<Claim> {
    records.sort_unstable_by_key(|ClaimRecord((order, _))| *order);
    records.into_iter().map(|ClaimRecord((_, claim))| claim).collect()
}

readable! {
    /// What is on record of the data of a need.
    KnownRecord(KnownData), |row| {
        let hash = |column| digest(column, &row.try_get::<Vec<u8>, _>(column)?);
        let version = DataVersion {
            need: hash("need")?,
            source: row.try_get("source")?,
            parts: json("parts", &row.try_get::<String, _>("parts")?)?,
            hash: hash("hash")?,
            revision: narrow("revision", row.try_get("revision")?)?,
            closed: row.try_get("closed")?,
            covered: row.try_get("covered")?,
            missing: narrow("missing", row.try_get("missing")?)?,
            fingerprint: hash("fingerprint")?,
            segments: json("segments", &row.try_get::<String, _>("segments")?)?,
        };
        let age: f64 = row.try_get("age")?;
        let age = Duration::try_from_secs_f64(age).unwrap_or(Duration::ZERO);
        Ok(KnownRecord(KnownData { version, age }))
    }
}

readable! {
    /// A segment that was corrected.
    CorrectionRecord(Correction), |row| {
        Ok(CorrectionRecord(Correction {
            start: row.try_get("segment")?,
            end: row.try_get("segment_end")?,
            revision: narrow("revision", row.try_get("revision")?)?,
        }))
    }
}

readable! {
    /// A claimed replay.
    ReplayClaimRecord(ReplayClaim), |row| {
        let hash = |column| digest(column, &row.try_get::<Vec<u8>, _>(column)?);
        let result = match row.try_get::<Option<Vec<u8>>, _>("result_key")? {
            None => None,
            Some(key) => Some(ReplayedResult {
                key: digest("result_key", &key)?,
                outcome_hash: hash("outcome_hash")?,
                data_hash: hash("data_hash")?,
                engine_version: row.try_get("engine_version")?,
            }),
        };
        let held = HeldReplay {
            id: row.try_get("id")?,
            attempt: narrow("attempt", row.try_get("attempt")?)?,
        };
        Ok(ReplayClaimRecord(ReplayClaim {
            held,
            bundle: row.try_get("bundle_id")?,
            seq: narrow("seq", row.try_get("seq")?)?,
            spec_key: hash("spec_key")?,
            result,
        }))
    }
}

readable! {
    /// A replay as stored.
    ReplayRecord(ReplayRow), |row| {
        let status = narrow::<i16>("status", row.try_get("status")?)?;
        let answer: Option<String> = row.try_get("answer")?;
        Ok(ReplayRecord(ReplayRow {
            status: JobStatus::from_code(status).ok_or_else(|| damaged("status", "status"))?,
            attempt: narrow("attempt", row.try_get("attempt")?)?,
            worker: row.try_get::<Option<i64>, _>("worker_id")?.map(WorkerId),
            created_at: row.try_get("created_at")?,
            ended_at: row.try_get("ended_at")?,
            answer: answer.map(|text| json("answer", &text)).transpose()?,
        }))
    }
}

/// A stored hash.
pub(crate) fn digest(column: &str, bytes: &[u8]) -> Result<Digest, sqlx::Error> {
    Digest::from_slice(bytes).ok_or_else(|| damaged(column, "hash"))
}

/// Stored JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(
    column: &str,
    text: &str,
) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| decode_error(column, error.into()))
}

/// The request as stored.
pub(crate) fn request(text: &str) -> Result<Value, sqlx::Error> {
    json("request", text)
}

fn narrow<T: TryFrom<i64>>(column: &str, value: i64) -> Result<T, sqlx::Error> {
    T::try_from(value).map_err(|_| damaged(column, "number"))
}

fn damaged(column: &str, what: &str) -> sqlx::Error {
    decode_error(column, format!("not a valid {what}").into())
}

fn decode_error(column: &str, source: BoxDynError) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source }
}
