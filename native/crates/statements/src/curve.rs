//! Baby Jubjub in constraints: complete additions on the Edwards form, short chains of incomplete ones on the Montgomery
//! form v^2 = u^3 + 168698 u^2 + u, where a point is (u / v, (u - 1) / (u + 1)).
//!
//! An incomplete addition of points with equal u would leave the slope free, and a prover could then claim any sum. Each
//! function says why that cannot happen, for points of the subgroup of prime order l, whoever chooses scalars and
//! points. Promises nothing for points outside of it. Does NOT know signatures.

use std::sync::LazyLock;

use ark_ff::Field;

use crate::babyjub::{A, BASE, D, Point, SCALAR_BITS, Scalar};
use crate::builder::{Bit, Builder, Num};
use crate::{Fr, field, poseidon};

/// Coefficient of u^2.
const MONTGOMERY: u64 = 168_698;
/// Windows of two bits that a multiple of the base takes, see [`Edwards::base_times`].
const WINDOWS: usize = 125;

/// A point on the Edwards form.
#[derive(Debug, Clone)]
pub struct Edwards {
    /// First coordinate.
    pub x: Num,
    /// Second coordinate.
    pub y: Num,
}

impl Edwards {
    /// Two fresh wires, constrained by nothing yet.
    pub fn witness(builder: &mut Builder, point: &Point) -> Self {
        let [x, y] = [point.x, point.y].map(|coordinate| builder.witness(coordinate));
        Self { x, y }
    }

    /// One point where the bit is 1, another where it is 0; no constraint.
    fn either(bit: &Bit, yes: &Point, no: &Point) -> Self {
        let mix = |yes, no| Num::constant(no) + bit.num() * (yes - no);
        Self {
            x: mix(yes.x, no.x),
            y: mix(yes.y, no.y),
        }
    }

    /// The point is on the curve, or the rule is broken: three constraints.
    pub fn require_on_curve(&self, builder: &mut Builder, rule: &'static str) {
        let xx = builder.mul(&self.x, &self.x);
        let yy = builder.mul(&self.y, &self.y);
        let sum = &xx * A + &yy - Num::from(1);
        builder.enforce(&(&xx * D), &yy, &sum, rule);
    }

    /// The sum of any two points of the curve, six constraints: 168700 is a square and 168696 is not, so neither
    /// denominator is ever zero (Bernstein, Lange, ePrint 2007/286, theorem 3.3).
    pub fn plus(&self, builder: &mut Builder, other: &Self) -> Self {
        let beta = builder.mul(&self.x, &other.y);
        let gamma = builder.mul(&self.y, &other.x);
        let delta = builder.mul(&(&self.y - &self.x * A), &(&other.x + &other.y));
        let tau = builder.mul(&beta, &gamma) * D;
        let one = Num::from(1);
        let height = delta + &beta * A - &gamma;
        Self {
            x: builder.divide_by_nonzero(&(beta + gamma), &(&one + &tau)),
            y: builder.divide_by_nonzero(&height, &(one - tau)),
        }
    }

    /// Minus the point where the bit is 1, else the neutral element: two constraints.
    fn minus_if(&self, builder: &mut Builder, bit: &Bit) -> Self {
        let one = Num::from(1);
        Self {
            x: -builder.mul(bit.num(), &self.x),
            y: &one + builder.mul(bit.num(), &(&self.y - &one)),
        }
    }

    /// The other form of a point of order l: its x is not 0 and its y is not 1.
    fn montgomery(&self, builder: &mut Builder) -> Montgomery {
        let one = Num::from(1);
        let u = builder.divide_by_nonzero(&(&one + &self.y), &(&one - &self.y));
        let v = builder.divide_by_nonzero(&u, &self.x);
        Montgomery { u, v }
    }

