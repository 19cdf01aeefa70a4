//! Named signals and scenarios, expanded to what they stand for.

use std::collections::BTreeMap;

use super::indicator::{Range, WINDOW};
use super::{Arguments, Context, Lower, Meaning};
use crate::PositionSide;
use crate::strategy::syntax::{Callee, Form, Node, Place, Reader, did_you_mean, shortened};
use crate::strategy::{
    Arg, ArgKind, Cond, NamedSignal, SignalArg, SignalCase, SignalDefault, SignalForm, SignalKind,
    SignalValues,
};

/// Arguments of a named signal: numbers and parameters, words, or off.
#[derive(Default)]
struct Given {
    numbers: BTreeMap<&'static str, Arg>,
    words: BTreeMap<&'static str, &'static str>,
}

impl Given {
    fn applies(&self, case: SignalCase) -> bool {
        match case {
            SignalCase::Otherwise => true,
            SignalCase::Is(name, word) => self.words.get(name) == Some(&word),
            SignalCase::Given(name) => self.numbers.contains_key(name),
        }
    }
}

impl Lower<'_> {
    /// What a named signal means, on the side of its place.
    pub(super) fn signal(
        &mut self,
        signal: NamedSignal,
        call: Arguments<'_>,
        context: Context,
    ) -> Option<Meaning> {
        let Some(side) = context.side else {
            let message = format!("\"{}\" has a long and a short side", signal.info().name);
            let hint = "named signals may stand in signals only";
            self.fault(call.place, "not_here", &message, Some(hint.to_owned()));
            return None;
        };
        self.uses.sides = true;
        self.expand(signal, call, side, context).map(|(_, cond)| Meaning::Condition(cond))
    }

    /// The condition of `side` that a scenario means: every entry signal within `lookback` candles,
    /// every trend filter and context gate now.
    pub(in crate::strategy) fn scenario(
        &mut self,
        elements: &[Node],
        place: &Place,
        lookback: &Arg,
        side: PositionSide,
        context: Context,
    ) -> Option<Cond> {
        let mut parts = Vec::with_capacity(elements.len());
        let mut entries = 0;
        let mut sound = true;
        for element in elements {
            match self.element(element, side, context) {
                None => sound = false,
                Some((SignalKind::Entry, cond)) => {
                    entries += 1;
                    parts.push(Cond::Within(Box::new(cond), lookback.clone()));
                }
                Some((SignalKind::Trend | SignalKind::Context, cond)) => parts.push(cond),
            }
        }
        if sound && entries == 0 {
            let hint = "add one that starts trades, such as \"EmaCross\"";
            let message = "the scenario has no entry signal";
            self.fault(place, "missing_field", message, Some(hint.to_owned()));
            return None;
        }
        sound.then_some(Cond::All(parts))
    }

    /// The look-back of a scenario, in candles.
    pub(in crate::strategy) fn lookback(&mut self, node: &Node) -> Option<Arg> {
        self.arg(node, "scenario", "lookback", WINDOW)
    }

    fn element(
        &mut self,
        node: &Node,
        side: PositionSide,
        context: Context,
    ) -> Option<(SignalKind, Cond)> {
        let (callee, positional, named): (_, &[Node], &[(String, Node)]) = match &node.form {
            Form::Name(name) => (NamedSignal::from_name(name).map(Callee::Signal), &[], &[]),
            Form::Call { callee, positional, named } => (Some(*callee), positional, named),
            Form::Number(_) | Form::Bool(_) | Form::Param(_) | Form::Word(_) | Form::Output(..) => {
                (None, &[], &[])
            }
        };
        let Some(Callee::Signal(signal)) = callee else {
            let name = shortened(&node.describe());
            let message = format!("\"{name}\" is not a named signal");
            let names = NamedSignal::ALL.into_iter().map(|signal| signal.info().name);
            self.fault(&node.place, "unknown_name", &message, did_you_mean(&name, names));
            return None;
        };
        let callee = Callee::Signal(signal);
        let call = Arguments { callee, positional, named, place: &node.place };
        self.expand(signal, call, side, context.deeper())
    }

    fn expand(
        &mut self,
        signal: NamedSignal,
        call: Arguments<'_>,
        side: PositionSide,
        context: Context,
    ) -> Option<(SignalKind, Cond)> {
        let info = signal.info();
        let names: Vec<&str> = info.args.iter().map(|arg| arg.name).collect();
        let (slots, [tf, ticker]) = self.slots(call, &names, ["tf", "ticker"])?;
        let scope = self.scope_of(tf, ticker);
        let mut given = Given::default();
        let mut sound = true;
        for (arg, slot) in info.args.iter().zip(slots) {
            sound &= self.give(&mut given, info.name, arg, slot).is_some();
        }
        let scope = scope.filter(|_| sound)?;
        let form: &SignalForm = info.forms.iter().find(|form| given.applies(form.case))?;
        let text = match side {
            PositionSide::Long => form.long,
            PositionSide::Short => form.short,
        };
        let node = Reader::new(self.faults).template(text, call.place.clone())?;
        let outer = self.bindings.replace(given.numbers);
        let cond = self.condition(&node, context.deeper());
        self.bindings = outer;
        cond.map(|cond| (form.kind, scope.condition(cond)))
    }

    /// Adds one argument to `given`: as written, or its default.
    fn give(
        &mut self,
        given: &mut Given,
        owner: &str,
        arg: &SignalArg,
        slot: Option<&Node>,
    ) -> Option<()> {
        let range = match arg.values {
            SignalValues::Int(min, max) => Range { kind: ArgKind::Int, min, max },
            SignalValues::Float(min, max) => Range { kind: ArgKind::Float, min, max },
            SignalValues::Choice(words) => {
                let word = match (slot, arg.default) {
                    (Some(node), _) => self.choice(node, owner, arg.name, words)?,
                    (None, SignalDefault::Word(word)) => word,
                    (None, SignalDefault::Number(_) | SignalDefault::Off) => return Some(()),
                };
                given.words.insert(arg.name, word);
                return Some(());
            }
        };
        let value = match (slot, arg.default) {
            (Some(node), _) => self.arg(node, owner, arg.name, range)?,
            (None, SignalDefault::Number(default)) => Arg::Number(default),
            (None, SignalDefault::Word(_) | SignalDefault::Off) => return Some(()),
        };
        given.numbers.insert(arg.name, value);
        Some(())
    }

    fn choice(
        &mut self,
        node: &Node,
        owner: &str,
        name: &str,
        words: &'static [&'static str],
    ) -> Option<&'static str> {
        let word = self.word(node, name)?;
        let found = words.iter().find(|known| **known == word).copied();
        if found.is_none() {
            let message = format!("\"{name}\" of \"{owner}\" is \"{}\"", shortened(word));
            let hint = Some(format!("write one of {}", words.join(", ")));
            self.fault(&node.place, "unknown_name", &message, hint);
        }
        found
    }
}
