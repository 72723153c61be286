//! Eight elements of BN254's base field at once: AVX-512 with 52-bit products (IFMA).
//!
//! An element x is kept as x 2^260 modulo p in five limbs of 52 bits, at most 2.5 p ("bounded"). Sums and differences keep signed limbs without
//! carries ("loose") and become bounded again by [`Loose::reduce`].

use std::arch::x86_64::*;

use ark_bn254::Fq;
use ark_ff::{BigInt, MontConfig, PrimeField};

pub const MASK: u64 = (1 << 52) - 1;
pub const P: [u64; 5] = limbs(<Fq as PrimeField>::MODULUS.0);
/// 2^260 - p.
const MINUS_P: [u64; 5] = {
    let mut limbs = [0; 5];
    let mut i = 0;
    while i < 5 {
        limbs[i] = MASK - P[i];
        i += 1;
    }
    limbs[0] += 1; // p is odd: no carry
    limbs
};
/// -1/p modulo 2^52.
const INVERSE: u64 = ark_bn254::FqConfig::INV & MASK;
/// 2^208 / p, rounded; p has 254 bits.
const TOP: f64 = 1.0 / (P[4] as f64 + P[3] as f64 / (1u64 << 52) as f64);

/// 52-bit limbs of a 256-bit number.
const fn limbs(words: [u64; 4]) -> [u64; 5] {
    [
        words[0] & MASK,
        (words[0] >> 52 | words[1] << 12) & MASK,
        (words[1] >> 40 | words[2] << 24) & MASK,
        (words[2] >> 28 | words[3] << 36) & MASK,
        words[3] >> 16,
    ]
}

/// Eight numbers: limb by limb, eight lanes each.
type Limbs = [__m512i; 5];

/// Eight bounded elements of Fp.
#[derive(Clone, Copy)]
pub struct Eight(Limbs);

/// Eight numbers that are not bounded: signed limbs without carries.
#[derive(Clone, Copy)]
pub struct Loose(Limbs);

/// The bits of lanes in which a masked operation happens.
pub type Mask = u8;

#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn splat(limb: u64) -> __m512i {
    _mm512_set1_epi64(limb.cast_signed())
}

#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn lanes(values: [u64; 8]) -> __m512i {
    let [a, b, c, d, e, f, g, h] = values.map(u64::cast_signed);
    _mm512_setr_epi64(a, b, c, d, e, f, g, h)
}

/// Carries between limbs; the number is not negative and below 2^260.
#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn carried(mut t: Limbs) -> Eight {
    for i in 0..4 {
        t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srai_epi64::<52>(t[i]));
        t[i] = _mm512_and_si512(t[i], splat(MASK));
    }
    t[4] = _mm512_and_si512(t[4], splat(MASK));
    Eight(t)
}

impl Loose {
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn plus(mut self, other: Self) -> Self {
        for i in 0..5 {
            self.0[i] = _mm512_add_epi64(self.0[i], other.0[i]);
        }
        self
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn minus(mut self, other: Self) -> Self {
        for i in 0..5 {
            self.0[i] = _mm512_sub_epi64(self.0[i], other.0[i]);
        }
        self
    }

    /// self + other in those lanes, self in the others.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn plus_in(mut self, mask: Mask, other: Self) -> Self {
        for i in 0..5 {
            self.0[i] = _mm512_mask_add_epi64(self.0[i], mask, self.0[i], other.0[i]);
        }
        self
    }

    /// self - other in those lanes, self in the others.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn minus_in(mut self, mask: Mask, other: Self) -> Self {
        for i in 0..5 {
            self.0[i] = _mm512_mask_sub_epi64(self.0[i], mask, self.0[i], other.0[i]);
        }
        self
    }

    /// Each lane shifted by its own count: times 2^count.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn shifted(mut self, counts: [u64; 8]) -> Self {
        for i in 0..5 {
            self.0[i] = _mm512_sllv_epi64(self.0[i], lanes(counts));
        }
        self
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn double(self) -> Self {
        self.plus(self)
    }

    /// A bounded element; the number must be from -BELOW p to (84 - BELOW) p.
    ///
    /// Subtracts the multiple of p that the top limb shows; it is never too large, and too small by a 2^-20 of p at most.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn reduce<const BELOW: u64>(self) -> Eight {
        let mut t = self.0;
        for i in 0..5 {
            t[i] = _mm512_add_epi64(t[i], splat(BELOW * P[i]));
        }
        let top = _mm512_cvtepi64_pd(t[4]);
        let quotient = _mm512_fmsub_pd(top, _mm512_set1_pd(TOP), _mm512_set1_pd(1e-6));
        let quotient = _mm512_cvttpd_epi64(quotient);
        for i in 0..5 {
            t[i] = _mm512_madd52lo_epu64(t[i], quotient, splat(MINUS_P[i]));
        }
        for i in 0..4 {
            t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], quotient, splat(MINUS_P[i]));
        }
        carried(t)
    }
}

