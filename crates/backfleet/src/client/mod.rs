//! Commands that talk to a server, through its public API only.

mod bundle;
mod http;
mod results;
mod signals;
mod verify;
mod watch;

pub(crate) use bundle::{read_request, run, submit_to};
pub(crate) use http::Server;
pub(crate) use results::{COLUMNS as RESULT_COLUMNS, STAR, show_top};
pub(crate) use signals::run as signals;
pub(crate) use verify::job;
pub(crate) use watch::{Progress, Status};
