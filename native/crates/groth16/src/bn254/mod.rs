//! BN254 faster than the library does it: lines of a fixed point with one coefficient divided away, few reductions, a
//! windowed power in the final exponentiation, and eight lanes where the processor has them. The results equal the
//! library's; the tests compare them.

#[cfg(target_arch = "x86_64")]
pub mod avx512;
mod portable;
pub mod roots;

use ark_bn254::{Bn254, Config, Fq2, Fr, G1Affine, G1Projective, G2Affine, G2Projective, g1};
use ark_ec::AffineRepr;
use ark_ec::bn::{BnConfig, G2Prepared};
use ark_ec::pairing::{MillerLoopOutput, PairingOutput};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField, batch_inversion};

/// The coefficients of w and w^3 of a line; that of 1 is one.
type Line = (Fq2, Fq2);

/// The lines of a fixed point of G2, each divided by its first coefficient: constants of Fp2 do not survive the final
/// exponentiation. That coefficient is zero for a vertical line only, and there is none among the multiples of a point
/// of order r that the loop meets.
pub struct Lines {
    divided: Vec<Line>,
    #[cfg(target_arch = "x86_64")]
    wide: Option<avx512::Lines>,
}

impl Lines {
    /// The lines of a point of order r.
    pub fn new(point: G2Affine) -> Self {
        let coefficients = G2Prepared::<Config>::from(point).ell_coeffs;
        let mut inverses: Vec<Fq2> = coefficients.iter().map(|line| line.0).collect();
        batch_inversion(&mut inverses);
        let divided: Vec<Line> = coefficients
            .iter()
            .zip(inverses)
            .map(|(line, by)| (line.1 * by, line.2 * by))
            .collect();
        Self {
            #[cfg(target_arch = "x86_64")]
            wide: avx512::Here::detect().map(|here| here.lines(&divided)),
            divided,
        }
    }
}

/// The product of the Miller loops of pairs and of pairs whose lines are known; pairs with infinity count as one.
pub fn loops(
    moving: &[(G1Affine, G2Affine)],
    fixed: &[(G1Affine, &Lines)],
) -> MillerLoopOutput<Bn254> {
    let finite = |(one, two): &&(G1Affine, G2Affine)| !one.is_zero() && !two.is_zero();
    let moving: Vec<_> = moving.iter().filter(finite).copied().collect();
    let fixed: Vec<_> = fixed.iter().filter(|(one, _)| !one.is_zero()).collect();
    #[cfg(target_arch = "x86_64")]
    if let Some(here) = avx512::Here::detect() {
        let wide = fixed
            .iter()
            .map(|(one, lines)| Some((*one, lines.wide.as_ref()?)));
        if let Some(wide) = wide.collect::<Option<Vec<_>>>() {
            return here.loops(&moving, &wide);
        }
    }
    let divided: Vec<_> = fixed
        .iter()
        .map(|(one, lines)| (*one, &lines.divided[..]))
        .collect();
    portable::loops(&moving, &divided)
}

/// f^((p^12 - 1) / r), times a constant prime to r: Fuentes-Castaneda and others, "Faster hashing to G2", as the library.
pub fn finish(loops: MillerLoopOutput<Bn254>) -> Option<PairingOutput<Bn254>> {
    #[cfg(target_arch = "x86_64")]
    if let Some(here) = avx512::Here::detect() {
        return here.finish(loops);
    }
    portable::finish(loops)
}

/// A power of an element of order r.
pub fn power(of: PairingOutput<Bn254>, exponent: Fr) -> PairingOutput<Bn254> {
    #[cfg(target_arch = "x86_64")]
    if let Some(here) = avx512::Here::detect() {
        let digits = exponent.into_bigint().find_wnaf(4).unwrap_or_default();
        let digits: Vec<i8> = digits.into_iter().map(|digit| digit as i8).collect();
        return here.power(&of, &digits);
    }
    of * exponent
}

/// Whether a point of the twisted curve is of order r: with f the p-power map, (x + 1) Q + f(x Q) + f^2(x Q) = f^3(2 x Q)
/// (Dai and others, ePrint 2022/348, section 5.1; x is the curve's parameter).
pub fn is_of_order_r(point: &G2Affine) -> bool {
    times_x(point).is_some_and(|times_x| is_of_order_r_by(point, &times_x))
}

fn is_of_order_r_by(point: &G2Affine, times_x: &G2Projective) -> bool {
    let first = p_power(times_x);
    let second = p_power(&first);
    first + second + times_x + point == p_power(&second).double()
}

/// x Q; none is an answer only where Q is not of order r.
fn times_x(point: &G2Affine) -> Option<G2Projective> {
    #[cfg(target_arch = "x86_64")]
    if let Some(here) = avx512::Here::detect().filter(|_| !point.is_zero()) {
        return here.times_x(point);
    }
    Some(point.mul_bigint(Config::X))
}

