//! Running caps of owners: of each, so many jobs are claimable or running, the rest is held.

use uuid::Uuid;

use super::Write;
use crate::Error;

impl Write {
    /// Sets the cap of an owner; answers how many more of its jobs may be claimable or running.
    pub(super) async fn set_cap(&mut self, owner: &str, running: u32) -> Result<i64, Error> {
        let query = sqlx::query(include_str!("sql/set_cap.sql")).bind(owner);
        query.bind(running.max(1)).execute(&mut *self.tx).await?;
        self.room(owner).await
    }

    async fn room(&mut self, owner: &str) -> Result<i64, Error> {
        let query = sqlx::query_scalar(include_str!("sql/owner_room.sql")).bind(owner);
        Ok(query.fetch_optional(&mut *self.tx).await?.unwrap_or(0))
    }

    /// Lets jobs go whose owners are below their caps; answers how many.
    pub(super) async fn release_capped(&mut self) -> Result<u64, Error> {
        let owners = sqlx::query_scalar(include_str!("sql/list_waiting_owners.sql"));
        let owners: Vec<String> = owners.fetch_all(&mut *self.tx).await?;
        let mut released = 0;
        for owner in owners {
            let mut left = self.room(&owner).await?;
            let bundles = sqlx::query_scalar(include_str!("sql/list_waiting_bundles.sql"));
            let bundles: Vec<Uuid> = bundles.bind(&owner).fetch_all(&mut *self.tx).await?;
            for bundle in bundles {
                if left <= 0 {
                    break;
                }
                let query = sqlx::query(include_str!("sql/release_capped.sql")).bind(bundle);
                let freed = query.bind(left).execute(&mut *self.tx).await?.rows_affected();
                self.count_released(bundle).await?;
                released += freed;
                left -= freed.cast_signed();
            }
        }
        Ok(released)
    }

    /// Counts the jobs of a capped bundle that do not wait.
    pub(super) async fn count_released(&mut self, bundle: Uuid) -> Result<(), Error> {
        let query = sqlx::query(include_str!("sql/count_released.sql")).bind(bundle);
        query.execute(&mut *self.tx).await?;
        Ok(())
    }
}
