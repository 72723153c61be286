//! Sums of affine points in eight lanes, with one inversion for all: the block of `crate::affine`.
//!
//! The library keeps x 2^256, lanes x 2^260: coordinates come in shifted by four bits (at most 16 p, not bounded) and go
//! out by a product with 2^256.

use std::arch::x86_64::*;
use std::mem::offset_of;

use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
use ark_ff::{Field, batch_inversion};

use super::Here;
use super::lanes::{Eight, Loose, lowered, raised};
use super::quadratic::{Quadratic, dot};

const MASK: u64 = (1 << 52) - 1;
const P: [u64; 5] = {
    use ark_ff::PrimeField;
    let words = Fq::MODULUS.0;
    [
        words[0] & MASK,
        (words[0] >> 52 | words[1] << 12) & MASK,
        (words[1] >> 40 | words[2] << 24) & MASK,
        (words[2] >> 28 | words[3] << 36) & MASK,
        words[3] >> 16,
    ]
};

/// Words of 8 bytes from the start of a point to x and y, and of an element of Fp2 to its imaginary part.
const G1: [usize; 2] = [offset_of!(G1Affine, x) / 8, offset_of!(G1Affine, y) / 8];
const G2: [usize; 2] = [offset_of!(G2Affine, x) / 8, offset_of!(G2Affine, y) / 8];
const PARTS: [usize; 2] = [offset_of!(Fq2, c0) / 8, offset_of!(Fq2, c1) / 8];
const _: () = assert!(size_of::<Fq>() == 32 && size_of::<Fq2>() == 64);
const _: () = assert!(size_of::<G1Affine>() == 64 && size_of::<G2Affine>() == 128);

impl Here {
    /// out[targets[i]] += points[i] for the first targets, a multiple of eight of them; says how many.
    ///
    /// Targets are distinct; no point is infinity, and the two of an addition have different x.
    pub fn add_g1(self, out: &mut [G1Affine], targets: &[u32], points: &[G1Affine]) -> usize {
        assert!(targets.len() <= points.len());
        assert!(targets.iter().all(|target| (*target as usize) < out.len()));
        // SAFETY: `Here` exists only where `detect` found the features; every place was checked.
        unsafe { add_g1(out, targets, points) }
    }

    /// The same in G2.
    pub fn add_g2(self, out: &mut [G2Affine], targets: &[u32], points: &[G2Affine]) -> usize {
        assert!(targets.len() <= points.len());
        assert!(targets.iter().all(|target| (*target as usize) < out.len()));
        // SAFETY: as above.
        unsafe { add_g2(out, targets, points) }
    }
}

/// Eight numbers of the library's, limbs of 52 bits of 16 times each.
///
/// # Safety
/// At each index from `base` on, in words, there are four words.
#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
unsafe fn gather(base: *const u64, index: __m512i) -> Loose {
    let word = |i: usize| {
        // SAFETY: the caller's promise.
        unsafe { _mm512_i64gather_epi64::<8>(index, base.wrapping_add(i).cast()) }
    };
    let [a, b, c, d] = [word(0), word(1), word(2), word(3)];
    let mask = _mm512_set1_epi64(MASK.cast_signed());
    let limbs = [
        _mm512_and_si512(_mm512_slli_epi64::<4>(a), mask),
        _mm512_and_si512(
            _mm512_or_si512(_mm512_srli_epi64::<48>(a), _mm512_slli_epi64::<16>(b)),
            mask,
        ),
        _mm512_and_si512(
            _mm512_or_si512(_mm512_srli_epi64::<36>(b), _mm512_slli_epi64::<28>(c)),
            mask,
        ),
        _mm512_and_si512(
            _mm512_or_si512(_mm512_srli_epi64::<24>(c), _mm512_slli_epi64::<40>(d)),
            mask,
        ),
        _mm512_srli_epi64::<12>(d),
    ];
    let mut words = [[0u64; 8]; 5];
    for i in 0..5 {
        // SAFETY: the destination has 64 bytes; the store needs no alignment.
        unsafe { _mm512_storeu_si512((&raw mut words[i]).cast(), limbs[i]) };
    }
    Eight::load(&words).loose()
}

