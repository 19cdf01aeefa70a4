//! What one backtest returns: fills, funding, daily marks, open position, counts.
//!
//! Everything else (trades, equity at each candle, metrics) is derived from these by `stats`.
//! [`Outcome::to_bytes`] is the canonical encoding: its BLAKE3 is the outcome hash. Stores keep
//! [`Outcome::to_compact`], a third as long, which gives back exactly that: a stored outcome proves itself.

mod compact;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::candle::canonical_bits;

pub use compact::CompactOutcome;

/// Buy or sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Adds to the base quantity.
    Buy,
    /// Takes from the base quantity.
    Sell,
}

/// Which way a position profits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionSide {
    /// From rising prices.
    Long,
    /// From falling prices.
    Short,
}

/// Why a fill happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FillReason {
    /// Entry of a trade.
    Entry,
    /// Exit signal.
    Signal,
    /// Stop loss.
    StopLoss,
    /// Target.
    TakeProfit,
    /// Trailing stop.
    TrailingStop,
    /// Liquidation.
    Liquidation,
    /// `maxPositionMinutes`.
    TimeLimit,
    /// `closeEarlyWhenProfitable`.
    CloseEarly,
    /// Opposite signal.
    Flip,
    /// End of the range.
    End,
}

impl FillReason {
    /// Every reason, in the order of its stored number.
    pub const ALL: [FillReason; 10] = [
        Self::Entry,
        Self::Signal,
        Self::StopLoss,
        Self::TakeProfit,
        Self::TrailingStop,
        Self::Liquidation,
        Self::TimeLimit,
        Self::CloseEarly,
        Self::Flip,
        Self::End,
    ];
}

/// One execution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    /// Open time of the candle it happened in, ms.
    pub time_ms: i64,
    /// Buy or sell.
    pub side: Side,
    /// Quantity in base, > 0.
    pub quantity: f64,
    /// Price in quote, after slippage.
    pub price: f64,
    /// Fee in quote, >= 0.
    pub fee: f64,
    /// Why.
    pub reason: FillReason,
    /// Trade it belongs to, from 0 in order of entry; the first fill of a trade is its entry.
    pub trade_id: u32,
}

/// One funding payment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundingEvent {
    /// When it was due, ms.
    pub time_ms: i64,
    /// Rate as a fraction; positive: long pays.
    pub rate: f64,
    /// Change of cash, in quote.
    pub amount: f64,
    /// Trade it belongs to.
    pub trade_id: u32,
}

/// Equity at the end of one calendar day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DailyMark {
    /// The date, as ms at 00:00 UTC ([`crate::Calendar::day_of`]).
    pub day_ms: i64,
    /// Cash + position at the day's last close, in quote.
    pub equity: f64,
}

/// A position that is still held at the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenPosition {
    /// Which way.
    pub side: PositionSide,
    /// Quantity in base, > 0.
    pub quantity: f64,
    /// Entry price in quote.
    pub entry_price: f64,
    /// Open time of the entry candle, ms.
    pub entry_time_ms: i64,
    /// Last close, in quote.
    pub mark_price: f64,
    /// Its trade.
    pub trade_id: u32,
}

/// Why a wanted entry was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SkipReason {
    /// The signal came on the last candle: there is no open to fill at.
    LastCandle,
    /// Cooldown after an exit.
    Cooldown,
    /// Pause after a streak of losses.
    LossStreak,
    /// Quantity below the instrument's minimum, or zero after rounding.
    MinQuantity,
    /// Notional below the instrument's minimum.
    MinNotional,
    /// The stop or target would be on the wrong side of the fill.
    LevelOnWrongSide,
    /// A pending entry expired or was withdrawn.
    Unfilled,
    /// The account has nothing left to trade with.
    Ruined,
    /// The size could not be computed (a null in its expression).
    NoSize,
}

impl SkipReason {
    /// Every reason, in the order of its stored number.
    pub const ALL: [SkipReason; 9] = [
        Self::LastCandle,
        Self::Cooldown,
        Self::LossStreak,
        Self::MinQuantity,
        Self::MinNotional,
        Self::LevelOnWrongSide,
        Self::Unfilled,
        Self::Ruined,
        Self::NoSize,
    ];
}

