//! Jobs of a bundle: one fully resolved spec, or the keys of all of them.
//!
//! The keys of a sweep cost one resolving of the strategy per parameter point; per job only the
//! canonical text is joined and hashed.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::settings::{MoneyManagement, Risk};
use crate::strategy::Resolved;
use crate::{Digest, JobSpec, canonical, keys};

use super::expressions::{Expressive, warmup};
use super::parameters::Point;
use super::{Bundle, Position};

impl Bundle {
    /// The job `seq` with every parameter substituted; `None` if there is no such job.
    pub fn job(&self, seq: u32) -> Option<JobSpec> {
        let position = self.position(seq).filter(|_| self.has_job(seq))?;
        let point = self.parameters.point(position.parameters);
        Some(self.spec(position, &point))
    }

    /// The specs of `seqs`, in their order; the same that [`Bundle::job`] gives, but the text that no
    /// parameter changes is written once.
    pub fn specs(&self, seqs: impl IntoIterator<Item = u32>) -> Vec<Option<JobSpec>> {
        let texts = Texts::new(self);
        let mut text = String::new();
        let job = |seq| {
            let position = self.position(seq).filter(|_| self.has_job(seq))?;
            let mut spec = self.unkeyed(position, &self.parameters.point(position.parameters));
            text.clear();
            texts.join(&mut text, position, &spec);
            spec.key = keys::spec_key(&text);
            Some(spec)
        };
        seqs.into_iter().map(job).collect()
    }

    /// The spec at `position`, whose parameter point is `point`.
    pub(super) fn spec(&self, position: Position, point: &Point) -> JobSpec {
        let mut spec = self.unkeyed(position, point);
        spec.key = keys::spec_key(&spec.canonical_json());
        spec
    }

    /// The same without its key.
    fn unkeyed(&self, position: Position, point: &Point) -> JobSpec {
        let money = &self.money.at(position.money_management).settings;
        let resolved = self.resolve(point);
        let mut parameters = resolved.used;
        add_used(&mut parameters, point, &money.parameters());
        add_used(&mut parameters, point, &self.risk.parameters());
        let money_management = money.resolved(point);
        let risk = self.risk.resolved(point);
        let timeframe = *self.timeframes.at(position.timeframe);
        let signals = Arc::new(resolved.signals);
        let warmup = warmup(&signals, &money_management, &risk, timeframe);
        JobSpec {
            series: self.series_id(self.tickers.at(position.ticker), timeframe),
            range: self.ranges[position.range as usize],
            signals,
            signal_column: self.strategy.signal_column,
            parameters,
            balance: self.balance,
            money_management,
            risk,
            costs: self.costs,
            fill: self.fill,
            overrides: self.overrides.clone(),
            data_policy: self.data_policy,
            warmup,
            key: Digest([0; 32]),
        }
    }

    pub(super) fn resolve(&self, point: &Point) -> Resolved {
        self.strategy.resolve(point).expect("every value was checked when the request was read")
    }

    /// The spec key of every job, ascending by `seq`; the same keys that [`Bundle::job`] gives.
    ///
    /// Computes all of them before the first is returned: 32 bytes a point of the product and a few
    /// microseconds a job.
    pub fn keys(&self) -> impl Iterator<Item = (u32, Digest)> + '_ {
        let mut keys = vec![Digest([0; 32]); self.total_product() as usize];
        let texts = Texts::new(self);
        let mut text = String::new();
        for parameters in (0..self.lengths.parameters).filter(|it| self.survivors.contains(*it)) {
            let at_point = texts.at(&self.parameters.point(parameters));
            for outer in 0..self.lengths.outer() {
                let seq = outer * self.lengths.parameters + parameters;
                let position = self.lengths.decode(seq).expect("within the product");
                text.clear();
                at_point.join(&mut text, position);
                keys[seq as usize] = keys::spec_key(&text);
            }
        }
        (0..).zip(keys).filter(|(seq, _)| self.has_job(*seq))
    }
}

/// Adds those values of `point` that are named in `used`.
fn add_used(parameters: &mut Point, point: &Point, used: &BTreeSet<String>) {
    let values = point.iter().filter(|(name, _)| used.contains(*name));
    parameters.extend(values.map(|(name, value)| (name.clone(), *value)));
}

/// The canonical text of everything that no parameter changes.
struct Texts<'a> {
    bundle: &'a Bundle,
    head: String,
    tail: String,
    timeframes: Vec<String>,
    risk: Text<'a, Risk>,
    money: Vec<Text<'a, MoneyManagement>>,
}

