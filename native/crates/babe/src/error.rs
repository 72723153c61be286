//! What this crate refuses.

use garble::GarbleError;
use groth16::Groth16Error;

/// Why something a peer or the caller gave was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BabeError {
    /// A number, a point or a byte string is not what it must be.
    #[error("{field}: expected {expected}, got {got}")]
    Field {
        /// The argument's name.
        field: String,
        /// What it may be.
        expected: String,
        /// What came.
        got: String,
    },
    /// From the keys and points of Groth16.
    #[error(transparent)]
    Groth16(#[from] Groth16Error),
    /// From the garbling below.
    #[error(transparent)]
    Garble(#[from] GarbleError),
}

impl BabeError {
    pub(crate) fn field(field: impl ToString, expected: impl ToString, got: impl ToString) -> Self {
        Self::Field {
            field: field.to_string(),
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }
}

/// Refuses a list that is not exactly `expected` long.
pub(crate) fn length(
    field: &str,
    unit: &str,
    expected: usize,
    got: usize,
) -> Result<(), BabeError> {
    if expected == got {
        return Ok(());
    }
    let expected = format!("{expected} {unit}");
    Err(BabeError::field(field, expected, format!("{got} {unit}")))
}
