//! The engine from outside: drawn candles in, fills out.

mod coverage;
mod drawn;
mod explain;
mod fills;
mod golden;
mod indicators;
mod language;
mod marks;
mod money;
mod orders;
mod peers;
mod properties;
mod risk;
mod signals;
mod state;
mod warmup;
