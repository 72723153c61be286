//! What this crate refuses.

/// Why a secret was not made, opened or used.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// An argument is out of its range.
    #[error("{field}: expected {expected}, got {got}")]
    Field {
        /// The argument's name.
        field: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What came (never secret bytes).
        got: String,
    },
    /// Authentication failed; which of the three, the cipher cannot tell.
    #[error(
        "sealed: expected bytes sealed under this key and context, got others: the passphrase, the salt or its cost, \
         the context or the bytes are wrong"
    )]
    Unseal,
    /// The operating system gives no random bytes.
    #[error("the operating system's random generator failed: {0}")]
    Random(String),
}