/// Writes eight bounded elements as the library has them.
///
/// # Safety
/// At each index from `base` on, in words, there are four words that may be written.
#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
unsafe fn scatter(base: *mut u64, index: __m512i, element: &Eight) {
    const BACK: [[u64; 8]; 5] = [[0; 8], [0; 8], [0; 8], [0; 8], [1 << 48; 8]]; // 2^256
    // At most 1.2 p: bounded by a sixteenth of 2.5 p, and p.
    let words = element.times(&Eight::load(&BACK)).store();
    let mask = _mm512_set1_epi64(MASK.cast_signed());
    let mut t = [_mm512_setzero_si512(); 5];
    let mut less = t;
    for i in 0..5 {
        // SAFETY: the source has 64 bytes; the load needs no alignment.
        t[i] = unsafe { _mm512_loadu_si512((&raw const words[i]).cast()) };
        less[i] = _mm512_sub_epi64(t[i], _mm512_set1_epi64(P[i].cast_signed()));
    }
    for i in 0..4 {
        less[i + 1] = _mm512_add_epi64(less[i + 1], _mm512_srai_epi64::<52>(less[i]));
        less[i] = _mm512_and_si512(less[i], mask);
    }
    let below = _mm512_movepi64_mask(less[4]); // negative: it was below p already
    for i in 0..5 {
        t[i] = _mm512_mask_blend_epi64(below, less[i], t[i]);
    }
    let [a, b, c, d, e] = t;
    let words = [
        _mm512_or_si512(a, _mm512_slli_epi64::<52>(b)),
        _mm512_or_si512(_mm512_srli_epi64::<12>(b), _mm512_slli_epi64::<40>(c)),
        _mm512_or_si512(_mm512_srli_epi64::<24>(c), _mm512_slli_epi64::<28>(d)),
        _mm512_or_si512(_mm512_srli_epi64::<36>(d), _mm512_slli_epi64::<16>(e)),
    ];
    for (i, word) in words.into_iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { _mm512_i64scatter_epi64::<8>(base.wrapping_add(i).cast(), index, word) };
    }
}

/// A coordinate that came in, not bounded.
#[derive(Clone, Copy)]
struct Raw<const N: usize>([Loose; N]);

macro_rules! additions {
    ($name:ident, $point:ty, $lanes:ty, $parts:expr, $places:expr, $field:ty,
     $times:expr, $less:expr, $inverted:expr, $each:expr) => {
        /// # Safety
        /// Every target is below the length of `out`, and there are as many points as targets.
        #[target_feature(enable = "avx512dq,avx512ifma")]
        unsafe fn $name(out: &mut [$point], targets: &[u32], points: &[$point]) -> usize {
            const SIZE: usize = size_of::<$point>() / 8;
            const N: usize = $parts.len();
            let groups = targets.len() / 8;
            let base: *mut u64 = out.as_mut_ptr().cast();
            let right: *const u64 = points.as_ptr().cast();
            let places = |group: usize| {
                let of = |i: usize| (targets[8 * group + i] as usize * SIZE) as i64;
                _mm512_setr_epi64(of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7))
            };
            let sequence = |group: usize| {
                let of = |i: usize| ((8 * group + i) * SIZE) as i64;
                _mm512_setr_epi64(of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7))
            };
            // Coordinate 0 is x, 1 is y.
            let load = |base: *const u64, index: __m512i, coordinate: usize| {
                let first = $places[coordinate];
                let mut parts = [Eight::load(&[[0; 8]; 5]).loose(); N];
                for part in 0..N {
                    // SAFETY: the index is of a point, the offset of a number in it.
                    parts[part] = unsafe { gather(base.wrapping_add(first + $parts[part]), index) };
                }
                Raw(parts)
            };
            let mut kept: Vec<($lanes, $lanes)> = Vec::with_capacity(groups);
            let mut product = <$lanes>::from_all(<$field>::ONE);
            for group in 0..groups {
                let x1 = load(base, places(group), 0);
                let x2 = load(right, sequence(group), 0);
                let difference = $less(&x2, &x1);
                kept.push((difference, product));
                product = $times(&product, &difference);
            }
            let mut inverse: $lanes = $inverted(&product);
            for group in (0..groups).rev() {
                let (difference, before) = kept[group];
                let (left, right_place) = (places(group), sequence(group));
                let (x1, y1) = (load(base, left, 0), load(base, left, 1));
                let (x2, y2) = (load(right, right_place, 0), load(right, right_place, 1));
                let rise = $less(&y2, &y1);
                let own = $times(&inverse, &before);
                inverse = $times(&inverse, &difference);
                let slope = $times(&rise, &own);
                let square = $times(&slope, &slope);
                let (x, y) = $each(&slope, &square, &x1, &x2, &y1);
                for (coordinate, value) in [x, y].into_iter().enumerate() {
                    let parts = value.parts();
                    for part in 0..N {
                        let place = base.wrapping_add($places[coordinate] + $parts[part]);
                        // SAFETY: the index is of a point, the offset of a number in it.
                        unsafe { scatter(place, left, &parts[part]) };
                    }
                }
            }
            8 * groups
        }
    };
}

