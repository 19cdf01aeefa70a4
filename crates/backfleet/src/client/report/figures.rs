//! The figures of a report, as SVG. Colours come from the page's style, but for the scale of the
//! heat-map.

use std::fmt::Write;

use serde_json::Value;

use super::super::{decimal, list, number, text};
use super::ends;
use super::page::escaped;
use crate::output::thousands;

/// Viridis: dark to bright, in order in grey and for colour-blind eyes.
const SCALE: [[f64; 3]; 9] = [
    [68.0, 1.0, 84.0],
    [71.0, 44.0, 122.0],
    [59.0, 81.0, 139.0],
    [44.0, 113.0, 142.0],
    [33.0, 144.0, 141.0],
    [39.0, 173.0, 129.0],
    [92.0, 200.0, 99.0],
    [170.0, 220.0, 50.0],
    [253.0, 231.0, 37.0],
];

/// The colour at `share` of the scale, and the ink that reads on it.
fn colour(share: f64) -> (String, &'static str) {
    let at = share.clamp(0.0, 1.0) * (SCALE.len() - 1) as f64;
    let (low, part) = (at.floor().min((SCALE.len() - 2) as f64), at - at.floor());
    let part = if at >= (SCALE.len() - 1) as f64 { 1.0 } else { part };
    let index = SCALE.iter().enumerate().take_while(|(index, _)| *index as f64 <= low).count() - 1;
    let mix = |channel: usize| {
        let (a, b) = (SCALE[index][channel], SCALE[index + 1][channel]);
        (a + (b - a) * part).round()
    };
    let (red, green, blue) = (mix(0), mix(1), mix(2));
    let ink = if 0.3 * red + 0.59 * green + 0.11 * blue > 140.0 { "#0b1116" } else { "#ffffff" };
    (format!("rgb({red} {green} {blue})"), ink)
}

/// A grid of cells with its labels; cells above `line` have a frame.
pub(super) fn heatmap(map: &Value, line: Option<f64>) -> Option<String> {
    let columns: Vec<String> = list(&map["x"], "values").map(label).collect();
    let mut rows: Vec<String> = list(&map["y"], "values").map(label).collect();
    if rows.is_empty() {
        rows.push(String::new());
    }
    let cells: Vec<&Value> = list(map, "cells").collect();
    let value = |cell: &Value| number(cell, "value");
    let (least, most) = ends(cells.iter().filter_map(|cell| value(cell)))?;
    let width = (860.0 / columns.len() as f64).clamp(3.0, 64.0);
    let height = (420.0 / rows.len() as f64).clamp(3.0, 28.0);
    let longest = rows.iter().map(|row| row.chars().count()).max().unwrap_or(0).min(28);
    let left = if rows.len() > 1 { longest as f64 * 6.4 + 12.0 } else { 0.0 };
    let (total_width, foot) = (left + width * columns.len() as f64, height * rows.len() as f64);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {:.0} {:.0}\" style=\"max-width:{:.0}px\" role=\"img\" \
         aria-label=\"Sharpe ratio over {} and {}\">",
        total_width + 2.0,
        foot + 42.0,
        total_width + 2.0,
        escaped(text(&map["x"], "name")),
        escaped(text(&map["y"], "name")),
    );
    let look = Look { width, height, ends: (least, most), line };
    for (index, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_null()) {
        let (row, column) = (index / columns.len(), index % columns.len());
        let place = (left + column as f64 * width, row as f64 * height);
        let title = format!("{} / {}", rows.get(row).map_or("", String::as_str), columns[column]);
        look.cell(place, &title, value(cell), &mut svg);
    }
    let every = |size: f64, room: f64| (room / size).ceil().max(1.0);
    for (index, row) in rows.iter().enumerate() {
        if (index as f64 % every(height, 13.0)).abs() < 0.5 && rows.len() > 1 {
            let row: String = row.chars().take(28).collect();
            let y = (index as f64 + 0.5) * height + 4.0;
            let _ = write!(
                svg,
                "<text class=\"label\" x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
                left - 6.0,
                escaped(&row),
            );
        }
    }
    let widest = columns.iter().map(|name| name.chars().count()).max().unwrap_or(1) as f64;
    for (index, column) in columns.iter().enumerate() {
        if (index as f64 % every(width, widest * 7.0 + 6.0)).abs() < 0.5 {
            let x = left + (index as f64 + 0.5) * width;
            let _ = write!(
                svg,
                "<text class=\"label\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                foot + 15.0,
                escaped(column),
            );
        }
    }
    let _ = write!(
        svg,
        "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{} \u{2192}</text></svg>",
        total_width,
        foot + 34.0,
        escaped(text(&map["x"], "name").trim_start_matches("parameters.")),
    );
    let (low, high) = (format!("{least:.2}"), format!("{most:.2}"));
    let stops = SCALE.iter().fold(String::new(), |mut stops, [red, green, blue]| {
        let _ = write!(stops, ",rgb({red} {green} {blue})");
        stops
    });
    let _ = write!(
        svg,
        "<div class=\"scale\"><span>{low}</span>\
         <i style=\"background:linear-gradient(90deg{stops})\"></i><span>{high}</span></div>"
    );
    Some(svg)
}

