//! Running the binary and reading what it says.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use testkit::process::Backfleet;
use testkit::{http, port, wait};

/// Longest wait for anything that should take seconds.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// A command for the binary, in the repository's root.
pub(crate) fn command(arguments: &[&str]) -> std::process::Command {
    let mut command = Backfleet::command(env!("CARGO_BIN_EXE_backfleet"));
    command.args(arguments).current_dir(root()).env("NO_COLOR", "1");
    // The tests' own configuration must not depend on the user's.
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

/// Runs the binary to its end.
pub(crate) fn backfleet(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Status, stdout and stderr as one text for snapshots.
pub(crate) fn transcript(output: &Output) -> String {
    format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    )
}

/// Stdout as JSON; shows stderr if the command failed.
#[track_caller]
pub(crate) fn json(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "exit {:?}\n{errors}", output.status.code());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Imports the sample candles into `data`.
pub(crate) fn import_samples(data: &Path) {
    let output =
        backfleet(&["candles", "import", "examples/candles", "--data", data.to_str().unwrap()]);
    assert!(output.status.success(), "{}", transcript(&output));
}

/// An all-in-one server on a folder of its own.
pub(crate) struct Dev {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// The process.
    pub(crate) process: Backfleet,
    /// Its data.
    pub(crate) data: tempfile::TempDir,
}

impl Dev {
    /// Starts a server over the sample candles.
    pub(crate) fn start(extra: &[&str]) -> Dev {
        let data = tempfile::tempdir().unwrap();
        import_samples(data.path());
        Dev::on(data, extra)
    }

    /// Starts a server over `data`.
    pub(crate) fn on(data: tempfile::TempDir, extra: &[&str]) -> Dev {
        let listen = format!("127.0.0.1:{}", port::free());
        let process = dev_process(&listen, data.path(), extra);
        Dev { url: format!("http://{listen}"), process, data }
    }

    /// Starts the server again at the same address over the same data.
    pub(crate) fn start_again(&mut self, extra: &[&str]) {
        self.process = dev_process(&self.url["http://".len()..], self.data.path(), extra);
    }
}

fn dev_process(listen: &str, data: &Path, extra: &[&str]) -> Backfleet {
    let mut arguments = vec!["dev", "--listen", listen, "--data", data.to_str().unwrap()];
    arguments.extend(extra);
    let mut process = Backfleet::spawn(command(&arguments));
    process.until_ready(&format!("http://{listen}/readyz"), SOON);
    process
}

/// The JSON answer of `GET url`, which must be 200.
#[track_caller]
pub(crate) fn get(url: &str) -> Value {
    let answer = http::get(url).unwrap();
    assert_eq!(answer.status, 200, "{url}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Submits a request; returns the bundle's id.
#[track_caller]
pub(crate) fn submit(server: &str, request: &str) -> String {
    let answer = http::post_json(&format!("{server}/api/backtest/bundle"), request).unwrap();
    assert_eq!(answer.status, 202, "{}", answer.body);
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    answer["bundleRequestId"].as_str().unwrap().to_owned()
}

/// The bundle's status.
#[track_caller]
pub(crate) fn status(server: &str, id: &str) -> Value {
    get(&format!("{server}/api/backtest/bundle/{id}/status"))
}

/// Polls until the bundle is final; returns its last status.
#[track_caller]
pub(crate) fn finished(server: &str, id: &str, deadline: Duration) -> Value {
    wait::some(deadline, &format!("bundle {id} to end"), || {
        // A node that cannot reach its database answers 503 and is asked again.
        let answer = http::get(&format!("{server}/api/backtest/bundle/{id}/status")).ok()?;
        if answer.status != 200 {
            return None;
        }
        let status: Value = serde_json::from_str(&answer.body).unwrap();
        matches!(status["status"].as_str()?, "Completed" | "Failed" | "Cancelled").then_some(status)
    })
}

/// Every result row of a bundle, by seq.
#[track_caller]
pub(crate) fn rows(server: &str, id: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut next = format!("{server}/api/backtest/bundle/{id}/jobs?limit=200");
    loop {
        let page = get(&next);
        rows.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(cursor) => {
                next = format!("{server}/api/backtest/bundle/{id}/jobs?limit=200&cursor={cursor}");
            }
            None => return rows,
        }
    }
}

/// Outcome hash by seq.
#[track_caller]
pub(crate) fn hashes(server: &str, id: &str) -> std::collections::BTreeMap<u64, String> {
    rows(server, id)
        .iter()
        .map(|row| {
            let hash = row["outcomeHash"].as_str().unwrap_or_else(|| panic!("no outcome: {row}"));
            (row["seq"].as_u64().unwrap(), hash.to_owned())
        })
        .collect()
}
