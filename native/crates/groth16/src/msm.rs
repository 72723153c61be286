//! Sums of scalar times point by Pippenger's method, over points that stay in a mapped file.
//!
//! Each scalar is cut into signed digits (a scalar above r/2 becomes its negative first, so that small numbers of either
//! sign have few digits); a window is one task: its points are sorted by digit, and each bucket is summed as a tree of
//! affine additions that share inversions. Runs in a time that depends on the scalars, as every prover here does.

use ark_bn254::Fr;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{AdditiveGroup, PrimeField};
use rayon::prelude::*;

use crate::affine::Additions;
use crate::fault::Result;
use crate::points::{Group, Points};

/// Bits of r/2, the largest scalar once signs are taken off.
const BITS: usize = 253;

/// A scalar's absolute value, and whether it is negative.
#[derive(Clone, Copy)]
pub struct Signed([u64; 4], bool);

impl Signed {
    /// The smaller of the scalar and its negative.
    pub fn new(scalar: Fr) -> Self {
        let (plus, minus) = (scalar.into_bigint(), (-scalar).into_bigint());
        if plus <= minus {
            Self(plus.0, false)
        } else {
            Self(minus.0, true)
        }
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 4]
    }

    /// Whether it is negative.
    pub fn is_negative(&self) -> bool {
        self.1
    }
}

/// The scalars of a sum, on every core.
pub fn signed(scalars: &[Fr]) -> Vec<Signed> {
    scalars
        .par_iter()
        .map(|scalar| Signed::new(*scalar))
        .collect()
}

/// How scalars are cut: digits from -2^(bits-1) to 2^(bits-1), the last one not negative.
#[derive(Clone, Copy)]
pub struct Cut {
    bits: usize,
    windows: usize,
    /// Half a digit at every window but the last: added to a scalar, it makes digits that need no carry.
    offset: [u64; 4],
}

impl Cut {
    /// Digits of so many bits.
    pub fn new(bits: usize) -> Self {
        // The last digit is at most 2^(254 - bits * (windows - 1)), which has to fit a bucket.
        let windows = (BITS + 2).div_ceil(bits);
        let mut offset = [0u64; 4];
        for window in 0..windows - 1 {
            let bit = bits * window + bits - 1;
            offset[bit / 64] |= 1 << (bit % 64);
        }
        Self {
            bits,
            windows,
            offset,
        }
    }

    /// The cut with the least multiplications: 6 a point and window, 13 a bucket.
    fn best(points: usize) -> Self {
        let cost = |bits: &usize| (BITS + 2).div_ceil(*bits) * (6 * points + (13 << (bits - 1)));
        Self::new((3..=16).min_by_key(cost).expect("a range"))
    }

    /// How many digits.
    pub fn windows(&self) -> usize {
        self.windows
    }

    /// The largest absolute value of a digit.
    pub fn buckets(&self) -> usize {
        1 << (self.bits - 1)
    }

    /// The absolute value plus the offset.
    pub fn shifted(&self, scalar: &Signed) -> [u64; 4] {
        plus(&scalar.0, &self.offset)
    }

    /// A digit of what `shifted` made.
    #[inline]
    pub fn digit(&self, shifted: &[u64; 4], window: usize) -> i32 {
        let bit = self.bits * window;
        let (word, shift) = (bit / 64, bit % 64);
        let mut digit = shifted[word] >> shift;
        if shift + self.bits > 64 && word < 3 {
            digit |= shifted[word + 1] << (64 - shift);
        }
        if window + 1 == self.windows {
            return digit as i32;
        }
        (digit & ((1 << self.bits) - 1)) as i32 - (1 << (self.bits - 1))
    }
}

fn plus(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let mut carry = false;
    std::array::from_fn(|i| {
        let (sum, first) = a[i].overflowing_add(b[i]);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        carry = first | second;
        sum
    })
}

/// One sum in preparation: which points count, and their scalars.
pub struct Sum<'a, P> {
    points: &'a Points<'a, P>,
    /// Index of the point, and the scalar plus the offset.
    terms: Vec<(u32, bool, [u64; 4])>,
    cut: Cut,
}

impl<'a, P: Group> Sum<'a, P> {
    /// The sum of scalars[i] times points[i]; there are as many of both. A used coordinate not below q is refused.
    pub fn new(points: &'a Points<'a, P>, scalars: &[Signed]) -> Result<Self> {
        assert_eq!(points.len(), scalars.len());
        let pieces = (0..points.len()).into_par_iter().step_by(PIECE);
        let used: Vec<Vec<u32>> = pieces
            .map(|start| {
                let end = (start + PIECE).min(points.len());
                points.usable(start..end, |i| !scalars[i].is_zero())
            })
            .collect::<Result<_>>()?;
        let used = used.concat();
        let cut = Cut::best(used.len());
        let terms = used.into_par_iter().map(|i| {
            let scalar = &scalars[i as usize];
            (i, scalar.1, cut.shifted(scalar))
        });
        Ok(Self {
            points,
            terms: terms.collect(),
            cut,
        })
    }

