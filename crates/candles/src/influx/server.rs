//! What the server is, and the database in it.

use super::dialect::{self, Dialect, Server};
use super::msgpack::Value;
use super::{Influx, text};
use crate::Error;
use crate::error::Cause;

impl Influx {
    /// What the server is: asked once, by `/ping` and, where that says nothing, `/health`.
    ///
    /// A server that names no version is taken for 1.x.
    pub async fn server(&self) -> Result<Server, Error> {
        let inner = &self.inner;
        let server = inner.server.get_or_try_init(|| async {
            let version = self.again(|| self.ask_version()).await?;
            let found = match &version {
                Found::Version(version) => dialect::of_version(version),
                Found::Plain => Some(Dialect::V3),
                Found::Nothing => None,
            };
            let dialect = inner.settings.dialect.or(found).unwrap_or(Dialect::V1);
            let version = match version {
                Found::Version(version) => Some(version),
                Found::Plain | Found::Nothing => None,
            };
            Ok(Server { dialect, version })
        });
        server.await.cloned()
    }

    /// The dialect to speak; a configured one is not asked for.
    pub(super) async fn dialect(&self) -> Result<Dialect, Error> {
        match self.inner.settings.dialect {
            Some(dialect) => Ok(dialect),
            None => self.server().await.map(|server| server.dialect),
        }
    }

    async fn ask_version(&self) -> Result<Found, Error> {
        for path in ["/ping", "/health"] {
            let (response, body) = self.inner.http.get(path).await?;
            if let Some(version) = dialect::version(response.headers(), &body) {
                return Ok(Found::Version(version));
            }
            if dialect::is_3(path, &response, &body) {
                return Ok(Found::Plain);
            }
        }
        Ok(Found::Nothing)
    }

    /// Creates the database if it is missing, with shards of a year that are kept for ever.
    ///
    /// A bucket of 2.x has to be there already; 3 makes databases when they are first written to.
    pub async fn ensure_database(&self) -> Result<(), Error> {
        let name = &self.inner.settings.database;
        let dialect = self.dialect().await?;
        if dialect == Dialect::V3 {
            return text::check_name(name);
        }
        let tables = self.tables("SHOW DATABASES".to_owned(), 1).await?;
        let wanted = Value::Text(name.clone());
        if tables.iter().flat_map(|table| &table.rows).any(|row| row.first() == Some(&wanted)) {
            return Ok(());
        }
        if dialect == Dialect::V2 {
            return Err(
                self.rejected(Cause::NotMapped { text: format!("database not found: {name}") })
            );
        }
        let policy = self.inner.settings.retention_policy.as_deref().unwrap_or("autogen");
        let query = format!(
            "CREATE DATABASE {} WITH DURATION INF REPLICATION 1 SHARD DURATION 52w NAME {}",
            text::quote(name)?,
            text::quote(policy)?,
        );
        self.tables(query, 1).await.map(drop)
    }
}

/// What a server told of its version.
enum Found {
    Version(String),
    /// What only 3 says: a plain `OK`, or its build.
    Plain,
    Nothing,
}
