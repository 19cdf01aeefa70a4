//! `GET /api/strategies`: the language of strategies, read from the tables of `model`.

use axum::Json;
use axum::extract::Path;
use model::fault;
use model::strategy::{
    ArgKind, ClockField, IndicatorInfo, IndicatorKind, Input, MAX_DEPTH, MAX_NODES, NamedSignal,
    OutputKind, PositionField, Price, SignalCase, SignalDefault, SignalForm, SignalInfo,
    SignalKind, SignalValues,
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::code::Code;
use crate::operators::{OPERATORS, OperatorBody};
use crate::params::Params;
use crate::problem::{Problem, ProblemBody};

/// Version of the strategy schema, `strategy.schema` of a request.
const SCHEMA: u32 = 1;
/// The entry signal in examples of signals that start no trade.
const ENTRY: NamedSignal = NamedSignal::EmaCross;

/// The language of strategies.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LanguageBody {
    /// Version of the strategy schema.
    schema: u32,
    /// Named signals: `{"scenario": ["EmaCross"]}`.
    items: Vec<SignalBody>,
    /// Indicators: `{"ema": {"of": "close", "n": 20}}` or `ema(close, 20)`.
    indicators: Vec<IndicatorBody>,
    /// Operators.
    operators: Vec<OperatorBody>,
    /// Columns of a candle.
    prices: Vec<&'static str>,
    /// Parts of a candle's open time.
    clock: Vec<&'static str>,
    /// State of the account, for exits; `barsSinceExit` is for entries.
    position: Vec<&'static str>,
    /// Nodes of one strategy, names and named signals inlined.
    max_nodes: usize,
    /// Levels of nesting.
    max_depth: usize,
    /// Always null: there is one page.
    next: Option<String>,
}

/// A named signal: a macro over the composable form.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignalBody {
    /// Version of the strategy schema.
    schema: u32,
    /// Its name.
    #[schema(example = "EmaCross")]
    name: &'static str,
    /// What it does in a scenario: `entry`, `trend` or `context`.
    kind: &'static str,
    /// One sentence.
    summary: &'static str,
    /// Its arguments; each also takes `tf` and `ticker`.
    parameters: Vec<ParameterBody>,
    /// What it stands for; the first form whose case applies is meant.
    forms: Vec<FormBody>,
    /// A strategy that uses it with its defaults.
    #[schema(value_type = Object)]
    example: Value,
}

/// An argument of a named signal or indicator.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParameterBody {
    /// Its name.
    #[schema(example = "n")]
    name: &'static str,
    /// `int`, `float` or `choice`.
    kind: &'static str,
    /// Least value.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    /// Greatest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    /// The words it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<&'static str>>,
    /// Value where it is left out; null where it is required or what it adds is left out.
    default: Value,
    /// Whether it must be given.
    required: bool,
}

/// One form of a named signal.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FormBody {
    /// When it is meant: `otherwise`, `name is word` or `name is given`.
    case: String,
    /// What it does in a scenario.
    kind: &'static str,
    /// Its long side in the text form; `$name` is an argument.
    long: &'static str,
    /// Its short side.
    short: &'static str,
}

/// An indicator.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IndicatorBody {
    /// Its name.
    #[schema(example = "ema")]
    name: &'static str,
    /// One sentence.
    summary: &'static str,
    /// `column` (argument `of`, `close` by default) or `candles`.
    input: &'static str,
    /// Its arguments, in the order of the text form.
    parameters: Vec<ParameterBody>,
    /// Its outputs; the first is meant where none is named.
    outputs: Vec<OutputBody>,
}

/// An output of an indicator.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutputBody {
    /// Its name after the dot.
    name: &'static str,
    /// `number` or `bool`.
    kind: &'static str,
}

impl From<&'static SignalInfo> for SignalBody {
    fn from(info: &'static SignalInfo) -> SignalBody {
        let parameters = info.args.iter().map(|arg| {
            let (kind, min, max, choices) = match arg.values {
                SignalValues::Int(min, max) => ("int", Some(min), Some(max), None),
                SignalValues::Float(min, max) => ("float", Some(min), Some(max), None),
                SignalValues::Choice(words) => ("choice", None, None, Some(words.to_vec())),
            };
            let default = match arg.default {
                SignalDefault::Number(value) => number(value),
                SignalDefault::Word(word) => Value::from(word),
                SignalDefault::Off => Value::Null,
            };
            ParameterBody { name: arg.name, kind, min, max, choices, default, required: false }
        });
        SignalBody {
            schema: SCHEMA,
            name: info.name,
            kind: kind_name(info.kind),
            summary: info.summary,
            parameters: parameters.collect(),
            forms: info.forms.iter().map(FormBody::from).collect(),
            example: match info.kind {
                SignalKind::Entry => json!({"scenario": [info.name]}),
                SignalKind::Trend | SignalKind::Context => {
                    json!({"scenario": [ENTRY.info().name, info.name]})
                }
            },
        }
    }
}

