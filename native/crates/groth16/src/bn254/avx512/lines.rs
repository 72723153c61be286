//! Lines of the optimal ate pairing by eight lanes: those of a point on its way through the Miller loop, and those of a
//! fixed point, computed once.

use ark_bn254::{Config, Fq, Fq2, Fq12, G1Affine, G2Affine, G2Projective};
use ark_ec::AffineRepr;
use ark_ec::bn::BnConfig;
use ark_ec::short_weierstrass::SWCurveConfig;
use ark_ff::{AdditiveGroup, Field};

use super::super::digits;
use super::quadratic::{Quadratic, Words, dot};
use super::target::{Target, xi};

const THETA: u64 = 0;
const LAMBDA: u64 = 1;

/// The lines of a fixed point: c3 and c4 of four lines, divided by their c0.
pub struct Lines(Vec<Words>);

impl Lines {
    /// Packs them.
    pub fn new(divided: &[(Fq2, Fq2)]) -> Self {
        let four = |lines: &[(Fq2, Fq2)]| {
            let mut values = [Fq2::ZERO; 8];
            for (i, line) in lines.iter().enumerate() {
                (values[i], values[4 + i]) = *line;
            }
            Quadratic::words(&values)
        };
        Self(divided.chunks(4).map(four).collect())
    }

    /// The lines at a point other than infinity, divided by a constant: c3 x / y and c4 / y.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    fn at(&self, point: &G1Affine) -> Vec<Words> {
        let by = point.y.inverse().expect("no point has order two");
        let (by, ratio) = (real(by), real(point.x * by));
        let factors = Quadratic::load(&Quadratic::words(&[
            ratio, ratio, ratio, ratio, by, by, by, by,
        ]));
        let mut scaled = Vec::with_capacity(self.0.len());
        for four in &self.0 {
            scaled.push(dot(&[Quadratic::load(four)], &[factors]).store());
        }
        scaled
    }
}

fn real(x: Fq) -> Fq2 {
    Fq2::new(x, Fq::ZERO)
}

/// A multiple of a point Q of G2 in homogeneous coordinates, and the point P of G1 at which its lines are taken.
struct Moving {
    /// X, Y, Z, and W = 3 b Z, b of the twist y^2 = x^3 + b.
    place: Quadratic,
    /// y and x of Q, of -Q, and of the two points after the loop.
    steps: [Quadratic; 4],
    /// Factors of a tangent's c3, c0 and c4 in the last lanes.
    tangent: Quadratic,
    /// The same of a line through two points.
    chord: Quadratic,
}

impl Moving {
    #[target_feature(enable = "avx512dq,avx512ifma")]
    fn new(p: &G1Affine, q: &G2Affine) -> Self {
        let w = <Config as BnConfig>::G2Config::COEFF_B * Fq2::from(3u64);
        let start = [q.x, q.y, Fq2::ONE, w];
        let load = |values: &[Fq2]| Quadratic::load(&Quadratic::words(values));
        let last = |values: [Fq; 3]| {
            let mut lanes = [Fq2::ZERO; 8];
            for i in 0..3 {
                lanes[5 + i] = real(values[i]);
            }
            Quadratic::load(&Quadratic::words(&lanes))
        };
        let (first, second) = after(q);
        Self {
            place: load(&start),
            steps: [
                load(&[q.y, q.x]),
                load(&[-q.y, q.x]),
                load(&[first.y, first.x]),
                load(&[-second.y, second.x]),
            ],
            tangent: last([p.x + p.x + p.x, -(p.y + p.y), Fq::ONE]),
            chord: last([-p.x, p.y, Fq::ONE]),
        }
    }

