//! Square roots modulo p, the prime of BN254's coordinates, eight at a time.
//!
//! p = 3 (mod 4), so a root of a square x is x^((p+1)/4), and what comes of another x is no root. The time is the same
//! for all x: they are secret.

use ark_bn254::Fq;
use ark_ff::{BigInt, Field, PrimeField};

/// Numbers in a batch.
pub(crate) const BATCH: usize = 8;

/// (p + 1) / 4.
fn exponent() -> [u64; 4] {
    let BigInt([a, b, c, d]) = Fq::MODULUS;
    [
        (a >> 2 | b << 62) + 1,
        b >> 2 | c << 62,
        c >> 2 | d << 62,
        d >> 2,
    ]
}

/// x^((p+1)/4) of each x: a square root where there is one.
pub(crate) fn square_roots(x: &[Fq; BATCH]) -> [Fq; BATCH] {
    #[cfg(target_arch = "x86_64")]
    if crate::ifma::is_available() {
        // SAFETY: the processor was asked for the features in the line before.
        return unsafe { wide::powers(x, &exponent()) };
    }
    x.map(|x| x.pow(exponent()))
}

#[cfg(target_arch = "x86_64")]
mod wide {
    //! Montgomery's multiplication with limbs of 52 bits: x y / 2^260, operands and result below 2 p.

    use std::arch::x86_64::*;

    use ark_ff::{BigInt, MontFp};
    use zeroize::Zeroizing;

    use super::{BATCH, Fq};
    use crate::ifma::{MINUS_INVERSE, P, carry, split};
    use crate::wide::subtract_modulus;

    /// An element is stored times 2^256, and here it is wanted times 2^260.
    const TO: Fq = MontFp!("16");
    const BACK: Fq =
        MontFp!("12312136615409592312513603231707217237391675025980025810262583815737939742328");

    type Limbs = [__m512i; 5];

    /// x^exponent of each x, four bits of the exponent at a time.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn powers(x: &[Fq; BATCH], exponent: &[u64; 4]) -> [Fq; BATCH] {
        let limbs = Zeroizing::new(x.map(|x| split(&(x * TO))));
        let lane = |n: usize| {
            let [a, b, c, d, e, f, g, h] = limbs.map(|limbs| limbs[n]);
            _mm512_set_epi64(h, g, f, e, d, c, b, a)
        };
        let x: Limbs = std::array::from_fn(lane);
        let one = split(&TO).map(|limb| _mm512_set1_epi64(limb));
        let mut table = [one; 16];
        for n in 1..16 {
            table[n] = multiply(&table[n - 1], &x);
        }
        let mut power = one;
        for nibble in (0..64).rev() {
            for _ in 0..4 {
                power = multiply(&power, &power);
            }
            // the exponent is public
            let digit = exponent[nibble / 16] >> (nibble % 16 * 4) & 15;
            power = multiply(&power, &table[digit as usize]);
        }
        let mut words = Zeroizing::new([[0i64; BATCH]; 5]);
        for (words, limb) in words.iter_mut().zip(power) {
            // SAFETY: eight words are 64 bytes.
            unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), limb) };
        }
        std::array::from_fn(|n| {
            let [a, b, c, d, e] = words.map(|words| words[n] as u64);
            let element = [
                a | b << 52,
                b >> 12 | c << 40,
                c >> 24 | d << 28,
                d >> 36 | e << 16,
            ];
            Fq::new_unchecked(BigInt(subtract_modulus(element))) * BACK
        })
    }

    /// x y / 2^260.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn multiply(x: &Limbs, y: &Limbs) -> Limbs {
        let zero = _mm512_setzero_si512();
        let mut t = [zero; 10];
        for (i, x) in x.iter().enumerate() {
            for (j, y) in y.iter().enumerate() {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], *x, *y);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], *x, *y);
            }
        }
        let inverse = _mm512_set1_epi64(MINUS_INVERSE);
        for step in 0..5 {
            let multiple = _mm512_madd52lo_epu64(zero, t[step], inverse);
            for (n, p) in P.iter().enumerate() {
                let p = _mm512_set1_epi64(*p);
                t[step + n] = _mm512_madd52lo_epu64(t[step + n], multiple, p);
                t[step + n + 1] = _mm512_madd52hi_epu64(t[step + n + 1], multiple, p);
            }
            t[step + 1] = _mm512_add_epi64(t[step + 1], _mm512_srli_epi64::<52>(t[step]));
        }
        let mut product = [t[5], t[6], t[7], t[8], t[9]];
        carry(&mut product);
        product
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::{AdditiveGroup, UniformRand};

    use super::*;

    #[test]
    fn every_processor_finds_the_librarys_roots() {
        let mut random = ark_std::test_rng();
        let mut numbers: Vec<Fq> = (0..64).map(|_| Fq::rand(&mut random)).collect();
        numbers[..6].copy_from_slice(&[
            Fq::ZERO,
            Fq::ONE,
            -Fq::ONE,
            Fq::from(4),
            -Fq::from(4),
            Fq::ONE.double().inverse().unwrap(),
        ]);
        let mut roots = 0;
        for x in numbers.as_chunks::<BATCH>().0 {
            let found = square_roots(x);
            assert_eq!(found, x.map(|x| x.pow(exponent())));
            for (x, found) in x.iter().zip(found) {
                assert_eq!(found.square() == *x, x.sqrt().is_some());
                roots += usize::from(found.square() == *x);
            }
        }
        assert!((20..44).contains(&roots));
    }
}