impl From<&SignalForm> for FormBody {
    fn from(form: &SignalForm) -> FormBody {
        let case = match form.case {
            SignalCase::Otherwise => "otherwise".to_owned(),
            SignalCase::Is(name, word) => format!("{name} is {word}"),
            SignalCase::Given(name) => format!("{name} is given"),
        };
        FormBody { case, kind: kind_name(form.kind), long: form.long, short: form.short }
    }
}

impl From<&'static IndicatorInfo> for IndicatorBody {
    fn from(info: &'static IndicatorInfo) -> IndicatorBody {
        let parameters = info.args.iter().map(|arg| ParameterBody {
            name: arg.name,
            kind: match arg.kind {
                ArgKind::Int => "int",
                ArgKind::Float => "float",
            },
            min: Some(arg.min),
            max: Some(arg.max),
            choices: None,
            default: arg.default.map_or(Value::Null, number),
            required: arg.default.is_none(),
        });
        let outputs = info.outputs.iter().map(|output| OutputBody {
            name: output.name,
            kind: match output.kind {
                OutputKind::Number => "number",
                OutputKind::Bool => "bool",
            },
        });
        IndicatorBody {
            name: info.name,
            summary: info.summary,
            input: match info.input {
                Input::Column => "column",
                Input::Candles => "candles",
            },
            parameters: parameters.collect(),
            outputs: outputs.collect(),
        }
    }
}

/// Every named signal, indicator and operator: `what` it is, and the same JSON as in the API.
pub fn strategy_words() -> Vec<(&'static str, Value)> {
    fn word<T: Serialize>(what: &'static str, body: &T) -> (&'static str, Value) {
        (what, serde_json::to_value(body).expect("every name in it is text"))
    }
    let signals = NamedSignal::ALL.into_iter().map(|signal| SignalBody::from(signal.info()));
    let indicators = IndicatorKind::ALL.into_iter().map(|kind| IndicatorBody::from(kind.info()));
    signals
        .map(|signal| word("signal", &signal))
        .chain(indicators.map(|indicator| word("indicator", &indicator)))
        .chain(OPERATORS.iter().map(|operator| word("operator", operator)))
        .collect()
}

fn kind_name(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Entry => "entry",
        SignalKind::Trend => "trend",
        SignalKind::Context => "context",
    }
}

/// A number as JSON, whole ones without a point.
#[expect(clippy::cast_possible_truncation, reason = "whole and small, as checked")]
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

/// The language of strategies: named signals, indicators, operators, columns, limits.
#[utoipa::path(
    get,
    path = "/api/strategies",
    tag = "strategies",
    responses((status = 200, description = "The language", body = LanguageBody))
)]
pub(crate) async fn list_strategies(params: Params) -> Result<Json<LanguageBody>, Problem> {
    params.finish()?;
    Ok(Json(LanguageBody {
        schema: SCHEMA,
        items: NamedSignal::ALL.into_iter().map(|signal| signal.info().into()).collect(),
        indicators: IndicatorKind::ALL.into_iter().map(|kind| kind.info().into()).collect(),
        operators: OPERATORS.to_vec(),
        prices: Price::ALL.map(Price::name).to_vec(),
        clock: ClockField::ALL.map(ClockField::name).to_vec(),
        position: PositionField::ALL.map(PositionField::name).to_vec(),
        max_nodes: MAX_NODES,
        max_depth: MAX_DEPTH,
        next: None,
    }))
}

/// One named signal: its arguments with ranges and defaults, and what it stands for.
#[utoipa::path(
    get,
    path = "/api/strategies/{name}",
    tag = "strategies",
    params(("name" = String, Path, description = "Name of the signal, such as `EmaCross`")),
    responses(
        (status = 200, description = "The named signal", body = SignalBody),
        (status = 404, description = "`strategy_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_strategy(
    Path(name): Path<String>,
    params: Params,
) -> Result<Json<SignalBody>, Problem> {
    params.finish()?;
    if let Some(signal) = NamedSignal::from_name(&name) {
        return Ok(Json(signal.info().into()));
    }
    let names = || NamedSignal::ALL.into_iter().map(|signal| signal.info().name);
    let hint = match fault::nearest(&name, names()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
    };
    let name: String = name.chars().take(64).collect();
    let detail = format!("there is no named signal \"{name}\"; {hint}");
    Err(Problem::new(Code::StrategyNotFound, detail))
}
