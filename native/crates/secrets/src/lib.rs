//! Secrets: made, derived, sealed, used and wiped here.
//!
//! Promises that a [`Seed`], [`Secret`], [`SealingKey`] or [`WalletKeys`] lives behind one heap allocation that is
//! wiped on drop, prints nothing, and leaves this crate only where a function's name says so (`reveal`, `expose`).
//! Copies that the elliptic-curve libraries keep on their own stack during one call are beyond its reach.
//! Does NOT know files, transactions, vaults, or which secret may be shown when.

mod error;
mod seal;
mod secret;
mod seed;
mod wallet;

pub use error::SecretsError;
pub use seal::SealingKey;
pub use secret::Secret;
pub use seed::Seed;
pub use wallet::WalletKeys;

/// 32 bytes on the heap, wiped on drop; moving the handle never copies them.
type Bytes32 = Box<zeroize::Zeroizing<[u8; 32]>>;

/// 32 fresh bytes of the operating system's generator.
fn random32() -> Result<Bytes32, SecretsError> {
    let mut bytes = Bytes32::default();
    getrandom::fill(&mut bytes[..]).map_err(|error| SecretsError::Random(error.to_string()))?;
    Ok(bytes)
}
