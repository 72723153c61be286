//! The elements of one column on 52-bit multiply-add instructions, eight at a time. Same numbers as `wide.rs`.
//!
//! A register holds one limb of 52 bits of each of eight numbers; limbs are signed and carry late. A mask m comes in as
//! m 2^16, so that Montgomery's four steps, which divide by 2^208, leave m / 2^192.

use std::arch::x86_64::*;

use ark_bn254::Fq;
use ark_ff::MontFp;
use garble::Block;
use zeroize::Zeroizing;

use crate::wide::Wide;

/// Numbers in a register.
const LANES: usize = 8;
const LIMB: i64 = (1 << 52) - 1;
/// p, limbs of 52 bits.
const P: [i64; 5] = [
    0x8c16d87cfd47,
    0x916871ca8d3c2,
    0x181585d97816a,
    0xa029b85045b68,
    0x30644e72e131,
];
/// -1 / p modulo 2^52.
const MINUS_INVERSE: i64 = 0x20782e4866389;
/// The least multiple of p above 2^400 + 2^262: more than what is subtracted.
const LIFT: [i64; 8] = [
    0xaee985aebee4f,
    0x4c855e084b1c8,
    0x2bd873ac02b94,
    0xf326491797989,
    0x1a99a1cb2792,
    0x4,
    0x0,
    0x1000000000,
];
/// 2^-48: an element is stored times 2^256, and here it is wanted times 2^208.
const STORED: Fq =
    MontFp!("642223234561817984002544330428620567570941471636303338924277060370717788866");
/// 2^8, by which the coefficient grows from one register to the next.
const STEP: Fq = MontFp!("256");

/// Whether this processor has the instructions.
pub(crate) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")
}

/// For each pair of masks `one - zero - coefficient 2^n`, as bytes to `out`; adds the masks `one` to `sum`.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(crate) fn column<const N: usize>(
    one: &[[Block; N]; 3],
    zero: &[[Block; N]; 3],
    coefficient: &Fq,
    sum: &mut Wide,
    out: &mut [[u8; 32]; N],
) {
    const { assert!(N.is_multiple_of(LANES)) }
    let mut growing = Zeroizing::new(*coefficient * STORED);
    let mut sums = [_mm512_setzero_si512(); 8];
    for (register, out) in out.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let first = register * LANES;
        let ones = limbs(one, first);
        let zeros = limbs(zero, first);
        let mut x = [_mm512_setzero_si512(); 9];
        for n in 0..8 {
            sums[n] = _mm512_add_epi64(sums[n], ones[n]);
            let lifted = _mm512_add_epi64(ones[n], _mm512_set1_epi64(LIFT[n]));
            x[n] = _mm512_sub_epi64(lifted, zeros[n]);
        }
        let shift = _mm512_set_epi64(7, 3, 6, 2, 5, 1, 4, 0); // the order in which `limbs` puts the numbers
        for (x, limb) in x.iter_mut().zip(split(&growing)) {
            *x = _mm512_sub_epi64(*x, _mm512_sllv_epi64(_mm512_set1_epi64(limb), shift));
        }
        *growing *= STEP;
        store(&reduce(x), out);
    }
    sum.add_limbs(&sums.map(|sum| _mm512_reduce_add_epi64(sum) as u64));
}

/// The limbs of an element as it is stored.
#[inline]
fn split(x: &Fq) -> [i64; 5] {
    let [a, b, c, d] = x.0.0;
    let limbs = [
        a,
        a >> 52 | b << 12,
        b >> 40 | c << 24,
        c >> 28 | d << 36,
        d >> 16,
    ];
    limbs.map(|limb| limb as i64 & LIMB)
}

