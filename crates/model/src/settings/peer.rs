//! Switches of fills that only the rules of a peer need: their defaults are the only sound choice.

/// The first candle that moves a trailing stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrailStart {
    /// The candle of the entry, at its close.
    #[default]
    EntryCandle,
    /// The one after it: the extreme of the entry candle is forgotten.
    NextCandle,
}

/// What happens to an entry whose stop or target is on the wrong side of the fill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WrongSideLevel {
    /// It is not made, and counted.
    #[default]
    Skip,
    /// It is made and leaves at once, at the open.
    Enter,
}

/// Which positions can be liquidated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Liquidation {
    /// All; without leverage it meets a short whose price doubles.
    #[default]
    Always,
    /// Those with leverage above 1. A short without may lose more than the account has.
    Leveraged,
}
