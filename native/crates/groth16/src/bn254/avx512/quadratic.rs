//! Eight elements of BN254's quadratic extension Fp[u] / (u^2 + 1) at once.

use ark_bn254::Fq2;

use super::lanes::{Eight, Loose, Product, accumulate, lowered, raised};

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

/// The sum of the products, lane by lane; six at most: then the real part is from -0.45 p to 1.45 p before one p is
/// added, and the imaginary one at most 1.9 p.
#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
pub fn dot<const N: usize>(left: &[Quadratic; N], right: &[Quadratic; N]) -> Quadratic {
    const { assert!(N <= 6) };
    let (re, im) = added((Product::zero(), Product::zero()), left, right);
    Quadratic {
        re: re.reduce::<1>(),
        im: im.reduce::<0>(),
    }
}

/// The same of four products, where the first two count twice.
#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
pub fn dot_with_doubled(
    twice: (&[Quadratic; 2], &[Quadratic; 2]),
    once: (&[Quadratic; 2], &[Quadratic; 2]),
) -> Quadratic {
    let (re, im) = added((Product::zero(), Product::zero()), twice.0, twice.1);
    let (re, im) = added((re.doubled(), im.doubled()), once.0, once.1);
    Quadratic {
        re: re.reduce::<1>(),
        im: im.reduce::<0>(),
    }
}

#[target_feature(enable = "avx512dq,avx512ifma")]
#[inline]
fn added<const N: usize>(
    (re, mut im): (Product, Product),
    left: &[Quadratic; N],
    right: &[Quadratic; N],
) -> (Product, Product) {
    let mut re = re.negated();
    for k in 0..N {
        accumulate(&mut re, &mut im, &left[k].im, &right[k].im, &right[k].re);
    }
    re = re.negated();
    for k in 0..N {
        accumulate(&mut re, &mut im, &left[k].re, &right[k].re, &right[k].im);
    }
    (re, im)
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{MASK, P};
    use super::*;
    use ark_bn254::Fq;
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
