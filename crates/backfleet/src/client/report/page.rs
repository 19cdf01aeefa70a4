//! The page of a report.

use std::fmt::Write;

use serde_json::Value;

use super::super::honesty::measures;
use super::super::results::choices;
use super::super::{count, decimal, list, number, share, text};
use super::{Facts, figures, luck};
use crate::output::thousands;

const STYLE: &str = include_str!("style.css");

/// `text` as the text of an element or attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe
}

/// The whole document.
pub(super) fn html(facts: &Facts) -> String {
    let bundle = &facts.bundle;
    let id = text(bundle, "bundleRequestId");
    let name = match text(bundle, "name") {
        "" => format!("bundle {id}"),
        name => name.to_owned(),
    };
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"backfleet {}\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        facts.version,
        escaped(&name),
    );
    header(facts, &name, &mut html);
    verdict(facts, &mut html);
    if let Some(map) = &facts.heatmap
        && let Some(figure) = figures::heatmap(map, luck(facts).map(|(_, line)| line))
    {
        section("Sharpe ratio over the two longest axes", &mut html, |html| {
            html.push_str("<figure>");
            html.push_str(&figure);
            html.push_str(
                "<figcaption>Best of each cell over all other axes; a frame is above the 95 % line of \
                 luck.</figcaption></figure>",
            );
        });
    }
    results(facts, &mut html);
    winner(facts, &mut html);
    panels(facts, &mut html);
    failures(bundle, &mut html);
    request(facts, &mut html);
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn section(title: &str, html: &mut String, fill: impl FnOnce(&mut String)) {
    let _ = write!(html, "<section>\n<h2>{}</h2>\n", escaped(title));
    fill(html);
    html.push_str("\n</section>\n");
}

fn header(facts: &Facts, name: &str, html: &mut String) {
    let bundle = &facts.bundle;
    let _ = write!(
        html,
        "<header>\n<p class=\"kind\">Backtest report</p>\n<h1>{}</h1>\n",
        escaped(name)
    );
    let axes = list(bundle, "axes").filter(|axis| count(axis, "count") > 1);
    let axes: Vec<String> = axes
        .map(|axis| {
            let name = text(axis, "name").trim_start_matches("parameters.");
            format!("{} {}", thousands(count(axis, "count")), escaped(name))
        })
        .collect();
    let ranges: Vec<String> = list(&bundle["request"], "dateTimeRanges")
        .map(|range| format!("{} to {}", day(text(range, "start")), day(text(range, "end"))))
        .collect();
    let _ = write!(
        html,
        "<p class=\"facts\"><b>{}</b> {} of {} jobs{}</p>\n<p class=\"facts\">{}</p>\n",
        escaped(text(bundle, "status")),
        thousands(count(bundle, "completed")),
        thousands(count(bundle, "total")),
        if axes.is_empty() { String::new() } else { format!(" \u{b7} {}", axes.join(" \u{d7} ")) },
        escaped(&ranges.join(", ")),
    );
    html.push_str("</header>\n");
}

fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

fn best(facts: &Facts) -> Option<f64> {
    let panel = facts.honesty["panels"].get(0)?;
    number(&panel["winner"], "sharpe")
}

fn verdict(facts: &Facts, html: &mut String) {
    let _ = write!(
        html,
        "<section class=\"verdict\">\n<p>{}</p>\n",
        escaped(text(&facts.honesty, "sentence"))
    );
    if let Some(lines) = luck(facts) {
        html.push_str(&figures::luck(lines, best(facts)));
        let _ = write!(
            html,
            "<p class=\"note\">Annual Sharpe ratio that the best of {} variants without skill shows over \
             the same days.</p>",
            thousands(count(&facts.honesty, "evaluated")),
        );
    }
    html.push_str("</section>\n");
}