    /// The line's c0, c3 and c4 in all lanes, of the lanes in which both steps below leave them.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    fn line(lanes: &Quadratic) -> [Quadratic; 3] {
        [lanes.pick([6; 8]), lanes.pick([5; 8]), lanes.pick([7; 8])]
    }

    /// Doubles (Costello and others, ePrint 2009/615, times four); the tangent.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline(never)]
    fn double(&mut self) -> [Quadratic; 3] {
        let s = &self.place;
        // X Y, B = Y Y, E = Z W, Y Z, X X, Y W.
        let t = dot(
            &[s.pick([0, 1, 2, 1, 0, 1, 0, 0])],
            &[s.pick([1, 1, 3, 2, 0, 3, 0, 0])],
        );
        // 2 (B - 3 E) X Y, (B + 3 E)^2, E^2, 8 B Y Z, 8 B Y W; then the line from X X, Y Z, E - B.
        let (b, e) = (t.pick([1; 8]), t.pick([2; 8]));
        let left = t.pick([1, 1, 2, 1, 1, 4, 3, 2]);
        let right = t.pick_of(&self.tangent, [0, 1, 2, 3, 5, xi(5), xi(6), xi(7)]);
        macro_rules! operands {
            ($part:ident) => {{
                let e = e.$part.loose();
                let thrice = e.double().plus(e);
                let left = left.$part.loose();
                let left = left.minus_in(1, thrice).plus_in(2, thrice);
                let left = left.minus_in(1 << 7, b.$part.loose());
                let right = right.$part.loose().plus_in(2, thrice);
                (
                    left.shifted([1, 0, 0, 3, 3, 0, 0, 0]).reduce::<16>(),
                    right.reduce::<0>(),
                )
            }};
        }
        let (re, im) = (operands!(re), operands!(im));
        let u = dot(
            &[Quadratic { re: re.0, im: im.0 }],
            &[Quadratic { re: re.1, im: im.1 }],
        );
        let (next, square) = (u.pick([0, 1, 3, 4, 0, 0, 0, 0]), u.pick([2; 8]));
        macro_rules! next {
            ($part:ident) => {{
                let square = square.$part.loose();
                let twelve = square.double().plus(square).shifted([2; 8]);
                next.$part.loose().minus_in(2, twelve).reduce::<31>()
            }};
        }
        self.place = Quadratic {
            re: next!(re),
            im: next!(im),
        };
        Self::line(&u)
    }

    /// Adds one of the steps; the line through both.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline(never)]
    fn add(&mut self, step: usize) -> [Quadratic; 3] {
        let (s, q) = (&self.place, &self.steps[step]);
        // theta = Y - y Z, lambda = X - x Z.
        let scaled = dot(&[s.pick([2; 8])], &[q.pick([0, 1, 0, 1, 0, 0, 0, 0])]);
        let from = s.pick([1, 0, 1, 0, 1, 1, 1, 1]);
        let d = Quadratic {
            re: from.re.loose().minus(scaled.re.loose()).reduce::<3>(),
            im: from.im.loose().minus(scaled.im.loose()).reduce::<3>(),
        };
        // theta^2, lambda^2, theta x, lambda y.
        let v = dot(
            &[d],
            &[d.pick_of(q, [THETA, LAMBDA, xi(1), xi(0), 0, 0, 0, 0])],
        );
        // e = lambda lambda^2, f = Z theta^2, g = X lambda^2; then the line from theta, lambda, theta x - lambda y.
        let (tx, ly) = (v.pick([2; 8]), v.pick([3; 8]));
        let left = d.pick_of(s, [LAMBDA, xi(2), xi(0), 0, 0, THETA, LAMBDA, THETA]);
        macro_rules! left {
            ($part:ident) => {{
                let zero_in_the_last = left.$part.loose().minus_in(1 << 7, left.$part.loose());
                let left = zero_in_the_last.plus_in(1 << 7, tx.$part.loose());
                left.minus_in(1 << 7, ly.$part.loose()).reduce::<3>()
            }};
        }
        let left = Quadratic {
            re: left!(re),
            im: left!(im),
        };
        let right = v.pick_of(&self.chord, [1, 0, 1, 0, 0, xi(5), xi(6), xi(7)]);
        let m = dot(&[left], &[right]);
        // lambda h, theta (g - h), e Y, e Z, e W; h = e + f - 2 g.
        let right = m.pick([0, 2, 0, 0, 0, 0, 0, 0]);
        let (e, f, g) = (m.pick([0; 8]), m.pick([1; 8]), m.pick([2; 8]));
        macro_rules! right {
            ($part:ident) => {{
                let (e, f) = (e.$part.loose(), f.$part.loose());
                let twice = g.$part.loose().double();
                let right = right.$part.loose().plus_in(1, f).minus_in(1, twice);
                let right = right.plus_in(2, twice).minus_in(2, f).minus_in(2, e);
                right.reduce::<6>()
            }};
        }
        let right = Quadratic {
            re: right!(re),
            im: right!(im),
        };
        let left = d.pick_of(s, [LAMBDA, THETA, xi(1), xi(2), xi(3), 0, 0, 0]);
        let u = dot(&[left], &[right]);
        let (next, less) = (u.pick([0, 1, 3, 4, 0, 0, 0, 0]), u.pick([2; 8]));
        self.place = Quadratic {
            re: next.re.loose().minus_in(2, less.re.loose()).reduce::<3>(),
            im: next.im.loose().minus_in(2, less.im.loose()).reduce::<3>(),
        };
        Self::line(&m)
    }
}

