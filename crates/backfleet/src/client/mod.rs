//! Commands that talk to a server, through its public API only.

mod bundle;
mod change;
mod diff;
mod honesty;
mod http;
mod job;
mod report;
mod results;
mod signals;
mod verify;
mod watch;
mod workers;

pub(crate) use bundle::{read_request, run, submit_to};
pub(crate) use http::Server;
pub(crate) use job::run as job;
pub(crate) use results::{COLUMNS as RESULT_COLUMNS, STAR, show_top};
pub(crate) use signals::run as signals;
pub(crate) use watch::{Progress, Status};
pub(crate) use workers::run as workers;

use serde_json::Value;

use crate::cli::ServerArgs;
use crate::failure::Failure;

fn connect(server: &ServerArgs) -> Result<Server, Failure> {
    Server::new(&server.server, server.api_key_file.as_deref())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

fn count(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn number(value: &Value, key: &str) -> Option<f64> {
    value.get(key).and_then(Value::as_f64)
}

/// The elements of a list in a document.
fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// A number with `digits` after the point; `-` where there is none.
fn decimal(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A share in percent.
fn share(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{:.1} %", value * 100.0))
}
