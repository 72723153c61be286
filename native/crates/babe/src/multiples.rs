//! Powers and multiples of two fixed elements by a secret scalar: tables of odd multiples, a digit a window.
//!
//! Which entry of a table is used shows neither in addresses nor in branches: every entry is read, and no digit is zero.
//! What the field library itself does (a last subtraction that depends on values) is not hidden.

use ark_bn254::{Fq, Fq2, Fq6, Fq12, Fr, G2Affine, G2Projective};
use ark_ec::CurveGroup;
use ark_ff::{BigInt, CyclotomicMultSubgroup, Field, PrimeField};
use zeroize::{Zeroize, Zeroizing};

/// Bits of a window.
const WIDTH: usize = 5;
/// Windows of an odd number below 2^255.
const WINDOWS: usize = 51;
/// Odd multiples up to 2^WIDTH.
const ENTRIES: usize = 1 << (WIDTH - 1);

/// A digit is odd, between -2^WIDTH and 2^WIDTH: 2 * place + 1, or minus that.
struct Digit {
    place: usize,
    /// All ones for minus, else zero.
    minus: u64,
}

/// The scalar r in odd digits, the lowest first. With k = r or r + n, whichever is odd, and u the digits in base 2^WIDTH of
/// (k - 1) / 2 + 2^(WIDTH * WINDOWS - 1), the signed digits are 2 u + 1 - 2^WIDTH.
fn digits(scalar: &Fr) -> impl Iterator<Item = Digit> {
    let words = Zeroizing::new(scalar.into_bigint().0);
    let even = 0u64.wrapping_sub(1 ^ (words[0] & 1));
    let mut sum = Zeroizing::new([0u64; 4]);
    let mut carry = 0u128;
    for i in 0..4 {
        let total = u128::from(words[i]) + u128::from(Fr::MODULUS.0[i] & even) + carry;
        sum[i] = total as u64;
        carry = total >> 64;
    }
    // halved; the sum is below 2^255, and the bit that is set stands above it
    let mut half = Zeroizing::new([0u64; 4]);
    for i in 0..4 {
        half[i] = sum[i] >> 1 | sum.get(i + 1).copied().unwrap_or(0) << 63;
    }
    const TOP: usize = WIDTH * WINDOWS - 1;
    half[TOP / 64] += 1 << (TOP % 64);
    (0..WINDOWS).map(move |window| {
        let (word, shift) = (window * WIDTH / 64, window * WIDTH % 64);
        let mut bits = half[word] >> shift;
        if shift + WIDTH > 64 && word < 3 {
            bits |= half[word + 1] << (64 - shift);
        }
        let minus = (bits >> (WIDTH - 1) & 1) ^ 1;
        let minus = 0u64.wrapping_sub(minus);
        Digit {
            place: ((bits ^ minus) as usize) & (ENTRIES - 1),
            minus,
        }
    })
}

/// ENTRIES odd multiples a window, each of N words.
struct Table<const N: usize>(Vec<[[u64; N]; ENTRIES]>);

impl<const N: usize> Table<N> {
    /// One entry, all of the window read.
    fn select(&self, window: usize, place: usize) -> [u64; N] {
        let mut chosen = [0; N];
        for (i, entry) in self.0[window].iter().enumerate() {
            let mask = 0u64.wrapping_sub(u64::from(i == place));
            // without it the compiler may branch on the mask
            let mask = std::hint::black_box(mask);
            for (chosen, word) in chosen.iter_mut().zip(entry) {
                *chosen |= word & mask;
            }
        }
        chosen
    }
}

/// Coordinates as the library holds them.
fn words<const N: usize>(coordinates: &[Fq]) -> [u64; N] {
    let mut out = [0; N];
    for (word, from) in out.iter_mut().zip(coordinates.iter().flat_map(|fq| fq.0.0)) {
        *word = from;
    }
    out
}

fn coordinate(words: &[u64], index: usize) -> Fq {
    let mut limbs = [0; 4];
    limbs.copy_from_slice(&words[4 * index..4 * index + 4]);
    Fq::new_unchecked(BigInt(limbs))
}

/// The coordinate, or minus it where the mask is all ones.
fn signed(value: Fq, minus: u64) -> Fq {
    let minus = std::hint::black_box(minus);
    let negative = (-value).0.0;
    let mut limbs = value.0.0;
    for (limb, other) in limbs.iter_mut().zip(negative) {
        *limb ^= (*limb ^ other) & minus;
    }
    Fq::new_unchecked(BigInt(limbs))
}

/// The twelve coefficients of an element of the target field over Fq2 = Fq(i), Fq6 = Fq2(v), Fq12 = Fq6(w): those of 1, v,
/// v^2, w, v w, v^2 w, of each the real part first.
pub(crate) fn coefficients(element: &Fq12) -> [Fq; 12] {
    let [low, high] = [element.c0, element.c1];
    let [a, b, c, d, e, f] = [low.c0, low.c1, low.c2, high.c0, high.c1, high.c2];
    [
        a.c0, a.c1, b.c0, b.c1, c.c0, c.c1, d.c0, d.c1, e.c0, e.c1, f.c0, f.c1,
    ]
}

