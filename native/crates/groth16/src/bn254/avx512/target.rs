//! The target field by eight lanes: lane k holds the coefficient of w^k, w^6 = xi = 9 + u; two lanes are spare.

use ark_bn254::{Fq2, Fq6, Fq12};
use ark_ff::Field;
use std::sync::LazyLock;

use super::super::DIGITS;
use super::lanes::Loose;
use super::quadratic::{Quadratic, Words, dot, dot_with_doubled};

/// An element; bounded.
#[derive(Clone, Copy)]
pub struct Target(Quadratic);

const EVEN: u8 = 0b01_0101;
const ODD: u8 = 0b10_1010;

/// The index of a lane of the other operand of `pick_of`.
pub const fn xi(lane: u64) -> u64 {
    lane + 8
}

/// Lane k becomes lane k - by, times xi where that wraps around.
const fn rotation(by: u64) -> [u64; 8] {
    let mut index = [0; 8];
    let mut k = 0;
    while k < 6 {
        index[k as usize] = if k >= by { k - by } else { xi(k + 6 - by) };
        k += 1;
    }
    index
}

impl Target {
    fn words(value: &Fq12) -> Words {
        let (a, b) = (&value.c0, &value.c1);
        Quadratic::words(&[a.c0, b.c0, a.c1, b.c1, a.c2, b.c2])
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    pub fn new(value: &Fq12) -> Self {
        Self(Quadratic::load(&Self::words(value)))
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    pub fn one() -> Self {
        Self::new(&Fq12::ONE)
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    pub fn value(&self) -> Fq12 {
        let [a0, b0, a1, b1, a2, b2] = self.0.values();
        Fq12::new(Fq6::new(a0, a1, a2), Fq6::new(b0, b1, b2))
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline(never)]
    pub fn times(&self, other: &Self) -> Self {
        let (a, b, xb) = (&self.0, &other.0, &other.0.times_xi());
        let left = [
            a.pick([0; 8]),
            a.pick([1; 8]),
            a.pick([2; 8]),
            a.pick([3; 8]),
            a.pick([4; 8]),
            a.pick([5; 8]),
        ];
        let right = [
            *b,
            b.pick_of(xb, rotation(1)),
            b.pick_of(xb, rotation(2)),
            b.pick_of(xb, rotation(3)),
            b.pick_of(xb, rotation(4)),
            b.pick_of(xb, rotation(5)),
        ];
        Self(dot(&left, &right))
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline(never)]
    pub fn square(&self) -> Self {
        let (a, xa) = (&self.0, &self.0.times_xi());
        Self(dot_with_doubled(
            (
                &[
                    a.pick([1, 0, 0, 0, 0, 0, 0, 0]),
                    a.pick([2, 2, 3, 1, 1, 1, 0, 0]),
                ],
                &[
                    a.pick_of(xa, [xi(5), 1, 2, 3, 4, 5, 0, 0]),
                    a.pick_of(xa, [xi(4), xi(5), xi(5), 2, 3, 4, 0, 0]),
                ],
            ),
            (
                &[
                    a.pick([0, 3, 1, 4, 2, 2, 0, 0]),
                    a.pick([3, 4, 4, 5, 5, 3, 0, 0]),
                ],
                &[
                    a.pick_of(xa, [0, xi(4), 1, xi(5), 2, 3, 0, 0]),
                    a.pick_of(xa, [xi(3), xi(3), xi(4), xi(4), xi(5), 2, 0, 0]),
                ],
            ),
        ))
    }

    /// Granger and Scott, ePrint 2009/565: the square of an element of the cyclotomic subgroup. With t the squares of
    /// z0 + z3 y, z1 + z4 y and z2 + z5 y, y^2 = xi, the result is 3 t - 2 z in even lanes and 3 t + 2 z in odd ones.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline(never)]
    pub fn cyclotomic_square(&self) -> Self {
        let (z, xz) = (&self.0, &self.0.times_xi());
        let t = dot(
            &[
                z.pick([0, 2, 1, 0, 2, 1, 0, 0]),
                z.pick([3, 5, 4, 3, 5, 4, 0, 0]),
            ],
            &[
                z.pick_of(xz, [0, xi(5), 1, 3, 2, 4, 0, 0]),
                z.pick_of(xz, [xi(3), xi(2), xi(4), 0, xi(5), 1, 0, 0]),
            ],
        );
        let combine = |t: Loose, z: Loose| t.plus_in(ODD, z).minus_in(EVEN, z).double().plus(t);
        Self(Quadratic {
            re: combine(t.re.loose(), z.re.loose()).reduce::<5>(),
            im: combine(t.im.loose(), z.im.loose()).reduce::<5>(),
        })
    }

    /// Times c0 + c3 w + c4 w^3.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline(never)]
    pub fn times_line(&self, line: &[Quadratic; 3]) -> Self {
        let (f, xf) = (&self.0, &self.0.times_xi());
        let right = [*f, f.pick_of(xf, rotation(1)), f.pick_of(xf, rotation(3))];
        Self(dot(line, &right))
    }

    /// Times 1 + c3 w + c4 w^3.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline(never)]
    pub fn times_short_line(&self, line: &[Quadratic; 2]) -> Self {
        let (f, xf) = (&self.0, &self.0.times_xi());
        let rest = dot(
            line,
            &[f.pick_of(xf, rotation(1)), f.pick_of(xf, rotation(3))],
        );
        Self(Quadratic {
            re: rest.re.loose().plus(f.re.loose()).reduce::<0>(),
            im: rest.im.loose().plus(f.im.loose()).reduce::<0>(),
        })
    }

    /// f^(p^6): w becomes -w. The inverse in the cyclotomic subgroup.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    pub fn conjugate(&self) -> Self {
        let negate = |x: Loose| x.minus_in(ODD, x.double());
        Self(Quadratic {
            re: negate(self.0.re.loose()).reduce::<3>(),
            im: negate(self.0.im.loose()).reduce::<3>(),
        })
    }

    /// f^(p^power), power 1 to 3.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    pub fn frobenius(&self, power: usize) -> Self {
        let conjugate = |x: Loose| x.minus(x.double());
        let mut f = self.0;
        if power % 2 == 1 {
            f.im = conjugate(f.im.loose()).reduce::<3>();
        }
        Self(dot(&[f], &[Quadratic::load(&FROBENIUS[power - 1])]))
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    pub fn inverse(&self) -> Option<Self> {
        self.value().inverse().map(|inverse| Self::new(&inverse))
    }

    /// A power in the cyclotomic subgroup; digits from the lowest, zero or odd, at most 7.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    pub fn power(&self, digits: &[i8]) -> Self {
        let square = self.cyclotomic_square();
        let mut odd = [*self; 4];
        for i in 1..4 {
            odd[i] = odd[i - 1].times(&square);
        }
        let mut inverse = odd;
        for power in &mut inverse {
            *power = power.conjugate();
        }
        let mut result: Option<Self> = None;
        for digit in digits.iter().rev() {
            if let Some(result) = &mut result {
                *result = result.cyclotomic_square();
            }
            if *digit != 0 {
                let powers = if *digit < 0 { &inverse } else { &odd };
                let power = &powers[usize::from(digit.unsigned_abs()) / 2];
                result = Some(match result {
                    Some(result) => result.times(power),
                    None => *power,
                });
            }
        }
        match result {
            Some(result) => result,
            None => Self::one(),
        }
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    fn power_of_minus_x(&self) -> Self {
        self.power(&DIGITS).conjugate()
    }
}

/// p^power maps the sum of c_k w^k to the sum of c_k^(p^power) g_k w^k: g, for power 1 to 3.
static FROBENIUS: LazyLock<[Words; 3]> = LazyLock::new(|| {
    let ones = Fq6::new(Fq2::ONE, Fq2::ONE, Fq2::ONE);
    [1, 2, 3].map(|power| Target::words(&Fq12::new(ones, ones).frobenius_map(power)))
});

/// A power in the cyclotomic subgroup; see [`Target::power`].
#[target_feature(enable = "avx512dq,avx512ifma")]
pub fn power(f: &Fq12, digits: &[i8]) -> Fq12 {
    Target::new(f).power(digits).value()
}

/// f^((p^12 - 1) / r), times a constant prime to r: Fuentes-Castaneda and others, "Faster hashing to G2", as the library.
#[target_feature(enable = "avx512dq,avx512ifma")]
pub fn finish(f: &Fq12) -> Option<Fq12> {
    let f = Target::new(f);
    let r = f.conjugate().times(&f.inverse()?);
    let r = r.frobenius(2).times(&r);
    let y0 = r.power_of_minus_x();
    let y1 = y0.cyclotomic_square();
    let y3 = y1.cyclotomic_square().times(&y1);
    let y4 = y3.power_of_minus_x();
    let y6 = y4.cyclotomic_square().power_of_minus_x().conjugate();
    let y8 = y6.times(&y4).times(&y3.conjugate());
    let y9 = y8.times(&y1);
    let y13 = y9.frobenius(1).times(&y8.times(&y4).times(&r));
    let y14 = y8.frobenius(2).times(&y13);
    let y15 = r.conjugate().times(&y9).frobenius(3);
    Some(y15.times(&y14).value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, CyclotomicMultSubgroup, UniformRand};
    use ark_std::test_rng;

    fn elements() -> Vec<Fq12> {
        let mut random = test_rng();
        let edges = [Fq2::ZERO, Fq2::ONE, -Fq2::ONE].map(|c| Fq6::new(c, c, c));
        let edges = edges.iter().flat_map(|a| edges.map(|b| Fq12::new(*a, b)));
        edges
            .chain((0..9).map(|_| Fq12::rand(&mut random)))
            .collect()
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    fn run() {
        for a in elements() {
            let x = Target::new(&a);
            assert_eq!(x.value(), a);
            assert_eq!(x.square().value(), a * a);
            assert_eq!(x.conjugate().value(), Fq12::new(a.c0, -a.c1));
            assert_eq!(x.inverse().map(|x| x.value()), a.inverse());
            for power in 1..4 {
                assert_eq!(x.frobenius(power).value(), a.frobenius_map(power));
            }
            for b in elements() {
                assert_eq!(x.times(&Target::new(&b)).value(), a * b);
                let mut product = a;
                product.mul_by_034(&b.c0.c0, &b.c0.c1, &b.c1.c2);
                let all = |c: Fq2| Quadratic::load(&Quadratic::words(&[c; 8]));
                let line = [all(b.c0.c0), all(b.c0.c1), all(b.c1.c2)];
                assert_eq!(x.times_line(&line).value(), product);
                product = a;
                product.mul_by_034(&Fq2::ONE, &b.c0.c1, &b.c1.c2);
                assert_eq!(x.times_short_line(&[line[1], line[2]]).value(), product);
            }
            if let Some(inverse) = a.inverse() {
                let unit = Fq12::new(a.c0, -a.c1) * inverse;
                let unit = unit.frobenius_map(2) * unit;
                let y = Target::new(&unit);
                assert_eq!(y.cyclotomic_square().value(), unit.cyclotomic_square());
                assert_eq!(y.power_of_minus_x().conjugate().value(), unit.pow([X]));
                assert_eq!(y.power(&[]).value(), Fq12::ONE);
            }
        }
    }

    const X: u64 = 4_965_661_367_192_848_881;

    #[test]
    fn operations_are_the_librarys() {
        if super::super::Here::detect().is_some() {
            // SAFETY: the processor has the features.
            unsafe { run() };
        }
    }
}
