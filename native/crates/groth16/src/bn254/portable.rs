//! Pairings of BN254 on any processor, over the library's field: sums of products with few reductions.

use ark_bn254::{
    Bn254, Config, Fq, Fq2, Fq6, Fq6Config, Fq12, G1Affine, G1Projective, G2Affine, g1,
};
use ark_ec::bn::{BnConfig, G2Prepared};
use ark_ec::pairing::{MillerLoopOutput, PairingOutput};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::{AdditiveGroup, Field, Fp6Config, batch_inversion};

use super::{DIGITS, Line};

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

/// f * (1 + c3 w + c4 w^3), w^2 = v, v^3 = xi.
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

/// f * (c0 + c3 w + c4 w^3).
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

/// The product of the Miller loops of pairs and of pairs whose lines are known; none has infinity in it.
pub fn loops(
    moving: &[(G1Affine, G2Affine)],
    fixed: &[(G1Affine, &[Line])],
) -> MillerLoopOutput<Bn254> {
    let moving: Vec<(G1Affine, G2Prepared<Config>)> = moving
        .iter()
        .map(|(one, two)| (*one, (*two).into()))
        .collect();
    // y is not zero: the order of the curve is odd.
    let mut inverses: Vec<Fq> = fixed.iter().map(|(one, _)| one.y).collect();
    batch_inversion(&mut inverses);
    let fixed: Vec<(Fq, Fq, &[Line])> = fixed
        .iter()
        .zip(inverses)
        .map(|((one, lines), by)| (one.x * by, by, *lines))
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

/// A point times 2^64 and the digits of three planes; see [`super::coefficient`].
pub fn scale(point: &G1Affine, planes: [u64; 3]) -> G1Projective {
    let mut images = [*point; 3];
    for i in 1..3 {
        images[i] = g1::Config::endomorphism_affine(&images[i - 1]);
    }
    let mut sum = G1Projective::from(*point);
    for bit in (0..64).rev() {
        sum.double_in_place();
        if let Some(digit) = planes.iter().position(|plane| plane >> bit & 1 == 1) {
            sum += images[digit];
        }
    }
    sum
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

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{CyclotomicMultSubgroup, UniformRand};
    use ark_std::test_rng;

    #[test]
    fn products_and_squares_are_the_librarys() {
        let mut random = test_rng();
        for _ in 0..16 {
            let [a, b] = [(); 2].map(|()| Fq12::rand(&mut random));
            assert_eq!(product(&a, &b), a * b);
            assert_eq!(square(&a), a * a);
            let unit = conjugate(a) * a.inverse().unwrap();
            let unit = frobenius(unit, 2) * unit;
            assert_eq!(cyclotomic_square(&unit), unit.cyclotomic_square());
            assert_eq!(conjugate(power_of_minus_x(&unit)), unit.pow(Config::X));
        }
    }
}