/// x Q for the curve's parameter x. None when a sum met a point with itself or its negative, which takes Z to zero for
/// good: multiples below x of a point of order r never do.
#[target_feature(enable = "avx512dq,avx512ifma")]
pub fn times_x(q: &G2Affine) -> Option<G2Projective> {
    const SIGNS: [i8; 64] = digits(2);
    let mut multiple = Moving::new(&G1Affine::generator(), q);
    let high = SIGNS.iter().rev().skip_while(|digit| **digit == 0);
    for digit in high.skip(1) {
        multiple.double();
        if *digit != 0 {
            multiple.add(usize::from(*digit < 0));
        }
    }
    let [x, y, z] = multiple.place.values();
    // To the library's coordinates, x / z^2 and y / z^3.
    (z != Fq2::ZERO).then(|| G2Projective::new_unchecked(x * z, y * z * z, z))
}

/// The images of a point under the p-power map and its square.
fn after(q: &G2Affine) -> (G2Affine, G2Affine) {
    let image = |q: &G2Affine| {
        G2Affine::new_unchecked(
            q.x.frobenius_map(1) * Config::TWIST_MUL_BY_Q_X,
            q.y.frobenius_map(1) * Config::TWIST_MUL_BY_Q_Y,
        )
    };
    let first = image(q);
    (first, image(&first))
}

/// The product of the Miller loops; no point is infinity.
#[target_feature(enable = "avx512dq,avx512ifma")]
pub fn loops(moving: &[(G1Affine, G2Affine)], fixed: &[(G1Affine, &Lines)]) -> Fq12 {
    let mut points = Vec::with_capacity(moving.len());
    for (p, q) in moving {
        points.push(Moving::new(p, q));
    }
    let mut lines = Vec::with_capacity(fixed.len());
    for (p, of) in fixed {
        lines.push(of.at(p));
    }
    let mut f = Target::one();
    let mut count = 0;
    for (i, digit) in Config::ATE_LOOP_COUNT.iter().rev().skip(1).enumerate() {
        if i > 0 {
            f = f.square();
        }
        for point in &mut points {
            f = f.times_line(&point.double());
        }
        f = with_fixed(f, &lines, &mut count);
        if *digit != 0 {
            for point in &mut points {
                f = f.times_line(&point.add(usize::from(*digit < 0)));
            }
            f = with_fixed(f, &lines, &mut count);
        }
    }
    for step in [2, 3] {
        for point in &mut points {
            f = f.times_line(&point.add(step));
        }
        f = with_fixed(f, &lines, &mut count);
    }
    f.value()
}

#[target_feature(enable = "avx512dq,avx512ifma")]
fn with_fixed(mut f: Target, lines: &[Vec<Words>], count: &mut usize) -> Target {
    for lines in lines {
        let (four, lane) = (&lines[*count / 4], *count % 4);
        let line = [
            Quadratic::spread(four, lane),
            Quadratic::spread(four, lane + 4),
        ];
        f = f.times_short_line(&line);
    }
    *count += 1;
    f
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Fr, G1Projective, G2Projective};
    use ark_ec::bn::G2Prepared;
    use ark_ec::{CurveGroup, PrimeGroup};
    use ark_ff::UniformRand;
    use ark_std::test_rng;

    #[target_feature(enable = "avx512dq,avx512ifma")]
    fn run() {
        let mut random = test_rng();
        for _ in 0..4 {
            let p = (G1Projective::generator() * Fr::rand(&mut random)).into_affine();
            let q = (G2Projective::generator() * Fr::rand(&mut random)).into_affine();
            let mut point = Moving::new(&p, &q);
            let wanted = G2Prepared::<Config>::from(q).ell_coeffs;
            let mut wanted = wanted.iter();
            let mut check = |line: [Quadratic; 3]| {
                let [[c0], [c3], [c4]] = [line[0].values(), line[1].values(), line[2].values()];
                let (mut w0, mut w3, w4) = *wanted.next().unwrap();
                w0.mul_assign_by_fp(&p.y);
                w3.mul_assign_by_fp(&p.x);
                // Equal up to a factor, which the final exponentiation takes away.
                assert_eq!((c3 * w0, c4 * w0), (c0 * w3, c0 * w4));
                assert_ne!(c0, Fq2::ZERO);
            };
            for digit in Config::ATE_LOOP_COUNT.iter().rev().skip(1) {
                check(point.double());
                if *digit != 0 {
                    check(point.add(usize::from(*digit < 0)));
                }
            }
            check(point.add(2));
            check(point.add(3));
            assert!(wanted.next().is_none());
        }
    }

    #[test]
    fn lines_are_the_librarys() {
        if super::super::Here::detect().is_some() {
            // SAFETY: the processor has the features.
            unsafe { run() };
        }
    }
}
