//! `backfleet bundle report --html`: a bundle as one HTML file, to keep, send or print.
//!
//! The file holds everything that it shows: style, figures as SVG, no script, nothing that a browser
//! would fetch. What it shows is what the public API said when it was written.

mod figures;
mod page;

use std::cmp::Reverse;
use std::path::Path;

use serde_json::Value;

use super::{Server, connect, list, number, text};
use crate::cli::ServerArgs;
use crate::failure::{Exit, Failure};
use crate::output;

/// Rows of the table of results.
const TOP: u32 = 25;
/// Points of the winner's equity.
const POINTS: u32 = 800;

/// What the API says of a bundle.
struct Facts {
    bundle: Value,
    honesty: Value,
    /// The best jobs by Sharpe ratio.
    results: Value,
    /// One grid, if the bundle has an axis to lay out.
    heatmap: Option<Value>,
    /// The best job's equity, if there is one and its candles are there.
    equity: Option<Value>,
    /// When the report was made.
    now: jiff::Timestamp,
    version: &'static str,
}

/// Writes the report of a bundle.
pub(crate) async fn run(id: &str, file: &Path, server: &ServerArgs) -> Result<(), Failure> {
    let facts = Facts::read(&connect(server)?, id).await?;
    let html = page::html(&facts);
    if file == Path::new("-") {
        return output::raw(html.as_bytes());
    }
    std::fs::write(file, &html).map_err(|error| {
        Failure::new(Exit::Failure, format!("cannot write {}: {error}", file.display()))
    })?;
    if server.json {
        let size = html.len();
        output::line(&serde_json::json!({"file": file, "bytes": size}).to_string());
    } else {
        let size = output::thousands(html.len() as u64 / 1_000);
        output::note(&format!("wrote {} ({size} kB)", file.display()));
    }
    Ok(())
}

impl Facts {
    async fn read(api: &Server, id: &str) -> Result<Facts, Failure> {
        let at = |rest: &str| format!("/api/backtest/bundle/{id}{rest}");
        let bundle = api.get(&at("")).await?.json()?;
        let honesty = api.get(&at("/honesty")).await?.json()?;
        let results = api.get(&at(&format!("/results?top={TOP}&sort=-sharpe"))).await?.json()?;
        let heatmap = match heatmap_query(&bundle) {
            Some(query) => Some(api.get(&at(&format!("/heatmap?{query}"))).await?.json()?),
            None => None,
        };
        let best = list(&results, "items").next().map(|row| text(row, "jobId").to_owned());
        let equity = match best {
            Some(job) => {
                let path = format!("/api/backtest/job/{job}/equity?points={POINTS}");
                Some(api.get(&path).await?.json()?)
            }
            None => None,
        };
        let version = env!("CARGO_PKG_VERSION");
        Ok(Facts {
            bundle,
            honesty,
            results,
            heatmap,
            equity,
            now: jiff::Timestamp::now(),
            version,
        })
    }
}

/// The query for a grid over the two longest axes, parameters first.
fn heatmap_query(bundle: &Value) -> Option<String> {
    let mut axes: Vec<(bool, u64, String)> = list(bundle, "axes")
        .filter_map(|axis| {
            let name = text(axis, "name").to_owned();
            let length = axis["count"].as_u64()?;
            let is_grid = length > 1 && name != "parameters";
            is_grid.then(|| (!name.starts_with("parameters."), length, name))
        })
        .collect();
    axes.sort_by_key(|(is_other, length, _)| (*is_other, Reverse(*length)));
    let mut names = axes.iter().map(|(_, _, name)| output::query_escaped(name));
    let x = names.next()?;
    let y = names.next().map(|y| format!("&y={y}")).unwrap_or_default();
    Some(format!("x={x}{y}&metric=sharpe&agg=best"))
}

/// The least and the greatest of `values`.
fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |ends, value| match ends {
        None => Some((value, value)),
        Some((least, most)) => Some((f64::min(least, value), f64::max(most, value))),
    })
}

/// The luck lines of the first panel, else of the first range.
fn luck(facts: &Facts) -> Option<(f64, f64)> {
    let panel = facts.honesty["panels"].get(0).map(|panel| &panel["luckBar"]);
    let bar = panel.filter(|bar| !bar.is_null()).or_else(|| facts.bundle["luckBar"].get(0))?;
    Some((number(bar, "expectedBest")?, number(bar, "line95")?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_grid_is_over_the_longest_parameters() {
        let axis = |name: &str, count: u32| json!({"name": name, "count": count});
        let bundle = json!({"axes": [
            axis("ticker", 9), axis("timeframe", 1), axis("parameters.fast", 3), axis("parameters.slow", 5)
        ]});
        let expected = "x=parameters.slow&y=parameters.fast&metric=sharpe&agg=best";
        assert_eq!(heatmap_query(&bundle).as_deref(), Some(expected));
        assert_eq!(heatmap_query(&json!({"axes": [axis("ticker", 1)]})), None);
        let one = json!({"axes": [axis("ticker", 2)]});
        assert_eq!(heatmap_query(&one).as_deref(), Some("x=ticker&metric=sharpe&agg=best"));
    }
}
