//! Evaluation: published digits in; the secret f(0) out, if the predicate is false on them.

use garble::{Block, Control, EvaluatorLane, Path};
use zeroize::Zeroizing;

use crate::check::split_kept;
use crate::curve::Affine;
use crate::digits::{generator_multiple, read_digit_points, read_points};
use crate::error::length;
use crate::polynomial::{interpolate_zero, is_on, threshold};
use crate::scalar::Scalar;
use crate::solder::{Masks, base, slow_multiple};
use crate::{EngineError, Params};

/// A published digit: its value and the scalar s[w][v] that publishing it showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digit {
    /// The value, below 2^b.
    pub value: usize,
    /// The secret, 32 bytes, big-endian.
    pub secret: [u8; 32],
}

/// Evaluates all kept instances on the digits. None: the predicate is true. An error: a digit's secret is wrong, or the
/// predicate is false and no kept instance holds a share of f, which cut-and-choose allows with chance 1 / C(N, M).
#[allow(clippy::too_many_arguments)] // what an evaluator stored, and the digits
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
    length("witness", 0, witness.len())?;
    let opened = params.opened(kept);
    length("shares", opened.len() * 32, shares.len())?;
    length("artifact", kept.len() * params.kept_bytes(), artifact.len())?;
    let (_, all_points) = read_digit_points(params.layout, points)?;
    let coefficients = read_points("polynomial", polynomial, threshold(params))?;
    let secrets = check_digits(params, &all_points, digits)?;
    let bits: Vec<bool> = (0..params.layout.input_bits())
        .map(|wire| {
            let (digit, bit) = (
                wire / params.layout.digit_bits(),
                wire % params.layout.digit_bits(),
            );
            digits[digit].value >> bit & 1 == 1
        })
        .collect();

    control.start(kept.len() as u64);
    let mut instances = Vec::with_capacity(kept.len());
    for (index, bytes) in kept.iter().zip(artifact.chunks_exact(params.kept_bytes())) {
        control.check()?;
        let (head, translation, table) = split_kept(params, bytes);
        let masks = Masks::new(params, *index);
        let active = active_labels(params, *index, &masks, &secrets, digits, translation);
        instances.push((*index, head, masks, active, table));
        control.advance(1);
    }
    let lanes: Vec<_> = instances
        .iter()
        .map(|(_, head, _, active, table)| EvaluatorLane {
            key: &head.key,
            s: &head.s,
            active,
            table,
        })
        .collect();
    let result = garble::evaluate(&params.program, &lanes, &bits, Path::best(), control)?;
    if result.bits[0] {
        return Ok(None);
    }
    for ((index, head, masks, _, _), labels) in instances.iter().zip(&result.labels) {
        let share = Zeroizing::new(masks.apply_output(&labels[0], &head.output));
        let Some(share) = Scalar::parse(&share) else {
            continue;
        };
        if !is_on(&coefficients, *index, share) {
            continue;
        }
        let secret = combine(&opened, shares, *index, share)?;
        if generator_multiple(&secret) == polynomial[..33] {
            return Ok(Some(Zeroizing::new(secret.to_bytes())));
        }
        return Err(EngineError::field(
            "shares",
            "the shares that were opened in the setup",
            "others: they do not give the logarithm of the output point",
        ));
    }
    Err(EngineError::field(
        "artifact",
        "a share of the committed polynomial in some kept instance, since the predicate is false",
        "none",
    ))
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

/// The labels that the digits' secrets unmask in one instance's translation table.
fn active_labels(
    params: &Params,
    index: usize,
    masks: &Masks,
    secrets: &[Scalar],
    digits: &[Digit],
    translation: &[u8],
) -> Vec<Block> {
    let layout = params.layout;
    let base = base(params, index);
    let mut active = Vec::with_capacity(layout.input_bits());
    let mut start = 0;
    for (number, (digit, secret)) in digits.iter().zip(secrets).enumerate() {
        let width = layout.wires(number).len() * 16;
        let row = start + digit.value * width;
        let mut labels = translation[row..row + width].to_vec();
        masks.apply(
            &slow_multiple(&base, *secret),
            number,
            digit.value,
            &mut labels,
        );
        let (labels, _) = labels.as_chunks::<16>();
        active.extend_from_slice(labels);
        start += layout.values() * width;
    }
    active
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