    /// s B8 + `constant`, for s of the 251 bits given, the lowest first.
    ///
    /// Signed digits: for b = 0..3, 2 b - 3 is one of -3, -1, 1, 3, and the sum of (2 b_i - 3) 4^i over the 125 lower
    /// windows is 2 s' - (2^250 - 1), s' their number. So with G = B8 / 2 the windows add up to s' B8 - (2^250 - 1) G; what
    /// is missing is a constant. Before window i, the sum is m G with m odd and |m| < 4^i, and m' G with |m'| = 4^i or
    /// 3 * 4^i is added: m + m' and m - m' are not 0 and below 4^(i+1) <= 2^250 < l in size, so the two points have
    /// different u. The bit 250 and the constants are added completely.
    pub fn base_times(builder: &mut Builder, bits: &[Bit], constant: &Point) -> Self {
        assert_eq!(bits.len(), SCALAR_BITS, "a bit of the order each");
        let mut sum: Option<Montgomery> = None;
        for (pair, window) in bits.chunks_exact(2).zip(TABLE.windows.iter()) {
            let both = builder.and(&pair[0], &pair[1]);
            let digit = window.digit([&pair[0], &pair[1], &both]);
            sum = Some(match sum {
                None => digit,
                Some(sum) => sum.plus(builder, &digit),
            });
        }
        let sum = sum.expect("there are windows").edwards(builder);
        let rest = constant.plus(&TABLE.missing);
        let rest = Self::either(&bits[SCALAR_BITS - 1], &rest.plus(&TABLE.top), &rest);
        sum.plus(builder, &rest)
    }

    /// h times 8 of this point plus 2^253 [`offset`], for h of the 254 bits given, the lowest first; this point of order l.
    ///
    /// With P 8 times the point and k = h or h + 1, the odd one, k = 2^253 + the sum of (2 k_(i+1) - 1) 2^i for i = 0..252:
    /// starting at P, each bit doubles and adds or subtracts P. Small multiples m P of the start would meet +P or -P
    /// (m = 1 stays as long as bits are 0), hence the offset T, added first: every sum is m P + 2^j T, and if it met +P, -P
    /// or the neutral element, T would be a known multiple of the key. T comes out of a hash, so for a key whose secret
    /// somebody knows that is a discrete logarithm solved. An attestor who makes its key out of T knows no secret and lets
    /// others sign for it, as one who publishes its secret does: either counts among the faulty ones of a threshold.
    pub fn times_8(&self, builder: &mut Builder, h: &[Bit]) -> Self {
        assert_eq!(h.len(), 254, "the bits of a number below r");
        let mut point = self.montgomery(builder);
        for _ in 0..3 {
            point = point.doubled(builder);
        }
        let twice = &point.v * 2;
        let mut sum = point.plus(builder, &Montgomery::constant(&offset()));
        for bit in h[1..].iter().rev() {
            let v = builder.mul(bit.num(), &twice) - &point.v;
            let signed = Montgomery {
                u: point.u.clone(),
                v,
            };
            sum = sum.doubled_plus(builder, &signed);
        }
        let even = point.edwards(builder).minus_if(builder, &h[0].not());
        sum.edwards(builder).plus(builder, &even)
    }
}

/// A point T of order l of which nobody knows a relation to another: the first counter whose hash is the y of a point,
/// times the cofactor.
pub fn offset() -> Point {
    static OFFSET: LazyLock<Point> = LazyLock::new(|| {
        let candidate = |counter: u64| {
            let y = poseidon::hash(&[field::tag("offset"), Fr::from(counter)]);
            let xx = (Fr::ONE - y.square()) / (A - D * y.square());
            // The library's root is as good as the other one.
            let x = xx.sqrt()?;
            let point = Point { x, y }.times(&Scalar::from(8));
            (point != Point::NEUTRAL).then_some(point)
        };
        (0..).find_map(candidate).expect("every second y has an x")
    });
    *OFFSET
}

