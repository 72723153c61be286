//! Big-endian bytes: EIP-197 (BN254, no flags, infinity is all zeros) and gnark; docs/groth16.md has the layouts.
//!
//! G2 coordinates stand imaginary part first in both.

use std::fmt::Display;

use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;

use crate::curve::{Curve, CurveId, big_endian, coordinate, g1, g2, scalar, size};
use crate::fault::{Result, fault};
use crate::key::Points;
use crate::limits;

/// How points are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// EIP-197: both coordinates, no flag bits.
    Words,
    /// gnark: both coordinates, flag bits saying so.
    Raw,
    /// gnark: x, flag bits say which y.
    Compressed,
}

/// gnark's flag bits of the first byte: (mask, compressed smallest, largest, infinity; uncompressed infinity).
struct Flags {
    mask: u8,
    smallest: u8,
    largest: u8,
    infinity: u8,
    raw_infinity: u8,
}

const fn flags(curve: CurveId) -> Flags {
    match curve {
        // gnark-crypto ecc/bn254/marshal.go: two free bits.
        CurveId::Bn254 => Flags {
            mask: 0xc0,
            smallest: 0x80,
            largest: 0xc0,
            infinity: 0x40,
            raw_infinity: 0x00,
        },
        // gnark-crypto ecc/bls12-381/marshal.go: Zcash's three bits.
        CurveId::Bls12381 => Flags {
            mask: 0xe0,
            smallest: 0x80,
            largest: 0xa0,
            infinity: 0xc0,
            raw_infinity: 0x40,
        },
    }
}

