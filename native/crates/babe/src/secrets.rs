//! What the garbler alone knows of one instance: r, and the points and scales that hide it in the encoding.

use ark_bn254::{Fq, Fr, G1Affine, G1Projective};
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, Field, MontFp, PrimeField, Zero};
use groth16::{BATCH, square_roots};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::digits::TERMS;

const CONTEXT: &str = "bitvm3 2026 babe encoding secrets v1";
/// w: a cube root of 1 with (w x, y) = lambda (x, y).
pub(crate) const W: Fq =
    MontFp!("0x30644e72e131a0295e6dd9e7e0acccb0c28f069fbb966e3de4bd44e5607cfd48");

/// Of one instance; wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secrets {
    r: Fr,
    /// rho_i with sum t^i rho_i = O.
    pub(crate) masks: Vec<G1Affine>,
    /// l_i, not zero.
    pub(crate) scales: Vec<Fq>,
}

impl Secrets {
    /// Draws everything from a seed: r, the scales, then rho_90 .. rho_1; rho_0 follows from them.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let mut stream = blake3::Hasher::new_derive_key(CONTEXT)
            .update(seed)
            .finalize_xof();
        let mut wide = Zeroizing::new([0; 64]);
        stream.fill(&mut wide[..]);
        let r = Fr::from_le_bytes_mod_order(&wide[..]);
        let mut scales = Vec::with_capacity(TERMS);
        while scales.len() < TERMS {
            let scale = element(&mut stream);
            if !scale.is_zero() {
                scales.push(scale);
            }
        }
        let mut masks = Zeroizing::new(points(&mut stream, TERMS - 1));
        let mut rest = G1Projective::ZERO;
        for mask in masks.iter() {
            rest = times_base(&rest) + *mask;
        }
        masks.push((-times_base(&rest)).into_affine());
        let masks = masks.iter().rev().copied().collect();
        Self { r, masks, scales }
    }

    /// The scalar that the encoding applies.
    pub fn r(&self) -> &Fr {
        &self.r
    }
}

/// t P = 2 P - lambda P.
pub(crate) fn times_base(point: &G1Projective) -> G1Projective {
    let turned = G1Projective::new_unchecked(point.x * W, point.y, point.z);
    point.double() - turned
}

/// Random points other than O: random coordinates x until enough have a y, then a sign for each.
fn points(stream: &mut blake3::OutputReader, count: usize) -> Vec<G1Affine> {
    let mut points = Vec::with_capacity(TERMS); // never moved, so that wiping it leaves nothing
    while points.len() < count {
        let x: Zeroizing<[Fq; BATCH]> = Zeroizing::new(std::array::from_fn(|_| element(stream)));
        let mut signs = Zeroizing::new([0; BATCH]);
        stream.fill(&mut signs[..]);
        let squares = Zeroizing::new(x.map(|x| x.square() * x + Fq::from(3)));
        let roots = Zeroizing::new(square_roots(&squares));
        for (n, sign) in signs.iter().enumerate() {
            // which x have no y says nothing about those that do; the curve has no other subgroup
            if roots[n].square() == squares[n] && points.len() < count {
                let sign = Fq::ONE - Fq::from(2 * (sign & 1));
                points.push(G1Affine::new_unchecked(x[n], roots[n] * sign));
            }
        }
    }
    points
}

fn element(stream: &mut blake3::OutputReader) -> Fq {
    let mut wide = Zeroizing::new([0; 48]);
    stream.fill(&mut wide[..]);
    Fq::from_le_bytes_mod_order(&wide[..])
}
