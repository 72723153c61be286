//! Groth16 on BN254 and BLS12-381: verification and the file formats of keys, proofs and public inputs; on BN254 also
//! constraint systems, proving keys and proofs.
//!
//! Promises that a [`Key`], [`Proof`] or list of inputs that exists was checked whole: numbers canonical (refused, never
//! reduced), points on the curve and in the subgroup, counts right, nothing left over. Does NOT know what a statement
//! means, nor files or clocks. The source of the scheme is Groth, ePrint 2016/260.

mod affine;
mod any;
mod arkworks;
mod bn254;
mod bytes;
mod coefficients;
mod curve;
mod fault;
mod fft;
mod fixed;
mod iden3;
mod json;
mod key;
pub mod limits;
mod mapped;
mod msm;
mod points;
mod precompiles;
mod progress;
mod prove;
mod r1cs;
mod sections;
mod setup;
mod snarkjs;
mod verify;
mod zkey;

pub use any::{AnyFolded, AnyInputs, AnyKey, AnyProof, verify_batch};
pub use ark_bn254::Fr;
pub use bn254::roots::{BATCH, square_roots};
pub use bytes::{eip197_g2, write_eip197_g2};
pub use curve::{Curve, CurveId};
pub use fault::{Groth16Error, Result, fault, guarded, shown};
pub use iden3::{read_r1cs, read_wtns, save_r1cs, save_wtns, write_r1cs, write_wtns};
pub use key::{Encoding, Format, Key, Proof, parse_inputs};
pub use precompiles::{bn254_add, bn254_multiply, bn254_pairing};
pub use progress::Progress;
pub use prove::prove;
pub use r1cs::{Circuit, R1cs, Row, inputs_of};
pub use setup::setup_single_party;
pub use verify::Folded;
pub use zkey::{Header, ProvingKey};
