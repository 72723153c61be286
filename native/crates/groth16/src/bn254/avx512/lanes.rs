//! Eight elements of BN254's base field, or of its quadratic extension, at once: AVX-512 with 52-bit products (IFMA).
//!
//! An element x is kept as x 2^260 modulo p in five limbs of 52 bits, at most 2.5 p ("bounded"): then up to six products
//! of Fp2 sum to a bounded element with one Montgomery reduction. Sums and differences keep signed limbs without
//! carries ("loose") and become bounded again by [`Loose::reduce`].

use std::arch::x86_64::*;

use ark_bn254::{Fq, Fq2};
use ark_ff::{BigInt, MontConfig, PrimeField};

const MASK: u64 = (1 << 52) - 1;
const P: [u64; 5] = limbs(<Fq as PrimeField>::MODULUS.0);
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
        montgomery::<0>(&mut t)
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
    fn pick(mut self, index: [u64; 8]) -> Self {
        for i in 0..5 {
            self.0[i] = _mm512_permutexvar_epi64(lanes(index), self.0[i]);
        }
        self
    }

    /// Lane i becomes lane index[i] of the sixteen of both.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    fn pick_of(mut self, other: Self, index: [u64; 8]) -> Self {
        for i in 0..5 {
            self.0[i] = _mm512_permutex2var_epi64(self.0[i], lanes(index), other.0[i]);
        }
        self
    }

    /// One lane in all.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    fn spread(words: &[[u64; 8]; 5], lane: usize) -> Self {
        let mut t = [splat(0); 5];
        for i in 0..5 {
            t[i] = splat(words[i][lane]);
        }
        Self(t)
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    fn load(from: &[[u64; 8]; 5]) -> Self {
        let mut t = [splat(0); 5];
        for i in 0..5 {
            t[i] = lanes(from[i]);
        }
        Self(t)
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    fn store(self) -> [[u64; 8]; 5] {
        let mut words = [[0; 8]; 5];
        for i in 0..5 {
            // SAFETY: the destination has 64 bytes; the store needs no alignment.
            unsafe { _mm512_storeu_si512((&raw mut words[i]).cast(), self.0[i]) };
        }
        words
    }
}

/// x 2^260, from the library's x 2^256.
fn raised(x: Fq) -> [u64; 5] {
    let four = |x: Fq| x + x + x + x;
    limbs(four(four(x)).0.0)
}

