//! Points of BN254 as snarkjs keeps them in a zkey: both coordinates as Montgomery limbs, little-endian, infinity all
//! zeros; decoded one by one out of a mapped section while they are used.
//!
//! Does NOT copy a section, and does not check what `get` returns: `check` and `usable` do.

use std::marker::PhantomData;

use ark_bn254::{Fq, Fq2, g1, g2};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{AdditiveGroup, PrimeField};

use crate::fault::{Result, fault};
use crate::sections::{WORD, limbs};

/// A coordinate of a group of BN254 in a file.
pub trait Coordinate: ark_ff::Field {
    /// Bytes of one.
    const BYTES: usize;
    /// Out of limbs that may be anything.
    fn raw(bytes: &[u8]) -> Self;
    /// Whether each number is below q.
    fn is_canonical(bytes: &[u8]) -> bool;
    /// As limbs.
    fn write(&self, out: &mut Vec<u8>);
}

impl Coordinate for Fq {
    const BYTES: usize = WORD;

    #[inline]
    fn raw(bytes: &[u8]) -> Self {
        Self::new_unchecked(limbs(bytes))
    }
    #[inline]
    fn is_canonical(bytes: &[u8]) -> bool {
        limbs(bytes) < Self::MODULUS
    }
    fn write(&self, out: &mut Vec<u8>) {
        for limb in self.0.0 {
            out.extend(limb.to_le_bytes());
        }
    }
}

impl Coordinate for Fq2 {
    const BYTES: usize = 2 * WORD;

    #[inline]
    fn raw(bytes: &[u8]) -> Self {
        Self::new(Fq::raw(&bytes[..WORD]), Fq::raw(&bytes[WORD..]))
    }
    #[inline]
    fn is_canonical(bytes: &[u8]) -> bool {
        bytes.chunks_exact(WORD).all(Fq::is_canonical)
    }
    fn write(&self, out: &mut Vec<u8>) {
        self.c0.write(out);
        self.c1.write(out);
    }
}

/// A group of BN254.
pub trait Group: SWCurveConfig<ScalarField = ark_bn254::Fr, BaseField: Coordinate> {
    /// Bytes of a point.
    const BYTES: usize = 2 * Self::BaseField::BYTES;

    /// Makes the first additions out[targets[i]] += points[i] where the processor has lanes for them, and says how many.
    /// Targets are distinct; no point is infinity, and the two of an addition have different x.
    fn add_in_lanes(out: &mut [Affine<Self>], targets: &[u32], points: &[Affine<Self>]) -> usize;
}

macro_rules! group {
    ($config:ty, $add:ident) => {
        impl Group for $config {
            #[cfg(target_arch = "x86_64")]
            fn add_in_lanes(
                out: &mut [Affine<Self>],
                targets: &[u32],
                points: &[Affine<Self>],
            ) -> usize {
                crate::bn254::avx512::Here::detect()
                    .map_or(0, |here| here.$add(out, targets, points))
            }

            #[cfg(not(target_arch = "x86_64"))]
            fn add_in_lanes(_: &mut [Affine<Self>], _: &[u32], _: &[Affine<Self>]) -> usize {
                0
            }
        }
    };
}

group!(g1::Config, add_g1);
group!(g2::Config, add_g2);

/// The points of a section.
pub struct Points<'a, P> {
    name: &'static str,
    raw: &'a [u8],
    group: PhantomData<P>,
}

impl<'a, P: Group> Points<'a, P> {
    /// Over a section whose length was checked.
    pub fn new(name: &'static str, raw: &'a [u8]) -> Self {
        debug_assert_eq!(raw.len() % P::BYTES, 0);
        Self {
            name,
            raw,
            group: PhantomData,
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.raw.len() / P::BYTES
    }

    /// One of them, as it stands there.
    #[inline]
    pub fn get(&self, i: usize) -> Affine<P> {
        let (x, y) = self.bytes(i).split_at(P::BaseField::BYTES);
        Affine::new_unchecked(P::BaseField::raw(x), P::BaseField::raw(y))
    }

    #[inline]
    fn bytes(&self, i: usize) -> &'a [u8] {
        &self.raw[i * P::BYTES..(i + 1) * P::BYTES]
    }

    /// The indices whose scalar is not zero (by `wanted`) and whose point is not infinity; coordinates are below q.
    pub fn usable(
        &self,
        range: std::ops::Range<usize>,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<Vec<u32>> {
        let mut found = Vec::with_capacity(range.len());
        for i in range {
            if wanted(i) && self.canonical(i)? {
                found.push(i as u32);
            }
        }
        Ok(found)
    }

    /// Whether the point is finite; coordinates not below q are refused.
    fn canonical(&self, i: usize) -> Result<bool> {
        let bytes = self.bytes(i);
        if !P::BaseField::is_canonical(&bytes[..P::BaseField::BYTES])
            || !P::BaseField::is_canonical(&bytes[P::BaseField::BYTES..])
        {
            return Err(fault(
                format_args!("{}[{i}]", self.name),
                "coordinates below the field's modulus q",
                format_args!("0x{}", hex::encode(bytes)),
            ));
        }
        Ok(bytes.iter().any(|byte| *byte != 0))
    }

    /// The point, if its coordinates are below q and it is infinity or on the curve; the subgroup is another question.
    pub fn on_curve(&self, i: usize) -> Result<Affine<P>> {
        let finite = self.canonical(i)?;
        let point = self.get(i);
        if finite && !point.is_on_curve() {
            return Err(fault(
                format_args!("{}[{i}]", self.name),
                "a point of the curve",
                "a point off the curve",
            ));
        }
        Ok(point)
    }

    /// The name for refusals.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// Appends a point as a zkey has it.
pub fn write_point<P: Group>(point: &Affine<P>, out: &mut Vec<u8>) {
    debug_assert!(P::COEFF_A == P::BaseField::ZERO);
    point.x.write(out);
    point.y.write(out);
}
