//! `backfleet bundle diff`: what two bundles have in common, and where their outcomes part.
//!
//! Jobs are paired by their variant. Of a pair whose outcomes differ, the settings, the hash of the data
//! and the engine's version say why, and the first trade that is not the same says where.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::results::choices;
use super::{Server, connect, list, text};
use crate::cli::ServerArgs;
use crate::failure::Failure;
use crate::output::{self, Table, thousands};

/// Jobs of one page.
const PAGE: usize = 1_000;
/// Differing settings that a row names.
const NAMED: usize = 3;

/// A place at which two documents differ; a side that lacks it is null.
#[derive(Debug, PartialEq)]
struct Difference {
    pointer: String,
    sides: [Value; 2],
}

/// The jobs of both bundles, paired by variant.
#[derive(Debug, Default, PartialEq)]
struct Pairs {
    equal: u64,
    unfinished: u64,
    only: [u64; 2],
    /// Job ids of the pairs whose outcomes differ.
    differing: Vec<[String; 2]>,
}

/// Compares two bundles; looks into at most `top` pairs of jobs.
pub(crate) async fn run(ids: [&str; 2], top: usize, server: &ServerArgs) -> Result<(), Failure> {
    let api = connect(server)?;
    let mut requests = [Value::Null, Value::Null];
    for (request, id) in requests.iter_mut().zip(ids) {
        let bundle = api.get(&format!("/api/backtest/bundle/{id}")).await?.json()?;
        *request = bundle["request"].clone();
    }
    let request = differences(&requests[0], &requests[1]);
    let pairs = pair(&[jobs(&api, ids[0]).await?, jobs(&api, ids[1]).await?]);
    let mut looked = Vec::new();
    for [first, second] in pairs.differing.iter().take(top) {
        let mut sides = [Value::Null, Value::Null];
        for (side, id) in sides.iter_mut().zip([first, second]) {
            *side = api.get(&format!("/api/backtest/job/{id}")).await?.json()?;
        }
        looked.push(sides);
    }
    if server.json {
        output::line(&document(&request, &pairs, &looked).to_string());
    } else {
        show(&request, &pairs, &looked);
    }
    Ok(())
}

/// Variant -> job id and outcome hash (empty where it has none).
type Jobs = BTreeMap<String, (String, String)>;

async fn jobs(api: &Server, id: &str) -> Result<Jobs, Failure> {
    let mut jobs = Jobs::new();
    let first = format!("/api/backtest/bundle/{id}/jobs?limit={PAGE}");
    let mut path = first.clone();
    loop {
        let page = api.get(&path).await?.json()?;
        for job in list(&page, "items") {
            let known = (text(job, "jobId").to_owned(), text(job, "outcomeHash").to_owned());
            jobs.insert(job["variant"].to_string(), known);
        }
        match page["next"].as_str() {
            Some(next) => path = format!("{first}&cursor={}", output::query_escaped(next)),
            None => return Ok(jobs),
        }
    }
}

fn pair([first, second]: &[Jobs; 2]) -> Pairs {
    let lacking = |a: &Jobs, b: &Jobs| a.keys().filter(|key| !b.contains_key(*key)).count() as u64;
    let mut pairs =
        Pairs { only: [lacking(first, second), lacking(second, first)], ..Pairs::default() };
    for (variant, (id, hash)) in first {
        let Some((other_id, other_hash)) = second.get(variant) else { continue };
        if hash.is_empty() || other_hash.is_empty() {
            pairs.unfinished += 1;
        } else if hash == other_hash {
            pairs.equal += 1;
        } else {
            pairs.differing.push([id.clone(), other_id.clone()]);
        }
    }
    pairs
}

/// Every leaf at which `first` and `second` differ, by its pointer.
fn differences(first: &Value, second: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    gather(first, second, &mut String::new(), &mut found);
    found
}

