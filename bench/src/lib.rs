//! What the measurements of this package share.

pub mod machine;
