//! Dispute engine babe: the Groth16 equation outside the circuit, only the 64 bytes of a proof's first point inside.
//!
//! Promises: the binary form (`garble::Circuit`) of the one circuit of the engine, the same bytes in every build; it
//! computes on every input, and an input that is no point of the curve counts as the generator.
//! Does NOT know labels, tables, digits' secrets, the encoding of r * p1, pairings or who garbles.

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
