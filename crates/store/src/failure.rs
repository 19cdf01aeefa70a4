//! What a driver's error means for the caller, time limits and retries.

use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;

use crate::Error;

/// Tries of a statement that lost a race, the first included.
const TRIES: u32 = 6;

/// SQLSTATEs of a statement that lost a race: serialisation failure, deadlock, lock timeout.
const LOST_RACES: [&str; 3] = ["40001", "40P01", "55P03"];

/// Version of the schema that this program needs: the number of its newest migration.
pub(crate) const SCHEMA_VERSION: i64 = 4;

/// First version whose schema says which programs may use it.
pub(crate) const FLOOR_SINCE: i64 = 3;

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Error {
        let sqlx::Error::Database(database) = &error else {
            return undocumented(&error);
        };
        let reason = database.message().to_owned();
        let code = database.code().unwrap_or_default();
        match database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
            Some(_) => of_sqlstate(&code, reason),
            None => of_sqlite_code(&code, reason),
        }
    }
}

/// An error that no database sent.
fn undocumented(error: &sqlx::Error) -> Error {
    let reason = error.to_string();
    let away = matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
    );
    if away { Error::Unavailable { reason } } else { Error::Refused { reason } }
}

/// Meaning of a SQLSTATE.
fn of_sqlstate(code: &str, reason: String) -> Error {
    match code {
        _ if LOST_RACES.contains(&code) => Error::Conflict { reason },
        // No such table or column; `explain_schema` reads the version.
        "42P01" | "42703" => Error::WrongSchema { found: 0, needed: SCHEMA_VERSION },
        // Statement timeout; read-only after a failover.
        "57014" | "25006" => Error::Unavailable { reason },
        // A prepared statement that another client's is taken for, or that is not there any more.
        "42P05" | "26000" => Error::Refused {
            reason: format!(
                "{reason}: the database is behind a pooler that mixes up prepared statements; take \
                 PgBouncer 1.21 or newer with max_prepared_statements, pool by session, or give a \
                 direct URL"
            ),
        },
        // Connection, resources, shutdown, system.
        _ if ["08", "53", "57P", "58"].iter().any(|class| code.starts_with(class)) => {
            Error::Unavailable { reason }
        }
        _ => Error::Refused { reason },
    }
}

/// Meaning of SQLite's extended result code.
fn of_sqlite_code(code: &str, reason: String) -> Error {
    match code.parse::<i32>().map(|code| code & 0xff) {
        // ERROR is also what a missing table gives.
        Ok(1) if reason.starts_with("no such table") || reason.starts_with("no such column") => {
            Error::WrongSchema { found: 0, needed: SCHEMA_VERSION }
        }
        // LOCKED within a shared cache.
        Ok(6) => Error::Conflict { reason },
        // BUSY, NOMEM, READONLY, IOERR, FULL, CANTOPEN.
        Ok(5 | 7 | 8 | 10 | 13 | 14) => Error::Unavailable { reason },
        _ => Error::Refused { reason },
    }
}

/// Meaning of a failed migration; `found` is the version before it.
pub(crate) fn of_migration(error: MigrateError, found: i64) -> Error {
    if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
        return error.into();
    }
    if let MigrateError::VersionMissing(newer) = error {
        return Error::WrongSchema { found: found.max(newer), needed: SCHEMA_VERSION };
    }
    Error::Refused { reason: error.to_string() }
}

/// Whether the server ran out of its lock table.
pub(crate) fn is_out_of_locks(error: &sqlx::Error) -> bool {
    has_sqlstate(error, &["53200"])
}

/// Whether a statement lost a race: serialisation failure, deadlock, lock timeout.
pub(crate) fn is_lost_race(error: &sqlx::Error) -> bool {
    has_sqlstate(error, &LOST_RACES)
}

fn has_sqlstate(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| codes.contains(&code.as_ref()))
}

/// Gives up on `call` after `limit`.
pub(crate) async fn within<T, E: Into<Error>>(
    limit: Duration,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(Error::Unavailable { reason: format!("no answer within {limit:?}") }),
    }
}

/// Calls `attempt` again, with growing jittered pauses, as long as it lost a race.
///
/// Only for single transactions: a lost race has written nothing.
pub(crate) async fn retrying<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for tries in 1..TRIES {
        match attempt().await {
            Err(Error::Conflict { reason }) => {
                tracing::debug!(tries, reason, "a statement lost a race and is tried again");
                tokio::time::sleep(jittered(Duration::from_millis(5 << tries))).await;
            }
            answer => return answer,
        }
    }
    attempt().await
}

/// `pause` times a random factor of 0.5 to 1.5.
pub(crate) fn jittered(pause: Duration) -> Duration {
    // A hasher with random keys: enough to spread retries, and no dependency.
    let bits = RandomState::new().build_hasher().finish() >> 11;
    pause.mul_f64(0.5 + bits as f64 / (1_u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, expected: &str) {
        let error = of_sqlstate(code, "x".to_owned());
        assert!(format!("{error:?}").starts_with(expected), "{code} is {error:?}");
    }

    #[test]
    fn a_sqlstate_says_what_the_caller_does_next() {
        for code in ["40001", "40P01", "55P03"] {
            check(code, "Conflict");
        }
        for code in ["08006", "53300", "53200", "57014", "57P01", "57P03", "25006", "58030"] {
            check(code, "Unavailable");
        }
        for code in ["42P01", "42703"] {
            check(code, "WrongSchema");
        }
        for code in ["22P05", "23505", "23514", "42601", "42P05", "26000", ""] {
            check(code, "Refused");
        }
    }

    #[test]
    fn jitter_stays_within_half() {
        let pause = Duration::from_secs(1);
        for _ in 0..1_000 {
            let jittered = jittered(pause);
            assert!(jittered >= pause / 2 && jittered <= pause * 3 / 2);
        }
    }
}
