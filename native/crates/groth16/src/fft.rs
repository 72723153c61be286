//! Evaluation and interpolation over the subgroups of BN254's scalar field whose order is a power of two, on every core.
//!
//! Interpolation leaves coefficients in bit-reversed order, evaluation takes them so: no permutation is made.

use ark_bn254::Fr;
use ark_ff::{FftField, Field};
use rayon::prelude::*;

/// Below this size a transform stays on its core.
const ALONE: usize = 1 << 11;

/// A subgroup of order 2^k, and its generator's powers.
pub struct Domain {
    size: usize,
    /// The generator: the power of 5 that snarkjs and arkworks take.
    root: Fr,
    /// For each level the powers that its butterflies need: 2^(k-1), ..., 2, 1 of them.
    levels: Vec<Vec<Fr>>,
    inverse_levels: Vec<Vec<Fr>>,
}

/// The first powers of a number: 1, base, base^2, ...
pub fn powers(base: Fr, count: usize) -> Vec<Fr> {
    let mut out = vec![Fr::ONE; count];
    let piece = 1 << 12;
    out.par_chunks_mut(piece).enumerate().for_each(|(i, out)| {
        let mut power = base.pow([(i * piece) as u64]);
        for value in out {
            *value = power;
            power *= base;
        }
    });
    out
}

fn levels(root: Fr, size: usize) -> Vec<Vec<Fr>> {
    let first = powers(root, size / 2);
    let mut levels = vec![first];
    while levels.last().is_some_and(|level| level.len() > 1) {
        let next = levels[levels.len() - 1]
            .iter()
            .step_by(2)
            .copied()
            .collect();
        levels.push(next);
    }
    levels
}

impl Domain {
    /// The subgroup of that order, a power of two from 2 to 2^27 (there is one of twice the order then, too).
    pub fn new(size: usize) -> Self {
        assert!(size.is_power_of_two() && (2..=1 << 27).contains(&size));
        let root = Fr::get_root_of_unity(size as u64).expect("2^28 divides r - 1");
        let inverse = root.inverse().expect("a root is not zero");
        Self {
            size,
            root,
            levels: levels(root, size),
            inverse_levels: levels(inverse, size),
        }
    }

    /// Values over the subgroup to values over its odd coset (the subgroup of twice the order without this one).
    pub fn to_odd_coset(&self, values: &mut [Fr]) {
        assert_eq!(values.len(), self.size);
        down(values, &self.inverse_levels);
        // Coefficient i, which stands at the reversed place, times shift^i over the size.
        let shift = Fr::get_root_of_unity(2 * self.size as u64).expect("2^28 divides r - 1");
        let count = Fr::from(self.size as u64);
        let scale = count.inverse().expect("below r");
        let powers = powers(shift, self.size);
        let unused = usize::BITS - self.size.trailing_zeros();
        let reversed = |i: usize| i.reverse_bits() >> unused;
        values.par_iter_mut().enumerate().for_each(|(i, value)| {
            *value *= powers[reversed(i)] * scale;
        });
        up(values, &self.levels);
    }

    /// L_i(tau) for every i: the values of the Lagrange basis at a point outside the subgroup.
    pub fn lagrange(&self, tau: Fr) -> Vec<Fr> {
        lagrange(self.root, self.size, tau, powers(self.root, self.size))
    }

    /// The same for the odd coset, in the basis of the subgroup of twice the order.
    pub fn lagrange_odd(&self, tau: Fr) -> Vec<Fr> {
        let root = Fr::get_root_of_unity(2 * self.size as u64).expect("2^28 divides r - 1");
        let points = powers(root.square(), self.size);
        let points = points.into_par_iter().map(|point| point * root).collect();
        lagrange(root, 2 * self.size, tau, points)
    }
}

/// w (tau^n - 1) / (n (tau - w)) for every point w of the subgroup of order n.
fn lagrange(root: Fr, order: usize, tau: Fr, points: Vec<Fr>) -> Vec<Fr> {
    debug_assert_eq!(root.pow([order as u64]), Fr::ONE);
    let count = Fr::from(order as u64);
    let scale = (tau.pow([order as u64]) - Fr::ONE) * count.inverse().expect("below r");
    let mut out: Vec<Fr> = points.par_iter().map(|point| tau - point).collect();
    out.par_chunks_mut(1 << 12).for_each(|out| {
        ark_ff::batch_inversion(out);
    });
    out.par_iter_mut()
        .zip(points)
        .for_each(|(value, point)| *value *= scale * point);
    out
}

