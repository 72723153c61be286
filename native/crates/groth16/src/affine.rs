//! Many independent additions of affine points with one inversion together: 6 multiplications an addition instead of 11.
//!
//! The sums are exact for every input: infinity, equal points, opposite points. Curves with a = 0 only. Runs in a time
//! that depends on the values.

use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{AdditiveGroup, Field};

/// Additions that share an inversion: enough to hide it, few enough for the fast cache.
pub const BLOCK: usize = 512;

/// Additions `out[target] += point` that wait; the targets of one block are distinct.
pub struct Additions<P: SWCurveConfig> {
    targets: Vec<u32>,
    points: Vec<Affine<P>>,
    /// (denominator, product of the denominators before it)
    inverses: Vec<(P::BaseField, P::BaseField)>,
}

impl<P: SWCurveConfig> Default for Additions<P> {
    fn default() -> Self {
        Self {
            targets: Vec::with_capacity(BLOCK),
            points: Vec::with_capacity(BLOCK),
            inverses: Vec::with_capacity(BLOCK),
        }
    }
}

impl<P: SWCurveConfig> Additions<P> {
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
        let mut product = P::BaseField::ONE;
        self.inverses.clear();
        for (target, right) in self.targets.iter().zip(&self.points) {
            let denominator = denominator(&out[*target as usize], right);
            self.inverses.push((denominator, product));
            product *= denominator;
        }
        let mut inverse = product.inverse().expect("no denominator is zero");
        for i in (0..self.targets.len()).rev() {
            let (denominator, before) = self.inverses[i];
            let target = &mut out[self.targets[i] as usize];
            *target = sum(target, &self.points[i], inverse * before);
            inverse *= denominator;
        }
        self.targets.clear();
        self.points.clear();
    }
}

/// The denominator of the slope, 1 where the sum needs none.
#[inline]
fn denominator<P: SWCurveConfig>(left: &Affine<P>, right: &Affine<P>) -> P::BaseField {
    let difference = right.x - left.x;
    if difference != P::BaseField::ZERO {
        return difference;
    }
    if left.y == right.y && left.y != P::BaseField::ZERO {
        return left.y.double();
    }
    P::BaseField::ONE
}

#[inline]
fn sum<P: SWCurveConfig>(left: &Affine<P>, right: &Affine<P>, inverse: P::BaseField) -> Affine<P> {
    if right.is_zero() {
        return *left;
    }
    if left.is_zero() {
        return *right;
    }
    let slope = if left.x != right.x {
        (right.y - left.y) * inverse
    } else if left.y == right.y && left.y != P::BaseField::ZERO {
        let square = left.x.square();
        (square.double() + square) * inverse
    } else {
        return Affine::identity();
    };
    let x = slope.square() - left.x - right.x;
    Affine::new_unchecked(x, slope * (left.x - x) - left.y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Fr, G1Affine, g1, g2};
    use ark_ec::CurveGroup;

    fn adds_as_the_library<P: SWCurveConfig<ScalarField = Fr>>() {
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
            }
        }
        additions.flush(&mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn adds_every_pair_as_the_library_does() {
        adds_as_the_library::<g1::Config>();
        adds_as_the_library::<g2::Config>();
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
