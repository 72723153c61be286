//! Digit secrets, linear in the bits: s[w][v] = c[w] + sum over j of v_j * d[w][j].

use zeroize::Zeroizing;

use crate::curve::{Affine, add_pairs, parse_points};
use crate::error::length;
use crate::scalar::Scalar;
use crate::transcript::{DIGIT_SECRETS, le, secrets};
use crate::{EngineError, Layout};

/// The scalars of all digits, c, d_0 .. d_(b-1) of each.
pub(crate) fn digit_secrets(layout: Layout, seed: &[u8; 32]) -> Zeroizing<Vec<Scalar>> {
    let path = [&le(layout.input_bits())[..], &le(layout.digit_bits())];
    secrets(DIGIT_SECRETS, seed, &path, layout.points())
}

/// s[w][v].
pub(crate) fn digit_secret(
    layout: Layout,
    scalars: &[Scalar],
    digit: usize,
    value: usize,
) -> Scalar {
    let row = &scalars[digit * layout.row()..(digit + 1) * layout.row()];
    (0..layout.digit_bits())
        .filter(|bit| value >> bit & 1 == 1)
        .fold(row[0], |sum, bit| sum.add(row[1 + bit]))
}

/// S: the points of all digits, 33 bytes each, digit by digit c, d_0 .. d_(b-1).
pub fn digit_points(layout: Layout, seed: &[u8; 32]) -> Vec<u8> {
    let scalars = digit_secrets(layout, seed);
    scalars.iter().flat_map(generator_multiple).collect()
}

/// The generator times a secret, not zero with overwhelming probability; zero gives a string that no parser takes.
pub(crate) fn generator_multiple(scalar: &Scalar) -> [u8; 33] {
    match secp256k1::SecretKey::from_byte_array(scalar.to_bytes()) {
        Ok(mut key) => {
            let point = key.public_key(secp256k1::SECP256K1).serialize();
            key.non_secure_erase();
            point
        }
        Err(_) => [0; 33],
    }
}

/// Points as they travel: 33 bytes each, none of them infinity.
pub(crate) fn read_points(
    field: &'static str,
    bytes: &[u8],
    count: usize,
) -> Result<Vec<Affine>, EngineError> {
    length(field, count * 33, bytes.len())?;
    let (points, _) = bytes.as_chunks::<33>();
    parse_points(points).map_err(|n| {
        EngineError::field(
            field,
            "compressed points of secp256k1",
            format!("something else as point {n}"),
        )
    })
}

/// All values from the basis: the point of (w, v) stands at w * 2^b + v. Err((w, v)): that one is infinity.
pub(crate) fn expand(layout: Layout, basis: &[Affine]) -> Result<Vec<Affine>, (usize, usize)> {
    let row = layout.row();
    let mut points: Vec<Affine> = basis.iter().copied().step_by(row).collect();
    for bit in 0..layout.digit_bits() {
        let count = 1 << bit;
        let mut upper = points.clone();
        let mut terms = Vec::with_capacity(upper.len());
        for digit in 0..layout.digits() {
            terms.extend(std::iter::repeat_n(basis[digit * row + 1 + bit], count));
        }
        add_pairs(&mut upper, &terms).map_err(|n| (n / count, n % count + count))?;
        let pairs = points.chunks(count).zip(upper.chunks(count));
        points = pairs.flat_map(|(low, high)| [low, high].concat()).collect();
    }
    Ok(points)
}

/// S[w][v] of every value: 33 bytes each, in order of digit, then value.
pub fn value_points(layout: Layout, points: &[u8]) -> Result<Vec<u8>, EngineError> {
    let (_, all) = read_digit_points(layout, points)?;
    Ok(all.iter().flat_map(|point| point.to_bytes()).collect())
}

/// S in both forms, read and expanded once; refuses infinity among the points of the values.
pub(crate) fn read_digit_points(
    layout: Layout,
    bytes: &[u8],
) -> Result<(Vec<Affine>, Vec<Affine>), EngineError> {
    let basis = read_points("points", bytes, layout.points())?;
    let all = expand(layout, &basis).map_err(|(digit, value)| {
        EngineError::field(
            "points",
            "a finite point for every value of every digit",
            format!("infinity for digit {digit}, value {value}"),
        )
    })?;
    Ok((basis, all))
}
