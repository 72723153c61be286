//! The products of a windowed table on 52-bit multiply-add instructions, eight at a time. Same points as `table.rs`.
//!
//! A register holds one limb of 52 bits of each of eight numbers modulo p = 2^256 - C. Between calls a number is below
//! 2^256 + 2^212, its limbs below 2^52. Neither branches nor addresses depend on a scalar.

use std::arch::x86_64::*;

use crate::curve::Affine;
use crate::field::{Fe, adc};
use crate::table::{ENTRIES, Odd, WINDOWS};

/// Numbers in a register.
const LANES: usize = 8;
const LIMB: i64 = (1 << 52) - 1;
/// The part of the highest limb below 2^256.
const TOP: i64 = (1 << 48) - 1;
/// 2^256 - p.
const C: i64 = 0x1_0000_03d1;
/// 8 p, limbs so large that subtracting a number from them leaves none negative.
const LIFT: [i64; 5] = [
    (1 << 53) - 8 * C,
    (1 << 53) - 2,
    (1 << 53) - 2,
    (1 << 53) - 2,
    (1 << 51) - 2,
];

/// Whether this processor has the instructions.
pub(crate) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")
}

/// Eight numbers.
#[derive(Clone, Copy)]
struct Fe8([__m512i; 5]);

/// The limbs of a number.
fn split(x: Fe) -> [i64; 5] {
    let [a, b, c, d] = x.0;
    let limbs = [
        a,
        a >> 52 | b << 12,
        b >> 40 | c << 24,
        c >> 28 | d << 36,
        d >> 16,
    ];
    limbs.map(|limb| limb as i64 & LIMB)
}

/// The number of five limbs.
fn join(x: [i64; 5]) -> Fe {
    let [a, b, c, d, e] = x.map(|limb| limb as u64);
    let words = [
        a | b << 52,
        b >> 12 | c << 40,
        c >> 24 | d << 28,
        d >> 36 | e << 16,
    ];
    // what stands above 2^256 is 0 or 1, and then the rest is small
    let (low, carry) = adc(words[0], (e >> 48).wrapping_mul(C as u64), 0);
    let (second, carry) = adc(words[1], 0, carry);
    let (third, carry) = adc(words[2], 0, carry);
    Fe([low, second, third, words[3].wrapping_add(carry)])
}

impl Fe8 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn zero() -> Self {
        Self([_mm512_setzero_si512(); 5])
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn gather(numbers: &[Fe; LANES]) -> Self {
        let numbers = numbers.map(split);
        Self(std::array::from_fn(|limb| {
            let [a, b, c, d, e, f, g, h] = numbers.map(|number| number[limb]);
            _mm512_set_epi64(h, g, f, e, d, c, b, a)
        }))
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn scatter(self) -> [Fe; LANES] {
        let limbs = self.0.map(|limb| {
            let mut words = [0i64; LANES];
            // SAFETY: eight words are 64 bytes.
            unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), limb) };
            words
        });
        std::array::from_fn(|lane| join(limbs.map(|words| words[lane])))
    }

    /// Carries limbs that are not negative upwards; what comes to stand in the highest one stays there.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn carry(mut x: [__m512i; 5]) -> [__m512i; 5] {
        let mask = _mm512_set1_epi64(LIMB);
        for n in 0..4 {
            x[n + 1] = _mm512_add_epi64(x[n + 1], _mm512_srli_epi64::<52>(x[n]));
            x[n] = _mm512_and_si512(x[n], mask);
        }
        x
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn sub(self, other: Self) -> Self {
        let mut x: [__m512i; 5] = std::array::from_fn(|n| {
            let lifted = _mm512_add_epi64(self.0[n], _mm512_set1_epi64(LIFT[n]));
            _mm512_sub_epi64(lifted, other.0[n])
        });
        let above = _mm512_srli_epi64::<48>(x[4]);
        x[4] = _mm512_and_si512(x[4], _mm512_set1_epi64(TOP));
        x[0] = _mm512_madd52lo_epu64(x[0], above, _mm512_set1_epi64(C));
        Self(Self::carry(x))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn mul(self, other: Self) -> Self {
        let zero = _mm512_setzero_si512();
        let (mut low, mut high) = ([zero; 10], [zero; 10]);
        for i in 0..5 {
            for j in 0..5 {
                low[i + j] = _mm512_madd52lo_epu64(low[i + j], self.0[i], other.0[j]);
                high[i + j + 1] = _mm512_madd52hi_epu64(high[i + j + 1], self.0[i], other.0[j]);
            }
        }
        let mut x: [__m512i; 10] = std::array::from_fn(|n| _mm512_add_epi64(low[n], high[n]));
        let mask = _mm512_set1_epi64(LIMB);
        for n in 5..9 {
            x[n + 1] = _mm512_add_epi64(x[n + 1], _mm512_srli_epi64::<52>(x[n]));
            x[n] = _mm512_and_si512(x[n], mask);
        }
        // 2^260 = 16 C
        let fold = _mm512_set1_epi64(16 * C);
        let mut folded = [x[0], x[1], x[2], x[3], x[4], zero];
        for n in 0..5 {
            folded[n] = _mm512_madd52lo_epu64(folded[n], x[5 + n], fold);
            folded[n + 1] = _mm512_madd52hi_epu64(folded[n + 1], x[5 + n], fold);
        }
        let [a, b, c, d, e, above] = folded;
        let mut x = Self::carry([a, b, c, d, e]);
        let above = _mm512_add_epi64(_mm512_slli_epi64::<4>(above), _mm512_srli_epi64::<48>(x[4]));
        x[4] = _mm512_and_si512(x[4], _mm512_set1_epi64(TOP));
        let c = _mm512_set1_epi64(C);
        x[0] = _mm512_madd52lo_epu64(x[0], above, c);
        x[1] = _mm512_madd52hi_epu64(x[1], above, c);
        Self(Self::carry(x))
    }

    /// `other` in the lanes of the mask.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn blend(self, mask: __mmask8, other: Self) -> Self {
        Self(std::array::from_fn(|n| {
            _mm512_mask_mov_epi64(self.0[n], mask, other.0[n])
        }))
    }
}

