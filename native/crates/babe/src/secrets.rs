//! What the garbler alone knows of one instance: r, and the points and scales that hide it in the encoding.

use ark_bn254::{Fq, Fr, G1Affine, G1Projective};
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, MontFp, PrimeField, Zero};
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
    /// Draws everything from a seed: r, then rho_1.. (rho_0 follows), then the scales.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let mut stream = blake3::Hasher::new_derive_key(CONTEXT)
            .update(seed)
            .finalize_xof();
        let mut wide = Zeroizing::new([0; 64]);
        stream.fill(&mut wide[..]);
        let r = Fr::from_le_bytes_mod_order(&wide[..]);
        let mut masks = vec![G1Affine::identity(); TERMS];
        let mut scales = Vec::with_capacity(TERMS);
        let mut rest = G1Projective::ZERO;
        for mask in masks[1..].iter_mut().rev() {
            *mask = point(&mut stream);
            rest = times_base(&rest) + *mask;
        }
        masks[0] = (-times_base(&rest)).into_affine();
        while scales.len() < TERMS {
            let scale = element(&mut stream);
            if !scale.is_zero() {
                scales.push(scale);
            }
        }
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

/// A random point other than O: random coordinates x until one has a y, then its sign.
fn point(stream: &mut blake3::OutputReader) -> G1Affine {
    loop {
        let x = element(stream);
        let mut sign = [0];
        stream.fill(&mut sign);
        if let Some((y, other)) = G1Affine::get_ys_from_x_unchecked(x) {
            let y = if sign[0] & 1 == 0 { y } else { other };
            return G1Affine::new_unchecked(x, y); // the curve has no other subgroup
        }
    }
}

fn element(stream: &mut blake3::OutputReader) -> Fq {
    let mut wide = Zeroizing::new([0; 48]);
    stream.fill(&mut wide[..]);
    Fq::from_le_bytes_mod_order(&wide[..])
}