/// 2^253 times the offset.
pub fn offset_of_times_8() -> Point {
    static SHIFTED: LazyLock<Point> = LazyLock::new(|| offset().times(&Scalar::from(2).pow([253])));
    *SHIFTED
}

/// What [`Edwards::base_times`] adds.
struct Table {
    windows: Vec<Window>,
    /// (2^250 - 1) G.
    missing: Point,
    /// 2^250 B8.
    top: Point,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let power = |n: usize| Scalar::from(2).pow([n as u64]);
    let half = Scalar::from(2).inverse().expect("l is odd");
    let windows = (0..WINDOWS).map(|i| {
        let [one, three] = [1u64, 3].map(|digit| {
            let point = BASE.times(&(half * power(2 * i) * Scalar::from(digit)));
            coordinates(&point)
        });
        Window { one, three }
    });
    Table {
        windows: windows.collect(),
        missing: BASE.times(&(half * (power(2 * WINDOWS) - Scalar::ONE))),
        top: BASE.times(&power(2 * WINDOWS)),
    }
});

/// (u, v) of a point that is neither neutral nor of order 2.
fn coordinates(point: &Point) -> [Fr; 2] {
    let u = (Fr::ONE + point.y) / (Fr::ONE - point.y);
    [u, u / point.x]
}

/// (u, v) of 4^i G and 3 * 4^i G.
struct Window {
    one: [Fr; 2],
    three: [Fr; 2],
}

impl Window {
    /// -3, -1, 1, 3 times for the bits 0, 1, 2, 3; combinations of the low bit, the high bit and their product.
    fn digit(&self, bits: [&Bit; 3]) -> Montgomery {
        let choose = |values: [Fr; 4]| {
            let [zero, low, high, both] = values;
            let factors = [low - zero, high - zero, both - high - low + zero];
            let parts = factors.into_iter().zip(bits.map(Bit::num));
            Num::constant(zero) + Num::sum(parts)
        };
        let ([u1, v1], [u3, v3]) = (self.one, self.three);
        Montgomery {
            u: choose([u3, u1, u1, u3]),
            v: choose([-v3, -v1, v1, v3]),
        }
    }
}

/// A point on the Montgomery form, of order l.
struct Montgomery {
    u: Num,
    v: Num,
}

impl Montgomery {
    fn constant(point: &Point) -> Self {
        let [u, v] = coordinates(point).map(Num::constant);
        Self { u, v }
    }

    /// The other form; v is not 0 and u is not -1, which only points of order 2 and 4 have.
    fn edwards(&self, builder: &mut Builder) -> Edwards {
        let one = Num::from(1);
        Edwards {
            x: builder.divide_by_nonzero(&self.u, &self.v),
            y: builder.divide_by_nonzero(&(&self.u - &one), &(&self.u + &one)),
        }
    }

    /// The third point on the line of this slope, reflected: (slope^2 - 168698 - u - other, slope (u - that) - v).
    fn reflect(&self, builder: &mut Builder, slope: &Num, other: &Num) -> Self {
        let u = self.third(builder, slope, other);
        let product = slope.value() * (self.u.value() - u.value());
        let v = builder.witness(product - self.v.value());
        builder.product(slope, &(&self.u - &u), &(&v + &self.v));
        Self { u, v }
    }

    fn third(&self, builder: &mut Builder, slope: &Num, other: &Num) -> Num {
        let others = &self.u + other + Num::from(MONTGOMERY);
        let u = builder.witness(slope.value().square() - others.value());
        builder.product(slope, slope, &(&u + others));
        u
    }

    /// The sum with a point of another u: three constraints.
    fn plus(&self, builder: &mut Builder, other: &Self) -> Self {
        let slope = builder.divide_by_nonzero(&(&other.v - &self.v), &(&other.u - &self.u));
        self.reflect(builder, &slope, &other.u)
    }