/// Limbs of eight masks times 2^16; the numbers stand in the order 0, 4, 1, 5, 2, 6, 3, 7.
#[inline]
#[target_feature(enable = "avx512f")]
fn limbs<const N: usize>(masks: &[[Block; N]; 3], first: usize) -> [__m512i; 8] {
    let words = |part: usize| {
        let blocks: &[Block] = &masks[part][first..first + LANES];
        // SAFETY: eight blocks are 128 bytes.
        let (low, high) = unsafe {
            let start = blocks.as_ptr().cast::<__m512i>();
            (_mm512_loadu_si512(start), _mm512_loadu_si512(start.add(1)))
        };
        [
            _mm512_unpacklo_epi64(low, high),
            _mm512_unpackhi_epi64(low, high),
        ]
    };
    let ([a, b], [c, d], [e, f]) = (words(0), words(1), words(2));
    let limb = _mm512_set1_epi64(LIMB);
    // the low 52 bits of two words side by side
    macro_rules! join {
        ($low:ident >> $right:literal, $high:ident << $left:literal) => {
            _mm512_and_si512(
                _mm512_or_si512(
                    _mm512_srli_epi64::<$right>($low),
                    _mm512_slli_epi64::<$left>($high),
                ),
                limb,
            )
        };
    }
    [
        _mm512_and_si512(_mm512_slli_epi64::<16>(a), limb),
        join!(a >> 36, b << 28),
        join!(b >> 24, c << 40),
        _mm512_srli_epi64::<12>(c),
        _mm512_and_si512(d, limb),
        join!(d >> 52, e << 12),
        join!(e >> 40, f << 24),
        _mm512_srli_epi64::<28>(f),
    ]
}

/// x / 2^208 mod p, as four words of 64 bits, for x at least 0 and below 2^402.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce(mut x: [__m512i; 9]) -> [__m512i; 4] {
    let p = P.map(|limb| _mm512_set1_epi64(limb));
    let zero = _mm512_setzero_si512();
    let inverse = _mm512_set1_epi64(MINUS_INVERSE);
    for step in 0..4 {
        let multiple = _mm512_madd52lo_epu64(zero, x[step], inverse);
        for (n, p) in p.iter().enumerate() {
            x[step + n] = _mm512_madd52lo_epu64(x[step + n], multiple, *p);
            x[step + n + 1] = _mm512_madd52hi_epu64(x[step + n + 1], multiple, *p);
        }
        let carry = _mm512_srai_epi64::<52>(x[step]);
        x[step + 1] = _mm512_add_epi64(x[step + 1], carry);
    }
    // below p + 2^194: subtract p, and add it again where that was too much
    let mut less = [x[4], x[5], x[6], x[7], x[8]];
    for (limb, p) in less.iter_mut().zip(p) {
        *limb = _mm512_sub_epi64(*limb, p);
    }
    carry(&mut less);
    let negative = _mm512_srai_epi64::<63>(less[4]);
    for (limb, p) in less.iter_mut().zip(p) {
        *limb = _mm512_add_epi64(*limb, _mm512_and_si512(p, negative));
    }
    carry(&mut less);
    let [a, b, c, d, e] = less;
    [
        _mm512_or_si512(a, _mm512_slli_epi64::<52>(b)),
        _mm512_or_si512(_mm512_srli_epi64::<12>(b), _mm512_slli_epi64::<40>(c)),
        _mm512_or_si512(_mm512_srli_epi64::<24>(c), _mm512_slli_epi64::<28>(d)),
        _mm512_or_si512(_mm512_srli_epi64::<36>(d), _mm512_slli_epi64::<16>(e)),
    ]
}

/// Brings all limbs but the highest to 52 bits.
#[inline]
#[target_feature(enable = "avx512f")]
fn carry(limbs: &mut [__m512i; 5]) {
    for n in 0..4 {
        limbs[n + 1] = _mm512_add_epi64(limbs[n + 1], _mm512_srai_epi64::<52>(limbs[n]));
        limbs[n] = _mm512_and_si512(limbs[n], _mm512_set1_epi64(LIMB));
    }
}

