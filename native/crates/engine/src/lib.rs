//! The dispute engines: garbled instances, soldered to digit points, that free a secret scalar. In `core` the FALSE output
//! of a predicate frees it, in `babe` a valid proof of a statement whose first point the digits say.
//!
//! Promises: everything a garbler makes follows from two seeds, so a crash and a restart give the same bytes; whatever a
//! peer sent is either checked whole or refused with the field named; memory does not grow with the number of instances
//! on more than commitments and openings. Does NOT know files, transactions, who the peers are, or how the kept set
//! was drawn and stored (that one kept set only is ever answered under a setup id is the caller's duty).
//!
//! The executable model is `dispute_reference.py`; ways and names are the same, hashes are BLAKE3 here.

mod adaptor;
mod check;
mod curve;
mod digits;
mod drill;
mod encryption;
mod error;
mod evaluate;
mod field;
mod garbler;
mod held;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod instance;
mod knowledge;
mod params;
pub mod pieces;
mod polynomial;
mod presigning;
mod proof;
mod scalar;
mod solder;
mod table;
#[cfg(test)]
mod tests;
mod transcript;

pub use adaptor::{PRESIGNATURE_BYTES, complete_bound_digits, complete_digits, extract_digits};
pub use babe::Statement;
pub use check::{check, check_opened};
pub use digits::{digit_points, value_points};
pub use drill::{make_drill, run_drill};
pub use error::EngineError;
pub use evaluate::{Digit, evaluate};
pub use garble::Control;
pub use garbler::Garbler;
pub use knowledge::{PROOF_BYTES, check_knowledge, prove_knowledge};
pub use params::{Layout, Params, Predicate};
pub use presigning::{add_points, check_digit_presignatures, presign_digits};
pub use solder::hash_to_curve;
