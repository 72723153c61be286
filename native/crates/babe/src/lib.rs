//! Dispute engine babe: the Groth16 equation outside the circuit, only the 64 bytes of a proof's first point inside.
//!
//! Promises: the binary form (`garble::Circuit`) of the one circuit of the engine, the same bytes in every build; it
//! computes on every input, and an input that is no point of the curve counts as the generator. The garbled encoding of
//! p1 -> r p1 on the labels of its outputs, the same bytes on every processor. Encryption to a statement, which r p1
//! and a valid proof open. Secrets are wiped.
//! Does NOT know digits' secrets, shares, commitments, cut-and-choose or who garbles.

mod builder;
mod columns;
mod digits;
mod encoding;
mod error;
mod features;
mod field;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod integers;
mod masks;
mod multiples;
mod secrets;
mod statement;
mod wide;

pub use digits::TERMS;
pub use encoding::{ENCODING_BYTES, HashKey, LABELS, OFFSETS_BYTES, decode, encode};
pub use error::BabeError;
pub use features::{FEATURE_BITS, FEATURES, INPUT_BITS, features_circuit};
pub use secrets::Secrets;
pub use statement::{CIPHERTEXT_BYTES, KEY_BYTES, PROOF_BYTES, Statement};
