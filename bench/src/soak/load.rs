//! The load: bundles of all sizes, repeats, cancels, pauses, retries, changes of priority.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::candles::Lcg;
use testkit::http::{self, Response};

/// Most jobs that may be open before the load waits.
const OPEN: u64 = 20_000;
/// How often a request that a dying node did not answer is sent again.
const TRIES: usize = 200;

/// What was asked for so far.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Bundles that were accepted.
    pub(crate) bundles: Vec<String>,
    /// Jobs of these.
    pub(crate) jobs: u64,
    /// Requests that had to be sent again, mostly to another node.
    pub(crate) resent: u64,
    paused: BTreeSet<String>,
    requests: Vec<Value>,
}

impl Load {
    /// One request, chosen by `lcg`, to one of the nodes at `urls`.
    pub(crate) fn step(&mut self, urls: &[String], lcg: &mut Lcg) -> anyhow::Result<()> {
        match lcg.below(20) {
            0 => self.command(urls, lcg, "cancel"),
            1 => self.command(urls, lcg, "pause"),
            2 | 3 => self.command(urls, lcg, "resume"),
            4 => self.command(urls, lcg, "retry"),
            5 => self.relabel(urls, lcg),
            _ => self.submit(urls, lcg),
        }
    }

    fn submit(&mut self, urls: &[String], lcg: &mut Lcg) -> anyhow::Result<()> {
        let answer = self.send(urls, "GET", "/api/backtest/bundle?limit=100", None, lcg)?;
        let page: Value = serde_json::from_str(&answer.body)?;
        let open = page["items"].as_array().context("a page")?.iter();
        if open.map(|bundle| bundle["pending"].as_u64().unwrap_or(0)).sum::<u64>() > OPEN {
            return Ok(());
        }
        let repeat = !self.requests.is_empty() && lcg.below(5) == 0;
        let request = if repeat {
            pick(&self.requests, lcg).clone()
        } else {
            let size = *pick(&[1, 10, 10, 50, 50, 50, 200, 200, 1_000, 3_000], lcg);
            request(self.requests.len(), size, lcg)
        };
        let answer =
            self.send(urls, "POST", "/api/backtest/bundle", Some(request.to_string()), lcg)?;
        ensure!(answer.status == 202, "submit: {} {}", answer.status, answer.body);
        let accepted: Value = serde_json::from_str(&answer.body)?;
        self.bundles.push(accepted["bundleRequestId"].as_str().context("an id")?.to_owned());
        self.jobs += accepted["total"].as_u64().context("a total")?;
        self.requests.push(request);
        Ok(())
    }

    /// A command to one of the last bundles; that it cannot be is an answer, too.
    fn command(&mut self, urls: &[String], lcg: &mut Lcg, what: &str) -> anyhow::Result<()> {
        let Some(id) = self.recent(lcg) else { return Ok(()) };
        let path = format!("/api/backtest/bundle/{id}/{what}");
        let answer = self.send(urls, "POST", &path, Some(String::new()), lcg)?;
        ensure!([200, 202, 409].contains(&answer.status), "{what}: {}", answer.body);
        match what {
            "pause" => _ = self.paused.insert(id),
            "resume" => _ = self.paused.remove(&id),
            _ => {}
        }
        Ok(())
    }

    fn relabel(&mut self, urls: &[String], lcg: &mut Lcg) -> anyhow::Result<()> {
        let Some(id) = self.recent(lcg) else { return Ok(()) };
        let body = json!({"priority": lcg.below(9)}).to_string();
        let answer =
            self.send(urls, "PATCH", &format!("/api/backtest/bundle/{id}"), Some(body), lcg)?;
        ensure!([200, 409].contains(&answer.status), "priority: {}", answer.body);
        Ok(())
    }

    /// Resumes what was paused, so that everything can end.
    pub(crate) fn resume_all(&mut self, urls: &[String]) -> anyhow::Result<()> {
        let mut lcg = Lcg::new(0);
        for id in std::mem::take(&mut self.paused) {
            let path = format!("/api/backtest/bundle/{id}/resume");
            let answer = self.send(urls, "POST", &path, Some(String::new()), &mut lcg)?;
            ensure!([200, 202, 409].contains(&answer.status), "resume: {}", answer.body);
        }
        Ok(())
    }

    fn recent(&self, lcg: &mut Lcg) -> Option<String> {
        let last = self.bundles.len().min(12) as u64;
        let back = usize::try_from(lcg.below(last.max(1))).ok()?;
        self.bundles.iter().rev().nth(back).cloned()
    }

    /// Sends a request until a node answers it, a submit under one Idempotency-Key throughout.
    fn send(
        &mut self,
        urls: &[String],
        method: &str,
        path: &str,
        body: Option<String>,
        lcg: &mut Lcg,
    ) -> anyhow::Result<Response> {
        let key = format!("\"{:016x}\"", lcg.next_u64());
        let mut headers = vec![("content-type", "application/json")];
        let is_submit = method == "POST" && path.ends_with("bundle");
        if is_submit {
            headers.push(("idempotency-key", &key));
        }
        let body = body.unwrap_or_default();
        let mut node = usize::try_from(lcg.below(urls.len() as u64))?;
        for _ in 0..TRIES {
            let url = format!("{}{path}", urls[node]);
            match http::send(method, &url, &headers, body.as_bytes()) {
                // The first try of a submit may still be on its way.
                Ok(answer) if answer.status < 500 && !(is_submit && answer.status == 409) => {
                    return Ok(answer);
                }
                Ok(_) | Err(_) => {}
            }
            self.resent += 1;
            node = (node + 1) % urls.len();
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        anyhow::bail!("no node answers {method} {path}")
    }
}

/// One of `choices`, which are not empty.
fn pick<'a, T>(choices: &'a [T], lcg: &mut Lcg) -> &'a T {
    let place = usize::try_from(lcg.below(choices.len() as u64));
    &choices[place.expect("a place is below a length")]
}

/// The bundle number `number`, of about `size` jobs of 100 to 2,500 candles.
fn request(number: usize, size: u64, lcg: &mut Lcg) -> Value {
    let ends = ["2025-01-09T01:00:00Z", "2025-01-15T00:00:00Z", "2025-02-03T00:00:00Z"];
    let end = pick(&ends, lcg);
    let (fast, slow) = (size.min(10), size.div_ceil(10));
    json!({
        "name": format!("soak {number}"),
        "universalConfig": {
            "exchange": "bitstamp", "ticker": "BTCUSD", "timeframe": "15m",
            // Of its own, so that a bundle is equal to another only where it repeats it.
            "balance": 10_000 + number,
            "strategy": {
                "signals": {
                    "long": "crossUp(ema(close, $fast), ema(close, $slow))",
                    "short": "crossDown(ema(close, $fast), ema(close, $slow))"},
                "params": {
                    "fast": {"int": [2, 20, 1], "default": 5},
                    "slow": {"int": [20, 400, 1], "default": 50}}},
            "costs": {"feePct": 0.1}},
        "dateTimeRanges": [{"start": "2025-01-08T00:00:00Z", "end": end}],
        "parameterVariants": {
            "fast": {"from": 2, "to": 1 + fast, "step": 1},
            "slow": {"from": 20, "to": 19 + slow, "step": 1}},
        "priority": lcg.below(5)
    })
}
