//! Calls of indicators, and the arguments of calls in general.

use super::{Arguments, Context, Lower, Meaning, Scope, output};
use crate::strategy::params::{is_whole, listed, text};
use crate::strategy::syntax::{Form, Node, Place, did_you_mean, shortened};
use crate::strategy::{
    Arg, ArgKind, ClockField, Expr, IndicatorCall, IndicatorKind, Input, MAX_WINDOW, Price,
};
use crate::{HigherTimeframe, SYMBOL_RULE, TimeZoneName, is_symbol};

/// Values that an argument takes, both ends included.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub(super) kind: ArgKind,
    pub(super) min: f64,
    pub(super) max: f64,
}

/// Arguments in the order of their names; `None` where one is left out.
pub(super) type Slots<'n> = Vec<Option<&'n Node>>;

/// Arguments of a call by name.
struct Sorted<'n, const N: usize> {
    slots: Slots<'n>,
    /// Those that have names only.
    more: [Option<&'n Node>; N],
    /// Whether every argument has its slot; else faults were added.
    sound: bool,
}

/// Range of every window argument, in candles.
pub(super) const WINDOW: Range = Range { kind: ArgKind::Int, min: 1.0, max: MAX_WINDOW };

impl Lower<'_> {
    /// What a call of the indicator `kind` means.
    pub(super) fn indicator(
        &mut self,
        kind: IndicatorKind,
        call: Arguments<'_>,
        context: Context,
    ) -> Option<Meaning> {
        let info = kind.info();
        let arg_names = info.args.iter().map(|arg| arg.name);
        let names: Vec<&str> = match info.input {
            Input::Column => ["of"].into_iter().chain(arg_names).collect(),
            Input::Candles => arg_names.collect(),
        };
        let first = call.positional.first().map(|node| &node.form);
        // `ema(20)`: a number is no source, so the source was left out.
        let skips =
            info.input == Input::Column && matches!(first, Some(Form::Number(_) | Form::Param(_)));
        let order = if skips { &names[1..] } else { &names[..] };
        let (kind, sorted) = if kind == IndicatorKind::Ema {
            self.sort_seeded(call, &names, order)?
        } else {
            (kind, self.sort(call, &names, order, ["tf", "ticker", "output"])?)
        };
        let Sorted { mut slots, more: [tf, ticker, chosen], sound } = sorted;
        let of = match info.input {
            Input::Candles => Some(None),
            Input::Column => match slots.remove(0) {
                Some(node) => self.number(node, context.nested()).map(Some),
                None => Some(Some(Expr::Price(Price::Close))),
            },
        };
        let args: Vec<Option<Arg>> = info
            .args
            .iter()
            .zip(slots)
            .map(|(arg, slot)| match (slot, arg.default) {
                (Some(node), _) => {
                    let range = Range { kind: arg.kind, min: arg.min, max: arg.max };
                    self.arg(node, info.name, arg.name, range)
                }
                (None, Some(default)) => Some(Arg::Number(default)),
                // An unknown name may have been meant for it.
                (None, None) if !sound => None,
                (None, None) => {
                    let message = format!("\"{}\" needs \"{}\"", info.name, arg.name);
                    let hint = format!("its arguments are {}", names.join(", "));
                    self.fault(call.place, "missing_field", &message, Some(hint));
                    None
                }
            })
            .collect();
        let scope = self.scope_of(tf, ticker).filter(|_| sound);
        let chosen = match chosen {
            Some(node) => {
                let name = self.word(node, "output")?;
                Some(self.output_index(kind, name, &node.place)?)
            }
            None => None,
        };
        let args = args.into_iter().collect::<Option<Vec<Arg>>>()?;
        let call = IndicatorCall { kind, of: of?, args, output: chosen.unwrap_or(0) };
        let scope = scope?;
        Some(match chosen {
            Some(_) => output(scope, call),
            None => Meaning::Outputs(scope, call),
        })
    }

    /// The arguments of `ema(.., seed: first)`, of which `seed` says which average it is.
    fn sort_seeded<'n>(
        &mut self,
        call: Arguments<'n>,
        names: &[&str],
        order: &[&str],
    ) -> Option<(IndicatorKind, Sorted<'n, 3>)> {
        let Sorted { slots, more: [tf, ticker, chosen, seed], sound } =
            self.sort(call, names, order, ["tf", "ticker", "output", "seed"])?;
        let kind = match seed {
            None => IndicatorKind::Ema,
            Some(node) => match self.word(node, "seed")? {
                "mean" => IndicatorKind::Ema,
                "first" => IndicatorKind::EmaFirst,
                other => {
                    let message = format!("\"seed\" of \"ema\" is \"{}\"", shortened(other));
                    let hint = "write mean (of the first n values) or first (the first value)";
                    self.fault(&node.place, "out_of_range", &message, Some(hint.to_owned()));
                    return None;
                }
            },
        };
        Some((kind, Sorted { slots, more: [tf, ticker, chosen], sound }))
    }

    /// `scope(of, tf: 1h, ticker: "ETHUSDT")`: anything on other candles.
    pub(super) fn scope(&mut self, call: Arguments<'_>, context: Context) -> Option<Meaning> {
        let (slots, [tf, ticker]) = self.slots(call, &["of"], ["tf", "ticker"])?;
        let Some(of) = slots[0] else {
            self.fault(call.place, "missing_field", "\"scope\" needs \"of\"", None);
            return None;
        };
        let of = self.meaning(of, context.nested());
        let scope = self.scope_of(tf, ticker)?;
        if scope == Scope::default() {
            let hint = Some("write tf, ticker or both".to_owned());
            let message = "\"scope\" names no other candles";
            self.fault(call.place, "missing_field", message, hint);
            return None;
        }
        Some(match of? {
            Meaning::Number(expr) => Meaning::Number(scope.number(expr)),
            Meaning::Condition(cond) => Meaning::Condition(scope.condition(cond)),
            Meaning::Outputs(inner, call) if inner == Scope::default() => {
                Meaning::Outputs(scope, call)
            }
            Meaning::Outputs(inner, call) => match output(inner, call) {
                Meaning::Condition(cond) => Meaning::Condition(scope.condition(cond)),
                Meaning::Number(expr) => Meaning::Number(scope.number(expr)),
                outputs @ Meaning::Outputs(..) => outputs,
            },
        })
    }

    /// The candles that `tf` and `ticker` name.
    pub(super) fn scope_of(&mut self, tf: Option<&Node>, ticker: Option<&Node>) -> Option<Scope> {
        let tf = match tf {
            None => Some(None),
            Some(node) => self.word(node, "tf").and_then(|word| {
                let tf = shortened(word).parse::<HigherTimeframe>();
                tf.map(Some)
                    .map_err(|error| {
                        self.fault(&node.place, "out_of_range", &error.to_string(), None);
                    })
                    .ok()
            }),
        };
        let ticker = match ticker {
            None => Some(None),
            Some(node) => self.word(node, "ticker").and_then(|word| {
                if is_symbol(word) {
                    return Some(Some(word.to_owned()));
                }
                let message = format!("a ticker is {SYMBOL_RULE}, not \"{}\"", shortened(word));
                self.fault(&node.place, "out_of_range", &message, None);
                None
            }),
        };
        Some(Scope { tf: tf?, ticker: ticker? })
    }

    /// A part of the time in the zone `tz`, by its proper name; UTC is no zone.
    pub(super) fn clock(&mut self, field: ClockField, tz: Option<&Node>) -> Option<Expr> {
        let Some(node) = tz else { return Some(Expr::Clock { field, tz: None }) };
        let word = self.word(node, "tz")?;
        if word == "UTC" {
            return Some(Expr::Clock { field, tz: None });
        }
        let Some(name) = TimeZoneName::new(word) else {
            let message = format!("\"{}\" is not an IANA time zone", shortened(word));
            let hint = Some("write a name such as \"America/New_York\"".to_owned());
            self.fault(&node.place, "unknown_name", &message, hint);
            return None;
        };
        let zone = name.zone();
        let tz = Some(zone.iana_name().unwrap_or(name.as_str()).to_owned());
        Some(Expr::Clock { field, tz })
    }

    /// The word that the argument `name` is.
    pub(super) fn word<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n str> {
        if let Form::Word(word) = &node.form {
            return Some(word);
        }
        let message = format!("\"{name}\" is a text, not \"{}\"", shortened(&node.describe()));
        self.fault(&node.place, "wrong_type", &message, None);
        None
    }

    /// The number or parameter that the argument `name` of `owner` is.
    pub(super) fn arg(
        &mut self,
        node: &Node,
        owner: &str,
        name: &str,
        range: Range,
    ) -> Option<Arg> {
        match &node.form {
            Form::Number(value) => self.number_arg(*value, &node.place, owner, name, range),
            Form::Param(param) => self.param_arg(param, &node.place, owner, name, range),
            Form::Bool(_)
            | Form::Name(_)
            | Form::Word(_)
            | Form::Output(..)
            | Form::Call { .. } => {
                let found = shortened(&node.describe());
                let message = format!(
                    "\"{name}\" of \"{owner}\" is a number or a parameter, not \"{found}\""
                );
                let hint = self
                    .params
                    .contains_key(&found)
                    .then(|| format!("write ${found}, in the tree {{\"$\": \"{found}\"}}"));
                self.fault(&node.place, "wrong_type", &message, hint);
                None
            }
        }
    }

    fn number_arg(
        &mut self,
        value: f64,
        place: &Place,
        owner: &str,
        name: &str,
        range: Range,
    ) -> Option<Arg> {
        let whole = range.kind == ArgKind::Float || is_whole(value);
        if whole && (range.min..=range.max).contains(&value) {
            return Some(Arg::Number(value));
        }
        let message = format!("\"{name}\" of \"{owner}\" is {}", text(value));
        let code = if whole { "out_of_range" } else { "wrong_type" };
        self.fault(place, code, &message, Some(range_hint(range)));
        None
    }

    fn param_arg(
        &mut self,
        param: &str,
        place: &Place,
        owner: &str,
        name: &str,
        range: Range,
    ) -> Option<Arg> {
        let arg = self.parameter(param, place)?;
        let spec = match &arg {
            Arg::Param(param) if self.bindings.is_none() => self.params.get(param).copied(),
            // Arguments of a named signal were checked where they were written.
            Arg::Param(_) | Arg::Number(_) => None,
        };
        let Some(spec) = spec else { return Some(arg) };
        if range.kind == ArgKind::Int && spec.kind == ArgKind::Float {
            let message =
                format!("\"{name}\" of \"{owner}\" is whole, the parameter \"{param}\" is a float");
            let hint = Some("declare it as {\"int\": [min, max, step]}".to_owned());
            self.fault(place, "wrong_type", &message, hint);
            return None;
        }
        if spec.min < range.min || spec.max > range.max {
            let (min, max) = (text(spec.min), text(spec.max));
            let message = format!(
                "the parameter \"{param}\" goes from {min} to {max}, \
                 too far for \"{name}\" of \"{owner}\""
            );
            self.fault(place, "out_of_range", &message, Some(range_hint(range)));
            return None;
        }
        Some(arg)
    }

    /// Sorts arguments into the slots of `names` and of `more`, which have names only.
    pub(super) fn slots<'n, const N: usize>(
        &mut self,
        call: Arguments<'n>,
        names: &[&str],
        more: [&str; N],
    ) -> Option<(Slots<'n>, [Option<&'n Node>; N])> {
        let sorted = self.sort(call, names, names, more)?;
        sorted.sound.then_some((sorted.slots, sorted.more))
    }

    /// As [`Lower::slots`]; positional arguments belong to the names of `order` (an end of `names`).
    fn sort<'n, const N: usize>(
        &mut self,
        call: Arguments<'n>,
        names: &[&str],
        order: &[&str],
        more: [&str; N],
    ) -> Option<Sorted<'n, N>> {
        let owner = call.callee.name();
        let all = || names.iter().copied().chain(more);
        if call.positional.len() > order.len() {
            let given = call.positional.len();
            let message =
                format!("\"{owner}\" takes at most {} arguments, not {given}", order.len());
            let hint = listed(all()).map(|names| names.replace("it has", "they are"));
            self.fault(&call.positional[order.len()].place, "wrong_type", &message, hint);
            return None;
        }
        let mut slots: Slots<'_> = vec![None; names.len()];
        let mut extra = [None; N];
        let skipped = names.len() - order.len();
        for (slot, node) in slots[skipped..].iter_mut().zip(call.positional) {
            *slot = Some(node);
        }
        let mut sound = true;
        for (name, node) in call.named {
            let slot = match names.iter().position(|known| known == name) {
                Some(index) => Some(&mut slots[index]),
                None => more.iter().position(|known| known == name).map(|at| &mut extra[at]),
            };
            match slot {
                Some(slot @ None) => *slot = Some(node),
                Some(Some(_)) => {
                    let message = format!("\"{name}\" of \"{owner}\" is given twice");
                    self.fault(&node.place, "bad_text", &message, None);
                    sound = false;
                }
                None => {
                    let message = format!("\"{owner}\" has no argument \"{}\"", shortened(name));
                    let hint = did_you_mean(name, all()).or_else(|| listed(all()));
                    self.fault(&node.place, "unknown_field", &message, hint);
                    sound = false;
                }
            }
        }
        Some(Sorted { slots, more: extra, sound })
    }
}

/// "a whole number from 1 to 10000".
fn range_hint(range: Range) -> String {
    let kind = match range.kind {
        ArgKind::Int => "a whole number",
        ArgKind::Float => "a number",
    };
    format!("write {kind} from {} to {}", text(range.min), text(range.max))
}