fn gather(first: &Value, second: &Value, pointer: &mut String, found: &mut Vec<Difference>) {
    let length = pointer.len();
    let mut step = |name: &str, first: &Value, second: &Value, pointer: &mut String| {
        pointer.push('/');
        pointer.push_str(name);
        gather(first, second, pointer, found);
        pointer.truncate(length);
    };
    match (first, second) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names {
                let side = |map: &serde_json::Map<String, Value>| {
                    map.get(name).cloned().unwrap_or_default()
                };
                step(name, &side(a), &side(b), pointer);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                let side = |items: &[Value]| items.get(index).cloned().unwrap_or_default();
                step(&index.to_string(), &side(a), &side(b), pointer);
            }
        }
        (a, b) if same(a, b) => {}
        (a, b) => {
            found.push(Difference { pointer: pointer.clone(), sides: [a.clone(), b.clone()] });
        }
    }
}

/// Whether two leaves are the same: `2` and `2.0` are.
fn same(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| value.as_f64().map(f64::to_bits);
    a == b || (a.is_number() && number(a) == number(b))
}

/// The place in order and the two sides of the first trade that is not the same in both jobs.
fn first_trade([first, second]: &[Value; 2]) -> Option<(usize, [Value; 2])> {
    let side = |job: &Value, index: usize| job["trades"].get(index).cloned().unwrap_or_default();
    let length = |job: &Value| job["trades"].as_array().map_or(0, Vec::len);
    (0..length(first).max(length(second)))
        .map(|index| (index + 1, [side(first, index), side(second, index)]))
        .find(|(_, [a, b])| !differences(a, b).is_empty())
}

/// Why two jobs of one variant may have other outcomes.
fn causes(jobs: &[Value; 2]) -> Vec<String> {
    let [first, second] = jobs;
    let mut causes: Vec<String> = Vec::new();
    let settings = differences(&first["config"], &second["config"]);
    causes.extend(settings.iter().take(NAMED).map(|it| {
        format!("{}: {} -> {}", it.pointer.trim_start_matches('/'), it.sides[0], it.sides[1])
    }));
    if settings.len() > NAMED {
        causes.push(format!("{} more settings", settings.len() - NAMED));
    }
    if first["dataHash"] != second["dataHash"] {
        causes.push("other candles".to_owned());
    }
    if first["engineVersion"] != second["engineVersion"] {
        let versions = [first, second].map(|job| text(job, "engineVersion").to_owned());
        causes.push(format!("engine {} -> {}", versions[0], versions[1]));
    }
    causes
}

fn document(request: &[Difference], pairs: &Pairs, looked: &[[Value; 2]]) -> Value {
    let place = |it: &Difference| json!({"pointer": it.pointer, "first": it.sides[0], "second": it.sides[1]});
    let differing = looked.iter().map(|jobs| {
        let settings = differences(&jobs[0]["config"], &jobs[1]["config"]);
        let trade = first_trade(jobs).map(|(number, [first, second])| {
            json!({"number": number, "first": first, "second": second})
        });
        json!({
            "variant": jobs[0]["variant"],
            "first": jobs[0]["jobId"],
            "second": jobs[1]["jobId"],
            "settings": settings.iter().map(place).collect::<Vec<_>>(),
            "dataHash": {"first": jobs[0]["dataHash"], "second": jobs[1]["dataHash"]},
            "engineVersion": {"first": jobs[0]["engineVersion"], "second": jobs[1]["engineVersion"]},
            "firstTrade": trade,
        })
    });
    json!({
        "request": request.iter().map(place).collect::<Vec<_>>(),
        "jobs": {
            "equal": pairs.equal,
            "differing": pairs.differing.len(),
            "unfinished": pairs.unfinished,
            "onlyFirst": pairs.only[0],
            "onlySecond": pairs.only[1],
        },
        "differing": differing.collect::<Vec<_>>(),
    })
}

