//! Results of a bundle as a table, CSV, Parquet or JSON.

use serde_json::Value;

use super::Server;
use crate::cli::ResultsForm;
use crate::failure::Failure;
use crate::output::{self, Table, query_escaped};

/// Which rows, in which order.
pub(crate) struct Query {
    pub(crate) top: u32,
    pub(crate) sort: String,
    pub(crate) rules: Vec<String>,
}

impl Query {
    fn path(&self, id: &str) -> String {
        let mut path = format!(
            "/api/backtest/bundle/{id}/results?top={}&sort={}",
            self.top,
            query_escaped(&self.sort)
        );
        for rule in &self.rules {
            path.push_str("&where=");
            path.push_str(&query_escaped(rule));
        }
        path
    }
}

/// Prints the rows in the form asked for.
pub(crate) async fn run(
    server: &Server,
    id: &str,
    query: &Query,
    form: ResultsForm,
) -> Result<(), Failure> {
    let path = query.path(id);
    match form {
        ResultsForm::Csv => raw(server, &path, "text/csv").await,
        ResultsForm::Ndjson => raw(server, &path, "application/x-ndjson").await,
        ResultsForm::Parquet => raw(server, &path, "application/vnd.apache.parquet").await,
        ResultsForm::Json => {
            output::line(&server.get(&path).await?.json()?.to_string());
            Ok(())
        }
        ResultsForm::Table => {
            let page = server.get(&path).await?.json()?;
            table(&page).print();
            Ok(())
        }
    }
}

/// The server's own bytes.
async fn raw(server: &Server, path: &str, media_type: &str) -> Result<(), Failure> {
    output::raw(&server.get_as(path, media_type).await?.body)
}

/// The best rows of a bundle by Sharpe, added to `table`.
pub(crate) async fn show_top(
    server: &Server,
    id: &str,
    name: &str,
    top: u32,
    table: &mut Table,
) -> Result<(), Failure> {
    let query = Query { top, sort: "-sharpe".to_owned(), rules: Vec::new() };
    let page = server.get(&query.path(id)).await?.json()?;
    for row in items(&page) {
        let mut cells = vec![name.to_owned()];
        cells.extend(cells_of(row));
        table.row(cells);
    }
    Ok(())
}

/// Annualised numbers of fewer days are marked.
const FEW_DAYS: i64 = 30;

/// Says what the star means.
pub(crate) const STAR: &str = "* fewer than 30 days: an annualised ratio says next to nothing";

/// Columns of a row, the bundle's name aside.
pub(crate) const COLUMNS: [&str; 8] =
    ["ticker", "tf", "variant", "sharpe", "return %", "drawdown %", "trades", "win %"];

fn table(page: &Value) -> Table {
    let mut columns = vec!["seq"];
    columns.extend(COLUMNS);
    let mut table = Table::new(&columns);
    for row in items(page) {
        let mut cells = vec![row.get("seq").map_or(String::new(), Value::to_string)];
        cells.extend(cells_of(row));
        table.row(cells);
    }
    table
}

fn items(page: &Value) -> impl Iterator<Item = &Value> {
    page.get("items").or(Some(page)).and_then(Value::as_array).into_iter().flatten()
}

fn cells_of(row: &Value) -> Vec<String> {
    let variant = row.get("variant").unwrap_or(row);
    let text = |key: &str| variant.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let metric =
        |key: &str| row.get("metrics").and_then(|all| all.get(key)).and_then(Value::as_f64);
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let hundred = |value: Option<f64>| value.map(|value| value * 100.0);
    vec![
        text("ticker"),
        text("timeframe"),
        choices(variant),
        ratio(metric("sharpe"), variant),
        number(hundred(metric("totalReturn")), 1),
        number(hundred(metric("maxDrawdown")), 1),
        number(metric("trades"), 0),
        number(hundred(metric("winRate")), 1),
    ]
}

/// A Sharpe ratio; one of fewer than 30 days has a star, because it says next to nothing.
fn ratio(value: Option<f64>, variant: &Value) -> String {
    let Some(value) = value else { return "-".to_owned() };
    let day = |key: &str| {
        let time = variant.get(key)?.as_str()?.parse::<jiff::Timestamp>().ok()?;
        Some(time.as_second() / 86_400)
    };
    let days = day("end").zip(day("start")).map(|(end, start)| end - start);
    let star = if days.is_some_and(|days| days < FEW_DAYS) { "*" } else { "" };
    if value.abs() < 100.0 { format!("{value:.2}{star}") } else { format!(">99{star}") }
}

/// Parameters and money management of a variant in one line.
pub(crate) fn choices(variant: &Value) -> String {
    let mut parts = Vec::new();
    for group in ["parameters", "moneyManagement"] {
        for (key, value) in variant.get(group).and_then(Value::as_object).into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            parts.push(format!("{key}={text}"));
        }
    }
    parts.join(" ")
}
