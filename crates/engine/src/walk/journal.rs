//! What a walk writes down: fills and funding payments, and their common order.

use model::{Fill, FundingEvent};

/// Executions and payments of one walk, each in order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    pub(crate) fills: Vec<Fill>,
    pub(crate) funding: Vec<FundingEvent>,
    /// For each payment how many fills came before it.
    fills_before: Vec<usize>,
}

/// One line of a [`Journal`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry<'j> {
    /// An execution.
    Fill(&'j Fill),
    /// A payment.
    Funding(&'j FundingEvent),
}

impl Entry<'_> {
    /// Whether it belongs to a candle not later than the one from `open_ms` to `close_ms`.
    pub(crate) fn is_by(&self, open_ms: i64, close_ms: i64) -> bool {
        match self {
            Entry::Fill(fill) => fill.time_ms <= open_ms,
            Entry::Funding(event) => event.time_ms < close_ms,
        }
    }
}

impl Journal {
    /// One without payments.
    #[cfg(test)]
    pub(crate) fn of_fills(fills: Vec<Fill>) -> Journal {
        Journal { fills, ..Journal::default() }
    }

    /// Forgets everything and makes room for that many lines.
    pub(crate) fn restart(&mut self, fills: usize, payments: usize) {
        self.fills.clear();
        self.funding.clear();
        self.fills_before.clear();
        self.fills.reserve(fills);
        self.funding.reserve(payments);
        self.fills_before.reserve(payments);
    }

    /// The fills, in no more memory than they need; the journal has none any more.
    pub(crate) fn take_fills(&mut self) -> Vec<Fill> {
        let mut fills = std::mem::take(&mut self.fills);
        fills.shrink_to_fit();
        fills
    }

    /// Notes a payment made after all fills so far.
    pub(super) fn pay(&mut self, event: FundingEvent) {
        self.fills_before.push(self.fills.len());
        self.funding.push(event);
    }

    /// Every line in the order in which it happened.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let (mut fill, mut payment) = (0, 0);
        std::iter::from_fn(move || {
            if self.fills_before.get(payment).is_some_and(|before| *before <= fill) {
                payment += 1;
                return Some(Entry::Funding(&self.funding[payment - 1]));
            }
            let next = self.fills.get(fill)?;
            fill += 1;
            Some(Entry::Fill(next))
        })
    }
}