/// Counts of what a reader should know about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Counts {
    /// Candles in which stop and target were both touched.
    pub ambiguous: u64,
    /// Candles missing inside the range, by the timeframe's grid and the calendar.
    pub missing: u64,
    /// Closes at which long and short were both true.
    pub conflicts: u64,
    /// Entries not made, by reason; reasons with zero are absent.
    pub skipped: BTreeMap<SkipReason, u64>,
}

/// How much history was asked for and found before the range, in candles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Warmup {
    /// W of the strategy.
    pub asked: u32,
    /// Candles that exist before the range, at most `asked`.
    pub got: u32,
}

/// What one backtest returns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Executions, in order.
    pub fills: Vec<Fill>,
    /// Funding payments, in order.
    pub funding: Vec<FundingEvent>,
    /// One mark per calendar day of the range, ascending.
    pub daily_marks: Vec<DailyMark>,
    /// The position held at the end.
    pub open_position: Option<OpenPosition>,
    /// What a reader should know about.
    pub counts: Counts,
}

/// Stored outcome bytes that this program did not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored outcome is damaged or was written by another version")]
pub struct OutcomeError;

/// First bytes of the encoding; changes with the layout.
const MAGIC: &[u8; 8] = b"BFOUT\0\0\x01";

impl Outcome {
    /// BLAKE3 of [`Outcome::to_bytes`].
    pub fn hash(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// The canonical encoding: little-endian, -0 as 0, lists with their length first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let rows = self.fills.len() * 38 + self.funding.len() * 28 + self.daily_marks.len() * 16;
        let mut bytes = Vec::with_capacity(rows + 160);
        bytes.extend_from_slice(MAGIC);
        put_len(&mut bytes, self.fills.len());
        for fill in &self.fills {
            put_i64(&mut bytes, fill.time_ms);
            bytes.push(fill.side as u8);
            bytes.push(fill.reason as u8);
            bytes.extend_from_slice(&fill.trade_id.to_le_bytes());
            put_f64s(&mut bytes, &[fill.quantity, fill.price, fill.fee]);
        }
        put_len(&mut bytes, self.funding.len());
        for event in &self.funding {
            put_i64(&mut bytes, event.time_ms);
            bytes.extend_from_slice(&event.trade_id.to_le_bytes());
            put_f64s(&mut bytes, &[event.rate, event.amount]);
        }
        put_len(&mut bytes, self.daily_marks.len());
        for mark in &self.daily_marks {
            put_i64(&mut bytes, mark.day_ms);
            put_f64s(&mut bytes, &[mark.equity]);
        }
        put_len(&mut bytes, usize::from(self.open_position.is_some()));
        if let Some(position) = &self.open_position {
            bytes.push(position.side as u8);
            bytes.extend_from_slice(&position.trade_id.to_le_bytes());
            put_i64(&mut bytes, position.entry_time_ms);
            put_f64s(&mut bytes, &[position.quantity, position.entry_price, position.mark_price]);
        }
        for count in [self.counts.ambiguous, self.counts.missing, self.counts.conflicts] {
            bytes.extend_from_slice(&count.to_le_bytes());
        }
        put_len(&mut bytes, self.counts.skipped.len());
        for (reason, count) in &self.counts.skipped {
            bytes.push(*reason as u8);
            bytes.extend_from_slice(&count.to_le_bytes());
        }
        bytes
    }

    /// Reads the canonical encoding.
    pub fn from_bytes(bytes: &[u8]) -> Result<Outcome, OutcomeError> {
        let mut reader = Reader(bytes);
        if reader.take::<8>()? != *MAGIC {
            return Err(OutcomeError);
        }
        let mut outcome = Outcome::default();
        for _ in 0..reader.len()? {
            outcome.fills.push(Fill {
                time_ms: reader.i64()?,
                side: reader.pick(&[Side::Buy, Side::Sell])?,
                reason: reader.pick(&FillReason::ALL)?,
                trade_id: reader.u32()?,
                quantity: reader.f64()?,
                price: reader.f64()?,
                fee: reader.f64()?,
            });
        }
        for _ in 0..reader.len()? {
            outcome.funding.push(FundingEvent {
                time_ms: reader.i64()?,
                trade_id: reader.u32()?,
                rate: reader.f64()?,
                amount: reader.f64()?,
            });
        }
        for _ in 0..reader.len()? {
            outcome.daily_marks.push(DailyMark { day_ms: reader.i64()?, equity: reader.f64()? });
        }
        for _ in 0..reader.len()? {
            outcome.open_position = Some(OpenPosition {
                side: reader.pick(&[PositionSide::Long, PositionSide::Short])?,
                trade_id: reader.u32()?,
                entry_time_ms: reader.i64()?,
                quantity: reader.f64()?,
                entry_price: reader.f64()?,
                mark_price: reader.f64()?,
            });
        }
        outcome.counts.ambiguous = reader.u64()?;
        outcome.counts.missing = reader.u64()?;
        outcome.counts.conflicts = reader.u64()?;
        for _ in 0..reader.len()? {
            outcome.counts.skipped.insert(reader.pick(&SkipReason::ALL)?, reader.u64()?);
        }
        if reader.0.is_empty() { Ok(outcome) } else { Err(OutcomeError) }
    }
}

