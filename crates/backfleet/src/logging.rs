//! Logs on stderr: text for people, JSON for machines.

use tracing_subscriber::EnvFilter;

use crate::cli::{Global, LogFormat};
use crate::failure::Failure;

/// Starts logging; `quiet` commands log warnings only, unless a filter is given.
pub(crate) fn start(global: &Global, quiet: bool, ansi: bool) -> Result<(), Failure> {
    let default = if quiet { "error" } else { "info" };
    let text = global.log.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(text).map_err(|error| {
        Failure::usage(format!("\"{text}\" is no log filter: {error}"))
            .hint("write a level such as `info`, or `store=debug,info`")
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match global.log_format {
        LogFormat::Text => builder.with_ansi(ansi).with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
