//! Evaluation: published digits in; the secret f(0) out, if they free it.

use babe::{PROOF_BYTES, Statement};
use garble::{Control, Path};
use zeroize::Zeroizing;

use crate::curve::Affine;
use crate::digits::{generator_multiple, read_digit_points, read_points};
use crate::error::length;
use crate::held::{Held, bits_of_point, bits_of_values};
use crate::polynomial::{interpolate_zero, is_on, threshold};
use crate::scalar::Scalar;
use crate::solder::{base, slow_multiple};
use crate::{EngineError, Params, Predicate};

/// A published digit: its value and the scalar s[w][v] that publishing it showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digit {
    /// The value, below 2^b.
    pub value: usize,
    /// The secret, 32 bytes, big-endian.
    pub secret: [u8; 32],
}

/// What is freed of an instance: its index, and 32 bytes that are a share if the garbler was honest.
type Freed = (usize, Zeroizing<[u8; 32]>);

/// Evaluates kept instances on the digits.
///
/// Core: no `witness`; None when the predicate is true. Babe: `witness` is a proof; None when it is not valid for the
/// statement or its first point is not what the digits say. An error: a digit's secret is wrong, or no kept instance
/// holds the share that is free, which cut-and-choose allows with chance 1 / C(N, M).
#[allow(clippy::too_many_arguments)] // what an evaluator stored, the digits and the proof
pub fn evaluate(
    params: &Params,
    points: &[u8],
    polynomial: &[u8],
    kept: &[usize],
    shares: &[u8],
    artifact: &[u8],
    digits: &[Digit],
    witness: &[u8],
    control: &Control,
) -> Result<Option<Zeroizing<[u8; 32]>>, EngineError> {
    params.check_kept(kept)?;
    let expected = match params.predicate {
        Predicate::Core => 0,
        Predicate::Babe(_) => PROOF_BYTES,
    };
    length("witness", expected, witness.len())?;
    let opened = params.opened(kept);
    length("shares", opened.len() * 32, shares.len())?;
    length("artifact", kept.len() * params.kept_bytes(), artifact.len())?;
    let (_, all_points) = read_digit_points(params.layout, points)?;
    let coefficients = read_points("polynomial", polynomial, threshold(params))?;
    let secrets = check_digits(params, &all_points, digits)?;
    let values: Vec<usize> = digits.iter().map(|digit| digit.value).collect();
    let bits = bits_of_values(params.layout, &values);

    control.start(kept.len() as u64);
    let records = kept.iter().zip(artifact.chunks_exact(params.kept_bytes()));
    let mut instances = records.map(|(index, bytes)| {
        control.check()?;
        let base = base(params, *index);
        let points: Vec<_> = secrets.iter().map(|s| slow_multiple(&base, *s)).collect();
        control.advance(1);
        Ok::<_, EngineError>(Held::new(params, *index, bytes, &values, &points))
    });
    let is_share = |(index, bytes): Freed| {
        let share = Scalar::parse(&bytes).filter(|share| is_on(&coefficients, index, *share));
        share.map(|share| (index, share))
    };
    let found = match &params.predicate {
        Predicate::Core => {
            let held = instances.collect::<Result<Vec<_>, _>>()?;
            let Some(freed) = freed_by_false(params, &held, &bits, control)? else {
                return Ok(None);
            };
            freed.into_iter().find_map(is_share)
        }
        Predicate::Babe(statement) => {
            if bits_of_point(witness)[..] != bits || !statement.verify(witness)? {
                return Ok(None);
            }
            let freed = |held| freed_by_proof(params, statement, &held?, &bits, witness, control);
            loop {
                match instances.next().map(freed).transpose()? {
                    None => break None,
                    Some(share) => match share.and_then(is_share) {
                        None => continue,
                        found => break found,
                    },
                }
            }
        }
    };
    let (index, share) = found.ok_or_else(|| {
        EngineError::field(
            "artifact",
            "a share of the committed polynomial in some kept instance, since the digits free it",
            "none",
        )
    })?;
    let secret = combine(&opened, shares, index, share)?;
    if generator_multiple(&secret) == polynomial[..33] {
        return Ok(Some(Zeroizing::new(secret.to_bytes())));
    }
    Err(EngineError::field(
        "shares",
        "the shares that were opened in the setup",
        "others: they do not give the logarithm of the output point",
    ))
}

/// What each instance's output label frees, when the predicate is false; none when it is true.
fn freed_by_false(
    params: &Params,
    held: &[Held<'_>],
    bits: &[bool],
    control: &Control,
) -> Result<Option<Vec<Freed>>, EngineError> {
    let lanes: Vec<_> = held.iter().map(Held::lane).collect();
    let result = garble::evaluate(&params.program, &lanes, bits, Path::best(), control)?;
    if result.bits[0] {
        return Ok(None);
    }
    let freed = held.iter().zip(&result.labels);
    let freed = freed.map(|(held, labels)| (held.index, held.unmask(&labels[0])));
    Ok(Some(freed.collect()))
}

/// What a valid proof frees of an instance; none when the garbler did not encrypt as it should have.
fn freed_by_proof(
    params: &Params,
    statement: &Statement,
    held: &Held<'_>,
    bits: &[bool],
    proof: &[u8],
    control: &Control,
) -> Result<Option<Freed>, EngineError> {
    let (Some(multiple), Some(encrypted)) = (
        held.decode(params, bits, control)?,
        &held.kept.head.encrypted,
    ) else {
        return Ok(None);
    };
    // a hostile ciphertext is a share that does not open, no fault of the caller
    let key = statement.open(&multiple, proof, &encrypted.ciphertext).ok();
    Ok(key.map(|key| (held.index, held.unmask(&key[..]))))
}

/// The secrets as scalars, each the logarithm of its point.
fn check_digits(
    params: &Params,
    points: &[Affine],
    digits: &[Digit],
) -> Result<Vec<Scalar>, EngineError> {
    let layout = params.layout;
    if digits.len() != layout.digits() {
        return Err(EngineError::field(
            "digits",
            format!("{} digits", layout.digits()),
            format!("{} digits", digits.len()),
        ));
    }
    let mut secrets = Vec::with_capacity(digits.len());
    for (number, digit) in digits.iter().enumerate() {
        if digit.value >= layout.values() {
            return Err(EngineError::field(
                "digits",
                format!("values below {}", layout.values()),
                format!("{} as digit {number}", digit.value),
            ));
        }
        let point = points[number * layout.values() + digit.value].to_bytes();
        let secret = Scalar::parse(&digit.secret)
            .filter(|secret| generator_multiple(secret) == point)
            .ok_or_else(|| {
                EngineError::field(
                    "digits",
                    "the secret of each published value",
                    format!("another one for digit {number}, value {}", digit.value),
                )
            })?;
        secrets.push(secret);
    }
    Ok(secrets)
}

/// f(0) from the opened shares and the one that a kept instance gave.
fn combine(
    opened: &[usize],
    shares: &[u8],
    index: usize,
    share: Scalar,
) -> Result<Scalar, EngineError> {
    let (chunks, _) = shares.as_chunks::<32>();
    let mut known = vec![(index, share)];
    for (index, bytes) in opened.iter().zip(chunks) {
        let share = Scalar::parse(bytes).ok_or_else(|| {
            EngineError::field(
                "shares",
                "scalars below the group order",
                format!("a larger number for instance {index}"),
            )
        })?;
        known.push((*index, share));
    }
    Ok(interpolate_zero(&known))
}