/// Writes the numbers one after the other, in their own order.
#[inline]
#[target_feature(enable = "avx512f")]
fn store(words: &[__m512i; 4], out: &mut [[u8; 32]; LANES]) {
    let [a, b, c, d] = *words;
    let start = out.as_mut_ptr().cast::<__m512i>();
    let pairs = [
        (_mm512_unpacklo_epi64(a, b), _mm512_unpacklo_epi64(c, d)),
        (_mm512_unpackhi_epi64(a, b), _mm512_unpackhi_epi64(c, d)),
    ];
    let lower = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    let upper = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    for (n, (low, high)) in pairs.into_iter().enumerate() {
        // SAFETY: eight elements are four registers, and n is 0 or 1.
        unsafe {
            _mm512_storeu_si512(
                start.add(2 * n),
                _mm512_permutex2var_epi64(low, lower, high),
            );
            _mm512_storeu_si512(
                start.add(2 * n + 1),
                _mm512_permutex2var_epi64(low, upper, high),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::{AdditiveGroup, Field, PrimeField};
    use num_bigint::BigInt;

    use super::*;
    use crate::masks::{MASKS, Masks};
    use crate::wide;

    fn number(limbs: &[i64]) -> BigInt {
        let add = |sum: BigInt, limb: &i64| (sum << 52) + limb;
        limbs.iter().rev().fold(BigInt::ZERO, add)
    }

    #[test]
    fn constants_follow_from_the_prime() {
        let p = BigInt::from(num_bigint::BigUint::from(Fq::MODULUS));
        let one = BigInt::from(1);
        assert_eq!(number(&P), p);
        assert_eq!(P[0].wrapping_mul(MINUS_INVERSE) & LIMB, LIMB);
        let limit = (&one << 400) + (&one << 262);
        assert_eq!(number(&LIFT) % &p, BigInt::ZERO);
        assert!(number(&LIFT) >= limit && number(&LIFT) < limit + p);
        assert_eq!(STORED * Fq::from(2).pow([48]), Fq::ONE);
    }

    /// Masks whose blocks are all zeros, all ones or random, in every combination.
    fn extremes(n: u8) -> Masks {
        let mut stream = blake3::Hasher::new().update(&[n]).finalize_xof();
        let mut masks = Masks::default();
        for block in masks.0.as_flattened_mut() {
            let mut kind = [0];
            stream.fill(&mut kind);
            match kind[0] % 3 {
                0 => *block = [0; 16],
                1 => *block = [0xff; 16],
                _ => stream.fill(block),
            }
        }
        masks
    }

    #[test]
    fn the_extremes_give_the_bytes_of_the_portable_form() {
        if !is_available() {
            return;
        }
        let pairs = [
            (
                Masks([[[0; 16]; MASKS]; 3]),
                Masks([[[0xff; 16]; MASKS]; 3]),
            ),
            (
                Masks([[[0xff; 16]; MASKS]; 3]),
                Masks([[[0; 16]; MASKS]; 3]),
            ),
            (extremes(1), extremes(2)),
            (extremes(3), extremes(3)),
            (extremes(4), extremes(5)),
        ];
        for (mut one, zero) in pairs {
            for coefficient in [Fq::ZERO, Fq::ONE, -Fq::ONE, Fq::from(3).inverse().unwrap()] {
                // the room behind the bits of a feature is zero, as it is in an encoding
                for blocks in &mut one.0 {
                    blocks[crate::features::FEATURE_BITS..].fill([0; 16]);
                }
                let (mut sum, mut expected_sum) = (Wide::default(), Wide::default());
                let mut out = [[0; 32]; MASKS];
                let mut expected = out;
                for _ in 0..4 {
                    // SAFETY: the processor was asked at the start of the test.
                    unsafe { column(&one.0, &zero.0, &coefficient, &mut sum, &mut out) };
                    wide::column(&one, &zero, &coefficient, &mut expected_sum, &mut expected);
                }
                let bits = ..crate::features::FEATURE_BITS;
                assert!(out[bits] == expected[bits]);
                assert_eq!(sum.scaled(), expected_sum.scaled());
            }
        }
    }
}