impl Eight {
    #[target_feature(enable = "avx512dq,avx512ifma")]
    fn from_all(value: Fq) -> Self {
        Self::load(&raised(value).map(|limb| [limb; 8]))
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    fn parts(self) -> [Self; 1] {
        [self]
    }
}

impl Quadratic {
    #[target_feature(enable = "avx512dq,avx512ifma")]
    fn from_all(value: Fq2) -> Self {
        Self {
            re: Eight::from_all(value.c0),
            im: Eight::from_all(value.c1),
        }
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    fn parts(self) -> [Eight; 2] {
        [self.re, self.im]
    }
}

#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn times_1(a: &Eight, b: &Eight) -> Eight {
    a.times(b)
}

#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn times_2(a: &Quadratic, b: &Quadratic) -> Quadratic {
    dot(&[*a], &[*b])
}

#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn less_1(a: &Raw<1>, b: &Raw<1>) -> Eight {
    a.0[0].minus(b.0[0]).reduce::<17>()
}

#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn less_2(a: &Raw<2>, b: &Raw<2>) -> Quadratic {
    Quadratic {
        re: a.0[0].minus(b.0[0]).reduce::<17>(),
        im: a.0[1].minus(b.0[1]).reduce::<17>(),
    }
}

/// x of the sum, and how far x of the left one lies from it.
#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn across(square: &Eight, x1: Loose, x2: Loose) -> (Eight, Eight) {
    let x = square.loose().minus(x1).minus(x2).reduce::<33>();
    (x, x1.minus(x.loose()).reduce::<3>())
}

#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn sum_1(slope: &Eight, square: &Eight, x1: &Raw<1>, x2: &Raw<1>, y1: &Raw<1>) -> (Eight, Eight) {
    let (x, back) = across(square, x1.0[0], x2.0[0]);
    let y = slope.times(&back).loose().minus(y1.0[0]).reduce::<17>();
    (x, y)
}

#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn sum_2(
    slope: &Quadratic,
    square: &Quadratic,
    x1: &Raw<2>,
    x2: &Raw<2>,
    y1: &Raw<2>,
) -> (Quadratic, Quadratic) {
    let (re, back_re) = across(&square.re, x1.0[0], x2.0[0]);
    let (im, back_im) = across(&square.im, x1.0[1], x2.0[1]);
    let back = Quadratic {
        re: back_re,
        im: back_im,
    };
    let product = times_2(slope, &back);
    let y = Quadratic {
        re: product.re.loose().minus(y1.0[0]).reduce::<17>(),
        im: product.im.loose().minus(y1.0[1]).reduce::<17>(),
    };
    (Quadratic { re, im }, y)
}

#[target_feature(enable = "avx512dq,avx512ifma")]
fn inverted_1(product: &Eight) -> Eight {
    let words = product.store();
    let mut values: [Fq; 8] =
        std::array::from_fn(|lane| lowered(std::array::from_fn(|limb| words[limb][lane])));
    batch_inversion(&mut values);
    let limbs = values.map(raised);
    Eight::load(&std::array::from_fn(|limb| {
        std::array::from_fn(|lane| limbs[lane][limb])
    }))
}

#[target_feature(enable = "avx512dq,avx512ifma")]
fn inverted_2(product: &Quadratic) -> Quadratic {
    let mut values: [Fq2; 8] = product.values();
    batch_inversion(&mut values);
    Quadratic::load(&Quadratic::words(&values))
}

additions!(
    add_g1,
    G1Affine,
    Eight,
    [0usize],
    G1,
    Fq,
    times_1,
    less_1,
    inverted_1,
    sum_1
);
additions!(
    add_g2, G2Affine, Quadratic, PARTS, G2, Fq2, times_2, less_2, inverted_2, sum_2
);
