//! The two curves, and points made of coordinates that were checked: below p, on the curve, in the subgroup.

use std::fmt::Display;

use ark_ec::AffineRepr;
use ark_ec::pairing::{MillerLoopOutput, Pairing, PairingOutput};
use ark_ff::PrimeField;
use ark_serialize::CanonicalDeserialize;

use crate::bn254::{self, Seed};
use crate::fault::{Result, fault, shown};

/// Which curve a key, proof or input belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurveId {
    /// BN254 of EIP-196/197, also called bn128 or alt_bn128: the protocol's curve.
    Bn254,
    /// BLS12-381.
    Bls12381,
}

impl CurveId {
    /// Every curve, the protocol's first.
    pub const ALL: [Self; 2] = [Self::Bn254, Self::Bls12381];

    /// The name in this program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bn254 => "bn254",
            Self::Bls12381 => "bls12_381",
        }
    }

    /// The name in snarkjs files.
    pub fn snarkjs(self) -> &'static str {
        match self {
            Self::Bn254 => "bn128",
            Self::Bls12381 => "bls12381",
        }
    }

    /// The curve of that name.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|curve| curve.name() == name);
        found.ok_or_else(|| fault("curve", "bn254 or bls12_381", shown(name)))
    }
}

/// The field of G2's coordinates.
pub type Fq2<E> = <<E as Pairing>::G2Affine as AffineRepr>::BaseField;

/// A pairing whose points can be made of coordinates.
pub trait Curve: Pairing {
    /// Which one it is.
    const ID: CurveId;

    /// What the Miller loop needs of a fixed point of G2.
    type Lines: Send + Sync;

    /// The lines of a point.
    fn lines(point: Self::G2Affine) -> Self::Lines;
    /// The product of the Miller loops of pairs, and of pairs whose lines are known.
    fn loops(
        moving: &[(Self::G1Affine, Self::G2Affine)],
        fixed: &[(Self::G1Affine, &Self::Lines)],
    ) -> MillerLoopOutput<Self>;
    /// The final exponentiation; the same value as the library's.
    fn finish(loops: MillerLoopOutput<Self>) -> Option<PairingOutput<Self>>;
    /// A power of an element of order r of the target field.
    fn power(of: PairingOutput<Self>, exponent: Self::ScalarField) -> PairingOutput<Self>;
    /// What a random seed stands for in a linear combination: another number for each seed.
    fn coefficient(seed: Seed) -> Self::ScalarField;
    /// Each point times the coefficient of its seed.
    fn scale(points: &[Self::G1Affine], seeds: &[Seed]) -> Vec<Self::G1>;
    /// Whether a point of the curve of G2 is in the subgroup.
    fn is_of_order_r(point: &Self::G2Affine) -> bool;

    /// A point of unchecked coordinates.
    fn g1_unchecked(x: Self::BaseField, y: Self::BaseField) -> Self::G1Affine;
    /// A point of unchecked coordinates.
    fn g2_unchecked(x: Fq2<Self>, y: Fq2<Self>) -> Self::G2Affine;
    /// The point with that x and the larger or smaller y (comparing imaginary parts first); not checked for subgroup.
    fn g1_from_x(x: Self::BaseField, largest: bool) -> Option<Self::G1Affine>;
    /// The same in G2.
    fn g2_from_x(x: Fq2<Self>, largest: bool) -> Option<Self::G2Affine>;
    /// Whether it is on the curve, and whether in the subgroup of order r (asked only when it is on the curve).
    fn g1_checks(point: &Self::G1Affine) -> (bool, bool);
    /// The same in G2.
    fn g2_checks(point: &Self::G2Affine) -> (bool, bool);
}

macro_rules! curve {
    ($module:ident, $pairing:ty, $id:expr, { $($pairings:tt)* }) => {
        impl Curve for $pairing {
            const ID: CurveId = $id;
            $($pairings)*

            fn g1_unchecked(x: Self::BaseField, y: Self::BaseField) -> Self::G1Affine {
                $module::G1Affine::new_unchecked(x, y)
            }
            fn g2_unchecked(x: Fq2<Self>, y: Fq2<Self>) -> Self::G2Affine {
                $module::G2Affine::new_unchecked(x, y)
            }
            fn g1_from_x(x: Self::BaseField, largest: bool) -> Option<Self::G1Affine> {
                $module::G1Affine::get_point_from_x_unchecked(x, largest)
            }
            fn g2_from_x(x: Fq2<Self>, largest: bool) -> Option<Self::G2Affine> {
                $module::G2Affine::get_point_from_x_unchecked(x, largest)
            }
            fn g1_checks(point: &Self::G1Affine) -> (bool, bool) {
                let on = point.is_on_curve();
                (on, on && point.is_in_correct_subgroup_assuming_on_curve())
            }
            fn g2_checks(point: &Self::G2Affine) -> (bool, bool) {
                let on = point.is_on_curve();
                (on, on && Self::is_of_order_r(point))
            }
        }
    };
}