impl Eight {
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn loose(self) -> Loose {
        Loose(self.0)
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn times(&self, other: &Self) -> Self {
        let mut t = [splat(0); 10];
        for i in 0..5 {
            for j in 0..5 {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], self.0[i], other.0[j]);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], self.0[i], other.0[j]);
            }
        }
        Product(t).reduce::<0>()
    }

    /// The other's elements in those lanes.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn replaced_in(mut self, mask: Mask, other: &Self) -> Self {
        for i in 0..5 {
            self.0[i] = _mm512_mask_blend_epi64(mask, self.0[i], other.0[i]);
        }
        self
    }

    /// Lane i becomes lane index[i].
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn pick(mut self, index: [u64; 8]) -> Self {
        for i in 0..5 {
            self.0[i] = _mm512_permutexvar_epi64(lanes(index), self.0[i]);
        }
        self
    }

    /// Lane i becomes lane index[i] of the sixteen of both.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn pick_of(mut self, other: Self, index: [u64; 8]) -> Self {
        for i in 0..5 {
            self.0[i] = _mm512_permutex2var_epi64(self.0[i], lanes(index), other.0[i]);
        }
        self
    }

    /// One lane in all.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn spread(words: &[[u64; 8]; 5], lane: usize) -> Self {
        let mut t = [splat(0); 5];
        for i in 0..5 {
            t[i] = splat(words[i][lane]);
        }
        Self(t)
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn load(from: &[[u64; 8]; 5]) -> Self {
        let mut t = [splat(0); 5];
        for i in 0..5 {
            t[i] = lanes(from[i]);
        }
        Self(t)
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn store(self) -> [[u64; 8]; 5] {
        let mut words = [[0; 8]; 5];
        for i in 0..5 {
            // SAFETY: the destination has 64 bytes; the store needs no alignment.
            unsafe { _mm512_storeu_si512((&raw mut words[i]).cast(), self.0[i]) };
        }
        words
    }
}

/// Sums of products before their reduction, the lowest limb first.
#[derive(Clone, Copy)]
pub struct Product([__m512i; 10]);

impl Product {
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn zero() -> Self {
        Self([splat(0); 10])
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn negated(mut self) -> Self {
        for i in 0..10 {
            self.0[i] = _mm512_sub_epi64(splat(0), self.0[i]);
        }
        self
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn doubled(mut self) -> Self {
        for i in 0..10 {
            self.0[i] = _mm512_add_epi64(self.0[i], self.0[i]);
        }
        self
    }

    /// Divided by 2^260 modulo p, plus ABOVE p.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn reduce<const ABOVE: u64>(self) -> Eight {
        let mut t = self.0;
        for i in 0..5 {
            let m = _mm512_madd52lo_epu64(splat(0), t[i], splat(INVERSE));
            for j in 0..5 {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], m, splat(P[j]));
            }
            t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srai_epi64::<52>(t[i]));
            for j in 0..5 {
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], m, splat(P[j]));
            }
        }
        let mut high = [t[5], t[6], t[7], t[8], t[9]];
        for i in 0..5 {
            high[i] = _mm512_add_epi64(high[i], splat(ABOVE * P[i]));
        }
        carried(high)
    }
}

/// Adds x u to the left, x v to the right: two sums side by side hide each other's latency.
#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
pub fn accumulate(left: &mut Product, right: &mut Product, x: &Eight, u: &Eight, v: &Eight) {
    for i in 0..5 {
        let limb = x.0[i];
        for j in 0..5 {
            left.0[i + j] = _mm512_madd52lo_epu64(left.0[i + j], limb, u.0[j]);
            right.0[i + j] = _mm512_madd52lo_epu64(right.0[i + j], limb, v.0[j]);
            left.0[i + j + 1] = _mm512_madd52hi_epu64(left.0[i + j + 1], limb, u.0[j]);
            right.0[i + j + 1] = _mm512_madd52hi_epu64(right.0[i + j + 1], limb, v.0[j]);
        }
    }
}

/// Limbs of an element of the library's, which has x 2^256.
pub fn raised(x: Fq) -> [u64; 5] {
    let four = |x: Fq| x + x + x + x;
    limbs(four(four(x)).0.0)
}

/// The library's form of a bounded element.
pub fn lowered(limbs: [u64; 5]) -> Fq {
    const SIXTEENTH: Fq = ark_ff::MontFp!(
        "12312136615409592312513603231707217237391675025980025810262583815737939742328"
    );
    let [a, b, c, d, e] = limbs;
    let words = [
        a | b << 52,
        b >> 12 | c << 40,
        c >> 24 | d << 28,
        d >> 36 | e << 16,
    ];
    let mut number = BigInt(words);
    while number >= Fq::MODULUS {
        ark_ff::BigInteger::sub_with_borrow(&mut number, &Fq::MODULUS);
    }
    Fq::new_unchecked(number) * SIXTEENTH
}