fn results(facts: &Facts, html: &mut String) {
    let rows: Vec<&Value> = list(&facts.results, "items").collect();
    if rows.is_empty() {
        return;
    }
    section("The best by Sharpe ratio", html, |html| {
        html.push_str("<div class=\"wide\"><table>\n<thead><tr>");
        for title in ["job", "ticker", "tf", "variant"] {
            let _ = write!(html, "<th>{title}</th>");
        }
        for title in ["Sharpe", "return", "drawdown", "trades", "win rate", "profit factor"] {
            let _ = write!(html, "<th class=\"n\">{title}</th>");
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in rows {
            let metric = |key: &str| number(&row["metrics"], key);
            let variant = &row["variant"];
            let _ = write!(html, "<tr><td>#{}</td>", row["seq"]);
            for cell in [text(variant, "ticker"), text(variant, "timeframe"), &choices(variant)] {
                let _ = write!(html, "<td>{}</td>", escaped(cell));
            }
            for cell in [
                decimal(metric("sharpe"), 2),
                share(metric("totalReturn")),
                share(metric("maxDrawdown")),
                decimal(metric("trades"), 0),
                share(metric("winRate")),
                decimal(metric("profitFactor"), 2),
            ] {
                let _ = write!(html, "<td class=\"n\">{cell}</td>");
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>\n</table></div>");
    });
}

fn winner(facts: &Facts, html: &mut String) {
    let Some(figure) = facts.equity.as_ref().and_then(figures::equity) else { return };
    let best = list(&facts.results, "items").next();
    let seq = best.map_or_else(String::new, |row| format!(" (#{})", row["seq"]));
    section(&format!("Equity of the best{seq}"), html, |html| html.push_str(&figure));
}

fn panels(facts: &Facts, html: &mut String) {
    for panel in list(&facts.honesty, "panels") {
        let (start, end) = (day(text(panel, "start")), day(text(panel, "end")));
        let title = format!("Honesty, {start} to {end}, {}", text(panel, "calendar"));
        section(&title, html, |html| {
            html.push_str("<div class=\"wide\"><table class=\"pairs\">\n<tbody>\n");
            for (name, value) in measures(panel, count(&facts.honesty, "evaluated")) {
                let (name, value) = (escaped(name), escaped(&value));
                let _ = writeln!(html, "<tr><th>{name}</th><td class=\"n\">{value}</td></tr>");
            }
            html.push_str("</tbody>\n</table></div>\n");
            if let Some(figure) = figures::logits(&panel["pbo"]) {
                let _ = write!(
                    html,
                    "<figure>{figure}<figcaption>Where the in-sample winner of each of {} splits ends out \
                     of sample.</figcaption></figure>",
                    thousands(count(&panel["pbo"], "splits")),
                );
            }
            let warnings: Vec<&Value> = list(panel, "warnings").collect();
            if !warnings.is_empty() {
                html.push_str("<ul class=\"warnings\">\n");
                for warning in warnings {
                    let (severity, text) = (text(warning, "severity"), text(warning, "text"));
                    let _ = writeln!(
                        html,
                        "<li class=\"{}\">{}</li>",
                        escaped(severity),
                        escaped(text)
                    );
                }
                html.push_str("</ul>");
            }
        });
    }
}

fn failures(bundle: &Value, html: &mut String) {
    let Some(causes) = bundle["failures"].as_object().filter(|causes| !causes.is_empty()) else {
        return;
    };
    section("Failures", html, |html| {
        html.push_str("<table class=\"pairs\">\n<tbody>\n");
        for (code, jobs) in causes {
            let jobs = thousands(jobs.as_u64().unwrap_or(0));
            let _ =
                writeln!(html, "<tr><th>{}</th><td class=\"n\">{jobs}</td></tr>", escaped(code));
        }
        html.push_str("</tbody>\n</table>");
    });
}

fn request(facts: &Facts, html: &mut String) {
    let bundle = &facts.bundle;
    let pretty = serde_json::to_string_pretty(&bundle["request"]).unwrap_or_default();
    section("To run it again", html, |html| {
        let _ = write!(
            html,
            "<details>\n<summary>The request</summary>\n<pre>{}</pre>\n</details>\n\
             <p class=\"note\">Save it as bundle.json; <code>backfleet bundle submit bundle.json</code> gives \
             the same outcomes on the same candles, on every machine.</p>\n\
             <p class=\"note\">Bundle <code>{}</code>, submitted {}, reported {} by Backfleet {}.</p>",
            escaped(&pretty),
            escaped(text(bundle, "bundleRequestId")),
            escaped(text(bundle, "createdAt")),
            facts.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            facts.version,
        );
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_of_a_request_cannot_become_markup() {
        let facts = Facts {
            bundle: json!({"name": "<script>alert('x')</script>", "bundleRequestId": "b",
                "request": {"name": "</pre><img src=//evil>"}}),
            honesty: json!({"sentence": "Nothing to judge."}),
            results: json!({"items": []}),
            heatmap: None,
            equity: None,
            now: jiff::Timestamp::UNIX_EPOCH,
            version: "0",
        };
        let html = html(&facts);
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        assert!(html.contains("&lt;script&gt;"));
    }

    #[test]
    fn the_style_asks_for_nothing() {
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
