//! Every statement is valid on a migrated database.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr, SqliteConnection};

use crate::fixture::{Engine, Fixture};

/// The statements of one store by file name.
fn statements(store: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(store).join("sql");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn every_statement_has_a_header_and_stands_alone() {
    for store in ["sqlite", "postgres"] {
        for (name, text) in statements(store) {
            assert!(text.starts_with("-- "), "{store}/{name} does not say what it is");
            assert!(
                !text.contains(';')
                    || text.lines().all(|line| { line.starts_with("--") || !line.contains(';') }),
                "{store}/{name} is more than one statement"
            );
        }
    }
}

#[tokio::test]
async fn every_sqlite_statement_prepares() {
    let fixture = Fixture::sqlite().await;
    let Engine::Sqlite { path, .. } = &fixture.engine else { unreachable!("it is SQLite") };
    let mut conn =
        SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    for (name, text) in statements("sqlite") {
        let prepared = conn.prepare(AssertSqlSafe(text).into_sql_str()).await;
        assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
    }
}

#[tokio::test]
async fn every_postgres_statement_prepares() {
    let fixture = Fixture::postgres().await;
    let Engine::Postgres { url } = &fixture.engine else { unreachable!("it is PostgreSQL") };
    let mut conn = PgConnection::connect(url).await.unwrap();
    for (name, text) in statements("postgres") {
        let prepared = conn.prepare(AssertSqlSafe(text).into_sql_str()).await;
        assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
    }
}

#[tokio::test]
async fn each_migration_is_counted_in_the_version_needed() {
    for (store, fixture) in
        [("sqlite", Fixture::sqlite().await), ("postgres", Fixture::postgres().await)]
    {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(store);
        let files = i64::try_from(fs::read_dir(folder).unwrap().count()).unwrap();
        assert_eq!(fixture.store.schema().await.unwrap().needed, files, "{store}");
    }
}