/// The p-power map of the curve, brought to the twisted curve.
fn p_power(point: &G2Projective) -> G2Projective {
    let map = |x: Fq2| x.frobenius_map(1);
    G2Projective::new_unchecked(
        map(point.x) * Config::TWIST_MUL_BY_Q_X,
        map(point.y) * Config::TWIST_MUL_BY_Q_Y,
        map(point.z),
    )
}

/// 2^64 and digits of 64 bits: 1, lambda or lambda^2, where lambda is the cube root of one that multiplies x by beta.
/// Different seeds have different coefficients: digits of 0 and the three units are different modulo 2, and the norm
/// of a difference, below 2^131, is no multiple of r.
pub fn coefficient(seed: Seed) -> Fr {
    let lambda = g1::Config::LAMBDA;
    let [one, two, both] = planes(seed).map(Fr::from);
    Fr::from(1u128 << 64) + one + lambda * (two + lambda * both)
}

/// Two random bits a digit.
pub type Seed = [u64; 2];

/// The digits that are 1, lambda and lambda^2.
fn planes(seed: Seed) -> [u64; 3] {
    [seed[0] & !seed[1], seed[1] & !seed[0], seed[0] & seed[1]]
}

/// Each point times the coefficient of its seed.
pub fn scale(points: &[G1Affine], seeds: &[Seed]) -> Vec<G1Projective> {
    #[cfg(target_arch = "x86_64")]
    if let Some(here) = avx512::Here::detect()
        && !points.iter().any(AffineRepr::is_zero)
    {
        return here.scale(points, seeds);
    }
    let one = |(point, seed): (_, &Seed)| portable::scale(point, planes(*seed));
    points.iter().zip(seeds).map(one).collect()
}

/// x of the curve in signed digits, the lowest first: zero or odd, at most 7.
const DIGITS: [i8; 64] = digits(4);

