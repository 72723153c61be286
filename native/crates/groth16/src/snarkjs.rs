//! snarkjs JSON: decimal texts, projective coordinates with z = 1, G2 real part first.

use std::fmt::Display;

use ark_ec::AffineRepr;
use ark_ec::pairing::PairingOutput;
use ark_ff::{Field, PrimeField};
use serde_json::{Value, json};

use crate::curve::{Curve, Fq2, coordinate, g1, g2, scalar, size};
use crate::fault::{Result, fault, shown};
use crate::json::{Fields, Node, parse};
use crate::key::Points;
use crate::limits;

const KEY: [&str; 9] = [
    "protocol",
    "curve",
    "nPublic",
    "vk_alpha_1",
    "vk_beta_2",
    "vk_gamma_2",
    "vk_delta_2",
    "vk_alphabeta_12",
    "IC",
];
const PROOF: [&str; 5] = ["protocol", "curve", "pi_a", "pi_b", "pi_c"];

/// A verification key; `vk_alphabeta_12`, which nothing needs, must be right when it is there.
pub fn key<E: Curve>(raw: &[u8]) -> Result<Points<E>> {
    let node = parse("key", raw)?;
    let fields = node.object("key", &KEY)?;
    is_groth16(&fields)?;
    is_curve::<E>(fields.need("curve")?)?;
    let count = fields.need("nPublic")?.number(&"nPublic")?;
    let list = fields.need("IC")?.list(&"IC")?;
    if list.len() > limits::INPUTS + 1 || list.len() as u64 != count.saturating_add(1) {
        return Err(fault(
            "IC",
            format_args!("nPublic + 1 points, at most {}", limits::INPUTS + 1),
            format_args!("{} points with nPublic {count}", list.len()),
        ));
    }
    let in_g2 = |name| second::<E>(&name, fields.need(name)?);
    let points = Points {
        alpha_g1: first::<E>(&"vk_alpha_1", fields.need("vk_alpha_1")?)?,
        beta_g2: in_g2("vk_beta_2")?,
        gamma_g2: in_g2("vk_gamma_2")?,
        delta_g2: in_g2("vk_delta_2")?,
        gamma_abc_g1: list
            .iter()
            .enumerate()
            .map(|(i, point)| first::<E>(&format_args!("IC[{i}]"), point))
            .collect::<Result<_>>()?,
    };
    if let Some(stated) = fields.get("vk_alphabeta_12") {
        is_alpha_beta::<E>(stated, &points)?;
    }
    Ok(points)
}

/// A proof; older versions write no curve.
pub fn proof<E: Curve>(raw: &[u8]) -> Result<ark_groth16::Proof<E>> {
    let node = parse("proof", raw)?;
    let fields = node.object("proof", &PROOF)?;
    is_groth16(&fields)?;
    if let Some(curve) = fields.get("curve") {
        is_curve::<E>(curve)?;
    }
    Ok(ark_groth16::Proof {
        a: first::<E>(&"pi_a", fields.need("pi_a")?)?,
        b: second::<E>(&"pi_b", fields.need("pi_b")?)?,
        c: first::<E>(&"pi_c", fields.need("pi_c")?)?,
    })
}

/// Public inputs: a list of decimal texts.
pub fn inputs<E: Curve>(raw: &[u8]) -> Result<Vec<E::ScalarField>> {
    let node = parse("public inputs", raw)?;
    let list = node.list(&"public inputs")?;
    if list.len() > limits::INPUTS {
        return Err(fault(
            "public inputs",
            format_args!("at most {}", limits::INPUTS),
            list.len(),
        ));
    }
    let input = |(i, node): (usize, &Node)| {
        let field = format!("public[{i}]");
        let text = node.text(&field)?;
        decimal(&field, text, size::<E::ScalarField>())
            .and_then(|bytes| scalar::<E>(&field, &bytes))
    };
    list.iter().enumerate().map(input).collect()
}

fn is_groth16(fields: &Fields<'_>) -> Result<()> {
    match fields.need("protocol")?.text(&"protocol")? {
        "groth16" => Ok(()),
        other => Err(fault("protocol", "groth16", shown(other))),
    }
}

fn is_curve<E: Curve>(node: &Node) -> Result<()> {
    match node.text(&"curve")? {
        name if name == E::ID.snarkjs() => Ok(()),
        other => Err(fault("curve", E::ID.snarkjs(), shown(other))),
    }
}

