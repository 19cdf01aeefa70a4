//! API keys.

use async_trait::async_trait;

use super::queue::millis;
use super::{CALL_TIMEOUT, Sqlite, now};
use crate::key_rows::{KeyColumns, key_row};
use crate::{Error, KeyRow, Keys, NewKey};

impl Sqlite {
    async fn insert_key(&self, key: &NewKey) -> Result<KeyColumns, Error> {
        let mut write = self.begin().await?;
        let query = sqlx::query_as(include_str!("sql/create_key.sql")).bind(key.token.id());
        let query = query.bind(key.token.hash().to_vec()).bind(&key.owner).bind(&key.name);
        let query = query.bind(key.scopes.code()).bind(key.lasts.map(millis)).bind(write.now);
        let row = query.fetch_one(&mut *write.tx).await?;
        write.tx.commit().await?;
        Ok(row)
    }

    async fn list_keys(&self) -> Result<Vec<KeyColumns>, Error> {
        let mut conn = self.reader.acquire().await?;
        let now = now(&mut conn).await?;
        let query = sqlx::query_as(include_str!("sql/list_keys.sql")).bind(now);
        Ok(query.fetch_all(&mut *conn).await?)
    }

    async fn read_key(&self, id: &str) -> Result<Option<KeyColumns>, Error> {
        let mut conn = self.reader.acquire().await?;
        let now = now(&mut conn).await?;
        let query = sqlx::query_as(include_str!("sql/find_key.sql")).bind(id).bind(now);
        Ok(query.fetch_optional(&mut *conn).await?)
    }

    async fn end_key(&self, id: &str) -> Result<bool, Error> {
        let mut write = self.begin().await?;
        let query = sqlx::query(include_str!("sql/revoke_key.sql")).bind(id).bind(write.now);
        let row = query.fetch_optional(&mut *write.tx).await?;
        write.tx.commit().await?;
        Ok(row.is_some())
    }
}

#[async_trait]
impl Keys for Sqlite {
    async fn create_key(&self, key: &NewKey) -> Result<KeyRow, Error> {
        key_row(self.call(CALL_TIMEOUT, self.insert_key(key)).await?)
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, Error> {
        let rows = self.call(CALL_TIMEOUT, self.list_keys()).await?;
        rows.into_iter().map(key_row).collect()
    }

    async fn find_key(&self, id: &str) -> Result<Option<KeyRow>, Error> {
        let row = self.call(CALL_TIMEOUT, self.read_key(id)).await?;
        row.map(key_row).transpose()
    }

    async fn revoke_key(&self, id: &str) -> Result<bool, Error> {
        self.call(CALL_TIMEOUT, self.end_key(id)).await
    }

    async fn has_keys(&self) -> Result<bool, Error> {
        let query = sqlx::query_scalar(include_str!("sql/has_keys.sql"));
        self.call(CALL_TIMEOUT, async { Ok(query.fetch_one(&self.reader).await?) }).await
    }
}
