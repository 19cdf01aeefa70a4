//! Every statement is valid on a migrated database.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sqlx::{
    AssertSqlSafe, Connection, Either, Executor, PgConnection, SqlSafeStr, SqliteConnection,
    Statement, TypeInfo,
};

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

/// Rust files below a crate's `src`.
fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Leases, graces, backoffs and orders hold on hosts whose clocks are wrong, because nothing that
/// takes part in them reads a host's clock: all times are the database's `now()`, and what a process
/// measures itself is by the monotonic clock, which does not know what time it is.
#[test]
fn no_part_of_the_protocol_reads_the_clock_of_its_host() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let clocks = ["SystemTime", "Timestamp::now", "Zoned::now", "Utc::now", "OffsetDateTime::now"];
    let mut looked_at = 0;
    for part in ["store/src", "worker/src", "api/src/node"] {
        for path in sources(&crates.join(part)) {
            let text = fs::read_to_string(&path).unwrap();
            let found = clocks.iter().find(|clock| text.contains(*clock));
            assert!(found.is_none(), "{}: {found:?}", path.display());
            looked_at += 1;
        }
    }
    assert!(looked_at > 40, "{looked_at} files");
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
        let prepared = prepared.unwrap_or_else(|error| panic!("{name}: {error}"));
        let Some(Either::Left(parameters)) = prepared.parameters() else { continue };
        let times = parameters.iter().filter(|kind| kind.name().starts_with("TIME"));
        assert_eq!(times.count(), 0, "{name} takes a time from its caller's clock");
    }
}

#[tokio::test]
async fn the_version_needed_is_that_of_the_newest_migration() {
    for (store, fixture) in
        [("sqlite", Fixture::sqlite().await), ("postgres", Fixture::postgres().await)]
    {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(store);
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let newest = names.map(|name| name.to_str().unwrap()[..4].parse::<i64>().unwrap()).max();
        let schema = fixture.store.schema().await.unwrap();
        assert_eq!((Some(schema.needed), Some(schema.found)), (newest, newest), "{store}");
        assert!(schema.fits());
    }
}

#[tokio::test]
async fn a_newer_schema_is_used_while_it_serves_programs_as_old_as_this() {
    for (store, fixture) in
        [("sqlite", Fixture::sqlite().await), ("postgres", Fixture::postgres().await)]
    {
        // What the next release's migration does: a table more, its version, its floor.
        fixture.query("CREATE TABLE of_the_next_release (id bigint)").await;
        let (now, sum) = match fixture.engine {
            Engine::Sqlite { .. } => ("0", "x'00'"),
            Engine::Postgres { .. } => ("now()", "'\\x00'"),
        };
        let newer = format!(
            "INSERT INTO _sqlx_migrations
                (version, description, installed_on, success, checksum, execution_time)
             VALUES (9999, 'of the next release', {now}, true, {sum}, 0)"
        );
        fixture.query(&newer).await;
        let schema = fixture.store.schema().await.unwrap();
        assert_eq!((schema.found, schema.fits()), (9_999, true), "{store}");
        let id = fixture.submit(crate::fixture::bundle(1)).await;
        assert_eq!(fixture.bundle(id).await.total, 1);
        assert!(fixture.store.migrate().await.unwrap().fits(), "{store}: nothing is left to do");
        fixture.query("UPDATE schema_floor SET oldest = 9999").await;
        assert!(!fixture.store.schema().await.unwrap().fits(), "{store}");
    }
}
