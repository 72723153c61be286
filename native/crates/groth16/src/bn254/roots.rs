//! Square roots modulo p, the prime of BN254's coordinates, eight at a time.
//!
//! p = 3 (mod 4), so a root of a square x is x^((p+1)/4), and what comes of another x is no root. Which x have one does
//! not show in the time.

use ark_bn254::Fq;
use ark_ff::{BigInt, Field, PrimeField};

/// Numbers in a batch of [`square_roots`].
pub const BATCH: usize = 8;

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

/// x^((p+1)/4) of each x in the base field of BN254: a square root where there is one.
pub fn square_roots(x: &[Fq; BATCH]) -> [Fq; BATCH] {
    #[cfg(target_arch = "x86_64")]
    if let Some(here) = super::avx512::Here::detect() {
        return here.powers(x, &exponent());
    }
    x.map(|x| x.pow(exponent()))
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
