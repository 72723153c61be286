//! Privacy-free garbling of Boolean circuits, K instances in lockstep.
//!
//! Promises: one 16-byte ciphertext an AND gate and nothing for XOR, NOT and constants; the same bytes for the same
//! labels on every [`Path`] and at every width; tables leave in chunks while they are made; no panic on any bytes.
//! Does NOT know what a circuit means, who garbles, digits, points or commitments.
//!
//! Scheme: zero label W0, one label W0 ^ delta (free XOR); AND: C0 = H(A0, t), ciphertext = H(A0, t) ^ H(A1, t) ^ B0.
//! H is CCRND of ePrint 2019/074: y = sigma(x ^ t ^ S), AES128_k(y) ^ y, with k and S drawn for each instance and t
//! the index of the AND gate. Inputs are public in a dispute, so authenticity is all that the tables must give.

mod circuit;
mod control;
mod error;
mod evaluation;
mod frame;
mod garbling;
mod hash;
mod naive;
mod portable;
mod program;
mod run;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use circuit::Circuit;
pub use control::Control;
pub use error::GarbleError;
pub use evaluation::{Evaluated, EvaluatorLane, evaluate};
pub use frame::{Path, WIDTHS};
pub use garbling::{Lane, garble};
pub use hash::ccrnd;
pub use naive::{naive_evaluate, naive_garble};
pub use program::{CHUNK_ANDS, Program};
pub use run::Run;

/// A wire label, a hash key or a ciphertext: 16 bytes.
pub type Block = [u8; 16];