/// Natural order to bit-reversed order (Gentleman and Sande).
fn down(values: &mut [Fr], levels: &[Vec<Fr>]) {
    let half = values.len() / 2;
    if half == 0 {
        return;
    }
    let (low, high) = values.split_at_mut(half);
    let butterfly = |((a, b), power): ((&mut Fr, &mut Fr), &Fr)| {
        let difference = *a - *b;
        *a += *b;
        *b = difference * power;
    };
    if half < ALONE {
        low.iter_mut()
            .zip(high.iter_mut())
            .zip(&levels[0])
            .for_each(butterfly);
        down(low, &levels[1..]);
        down(high, &levels[1..]);
    } else {
        low.par_iter_mut()
            .zip(high.par_iter_mut())
            .zip(&levels[0])
            .with_min_len(ALONE / 2)
            .for_each(butterfly);
        rayon::join(|| down(low, &levels[1..]), || down(high, &levels[1..]));
    }
}

/// Bit-reversed order to natural order (Cooley and Tukey).
fn up(values: &mut [Fr], levels: &[Vec<Fr>]) {
    let half = values.len() / 2;
    if half == 0 {
        return;
    }
    let (low, high) = values.split_at_mut(half);
    let butterfly = |((a, b), power): ((&mut Fr, &mut Fr), &Fr)| {
        let product = *b * power;
        *b = *a - product;
        *a += product;
    };
    if half < ALONE {
        up(low, &levels[1..]);
        up(high, &levels[1..]);
        low.iter_mut()
            .zip(high.iter_mut())
            .zip(&levels[0])
            .for_each(butterfly);
    } else {
        rayon::join(|| up(low, &levels[1..]), || up(high, &levels[1..]));
        low.par_iter_mut()
            .zip(high.par_iter_mut())
            .zip(&levels[0])
            .with_min_len(ALONE / 2)
            .for_each(butterfly);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::AdditiveGroup;

    /// sum of coefficients[i] x^i
    fn at(coefficients: &[Fr], x: Fr) -> Fr {
        coefficients
            .iter()
            .rev()
            .fold(Fr::ZERO, |sum, coefficient| sum * x + coefficient)
    }

    fn numbers(count: usize) -> Vec<Fr> {
        powers(Fr::from(0x1234_5678_9abc_def1u64), count)
    }

    #[test]
    fn moves_values_to_the_odd_coset() {
        for size in [2, 4, 64] {
            let domain = Domain::new(size);
            let coefficients = numbers(size);
            let shift = Fr::get_root_of_unity(2 * size as u64).unwrap();
            assert_eq!(shift.square(), domain.root);
            let over = |first: Fr| -> Vec<Fr> {
                let points = powers(domain.root, size);
                let values = points.iter().map(|point| at(&coefficients, first * point));
                values.collect()
            };
            let mut values = over(Fr::ONE);
            domain.to_odd_coset(&mut values);
            assert_eq!(values, over(shift), "{size}");
        }
    }

    #[test]
    fn large_transforms_equal_small_ones() {
        // f(x) = c(x^k): the values over the large subgroup repeat those of c over the small one.
        let (small, large) = (16usize, 1usize << 14);
        let coefficients = numbers(small);
        let repeat = (large / small) as u64;
        let shift = Fr::get_root_of_unity(2 * large as u64).unwrap();
        let domain = Domain::new(large);
        let points = powers(domain.root, large);
        let over = |first: Fr| -> Vec<Fr> {
            let values = points
                .iter()
                .map(|point| at(&coefficients, (first * point).pow([repeat])));
            values.collect()
        };
        let mut values = over(Fr::ONE);
        domain.to_odd_coset(&mut values);
        assert_eq!(values, over(shift));
    }

    #[test]
    fn lagrange_values_interpolate() {
        let size = 8;
        let domain = Domain::new(size);
        let coefficients = numbers(2 * size);
        let tau = Fr::from(99u64);
        let root = Fr::get_root_of_unity(2 * size as u64).unwrap();
        // f of degree below 2n = even part + odd part; f minus its values on the subgroup lies on the odd coset.
        let both = powers(root, 2 * size);
        let all = lagrange(root, 2 * size, tau, both.clone());
        let value: Fr = all
            .iter()
            .zip(&both)
            .map(|(basis, point)| *basis * at(&coefficients, *point))
            .sum();
        assert_eq!(value, at(&coefficients, tau));
        let odd: Vec<Fr> = all.iter().skip(1).step_by(2).copied().collect();
        assert_eq!(domain.lagrange_odd(tau), odd);
        let small = &coefficients[..size];
        let value: Fr = domain
            .lagrange(tau)
            .iter()
            .zip(powers(domain.root, size))
            .map(|(basis, point)| *basis * at(small, point))
            .sum();
        assert_eq!(value, at(small, tau));
    }
}
