//! Expressions outside of the strategy: levels of money management and entry orders.
//!
//! They are read with the strategy's names and parameters in scope, and resolved at the same points.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::fault::Faults;
use crate::settings::{EntryOrder, LevelForm, MoneyManagement, Risk, ThenStop};
use crate::strategy::{self, Cond, Expr, Signals, Strategy};
use crate::{HigherTimeframe, Timeframe, canonical};

use super::parameters::Point;

/// Reads expressions in the scope of a strategy.
pub(super) struct Expressions<'a> {
    /// `None` if the strategy itself is faulty: expressions are then not checked.
    pub(super) strategy: Option<&'a Strategy>,
}

impl Expressions<'_> {
    /// A number.
    pub(super) fn expr(&self, value: &Value, pointer: &str, faults: &mut Faults) -> Option<Expr> {
        self.strategy?.parse_expr(value, pointer, faults)
    }

    /// A condition.
    pub(super) fn cond(&self, value: &Value, pointer: &str, faults: &mut Faults) -> Option<Cond> {
        self.strategy?.parse_cond(value, pointer, faults)
    }
}

/// A group of settings that may hold expressions.
pub(super) trait Expressive: Sized {
    /// Every number in it.
    fn exprs(&self) -> Vec<&Expr>;

    /// The condition in it.
    fn cond(&self) -> Option<&Cond>;

    /// The group with every parameter substituted.
    fn resolved(&self, point: &Point) -> Self;

    /// Its canonical text; no parameter is left in it.
    fn canonical(&self) -> String;

    /// Names of the parameters that its expressions use.
    fn parameters(&self) -> BTreeSet<String> {
        let of_exprs = self.exprs().into_iter().flat_map(strategy::expr_parameters);
        of_exprs.chain(self.cond().into_iter().flat_map(strategy::cond_parameters)).collect()
    }
}

impl Expressive for MoneyManagement {
    fn exprs(&self) -> Vec<&Expr> {
        let exits = self.exits.iter().flat_map(|exit| {
            let then_stop = match &exit.then_stop {
                Some(ThenStop::Level(level)) => Some(level),
                Some(ThenStop::Entry) | None => None,
            };
            [Some(&exit.target), then_stop]
        });
        let levels = [self.stop.as_ref(), self.target.as_ref()].into_iter().chain(exits).flatten();
        let forms = levels.map(|level| &level.form).chain(self.trail.iter().map(|it| &it.form));
        forms.filter_map(form_expr).collect()
    }

    fn cond(&self) -> Option<&Cond> {
        None
    }

    fn resolved(&self, point: &Point) -> MoneyManagement {
        let mut money = self.clone();
        let exits = money.exits.iter_mut().flat_map(|exit| {
            let then_stop = match &mut exit.then_stop {
                Some(ThenStop::Level(level)) => Some(&mut level.form),
                Some(ThenStop::Entry) | None => None,
            };
            [Some(&mut exit.target.form), then_stop]
        });
        let forms = [
            money.stop.as_mut().map(|level| &mut level.form),
            money.target.as_mut().map(|level| &mut level.form),
            money.trail.as_mut().map(|trail| &mut trail.form),
        ];
        for form in forms.into_iter().chain(exits).flatten() {
            if let LevelForm::Distance(expr) | LevelForm::Price(expr) = form {
                *expr = strategy::resolve_expr(expr, point);
            }
        }
        money
    }

    fn canonical(&self) -> String {
        canonical::money_management(self)
    }
}

impl Expressive for Risk {
    fn exprs(&self) -> Vec<&Expr> {
        match &self.entry_order {
            EntryOrder::Limit(entry) | EntryOrder::Stop(entry) => vec![&entry.price],
            EntryOrder::Market => Vec::new(),
        }
    }

    fn cond(&self) -> Option<&Cond> {
        match &self.entry_order {
            EntryOrder::Limit(entry) | EntryOrder::Stop(entry) => entry.cancel_if.as_ref(),
            EntryOrder::Market => None,
        }
    }

    fn resolved(&self, point: &Point) -> Risk {
        let mut risk = self.clone();
        if let EntryOrder::Limit(entry) | EntryOrder::Stop(entry) = &mut risk.entry_order {
            entry.price = strategy::resolve_expr(&entry.price, point);
            if let Some(cond) = &mut entry.cancel_if {
                *cond = strategy::resolve_cond(cond, point);
            }
        }
        risk
    }

    fn canonical(&self) -> String {
        canonical::risk(self)
    }
}

fn form_expr(form: &LevelForm) -> Option<&Expr> {
    match form {
        LevelForm::Pct(_) => None,
        LevelForm::Distance(expr) | LevelForm::Price(expr) => Some(expr),
    }
}

/// W of a job: what its conditions, its levels and its entry order need.
pub(super) fn warmup(
    signals: &Signals,
    money: &MoneyManagement,
    risk: &Risk,
    timeframe: Timeframe,
) -> u32 {
    let extra = [money.exprs(), risk.exprs()].concat();
    let of_cond = risk.cond().map_or(0, |cond| strategy::warmup(&as_signals(cond), &[], timeframe));
    strategy::warmup(signals, &extra, timeframe).max(of_cond)
}

/// The first timeframe in a job's expressions that its candles cannot be resampled to, and the one
/// it would have to be made of.
pub(super) fn misfit(
    signals: &Signals,
    money: &MoneyManagement,
    risk: &Risk,
    timeframe: Timeframe,
) -> Option<(HigherTimeframe, HigherTimeframe)> {
    let extra = [money.exprs(), risk.exprs()].concat();
    strategy::misfit(signals, &extra, timeframe).or_else(|| {
        risk.cond().and_then(|cond| strategy::misfit(&as_signals(cond), &[], timeframe))
    })
}

/// Other tickers that a job's expressions read.
pub(super) fn other_tickers(
    signals: &Signals,
    money: &MoneyManagement,
    risk: &Risk,
) -> BTreeSet<String> {
    let extra = [money.exprs(), risk.exprs()].concat();
    let mut tickers = strategy::scopes(signals, &extra).tickers;
    if let Some(cond) = risk.cond() {
        tickers.extend(strategy::scopes(&as_signals(cond), &[]).tickers);
    }
    tickers
}

/// A condition as the only one of a strategy, for functions that look at strategies.
fn as_signals(cond: &Cond) -> Signals {
    Signals { long: Some(cond.clone()), ..Signals::default() }
}
