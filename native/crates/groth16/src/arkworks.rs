//! arkworks: CanonicalSerialize of VerifyingKey, Proof and `Vec<Fr>`, compressed or not; docs/groth16.md has the layout.

use std::fmt::Display;

use ark_ec::AffineRepr;
use ark_ff::AdditiveGroup;
use ark_serialize::{CanonicalSerialize, Compress, Validate};

use crate::curve::{Curve, g1, g2, scalar, size};
use crate::fault::{Result, fault};
use crate::key::Points;
use crate::limits;

/// Takes canonical values off the front of bytes.
struct Reader<'a> {
    rest: &'a [u8],
    compress: Compress,
}

impl<'a> Reader<'a> {
    fn take(&mut self, field: &dyn Display, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| {
            fault(
                field,
                format_args!("{length} bytes"),
                format_args!("{} bytes", self.rest.len()),
            )
        })?;
        self.rest = rest;
        Ok(taken)
    }

    /// A point as it is written, not yet checked for curve and subgroup. arkworks itself ignores what stands beside the
    /// infinity flag and the sign flag of an uncompressed point: writing it again shows both.
    fn point<P: AffineRepr>(&mut self, field: &dyn Display) -> Result<P> {
        let length = P::zero().serialized_size(self.compress);
        let taken = self.take(field, length)?;
        P::deserialize_with_mode(taken, self.compress, Validate::No)
            .ok()
            .filter(|point| written(point, self.compress) == taken)
            .ok_or_else(|| {
                fault(
                    field,
                    "a point with canonical coordinates and flags",
                    format_args!("0x{}", hex::encode(taken)),
                )
            })
    }

    fn g1<E: Curve>(&mut self, field: &dyn Display) -> Result<E::G1Affine> {
        self.point(field).and_then(|point| g1::<E>(field, point))
    }

    fn g2<E: Curve>(&mut self, field: &dyn Display) -> Result<E::G2Affine> {
        self.point(field).and_then(|point| g2::<E>(field, point))
    }

    fn count(&mut self, field: &dyn Display, most: usize, each: usize) -> Result<usize> {
        let taken = self.take(field, 8)?;
        let stated = taken
            .iter()
            .rev()
            .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        let count = usize::try_from(stated).ok().filter(|count| *count <= most);
        let count =
            count.ok_or_else(|| fault(field, format_args!("a count up to {most}"), stated))?;
        if self.rest.len() != count * each {
            return Err(fault(
                field,
                format_args!("{count} times {each} bytes to the end"),
                format_args!("{} bytes", self.rest.len()),
            ));
        }
        Ok(count)
    }

    fn end(&self, field: &dyn Display) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(fault(
                field,
                "no bytes after the end",
                format_args!("{left} bytes"),
            )),
        }
    }
}

fn sizes<E: Curve>(compress: Compress) -> (usize, usize) {
    (
        E::G1Affine::zero().serialized_size(compress),
        E::G2Affine::zero().serialized_size(compress),
    )
}

/// A verifying key: alpha, beta, gamma, delta, count (8 bytes little-endian), IC.
pub fn key<E: Curve>(raw: &[u8]) -> Result<Points<E>> {
    // The count stands at another place in the two forms; only in the right one it fits the length.
    let (one, two) = sizes::<E>(Compress::No);
    let fits = raw
        .get(one + 3 * two..one + 3 * two + 8)
        .is_some_and(|stated| {
            let stated = stated
                .iter()
                .rev()
                .fold(0u128, |sum, byte| sum << 8 | u128::from(*byte));
            stated * one as u128 == (raw.len() - one - 3 * two - 8) as u128
        });
    let compress = if fits { Compress::No } else { Compress::Yes };
    let mut reader = Reader {
        rest: raw,
        compress,
    };
    let alpha_g1 = reader.g1::<E>(&"alpha")?;
    let beta_g2 = reader.g2::<E>(&"beta")?;
    let gamma_g2 = reader.g2::<E>(&"gamma")?;
    let delta_g2 = reader.g2::<E>(&"delta")?;
    let count = reader.count(&"IC", limits::INPUTS + 1, sizes::<E>(compress).0)?;
    Ok(Points {
        alpha_g1,
        beta_g2,
        gamma_g2,
        delta_g2,
        gamma_abc_g1: (0..count)
            .map(|i| reader.g1::<E>(&format_args!("IC[{i}]")))
            .collect::<Result<_>>()?,
    })
}

/// A proof: A, B, C.
pub fn proof<E: Curve>(raw: &[u8]) -> Result<ark_groth16::Proof<E>> {
    let (one, two) = sizes::<E>(Compress::No);
    let compress = if raw.len() >= 2 * one + two {
        Compress::No
    } else {
        Compress::Yes
    };
    let mut reader = Reader {
        rest: raw,
        compress,
    };
    let proof = ark_groth16::Proof {
        a: reader.g1::<E>(&"A")?,
        b: reader.g2::<E>(&"B")?,
        c: reader.g1::<E>(&"C")?,
    };
    reader.end(&"proof").map(|()| proof)
}

/// Public inputs: count (8 bytes little-endian), then 32 bytes little-endian each.
pub fn inputs<E: Curve>(raw: &[u8]) -> Result<Vec<E::ScalarField>> {
    let mut reader = Reader {
        rest: raw,
        compress: Compress::Yes,
    };
    let each = size::<E::ScalarField>();
    debug_assert_eq!(each, E::ScalarField::ZERO.serialized_size(Compress::Yes));
    let count = reader.count(&"public inputs", limits::INPUTS, each)?;
    (0..count)
        .map(|i| {
            let field = format_args!("public[{i}]").to_string();
            let mut number = reader.take(&field, each)?.to_vec();
            number.reverse();
            scalar::<E>(&field, &number)
        })
        .collect()
}

fn written(value: &impl CanonicalSerialize, compress: Compress) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.serialized_size(compress));
    value
        .serialize_with_mode(&mut bytes, compress)
        .expect("memory takes every byte");
    bytes
}

/// The compressed form.
pub fn compressed(value: &impl CanonicalSerialize) -> Vec<u8> {
    written(value, Compress::Yes)
}

/// The uncompressed form.
pub fn uncompressed(value: &impl CanonicalSerialize) -> Vec<u8> {
    written(value, Compress::No)
}
