//! A scalar in base t = 2 - lambda: 91 digits of 0, +-1, +-lambda, +-lambda^2.
//!
//! lambda acts on the curve as (x, y) -> (w x, y), w^3 = 1, so a digit costs nothing to apply; t has norm 7 in Z[lambda],
//! so the seven digits are the residues modulo t. The scalar first becomes a + b lambda with a, b of half its length.
//! 91 digits are enough for every scalar: the short pairs fill a parallelogram around 0; after 91 steps the rest is
//! at most 0.45 + 0.61 long, and no unit lies within 0.61 of the scaled parallelogram, so the rest is 0.
//! The scalar is secret: nothing here branches on it or looks up by it.

use ark_bn254::Fr;
use ark_ff::{BigInt, PrimeField};
use zeroize::Zeroizing;

/// Digits of a scalar.
pub const TERMS: usize = 91;

/// The digit's residue modulo t, where lambda counts as 2: 0 is 0, 1 and 6 are +-1, 2 and 5 +-lambda, 4 and 3 +-lambda^2.
pub(crate) type Digit = u8;

/// Digits as pairs (a, b) of a + b lambda, by residue; lambda^2 = -1 - lambda.
const PAIRS: [(i128, i128); 7] = [(0, 0), (1, 0), (0, 1), (1, 1), (-1, -1), (0, -1), (-1, 0)];

// (A1, -B1) and (B1, A2) span the pairs with a + b lambda = 0 (mod n); A1 A2 + B1^2 = n
const A1: u128 = 0x6f4d8248eeb859fc8211bbeb7d4f1128;
const B1: u128 = 0x89d3256894d213e3;
const A2: u128 = 0x6f4d8248eeb859fd0be4e1541221250b;
/// A2 / n and B1 / n, times 2^320, rounded.
const SCALED: [[u64; 4]; 2] = [
    [
        0x149d540fd5e495cc,
        0x5398fd0300ff6565,
        0x4ccef014a773d2d2,
        2,
    ],
    [0x6eb9c714773a6ef3, 0xd91d232ec7e0b3d7, 2, 0],
];
/// 1 / 7 modulo 2^128.
const SEVENTH: u128 = 0xb6db6db6db6db6db6db6db6db6db6db7;

/// (a, b) with r = a + b lambda (mod n), both shorter than 2^126.
fn short_pair(r: &Fr) -> (u128, u128) {
    let BigInt(limbs) = r.into_bigint();
    let [first, second] = SCALED.map(|scaled| rounded(&limbs, &scaled));
    let low = u128::from(limbs[0]) | u128::from(limbs[1]) << 64;
    // what does not fit 128 bits cancels
    let a = low
        .wrapping_sub(first.wrapping_mul(A1))
        .wrapping_sub(second.wrapping_mul(B1));
    let b = first.wrapping_mul(B1).wrapping_sub(second.wrapping_mul(A2));
    (a, b)
}

/// x y / 2^320, rounded, for a result below 2^128.
fn rounded(x: &[u64; 4], y: &[u64; 4]) -> u128 {
    let mut product = [0u64; 8];
    for (i, a) in x.iter().enumerate() {
        let mut carry = 0u128;
        for (j, b) in y.iter().enumerate() {
            carry += u128::from(*a) * u128::from(*b) + u128::from(product[i + j]);
            product[i + j] = carry as u64;
            carry >>= 64;
        }
        product[i + 4] = carry as u64;
    }
    let whole = u128::from(product[5]) | u128::from(product[6]) << 64;
    whole + u128::from(product[4] >> 63)
}

/// A signed number modulo 7, without a division that takes longer for longer numbers.
fn modulo_seven(x: u128) -> u64 {
    const MASK: u128 = (1 << 60) - 1; // 2^60 = 1 (mod 7)
    let folded = (x & MASK) + (x >> 60 & MASK) + (x >> 120);
    // a negative number stands for itself plus 2^128 = 4 (mod 7)
    (folded as u64 + 3 * (x >> 127) as u64) % 7
}

