//! Sums of many numbers modulo p, the prime of BN254's coordinates, with one reduction at the end.
//!
//! Numbers are little-endian limbs of 64 bits. A mask is 384 pseudorandom bits m, and it counts as m / 2^192 mod p: as
//! close to uniform as m mod p is, and Montgomery's reduction gives it in three steps. Nothing branches on a value.

use ark_bn254::Fq;
use ark_ff::{BigInt, MontFp, PrimeField};
use zeroize::{Zeroize, Zeroizing};

use crate::masks::{MASKS, Mask, Masks};

/// An element below p.
pub(crate) type Element = [u64; 4];
/// Bytes of an element.
pub(crate) const ELEMENT_BYTES: usize = 32;

const P: Element = [
    0x3c208c16d87cfd47,
    0x97816a916871ca8d,
    0xb85045b68181585d,
    0x30644e72e131a029,
];
/// -1 / p modulo 2^64.
const MINUS_INVERSE: u64 = 0x87d20782e4866389;
/// The least multiple of p above 2^384 + p.
const LIFT: [u64; 7] = [
    0x7860126812da3a4,
    0x4e1ecd5f78a39d18,
    0x832742c96757723a,
    0x34aa0f4db1524ea3,
    0,
    0,
    1,
];
/// 2^192, by which masks are divided.
pub(crate) const SCALE: Fq = MontFp!("6277101735386680763835789423207666416102355444464034512896");

/// A sum of fewer than 2^32 masks or elements.
#[derive(Clone, Default, Zeroize)]
pub(crate) struct Wide([u64; 7]);

impl Wide {
    /// Adds a number of at most six limbs.
    #[inline]
    pub(crate) fn add<const L: usize>(&mut self, number: &[u64; L]) {
        let mut carry = 0;
        for (limb, other) in self.0.iter_mut().zip(number) {
            *limb = add_carry(*limb, *other, &mut carry);
        }
        for limb in &mut self.0[L..] {
            *limb = add_carry(*limb, 0, &mut carry);
        }
    }

    /// Adds a number given times 2^16 in limbs that stand 52 bits apart and may be longer.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn add_limbs(&mut self, limbs: &[u64; 8]) {
        let mut place = 0;
        for (n, limb) in limbs.iter().enumerate() {
            let number = match n {
                0 => u128::from(limb >> 16),
                _ => u128::from(*limb) << (place % 64),
            };
            let mut carry = 0;
            let parts = [number as u64, (number >> 64) as u64];
            let (near, far) = self.0[place / 64..].split_at_mut(2);
            for (word, part) in near.iter_mut().zip(parts) {
                *word = add_carry(*word, part, &mut carry);
            }
            for word in far {
                *word = add_carry(*word, 0, &mut carry);
            }
            place = 52 * (n + 1) - 16;
        }
    }

    /// The sum divided by 2^192, modulo p.
    pub(crate) fn scaled(&self) -> Fq {
        to_field(reduce(self.0))
    }
}

/// For each pair of masks `one - zero - coefficient 2^n`, as bytes to `out`; adds the masks `one` to `sum`.
pub(crate) fn column(
    one: &Masks,
    zero: &Masks,
    coefficient: &Fq,
    sum: &mut Wide,
    out: &mut [[u8; ELEMENT_BYTES]; MASKS],
) {
    let mut growing = Zeroizing::new(from_field(&(*coefficient * SCALE)));
    for ((one, zero), out) in one.iter().zip(zero.iter()).zip(out) {
        sum.add(&one);
        let element = difference(&one, &zero, &growing).map(u64::to_le_bytes);
        out.copy_from_slice(element.as_flattened());
        *growing = double(&growing);
    }
}

/// What one - zero - subtrahend comes to, for masks `one` and `zero` and a subtrahend that stands for itself / 2^192.
#[inline]
fn difference(one: &Mask, zero: &Mask, subtrahend: &Element) -> Element {
    let mut sum = LIFT;
    let mut carry = 0;
    for (limb, other) in sum.iter_mut().zip(one) {
        *limb = add_carry(*limb, *other, &mut carry);
    }
    sum[6] += carry;
    let mut borrow = 0;
    for (limb, other) in sum.iter_mut().zip(zero) {
        *limb = subtract_borrow(*limb, *other, &mut borrow);
    }
    sum[6] -= borrow;
    borrow = 0;
    for (limb, other) in sum.iter_mut().zip(subtrahend) {
        *limb = subtract_borrow(*limb, *other, &mut borrow);
    }
    for limb in &mut sum[4..] {
        *limb = subtract_borrow(*limb, 0, &mut borrow);
    }
    reduce(sum)
}

/// 2 x mod p.
#[inline]
fn double(x: &Element) -> Element {
    // p is shorter than 255 bits: nothing is shifted out
    let mut carry = 0;
    let doubled = x.map(|limb| {
        let shifted = limb << 1 | carry;
        carry = limb >> 63;
        shifted
    });
    subtract_modulus(doubled)
}