/// A group: its text, or what to resolve at each point.
enum Text<'a, T> {
    Fixed(String),
    Parametric(&'a T, BTreeSet<String>),
}

/// The canonical texts at one parameter point.
struct TextsAt<'a> {
    texts: &'a Texts<'a>,
    strategy: String,
    risk: Cow<'a, str>,
    /// The parameters that the conditions and the entry orders use.
    parameters: String,
    /// Each money-management variant and, where it uses parameters too, all that are used then.
    money: Vec<(Cow<'a, str>, Option<String>)>,
}

impl<'a, T: Expressive> Text<'a, T> {
    fn new(group: &'a T) -> Text<'a, T> {
        let names = group.parameters();
        if names.is_empty() {
            Self::Fixed(group.canonical())
        } else {
            Self::Parametric(group, names)
        }
    }

    /// The text, given what the group is at the point asked for.
    fn of(&self, resolved: &T) -> Cow<'_, str> {
        match self {
            Self::Fixed(text) => Cow::Borrowed(text),
            Self::Parametric(..) => Cow::Owned(resolved.canonical()),
        }
    }

    /// The text at `point`; adds the parameters it uses.
    fn at(&self, point: &Point, parameters: &mut Point) -> Cow<'_, str> {
        match self {
            Self::Fixed(text) => Cow::Borrowed(text),
            Self::Parametric(group, names) => {
                add_used(parameters, point, names);
                Cow::Owned(group.resolved(point).canonical())
            }
        }
    }
}

impl<'a> Texts<'a> {
    fn new(bundle: &'a Bundle) -> Texts<'a> {
        let Bundle { exchange, balance, costs, fill, overrides, .. } = bundle;
        let head = canonical::Head { exchange, balance: *balance, costs, fill, overrides };
        Texts {
            bundle,
            head: canonical::head(&head),
            tail: canonical::tail(overrides, bundle.strategy.signal_column),
            timeframes: bundle.timeframes.values.iter().map(ToString::to_string).collect(),
            risk: Text::new(&bundle.risk),
            money: bundle.money.values.iter().map(|variant| Text::new(&variant.settings)).collect(),
        }
    }

    /// Appends the canonical text of the spec at `position`.
    fn join(&self, out: &mut String, position: Position, spec: &JobSpec) {
        let money = &self.money[position.money_management as usize];
        let parts = canonical::Parts {
            head: &self.head,
            money_management: &money.of(&spec.money_management),
            parameters: &canonical::parameters(&spec.parameters),
            periods_per_year: spec.overrides.periods_per_year,
            range: spec.range,
            risk: &self.risk.of(&spec.risk),
            tail: &self.tail,
            strategy: &canonical::strategy(&spec.signals, spec.signal_column),
            ticker: &spec.series.ticker,
            timeframe: &self.timeframes[position.timeframe as usize],
        };
        canonical::join(out, &parts);
    }

    fn at(&self, point: &Point) -> TextsAt<'_> {
        let resolved = self.bundle.resolve(point);
        let mut used = resolved.used;
        let risk = self.risk.at(point, &mut used);
        let parameters = canonical::parameters(&used);
        let money = self.money.iter().map(|text| match text {
            Text::Fixed(text) => (Cow::Borrowed(text.as_str()), None),
            Text::Parametric(..) => {
                let mut used = used.clone();
                let text = text.at(point, &mut used);
                (text, Some(canonical::parameters(&used)))
            }
        });
        TextsAt {
            texts: self,
            strategy: canonical::strategy(&resolved.signals, self.bundle.strategy.signal_column),
            money: money.collect(),
            parameters,
            risk,
        }
    }
}

impl TextsAt<'_> {
    fn join(&self, out: &mut String, position: Position) {
        let texts = self.texts;
        let (money_management, parameters) = &self.money[position.money_management as usize];
        let parts = canonical::Parts {
            head: &texts.head,
            money_management,
            parameters: parameters.as_ref().unwrap_or(&self.parameters),
            periods_per_year: texts.bundle.overrides.periods_per_year,
            range: texts.bundle.ranges[position.range as usize],
            risk: &self.risk,
            tail: &texts.tail,
            strategy: &self.strategy,
            ticker: texts.bundle.tickers.at(position.ticker),
            timeframe: &texts.timeframes[position.timeframe as usize],
        };
        canonical::join(out, &parts);
    }
}
