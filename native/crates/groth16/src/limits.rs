//! How large anything may be, with the reason.

/// Public inputs of one key: a batch verifier's worth; our own statements have one or two.
pub const INPUTS: usize = 1 << 14;

/// Bytes of a key file: the JSON of a key with `INPUTS` inputs on BLS12-381 takes 4.2 MB.
pub const KEY_BYTES: usize = 6 << 20;

/// Bytes of a proof file: JSON on BLS12-381 takes 1.5 kB.
pub const PROOF_BYTES: usize = 16 << 10;

/// Bytes of a file of public inputs: JSON takes 80 bytes an input.
pub const INPUT_BYTES: usize = 2 << 20;

/// Proofs of one batch: what one call holds in memory.
pub const BATCH: usize = 1 << 16;

/// Nesting of JSON: the deepest honest field (`vk_alphabeta_12` of a key) has four levels.
pub const DEPTH: usize = 8;

/// Constraints of one circuit: our statements have 30 thousand and 240 thousand; more is a proof of minutes and a key of
/// gigabytes.
pub const CONSTRAINTS: usize = 1 << 23;

/// Wires of one circuit, for the same reason.
pub const WIRES: usize = 1 << 24;
