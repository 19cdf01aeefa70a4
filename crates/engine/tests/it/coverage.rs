//! Everything that can be asked for is run, or refused in the same words by model and engine.

use std::sync::Arc;

use engine::{Error, Extras, Input as Read, Run, run_batch};
use model::strategy::{
    Arg, ClockField, CompareOp, Cond, Expr, IndicatorCall, IndicatorKind, Input, MathOp,
    OutputKind, PositionField, Price, Signals, WindowOp,
};
use model::{FillReason, HigherTimeframe, Timeframe};

use crate::drawn::{Drawn, Unwatched, compare, number};
use crate::properties::{crossing, wild};

/// Every call of the catalogue with its default arguments, one for each output.
fn calls() -> Vec<(IndicatorCall, OutputKind)> {
    let mut calls = Vec::new();
    for kind in IndicatorKind::ALL {
        let info = kind.info();
        let value = |default: Option<f64>| Arg::Number(default.unwrap_or(20.0));
        let args: Vec<Arg> = info.args.iter().map(|arg| value(arg.default)).collect();
        let of = (info.input == Input::Column).then_some(Expr::Price(Price::Close));
        for (output, output_info) in info.outputs.iter().enumerate() {
            let call = IndicatorCall { kind, of: of.clone(), args: args.clone(), output };
            calls.push((call, output_info.kind));
        }
    }
    calls
}

fn any_number() -> Expr {
    Expr::Price(Price::Close)
}

fn any_condition() -> Cond {
    compare(CompareOp::Gt, any_number(), number(100.0))
}

fn numbers() -> Vec<Expr> {
    let of = || Box::new(any_number());
    let n = || Arg::Number(3.0);
    let mut numbers = vec![
        number(1.0),
        Expr::Abs(of()),
        Expr::If {
            condition: Box::new(any_condition()),
            then: of(),
            otherwise: Box::new(number(1.0)),
        },
        Expr::Window { op: WindowOp::Sum, of: of(), n: n() },
        Expr::Window { op: WindowOp::PercentRank, of: of(), n: n() },
        Expr::Prev { of: of(), n: n() },
        Expr::BarsSince(Box::new(any_condition())),
        Expr::ValueWhen { condition: Box::new(any_condition()), of: of() },
        Expr::CountTrue { condition: Box::new(any_condition()), n: n() },
        Expr::Scope {
            tf: Timeframe::from_minutes(5).map(HigherTimeframe::Fixed),
            ticker: None,
            of: of(),
        },
        Expr::Scope { tf: None, ticker: Some("OTHER".to_owned()), of: of() },
    ];
    numbers.extend(Price::ALL.map(Expr::Price));
    for field in ClockField::ALL {
        for tz in [None, Some("Europe/Zurich".to_owned())] {
            numbers.push(Expr::Clock { field, tz });
        }
    }
    for op in [MathOp::Add, MathOp::Sub, MathOp::Mul, MathOp::Div, MathOp::Min, MathOp::Max] {
        numbers.push(Expr::Math { op, args: vec![any_number(), number(2.0)] });
    }
    numbers.extend(PositionField::ALL.map(Expr::Position));
    let with_number = calls().into_iter().filter(|(_, kind)| *kind == OutputKind::Number);
    numbers.extend(with_number.map(|(call, _)| Expr::Indicator(Box::new(call))));
    numbers
}

fn conditions() -> Vec<Cond> {
    let (left, right) = (any_number, || number(100.0));
    let n = || Arg::Number(3.0);
    let mut conditions = vec![
        Cond::Constant(true),
        Cond::CrossUp { left: left(), right: right() },
        Cond::CrossDown { left: left(), right: right() },
        Cond::LastExitIs(FillReason::Signal),
        Cond::All(vec![any_condition()]),
        Cond::Any(vec![any_condition()]),
        Cond::Not(Box::new(any_condition())),
        Cond::Within(Box::new(any_condition()), n()),
        Cond::Held(Box::new(any_condition()), n()),
        Cond::Rising(left(), n()),
        Cond::Falling(left(), n()),
        Cond::Scope {
            tf: Timeframe::from_minutes(5).map(HigherTimeframe::Fixed),
            ticker: None,
            of: Box::new(any_condition()),
        },
        Cond::Scope { tf: None, ticker: Some("OTHER".to_owned()), of: Box::new(any_condition()) },
    ];
    for op in
        [CompareOp::Lt, CompareOp::Le, CompareOp::Gt, CompareOp::Ge, CompareOp::Eq, CompareOp::Ne]
    {
        conditions.push(compare(op, left(), right()));
    }
    conditions.extend(numbers().into_iter().map(|left| compare(CompareOp::Gt, left, number(0.0))));
    let flags = calls().into_iter().filter(|(_, kind)| *kind == OutputKind::Bool);
    conditions.extend(flags.map(|(call, _)| Cond::Is(Box::new(call))));
    let negated: Vec<Cond> =
        conditions.iter().cloned().map(|cond| Cond::Not(Box::new(cond))).collect();
    conditions.extend(negated);
    conditions
}

fn with_signals(case: &Drawn, signals: Signals) -> Drawn {
    case.clone().with(|spec| spec.signals = Arc::new(signals))
}

/// Runs `case` where its own candles are those of the ticker `OTHER`, too.
fn with_itself_as_other(case: &Drawn) -> Result<Run, Error> {
    let others = [("OTHER", case.candles.as_slice())];
    let extras = Extras { others: &others, ..Extras::default() };
    run_batch(&Read { extras, ..case.input() }, &[&case.spec], &Unwatched).remove(0)
}

#[test]
fn every_condition_is_run_or_refused_by_both_as_entry_and_as_exit() {
    let case = crossing(wild(5, 600), 5.0, 20.0);
    let (mut run, mut refused) = (0, 0);
    for cond in conditions() {
        let entry = Signals { long: Some(cond.clone()), ..Signals::default() };
        let exit = Signals { exit_long: Some(cond.clone()), ..(*case.spec.signals).clone() };
        for asked in [with_signals(&case, entry), with_signals(&case, exit)] {
            let features = model::support::unsupported(&asked.spec);
            match with_itself_as_other(&asked) {
                Ok(_) => {
                    assert_eq!(features, Vec::<String>::new(), "{cond:?}");
                    run += 1;
                }
                Err(error) => {
                    assert_eq!(
                        error,
                        Error::Unsupported { features: features.clone() },
                        "{cond:?}"
                    );
                    let known = ["in an entry", "in an exit", "lastExitReason"];
                    assert!(
                        features.iter().all(|text| known.iter().any(|word| text.contains(word)))
                    );
                    refused += 1;
                }
            }
        }
    }
    assert!(run > 400 && refused > 0, "{run} run, {refused} refused");
}