/// The library's form of a bounded element.
fn lowered(limbs: [u64; 5]) -> Fq {
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

/// A [`Quadratic`] in memory: real and imaginary parts, limb by limb.
pub type Words = [[[u64; 8]; 5]; 2];

/// Eight bounded elements of Fp2.
#[derive(Clone, Copy)]
pub struct Quadratic {
    pub re: Eight,
    pub im: Eight,
}

impl Quadratic {
    pub fn words(values: &[Fq2]) -> Words {
        let mut words = [[[0; 8]; 5]; 2];
        for (lane, value) in values.iter().enumerate() {
            for (part, element) in [value.c0, value.c1].into_iter().enumerate() {
                for (i, limb) in raised(element).into_iter().enumerate() {
                    words[part][i][lane] = limb;
                }
            }
        }
        words
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn load(words: &Words) -> Self {
        Self {
            re: Eight::load(&words[0]),
            im: Eight::load(&words[1]),
        }
    }

    /// The first elements, as the library has them.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    pub fn values<const N: usize>(&self) -> [Fq2; N] {
        let (re, im) = (self.re.store(), self.im.store());
        let mut values = [Fq2::default(); N];
        for (lane, value) in values.iter_mut().enumerate() {
            let of = |words: &[[u64; 8]; 5]| {
                lowered([
                    words[0][lane],
                    words[1][lane],
                    words[2][lane],
                    words[3][lane],
                    words[4][lane],
                ])
            };
            *value = Fq2::new(of(&re), of(&im));
        }
        values
    }

    /// One lane of words in all.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn spread(words: &Words, lane: usize) -> Self {
        Self {
            re: Eight::spread(&words[0], lane),
            im: Eight::spread(&words[1], lane),
        }
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn store(&self) -> Words {
        [self.re.store(), self.im.store()]
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn pick(&self, index: [u64; 8]) -> Self {
        Self {
            re: self.re.pick(index),
            im: self.im.pick(index),
        }
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn pick_of(&self, other: &Self, index: [u64; 8]) -> Self {
        Self {
            re: self.re.pick_of(other.re, index),
            im: self.im.pick_of(other.im, index),
        }
    }

    /// (9 + u) self: Fp6 is Fp2[v] / (v^3 - 9 - u).
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    pub fn times_xi(&self) -> Self {
        let (re, im) = (self.re.loose(), self.im.loose());
        let nine = |x: Loose| x.shifted([3; 8]).plus(x);
        Self {
            re: nine(re).minus(im).reduce::<3>(),
            im: nine(im).plus(re).reduce::<0>(),
        }
    }
}

type Product = [__m512i; 10];

/// Adds x u and x v.
#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn accumulate(left: &mut Product, right: &mut Product, x: &Eight, u: &Eight, v: &Eight) {
    for i in 0..5 {
        let limb = x.0[i];
        for j in 0..5 {
            left[i + j] = _mm512_madd52lo_epu64(left[i + j], limb, u.0[j]);
            right[i + j] = _mm512_madd52lo_epu64(right[i + j], limb, v.0[j]);
            left[i + j + 1] = _mm512_madd52hi_epu64(left[i + j + 1], limb, u.0[j]);
            right[i + j + 1] = _mm512_madd52hi_epu64(right[i + j + 1], limb, v.0[j]);
        }
    }
}

/// t / 2^260 modulo p, plus `above` p.
#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn montgomery<const ABOVE: u64>(t: &mut Product) -> Eight {
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

/// The sum of the products, lane by lane; six at most.
#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
pub fn dot<const N: usize>(left: &[Quadratic; N], right: &[Quadratic; N]) -> Quadratic {
    const { assert!(N <= 6) };
    let zero = splat(0);
    let (mut re, mut im) = ([zero; 10], [zero; 10]);
    for k in 0..N {
        accumulate(&mut re, &mut im, &left[k].im, &right[k].im, &right[k].re);
    }
    for i in 0..10 {
        re[i] = _mm512_sub_epi64(zero, re[i]);
    }
    for k in 0..N {
        accumulate(&mut re, &mut im, &left[k].re, &right[k].re, &right[k].im);
    }
    // From -0.45 p to 1.45 p before the addition, and up to 1.9 p.
    Quadratic {
        re: montgomery::<1>(&mut re),
        im: montgomery::<0>(&mut im),
    }
}

/// The same where `doubled` counts twice.
#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
pub fn dot_with_doubled(
    doubled: (&[Quadratic; 2], &[Quadratic; 2]),
    single: (&[Quadratic; 2], &[Quadratic; 2]),
) -> Quadratic {
    let zero = splat(0);
    let (mut re, mut im) = ([zero; 10], [zero; 10]);
    for (twice, (left, right)) in [(true, doubled), (false, single)] {
        for i in 0..10 {
            re[i] = _mm512_sub_epi64(zero, re[i]);
        }
        for k in 0..2 {
            accumulate(&mut re, &mut im, &left[k].im, &right[k].im, &right[k].re);
        }
        for i in 0..10 {
            re[i] = _mm512_sub_epi64(zero, re[i]);
        }
        for k in 0..2 {
            accumulate(&mut re, &mut im, &left[k].re, &right[k].re, &right[k].im);
        }
        if twice {
            for i in 0..10 {
                re[i] = _mm512_add_epi64(re[i], re[i]);
                im[i] = _mm512_add_epi64(im[i], im[i]);
            }
        }
    }
    Quadratic {
        re: montgomery::<1>(&mut re),
        im: montgomery::<0>(&mut im),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, Field, UniformRand};
    use ark_std::test_rng;

    fn values() -> Vec<Fq2> {
        let mut random = test_rng();
        let edges = [
            Fq::ZERO,
            Fq::ONE,
            -Fq::ONE,
            Fq::from(1u64 << 52),
            -Fq::from(16u64),
        ];
        let pairs = edges.iter().flat_map(|a| edges.map(|b| Fq2::new(*a, b)));
        pairs
            .chain((0..39).map(|_| Fq2::rand(&mut random)))
            .collect()
    }

    /// The same elements, as far from zero as the bound allows.
    fn at_the_bound(mut words: Words) -> Words {
        for part in &mut words {
            for lane in 0..8 {
                let times = if part[4][lane] < P[4] / 2 { 2 } else { 1 };
                let mut carry = 0;
                for i in 0..5 {
                    let sum = part[i][lane] + times * P[i] + carry;
                    (part[i][lane], carry) = (sum & MASK, sum >> 52);
                }
            }
        }
        words
    }

    fn check_bounded(words: &Words) {
        for part in words {
            for lane in 0..8 {
                assert!(part.iter().all(|limb| limb[lane] <= MASK));
                // 2.5 p, to a 2^-44.
                assert!(part[4][lane] <= P[4] * 5 / 2 + 1);
            }
        }
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    fn sums_of_products() {
        let values = values();
        let (a, b) = values.split_at(32);
        for far in [|words| words, at_the_bound] {
            for shift in 0..8 {
                let load = |from: &[Fq2], k: usize| {
                    let from: Vec<_> = (0..8).map(|i| from[(8 * k + i + shift) % 32]).collect();
                    Quadratic::load(&far(Quadratic::words(&from)))
                };
                let [x0, x1, x2, x3] = [load(a, 0), load(a, 1), load(a, 2), load(a, 3)];
                let [y0, y1, y2, y3] = [load(b, 0), load(b, 1), load(b, 2), load(b, 3)];
                let product = |i: usize, k: usize| {
                    let at = (8 * k + i + shift) % 32;
                    a[at] * b[at]
                };
                let six = dot(&[x0, x1, x2, x3, x0, x1], &[y0, y1, y2, y3, y0, y1]);
                let doubled = dot_with_doubled((&[x0, x1], &[y0, y1]), (&[x2, x3], &[y2, y3]));
                let one = dot(&[x0], &[y0]);
                for result in [six, doubled, one] {
                    check_bounded(&result.store());
                }
                let xi = Fq2::new(Fq::from(9u64), Fq::ONE);
                check_bounded(&one.times_xi().store());
                for i in 0..8 {
                    let sum =
                        (product(i, 0) + product(i, 1)).double() + product(i, 2) + product(i, 3);
                    assert_eq!(six.values::<8>()[i], sum);
                    assert_eq!(doubled.values::<8>()[i], sum);
                    assert_eq!(one.values::<8>()[i], product(i, 0));
                    assert_eq!(one.times_xi().values::<8>()[i], product(i, 0) * xi);
                }
            }
        }
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    fn reductions() {
        for eight in values().chunks_exact(8) {
            for far in [|words| words, at_the_bound] {
                let x = Quadratic::load(&far(Quadratic::words(eight)));
                let mut sum = x.re.loose().minus(x.re.loose());
                for times in 0..=32 {
                    // times x, from -80 p to 80 p, by the widest reductions there are.
                    let negative = x.re.loose().minus(x.re.loose()).minus(sum);
                    let part = Quadratic {
                        re: sum.reduce::<0>(),
                        im: negative.reduce::<84>(),
                    };
                    check_bounded(&part.store());
                    for (i, value) in part.values::<8>().into_iter().enumerate() {
                        let wanted = eight[i].c0 * Fq::from(times as u64);
                        assert_eq!((value.c0, value.c1), (wanted, -wanted));
                    }
                    sum = sum.plus(x.re.loose());
                }
            }
        }
    }

    #[test]
    fn sums_of_products_and_reductions_are_the_librarys_and_bounded() {
        if super::super::Here::detect().is_some() {
            // SAFETY: the processor has the features.
            unsafe {
                sums_of_products();
                reductions();
            }
        }
    }
}
