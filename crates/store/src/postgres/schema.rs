//! The migrations of this store.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType};

/// Version, name and text of each migration.
const MIGRATIONS: [(i64, &str, &str); 4] = [
    (1, "create tables", include_str!("../../migrations/postgres/0001_create_tables.sql")),
    (
        2,
        "know data versions",
        include_str!("../../migrations/postgres/0002_know_data_versions.sql"),
    ),
    (
        3,
        "create keys and nodes",
        include_str!("../../migrations/postgres/0003_create_keys_and_nodes.sql"),
    ),
    (
        4,
        "write results faster",
        include_str!("../../migrations/postgres/0004_write_results_faster.sql"),
    ),
];

/// Every migration, ascending by version.
pub(super) fn migrations() -> Vec<Migration> {
    let migration = |(version, name, text): (i64, &'static str, &'static str)| {
        let name = Cow::Borrowed(name);
        Migration::new(version, name, MigrationType::Simple, text.into_sql_str(), false)
    };
    MIGRATIONS.map(migration).to_vec()
}
