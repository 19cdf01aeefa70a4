//! `backfleet job verify`: asks for a replay and waits for its answer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use super::connect;
use crate::cli::ServerArgs;
use crate::failure::{Exit, Failure};
use crate::output;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// Has a job replayed and compares.
pub(super) async fn verify(
    id: &str,
    timeout: Option<Duration>,
    args: &ServerArgs,
) -> Result<(), Failure> {
    let server = connect(args)?;
    let path = format!("/api/backtest/job/{}/verify", output::query_escaped(id));
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut replay = server.post(&path, Bytes::new(), &[]).await?.json()?;
    while !matches!(text(&replay, "status"), "Completed" | "Failed") {
        if deadline.is_some_and(|deadline| Instant::now() + LOOK > deadline) {
            return Err(Failure::new(Exit::StillRunning, "the replay is not answered yet").hint(
                "is a worker running? `backfleet job verify` again waits for the same replay",
            ));
        }
        tokio::time::sleep(LOOK).await;
        replay = server.get(&path).await?.json()?;
    }
    if args.json {
        output::line(&replay.to_string());
    }
    told(&replay, args.json)
}

/// Says what came out; anything but equal outcomes is a failure.
fn told(replay: &Value, is_json: bool) -> Result<(), Failure> {
    let answer = replay.get("answer").unwrap_or(&Value::Null);
    match text(answer, "verdict") {
        "equal" => {
            if !is_json {
                output::line(&format!("equal: the replay gave {}", text(answer, "outcomeHash")));
            }
            Ok(())
        }
        "different" => {
            let (expected, found) = (text(answer, "expected"), text(answer, "found"));
            let first = answer.get("firstDifference").unwrap_or(&Value::Null);
            let message =
                format!("the replay differs: expected {expected}, found {found}; first: {first}");
            Err(Failure::new(Exit::VerifyMismatch, message).hint(
                "the same candles gave another outcome: one of the hosts is faulty, or runs another \
                 build; the job is marked determinism_fault",
            ))
        }
        "data_gone" => Err(Failure::new(
            Exit::Failure,
            format!("it cannot be replayed: {}", text(answer, "message")),
        )
        .hint(
            "the candles it ran on are gone; submit the bundle again to run on the present ones",
        )),
        "worker_lost" => {
            Err(Failure::new(Exit::Failure, "three workers died while they replayed it")
                .hint("look at the workers' logs"))
        }
        other => Err(Failure::new(
            Exit::Failure,
            format!("it cannot be replayed: {other} {}", text(answer, "message")),
        )),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_equal_outcomes_pass_and_a_difference_has_its_own_exit_code() {
        let exit = |answer: Value| told(&json!({ "answer": answer }), true).map_err(|it| it.exit);
        assert_eq!(exit(json!({"verdict": "equal"})), Ok(()));
        assert_eq!(exit(json!({"verdict": "different"})), Err(Exit::VerifyMismatch));
        for verdict in ["data_gone", "failed", "worker_lost", "other_engine", "result_gone"] {
            assert_eq!(exit(json!({ "verdict": verdict })), Err(Exit::Failure));
        }
    }
}
