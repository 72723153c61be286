//! What this crate refuses.

use babe::BabeError;
use garble::GarbleError;

/// Why something a peer or the caller gave was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A number, a list or a byte string is not what it must be.
    #[error("{field}: expected {expected}, got {got}")]
    Field {
        /// The argument's name.
        field: &'static str,
        /// What it may be.
        expected: String,
        /// What came.
        got: String,
    },
    /// Something about one garbled instance is wrong.
    #[error("instance {index}: {part}: expected {expected}, got something else")]
    Instance {
        /// Index of the instance, from zero.
        index: usize,
        /// Which part of it: `D`, `proof`, `share`, `seed`, `table`, `translation`, `encoding`, `ciphertext`,
        /// `output`, `commitment`.
        part: &'static str,
        /// What the part must be.
        expected: &'static str,
    },
    /// From the garbling below.
    #[error(transparent)]
    Garble(#[from] GarbleError),
    /// From the encoding and the encryption of engine babe.
    #[error(transparent)]
    Babe(#[from] BabeError),
}

impl EngineError {
    pub(crate) fn field(field: &'static str, expected: impl ToString, got: impl ToString) -> Self {
        Self::Field {
            field,
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }

    pub(crate) fn instance(index: usize, part: &'static str, expected: &'static str) -> Self {
        Self::Instance {
            index,
            part,
            expected,
        }
    }
}

/// Refuses a byte string that is not exactly `expected` long.
pub(crate) fn length(field: &'static str, expected: usize, got: usize) -> Result<(), EngineError> {
    if expected == got {
        return Ok(());
    }
    Err(EngineError::field(
        field,
        format!("{expected} bytes"),
        format!("{got} bytes"),
    ))
}
