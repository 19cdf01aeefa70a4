//! What can only be checked once the whole request is read: has every parameter a value, does a
//! constraint leave anything, do the candles fit each other, does the engine run it.

use crate::JobSpec;
use crate::fault::{Fault, Faults};
use crate::settings::MoneyManagement;
use crate::strategy::MAX_TICKERS;
use crate::support::unsupported;

use super::axes::Survivors;
use super::expressions::{misfit, other_tickers};
use super::{Bundle, Position};

impl Bundle {
    /// The bundle with its constraints evaluated, or what is wrong with it as a whole.
    pub(super) fn checked(mut self) -> Result<Bundle, Faults> {
        let mut faults = Faults::default();
        self.parameters.check_complete(&self.strategy, &mut faults);
        if faults.is_empty() {
            self.survivors = self.constrained(&mut faults);
        }
        if faults.is_empty() {
            self.check_first_jobs(&mut faults);
        }
        faults.into_result(self)
    }

    /// Evaluates the constraints once per parameter point; a fault if they leave nothing.
    fn constrained(&self, faults: &mut Faults) -> Survivors {
        let count = self.lengths.parameters;
        if self.strategy.constraints.is_empty() {
            return Survivors::all(count);
        }
        let survivors = Survivors::filter(count, |index| {
            self.strategy.satisfies(&self.parameters.point(index))
        });
        if survivors.count() == 0 {
            let message = match count {
                1 => "the constraints drop the only parameter point".to_owned(),
                _ => format!("the constraints drop all {count} parameter points"),
            };
            let pointer = "/universalConfig/strategy/constraints";
            faults.add(pointer, "no_jobs", message);
        }
        survivors
    }

    /// Looks at the first parameter point of every timeframe and money-management variant.
    fn check_first_jobs(&self, faults: &mut Faults) {
        let survives = |index: &u32| self.survivors.contains(*index);
        let Some(parameters) = (0..self.lengths.parameters).find(survives) else { return };
        let point = self.parameters.point(parameters);
        let spec = |money_management| {
            let first =
                Position { range: 0, ticker: 0, timeframe: 0, money_management, parameters };
            self.spec(first, &point)
        };
        let mut add = |pointer, code, message, hint| {
            let fault = Fault { pointer, code, message, hint };
            // Most of what is wrong is wrong with every variant.
            if !faults.0.iter().any(|known| known.message == fault.message) {
                faults.push(fault);
            }
        };
        let plain = JobSpec { money_management: MoneyManagement::default(), ..spec(0) };
        for text in unsupported(&plain) {
            add("/universalConfig/strategy".to_owned(), "unsupported", text, None);
        }
        for money_management in 0..self.lengths.money_management {
            let spec = spec(money_management);
            for text in unsupported(&spec) {
                add(self.money.pointer(money_management), "unsupported", text, None);
            }
            let others = other_tickers(&spec.signals, &spec.money_management, &spec.risk).len();
            if others > MAX_TICKERS {
                let message =
                    format!("the strategy reads {others} other tickers, at most {MAX_TICKERS}");
                add(self.money.pointer(money_management), "too_large", message, None);
            }
            for timeframe in 0..self.lengths.timeframes {
                let base = *self.timeframes.at(timeframe);
                let found = misfit(&spec.signals, &spec.money_management, &spec.risk, base);
                if let Some((inner, outer)) = found {
                    let message =
                        format!("the strategy reads {inner} candles, no whole multiple of {outer}");
                    let hint =
                        format!("run it on a timeframe that divides {inner}, or change its \"tf\"");
                    add(self.timeframes.pointer(timeframe), "conflict", message, Some(hint));
                }
            }
        }
    }
}