    /// How many tasks it takes.
    pub fn windows(&self) -> usize {
        self.cut.windows
    }

    /// How many additions a window takes at most.
    pub fn terms(&self) -> usize {
        self.terms.len()
    }

    /// The sum of digit times point of one window.
    pub fn window(&self, window: usize) -> Projective<P> {
        let mut counts = vec![0u32; self.cut.buckets()];
        let digit = |shifted: &[u64; 4]| self.cut.digit(shifted, window);
        for (_, _, shifted) in &self.terms {
            let digit = digit(shifted);
            if digit != 0 {
                counts[digit.unsigned_abs() as usize - 1] += 1;
            }
        }
        // Sorted by bucket: the index, and its lowest bit the sign.
        let mut next = vec![0u32; counts.len()];
        let mut total = 0;
        for (next, count) in next.iter_mut().zip(&counts) {
            *next = total;
            total += count;
        }
        let mut sorted = vec![0u32; total as usize];
        for (i, negative, shifted) in &self.terms {
            let digit = digit(shifted);
            if digit != 0 {
                let place = &mut next[digit.unsigned_abs() as usize - 1];
                sorted[*place as usize] = i << 1 | u32::from(*negative ^ (digit < 0));
                *place += 1;
            }
        }
        drop(next);
        let buckets = sum_buckets(&mut counts, &sorted, |entry| {
            let point = self.points.get((entry >> 1) as usize);
            if entry & 1 == 1 { -point } else { point }
        });
        weigh(&counts, &buckets)
    }

    /// The whole sum out of its windows.
    pub fn combine(&self, windows: &[Projective<P>]) -> Projective<P> {
        windows
            .iter()
            .rev()
            .fold(Projective::ZERO, |mut sum, window| {
                for _ in 0..self.cut.bits {
                    sum.double_in_place();
                }
                sum + window
            })
    }
}

/// Points that one core looks at before another takes over.
const PIECE: usize = 1 << 14;

/// One point for each bucket that has any, in order; `counts` says afterwards which have (0 or 1).
fn sum_buckets<P: Group>(
    counts: &mut [u32],
    entries: &[u32],
    point: impl Fn(u32) -> Affine<P>,
) -> Vec<Affine<P>> {
    let mut additions = Additions::default();
    let mut sums = Vec::with_capacity(entries.len() / 2 + counts.len());
    // First out of the file, then pairs of sums until each bucket has one.
    let mut read = 0;
    for count in counts.iter_mut() {
        let bucket = &entries[read..read + *count as usize];
        read += bucket.len();
        for pair in bucket.chunks(2) {
            sums.push(point(pair[0]));
            if let Some(second) = pair.get(1) {
                let target = sums.len() - 1;
                additions.add(&mut sums, target, point(*second));
            }
        }
        *count = count.div_ceil(2);
    }
    additions.flush(&mut sums);
    while counts.iter().any(|count| *count > 1) {
        let (mut read, mut write) = (0, 0);
        for count in counts.iter_mut() {
            for first in (0..*count as usize).step_by(2) {
                // Written places lie before all that are still to be read.
                sums[write] = sums[read + first];
                if first + 1 < *count as usize {
                    let second = sums[read + first + 1];
                    additions.add(&mut sums, write, second);
                }
                write += 1;
            }
            read += *count as usize;
            *count = count.div_ceil(2);
        }
        additions.flush(&mut sums);
        sums.truncate(write);
    }
    sums
}

/// Lanes in which buckets are weighed side by side, so that their additions share inversions.
const LANES: usize = 256;

