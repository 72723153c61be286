//! Digits on chain: completing one adaptor presignature a digit publishes its value and its secret.
//!
//! A presignature is 65 bytes, R' with its parity and s'. Signing shifts the aggregate nonce by the point of the value, so
//! a signature is s' + t, or s' - t when R' is odd.

use crate::digits::{digit_secret, digit_secrets, generator_multiple, read_digit_points};
use crate::error::length;
use crate::evaluate::Digit;
use crate::scalar::Scalar;
use crate::{EngineError, Layout};

/// Bytes of a presignature: R' (33) and s' (32).
pub const PRESIGNATURE_BYTES: usize = 65;

fn read(presignature: &[u8], number: usize) -> Result<(bool, Scalar), EngineError> {
    let mut scalar = [0; 32];
    scalar.copy_from_slice(&presignature[33..]);
    match (presignature[0], Scalar::parse(&scalar)) {
        (2, Some(scalar)) => Ok((false, scalar)),
        (3, Some(scalar)) => Ok((true, scalar)),
        _ => Err(EngineError::field(
            "presignatures",
            "a compressed point and a scalar below the group order each",
            format!("something else as presignature {number}"),
        )),
    }
}

fn check_length(layout: Layout, presignatures: &[u8]) -> Result<(), EngineError> {
    let expected = layout.digits() * layout.values() * PRESIGNATURE_BYTES;
    length("presignatures", expected, presignatures.len())
}

/// One signature a digit for `values`, by who knows the digit seed. Presignatures in order of digit, then value.
pub fn complete_digits(
    presignatures: &[u8],
    layout: Layout,
    digit_seed: &[u8; 32],
    values: &[usize],
) -> Result<Vec<[u8; 64]>, EngineError> {
    let learned = vec![Scalar::ZERO; layout.digits()];
    complete(presignatures, layout, digit_seed, values, &learned)
}

/// The same when each presignature is locked to the sum of our point and one of another party, whose logarithms for these
/// values were learned: whoever asserted other values keeps us from completing.
pub fn complete_bound_digits(
    presignatures: &[u8],
    layout: Layout,
    digit_seed: &[u8; 32],
    values: &[usize],
    learned: &[[u8; 32]],
) -> Result<Vec<[u8; 64]>, EngineError> {
    if learned.len() != layout.digits() {
        return Err(EngineError::field(
            "learned",
            format!("{} scalars", layout.digits()),
            format!("{} scalars", learned.len()),
        ));
    }
    let read = |(digit, secret): (usize, &[u8; 32])| {
        Scalar::parse(secret).ok_or_else(|| {
            let expected = "scalars below the group order";
            EngineError::field(
                "learned",
                expected,
                format!("a larger one as digit {digit}"),
            )
        })
    };
    let learned: Vec<Scalar> = learned
        .iter()
        .enumerate()
        .map(read)
        .collect::<Result<_, _>>()?;
    complete(presignatures, layout, digit_seed, values, &learned)
}

fn complete(
    presignatures: &[u8],
    layout: Layout,
    digit_seed: &[u8; 32],
    values: &[usize],
    learned: &[Scalar],
) -> Result<Vec<[u8; 64]>, EngineError> {
    check_length(layout, presignatures)?;
    if values.len() != layout.digits() {
        return Err(EngineError::field(
            "values",
            format!("{} digits", layout.digits()),
            format!("{} digits", values.len()),
        ));
    }
    let scalars = digit_secrets(layout, digit_seed);
    let mut signatures = Vec::with_capacity(values.len());
    for (digit, (value, learned)) in values.iter().zip(learned).enumerate() {
        if *value >= layout.values() {
            return Err(EngineError::field(
                "values",
                format!("values below {}", layout.values()),
                format!("{value} as digit {digit}"),
            ));
        }
        let number = digit * layout.values() + value;
        let presignature = &presignatures[number * PRESIGNATURE_BYTES..][..PRESIGNATURE_BYTES];
        let (odd, scalar) = read(presignature, number)?;
        let secret = digit_secret(layout, &scalars, digit, *value).add(*learned);
        let secret = if odd { secret.neg() } else { secret };
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&presignature[1..33]);
        signature[32..].copy_from_slice(&scalar.add(secret).to_bytes());
        signatures.push(signature);
    }
    Ok(signatures)
}

/// What a set of published signatures shows: for each digit the smallest value whose R' matches and whose secret is the
/// logarithm of its point.
pub fn extract_digits(
    presignatures: &[u8],
    layout: Layout,
    signatures: &[[u8; 64]],
    points: &[u8],
) -> Result<Vec<Digit>, EngineError> {
    check_length(layout, presignatures)?;
    if signatures.len() != layout.digits() {
        return Err(EngineError::field(
            "signatures",
            format!("{} signatures", layout.digits()),
            format!("{} signatures", signatures.len()),
        ));
    }
    let (_, all_points) = read_digit_points(layout, points)?;
    let mut digits = Vec::with_capacity(signatures.len());
    for (digit, signature) in signatures.iter().enumerate() {
        let mut published = [0; 32];
        published.copy_from_slice(&signature[32..]);
        let published = Scalar::parse(&published);
        let mut found = None;
        for value in 0..layout.values() {
            let number = digit * layout.values() + value;
            let presignature = &presignatures[number * PRESIGNATURE_BYTES..][..PRESIGNATURE_BYTES];
            let Some(published) = published else { break };
            if presignature[1..33] != signature[..32] {
                continue;
            }
            let (odd, scalar) = read(presignature, number)?;
            let secret = published.sub(scalar);
            let secret = if odd { secret.neg() } else { secret };
            if generator_multiple(&secret) == all_points[number].to_bytes() {
                let secret = secret.to_bytes();
                found = Some(Digit { value, secret });
                break;
            }
        }
        digits.push(found.ok_or_else(|| {
            EngineError::field(
                "signatures",
                "a completed presignature of its digit each",
                format!("something else as digit {digit}"),
            )
        })?);
    }
    Ok(digits)
}