fn show(request: &[Difference], pairs: &Pairs, looked: &[[Value; 2]]) {
    if request.is_empty() {
        output::line("the requests are the same");
    } else {
        let mut table = Table::new(&["request", "first", "second"]);
        for it in request {
            let [first, second] = &it.sides;
            table.row(vec![it.pointer.clone(), first.to_string(), second.to_string()]);
        }
        table.print();
    }
    output::line("");
    let mut table = Table::new(&["jobs", "count"]);
    for (name, count) in [
        ("same variant, same outcome", pairs.equal),
        ("same variant, other outcome", pairs.differing.len() as u64),
        ("same variant, no outcome on a side", pairs.unfinished),
        ("only in the first", pairs.only[0]),
        ("only in the second", pairs.only[1]),
    ] {
        table.row(vec![name.to_owned(), thousands(count)]);
    }
    table.print();
    if looked.is_empty() {
        return;
    }
    output::line("");
    let mut table = Table::new(&["variant", "first", "second", "why", "trade", "first", "second"]);
    for jobs in looked {
        let variant = &jobs[0]["variant"];
        let name =
            [text(variant, "ticker"), text(variant, "timeframe"), &choices(variant)].join(" ");
        let trade = first_trade(jobs);
        let side = |index: usize| trade.as_ref().map_or_else(String::new, |it| brief(&it.1[index]));
        let seq = |job: &Value| format!("#{}", job["seq"]);
        table.row(vec![
            name,
            seq(&jobs[0]),
            seq(&jobs[1]),
            causes(jobs).join(", "),
            trade.as_ref().map_or_else(|| "none".to_owned(), |(number, _)| number.to_string()),
            side(0),
            side(1),
        ]);
    }
    table.print();
    let more = pairs.differing.len() - looked.len();
    if more > 0 {
        output::note(&format!("{} more jobs differ; --top shows them", thousands(more as u64)));
    }
}

/// One trade in a cell.
fn brief(trade: &Value) -> String {
    if trade.is_null() {
        return "no such trade".to_owned();
    }
    format!(
        "{} {} at {} to {} at {}",
        text(trade, "side"),
        text(trade, "entryTime"),
        trade["entryPrice"],
        text(trade, "exitTime"),
        trade["exitPrice"]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_that_differ_are_named_by_their_pointers() {
        let first = json!({"a": 1, "b": [1, 2], "c": {"d": "x"}, "e": 2});
        let second = json!({"a": 1.0, "b": [1], "c": {"d": "y"}, "f": true});
        let found = differences(&first, &second);
        let pointers: Vec<&str> = found.iter().map(|it| it.pointer.as_str()).collect();
        assert_eq!(pointers, ["/b/1", "/c/d", "/e", "/f"]);
        assert_eq!(found[0].sides, [json!(2), Value::Null]);
        assert_eq!(differences(&first, &first), []);
    }

    #[test]
    fn jobs_are_paired_by_their_variant() {
        let job = |id: &str, hash: &str| (id.to_owned(), hash.to_owned());
        let first = Jobs::from([
            ("a".into(), job("1-0", "h")),
            ("b".into(), job("1-1", "h")),
            ("c".into(), job("1-2", "")),
            ("d".into(), job("1-3", "h")),
        ]);
        let second = Jobs::from([
            ("a".into(), job("2-0", "h")),
            ("b".into(), job("2-1", "i")),
            ("c".into(), job("2-2", "h")),
        ]);
        let expected = Pairs {
            equal: 1,
            unfinished: 1,
            only: [1, 0],
            differing: vec![["1-1".into(), "2-1".into()]],
        };
        assert_eq!(pair(&[first, second]), expected);
    }

    #[test]
    fn the_first_trade_that_is_not_the_same_is_found() {
        let job = |prices: &[f64]| json!({"trades": prices.iter().map(|price| json!({"exitPrice": price})).collect::<Vec<_>>()});
        let found = first_trade(&[job(&[1.0, 2.0, 3.0]), job(&[1.0, 2.5, 3.0])]);
        assert_eq!(found, Some((2, [json!({"exitPrice": 2.0}), json!({"exitPrice": 2.5})])));
        let longer = first_trade(&[job(&[1.0]), job(&[1.0, 2.0])]);
        assert_eq!(longer, Some((2, [Value::Null, json!({"exitPrice": 2.0})])));
        assert_eq!(first_trade(&[job(&[1.0]), job(&[1.0])]), None);
    }
}