/// The curve a file names, if it names a known one; nothing else is looked at.
pub fn curve_of(raw: &[u8]) -> Option<crate::CurveId> {
    let node = parse("key", raw).ok()?;
    let Node::Object(fields) = node else {
        return None;
    };
    let (_, Node::Text(name)) = fields.into_iter().find(|(key, _)| key == "curve")? else {
        return None;
    };
    crate::CurveId::ALL
        .into_iter()
        .find(|curve| curve.snarkjs() == name)
}

/// A text of decimal digits without leading zeros, as big-endian bytes; never reduced.
fn decimal(field: &dyn Display, text: &str, length: usize) -> Result<Vec<u8>> {
    let digits = text.as_bytes();
    let canonical = digits.iter().all(u8::is_ascii_digit)
        && (digits.first() != Some(&b'0') || digits.len() == 1);
    if digits.is_empty() || !canonical {
        return Err(fault(
            field,
            "decimal digits without leading zeros",
            format_args!("\"{}\"", shown(text)),
        ));
    }
    let too_large = || {
        fault(
            field,
            format_args!("a number of {length} bytes"),
            format_args!("\"{}\"", shown(text)),
        )
    };
    if digits.len() > length * 3 {
        return Err(too_large());
    }
    let mut bytes = vec![0u8; length];
    for digit in digits {
        let mut carry = u16::from(digit - b'0');
        for byte in bytes.iter_mut().rev() {
            let sum = u16::from(*byte) * 10 + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
        if carry != 0 {
            return Err(too_large());
        }
    }
    Ok(bytes)
}

fn fq<E: Curve>(field: &dyn Display, node: &Node) -> Result<E::BaseField> {
    let bytes = decimal(field, node.text(field)?, size::<E::BaseField>())?;
    coordinate::<E>(field, &bytes)
}

fn fq2<E: Curve>(field: &dyn Display, node: &Node) -> Result<Fq2<E>> {
    let [real, imaginary] = node.array::<2>(field)?;
    let parts = [
        fq::<E>(&format_args!("{field}[0]"), real)?,
        fq::<E>(&format_args!("{field}[1]"), imaginary)?,
    ];
    Ok(Fq2::<E>::from_base_prime_field_elems(parts).expect("one part for each degree"))
}

fn first<E: Curve>(field: &dyn Display, node: &Node) -> Result<E::G1Affine> {
    let [x, y, z] = node.array::<3>(field)?;
    let (x, y) = (
        fq::<E>(&format_args!("{field}[0]"), x)?,
        fq::<E>(&format_args!("{field}[1]"), y)?,
    );
    match z.text(&format_args!("{field}[2]"))? {
        "1" => g1::<E>(field, E::g1_unchecked(x, y)),
        other => Err(fault(
            format_args!("{field}[2]"),
            "1 (0 would be infinity)",
            shown(other),
        )),
    }
}

fn second<E: Curve>(field: &dyn Display, node: &Node) -> Result<E::G2Affine> {
    let [x, y, z] = node.array::<3>(field)?;
    let (x, y) = (
        fq2::<E>(&format_args!("{field}[0]"), x)?,
        fq2::<E>(&format_args!("{field}[1]"), y)?,
    );
    let [real, imaginary] = z.array::<2>(&format_args!("{field}[2]"))?;
    for (i, part, wanted) in [(0, real, "1"), (1, imaginary, "0")] {
        let name = format!("{field}[2][{i}]");
        let text = part.text(&name)?;
        if text != wanted {
            return Err(fault(name, format_args!("{wanted}, of z = 1"), shown(text)));
        }
    }
    g2::<E>(field, E::g2_unchecked(x, y))
}

/// e(alpha, beta) as snarkjs writes it: [2][3][2] over w, v, u.
fn is_alpha_beta<E: Curve>(node: &Node, points: &Points<E>) -> Result<()> {
    let name = "vk_alphabeta_12";
    let mut stated = Vec::with_capacity(12);
    for (i, half) in node.array::<2>(&name)?.iter().enumerate() {
        for (j, part) in half
            .array::<3>(&format_args!("{name}[{i}]"))?
            .iter()
            .enumerate()
        {
            let [real, imaginary] = part.array::<2>(&format_args!("{name}[{i}][{j}]"))?;
            stated.push(fq::<E>(&format_args!("{name}[{i}][{j}][0]"), real)?);
            stated.push(fq::<E>(&format_args!("{name}[{i}][{j}][1]"), imaginary)?);
        }
    }
    let computed: Vec<E::BaseField> = parts::<E>(E::pairing(points.alpha_g1, points.beta_g2));
    if stated != computed {
        return Err(fault(name, "e(vk_alpha_1, vk_beta_2)", "another value"));
    }
    Ok(())
}

fn parts<E: Curve>(value: PairingOutput<E>) -> Vec<E::BaseField> {
    let same = "the target field is an extension of the base field";
    let parts = value.0.to_base_prime_field_elements();
    parts
        .map(|part| {
            E::BaseField::from_bigint(convert::<_, E::BaseField>(part.into_bigint())).expect(same)
        })
        .collect()
}

/// The same limbs as the number of another type; the traits do not say that both are one.
fn convert<B: ark_ff::BigInteger, F: PrimeField>(number: B) -> F::BigInt {
    let bytes: Vec<u8> = number
        .as_ref()
        .iter()
        .flat_map(|limb| limb.to_le_bytes())
        .collect();
    ark_serialize::CanonicalDeserialize::deserialize_uncompressed(&bytes[..])
        .expect("as many limbs")
}

fn text(number: impl PrimeField) -> Value {
    Value::String(number.into_bigint().to_string())
}

fn write_g1<E: Curve>(field: &str, point: &E::G1Affine) -> Result<Value> {
    let (x, y) = point
        .xy()
        .ok_or_else(|| fault(field, "a point other than infinity", "infinity"))?;
    Ok(json!([text(x), text(y), "1"]))
}

fn write_g2<E: Curve>(field: &str, point: &E::G2Affine) -> Result<Value> {
    let (x, y) = point
        .xy()
        .ok_or_else(|| fault(field, "a point other than infinity", "infinity"))?;
    let pair = |value: Fq2<E>| {
        value
            .to_base_prime_field_elements()
            .map(text)
            .collect::<Vec<_>>()
    };
    Ok(json!([pair(x), pair(y), ["1", "0"]]))
}

/// The inverse of `key`.
pub fn write_key<E: Curve>(key: &Points<E>, alpha_beta: PairingOutput<E>) -> Result<Vec<u8>> {
    let target: Vec<Value> = parts::<E>(alpha_beta).into_iter().map(text).collect();
    let pairs: Vec<Value> = target.chunks(2).map(|pair| json!(pair)).collect();
    let ic = key
        .gamma_abc_g1
        .iter()
        .map(|point| write_g1::<E>("IC", point));
    Ok(json!({
        "protocol": "groth16",
        "curve": E::ID.snarkjs(),
        "nPublic": key.gamma_abc_g1.len() - 1,
        "vk_alpha_1": write_g1::<E>("alpha", &key.alpha_g1)?,
        "vk_beta_2": write_g2::<E>("beta", &key.beta_g2)?,
        "vk_gamma_2": write_g2::<E>("gamma", &key.gamma_g2)?,
        "vk_delta_2": write_g2::<E>("delta", &key.delta_g2)?,
        "vk_alphabeta_12": [pairs[..3], pairs[3..]],
        "IC": ic.collect::<Result<Vec<_>>>()?,
    })
    .to_string()
    .into_bytes())
}

/// The inverse of `proof`.
pub fn write_proof<E: Curve>(proof: &ark_groth16::Proof<E>) -> Result<Vec<u8>> {
    Ok(json!({
        "protocol": "groth16",
        "curve": E::ID.snarkjs(),
        "pi_a": write_g1::<E>("A", &proof.a)?,
        "pi_b": write_g2::<E>("B", &proof.b)?,
        "pi_c": write_g1::<E>("C", &proof.c)?,
    })
    .to_string()
    .into_bytes())
}

/// The inverse of `inputs`.
pub fn write_inputs<E: Curve>(inputs: &[E::ScalarField]) -> Result<Vec<u8>> {
    let list: Vec<Value> = inputs.iter().map(|input| text(*input)).collect();
    Ok(Value::Array(list).to_string().into_bytes())
}
