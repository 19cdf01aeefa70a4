//! Every indicator of the catalogue against values of an independent script
//! (`scripts/indicator_fixtures.py`), on series that are shipped.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use model::strategy::{Arg, Expr, IndicatorCall, IndicatorKind, Input, Price};
use model::{Calendar, Candle, Candles, Timeframe};
use serde_json::Value;

/// Relative.
const TOLERANCE: f64 = 1e-9;
/// A value nearer to 0 counts as this: rounding errors are of the size of prices.
const SMALL: f64 = 1e-3;

fn workspace(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn shipped(series: &str) -> (Candles, Timeframe) {
    let path = workspace(&format!("examples/candles/{series}.csv.gz"));
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let candles = text.lines().skip(1).map(|line| {
        let (time_ms, prices) = line.split_once(',').unwrap();
        let prices: Vec<f64> = prices.split(',').map(|price| price.parse().unwrap()).collect();
        let [open, high, low, close, volume] = prices[..] else { panic!("six fields in {line}") };
        Candle { open_time_ms: time_ms.parse().unwrap(), open, high, low, close, volume }
    });
    let timeframe = series.rsplit('-').next().unwrap();
    (candles.collect(), timeframe.parse().unwrap())
}

/// A call of the fixtures: `{series, name, args, output}`.
fn expr(call: &Value) -> Expr {
    let kind = IndicatorKind::from_name(call["name"].as_str().unwrap()).unwrap();
    let args = call["args"].as_array().unwrap();
    assert_eq!(args.len(), kind.info().args.len(), "{call}");
    let args = args.iter().map(|arg| Arg::Number(arg.as_f64().unwrap())).collect();
    let of = (kind.info().input == Input::Column).then_some(Expr::Price(Price::Close));
    let output = usize::try_from(call["output"].as_u64().unwrap()).unwrap();
    Expr::Indicator(Box::new(IndicatorCall { kind, of, args, output }))
}

fn agree(actual: f64, expected: &Value) -> bool {
    expected.as_f64().map_or(actual.is_nan(), |expected| {
        (actual - expected).abs() <= TOLERANCE * expected.abs().max(SMALL)
    })
}

#[track_caller]
fn check(column: &[f64], fixture: &Value) {
    let call = format!("{}{} output {}", fixture["name"], fixture["args"], fixture["output"]);
    let first = column.iter().position(|value| !value.is_nan());
    assert_eq!(first.map(|row| row as u64), fixture["first"].as_u64(), "{call}: first row");
    let (head, tail) = (fixture["head"].as_array().unwrap(), fixture["tail"].as_array().unwrap());
    let ends = [(first.unwrap_or(0), head), (column.len() - tail.len(), tail)];
    for (start, expected) in ends {
        for (row, expected) in (start..).zip(expected) {
            assert!(agree(column[row], expected), "{call} row {row}: {} {expected}", column[row]);
        }
    }
    let defined: Vec<f64> = column.iter().copied().filter(|value| !value.is_nan()).collect();
    assert_eq!(Some(defined.len() as u64), fixture["defined"].as_u64(), "{call}: defined rows");
    // Errors of terms that cancel in the sum count against the terms.
    let size = defined.iter().map(|value| value.abs()).sum::<f64>().max(SMALL);
    let error = defined.iter().sum::<f64>() - fixture["sum"].as_f64().unwrap();
    assert!(error.abs() <= TOLERANCE * size, "{call}: the sum is {error} off");
}

#[test]
fn every_indicator_agrees_with_the_independent_script() {
    let text =
        std::fs::read_to_string(workspace("crates/engine/tests/fixtures/indicators.json")).unwrap();
    let fixtures: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut series = BTreeMap::new();
    for fixture in &fixtures {
        let name = fixture["series"].as_str().unwrap();
        let (candles, timeframe) = series.entry(name).or_insert_with(|| shipped(name));
        let column =
            engine::indicator(candles.as_slice(), *timeframe, &Calendar::EveryDay, &expr(fixture));
        check(&column.unwrap(), fixture);
    }
    for kind in IndicatorKind::ALL {
        for output in 0..kind.info().outputs.len() {
            let is_this = |fixture: &&Value| {
                fixture["name"] == kind.info().name && fixture["output"] == output
            };
            assert!(fixtures.iter().any(|fixture| is_this(&fixture)), "{kind:?} {output}");
        }
    }
}

#[test]
fn the_page_has_a_line_for_every_indicator_with_its_arguments_and_outputs() {
    let page = std::fs::read_to_string(workspace("docs/concepts/indicators.md")).unwrap();
    for kind in IndicatorKind::ALL {
        let info = kind.info();
        let of = (info.input == Input::Column).then_some("of");
        let names: Vec<&str> = of.into_iter().chain(info.args.iter().map(|arg| arg.name)).collect();
        let call = format!("| `{}({})` ", info.name, names.join(", "));
        let outputs: Vec<String> =
            info.outputs.iter().map(|output| format!(".{}", output.name)).collect();
        let outputs = match &outputs[..] {
            [_] => String::new(),
            _ => format!("`{}` ", outputs.join(" ")),
        };
        assert!(page.contains(&format!("{call}{outputs}|")), "{call}{outputs}|");
    }
}

#[test]
fn what_needs_an_account_or_other_candles_is_refused() {
    let (candles, timeframe) = shipped("us_GOOG-1d");
    let refused = |expr: &Expr| {
        let column = engine::indicator(candles.as_slice(), timeframe, &Calendar::EveryDay, expr);
        column.unwrap_err().to_string()
    };
    let scope = |tf: Option<&str>, ticker: Option<&str>| Expr::Scope {
        tf: tf.map(|tf| tf.parse().unwrap()),
        ticker: ticker.map(str::to_owned),
        of: Box::new(Expr::Price(Price::Close)),
    };
    assert_eq!(
        refused(&scope(None, Some("MSFT"))),
        "cannot run this strategy: ticker in a number that stands alone is not supported"
    );
    assert_eq!(
        refused(&scope(Some("1h"), None)),
        "cannot run this strategy: candles of 1h are not made of whole candles of 1d"
    );
    let open_profit = Expr::Position(model::strategy::PositionField::OpenPnlPct);
    assert!(refused(&open_profit).contains("openPnlPct"));
}