fn put_len(bytes: &mut Vec<u8>, len: usize) {
    bytes.extend_from_slice(&(len as u64).to_le_bytes());
}

fn put_i64(bytes: &mut Vec<u8>, value: i64) {
    bytes.extend_from_slice(&value.to_le_bytes());
}

fn put_f64s(bytes: &mut Vec<u8>, values: &[f64]) {
    for value in values {
        bytes.extend_from_slice(&canonical_bits(*value).to_le_bytes());
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], OutcomeError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(OutcomeError)?;
        self.0 = rest;
        Ok(*head)
    }

    fn u64(&mut self) -> Result<u64, OutcomeError> {
        self.take().map(u64::from_le_bytes)
    }

    /// A list's length; one longer than the bytes left is damage, not a reason to allocate.
    fn len(&mut self) -> Result<usize, OutcomeError> {
        let len = usize::try_from(self.u64()?).map_err(|_| OutcomeError)?;
        if len <= self.0.len() { Ok(len) } else { Err(OutcomeError) }
    }

    fn i64(&mut self) -> Result<i64, OutcomeError> {
        self.take().map(i64::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, OutcomeError> {
        self.take().map(u32::from_le_bytes)
    }

    fn f64(&mut self) -> Result<f64, OutcomeError> {
        self.take().map(f64::from_le_bytes)
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> Result<T, OutcomeError> {
        let [index] = self.take::<1>()?;
        all.get(usize::from(index)).copied().ok_or(OutcomeError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Outcome {
        let fill = |side, reason, price| Fill {
            time_ms: 60_000,
            side,
            quantity: 2.0,
            price,
            fee: 0.1,
            reason,
            trade_id: 0,
        };
        Outcome {
            fills: vec![
                fill(Side::Buy, FillReason::Entry, 10.0),
                fill(Side::Sell, FillReason::End, 11.0),
            ],
            funding: vec![FundingEvent { time_ms: 1, rate: 0.01, amount: -0.2, trade_id: 0 }],
            daily_marks: vec![DailyMark { day_ms: 0, equity: 101.8 }],
            open_position: Some(OpenPosition {
                side: PositionSide::Short,
                quantity: 1.0,
                entry_price: 11.0,
                entry_time_ms: 120_000,
                mark_price: 11.5,
                trade_id: 1,
            }),
            counts: Counts {
                ambiguous: 1,
                missing: 2,
                conflicts: 3,
                skipped: BTreeMap::from([(SkipReason::LastCandle, 1)]),
            },
        }
    }

    #[test]
    fn an_outcome_survives_its_bytes() {
        assert_eq!(Outcome::from_bytes(&sample().to_bytes()), Ok(sample()));
        assert_eq!(Outcome::from_bytes(&Outcome::default().to_bytes()), Ok(Outcome::default()));
    }

    #[test]
    fn damaged_bytes_are_refused_without_a_panic() {
        let bytes = sample().to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Outcome::from_bytes(&bytes[..end]), Err(OutcomeError));
        }
        let mut long = bytes.clone();
        long.push(0);
        assert_eq!(Outcome::from_bytes(&long), Err(OutcomeError));
        let mut huge = bytes;
        huge[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(Outcome::from_bytes(&huge), Err(OutcomeError));
    }

    #[test]
    fn negative_zero_and_zero_hash_alike() {
        let mark = |equity| Outcome {
            daily_marks: vec![DailyMark { day_ms: 0, equity }],
            ..Outcome::default()
        };
        assert_eq!(mark(0.0).hash(), mark(-0.0).hash());
        assert_ne!(mark(0.0).hash(), mark(1.0).hash());
    }

    #[test]
    fn stored_numbers_match_the_lists_they_index() {
        for (index, reason) in FillReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
        for (index, reason) in SkipReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
    }
}
