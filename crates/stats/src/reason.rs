//! Why a number is undefined: the codes beside every null.

/// Why a number is undefined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Undefined {
    /// The range has no days.
    NoDays,
    /// The range has no candles.
    NoCandles,
    /// No trade was closed.
    NoTrades,
    /// Nothing lost, so there is nothing to divide by.
    NoLosses,
    /// Nothing won.
    NoWins,
    /// Equity never fell below its peak.
    NoDrawdown,
    /// All values are equal, or there are fewer than two.
    NoVariance,
    /// The number needs more daily returns.
    TooFewReturns,
    /// The number needs more closed trades.
    TooFewTrades,
    /// The number needs more variants.
    TooFewVariants,
    /// Too few neighbours on the grid have a value.
    TooFewNeighbours,
    /// No daily returns of buy and hold over the same days were given.
    NoBenchmark,
    /// Equity fell to zero, or for a rate of growth below it.
    Ruined,
    /// The value it is measured against is not above zero.
    NotPositive,
    /// The arithmetic left the range of numbers.
    NotFinite,
}

impl Undefined {
    /// Every reason.
    pub const ALL: [Undefined; 15] = [
        Self::NoDays,
        Self::NoCandles,
        Self::NoTrades,
        Self::NoLosses,
        Self::NoWins,
        Self::NoDrawdown,
        Self::NoVariance,
        Self::TooFewReturns,
        Self::TooFewTrades,
        Self::TooFewVariants,
        Self::TooFewNeighbours,
        Self::NoBenchmark,
        Self::Ruined,
        Self::NotPositive,
        Self::NotFinite,
    ];

    /// The code in `undefined` of an outcome.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoDays => "no_days",
            Self::NoCandles => "no_candles",
            Self::NoTrades => "no_trades",
            Self::NoLosses => "no_losses",
            Self::NoWins => "no_wins",
            Self::NoDrawdown => "no_drawdown",
            Self::NoVariance => "no_variance",
            Self::TooFewReturns => "too_few_returns",
            Self::TooFewTrades => "too_few_trades",
            Self::TooFewVariants => "too_few_variants",
            Self::TooFewNeighbours => "too_few_neighbours",
            Self::NoBenchmark => "no_benchmark",
            Self::Ruined => "ruined",
            Self::NotPositive => "not_positive",
            Self::NotFinite => "not_finite",
        }
    }

    /// What the code means, as a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::NoDays => "The range has no days.",
            Self::NoCandles => "The range has no candles.",
            Self::NoTrades => "No trade was closed.",
            Self::NoLosses => "Nothing was lost, so there is nothing to divide by.",
            Self::NoWins => "Nothing was won.",
            Self::NoDrawdown => "Equity never fell below its peak.",
            Self::NoVariance => "All values are equal, or there are fewer than two.",
            Self::TooFewReturns => "It needs more daily returns.",
            Self::TooFewTrades => "It needs more closed trades.",
            Self::TooFewVariants => "It needs more variants.",
            Self::TooFewNeighbours => "Fewer than three neighbours on the grid have a value.",
            Self::NoBenchmark => "Buy and hold over the same days is not known.",
            Self::Ruined => "Equity fell to zero; for a rate of growth: below zero.",
            Self::NotPositive => "The value it is measured against is not above zero.",
            Self::NotFinite => "The arithmetic left the range of numbers.",
        }
    }
}

impl serde::Serialize for Undefined {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}