/// The sum of (i + 1) times bucket i.
fn weigh<P: Group>(counts: &[u32], buckets: &[Affine<P>]) -> Projective<P> {
    if counts.len() < 4 * LANES {
        let mut rest = buckets.iter().rev();
        let (mut running, mut total) = (Projective::ZERO, Projective::ZERO);
        for count in counts.iter().rev() {
            if *count > 0 {
                running += rest.next().expect("one a full bucket");
            }
            total += running;
        }
        return total;
    }
    // Lane j has the buckets j * length and up. Each lane: plain sum, and sum of (1, 2, ...) times bucket.
    let length = counts.len() / LANES;
    let mut ends = Vec::with_capacity(LANES);
    let mut end = 0;
    for lane in counts.chunks_exact(length) {
        end += lane.iter().sum::<u32>() as usize;
        ends.push(end);
    }
    let mut running = vec![Affine::<P>::identity(); LANES];
    let mut totals = running.clone();
    let mut additions = Additions::default();
    for step in (0..length).rev() {
        for lane in 0..LANES {
            if counts[lane * length + step] > 0 {
                ends[lane] -= 1;
                additions.add(&mut running, lane, buckets[ends[lane]]);
            }
        }
        additions.flush(&mut running);
        for (lane, running) in running.iter().enumerate() {
            additions.add(&mut totals, lane, *running);
        }
        additions.flush(&mut totals);
    }
    // sum of totals + length * sum of lane * running sum
    let (mut suffix, mut lanes) = (Projective::<P>::ZERO, Projective::<P>::ZERO);
    for running in running[1..].iter().rev() {
        suffix += running;
        lanes += suffix;
    }
    for _ in 0..length.trailing_zeros() {
        lanes.double_in_place();
    }
    totals.iter().fold(lanes, |sum, total| sum + total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::write_point;
    use ark_bn254::{g1, g2};
    use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};

    fn run<P: Group>(sum: &Sum<'_, P>) -> Projective<P> {
        let windows: Vec<_> = (0..sum.windows()).map(|i| sum.window(i)).collect();
        sum.combine(&windows)
    }

    fn section<P: Group>(points: &[Affine<P>]) -> Vec<u8> {
        let mut raw = Vec::new();
        for point in points {
            write_point(point, &mut raw);
        }
        raw
    }

    fn sums_as_the_library<P: Group>(count: usize) {
        let g = Affine::<P>::generator().into_group();
        let mut points = Vec::new();
        let mut point = g;
        for i in 0..count {
            // Doubles, opposites and infinity among them.
            points.push(match i % 7 {
                3 => Affine::identity(),
                4 => points[i - 4],
                5 => -points[i - 5],
                _ => point.into_affine(),
            });
            point += g;
        }
        let seed = Fr::from(0xdead_beef_1234_5678u64);
        let mut last = seed;
        let scalars: Vec<Fr> = (0..count)
            .map(|i| {
                last = last * last + seed;
                match i % 5 {
                    0 => Fr::from(i as u64 % 2),
                    1 => -Fr::from(i as u64 % 300),
                    _ => last,
                }
            })
            .collect();
        let raw = section(&points);
        let points_in_file = Points::<P>::new("points", &raw);
        let expected = Projective::<P>::msm_unchecked(&points, &scalars);
        let signed = signed(&scalars);
        let mut sum = Sum::new(&points_in_file, &signed).unwrap();
        assert_eq!(run(&sum), expected);
        for bits in [2, 5, 11, 15, 16] {
            let (old, new) = (sum.cut, Cut::new(bits));
            for (i, _, shifted) in &mut sum.terms {
                *shifted = plus(&signed[*i as usize].0, &new.offset);
            }
            sum.cut = new;
            assert_eq!(run(&sum), expected, "{bits} after {}", old.bits);
        }
    }

    #[test]
    fn sums_as_the_library_does() {
        sums_as_the_library::<g1::Config>(1500);
        sums_as_the_library::<g2::Config>(200);
    }

    #[test]
    fn the_largest_scalars_fit_their_windows() {
        let half = Fr::from_bigint(ark_ff::BigInt(Signed::new(-Fr::from(1u64)).0)).unwrap();
        assert_eq!(half, Fr::from(1u64));
        let middle = (-Fr::from(1u64)) * Fr::from(2u64).inverse_of();
        let points = vec![g1::G1Affine::generator(); 2];
        let raw = section(&points);
        let points_in_file = Points::<g1::Config>::new("points", &raw);
        for bits in 2..=16 {
            for scalars in [[middle, middle - half], [middle + half, Fr::from(0u64)]] {
                let signed = signed(&scalars);
                let mut sum = Sum::new(&points_in_file, &signed).unwrap();
                sum.cut = Cut::new(bits);
                for (i, _, shifted) in &mut sum.terms {
                    *shifted = plus(&signed[*i as usize].0, &sum.cut.offset);
                }
                let expected = ark_bn254::G1Projective::msm_unchecked(&points, &scalars);
                assert_eq!(run(&sum), expected, "{bits}");
            }
        }
    }

    trait Inverse {
        fn inverse_of(self) -> Self;
    }
    impl Inverse for Fr {
        fn inverse_of(self) -> Self {
            ark_ff::Field::inverse(&self).unwrap()
        }
    }

    #[test]
    fn a_coordinate_above_the_modulus_is_named() {
        let mut raw = section(&[g1::G1Affine::generator(); 3]);
        raw[64..96].fill(0xff);
        let points = Points::<g1::Config>::new("A", &raw);
        let signed = signed(&[Fr::from(1u64), Fr::from(1u64), Fr::from(1u64)]);
        assert_eq!(Sum::new(&points, &signed).err().unwrap().field, "A[1]");
        let unused = signed_without(&signed, 1);
        assert!(Sum::new(&points, &unused).is_ok());
    }

    fn signed_without(signed: &[Signed], i: usize) -> Vec<Signed> {
        let mut out = signed.to_vec();
        out[i] = Signed::new(Fr::from(0u64));
        out
    }
}