/// x of the curve in signed digits: zero or odd, below half of 2^width.
const fn digits(width: u32) -> [i8; 64] {
    let mut number = 4_965_661_367_192_848_881u64;
    let mut digits = [0; 64];
    let mut i = 0;
    while number > 0 {
        if number & 1 == 1 {
            let low = (number & ((1 << width) - 1)) as i8;
            if low < 1 << (width - 1) {
                digits[i] = low;
                number -= low as u64;
            } else {
                digits[i] = low - (1 << width);
                number += ((1 << width) - low) as u64;
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
    use ark_bn254::{Fq12, g2};
    use ark_ec::CurveConfig;
    use ark_ec::pairing::Pairing;
    use ark_ec::{CurveGroup, PrimeGroup};
    use ark_ff::UniformRand;
    use ark_std::test_rng;

    fn points(count: usize) -> Vec<(G1Affine, G2Affine)> {
        let mut random = test_rng();
        let mut pair = || {
            let (a, b) = (Fr::rand(&mut random), Fr::rand(&mut random));
            let one = G1Projective::generator() * a;
            (
                one.into_affine(),
                (G2Projective::generator() * b).into_affine(),
            )
        };
        (0..count).map(|_| pair()).collect()
    }

    /// Every way to compute that this processor has.
    type Loops = fn(&[(G1Affine, G2Affine)], &[(G1Affine, &Lines)]) -> MillerLoopOutput<Bn254>;
    type Finish = fn(MillerLoopOutput<Bn254>) -> Option<PairingOutput<Bn254>>;
    const FORMS: [(Loops, Finish); 2] = [
        (loops, finish),
        (
            |moving, fixed| {
                let fixed: Vec<_> = fixed
                    .iter()
                    .map(|(one, lines)| (*one, &lines.divided[..]))
                    .collect();
                portable::loops(moving, &fixed)
            },
            portable::finish,
        ),
    ];

    #[test]
    fn the_digits_are_x() {
        for digits in [DIGITS, digits(2)] {
            let sum = digits
                .iter()
                .rev()
                .fold(0i128, |sum, digit| 2 * sum + i128::from(*digit));
            assert_eq!([u64::try_from(sum).unwrap()], Config::X);
        }
        const { assert!(!Config::X_IS_NEGATIVE) };
    }

    #[test]
    fn the_final_exponentiation_is_the_librarys() {
        let mut random = test_rng();
        for (_, finish) in FORMS {
            for (one, two) in points(8) {
                let loops = Bn254::miller_loop(one, two);
                assert_eq!(finish(loops), Bn254::final_exponentiation(loops));
                let any = MillerLoopOutput(Fq12::rand(&mut random));
                assert_eq!(finish(any), Bn254::final_exponentiation(any));
            }
            for small in [1u64, 2, 9] {
                let small = MillerLoopOutput(Fq12::from(small));
                assert_eq!(finish(small), Bn254::final_exponentiation(small));
            }
            assert_eq!(finish(MillerLoopOutput(Fq12::from(0u64))), None);
        }
    }

    #[test]
    fn loops_with_moving_and_fixed_lines_pair_as_the_library() {
        let pairs = points(5);
        let fixed: Vec<Lines> = pairs.iter().map(|(_, two)| Lines::new(*two)).collect();
        for (loops, finish) in FORMS {
            for split in 0..=5 {
                let known: Vec<_> = (split..5).map(|i| (pairs[i].0, &fixed[i])).collect();
                let ours = finish(loops(&pairs[..split], &known)).unwrap();
                let (left, right): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
                assert_eq!(ours, Bn254::multi_pairing(left, right));
            }
        }
    }

    #[test]
    fn pairings_are_bilinear_and_not_trivial() {
        let (one, two) = (G1Projective::generator(), G2Projective::generator());
        let mut random = test_rng();
        for (loops, finish) in FORMS {
            let pair = |a: Fr, b: Fr| {
                let pair = ((one * a).into_affine(), (two * b).into_affine());
                finish(loops(&[pair], &[])).unwrap()
            };
            let base = pair(Fr::from(1u64), Fr::from(1u64));
            assert_ne!(base, PairingOutput::default());
            for _ in 0..4 {
                let (a, b) = (Fr::rand(&mut random), Fr::rand(&mut random));
                assert_eq!(pair(a, b), base * (a * b));
                assert_eq!(pair(a, b), pair(b, a));
                assert_eq!(pair(-a, b) + pair(a, b), PairingOutput::default());
                assert_ne!(pair(a, b), pair(a, b + Fr::from(1u64)));
            }
        }
    }

    #[test]
    fn powers_are_the_librarys() {
        let mut random = test_rng();
        let base = Bn254::pairing(points(1)[0].0, points(1)[0].1);
        let small = [0u64, 1, 2, 7, 8, 1 << 63].map(Fr::from);
        let exponents = small.into_iter().flat_map(|x| [x, -x]);
        for exponent in exponents.chain((0..8).map(|_| Fr::rand(&mut random))) {
            assert_eq!(power(base, exponent), base * exponent);
        }
        let one = PairingOutput::default();
        assert_eq!(power(one, -Fr::from(1u64)), one);
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
        assert_eq!(finish(loops(&[], &[])), Some(PairingOutput::default()));
    }

    /// The quotient of a number in 64-bit words, the lowest first; nothing remains.
    fn divided(number: &[u64], by: u64) -> Vec<u64> {
        let (mut words, mut rest) = (number.to_vec(), 0u128);
        for word in words.iter_mut().rev() {
            let dividend = rest << 64 | u128::from(*word);
            (*word, rest) = (
                (dividend / u128::from(by)) as u64,
                dividend % u128::from(by),
            );
        }
        assert_eq!(rest, 0);
        words
    }

    #[test]
    fn points_outside_the_subgroup_are_told() {
        let mut random = test_rng();
        for (_, two) in points(8) {
            assert!(is_of_order_r(&two) && is_of_order_r(&-two));
            let portable = two.mul_bigint(Config::X);
            assert_eq!(times_x(&two), Some(portable));
            assert!(is_of_order_r_by(&two, &portable));
        }
        assert!(is_of_order_r(&G2Affine::zero()));
        let mut others = 0;
        while others < 16 {
            let x = Fq2::rand(&mut random);
            let Some(point) = G2Affine::get_point_from_x_unchecked(x, others % 2 == 0) else {
                continue;
            };
            others += 1;
            // The cofactor is 10069 * 5864401 * ...: points of small order, alone and with a part of order r.
            let cleared = point.mul_bigint(Fr::MODULUS);
            let small = cleared.mul_bigint(divided(g2::Config::COFACTOR, 10069));
            assert_eq!(small.mul_bigint([10069]), G2Projective::ZERO);
            for wrong in [point.into(), cleared, small, small + points(1)[0].1] {
                let wrong = wrong.into_affine();
                assert_eq!(is_of_order_r(&wrong), wrong.is_zero());
                let portable = wrong.mul_bigint(Config::X);
                assert_eq!(is_of_order_r_by(&wrong, &portable), wrong.is_zero());
            }
        }
    }

    #[test]
    fn scaled_points_are_the_librarys() {
        let mut random = test_rng();
        let points: Vec<G1Affine> = points(19).iter().map(|(one, _)| *one).collect();
        let mut seeds: Vec<Seed> = points
            .iter()
            .map(|_| <[u64; 2]>::rand(&mut random))
            .collect();
        seeds[..4].copy_from_slice(&[[0, 0], [u64::MAX, 0], [0, u64::MAX], [u64::MAX; 2]]);
        let planes = seeds.iter().map(|seed| planes(*seed));
        let portable = points
            .iter()
            .zip(planes)
            .map(|(point, planes)| portable::scale(point, planes));
        for (i, (ours, portable)) in scale(&points, &seeds).iter().zip(portable).enumerate() {
            assert_eq!(*ours, points[i] * coefficient(seeds[i]));
            assert_eq!(portable, *ours);
        }
        let infinite = [points[0], G1Affine::zero()];
        assert_eq!(scale(&infinite, &seeds[..2])[1], G1Projective::ZERO);
    }
}