/// The digits of `r`, least significant first.
pub(crate) fn digits(r: &Fr) -> Zeroizing<[Digit; TERMS]> {
    let (mut a, mut b) = short_pair(r);
    let mut out = Zeroizing::new([0; TERMS]);
    for digit in out.iter_mut() {
        let residue = modulo_seven(a) + 2 * modulo_seven(b);
        let residue = residue % 7;
        for (index, (da, db)) in PAIRS.iter().enumerate() {
            let mask = (index as u64 ^ residue).wrapping_sub(1) >> 63;
            let mask = 0u128.wrapping_sub(u128::from(mask));
            a = a.wrapping_sub(*da as u128 & mask);
            b = b.wrapping_sub(*db as u128 & mask);
        }
        // (a + b lambda) / (2 - lambda) = (a + b lambda)(3 + lambda) / 7; the division leaves no rest
        let (x, y) = (a, b);
        a = x.wrapping_mul(3).wrapping_sub(y).wrapping_mul(SEVENTH);
        b = x.wrapping_add(y.wrapping_mul(2)).wrapping_mul(SEVENTH);
        *digit = residue as u8;
    }
    debug_assert!(a == 0 && b == 0, "the scalar needs more digits");
    out
}

#[cfg(test)]
mod tests {
    use ark_ff::{AdditiveGroup, Field, UniformRand};

    use super::*;

    /// Cases 0 and 7 of the vectors of the executable model: r, then the digits without the zeros above them.
    const VECTORS: [(&str, &str); 2] = [
        (
            "1301c8114add0a766649e98f7e1ccb1049f669c919d06f41842e10066841230d",
            "021422403464010612035241522046412050203501664562066441551465214513021050143031056325652364",
        ),
        (
            "2eb043f27149c3a2bd2eb0b517b8039b024cd8c80f647eecae172c8ff63410ce",
            "1015044421320621400461551624530253444401334450521453663431005302535363546255221620206036221",
        ),
    ];

    fn lambda() -> Fr {
        let limbs = [
            0xb8ca0b2d36636f23,
            0xcc37a73fec2bc5e9,
            0x048b6e193fd84104,
            0x30644e72e131a029,
        ];
        Fr::from_bigint(BigInt(limbs)).unwrap()
    }

    /// sum d_i t^i.
    fn value(digits: &[Digit]) -> Fr {
        let (one, lambda) = (Fr::ONE, lambda());
        let square = lambda * lambda;
        let worth = [Fr::ZERO, one, lambda, -square, square, -lambda, -one];
        let fold = |sum: Fr, digit: &Digit| sum * (one + one - lambda) + worth[*digit as usize];
        digits.iter().rev().fold(Fr::ZERO, fold)
    }

    #[test]
    fn digits_are_those_of_the_model() {
        for (r, expected) in VECTORS {
            let r = Fr::from_be_bytes_mod_order(&hex::decode(r).unwrap());
            let text: String = digits(&r).iter().map(u8::to_string).collect();
            assert_eq!(text.trim_end_matches('0'), expected);
            assert_eq!(value(&*digits(&r)), r);
        }
    }

    #[test]
    fn ninety_one_digits_are_enough() {
        let mut random = ark_std::test_rng();
        let mut scalars: Vec<Fr> = (0..2000).map(|_| Fr::rand(&mut random)).collect();
        scalars.extend((0..50).flat_map(|n| [Fr::from(n), -Fr::from(n)]));
        // the corners of the parallelogram of short pairs: half of the sums and differences of its sides
        let [a1, b1, a2] = [A1, B1, A2].map(|side| Fr::from(side / 2));
        for a in [a1 + b1, a1 - b1, b1 - a1, -a1 - b1] {
            for b in [a2 - b1, a2 + b1, b1 - a2, -a2 - b1] {
                for (da, db) in PAIRS
                    .iter()
                    .flat_map(|pair| [*pair, (pair.0 * 3, pair.1 * 3)])
                {
                    let near = |half: Fr, step: i128| half + Fr::from(step);
                    scalars.push(near(a, da) + near(b, db) * lambda());
                }
            }
        }
        for r in scalars {
            let (a, b) = short_pair(&r);
            let length = |x: u128| (x as i128).unsigned_abs();
            assert!(length(a) < 1 << 126 && length(b) < 1 << 126);
            assert_eq!(Fr::from(a as i128) + Fr::from(b as i128) * lambda(), r);
            assert_eq!(value(&*digits(&r)), r);
        }
    }
}
