//! `backfleet bundle honesty`: the verdict in one sentence, and the numbers behind it.

use serde_json::Value;

use super::{connect, count, day, decimal, list, number, share, text};
use crate::cli::ServerArgs;
use crate::failure::Failure;
use crate::output::{self, Table, thousands};

/// Prints what the server says of a bundle.
pub(crate) async fn run(id: &str, server: &ServerArgs) -> Result<(), Failure> {
    let path = format!("/api/backtest/bundle/{id}/honesty");
    let answer = connect(server)?.get(&path).await?.json()?;
    if server.json {
        output::line(&answer.to_string());
        return Ok(());
    }
    output::line(text(&answer, "sentence"));
    let pending = count(&answer, "pending");
    if pending > 0 {
        let text = format!("{} jobs are still to come: the winner may change", thousands(pending));
        output::note(&text);
    }
    let panels: Vec<&Value> = list(&answer, "panels").collect();
    for panel in &panels {
        output::line("");
        let (start, end) = (day(text(panel, "start")), day(text(panel, "end")));
        output::line(&format!("{start} to {end}, {}", text(panel, "calendar")));
        if panels.len() > 1 {
            output::line(text(panel, "sentence"));
        }
        table(panel, count(&answer, "evaluated")).print();
        for warning in list(panel, "warnings") {
            output::note(&format!("{}: {}", text(warning, "severity"), text(warning, "text")));
        }
    }
    Ok(())
}

/// Measures of a panel, as rows.
pub(crate) fn measures(panel: &Value, evaluated: u64) -> Vec<(&'static str, String)> {
    let part = |part: &str, key: &str| panel.get(part).and_then(|part| number(part, key));
    let winner = panel.get("winner").filter(|winner| !winner.is_null());
    let region = panel.get("bestByPlateau").filter(|region| !region.is_null());
    vec![
        (
            "winner",
            winner.map_or_else(|| "-".to_owned(), |winner| text(winner, "jobId").to_owned()),
        ),
        ("its Sharpe ratio", decimal(part("winner", "sharpe"), 2)),
        ("its trades", winner.map_or_else(|| "-".to_owned(), |it| thousands(count(it, "trades")))),
        ("N, variants evaluated", thousands(evaluated)),
        ("N_eff, without what correlates", decimal(number(panel, "effectiveVariants"), 1)),
        ("expected best of N by luck", decimal(part("luckBar", "expectedBest"), 2)),
        ("95 % line of luck", decimal(part("luckBar", "line95"), 2)),
        ("PSR(0)^N, N without skill stay below it", share(part("judgement", "beatsAll"))),
        ("the same, less the market's part", share(part("judgement", "beatsAllWithoutMarket"))),
        ("DSR, deflated Sharpe ratio, of N", share(number(panel, "dsr"))),
        ("DSR, of N_eff", share(number(panel, "dsrEffective"))),
        ("PSR(0), Sharpe ratio above 0, alone", share(number(panel, "psr"))),
        ("MinTRL, days needed, alone", decimal(number(panel, "minTrl"), 0)),
        ("days there are", thousands(count(panel, "days"))),
        ("PBO, probability of overfitting", share(part("pbo", "pbo"))),
        ("slope, out of sample on in sample", decimal(part("pbo", "slope"), 2)),
        ("plateau of the winner", share(number(panel, "plateau"))),
        (
            "best by plateau",
            region.map_or_else(|| "-".to_owned(), |region| text(region, "jobId").to_owned()),
        ),
    ]
}

fn table(panel: &Value, evaluated: u64) -> Table {
    let mut table = Table::new(&["measure", "value"]);
    for (name, value) in measures(panel, evaluated) {
        table.row(vec![name.to_owned(), value]);
    }
    table
}