curve!(ark_bn254, ark_bn254::Bn254, CurveId::Bn254, {
    type Lines = bn254::Lines;

    fn lines(point: Self::G2Affine) -> Self::Lines {
        bn254::Lines::new(point)
    }
    fn loops(
        moving: &[(Self::G1Affine, Self::G2Affine)],
        fixed: &[(Self::G1Affine, &Self::Lines)],
    ) -> MillerLoopOutput<Self> {
        bn254::loops(moving, fixed)
    }
    fn finish(loops: MillerLoopOutput<Self>) -> Option<PairingOutput<Self>> {
        bn254::finish(loops)
    }
    fn power(of: PairingOutput<Self>, exponent: Self::ScalarField) -> PairingOutput<Self> {
        bn254::power(of, exponent)
    }
    fn coefficient(seed: Seed) -> Self::ScalarField {
        bn254::coefficient(seed)
    }
    fn scale(points: &[Self::G1Affine], seeds: &[Seed]) -> Vec<Self::G1> {
        bn254::scale(points, seeds)
    }
    fn is_of_order_r(point: &Self::G2Affine) -> bool {
        bn254::is_of_order_r(point)
    }
});
curve!(
    ark_bls12_381,
    ark_bls12_381::Bls12_381,
    CurveId::Bls12381,
    {
        type Lines = Self::G2Prepared;

        fn lines(point: Self::G2Affine) -> Self::Lines {
            point.into()
        }
        fn loops(
            moving: &[(Self::G1Affine, Self::G2Affine)],
            fixed: &[(Self::G1Affine, &Self::Lines)],
        ) -> MillerLoopOutput<Self> {
            let left = moving
                .iter()
                .map(|(one, _)| *one)
                .chain(fixed.iter().map(|(one, _)| *one));
            let right = moving.iter().map(|(_, two)| (*two).into());
            Self::multi_miller_loop(
                left,
                right.chain(fixed.iter().map(|(_, lines)| (*lines).clone())),
            )
        }
        fn finish(loops: MillerLoopOutput<Self>) -> Option<PairingOutput<Self>> {
            Self::final_exponentiation(loops)
        }
        fn power(of: PairingOutput<Self>, exponent: Self::ScalarField) -> PairingOutput<Self> {
            of * exponent
        }
        fn coefficient(seed: Seed) -> Self::ScalarField {
            Self::ScalarField::from(u128::from(seed[1]) << 64 | u128::from(seed[0]))
        }
        fn scale(points: &[Self::G1Affine], seeds: &[Seed]) -> Vec<Self::G1> {
            let one = |(point, seed): (&Self::G1Affine, &Seed)| point.mul_bigint(seed);
            points.iter().zip(seeds).map(one).collect()
        }
        fn is_of_order_r(point: &Self::G2Affine) -> bool {
            point.is_in_correct_subgroup_assuming_on_curve()
        }
    }
);

/// Bytes of a number below the modulus of F, the same in every format here.
pub fn size<F: PrimeField>() -> usize {
    F::MODULUS_BIT_SIZE.div_ceil(64) as usize * 8
}

/// A coordinate of big-endian bytes; never reduced.
pub fn coordinate<E: Curve>(field: &dyn Display, big_endian: &[u8]) -> Result<E::BaseField> {
    number(
        field,
        "a coordinate below the field's modulus p",
        big_endian,
    )
}

/// A public input of big-endian bytes; never reduced.
pub fn scalar<E: Curve>(field: &dyn Display, big_endian: &[u8]) -> Result<E::ScalarField> {
    number(field, "a number below the group order r", big_endian)
}

fn number<F: PrimeField>(field: &dyn Display, expected: &str, big_endian: &[u8]) -> Result<F> {
    let little: Vec<u8> = big_endian.iter().rev().copied().collect();
    (little.len() == size::<F>())
        .then(|| F::BigInt::deserialize_uncompressed(&little[..]).ok())
        .flatten()
        .and_then(F::from_bigint)
        .ok_or_else(|| fault(field, expected, format!("0x{}", hex::encode(big_endian))))
}

/// Big-endian bytes of a number.
pub fn big_endian<F: PrimeField>(number: F) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size::<F>());
    for limb in number.into_bigint().as_ref().iter().rev() {
        bytes.extend(limb.to_be_bytes());
    }
    bytes
}

/// The point, if it is on the curve and in the subgroup; infinity passes.
pub fn g1<E: Curve>(field: &dyn Display, point: E::G1Affine) -> Result<E::G1Affine> {
    placed(field, E::g1_checks(&point)).map(|()| point)
}

/// The point, if it is on the curve and in the subgroup; infinity passes.
pub fn g2<E: Curve>(field: &dyn Display, point: E::G2Affine) -> Result<E::G2Affine> {
    placed(field, E::g2_checks(&point)).map(|()| point)
}

fn placed(field: &dyn Display, checks: (bool, bool)) -> Result<()> {
    match checks {
        (true, true) => Ok(()),
        (true, false) => Err(fault(
            field,
            "a point of the subgroup of order r",
            "a point of the curve outside it",
        )),
        (false, _) => Err(fault(
            field,
            "a point of the curve",
            "a point off the curve",
        )),
    }
}

/// Refuses infinity.
pub fn finite<P: AffineRepr>(field: &dyn Display, point: &P) -> Result<()> {
    if point.is_zero() {
        return Err(fault(field, "a point other than infinity", "infinity"));
    }
    Ok(())
}
