//! The parts of a compact outcome, by what they are worth to a compressor.

use super::{CompactOutcome, MAGIC};
use crate::outcome::OutcomeError;

/// Bytes of a double that are noise: all but the two with sign, exponent and first places.
const LOW: usize = 6;

/// Parts that grow.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Variable-length numbers.
    numbers: Vec<u8>,
    /// The highest byte of each double.
    tops: Vec<u8>,
    /// The one after it.
    seconds: Vec<u8>,
    /// The others.
    noise: Vec<u8>,
}

impl Parts {
    pub(super) fn byte(&mut self, value: u8) {
        self.numbers.push(value);
    }

    /// Seven bits a byte, the last one below 128.
    pub(super) fn unsigned(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.numbers.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.numbers.push(value.to_le_bytes()[0]);
    }

    /// Small either way is short.
    pub(super) fn signed(&mut self, value: i64) {
        self.unsigned(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    pub(super) fn bits(&mut self, value: f64) {
        let [low @ .., second, top] = value.to_bits().to_le_bytes();
        self.tops.push(top);
        self.seconds.push(second);
        self.noise.extend_from_slice(&low);
    }

    /// Everything of `more` after what is here.
    pub(super) fn append(&mut self, more: &Parts) {
        self.numbers.extend_from_slice(&more.numbers);
        self.tops.extend_from_slice(&more.tops);
        self.seconds.extend_from_slice(&more.seconds);
        self.noise.extend_from_slice(&more.noise);
    }

    pub(super) fn finish(self) -> CompactOutcome {
        let doubles = self.tops.len();
        let mut text = Vec::with_capacity(12 + self.numbers.len() + 2 * doubles);
        text.extend_from_slice(MAGIC);
        text.extend_from_slice(&(doubles as u64).to_le_bytes());
        text.extend_from_slice(&self.tops);
        text.extend_from_slice(&self.seconds);
        text.extend_from_slice(&self.numbers);
        CompactOutcome { text, noise: self.noise }
    }
}

/// Parts that are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest<'a> {
    numbers: &'a [u8],
    tops: &'a [u8],
    seconds: &'a [u8],
    noise: &'a [[u8; LOW]],
}

impl<'a> Rest<'a> {
    pub(super) fn of(text: &'a [u8], noise: &'a [u8]) -> Result<Rest<'a>, OutcomeError> {
        let text = text.strip_prefix(MAGIC).ok_or(OutcomeError)?;
        let (doubles, text) = text.split_first_chunk().ok_or(OutcomeError)?;
        let doubles = usize::try_from(u64::from_le_bytes(*doubles)).map_err(|_| OutcomeError)?;
        let (tops, text) = text.split_at_checked(doubles).ok_or(OutcomeError)?;
        let (seconds, numbers) = text.split_at_checked(doubles).ok_or(OutcomeError)?;
        let (noise, rest) = noise.as_chunks();
        if noise.len() == doubles && rest.is_empty() {
            Ok(Rest { numbers, tops, seconds, noise })
        } else {
            Err(OutcomeError)
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8, OutcomeError> {
        let (byte, rest) = self.numbers.split_first().ok_or(OutcomeError)?;
        self.numbers = rest;
        Ok(*byte)
    }

    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], OutcomeError> {
        let (bytes, rest) = self.numbers.split_at_checked(len).ok_or(OutcomeError)?;
        self.numbers = rest;
        Ok(bytes)
    }

    pub(super) fn unsigned(&mut self) -> Result<u64, OutcomeError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(OutcomeError)
    }

    pub(super) fn signed(&mut self) -> Result<i64, OutcomeError> {
        let value = self.unsigned()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A list's length; each element is a byte at least, so one longer than what is left is damage.
    pub(super) fn len(&mut self) -> Result<usize, OutcomeError> {
        let len = usize::try_from(self.unsigned()?).map_err(|_| OutcomeError)?;
        if len <= self.numbers.len() { Ok(len) } else { Err(OutcomeError) }
    }

    pub(super) fn bits(&mut self) -> Result<f64, OutcomeError> {
        let (top, tops) = self.tops.split_first().ok_or(OutcomeError)?;
        let (second, seconds) = self.seconds.split_first().ok_or(OutcomeError)?;
        let (low, noise) = self.noise.split_first().ok_or(OutcomeError)?;
        (self.tops, self.seconds, self.noise) = (tops, seconds, noise);
        let mut bytes = [0, 0, 0, 0, 0, 0, *second, *top];
        bytes[..LOW].copy_from_slice(low);
        Ok(f64::from_le_bytes(bytes))
    }

    /// Whether all was read.
    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.tops.is_empty()
    }
}