    /// Twice the point, four constraints: v is not 0.
    fn doubled(&self, builder: &mut Builder) -> Self {
        let square = builder.mul(&self.u, &self.u);
        let rise = square * 3 + &self.u * (2 * MONTGOMERY) + Num::from(1);
        let slope = builder.divide_by_nonzero(&rise, &(&self.v * 2));
        self.reflect(builder, &slope, &self.u)
    }

    /// Twice the point plus another: (this + other) + this, whose v in between is never computed. Five constraints, where
    /// this, the other and their sum have different u. The line through the sum s and this point has the slope
    /// 2 v / (u - s.u) - the first slope.
    fn doubled_plus(&self, builder: &mut Builder, other: &Self) -> Self {
        let first = builder.divide_by_nonzero(&(&other.v - &self.v), &(&other.u - &self.u));
        let middle = self.third(builder, &first, &other.u);
        let slopes = builder.divide_by_nonzero(&(&self.v * 2), &(&self.u - &middle));
        self.reflect(builder, &(slopes - first), &middle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::babyjub::reduce;
    use ark_ff::{AdditiveGroup, BigInteger, PrimeField};

    fn bits(builder: &mut Builder, number: &[u64; 4], count: usize) -> Vec<Bit> {
        let limbs = ark_ff::BigInt(*number);
        (0..count).map(|i| builder.bit(limbs.get_bit(i))).collect()
    }

    fn meets(builder: Builder) {
        let built = builder.finish();
        assert_eq!(built.violated, None);
        assert_eq!(built.r1cs.unsatisfied(&built.assignment), None);
    }

    #[test]
    fn multiples_of_the_base() {
        let extra = BASE.times(&Scalar::from(77));
        let some = reduce(&[0xa5; 64]);
        for scalar in [
            Scalar::ZERO,
            Scalar::ONE,
            -Scalar::ONE,
            Scalar::from(2).pow([250]),
            some,
        ] {
            let mut builder = Builder::new(0);
            let bits = bits(&mut builder, &scalar.into_bigint().0, SCALAR_BITS);
            let point = Edwards::base_times(&mut builder, &bits, &extra);
            let expected = BASE.times(&scalar).plus(&extra);
            assert_eq!((point.x.value(), point.y.value()), (expected.x, expected.y));
            meets(builder);
        }
    }

    #[test]
    fn multiples_of_a_key() {
        let key = BASE.times(&Scalar::from(1234567));
        let mut all = Fr::MODULUS;
        all.sub_with_borrow(&1u64.into());
        for number in [[0; 4], [1, 0, 0, 0], [2, 0, 0, 0], [7, 0, 1, 0], all.0] {
            let mut builder = Builder::new(0);
            let bits = bits(&mut builder, &number, 254);
            let point = Edwards::witness(&mut builder, &key);
            let product = point.times_8(&mut builder, &bits);
            let mut wide = [0; 64];
            wide[32..].copy_from_slice(&field::write_limbs(ark_ff::BigInt(number)));
            let expected =
                (key.times(&(reduce(&wide) * Scalar::from(8)))).plus(&offset_of_times_8());
            assert_eq!(
                (product.x.value(), product.y.value()),
                (expected.x, expected.y)
            );
            meets(builder);
        }
    }

    #[test]
    fn the_offset_is_a_point_of_order_l() {
        assert!(offset().is_on_curve() && offset().is_in_subgroup());
        assert_ne!(offset(), Point::NEUTRAL);
    }

    #[test]
    fn complete_additions_meet_their_special_cases() {
        let minus = BASE.negated();
        for (p, q) in [(BASE, BASE), (BASE, minus), (BASE, Point::NEUTRAL)] {
            let mut builder = Builder::new(0);
            let [left, right] = [p, q].map(|point| Edwards::witness(&mut builder, &point));
            left.require_on_curve(&mut builder, "curve");
            let sum = left.plus(&mut builder, &right);
            let expected = p.plus(&q);
            assert_eq!((sum.x.value(), sum.y.value()), (expected.x, expected.y));
            meets(builder);
        }
    }
}
