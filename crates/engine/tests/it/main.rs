//! The engine from outside: drawn candles in, fills out.

mod calendars;
mod coverage;
mod detail;
mod drawn;
mod equipped;
mod explain;
mod fills;
mod funding;
mod golden;
mod indicators;
mod laden;
mod language;
mod marks;
mod money;
mod orders;
mod others;
mod peers;
mod properties;
mod risk;
mod sensitivity;
mod signals;
mod state;
mod ties;
mod uploaded;
mod warmup;
