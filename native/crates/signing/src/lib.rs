//! BIP340 verification, adaptor presignatures by one signer, and batches of MuSig2 (BIP327) sessions with adaptors.
//!
//! Promises that every length, point and scalar is checked before it is used, that the point at infinity is refused
//! wherever it could come from, and that an adaptor point is added to the first half of the aggregate nonce BEFORE the
//! nonce coefficient is hashed. Does NOT know transactions, and does NOT remember which nonce was used: whoever calls
//! `sign` twice with one seed and different nonces of the others gives its key away, so a durable guard stands before it.
//! What is kept of secrets is wiped; copies that the curve libraries leave on their stack during a call are not.

mod adaptor;
mod attest;
#[cfg(test)]
mod bip327_vectors;
mod error;
mod points;
mod presigning;
mod session;

pub use adaptor::{check_presignature, complete, equal_nonces, extract, presign};
pub use attest::{announce, attest};
pub use error::SigningError;
pub use points::{add_points, combine, is_point, verify};
pub use presigning::{Item, Presigning, aggregate_key};

/// Length of a public nonce.
pub const NONCE: usize = 66;
/// Length of a partial signature.
pub const PARTIAL: usize = 32;
/// Length of a presignature: R' compressed with its parity, then s'.
pub const PRESIGNATURE: usize = 65;
