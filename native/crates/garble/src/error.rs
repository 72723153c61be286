//! What this crate refuses.

/// Why a circuit, a table or a set of labels was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GarbleError {
    /// The binary form of a circuit is wrong at a byte offset.
    #[error("circuit, byte {offset}: expected {expected}, got {got}")]
    Circuit {
        /// Where in the binary form.
        offset: usize,
        /// What belongs there.
        expected: String,
        /// What stands there.
        got: String,
    },
    /// A list or a byte string has the wrong length.
    #[error("{field}: expected {expected}, got {got}")]
    Length {
        /// The argument's name.
        field: &'static str,
        /// The right length, with its unit.
        expected: String,
        /// The length that came.
        got: usize,
    },
    /// The processor lacks the instructions of a path.
    #[error("path: expected one that this processor has, got {0}")]
    Path(&'static str),
    /// The caller raised the cancel flag.
    #[error("cancelled by the caller")]
    Cancelled,
}

pub(crate) fn length(
    field: &'static str,
    expected: usize,
    unit: &str,
    got: usize,
) -> Result<(), GarbleError> {
    if expected == got {
        return Ok(());
    }
    Err(GarbleError::Length {
        field,
        expected: format!("{expected} {unit}"),
        got,
    })
}
