//! BN254 faster than the library does it: lines of a fixed point with one coefficient divided away, few reductions, a
//! windowed power in the final exponentiation, and eight lanes where the processor has them. The results equal the
//! library's; the tests compare them.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use ark_bn254::{Bn254, Config, Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::bn::G2Prepared;
use ark_ec::pairing::{MillerLoopOutput, PairingOutput};
use ark_ff::batch_inversion;

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
    use ark_bn254::{Fq12, Fr, G1Projective, G2Projective};
    use ark_ec::bn::BnConfig;
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
        let sum = DIGITS
            .iter()
            .rev()
            .fold(0i128, |sum, digit| 2 * sum + i128::from(*digit));
        assert_eq!([u64::try_from(sum).unwrap()], Config::X);
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
}
