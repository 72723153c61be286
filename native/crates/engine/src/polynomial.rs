//! The output polynomial f of degree N - M: f(0) decides the dispute, instance i hides f(i + 1).

use zeroize::Zeroizing;

use crate::curve::{Affine, sum_of_multiples};
use crate::scalar::Scalar;
use crate::transcript::{BATCH_WEIGHTS, PAIR_SECRETS, le, secrets, weights};
use crate::{EngineError, Params};

/// Number of coefficients of F, exactly: with one more, f(0) never comes out of N - M + 1 shares.
pub(crate) fn threshold(params: &Params) -> usize {
    params.instances - params.kept + 1
}

/// f, lowest coefficient first. Bound to the setup id: a seed used under two setup ids gives two polynomials.
pub(crate) fn coefficients(params: &Params, pair_seed: &[u8; 32]) -> Zeroizing<Vec<Scalar>> {
    let path = [
        b"polynomial" as &[u8],
        &params.setup_id,
        &le(params.instances),
        &le(params.kept),
    ];
    secrets(PAIR_SECRETS, pair_seed, &path, threshold(params))
}

/// f(index + 1).
pub(crate) fn share(coefficients: &[Scalar], index: usize) -> Scalar {
    let x = Scalar::from_index(index + 1);
    let step = |sum: Scalar, c: &Scalar| sum.mul(x).add(*c);
    coefficients.iter().rev().fold(Scalar::ZERO, step)
}

/// Whether `share` is the one of instance `index` on the committed polynomial.
pub(crate) fn is_on(polynomial: &[Affine], index: usize, share: Scalar) -> bool {
    are_on(polynomial, &[(index, share)], &[Scalar::ONE])
}

/// One combination of many shares, with weights nobody could foresee.
fn are_on(polynomial: &[Affine], shares: &[(usize, Scalar)], weights: &[Scalar]) -> bool {
    let mut sums = vec![Scalar::ZERO; polynomial.len()];
    let mut left = Scalar::ZERO;
    for ((index, share), weight) in shares.iter().zip(weights) {
        let x = Scalar::from_index(index + 1);
        let mut power = *weight;
        for sum in &mut sums {
            *sum = sum.add(power);
            power = power.mul(x);
        }
        left = left.add(weight.mul(*share));
    }
    let mut points = polynomial.to_vec();
    points.push(Affine::GENERATOR);
    sums.push(left.neg());
    sum_of_multiples(&points, &sums, 256).is_infinity()
}

/// All shares in one check; names the first wrong one when that fails.
pub(crate) fn check_shares(
    params: &Params,
    polynomial: &[Affine],
    polynomial_bytes: &[u8],
    shares: &[(usize, Scalar)],
) -> Result<(), EngineError> {
    let mut shown = Vec::with_capacity(shares.len() * 36);
    for (index, share) in shares {
        shown.extend_from_slice(&le(*index));
        shown.extend_from_slice(&share.to_bytes());
    }
    let transcript = [
        b"shares" as &[u8],
        &params.setup_id,
        polynomial_bytes,
        &shown,
    ];
    let weights = weights(BATCH_WEIGHTS, &transcript, shares.len());
    if are_on(polynomial, shares, &weights) {
        return Ok(());
    }
    let wrong = shares
        .iter()
        .find(|(index, share)| !is_on(polynomial, *index, *share));
    Err(EngineError::instance(
        wrong.map_or(0, |(index, _)| *index),
        "share",
        "the value of the committed polynomial F at this index",
    ))
}

/// f(0) from N - M + 1 shares with distinct indices.
pub(crate) fn interpolate_zero(shares: &[(usize, Scalar)]) -> Scalar {
    let mut total = Scalar::ZERO;
    for (n, (index, share)) in shares.iter().enumerate() {
        let x = Scalar::from_index(index + 1);
        let (mut above, mut below) = (*share, Scalar::ONE);
        for (m, (other, _)) in shares.iter().enumerate() {
            if m != n {
                let y = Scalar::from_index(other + 1);
                above = above.mul(y);
                below = below.mul(y.sub(x));
            }
        }
        total = total.add(above.mul(below.invert()));
    }
    total
}
