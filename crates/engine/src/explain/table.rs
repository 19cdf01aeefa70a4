//! An explanation as text for people.

use std::fmt;

use super::{Event, Explanation, Held};

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_millisecond(self.time_ms);
        match time {
            Ok(time) => writeln!(f, "candle {time}")?,
            Err(_) => writeln!(f, "candle {} ms", self.time_ms)?,
        }
        let Explanation { open, high, low, close, volume, .. } = self;
        writeln!(f, "  open {open}  high {high}  low {low}  close {close}  volume {volume}")?;
        if let Some(held) = &self.inside {
            writeln!(f, "inside   {}", Line(held))?;
        }
        writeln!(f, "events")?;
        if self.events.is_empty() {
            writeln!(f, "  none")?;
        }
        self.events.iter().try_for_each(|event| write_event(f, event))?;
        writeln!(f, "signals at the close")?;
        let account = &self.account;
        for (name, holds) in [
            ("long", account.signals.long),
            ("short", account.signals.short),
            ("exitLong", account.signals.exit_long),
            ("exitShort", account.signals.exit_short),
        ] {
            writeln!(f, "  {name:<9} {holds}")?;
        }
        writeln!(f, "equity   {}", account.equity)?;
        if let Some(held) = &account.position {
            writeln!(f, "position {}", Line(held))?;
        }
        if let Some(reason) = account.due_exit {
            writeln!(f, "next open: exit ({reason:?})")?;
        }
        if let Some(side) = account.due_entry {
            writeln!(f, "next open: enter {side:?}")?;
        }
        if let Some(price) = account.pending {
            writeln!(f, "pending order at {price}")?;
        }
        writeln!(f, "nodes")?;
        for node in &self.nodes {
            let value = match node.value {
                None => "null".to_owned(),
                Some(value) if node.condition => (value > 0.0).to_string(),
                Some(value) => value.to_string(),
            };
            writeln!(f, "  {:<10} {value:<20} {}", node.place, node.node)?;
        }
        Ok(())
    }
}

fn write_event(f: &mut fmt::Formatter<'_>, event: &Event) -> fmt::Result {
    match event {
        Event::Fill { side, quantity, price, fee, reason, trade_id } => writeln!(
            f,
            "  {side:?} {quantity} at {price}, fee {fee} ({reason:?}, trade {trade_id})"
        ),
        Event::Funding { rate, amount, trade_id, .. } => {
            writeln!(f, "  funding {amount} at rate {rate} (trade {trade_id})")
        }
        Event::Skipped { reason } => writeln!(f, "  entry not made ({reason:?})"),
    }
}

/// A position on one line.
struct Line<'h>(&'h Held);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.0;
        write!(f, "{:?} {} at {}", held.side, held.quantity, held.entry_price)?;
        for (name, level) in [
            ("stop", held.stop),
            ("trail", held.trail),
            ("target", held.target),
            ("liquidation", held.liquidation),
        ] {
            if let Some(level) = level {
                write!(f, "  {name} {level}")?;
            }
        }
        Ok(())
    }
}
