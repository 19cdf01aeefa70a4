//! Named signals: macros over the composable form.
//!
//! Each side is a text of the language itself, so the table below is also their documentation: what
//! `EmaCross(n: 20)` means is `crossUp(close, ema(close, 20))` for the long side. Arguments stand as
//! `$name`. A named signal and its text have the same canonical form, hence the same keys.

mod table;

use super::MAX_WINDOW;
use table::NAMED_SIGNALS;

/// A named signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamedSignal {
    /// The close crosses an EMA.
    EmaCross,
    /// A fast EMA crosses a slow one.
    DualEmaCross,
    /// The MACD line crosses its signal line.
    MacdCross,
    /// The close is above or below an EMA.
    EmaTrend,
    /// The direction of the SuperTrend flips, or is.
    SuperTrend,
    /// The RSI crosses out of an outer zone.
    RsiCross,
    /// Price and RSI pivots diverge.
    RsiDivergence,
    /// The close passes the chandelier exit line.
    ChandelierExit,
    /// %K crosses %D of the stochastic RSI in an outer zone.
    StochRsiTrend,
    /// %B leaves 0..1 and returns.
    BollingerPercentB,
    /// The Schaff trend cycle leaves an outer zone.
    Stc,
    /// The close is calm, normal or extreme against its mean.
    StDevContext,
}

/// What a named signal does in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    /// Starts a trade: must have held within the look-back.
    Entry,
    /// Must hold now, on the side of the trade.
    Trend,
    /// Must hold now, the same for both sides.
    Context,
}

/// Values that an argument of a named signal takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SignalValues {
    /// A whole number or a parameter, both ends included.
    Int(f64, f64),
    /// A number or a parameter, both ends included.
    Float(f64, f64),
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// Value of an argument that is left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SignalDefault {
    /// This number.
    Number(f64),
    /// This word.
    Word(&'static str),
    /// None: what the argument adds is left out.
    Off,
}

/// One argument of a named signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalArg {
    /// Name in the JSON tree and in text.
    pub name: &'static str,
    /// What it takes.
    pub values: SignalValues,
    /// Value where it is left out.
    pub default: SignalDefault,
}

/// When a form of a named signal is meant; the first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalCase {
    /// Where no earlier form applies.
    Otherwise,
    /// Where the argument is this word.
    Is(&'static str, &'static str),
    /// Where the argument is given.
    Given(&'static str),
}

/// One form of a named signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalForm {
    /// When it is meant.
    pub case: SignalCase,
    /// What it does in a scenario.
    pub kind: SignalKind,
    /// Its long side, in the text form; `$name` is an argument.
    pub long: &'static str,
    /// Its short side, in the text form.
    pub short: &'static str,
}

/// All that is known of a named signal. Each also takes `tf` and `ticker`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalInfo {
    /// Name in the JSON tree and in text.
    pub name: &'static str,
    /// What it does in a scenario, with the defaults.
    pub kind: SignalKind,
    /// One sentence for the reference.
    pub summary: &'static str,
    /// Arguments, in the order they have in text.
    pub args: &'static [SignalArg],
    /// Its forms; the first whose case applies is meant.
    pub forms: &'static [SignalForm],
}

impl NamedSignal {
    /// Every named signal, in the order of the enum.
    pub const ALL: [NamedSignal; 12] = [
        Self::EmaCross,
        Self::DualEmaCross,
        Self::MacdCross,
        Self::EmaTrend,
        Self::SuperTrend,
        Self::RsiCross,
        Self::RsiDivergence,
        Self::ChandelierExit,
        Self::StochRsiTrend,
        Self::BollingerPercentB,
        Self::Stc,
        Self::StDevContext,
    ];

    /// The named signal of this name.
    pub fn from_name(name: &str) -> Option<NamedSignal> {
        Self::ALL.into_iter().find(|signal| signal.info().name == name)
    }

    /// Its entry in the table.
    pub fn info(self) -> &'static SignalInfo {
        &NAMED_SIGNALS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (index, signal) in NamedSignal::ALL.into_iter().enumerate() {
            assert_eq!(signal as usize, index);
            assert_eq!(signal.info().name, format!("{signal:?}"));
            assert_eq!(NamedSignal::from_name(signal.info().name), Some(signal));
            assert!(signal.info().forms.iter().any(|form| form.case == SignalCase::Otherwise));
            assert!(signal.info().forms.iter().any(|form| form.kind == signal.info().kind));
        }
    }
}
