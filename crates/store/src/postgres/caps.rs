//! Running caps of owners: of each, so many jobs are claimable or running, the rest is held.
//!
//! Who ends a job of a capped bundle, and every pass of the maintenance, lets the next ones go.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Postgres;
use crate::Error;

/// Sets the cap of an owner; answers how many more of its jobs may be claimable or running.
pub(super) async fn set_cap(
    conn: &mut PgConnection,
    owner: &str,
    running: u32,
) -> Result<i64, Error> {
    let query = sqlx::query(include_str!("sql/set_cap.sql")).bind(owner);
    query.bind(i64::from(running.max(1))).execute(&mut *conn).await?;
    room(conn, owner).await
}

async fn room(conn: &mut PgConnection, owner: &str) -> Result<i64, Error> {
    let query = sqlx::query_scalar(include_str!("sql/owner_room.sql")).bind(owner);
    Ok(query.fetch_optional(conn).await?.unwrap_or(0))
}

/// Lets jobs go whose owners are below their caps; answers how many.
///
/// One does at a time: two would each take the same room.
pub(super) async fn release_capped(conn: &mut PgConnection) -> Result<u64, Error> {
    let owners = sqlx::query_scalar(include_str!("sql/list_waiting_owners.sql"));
    let owners: Vec<String> = owners.fetch_all(&mut *conn).await?;
    let mut released = 0;
    for owner in owners {
        let mut tx = sqlx::Connection::begin(&mut *conn).await?;
        let query = sqlx::query_scalar(include_str!("sql/lock_cap.sql")).bind(&owner);
        if query.fetch_optional(&mut *tx).await?.map(|_: i64| ()).is_none() {
            continue;
        }
        let mut left = room(&mut tx, &owner).await?;
        let bundles = sqlx::query_scalar(include_str!("sql/list_waiting_bundles.sql")).bind(&owner);
        let bundles: Vec<Uuid> = bundles.fetch_all(&mut *tx).await?;
        for bundle in bundles {
            if left <= 0 {
                break;
            }
            let query = sqlx::query_scalar(include_str!("sql/release_capped.sql")).bind(bundle);
            let freed: i64 = query.bind(left).fetch_one(&mut *tx).await?;
            released += freed.unsigned_abs();
            left -= freed;
        }
        tx.commit().await?;
    }
    Ok(released)
}

impl Postgres {
    /// As [`release_capped`], after jobs have ended.
    pub(super) async fn refill_caps(&self) -> Result<(), Error> {
        let mut conn = self.pool.acquire().await?;
        if release_capped(&mut conn).await? > 0 {
            drop(conn);
            self.bump_epoch().await;
        }
        Ok(())
    }
}
