//! An outcome in few bytes, without loss: what a store keeps.
//!
//! Columns instead of rows. Most of what a fill says follows from what stands before it: its time is a few
//! candles later, its quantity that of the entry, its fee a rate of its value, a stop so many percent from the
//! entry, and prices are decimals of a few digits. What follows is written as a short number, what does
//! not as the bits it has. The low bytes of such bits are noise, which no compressor makes shorter: they are
//! kept apart from what is worth compressing.

mod column;
mod decimals;
mod factors;
mod read;
mod streams;
mod write;

/// First bytes; they change with the layout.
const MAGIC: &[u8; 4] = b"BFC\x01";

/// [`crate::Outcome::to_bytes`] in fewer bytes, in two parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactOutcome {
    /// Worth compressing.
    pub text: Vec<u8>,
    /// Not worth it.
    pub noise: Vec<u8>,
}

/// How a number of a column is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Form {
    /// Its 64 bits.
    Bits = 0,
    /// A whole number of the column's decimal units, less the last such one.
    Decimal = 1,
    /// A number that is known already times one of few factors, give or take some last places.
    Factor = 2,
    /// The one before it in the column.
    Same = 3,
}

impl Form {
    const ALL: [Form; 4] = [Form::Bits, Form::Decimal, Form::Factor, Form::Same];
}
