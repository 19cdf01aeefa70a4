//! Uploaded signal columns.

use model::Digest;

use super::Sqlite;
use crate::payload::clean;
use crate::{Error, PackedSignals};

impl Sqlite {
    pub(super) async fn insert_signals(
        &self,
        owner: &str,
        signals: &PackedSignals,
    ) -> Result<bool, Error> {
        let mut write = self.begin().await?;
        let query = sqlx::query(include_str!("sql/insert_signals.sql"));
        let query = query.bind(&signals.hash.0[..]).bind(clean(owner)).bind(&signals.data[..]);
        let row = query.bind(write.now).fetch_optional(&mut *write.tx).await?;
        write.tx.commit().await?;
        Ok(row.is_some())
    }

    pub(super) async fn read_signals(&self, hash: Digest) -> Result<Option<PackedSignals>, Error> {
        let query = sqlx::query_scalar(include_str!("sql/read_signals.sql")).bind(&hash.0[..]);
        let data: Option<Vec<u8>> = query.fetch_optional(&self.reader).await?;
        Ok(data.map(|data| PackedSignals { hash, data }))
    }

    pub(super) async fn find_signals(&self, hash: Digest) -> Result<bool, Error> {
        let query = sqlx::query_scalar(include_str!("sql/find_signals.sql")).bind(&hash.0[..]);
        Ok(query.fetch_one(&self.reader).await?)
    }
}