/// Powers of an element of order r of the target field.
pub(crate) struct Powers(Table<48>);

impl Powers {
    pub(crate) fn new(of: Fq12) -> Self {
        let mut base = of;
        let windows = (0..WINDOWS).map(|_| {
            let square = base.cyclotomic_square();
            let mut odd = [base; ENTRIES];
            for i in 1..ENTRIES {
                odd[i] = odd[i - 1] * square;
            }
            for _ in 0..WIDTH {
                base.cyclotomic_square_in_place();
            }
            odd.map(|power| words(&coefficients(&power)))
        });
        Self(Table(windows.collect()))
    }

    pub(crate) fn power(&self, exponent: &Fr) -> Zeroizing<Fq12> {
        let mut product = Zeroizing::new(Fq12::ONE);
        for (window, digit) in digits(exponent).enumerate() {
            let chosen = Zeroizing::new(self.0.select(window, digit.place));
            let at = |index| coordinate(&*chosen, index);
            let two = |index: usize| Fq2::new(at(2 * index), at(2 * index + 1));
            // in the cyclotomic subgroup the conjugate is the inverse
            let minus = |index| signed(at(index), digit.minus);
            let conjugate = |index: usize| Fq2::new(minus(2 * index), minus(2 * index + 1));
            let low = Fq6::new(two(0), two(1), two(2));
            let high = Fq6::new(conjugate(3), conjugate(4), conjugate(5));
            *product *= Fq12::new(low, high);
        }
        product
    }
}

/// Multiples of a point of G2 of order r.
pub(crate) struct Multiples(Table<16>);

impl Multiples {
    pub(crate) fn new(of: G2Affine) -> Self {
        let mut base = G2Projective::from(of);
        let mut all = Vec::with_capacity(WINDOWS * ENTRIES);
        for _ in 0..WINDOWS {
            let twice = base + base;
            let mut odd = base;
            for _ in 0..ENTRIES {
                all.push(odd);
                odd += twice;
            }
            for _ in 0..WIDTH {
                base += base;
            }
        }
        let all = G2Projective::normalize_batch(&all);
        let entry = |point: &G2Affine| words(&[point.x.c0, point.x.c1, point.y.c0, point.y.c1]);
        let windows = all.chunks_exact(ENTRIES);
        Self(Table(
            windows
                .map(|window| std::array::from_fn(|i| entry(&window[i])))
                .collect(),
        ))
    }

    pub(crate) fn multiple(&self, scalar: &Fr) -> G2Affine {
        let mut sum = G2Projective::default();
        for (window, digit) in digits(scalar).enumerate() {
            let chosen = Zeroizing::new(self.0.select(window, digit.place));
            let at = |index| coordinate(&*chosen, index);
            let minus = |index| signed(at(index), digit.minus);
            let x = Fq2::new(at(0), at(1));
            sum += G2Affine::new_unchecked(x, Fq2::new(minus(2), minus(3)));
        }
        let point = affine(&sum);
        sum.zeroize();
        point
    }
}

/// By Fermat: the library's inversion takes a time that tells about z, and z tells about the scalar.
fn affine(point: &G2Projective) -> G2Affine {
    let z = point.z;
    let mut exponent = Fq::MODULUS;
    exponent.0[0] -= 2;
    let norm = (z.c0.square() + z.c1.square()).pow(exponent);
    let inverse = Fq2::new(z.c0 * norm, -z.c1 * norm);
    let square = inverse.square();
    G2Affine::new_unchecked(point.x * square, point.y * square * inverse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Bn254, G1Affine};
    use ark_ec::AffineRepr;
    use ark_ec::pairing::Pairing;

    fn scalars() -> Vec<Fr> {
        let mut scalars: Vec<Fr> = [1u64, 2, 3, 15, 16, 31, 32, 33, u64::MAX]
            .into_iter()
            .flat_map(|n| [Fr::from(n), -Fr::from(n)])
            .collect();
        scalars.extend((5..40u64).map(|n| Fr::from(n).inverse().unwrap()));
        scalars
    }

    #[test]
    fn digits_are_odd_and_sum_to_the_scalar() {
        for scalar in scalars() {
            let all: Vec<Digit> = digits(&scalar).collect();
            assert_eq!(all.len(), WINDOWS);
            let sum = all.iter().rev().fold(Fr::from(0u64), |sum, digit| {
                let value = Fr::from(2 * digit.place as u64 + 1);
                assert!(digit.place < ENTRIES);
                sum * Fr::from(1u64 << WIDTH) + if digit.minus == 0 { value } else { -value }
            });
            assert_eq!(sum, scalar);
        }
    }

    #[test]
    fn powers_and_multiples_are_the_librarys() {
        let point = (G2Affine::generator() * Fr::from(987_654_321u64)).into_affine();
        let base = Bn254::pairing(G1Affine::generator(), point);
        let (powers, multiples) = (Powers::new(base.0), Multiples::new(point));
        for scalar in scalars() {
            assert_eq!(*powers.power(&scalar), (base * scalar).0);
            let multiple = multiples.multiple(&scalar);
            assert_eq!(multiple, (point * scalar).into_affine());
            assert!(multiple.is_on_curve());
        }
    }
}
