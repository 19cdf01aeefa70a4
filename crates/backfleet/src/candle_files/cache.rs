//! `backfleet candles cache ...`.

use serde_json::json;

use super::named::series_id;
use crate::cli::CacheCommand;
use crate::failure::{Exit, Failure};
use crate::open;
use crate::output::{Table, line, note, thousands};

pub(super) fn run(command: &CacheCommand) -> Result<(), Failure> {
    match command {
        CacheCommand::Stats { data, json } => {
            let stats = open::cache(&data.data)?.stats()?;
            if *json {
                line(&json!(stats).to_string());
                return Ok(());
            }
            let mut table = Table::new(&["what", "count"]);
            for (what, count) in [
                ("series", stats.series),
                ("segments", stats.segments),
                ("joined runs", stats.joined),
                ("files", stats.objects),
                ("bytes", stats.bytes),
                ("most bytes", stats.max_bytes),
            ] {
                table.row(vec![what.to_owned(), thousands(count)]);
            }
            table.print();
            Ok(())
        }
        CacheCommand::Purge { series, data, json } => {
            let cache = open::cache(&data.data)?;
            if let Some(text) = series {
                let id = series_id(text)?;
                let count = cache.purge_series(&id)?;
                if *json {
                    line(&json!({ "entries": count }).to_string());
                    return Ok(());
                }
                note(&format!("{id}: {count} entries forgotten; it is fetched anew"));
            } else {
                let freed = cache.purge_all()?;
                if *json {
                    line(&json!({ "freedBytes": freed }).to_string());
                    return Ok(());
                }
                note(&format!("{} bytes are free now", thousands(freed)));
            }
            Ok(())
        }
        CacheCommand::Verify { data, json } => {
            let check = open::cache(&data.data)?.check()?;
            if *json {
                line(&json!(check).to_string());
            } else {
                let removed = check.entries_removed;
                note(&format!(
                    "{} files read, {} damaged and removed, {removed} entries without a file removed",
                    thousands(check.objects),
                    check.damaged.len()
                ));
            }
            if check.damaged.is_empty() {
                return Ok(());
            }
            let text = format!("{} cached files were damaged", check.damaged.len());
            Err(Failure::new(Exit::VerifyMismatch, text)
                .hint("they are removed and fetched anew; look at the disk"))
        }
        CacheCommand::Shrink { to, data, json } => {
            let remain = open::cache(&data.data)?.shrink(*to)?;
            if *json {
                line(&json!({ "bytes": remain }).to_string());
                return Ok(());
            }
            note(&format!("{} bytes remain", thousands(remain)));
            Ok(())
        }
    }
}