/// The limbs of a field element.
pub(crate) fn from_field(x: &Fq) -> Element {
    x.into_bigint().0
}

fn to_field(x: Element) -> Fq {
    // reduced, so there is an element of these limbs
    Fq::from_bigint(BigInt(x)).unwrap_or_default()
}

/// x / 2^192 mod p, for x below 2^416: three of Montgomery's steps.
#[inline]
fn reduce(mut x: [u64; 7]) -> Element {
    for step in 0..3 {
        let multiple = x[step].wrapping_mul(MINUS_INVERSE);
        let mut carry = 0;
        for (limb, p) in x[step..].iter_mut().zip(P) {
            let sum = u128::from(multiple) * u128::from(p) + u128::from(*limb) + u128::from(carry);
            *limb = sum as u64;
            carry = (sum >> 64) as u64;
        }
        let mut above = 0;
        x[step + 4] = add_carry(x[step + 4], carry, &mut above);
        for limb in &mut x[step + 5..] {
            *limb = add_carry(*limb, 0, &mut above);
        }
    }
    // below p + 2^224
    subtract_modulus([x[3], x[4], x[5], x[6]])
}

/// x mod p, for x below 2 p.
#[inline]
fn subtract_modulus(x: Element) -> Element {
    let mut less = x;
    let mut borrow = 0;
    for (limb, p) in less.iter_mut().zip(P) {
        *limb = subtract_borrow(*limb, p, &mut borrow);
    }
    let keep = 0u64.wrapping_sub(borrow);
    for (limb, old) in less.iter_mut().zip(x) {
        *limb ^= (*limb ^ old) & keep;
    }
    less
}

#[inline]
fn add_carry(a: u64, b: u64, carry: &mut u64) -> u64 {
    let sum = u128::from(a) + u128::from(b) + u128::from(*carry);
    *carry = (sum >> 64) as u64;
    sum as u64
}

#[inline]
fn subtract_borrow(a: u64, b: u64, borrow: &mut u64) -> u64 {
    let rest = u128::from(a)
        .wrapping_sub(u128::from(b))
        .wrapping_sub(u128::from(*borrow));
    *borrow = (rest >> 127) as u64;
    rest as u64
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;

    fn number(limbs: &[u64]) -> BigUint {
        let bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
        BigUint::from_bytes_le(&bytes)
    }

    fn p() -> BigUint {
        number(&P)
    }

    /// Limbs with runs of zeros and ones and random ones between.
    fn samples<const L: usize>() -> Vec<[u64; L]> {
        let mut stream = blake3::Hasher::new().update(&[L as u8]).finalize_xof();
        let mut sample = |kinds: u32| {
            std::array::from_fn(|limb| {
                let mut bytes = [0; 8];
                stream.fill(&mut bytes);
                match kinds / 3u32.pow(limb as u32) % 3 {
                    0 => 0,
                    1 => u64::MAX,
                    _ => u64::from_le_bytes(bytes),
                }
            })
        };
        (0..3u32.pow(L as u32))
            .step_by(L)
            .map(&mut sample)
            .collect()
    }

    #[test]
    fn constants_follow_from_the_prime() {
        let one = BigUint::from(1u32);
        assert_eq!(p(), Fq::MODULUS.into());
        assert_eq!(P[0].wrapping_mul(MINUS_INVERSE), u64::MAX);
        let limit = (&one << 384) + p();
        assert_eq!(number(&LIFT) % p(), BigUint::ZERO);
        assert!(number(&LIFT) >= limit && number(&LIFT) < limit + p());
        assert_eq!(BigUint::from(SCALE), one << 192);
    }

    #[test]
    fn differences_of_masks_are_reduced() {
        let scale: BigUint = SCALE.into();
        let masks = samples::<6>();
        let largest = (p() - 1u32).to_u64_digits().try_into().unwrap();
        for (n, one) in masks.iter().enumerate() {
            let zero = &masks[(n * 7 + 3) % masks.len()];
            for subtrahend in [[0; 4], [5, 0, 0, 0], largest] {
                let result = number(&difference(one, zero, &subtrahend));
                assert!(result < p());
                let sum = result * &scale + number(zero) + number(&subtrahend);
                assert_eq!(sum % p(), number(one) % p());
            }
        }
    }

    #[test]
    fn sums_are_reduced_once() {
        let (mut sum, mut expected) = (Wide::default(), BigUint::ZERO);
        for mask in samples::<6>().iter().cycle().take(5000) {
            sum.add(mask);
            expected += number(mask);
        }
        for element in samples::<4>() {
            sum.add(&element);
            expected += number(&element);
        }
        let scaled: BigUint = (sum.scaled() * SCALE).into();
        assert_eq!(scaled, expected % p());
    }

    #[test]
    fn doubling_stays_below_the_prime() {
        for limbs in samples::<4>() {
            let x: BigUint = number(&limbs) % p();
            let element = from_field(&Fq::from(x.clone()));
            assert_eq!(number(&element), x);
            assert_eq!(number(&double(&element)), (x * 2u32) % p());
        }
    }
}
