//! Results of a bundle as a table, CSV or JSON.

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
        ResultsForm::Csv => {
            let answer = server.get_as(&path, "text/csv").await?;
            output::raw(&answer.body)
        }
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

/// Columns of a row, the bundle's name aside.
pub(crate) const COLUMNS: [&str; 9] =
    ["ticker", "tf", "variant", "sharpe", "return %", "drawdown %", "trades", "win %", "status"];

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
    let status = match row.get("error").and_then(|error| error.get("code")).and_then(Value::as_str)
    {
        Some(code) => code.to_owned(),
        None => row.get("status").and_then(Value::as_str).unwrap_or("").to_owned(),
    };
    vec![
        text("ticker"),
        text("timeframe"),
        choices(variant),
        number(metric("sharpe"), 2),
        number(hundred(metric("totalReturn")), 1),
        number(hundred(metric("maxDrawdown")), 1),
        number(metric("trades"), 0),
        number(hundred(metric("winRate")), 1),
        status,
    ]
}

/// Parameters and money management of a variant in one line.
fn choices(variant: &Value) -> String {
    let mut parts = Vec::new();
    for group in ["parameters", "moneyManagement"] {
        for (key, value) in variant.get(group).and_then(Value::as_object).into_iter().flatten() {
            parts.push(match value {
                Value::String(text) => format!("{key}={text}"),
                other => format!("{key}={other}"),
            });
        }
    }
    parts.join(" ")
}
