//! Writes an outcome compactly.

use super::streams::Parts;
use super::{CompactOutcome, column};
use crate::candle::canonical_bits;
use crate::outcome::{Counts, DailyMark, Fill, FundingEvent, OpenPosition, Outcome};

impl Outcome {
    /// The outcome in few bytes. What [`Outcome::from_compact`] gives back has the same
    /// [`Outcome::to_bytes`].
    pub fn to_compact(&self) -> CompactOutcome {
        let mut parts = Parts::default();
        put_fills(&mut parts, &self.fills);
        put_funding(&mut parts, &self.funding);
        put_marks(&mut parts, &self.daily_marks);
        put_position(&mut parts, self.open_position.as_ref());
        put_counts(&mut parts, &self.counts);
        parts.finish()
    }
}

fn put_fills(parts: &mut Parts, fills: &[Fill]) {
    parts.unsigned(fills.len() as u64);
    for fill in fills {
        parts.byte(fill.side as u8 | (fill.reason as u8) << 1);
    }
    column::put_steps(parts, fills.iter().map(|fill| fill.time_ms));
    column::put_steps(parts, fills.iter().map(|fill| i64::from(fill.trade_id)));
    let quantities = canonical(fills.iter().map(|fill| fill.quantity));
    column::put(parts, &quantities, |_, before| before);
    let prices = canonical(fills.iter().map(|fill| fill.price));
    column::put(parts, &prices, |_, before| before);
    let fees = canonical(fills.iter().map(|fill| fill.fee));
    column::put(parts, &fees, |place, _| quantities[place] * prices[place]);
}

fn put_funding(parts: &mut Parts, funding: &[FundingEvent]) {
    parts.unsigned(funding.len() as u64);
    column::put_steps(parts, funding.iter().map(|event| event.time_ms));
    column::put_steps(parts, funding.iter().map(|event| i64::from(event.trade_id)));
    let rates = canonical(funding.iter().map(|event| event.rate));
    column::put(parts, &rates, |_, before| before);
    let amounts = canonical(funding.iter().map(|event| event.amount));
    column::put(parts, &amounts, |_, before| before);
}

fn put_marks(parts: &mut Parts, marks: &[DailyMark]) {
    parts.unsigned(marks.len() as u64);
    column::put_steps(parts, marks.iter().map(|mark| mark.day_ms));
    let equity = canonical(marks.iter().map(|mark| mark.equity));
    column::put(parts, &equity, |_, before| before);
}

fn put_position(parts: &mut Parts, position: Option<&OpenPosition>) {
    parts.byte(u8::from(position.is_some()));
    if let Some(position) = position {
        parts.byte(position.side as u8);
        parts.unsigned(u64::from(position.trade_id));
        parts.signed(position.entry_time_ms);
        for value in
            canonical([position.quantity, position.entry_price, position.mark_price].into_iter())
        {
            parts.bits(value);
        }
    }
}

fn put_counts(parts: &mut Parts, counts: &Counts) {
    for count in [counts.ambiguous, counts.missing, counts.conflicts] {
        parts.unsigned(count);
    }
    parts.unsigned(counts.skipped.len() as u64);
    for (reason, count) in &counts.skipped {
        parts.byte(*reason as u8);
        parts.unsigned(*count);
    }
}

/// Numbers as the canonical encoding has them.
fn canonical(values: impl Iterator<Item = f64>) -> Vec<f64> {
    values.map(|value| f64::from_bits(canonical_bits(value))).collect()
}
