//! What this crate refuses.

use std::fmt::Display;

/// Why bytes were not read or a tree, sighash or address not made: names the argument and what was wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{field}: expected {expected}, got {got}")]
pub struct TapscriptError {
    field: String,
    expected: String,
    got: String,
}

impl TapscriptError {
    pub(crate) fn new(field: impl Display, expected: impl Display, got: impl Display) -> Self {
        Self {
            field: field.to_string(),
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }
}
