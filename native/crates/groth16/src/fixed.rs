//! Many multiples of one point, by a table of its multiples and affine additions that share inversions.

use ark_bn254::Fr;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup};
use rayon::prelude::*;

use crate::affine::{Additions, BLOCK};
use crate::msm::{Cut, Signed};
use crate::points::Group;

/// Bits of a digit: the table then has 22 windows of 2,048 points (2.9 MB in G1) and stays near the core.
const BITS: usize = 12;

/// The multiples of a point that digits name.
pub struct Table<P: Group> {
    cut: Cut,
    /// windows times 2^(BITS - 1) points: digit d of window w at w * 2^(BITS - 1) + d - 1.
    multiples: Vec<Affine<P>>,
}

impl<P: Group> Table<P> {
    /// Of the group's generator.
    pub fn of_generator() -> Self {
        let cut = Cut::new(BITS);
        let mut bases = vec![Affine::<P>::generator().into_group()];
        for _ in 1..cut.windows() {
            let mut base = *bases.last().expect("one");
            for _ in 0..BITS {
                base += base;
            }
            bases.push(base);
        }
        let windows: Vec<Vec<Affine<P>>> = bases
            .par_iter()
            .map(|base| {
                let mut sum = *base;
                let multiples: Vec<Projective<P>> = (0..cut.buckets())
                    .map(|_| {
                        let multiple = sum;
                        sum += base;
                        multiple
                    })
                    .collect();
                Projective::normalize_batch(&multiples)
            })
            .collect();
        Self {
            cut,
            multiples: windows.concat(),
        }
    }

    /// Each scalar times the generator, on every core.
    pub fn multiples(&self, scalars: &[Fr]) -> Vec<Affine<P>> {
        let mut out = vec![Affine::identity(); scalars.len()];
        out.par_chunks_mut(BLOCK)
            .zip(scalars.par_chunks(BLOCK))
            .for_each(|(out, scalars)| self.fill(out, scalars));
        out
    }

    /// A scalar times the generator.
    pub fn multiple(&self, scalar: &Fr) -> Affine<P> {
        let mut out = [Affine::identity()];
        self.fill(&mut out, std::slice::from_ref(scalar));
        out[0]
    }

    fn fill(&self, out: &mut [Affine<P>], scalars: &[Fr]) {
        let scalars: Vec<(Signed, [u64; 4])> = scalars
            .iter()
            .map(|scalar| {
                let signed = Signed::new(*scalar);
                (signed, self.cut.shifted(&signed))
            })
            .collect();
        let mut additions = Additions::default();
        for window in 0..self.cut.windows() {
            for (i, (signed, shifted)) in scalars.iter().enumerate() {
                let digit = self.cut.digit(shifted, window);
                if digit == 0 {
                    continue;
                }
                let place = window * self.cut.buckets() + digit.unsigned_abs() as usize - 1;
                let multiple = self.multiples[place];
                let minus = signed.is_negative() ^ (digit < 0);
                additions.add(out, i, if minus { -multiple } else { multiple });
            }
            additions.flush(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{g1, g2};
    use ark_ff::Field;

    fn multiplies_as_the_library<P: Group>() {
        let table = Table::<P>::of_generator();
        let mut scalars: Vec<Fr> = (0..5u64).map(Fr::from).collect();
        scalars.extend((0..5u64).map(|k| -Fr::from(k)));
        scalars.extend((1..600u64).map(|k| Fr::from(k).inverse().unwrap()));
        let expected: Vec<Affine<P>> = scalars
            .iter()
            .map(|scalar| (Affine::<P>::generator() * scalar).into_affine())
            .collect();
        assert_eq!(table.multiples(&scalars), expected);
        assert_eq!(table.multiple(&scalars[20]), expected[20]);
    }

    #[test]
    fn multiplies_as_the_library_does() {
        multiplies_as_the_library::<g1::Config>();
        multiplies_as_the_library::<g2::Config>();
    }
}
