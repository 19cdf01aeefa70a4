//! What every store promises, one behaviour a function.

pub(crate) mod cancelling;
pub(crate) mod claiming;
pub(crate) mod data;
pub(crate) mod deciding;
pub(crate) mod finishing;
pub(crate) mod hinting;
pub(crate) mod keys;
pub(crate) mod leasing;
pub(crate) mod listing;
pub(crate) mod reaping;
pub(crate) mod releasing;
pub(crate) mod replaying;
pub(crate) mod sharing;
pub(crate) mod signals;
pub(crate) mod submitting;
