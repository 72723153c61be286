//! Pairings of BN254 where the processor has AVX-512 with 52-bit products (IFMA).
//!
//! The coefficients of one element of the target field, or the independent products of one step on the curve, go side
//! by side in eight lanes. Results equal the portable form's.

// Iterators would put the code into closures of functions without the features.
#![allow(clippy::needless_range_loop)]

mod lanes;
mod lines;
mod quadratic;
mod roots;
mod scale;
mod sums;
mod target;

use ark_bn254::{Bn254, Fq, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::pairing::{MillerLoopOutput, PairingOutput};

use super::{Line, Seed};

/// Shows that this processor has what the functions behind it use.
#[derive(Clone, Copy)]
pub struct Here(());

/// The lines of a fixed point.
pub struct Lines(lines::Lines);

impl Here {
    /// None on other processors.
    pub fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512ifma"))
            .then_some(Self(()))
    }

    /// Lines that were divided by their first coefficients, for [`Self::loops`].
    pub fn lines(self, divided: &[Line]) -> Lines {
        Lines(lines::Lines::new(divided))
    }

    /// The product of the Miller loops of pairs; none has infinity in it.
    pub fn loops(
        self,
        moving: &[(G1Affine, G2Affine)],
        fixed: &[(G1Affine, &Lines)],
    ) -> MillerLoopOutput<Bn254> {
        let fixed: Vec<_> = fixed.iter().map(|(p, lines)| (*p, &lines.0)).collect();
        // SAFETY: `Here` exists only where `detect` found the features.
        MillerLoopOutput(unsafe { lines::loops(moving, &fixed) })
    }

    /// The final exponentiation.
    pub fn finish(self, loops: MillerLoopOutput<Bn254>) -> Option<PairingOutput<Bn254>> {
        // SAFETY: `Here` exists only where `detect` found the features.
        unsafe { target::finish(&loops.0) }.map(PairingOutput)
    }

    /// A power of an element of order r; digits from the lowest, zero or odd, at most 7.
    pub fn power(self, of: &PairingOutput<Bn254>, digits: &[i8]) -> PairingOutput<Bn254> {
        // SAFETY: `Here` exists only where `detect` found the features.
        PairingOutput(unsafe { target::power(&of.0, digits) })
    }

    /// Each point times its coefficient; none is infinity.
    pub fn scale(self, points: &[G1Affine], seeds: &[Seed]) -> Vec<G1Projective> {
        // SAFETY: `Here` exists only where `detect` found the features.
        let eight = |(points, seeds)| unsafe { scale::scale(points, seeds) };
        let chunks = points.chunks(8).zip(seeds.chunks(8));
        chunks.flat_map(eight).collect()
    }

    /// x Q; none is an answer only where Q is not of order r. It is not infinity.
    pub fn times_x(self, point: &G2Affine) -> Option<G2Projective> {
        // SAFETY: `Here` exists only where `detect` found the features.
        unsafe { lines::times_x(point) }
    }

    /// Each x to the power of one exponent.
    pub fn powers(self, x: &[Fq; 8], exponent: &[u64; 4]) -> [Fq; 8] {
        // SAFETY: `Here` exists only where `detect` found the features.
        unsafe { roots::powers(x, exponent) }
    }
}