/// How the cells of a grid look.
struct Look {
    width: f64,
    height: f64,
    /// Least and greatest value.
    ends: (f64, f64),
    /// Cells above it have a frame.
    line: Option<f64>,
}

impl Look {
    /// One cell, its text where there is room for it.
    fn cell(&self, (x, y): (f64, f64), title: &str, value: Option<f64>, svg: &mut String) {
        let (least, most) = self.ends;
        let (fill, ink, shown) = match value {
            Some(value) => {
                let share = if most > least { (value - least) / (most - least) } else { 0.5 };
                let (fill, ink) = colour(share);
                (fill, ink, format!("{value:.2}"))
            }
            None => ("var(--sunken)".to_owned(), "var(--muted)", "\u{2013}".to_owned()),
        };
        let is_above = value.zip(self.line).is_some_and(|(value, line)| value > line);
        let frame =
            if is_above { format!(" stroke=\"{ink}\" stroke-width=\"2\"") } else { String::new() };
        let _ = write!(
            svg,
            "<g><title>{}: {shown}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" \
             height=\"{:.1}\" fill=\"{fill}\"{frame}/>",
            escaped(title),
            x + 0.5,
            y + 0.5,
            (self.width - 1.0).max(1.0),
            (self.height - 1.0).max(1.0),
        );
        if self.width >= 30.0 && self.height >= 16.0 {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{ink}\">{shown}</text>",
                x + self.width / 2.0,
                y + self.height / 2.0 + 4.0,
            );
        }
        svg.push_str("</g>");
    }
}

