//! Numbers modulo n, the order of secp256k1. No branch depends on a value.

use zeroize::Zeroize;

use crate::field::{adc, limbs_from_be, limbs_to_be, mac, sbb, wide_mul};

const ORDER: [u64; 4] = [
    0xbfd2_5e8c_d036_4141,
    0xbaae_dce6_af48_a03b,
    0xffff_ffff_ffff_fffe,
    0xffff_ffff_ffff_ffff,
];
/// 2^256 - n
const COMPLEMENT: [u64; 3] = [0x402d_a173_2fc9_bebf, 0x4551_2319_50b7_5fc4, 1];
/// 1 / 2
const HALF: [u64; 4] = [
    0xdfe9_2f46_681b_20a1,
    0x5d57_6e73_57a4_501d,
    0xffff_ffff_ffff_ffff,
    0x7fff_ffff_ffff_ffff,
];

/// A scalar below n: four 64-bit limbs, least significant first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Zeroize)]
pub(crate) struct Scalar(pub(crate) [u64; 4]);

impl Scalar {
    pub(crate) const ZERO: Self = Self([0; 4]);
    pub(crate) const ONE: Self = Self([1, 0, 0, 0]);
    pub(crate) const HALF: Self = Self(HALF);

    /// Reads 32 bytes, big-endian; none when not below n.
    pub(crate) fn parse(bytes: &[u8; 32]) -> Option<Self> {
        let limbs = limbs_from_be(bytes);
        let (_, borrow) = subtract(&limbs, &ORDER);
        (borrow == 1).then_some(Self(limbs))
    }

    /// 64 uniform bytes, big-endian, modulo n.
    pub(crate) fn from_wide(bytes: &[u8; 64]) -> Self {
        let (halves, _) = bytes.as_chunks::<32>();
        let (high, low) = (limbs_from_be(&halves[0]), limbs_from_be(&halves[1]));
        reduce([
            low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3],
        ])
    }

    /// 16 bytes, little-endian.
    pub(crate) fn from_short(bytes: &[u8; 16]) -> Self {
        let value = u128::from_le_bytes(*bytes);
        Self([value as u64, (value >> 64) as u64, 0, 0])
    }

    pub(crate) fn from_index(value: usize) -> Self {
        Self([value as u64, 0, 0, 0])
    }

    pub(crate) fn to_bytes(self) -> [u8; 32] {
        limbs_to_be(&self.0)
    }

    pub(crate) fn add(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        let (s0, c) = adc(a[0], b[0], 0);
        let (s1, c) = adc(a[1], b[1], c);
        let (s2, c) = adc(a[2], b[2], c);
        let (s3, c) = adc(a[3], b[3], c);
        final_subtract([s0, s1, s2, s3], c)
    }

    pub(crate) fn neg(self) -> Self {
        let (difference, _) = subtract(&ORDER, &self.0);
        final_subtract(difference, 0)
    }

    pub(crate) fn sub(self, other: Self) -> Self {
        self.add(other.neg())
    }

    pub(crate) fn mul(self, other: Self) -> Self {
        reduce(wide_mul(&self.0, &other.0))
    }

    /// The inverse; zero of zero.
    pub(crate) fn invert(self) -> Self {
        let (exponent, _) = subtract(&ORDER, &[2, 0, 0, 0]);
        let mut result = Self::ONE;
        for bit in (0..256).rev() {
            result = result.mul(result);
            if exponent[bit / 64] >> (bit % 64) & 1 == 1 {
                result = result.mul(self);
            }
        }
        result
    }
}

fn subtract(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], u64) {
    let (d0, c) = sbb(a[0], b[0], 0);
    let (d1, c) = sbb(a[1], b[1], c);
    let (d2, c) = sbb(a[2], b[2], c);
    let (d3, c) = sbb(a[3], b[3], c);
    ([d0, d1, d2, d3], c)
}

/// Subtracts n once if `value` plus `carry` * 2^256 is n or more.
fn final_subtract(value: [u64; 4], carry: u64) -> Scalar {
    let (difference, borrow) = subtract(&value, &ORDER);
    let mask = 0u64.wrapping_sub(carry | (1 ^ borrow));
    Scalar(std::array::from_fn(|n| {
        (difference[n] & mask) | (value[n] & !mask)
    }))
}

/// Folds the upper half down with 2^256 = COMPLEMENT until it is gone: 512, 386, 260, 257, 256 bits.
fn reduce(mut wide: [u64; 8]) -> Scalar {
    for _ in 0..4 {
        let mut folded = [wide[0], wide[1], wide[2], wide[3], 0, 0, 0, 0];
        for i in 0..4 {
            let mut carry = 0;
            for j in 0..3 {
                (folded[i + j], carry) = mac(folded[i + j], wide[4 + i], COMPLEMENT[j], carry);
            }
            for limb in &mut folded[i + 3..] {
                (*limb, carry) = adc(*limb, carry, 0);
            }
        }
        wide = folded;
    }
    final_subtract([wide[0], wide[1], wide[2], wide[3]], 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secp256k1::SecretKey;

    fn random(n: u8) -> Scalar {
        let mut bytes = [0; 64];
        blake3::Hasher::new()
            .update(&[n])
            .finalize_xof()
            .fill(&mut bytes);
        Scalar::from_wide(&bytes)
    }

    #[test]
    fn agrees_with_libsecp256k1() {
        for n in 0..100 {
            let (a, b) = (random(n), random(n + 100));
            let key = SecretKey::from_byte_array(a.to_bytes()).unwrap();
            let tweak = secp256k1::Scalar::from_be_bytes(b.to_bytes()).unwrap();
            let product = key.mul_tweak(&tweak).unwrap();
            assert_eq!(a.mul(b).to_bytes(), product.secret_bytes());
            let sum = key.add_tweak(&tweak).unwrap();
            assert_eq!(a.add(b).to_bytes(), sum.secret_bytes());
            assert_eq!(a.neg().to_bytes(), key.negate().secret_bytes());
            assert_eq!(a.mul(a.invert()), Scalar::ONE);
            assert_eq!(a.sub(b).add(b), a);
        }
        assert_eq!(Scalar::HALF.add(Scalar::HALF), Scalar::ONE);
        assert_eq!(Scalar::ZERO.neg(), Scalar::ZERO);
        assert!(Scalar::parse(&secp256k1::constants::CURVE_ORDER).is_none());
        let largest = Scalar::ONE.neg();
        assert_eq!(largest.mul(largest), Scalar::ONE);
        assert_eq!(
            Scalar::from_wide(&[0xff; 64]),
            Scalar::from_wide(&[0xff; 64]).mul(Scalar::ONE)
        );
    }
}
