//! How the words of the language are spelt, in the tree and in text alike.

use super::{ClockField, CompareOp, MathOp, PositionField, Price, WindowOp};
use crate::FillReason;

/// The word that is compared with an exit reason.
pub(super) const LAST_EXIT_REASON: &str = "lastExitReason";

impl Price {
    /// Every price, in the order of the enum.
    pub const ALL: [Price; 8] = [
        Self::Open,
        Self::High,
        Self::Low,
        Self::Close,
        Self::Volume,
        Self::Hl2,
        Self::Hlc3,
        Self::Ohlc4,
    ];

    /// Its word (`close`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
            Self::Hl2 => "hl2",
            Self::Hlc3 => "hlc3",
            Self::Ohlc4 => "ohlc4",
        }
    }

    /// The price of this word.
    pub fn from_name(name: &str) -> Option<Price> {
        Self::ALL.into_iter().find(|price| price.name() == name)
    }
}

impl ClockField {
    /// Every part of the time, in the order of the enum.
    pub const ALL: [ClockField; 4] =
        [Self::Hour, Self::Minute, Self::DayOfWeek, Self::MinuteOfSession];

    /// Its word (`dayOfWeek`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::DayOfWeek => "dayOfWeek",
            Self::MinuteOfSession => "minuteOfSession",
        }
    }

    /// The part of the time of this word.
    pub fn from_name(name: &str) -> Option<ClockField> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

impl PositionField {
    /// Every state of the account, in the order of the enum.
    pub const ALL: [PositionField; 6] = [
        Self::BarsInTrade,
        Self::MinutesInTrade,
        Self::OpenPnlPct,
        Self::OpenR,
        Self::MaxFavourablePct,
        Self::BarsSinceExit,
    ];

    /// Its word (`barsInTrade`).
    pub fn name(self) -> &'static str {
        match self {
            Self::BarsInTrade => "barsInTrade",
            Self::MinutesInTrade => "minutesInTrade",
            Self::OpenPnlPct => "openPnlPct",
            Self::OpenR => "openR",
            Self::MaxFavourablePct => "maxFavourablePct",
            Self::BarsSinceExit => "barsSinceExit",
        }
    }

    /// The state of this word.
    pub fn from_name(name: &str) -> Option<PositionField> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Whether entries read it; the others are for exits.
    pub fn is_for_entries(self) -> bool {
        self == Self::BarsSinceExit
    }
}

impl MathOp {
    /// Its word or sign (`+`, `min`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

impl WindowOp {
    /// Its word (`percentRank`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::PercentRank => "percentRank",
        }
    }
}

impl CompareOp {
    /// Its word (`lt`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Eq => "eq",
            Self::Ne => "ne",
        }
    }

    /// Its sign in text (`<`).
    pub fn sign(self) -> &'static str {
        match self {
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Eq => "==",
            Self::Ne => "!=",
        }
    }

    /// The comparison that holds where this one does not, both numbers being there.
    #[must_use]
    pub fn complement(self) -> CompareOp {
        match self {
            Self::Lt => Self::Ge,
            Self::Le => Self::Gt,
            Self::Gt => Self::Le,
            Self::Ge => Self::Lt,
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
        }
    }
}

/// The word of an exit reason, as in an outcome (`stop_loss`).
pub(super) fn reason_name(reason: FillReason) -> &'static str {
    match reason {
        FillReason::Entry => "entry",
        FillReason::Signal => "signal",
        FillReason::StopLoss => "stop_loss",
        FillReason::TakeProfit => "take_profit",
        FillReason::TrailingStop => "trailing_stop",
        FillReason::Liquidation => "liquidation",
        FillReason::TimeLimit => "time_limit",
        FillReason::CloseEarly => "close_early",
        FillReason::Flip => "flip",
        FillReason::End => "end",
    }
}

/// The reasons a trade can end for while the backtest goes on.
pub(super) const EXIT_REASONS: [FillReason; 8] = [
    FillReason::Signal,
    FillReason::StopLoss,
    FillReason::TakeProfit,
    FillReason::TrailingStop,
    FillReason::Liquidation,
    FillReason::TimeLimit,
    FillReason::CloseEarly,
    FillReason::Flip,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_spelt_as_in_an_outcome() {
        for reason in FillReason::ALL {
            let json = serde_json::to_value(reason).unwrap();
            assert_eq!(json, reason_name(reason));
        }
    }

    #[test]
    fn words_find_their_meaning() {
        for price in Price::ALL {
            assert_eq!(Price::from_name(price.name()), Some(price));
        }
        for field in ClockField::ALL {
            assert_eq!(ClockField::from_name(field.name()), Some(field));
        }
        for field in PositionField::ALL {
            assert_eq!(PositionField::from_name(field.name()), Some(field));
        }
    }
}
