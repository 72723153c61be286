//! Eight points of G1 times eight numbers.

use ark_bn254::{Fq, Fq2, G1Affine, G1Projective, g1};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::AdditiveGroup;

use super::super::{Seed, planes};
use super::lanes::{Eight, Mask};
use super::quadratic::Quadratic;

/// Points x / z^2, y / z^3.
#[derive(Clone, Copy)]
struct Points {
    x: Eight,
    y: Eight,
    z: Eight,
}

impl Points {
    /// dbl-2009-l of the Explicit-Formulas Database.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    fn double(&self) -> Self {
        let (a, b) = (self.x.times(&self.x), self.y.times(&self.y));
        let (xb, yz) = (self.x.times(&b).loose(), self.y.times(&self.z).loose());
        let e = a.loose().double().plus(a.loose()).reduce::<0>();
        let four = xb.double().double();
        let x = e.times(&e).loose().minus(four.double()).reduce::<20>();
        let eight = b.times(&b).loose().double().double().double();
        let slope = e.times(&four.minus(x.loose()).reduce::<3>());
        Self {
            x,
            y: slope.loose().minus(eight).reduce::<20>(),
            z: yz.double().reduce::<0>(),
        }
    }

    /// Adds points of other abscissas; y and z of the second are given with z = 1.
    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    fn plus(&self, x: &Eight, y: &Eight) -> Self {
        let zz = self.z.times(&self.z);
        let (u, s) = (x.times(&zz), y.times(&self.z.times(&zz)));
        let h = u.loose().minus(self.x.loose()).reduce::<3>();
        let r = s.loose().minus(self.y.loose()).reduce::<3>();
        let hh = h.times(&h);
        let (hhh, v) = (h.times(&hh), self.x.times(&hh).loose());
        let x = r.times(&r).loose().minus(hhh.loose());
        let x = x.minus(v.double()).reduce::<8>();
        let slope = r.times(&v.minus(x.loose()).reduce::<3>()).loose();
        Self {
            x,
            y: slope.minus(self.y.times(&hhh).loose()).reduce::<3>(),
            z: self.z.times(&h),
        }
    }

    #[target_feature(enable = "avx512dq,avx512ifma")]
    #[inline]
    fn replaced_in(&self, mask: Mask, other: &Self) -> Self {
        Self {
            x: self.x.replaced_in(mask, &other.x),
            y: self.y.replaced_in(mask, &other.y),
            z: self.z.replaced_in(mask, &other.z),
        }
    }
}

/// Up to eight finite points times the coefficients of their seeds. A sum never meets a point with itself or its
/// negative: one is twice a multiple of the point by 1 and lambda, the other is a unit times it.
#[target_feature(enable = "avx512dq,avx512ifma")]
pub fn scale(points: &[G1Affine], seeds: &[Seed]) -> Vec<G1Projective> {
    let beta = g1::Config::ENDO_COEFFS[0];
    let (mut first, mut second) = ([Fq2::ZERO; 8], [Fq2::ZERO; 8]);
    let mut digits = [[0; 3]; 8];
    for (i, (point, seed)) in points.iter().zip(seeds).enumerate() {
        first[i] = Fq2::new(point.x, point.y);
        second[i] = Fq2::new(point.x * beta, point.x * beta * beta);
        digits[i] = planes(*seed);
    }
    let first = Quadratic::load(&Quadratic::words(&first));
    let second = Quadratic::load(&Quadratic::words(&second));
    let one = Quadratic::load(&Quadratic::words(&[Fq2::new(Fq::from(1u64), Fq::ZERO); 8]));
    let y = first.im;
    let mut sum = Points {
        x: first.re,
        y,
        z: one.re,
    };
    for bit in (0..64).rev() {
        sum = sum.double();
        let mut masks: [Mask; 3] = [0; 3];
        for (lane, planes) in digits.iter().enumerate() {
            for (mask, plane) in masks.iter_mut().zip(planes) {
                *mask |= ((plane >> bit & 1) as Mask) << lane;
            }
        }
        let x = first.re.replaced_in(masks[1], &second.re);
        let more = sum.plus(&x.replaced_in(masks[2], &second.im), &y);
        sum = sum.replaced_in(masks[0] | masks[1] | masks[2], &more);
    }
    let xy = Quadratic {
        re: sum.x,
        im: sum.y,
    };
    let z = Quadratic {
        re: sum.z,
        im: sum.z,
    };
    let (xy, z) = (xy.values::<8>(), z.values::<8>());
    let mut scaled = Vec::with_capacity(points.len());
    for i in 0..points.len() {
        scaled.push(G1Projective::new_unchecked(xy[i].c0, xy[i].c1, z[i].c0));
    }
    scaled
}
