//! BN254 faster than the library does it: lines of a fixed point with one coefficient divided away, sums of products
//! with few reductions, and a windowed power in the final exponentiation. The results equal the library's; the tests
//! compare them.

use ark_bn254::{Bn254, Config, Fq, Fq2, Fq6, Fq6Config, Fq12, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::bn::{BnConfig, G2Prepared};
use ark_ec::pairing::{MillerLoopOutput, PairingOutput};
use ark_ff::{AdditiveGroup, Field, Fp6Config, batch_inversion};

/// The lines of a fixed point of G2, each divided by its first coefficient: constants of Fp2 do not survive the final
/// exponentiation. That coefficient is zero for a vertical line only, and there is none among the multiples of a point
/// of order r that the loop meets.
pub struct Lines(Vec<Line>);

/// The coefficients of w^3 and w^4; that of 1 is one.
type Line = (Fq2, Fq2);

impl Lines {
    /// The lines of a point of order r.
    pub fn new(point: G2Affine) -> Self {
        let coefficients = G2Prepared::<Config>::from(point).ell_coeffs;
        let mut inverses: Vec<Fq2> = coefficients.iter().map(|line| line.0).collect();
        batch_inversion(&mut inverses);
        let divided = coefficients.iter().zip(inverses);
        Self(
            divided
                .map(|(line, by)| (line.1 * by, line.2 * by))
                .collect(),
        )
    }
}

/// A coefficient of a line, ready for sums of products: itself and minus its imaginary part.
#[derive(Clone, Copy)]
struct Coefficient(Fq2, Fq);

impl Coefficient {
    fn new(value: Fq2) -> Self {
        Self(value, -value.c1)
    }

    fn times_xi(value: Fq2) -> Self {
        Self::new(xi(value))
    }
}

// Sums of products instead of Karatsuba's method: as many multiplications, but one reduction for two or three products
// and few of the additions whose unpredictable carry costs more than they do.

fn sum_of_two(a: (&Fq2, &Coefficient), b: (&Fq2, &Coefficient)) -> Fq2 {
    let real = |(x, y): (&Fq2, &Coefficient)| Fq::sum_of_products(&[x.c0, x.c1], &[y.0.c0, y.1]);
    let imaginary =
        |(x, y): (&Fq2, &Coefficient)| Fq::sum_of_products(&[x.c0, x.c1], &[y.0.c1, y.0.c0]);
    Fq2::new(real(a) + real(b), imaginary(a) + imaginary(b))
}

fn sum_of_three(a: (&Fq2, &Coefficient), b: (&Fq2, &Coefficient), c: (&Fq2, &Coefficient)) -> Fq2 {
    let left = [a.0.c0, a.0.c1, b.0.c0];
    let right = [b.0.c1, c.0.c0, c.0.c1];
    let real = Fq::sum_of_products(&left, &[a.1.0.c0, a.1.1, b.1.0.c0])
        + Fq::sum_of_products(&right, &[b.1.1, c.1.0.c0, c.1.1]);
    let imaginary = Fq::sum_of_products(&left, &[a.1.0.c1, a.1.0.c0, b.1.0.c1])
        + Fq::sum_of_products(&right, &[b.1.0.c0, c.1.0.c1, c.1.0.c0]);
    Fq2::new(real, imaginary)
}

fn xi(value: Fq2) -> Fq2 {
    Fq6Config::mul_fp2_by_nonresidue(value)
}

/// v * a.
fn times_v(a: Fq6) -> Fq6 {
    Fq6::new(xi(a.c2), a.c0, a.c1)
}

fn product_of_6(a: &Fq6, b: &Fq6) -> Fq6 {
    let [b0, b1, b2] = [b.c0, b.c1, b.c2].map(Coefficient::new);
    let (xb1, xb2) = (Coefficient::times_xi(b.c1), Coefficient::times_xi(b.c2));
    Fq6::new(
        sum_of_three((&a.c0, &b0), (&a.c1, &xb2), (&a.c2, &xb1)),
        sum_of_three((&a.c0, &b1), (&a.c1, &b0), (&a.c2, &xb2)),
        sum_of_three((&a.c0, &b2), (&a.c1, &b1), (&a.c2, &b0)),
    )
}

fn product(a: &Fq12, b: &Fq12) -> Fq12 {
    let (low, high) = (product_of_6(&a.c0, &b.c0), product_of_6(&a.c1, &b.c1));
    let middle = product_of_6(&(a.c0 + a.c1), &(b.c0 + b.c1));
    Fq12::new(low + times_v(high), middle - low - high)
}

fn square(f: &Fq12) -> Fq12 {
    let both = product_of_6(&f.c0, &f.c1);
    let sum = product_of_6(&(f.c0 + f.c1), &(f.c0 + times_v(f.c1)));
    Fq12::new(sum - both - times_v(both), both.double())
}

/// (a + b y)^2 = (a^2 + xi b^2) + 2 a b y, y^2 = xi.
fn square_of_4(a: &Fq2, b: &Fq2) -> (Fq2, Fq2) {
    let (xb, twice) = (xi(*b), b.double());
    let real = Fq::sum_of_products(&[a.c0 + a.c1, xb.c0, -xb.c1], &[a.c0 - a.c1, b.c0, b.c1]);
    let imaginary = Fq::sum_of_products(&[a.c0.double(), xb.c0, xb.c1], &[a.c1, b.c1, b.c0]);
    let other = Fq2::new(
        Fq::sum_of_products(&[a.c0, a.c1], &[twice.c0, -twice.c1]),
        Fq::sum_of_products(&[a.c0, a.c1], &[twice.c1, twice.c0]),
    );
    (Fq2::new(real, imaginary), other)
}

/// Granger and Scott, ePrint 2009/565: a square in the cyclotomic subgroup.
fn cyclotomic_square(f: &Fq12) -> Fq12 {
    let (t0, t1) = square_of_4(&f.c0.c0, &f.c1.c1);
    let (t2, t3) = square_of_4(&f.c1.c0, &f.c0.c2);
    let (t4, t5) = square_of_4(&f.c0.c1, &f.c1.c2);
    let less = |t: Fq2, z: Fq2| (t - z).double() + t;
    let more = |t: Fq2, z: Fq2| (t + z).double() + t;
    Fq12::new(
        Fq6::new(less(t0, f.c0.c0), less(t2, f.c0.c1), less(t4, f.c0.c2)),
        Fq6::new(more(xi(t5), f.c1.c0), more(t1, f.c1.c1), more(t3, f.c1.c2)),
    )
}

/// f * (1 + c3 w^3 + c4 w^4), w^2 = v, v^3 = xi.
fn multiply_by_line(f: &mut Fq12, c3: Fq2, c4: Fq2) {
    let (n, m) = (&Coefficient::new(c3), &Coefficient::new(c4));
    let (xn, xm) = (&Coefficient::times_xi(c3), &Coefficient::times_xi(c4));
    let (a, b) = (f.c0, f.c1);
    f.c0.c0 += sum_of_two((&b.c1, xm), (&b.c2, xn));
    f.c0.c1 += sum_of_two((&b.c0, n), (&b.c2, xm));
    f.c0.c2 += sum_of_two((&b.c0, m), (&b.c1, n));
    f.c1.c0 += sum_of_two((&a.c0, n), (&a.c2, xm));
    f.c1.c1 += sum_of_two((&a.c0, m), (&a.c1, n));
    f.c1.c2 += sum_of_two((&a.c1, m), (&a.c2, n));
}

/// f * (c0 + c3 w^3 + c4 w^4).
fn multiply_by_034(f: &mut Fq12, c0: Fq2, c3: Fq2, c4: Fq2) {
    let (l, n, m) = (
        &Coefficient::new(c0),
        &Coefficient::new(c3),
        &Coefficient::new(c4),
    );
    let (xn, xm) = (&Coefficient::times_xi(c3), &Coefficient::times_xi(c4));
    let (a, b) = (f.c0, f.c1);
    f.c0.c0 = sum_of_three((&a.c0, l), (&b.c1, xm), (&b.c2, xn));
    f.c0.c1 = sum_of_three((&a.c1, l), (&b.c0, n), (&b.c2, xm));
    f.c0.c2 = sum_of_three((&a.c2, l), (&b.c0, m), (&b.c1, n));
    f.c1.c0 = sum_of_three((&b.c0, l), (&a.c0, n), (&a.c2, xm));
    f.c1.c1 = sum_of_three((&b.c1, l), (&a.c0, m), (&a.c1, n));
    f.c1.c2 = sum_of_three((&b.c2, l), (&a.c1, m), (&a.c2, n));
}

/// The product of the Miller loops of pairs and of pairs whose lines are known; pairs with infinity count as one.
pub fn loops(
    moving: &[(G1Affine, G2Affine)],
    fixed: &[(G1Affine, &Lines)],
) -> MillerLoopOutput<Bn254> {
    let moving: Vec<(G1Affine, G2Prepared<Config>)> = moving
        .iter()
        .filter(|(one, two)| !one.is_zero() && !two.is_zero())
        .map(|(one, two)| (*one, (*two).into()))
        .collect();
    let fixed: Vec<&(G1Affine, &Lines)> = fixed.iter().filter(|(one, _)| !one.is_zero()).collect();
    // y is not zero: the order of the curve is odd.
    let mut inverses: Vec<Fq> = fixed.iter().map(|(one, _)| one.y).collect();
    batch_inversion(&mut inverses);
    let fixed: Vec<(Fq, Fq, &[Line])> = fixed
        .iter()
        .zip(inverses)
        .map(|((one, lines), by)| (one.x * by, by, &lines.0[..]))
        .collect();
    let mut f = Fq12::ONE;
    let mut next = 0;
    let mut step = |f: &mut Fq12| {
        for (one, two) in &moving {
            let (mut c0, mut c3, c4) = two.ell_coeffs[next];
            c0.mul_assign_by_fp(&one.y);
            c3.mul_assign_by_fp(&one.x);
            multiply_by_034(f, c0, c3, c4);
        }
        for (ratio, by, lines) in &fixed {
            let (mut c3, mut c4) = lines[next];
            c3.mul_assign_by_fp(ratio);
            c4.mul_assign_by_fp(by);
            multiply_by_line(f, c3, c4);
        }
        next += 1;
    };
    for (i, digit) in Config::ATE_LOOP_COUNT.iter().rev().skip(1).enumerate() {
        if i > 0 {
            f = square(&f);
        }
        step(&mut f);
        if *digit != 0 {
            step(&mut f);
        }
    }
    // The two lines of the optimal ate pairing after the loop; X is positive.
    step(&mut f);
    step(&mut f);
    MillerLoopOutput(f)
}

/// f^((p^12 - 1) / r), times a constant prime to r: Fuentes-Castaneda and others, "Faster hashing to G2", as the library.
pub fn finish(loops: MillerLoopOutput<Bn254>) -> Option<PairingOutput<Bn254>> {
    let f = loops.0;
    let mut r = product(&conjugate(f), &f.inverse()?);
    r = product(&frobenius(r, 2), &r);
    let y0 = power_of_minus_x(&r);
    let y1 = cyclotomic_square(&y0);
    let y3 = product(&cyclotomic_square(&y1), &y1);
    let y4 = power_of_minus_x(&y3);
    let y6 = conjugate(power_of_minus_x(&cyclotomic_square(&y4)));
    let y8 = product(&product(&y6, &y4), &conjugate(y3));
    let y9 = product(&y8, &y1);
    let y13 = product(&frobenius(y9, 1), &product(&product(&y8, &y4), &r));
    let y14 = product(&frobenius(y8, 2), &y13);
    let y15 = frobenius(product(&conjugate(r), &y9), 3);
    Some(PairingOutput(product(&y15, &y14)))
}

fn conjugate(mut f: Fq12) -> Fq12 {
    f.conjugate_in_place();
    f
}

fn frobenius(mut f: Fq12, power: usize) -> Fq12 {
    f.frobenius_map_in_place(power);
    f
}

/// f^-x in the cyclotomic subgroup, where the conjugate is the inverse: odd signed digits up to 7.
fn power_of_minus_x(f: &Fq12) -> Fq12 {
    let square = cyclotomic_square(f);
    let mut odd = [*f; 4];
    for i in 1..odd.len() {
        odd[i] = product(&odd[i - 1], &square);
    }
    let mut result: Option<Fq12> = None;
    for digit in DIGITS.iter().rev() {
        if let Some(result) = &mut result {
            *result = cyclotomic_square(result);
        }
        if *digit != 0 {
            let power = odd[usize::from(digit.unsigned_abs()) / 2];
            let power = if *digit < 0 { conjugate(power) } else { power };
            result = Some(result.map_or(power, |result| product(&result, &power)));
        }
    }
    conjugate(result.expect("x is not zero"))
}

/// x of BN254 in signed digits, the lowest first: zero or odd, at most 7.
const DIGITS: [i8; 64] = digits(4_965_661_367_192_848_881);

const fn digits(mut number: u64) -> [i8; 64] {
    let mut digits = [0; 64];
    let mut i = 0;
    while number > 0 {
        if number & 1 == 1 {
            let low = (number & 15) as i8;
            if low < 8 {
                digits[i] = low;
                number -= low as u64;
            } else {
                digits[i] = low - 16;
                number += (16 - low) as u64;
            }
        }
        number >>= 1;
        i += 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{G1Projective, G2Projective};
    use ark_ec::pairing::Pairing;
    use ark_ec::{CurveGroup, PrimeGroup};

    fn points(count: u64) -> Vec<(G1Affine, G2Affine)> {
        let one = |i| {
            (G1Projective::generator() * ark_bn254::Fr::from(0x1234_5678_9abcu64 + 77 * i))
                .into_affine()
        };
        let two = |i| {
            (G2Projective::generator() * ark_bn254::Fr::from(0xfeed_0000_0001u64 + 13 * i))
                .into_affine()
        };
        (0..count).map(|i| (one(i), two(i))).collect()
    }

    #[test]
    fn the_digits_are_x() {
        let sum = DIGITS
            .iter()
            .rev()
            .fold(0i128, |sum, digit| 2 * sum + i128::from(*digit));
        assert_eq!([u64::try_from(sum).unwrap()], Config::X);
        const { assert!(!Config::X_IS_NEGATIVE) };
    }

    #[test]
    fn the_final_exponentiation_is_the_librarys() {
        for (one, two) in points(3) {
            let loops = Bn254::miller_loop(one, two);
            assert_eq!(finish(loops), Bn254::final_exponentiation(loops));
        }
        assert_eq!(finish(MillerLoopOutput(Fq12::from(0u64))), None);
    }

    #[test]
    fn loops_with_moving_and_fixed_lines_pair_as_the_library() {
        let pairs = points(5);
        let fixed: Vec<Lines> = pairs.iter().map(|(_, two)| Lines::new(*two)).collect();
        for split in 0..=5 {
            let known: Vec<_> = (split..5).map(|i| (pairs[i].0, &fixed[i])).collect();
            let ours = finish(loops(&pairs[..split], &known)).unwrap();
            let (left, right): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
            assert_eq!(ours, Bn254::multi_pairing(left, right));
        }
    }

    #[test]
    fn products_and_squares_are_the_librarys() {
        use ark_ff::CyclotomicMultSubgroup;
        let [a, b] = [3, 4].map(|i| Bn254::miller_loop(points(5)[i].0, points(5)[i].1).0);
        assert_eq!(product(&a, &b), a * b);
        assert_eq!(square(&a), a * a);
        let unit = Bn254::pairing(points(1)[0].0, points(1)[0].1).0;
        assert_eq!(cyclotomic_square(&unit), unit.cyclotomic_square());
        assert_eq!(conjugate(power_of_minus_x(&unit)), unit.pow(Config::X));
    }

    #[test]
    fn infinity_counts_as_one() {
        let [(one, two)] = points(1)[..] else {
            unreachable!()
        };
        let lines = Lines::new(two);
        let ours = loops(
            &[(one, two), (G1Affine::zero(), two), (one, G2Affine::zero())],
            &[(G1Affine::zero(), &lines)],
        );
        assert_eq!(finish(ours).unwrap(), Bn254::pairing(one, two));
    }
}
