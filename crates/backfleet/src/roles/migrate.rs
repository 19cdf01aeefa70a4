//! `backfleet migrate`: brings the schema to this version.

use crate::cli::DatabaseArgs;
use crate::failure::Failure;
use crate::{open, output};

/// Migrates the database that the settings name; repeated calls are harmless.
pub(crate) async fn migrate(args: &DatabaseArgs, json: bool) -> Result<(), Failure> {
    let store = open::store(args).await?;
    let before = store.schema().await?;
    let after = store.migrate().await?;
    if json {
        let document = serde_json::json!({"before": before.found, "after": after.found});
        output::line(&document.to_string());
    } else if before.found == after.found {
        output::note(&format!("the schema is at version {} already", after.found));
    } else {
        output::note(&format!("the schema went from version {} to {}", before.found, after.found));
    }
    Ok(())
}
