//! Flags of `backfleet key`.

use std::time::Duration;

use clap::Subcommand;

use super::DatabaseArgs;
use super::values::{duration, scope};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Makes a key and prints it; it is shown this once.
    Create {
        /// Whose bundles it sees and submits.
        #[arg(long)]
        owner: String,
        /// For people, such as the name of the program that will use it.
        #[arg(long, default_value = "")]
        name: String,
        /// What it allows: read, submit, admin (everything, of every owner).
        #[arg(long, value_delimiter = ',', default_value = "read,submit", value_parser = scope)]
        scopes: Vec<store::Scope>,
        /// How long it lasts, such as 90d; for ever if absent.
        #[arg(long, value_name = "TIME", value_parser = duration)]
        expires: Option<Duration>,
        #[command(flatten)]
        database: DatabaseArgs,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Every key, newest first; secrets are not kept.
    List {
        #[command(flatten)]
        database: DatabaseArgs,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Calls a key back for ever; within seconds no node lets it in.
    Revoke {
        /// Its id: the middle part of a key, between its underscores.
        id: String,
        #[command(flatten)]
        database: DatabaseArgs,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
}
