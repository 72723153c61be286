//! Many independent additions of affine points with one inversion together: 6 multiplications an addition instead of 11.
//!
//! The sums are exact for every input: infinity, equal points, opposite points. Curves with a = 0 only. Runs in a time
//! that depends on the values.

use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::Affine;
use ark_ff::{AdditiveGroup, Field};

use crate::points::Group;

/// Additions that share an inversion: enough to hide it, few enough for the fast cache.
pub const BLOCK: usize = 1024;

/// Additions `out[target] += point` that wait; the targets of one block are distinct.
pub struct Additions<P: Group> {
    targets: Vec<u32>,
    points: Vec<Affine<P>>,
    /// (difference of x, product of the differences before it)
    inverses: Vec<(P::BaseField, P::BaseField)>,
}

impl<P: Group> Default for Additions<P> {
    fn default() -> Self {
        Self {
            targets: Vec::with_capacity(BLOCK),
            points: Vec::with_capacity(BLOCK),
            inverses: Vec::with_capacity(BLOCK),
        }
    }
}

impl<P: Group> Additions<P> {
    /// Adds the point to the target, now or at the next flush.
    #[inline]
    pub fn add(&mut self, out: &mut [Affine<P>], target: usize, point: Affine<P>) {
        self.targets.push(target as u32);
        self.points.push(point);
        if self.targets.len() == BLOCK {
            self.flush(out);
        }
    }

    /// Makes every addition that waits.
    pub fn flush(&mut self, out: &mut [Affine<P>]) {
        self.make_special(out);
        let done = P::add_in_lanes(out, &self.targets, &self.points);
        let mut product = P::BaseField::ONE;
        self.inverses.clear();
        let rest = self.targets[done..].iter().zip(&self.points[done..]);
        for (target, right) in rest {
            let difference = right.x - out[*target as usize].x;
            self.inverses.push((difference, product));
            product *= difference;
        }
        if !self.inverses.is_empty() {
            let mut inverse = product.inverse().expect("no difference is zero");
            for i in (done..self.targets.len()).rev() {
                let (difference, before) = self.inverses[i - done];
                let (target, right) = (&mut out[self.targets[i] as usize], &self.points[i]);
                let slope = (right.y - target.y) * inverse * before;
                *target = along(slope, target, right);
                inverse *= difference;
            }
        }
        self.targets.clear();
        self.points.clear();
    }

    /// Makes the additions that are none of two points with different x.
    fn make_special(&mut self, out: &mut [Affine<P>]) {
        let mut i = 0;
        while i < self.targets.len() {
            let (left, right) = (&mut out[self.targets[i] as usize], &self.points[i]);
            if left.x != right.x && !left.is_zero() && !right.is_zero() {
                i += 1;
                continue;
            }
            *left = special(left, right);
            self.targets.swap_remove(i);
            let _ = self.points.swap_remove(i);
        }
    }
}

fn special<P: Group>(left: &Affine<P>, right: &Affine<P>) -> Affine<P> {
    if right.is_zero() {
        return *left;
    }
    if left.is_zero() {
        return *right;
    }
    if left.y != right.y || left.y == P::BaseField::ZERO {
        return Affine::identity();
    }
    let square = left.x.square();
    let inverse = left.y.double().inverse().expect("not zero");
    along((square.double() + square) * inverse, left, right)
}

/// The third point on the line, mirrored.
#[inline]
fn along<P: Group>(slope: P::BaseField, left: &Affine<P>, right: &Affine<P>) -> Affine<P> {
    let x = slope.square() - left.x - right.x;
    Affine::new_unchecked(x, slope * (left.x - x) - left.y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Fr, G1Affine, g1, g2};
    use ark_ec::CurveGroup;

    /// Flushed after so many: below eight, no lanes are used.
    fn adds_as_the_library<P: Group>(most: usize) {
        let g = Affine::<P>::generator();
        let mut points: Vec<Affine<P>> = (0..40u64)
            .map(|k| (g * Fr::from(k)).into_affine())
            .collect();
        points.extend(points.clone().iter().map(|point| -*point));
        let mut out: Vec<Affine<P>> = Vec::new();
        let mut additions = Additions::default();
        let mut expected = Vec::new();
        for left in &points {
            for right in &points {
                out.push(*left);
                let target = out.len() - 1;
                additions.add(&mut out, target, *right);
                expected.push((*left + *right).into_affine());
                if out.len().is_multiple_of(most) {
                    additions.flush(&mut out);
                }
            }
        }
        additions.flush(&mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn adds_every_pair_as_the_library_does() {
        for most in [5, 100, BLOCK + 1] {
            adds_as_the_library::<g1::Config>(most);
            adds_as_the_library::<g2::Config>(most);
        }
    }

    #[test]
    fn a_point_of_order_two_does_not_stop_a_block() {
        let odd = G1Affine::new_unchecked(ark_bn254::Fq::from(7u64), ark_bn254::Fq::from(0u64));
        let mut out = vec![odd, G1Affine::generator()];
        let mut additions = Additions::default();
        additions.add(&mut out, 0, odd);
        additions.add(&mut out, 1, G1Affine::generator());
        additions.flush(&mut out);
        let twice = (G1Affine::generator() + G1Affine::generator()).into_affine();
        assert_eq!(out, [G1Affine::identity(), twice]);
    }
}