/// One window's entries in limbs.
type Row = [[[i64; 5]; 2]; ENTRIES];

/// Eight points.
#[derive(Clone, Copy)]
struct Affine8 {
    x: Fe8,
    y: Fe8,
}

/// Entries of eight digits, reading the whole row.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn look_up(row: &Row, digits: &[u8; LANES]) -> Affine8 {
    let digits = digits.map(|digit| Odd::new(digit.into()));
    let [a, b, c, d, e, f, g, h] = digits.map(|digit| digit.index as i64);
    let index = _mm512_set_epi64(h, g, f, e, d, c, b, a);
    let negative = (0..LANES).fold(0, |mask, lane| {
        mask | ((digits[lane].positive ^ 1) as u8) << lane
    });
    let (mut x, mut y) = (Fe8::zero(), Fe8::zero());
    for (k, [entry_x, entry_y]) in row.iter().enumerate() {
        let mask = _mm512_cmpeq_epi64_mask(index, _mm512_set1_epi64(k as i64));
        x = x.blend(mask, Fe8(entry_x.map(|limb| _mm512_set1_epi64(limb))));
        y = y.blend(mask, Fe8(entry_y.map(|limb| _mm512_set1_epi64(limb))));
    }
    Affine8 {
        x,
        y: y.blend(negative, Fe8::zero().sub(y)),
    }
}

/// sums[n] += terms[n], for one inversion; none when some pair has equal x.
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_pairs(scratch: &mut Vec<(Fe8, Fe8)>, sums: &mut [Affine8], terms: &[Affine8]) -> Option<()> {
    scratch.clear();
    let mut product = Fe8::gather(&[Fe::ONE; LANES]);
    for (sum, term) in sums.iter().zip(terms) {
        let across = term.x.sub(sum.x);
        scratch.push((across, product));
        product = product.mul(across);
    }
    let mut inverse = Fe8::gather(&invert(product.scatter())?);
    for ((sum, term), (across, before)) in sums.iter_mut().zip(terms).zip(scratch.iter()).rev() {
        let slope = term.y.sub(sum.y).mul(inverse.mul(*before));
        inverse = inverse.mul(*across);
        let x = slope.mul(slope).sub(sum.x).sub(term.x);
        sum.y = slope.mul(sum.x.sub(x)).sub(sum.y);
        sum.x = x;
    }
    Some(())
}

/// All inverses, for one inversion; none when one number is zero.
fn invert(numbers: [Fe; LANES]) -> Option<[Fe; LANES]> {
    let mut product = Fe::ONE;
    let before = numbers.map(|number| {
        let before = product;
        product = product.mul(number);
        before
    });
    if product.is_zero() {
        return None;
    }
    let mut inverse = product.invert();
    let mut inverses = [Fe::ZERO; LANES];
    for lane in (0..LANES).rev() {
        inverses[lane] = inverse.mul(before[lane]);
        inverse = inverse.mul(numbers[lane]);
    }
    Some(inverses)
}

/// The products of the table's base by scalars with these digits; none when a sum met infinity on its way.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(crate) fn multiply(
    table: &[[Affine; ENTRIES]],
    digits: &[[u8; WINDOWS]],
) -> Option<Vec<Affine>> {
    let groups = digits.len().div_ceil(LANES);
    let lane = |group: usize, lane: usize| (group * LANES + lane).min(digits.len() - 1);
    let mut terms = Vec::with_capacity(groups);
    let mut scratch = Vec::with_capacity(groups);
    let mut sums = Vec::new();
    for (window, row) in table.iter().enumerate() {
        let row = row.map(|entry| [entry.x, entry.y].map(split));
        terms.clear();
        for group in 0..groups {
            let digits = std::array::from_fn(|n| digits[lane(group, n)][window]);
            terms.push(look_up(&row, &digits));
        }
        if window == 0 {
            sums.clone_from(&terms);
        } else {
            add_pairs(&mut scratch, &mut sums, &terms)?;
        }
    }
    let mut points = Vec::with_capacity(groups * LANES);
    for sum in sums {
        let pairs = sum.x.scatter().into_iter().zip(sum.y.scatter());
        points.extend(pairs.map(|(x, y)| Affine { x, y }));
    }
    points.truncate(digits.len());
    Some(points)
}
