//! What a claim proves: the lending ledger's hashes, signatures and statements, natively and as constraints over BN254.
//!
//! Promises that a constraint system never depends on the values of its witness, that the native functions and the
//! constraints of one name compute the same, and that no number is ever reduced: what is out of range is refused.
//! docs/ledger.md is the specification. Does NOT know proofs, keys of provers, files or peers.

pub mod babyjub;
pub mod builder;
pub mod eddsa;
pub mod field;
pub mod gadget;
pub mod poseidon;
pub mod state;
pub mod transition;
pub mod tree;
pub mod witness;

pub use ark_bn254::Fr;
