//! Reads a compact outcome. Damage of any kind is an error.

use super::column;
use super::streams::Rest;
use crate::outcome::{
    Counts, DailyMark, Fill, FillReason, FundingEvent, OpenPosition, Outcome, OutcomeError,
    PositionSide, Side, SkipReason,
};

impl Outcome {
    /// Reads the two parts of [`Outcome::to_compact`].
    pub fn from_compact(text: &[u8], noise: &[u8]) -> Result<Outcome, OutcomeError> {
        let mut rest = Rest::of(text, noise)?;
        let outcome = Outcome {
            fills: fills(&mut rest)?,
            funding: funding(&mut rest)?,
            daily_marks: marks(&mut rest)?,
            open_position: position(&mut rest)?,
            counts: counts(&mut rest)?,
        };
        if rest.is_empty() { Ok(outcome) } else { Err(OutcomeError) }
    }
}

fn fills(rest: &mut Rest<'_>) -> Result<Vec<Fill>, OutcomeError> {
    let len = rest.len()?;
    let whats = rest.bytes(len)?;
    let times = column::take_steps(rest, len)?;
    let trades = column::take_steps(rest, len)?;
    let quantities = column::take(rest, len, |_, before| before)?;
    let prices = column::take(rest, len, |_, before| before)?;
    let fees = column::take(rest, len, |place, _| quantities[place] * prices[place])?;
    (0..len)
        .map(|place| {
            Ok(Fill {
                time_ms: times[place],
                side: pick(&[Side::Buy, Side::Sell], whats[place] & 1)?,
                quantity: quantities[place],
                price: prices[place],
                fee: fees[place],
                reason: pick(&FillReason::ALL, whats[place] >> 1)?,
                trade_id: u32::try_from(trades[place]).map_err(|_| OutcomeError)?,
            })
        })
        .collect()
}

fn funding(rest: &mut Rest<'_>) -> Result<Vec<FundingEvent>, OutcomeError> {
    let len = rest.len()?;
    let times = column::take_steps(rest, len)?;
    let trades = column::take_steps(rest, len)?;
    let rates = column::take(rest, len, |_, before| before)?;
    let amounts = column::take(rest, len, |_, before| before)?;
    (0..len)
        .map(|place| {
            Ok(FundingEvent {
                time_ms: times[place],
                rate: rates[place],
                amount: amounts[place],
                trade_id: u32::try_from(trades[place]).map_err(|_| OutcomeError)?,
            })
        })
        .collect()
}

fn marks(rest: &mut Rest<'_>) -> Result<Vec<DailyMark>, OutcomeError> {
    let len = rest.len()?;
    let days = column::take_steps(rest, len)?;
    let equity = column::take(rest, len, |_, before| before)?;
    let mark = |(day_ms, equity)| DailyMark { day_ms, equity };
    Ok(days.into_iter().zip(equity).map(mark).collect())
}

fn position(rest: &mut Rest<'_>) -> Result<Option<OpenPosition>, OutcomeError> {
    if !pick(&[false, true], rest.byte()?)? {
        return Ok(None);
    }
    Ok(Some(OpenPosition {
        side: pick(&[PositionSide::Long, PositionSide::Short], rest.byte()?)?,
        trade_id: u32::try_from(rest.unsigned()?).map_err(|_| OutcomeError)?,
        entry_time_ms: rest.signed()?,
        quantity: rest.bits()?,
        entry_price: rest.bits()?,
        mark_price: rest.bits()?,
    }))
}

fn counts(rest: &mut Rest<'_>) -> Result<Counts, OutcomeError> {
    let mut counts = Counts {
        ambiguous: rest.unsigned()?,
        missing: rest.unsigned()?,
        conflicts: rest.unsigned()?,
        ..Counts::default()
    };
    for _ in 0..rest.len()? {
        let reason = pick(&SkipReason::ALL, rest.byte()?)?;
        counts.skipped.insert(reason, rest.unsigned()?);
    }
    Ok(counts)
}

fn pick<T: Copy>(all: &[T], index: u8) -> Result<T, OutcomeError> {
    all.get(usize::from(index)).copied().ok_or(OutcomeError)
}
