//! API keys.

use async_trait::async_trait;

use super::Postgres;
use crate::key_rows::{KeyColumns, key_row};
use crate::payload::clean;
use crate::{Error, KeyRow, Keys, NewKey};

#[async_trait]
impl Keys for Postgres {
    async fn create_key(&self, key: &NewKey) -> Result<KeyRow, Error> {
        let query = sqlx::query_as(include_str!("sql/create_key.sql")).bind(key.token.id());
        let query = query.bind(key.token.hash().to_vec()).bind(clean(&key.owner));
        let query = query.bind(clean(&key.name)).bind(key.scopes.code());
        let query = query.bind(key.lasts.map(|lasts| lasts.as_secs_f64()));
        let row = async { Ok(query.fetch_one(&self.pool).await?) };
        key_row(self.call(row).await?)
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, Error> {
        let query = sqlx::query_as(include_str!("sql/list_keys.sql"));
        let rows: Vec<KeyColumns> =
            self.call(async { Ok(query.fetch_all(&self.pool).await?) }).await?;
        rows.into_iter().map(key_row).collect()
    }

    async fn find_key(&self, id: &str) -> Result<Option<KeyRow>, Error> {
        let query = sqlx::query_as(include_str!("sql/find_key.sql")).bind(clean(id));
        let row = self.call(async { Ok(query.fetch_optional(&self.pool).await?) }).await?;
        row.map(key_row).transpose()
    }

    async fn revoke_key(&self, id: &str) -> Result<bool, Error> {
        let query = sqlx::query(include_str!("sql/revoke_key.sql")).bind(clean(id));
        let row = self.call(async { Ok(query.fetch_optional(&self.pool).await?) }).await?;
        Ok(row.is_some())
    }

    async fn has_keys(&self) -> Result<bool, Error> {
        let query = sqlx::query_scalar(include_str!("sql/has_keys.sql"));
        self.call(async { Ok(query.fetch_one(&self.pool).await?) }).await
    }
}
