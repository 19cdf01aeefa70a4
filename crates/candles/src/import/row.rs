//! A row as files hold it: a stamp whose zone may be unknown, and five values.

use std::ops::ControlFlow;

use super::time::Stamp;
use crate::validate::Rule;

/// One candle before its time is placed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) stamp: Stamp,
    /// Open, high, low, close, volume.
    pub(super) values: [f64; 5],
}

/// Hears of each row by its number, from 1; may break off.
pub(super) type Each<'a> = dyn FnMut(u64, Result<Row, Rule>) -> ControlFlow<()> + 'a;