/// Takes points and numbers off the front of bytes.
struct Reader<'a> {
    rest: &'a [u8],
    form: Form,
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

    /// A point of coordinates over a field of `degree`; `make` gets x, y, `lift` gets x and whether y is the largest.
    fn point<E: Curve, P: AffineRepr>(
        &mut self,
        field: &dyn Display,
        make: impl Fn(P::BaseField, P::BaseField) -> P,
        lift: impl Fn(P::BaseField, bool) -> Option<P>,
    ) -> Result<P>
    where
        P::BaseField: Field<BasePrimeField = E::BaseField>,
    {
        let part = size::<E::BaseField>();
        let element = part * P::BaseField::extension_degree() as usize;
        let length = if self.form == Form::Compressed {
            element
        } else {
            2 * element
        };
        let mut point = self.take(field, length)?.to_vec();
        let bits = flags(E::ID);
        let flag = match self.form {
            Form::Words => 0,
            Form::Raw | Form::Compressed => point[0] & bits.mask,
        };
        point[0] ^= flag;
        let zeros = point.iter().all(|byte| *byte == 0);
        let infinite = match self.form {
            Form::Words => zeros,
            // BN254's raw infinity has no flag, BLS12-381's has one: either way zeros and the flag are one encoding.
            Form::Raw => flag == bits.raw_infinity && zeros,
            Form::Compressed => flag == bits.infinity && zeros,
        };
        if infinite {
            return Ok(P::zero());
        }
        let wanted = match self.form {
            Form::Words => true,
            Form::Raw => flag == 0,
            Form::Compressed => flag == bits.smallest || flag == bits.largest,
        };
        if !wanted {
            return Err(fault(
                field,
                match self.form {
                    Form::Words | Form::Raw => "an uncompressed point",
                    Form::Compressed => "a compressed point",
                },
                format_args!("the flag bits 0x{flag:02x}"),
            ));
        }
        let x = fq::<E, P::BaseField>(field, "x", &point[..element])?;
        if self.form == Form::Compressed {
            return lift(x, flag == bits.largest)
                .ok_or_else(|| fault(field, "the x of a point of the curve", "an x without a y"));
        }
        Ok(make(
            x,
            fq::<E, P::BaseField>(field, "y", &point[element..])?,
        ))
    }

    fn g1<E: Curve>(&mut self, field: &dyn Display) -> Result<E::G1Affine> {
        let point = self.point::<E, E::G1Affine>(field, E::g1_unchecked, E::g1_from_x)?;
        g1::<E>(field, point)
    }

    fn g2<E: Curve>(&mut self, field: &dyn Display) -> Result<E::G2Affine> {
        let point = self.point::<E, E::G2Affine>(field, E::g2_unchecked, E::g2_from_x)?;
        g2::<E>(field, point)
    }

    fn count(&mut self, field: &dyn Display) -> Result<usize> {
        let taken = self.take(field, 4)?;
        Ok(taken
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
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

/// A field element: its parts, the highest first.
fn fq<E: Curve, F: Field<BasePrimeField = E::BaseField>>(
    field: &dyn Display,
    axis: &str,
    raw: &[u8],
) -> Result<F> {
    let name = format_args!("{field}.{axis}").to_string();
    let mut parts = raw
        .chunks_exact(size::<E::BaseField>())
        .map(|part| coordinate::<E>(&name, part))
        .collect::<Result<Vec<_>>>()?;
    parts.reverse();
    Ok(F::from_base_prime_field_elems(parts).expect("one part for each degree"))
}

fn only_bn254<E: Curve>() -> Result<()> {
    match E::ID {
        CurveId::Bn254 => Ok(()),
        other => Err(fault(
            "curve",
            "bn254, the only one of EIP-197",
            other.name(),
        )),
    }
}

/// An EIP-197 G1 point.
pub fn eip197_g1<E: Curve>(field: &dyn Display, raw: &[u8]) -> Result<E::G1Affine> {
    let mut reader = Reader {
        rest: raw,
        form: Form::Words,
    };
    let point = reader.g1::<E>(field)?;
    reader.end(field).map(|()| point)
}

/// An EIP-197 G2 point.
pub fn eip197_g2<E: Curve>(field: &dyn Display, raw: &[u8]) -> Result<E::G2Affine> {
    let mut reader = Reader {
        rest: raw,
        form: Form::Words,
    };
    let point = reader.g2::<E>(field)?;
    reader.end(field).map(|()| point)
}

/// A key of EIP-197 words: alpha, beta, gamma, delta, IC to the end.
pub fn eip197_key<E: Curve>(raw: &[u8]) -> Result<Points<E>> {
    only_bn254::<E>()?;
    let mut reader = Reader {
        rest: raw,
        form: Form::Words,
    };
    let alpha_g1 = reader.g1::<E>(&"alpha")?;
    let beta_g2 = reader.g2::<E>(&"beta")?;
    let gamma_g2 = reader.g2::<E>(&"gamma")?;
    let delta_g2 = reader.g2::<E>(&"delta")?;
    let count = reader.rest.len().div_ceil(64);
    if count > limits::INPUTS + 1 {
        return Err(fault(
            "IC",
            format_args!("at most {} points", limits::INPUTS + 1),
            count,
        ));
    }
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

/// A proof of EIP-197 words: A, B, C.
pub fn eip197_proof<E: Curve>(raw: &[u8]) -> Result<ark_groth16::Proof<E>> {
    only_bn254::<E>()?;
    let mut reader = Reader {
        rest: raw,
        form: Form::Words,
    };
    let proof = three::<E>(&mut reader)?;
    reader.end(&"proof").map(|()| proof)
}

fn three<E: Curve>(reader: &mut Reader<'_>) -> Result<ark_groth16::Proof<E>> {
    Ok(ark_groth16::Proof {
        a: reader.g1::<E>(&"A")?,
        b: reader.g2::<E>(&"B")?,
        c: reader.g1::<E>(&"C")?,
    })
}

/// Public inputs of 32-byte words.
pub fn eip197_inputs<E: Curve>(raw: &[u8]) -> Result<Vec<E::ScalarField>> {
    only_bn254::<E>()?;
    words::<E>(raw)
}

fn words<E: Curve>(raw: &[u8]) -> Result<Vec<E::ScalarField>> {
    let each = size::<E::ScalarField>();
    if !raw.len().is_multiple_of(each) || raw.len() / each > limits::INPUTS {
        return Err(fault(
            "public inputs",
            format_args!("up to {} words of {each} bytes", limits::INPUTS),
            format_args!("{} bytes", raw.len()),
        ));
    }
    let word = |(i, word)| scalar::<E>(&format_args!("public[{i}]"), word);
    raw.chunks_exact(each).enumerate().map(word).collect()
}

/// gnark points show by the flag bits of the first one whether a file is compressed.
fn form<E: Curve>(raw: &[u8]) -> Form {
    let bits = flags(E::ID);
    match raw.first().map(|first| first & bits.mask) {
        Some(flag) if flag != 0 && flag != bits.raw_infinity => Form::Compressed,
        _ => Form::Raw,
    }
}

/// gnark's verifying key: alpha, beta in G1, beta, gamma, delta in G1, delta, count, IC; commitments are refused.
pub fn gnark_key<E: Curve>(raw: &[u8]) -> Result<Points<E>> {
    let mut reader = Reader {
        rest: raw,
        form: form::<E>(raw),
    };
    let alpha_g1 = reader.g1::<E>(&"alpha")?;
    let beta_g1 = reader.g1::<E>(&"beta in G1")?;
    let beta_g2 = reader.g2::<E>(&"beta")?;
    let gamma_g2 = reader.g2::<E>(&"gamma")?;
    let delta_g1 = reader.g1::<E>(&"delta in G1")?;
    let delta_g2 = reader.g2::<E>(&"delta")?;
    let one = (E::G1Affine::generator(), E::G2Affine::generator());
    for (name, first, second) in [
        ("beta in G1", beta_g1, beta_g2),
        ("delta in G1", delta_g1, delta_g2),
    ] {
        if E::pairing(first, one.1) != E::pairing(one.0, second) {
            return Err(fault(
                name,
                "the multiple of the generator that it is in G2",
                "another",
            ));
        }
    }
    let count = reader.count(&"IC")?;
    if count > limits::INPUTS + 1 {
        return Err(fault(
            "IC",
            format_args!("at most {} points", limits::INPUTS + 1),
            count,
        ));
    }
    let gamma_abc_g1 = (0..count)
        .map(|i| reader.g1::<E>(&format_args!("IC[{i}]")))
        .collect::<Result<_>>()?;
    // Newer versions write how many inputs are committed to, then how many commitment keys follow.
    for name in ["committed inputs", "commitment keys"] {
        if !reader.rest.is_empty() {
            none_of(&mut reader, name)?;
        }
    }
    reader.end(&"key")?;
    Ok(Points {
        alpha_g1,
        beta_g2,
        gamma_g2,
        delta_g2,
        gamma_abc_g1,
    })
}

fn none_of(reader: &mut Reader<'_>, name: &str) -> Result<()> {
    match reader.count(&name)? {
        0 => Ok(()),
        some => Err(fault(name, "none: plain Groth16", some)),
    }
}

/// gnark's proof: A, B, C; newer versions add a count of commitments and their proof of knowledge, refused unless empty.
pub fn gnark_proof<E: Curve>(raw: &[u8]) -> Result<ark_groth16::Proof<E>> {
    let mut reader = Reader {
        rest: raw,
        form: form::<E>(raw),
    };
    let proof = three::<E>(&mut reader)?;
    if !reader.rest.is_empty() {
        none_of(&mut reader, "commitments")?;
        let field = "commitments' proof of knowledge";
        if !reader.g1::<E>(&field)?.is_zero() {
            return Err(fault(
                field,
                "infinity, as there are no commitments",
                "another point",
            ));
        }
    }
    reader.end(&"proof").map(|()| proof)
}

/// gnark's public witness: how many are public, how many secret (none), how many in all, then 32 bytes each.
pub fn gnark_inputs<E: Curve>(raw: &[u8]) -> Result<Vec<E::ScalarField>> {
    let mut reader = Reader {
        rest: raw,
        form: Form::Raw,
    };
    let public = reader.count(&"number of public inputs")?;
    none_of(&mut reader, "number of secret inputs")?;
    let all = reader.count(&"number of inputs")?;
    let inputs = words::<E>(reader.rest)?;
    for (name, stated) in [
        ("number of public inputs", public),
        ("number of inputs", all),
    ] {
        if stated != inputs.len() {
            return Err(fault(
                name,
                format_args!("{}, as many as follow", inputs.len()),
                stated,
            ));
        }
    }
    Ok(inputs)
}

fn write_point<E: Curve, P: AffineRepr>(out: &mut Vec<u8>, point: &P, form: Form)
where
    P::BaseField: Field<BasePrimeField = E::BaseField>,
{
    let element = size::<E::BaseField>() * P::BaseField::extension_degree() as usize;
    let (start, bits) = (out.len(), flags(E::ID));
    let Some((x, y)) = point.xy() else {
        out.resize(
            start
                + if form == Form::Compressed {
                    element
                } else {
                    2 * element
                },
            0,
        );
        out[start] = match form {
            Form::Words => 0,
            Form::Raw => bits.raw_infinity,
            Form::Compressed => bits.infinity,
        };
        return;
    };
    let parts = |value: P::BaseField| {
        let mut parts: Vec<_> = value.to_base_prime_field_elements().collect();
        parts.reverse();
        parts.into_iter().flat_map(big_endian).collect::<Vec<u8>>()
    };
    out.extend(parts(x));
    if form == Form::Compressed {
        out[start] |= if y > -y { bits.largest } else { bits.smallest };
    } else {
        out.extend(parts(y));
    }
}

/// An EIP-197 G1 point.
pub fn write_g1<E: Curve>(point: E::G1) -> Vec<u8> {
    let mut out = Vec::new();
    write_point::<E, _>(&mut out, &point.into_affine(), Form::Words);
    out
}

/// The inverse of `eip197_g2`.
pub fn write_eip197_g2<E: Curve>(point: &E::G2Affine) -> Vec<u8> {
    let mut out = Vec::new();
    write_point::<E, _>(&mut out, point, Form::Words);
    out
}

/// The inverse of `eip197_key`.
pub fn write_eip197_key<E: Curve>(key: &Points<E>) -> Result<Vec<u8>> {
    only_bn254::<E>()?;
    let mut out = Vec::new();
    write_point::<E, _>(&mut out, &key.alpha_g1, Form::Words);
    for point in [&key.beta_g2, &key.gamma_g2, &key.delta_g2] {
        write_point::<E, _>(&mut out, point, Form::Words);
    }
    for point in &key.gamma_abc_g1 {
        write_point::<E, _>(&mut out, point, Form::Words);
    }
    Ok(out)
}

fn write_three<E: Curve>(proof: &ark_groth16::Proof<E>, form: Form) -> Vec<u8> {
    let mut out = Vec::new();
    write_point::<E, _>(&mut out, &proof.a, form);
    write_point::<E, _>(&mut out, &proof.b, form);
    write_point::<E, _>(&mut out, &proof.c, form);
    out
}

/// The inverse of `eip197_proof`.
pub fn write_eip197_proof<E: Curve>(proof: &ark_groth16::Proof<E>) -> Result<Vec<u8>> {
    only_bn254::<E>().map(|()| write_three(proof, Form::Words))
}

/// A proof as gnark 0.9 and newer write it, without commitments.
pub fn write_gnark_proof<E: Curve>(proof: &ark_groth16::Proof<E>, compressed: bool) -> Vec<u8> {
    let form = if compressed {
        Form::Compressed
    } else {
        Form::Raw
    };
    let mut out = write_three(proof, form);
    out.extend([0; 4]);
    write_point::<E, _>(&mut out, &E::G1Affine::zero(), form);
    out
}

/// The inverse of `eip197_inputs`.
pub fn write_eip197_inputs<E: Curve>(inputs: &[E::ScalarField]) -> Result<Vec<u8>> {
    only_bn254::<E>().map(|()| inputs.iter().copied().flat_map(big_endian).collect())
}

/// The inverse of `gnark_inputs`.
pub fn write_gnark_inputs<E: Curve>(inputs: &[E::ScalarField]) -> Vec<u8> {
    let count = u32::try_from(inputs.len())
        .expect("checked against limits::INPUTS")
        .to_be_bytes();
    let mut out = [count, [0; 4], count].concat();
    out.extend(inputs.iter().copied().flat_map(big_endian));
    out
}
