//! What this crate refuses.

use std::fmt::Display;

/// Why something was not signed, checked or combined: names the argument and what was wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{field}: expected {expected}, got {got}")]
pub struct SigningError {
    field: String,
    expected: String,
    got: String,
}

impl SigningError {
    pub(crate) fn new(field: impl Display, expected: impl Display, got: impl Display) -> Self {
        Self {
            field: field.to_string(),
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }
}

impl From<secrets::SecretsError> for SigningError {
    fn from(error: secrets::SecretsError) -> Self {
        Self::new("secret", "one that can be used", error)
    }
}

/// `bytes` cut into `count` pieces of `size` bytes.
pub(crate) fn pieces<'a>(
    field: impl Display,
    bytes: &'a [u8],
    count: usize,
    size: usize,
) -> Result<std::slice::ChunksExact<'a, u8>, SigningError> {
    if Some(bytes.len()) != count.checked_mul(size) {
        let expected = format!("{count} * {size} bytes");
        return Err(SigningError::new(field, expected, bytes.len()));
    }
    Ok(bytes.chunks_exact(size))
}