fn label(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) if fields.is_empty() => "base".to_owned(),
        Value::Object(fields) => {
            let part = |(key, value): (&String, &Value)| {
                format!("{key} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            };
            fields.iter().map(part).collect::<Vec<_>>().join(", ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    }
}

/// The two lines of luck on an axis of Sharpe ratios, and the best one.
pub(super) fn luck((expected, line): (f64, f64), best: Option<f64>) -> String {
    let (start, end) =
        (best.unwrap_or(0.0).min(0.0), best.unwrap_or(0.0).max(line).max(0.5) * 1.15);
    let at = |value: f64| 10.0 + (value - start) / (end - start) * 580.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 600 84\" style=\"max-width:640px\" role=\"img\" aria-label=\"luck's expected \
         best {expected:.2}, 95 % line {line:.2}, the best here {}\">\
         <rect x=\"{:.1}\" y=\"30\" width=\"{:.1}\" height=\"12\" fill=\"var(--strong)\"/>\
         <rect x=\"{:.1}\" y=\"30\" width=\"{:.1}\" height=\"12\" fill=\"var(--line)\"/>\
         <rect x=\"{:.1}\" y=\"30\" width=\"{:.1}\" height=\"12\" fill=\"var(--soft)\"/>",
        decimal(best, 2),
        at(start),
        at(expected) - at(start),
        at(expected),
        at(line) - at(expected),
        at(line),
        at(end) - at(line),
    );
    for (value, y, words) in
        [(expected, 60.0, "luck's expected best"), (line, 76.0, "95 % line of luck")]
    {
        let _ = write!(
            svg,
            "<path d=\"M{x:.1} 26V46\" stroke=\"var(--text)\" stroke-width=\"2\"/>\
             <text class=\"label\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"end\">{words} {value:.2}</text>",
            x = at(value),
        );
    }
    if let Some(best) = best {
        let anchor = if at(best) > 500.0 { "end" } else { "middle" };
        let _ = write!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"36\" r=\"7\" fill=\"var(--accent)\" stroke=\"var(--paper)\" \
             stroke-width=\"2\"/><text x=\"{x:.1}\" y=\"18\" text-anchor=\"{anchor}\" \
             font-weight=\"600\" fill=\"var(--text)\">the best here {best:.2}</text>",
            x = at(best),
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Equity over time, with the running peak's fall below it.
pub(super) fn equity(curve: &Value) -> Option<String> {
    let points: Vec<f64> = list(curve, "items").filter_map(|it| number(it, "equity")).collect();
    let (least, most) = ends(points.iter().copied().chain(number(curve, "initial")))?;
    if points.len() < 2 || most <= least {
        return None;
    }
    // The numbers of the axis stand left of the curve.
    let (left, width, height) = (84.0, 900.0 - 84.0, 220.0);
    let x = |index: usize| left + index as f64 / (points.len() - 1) as f64 * width;
    let y = |value: f64| 6.0 + (most - value) / (most - least) * (height - 12.0);
    let mut path = String::new();
    for (index, value) in points.iter().enumerate() {
        let step = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{step}{:.1} {:.1}", x(index), y(*value));
    }
    let time = |it: Option<&Value>| {
        it.map_or_else(String::new, |it| text(it, "time").chars().take(10).collect::<String>())
    };
    let first = time(list(curve, "items").next());
    let last = time(list(curve, "items").last());
    let start = number(curve, "initial").unwrap_or(points[0]);
    let mut axis = String::new();
    let mut taken: Vec<f64> = Vec::new();
    for value in [start, most, least] {
        let at = y(value);
        if taken.iter().any(|other| (other - at).abs() < 16.0) {
            continue;
        }
        taken.push(at);
        let _ = write!(
            axis,
            "<text class=\"label\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 8.0,
            at + 4.0,
            whole(value)
        );
    }
    Some(format!(
        "<svg viewBox=\"0 0 900 244\" role=\"img\" aria-label=\"equity from {first} to {last}\">\
         {axis}<path d=\"M{left} {base:.1}H900\" stroke=\"var(--strong)\" stroke-dasharray=\"4 4\"/>\
         <path d=\"{path}\" fill=\"none\" stroke=\"var(--accent)\" stroke-width=\"2\" \
         stroke-linejoin=\"round\"/>\
         <text class=\"label\" x=\"{left}\" y=\"240\">{first}</text>\
         <text class=\"label\" x=\"900\" y=\"240\" text-anchor=\"end\">{last}</text></svg>",
        base = y(start),
    ))
}

/// A number without a fraction, its thousands set apart.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, not below 0")]
fn whole(value: f64) -> String {
    let sign = if value <= -0.5 { "-" } else { "" };
    format!("{sign}{}", thousands(value.abs().round() as u64))
}

/// Logits of the in-sample winners' ranks out of sample.
pub(super) fn logits(pbo: &Value) -> Option<String> {
    let counts: Vec<f64> = list(&pbo["logits"], "counts").filter_map(Value::as_f64).collect();
    let most = counts.iter().copied().fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let width = 600.0 / counts.len() as f64;
    let mut svg = "<svg viewBox=\"0 0 600 130\" style=\"max-width:640px\" role=\"img\" \
                   aria-label=\"histogram of logits\">"
        .to_owned();
    for (index, count) in counts.iter().enumerate() {
        let height = count / most * 100.0;
        let is_lower = index * 2 < counts.len();
        let fill = if is_lower { "var(--warm)" } else { "var(--accent)" };
        let _ = write!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>",
            index as f64 * width + 0.5,
            106.0 - height,
            (width - 1.0).max(0.5),
        );
    }
    svg.push_str(
        "<path d=\"M0 106H600M300 0V106\" stroke=\"var(--strong)\"/>\
         <text class=\"label\" x=\"294\" y=\"122\" text-anchor=\"end\">\u{2190} lower half: overfit</text>\
         <text class=\"label\" x=\"306\" y=\"122\">upper half \u{2192}</text></svg>",
    );
    Some(svg)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_scale_runs_from_dark_to_bright() {
        assert_eq!(colour(0.0), ("rgb(68 1 84)".to_owned(), "#ffffff"));
        assert_eq!(colour(1.0), ("rgb(253 231 37)".to_owned(), "#0b1116"));
        assert_eq!(colour(0.5).0, "rgb(33 144 141)");
        assert_eq!(colour(9.0), colour(1.0));
    }

    #[test]
    fn figures_of_nothing_are_none() {
        assert_eq!(heatmap(&json!({"x": {"values": [1]}, "cells": [null]}), None), None);
        assert_eq!(equity(&json!({"items": [], "initial": 1})), None);
        assert_eq!(logits(&json!({"logits": {"counts": [0, 0]}})), None);
    }
}
