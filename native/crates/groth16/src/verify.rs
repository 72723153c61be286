//! The equation e(A, B) = e(alpha, beta) e(X, gamma) e(C, delta), X = IC[0] + sum of input times IC: one proof, a proof
//! of which inputs are known in advance, and many proofs at once.

use std::sync::Arc;

use ark_ec::pairing::PairingOutput;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use crate::bn254::Seed;
use crate::curve::Curve;
use crate::fault::{Result, fault};
use crate::key::{Key, Proof};
use crate::limits;

/// From how many terms on Pippenger's method beats one multiplication a term.
const MANY: usize = 8;

fn sum_of_products<G: CurveGroup>(points: &[G::Affine], scalars: &[G::ScalarField]) -> G {
    if points.len() >= MANY {
        return G::msm_unchecked(points, scalars);
    }
    let products = points
        .iter()
        .zip(scalars)
        .map(|(point, scalar)| *point * *scalar);
    products.sum()
}

fn count(expected: usize, got: usize) -> Result<()> {
    if expected != got {
        return Err(fault(
            "public inputs",
            format_args!("{expected} of this key"),
            got,
        ));
    }
    Ok(())
}

/// The equation for one proof whose X is known; `target` is what the other side multiplies to.
fn holds<E: Curve>(
    proof: &Proof<E>,
    fixed: &[(E::G1Affine, &E::Lines)],
    target: PairingOutput<E>,
) -> bool {
    E::finish(E::loops(&[(proof.0.a, proof.0.b)], fixed)) == Some(target)
}

impl<E: Curve> Key<E> {
    /// Whether the proof is valid for these inputs.
    pub fn verify(&self, inputs: &[E::ScalarField], proof: &Proof<E>) -> Result<bool> {
        count(self.inputs(), inputs.len())?;
        let x = self.x(inputs);
        let fixed = [(x.into_affine(), &*self.gamma), (proof.0.c, &*self.delta)];
        Ok(holds(proof, &fixed, self.alpha_beta))
    }

    /// X of the equation.
    fn x(&self, inputs: &[E::ScalarField]) -> E::G1 {
        let first = self.points.gamma_abc_g1[0].into_group();
        if self.tables.len() == inputs.len() {
            let products = self.tables.iter().zip(inputs);
            return products.fold(first, |sum, (table, input)| {
                sum + table.batch_mul(&[*input])[0]
            });
        }
        first + sum_of_products::<E::G1>(&self.points.gamma_abc_g1[1..], inputs)
    }

    /// arkworks called plainly: the baseline of the benches.
    pub fn verify_plainly(&self, inputs: &[E::ScalarField], proof: &Proof<E>) -> Result<bool> {
        use ark_snark::SNARK;
        count(self.inputs(), inputs.len())?;
        ark_groth16::Groth16::<E>::verify(&self.points, inputs, &proof.0)
            .map_err(|error| fault("proof", "a verdict of arkworks", error))
    }

    /// The key with the first inputs fixed, folded into one point; with all of them fixed, into one constant.
    pub fn fold(&self, known: &[E::ScalarField]) -> Result<Folded<E>> {
        if known.len() > self.inputs() {
            return Err(fault(
                "fixed inputs",
                format_args!("at most {} of this key", self.inputs()),
                known.len(),
            ));
        }
        let (fixed, open) = self.points.gamma_abc_g1[1..].split_at(known.len());
        let base = sum_of_products::<E::G1>(fixed, known) + self.points.gamma_abc_g1[0];
        let rest = if open.is_empty() {
            // e(alpha, beta) e(X, gamma), from the lines of -gamma.
            let x = E::finish(E::loops(&[], &[((-base).into_affine(), &*self.gamma)]));
            Rest::Constant(self.alpha_beta + x.expect("a Miller loop is not zero"))
        } else {
            Rest::Open {
                base,
                points: open.to_vec(),
                gamma: self.gamma.clone(),
                alpha_beta: self.alpha_beta,
            }
        };
        Ok(Folded {
            rest,
            delta: self.delta.clone(),
        })
    }

    /// The indices of the proofs that are not valid; none when all are, up to a chance of 2^-128.
    ///
    /// All are checked at once by a random linear combination with fresh coefficients of the system's generator, on
    /// every core; only when that fails each is checked alone.
    pub fn find_invalid(&self, claims: &[(&[E::ScalarField], &Proof<E>)]) -> Result<Vec<usize>> {
        if !(1..=limits::BATCH).contains(&claims.len()) {
            return Err(fault(
                "batch",
                format_args!("1 to {} proofs", limits::BATCH),
                claims.len(),
            ));
        }
        for (i, (inputs, _)) in claims.iter().enumerate() {
            count(self.inputs(), inputs.len()).map_err(|refused| {
                fault(
                    format_args!("batch[{i}], {}", refused.field),
                    refused.expected,
                    refused.got,
                )
            })?;
        }
        if self.all_hold(claims)? {
            return Ok(Vec::new());
        }
        let verdicts = claims.par_iter().enumerate().map(|(i, (inputs, proof))| {
            self.verify(inputs, proof)
                .map(|valid| (!valid).then_some(i))
        });
        let verdicts: Vec<Option<usize>> = verdicts.collect::<Result<_>>()?;
        Ok(verdicts.into_iter().flatten().collect())
    }

    /// product e(r A, B) = e(alpha, beta)^(sum r) e(sum r X, gamma) e(sum r C, delta).
    fn all_hold(&self, claims: &[(&[E::ScalarField], &Proof<E>)]) -> Result<bool> {
        let mut seeds = vec![0u8; 16 * claims.len()];
        getrandom::fill(&mut seeds)
            .map_err(|error| fault("system's generator", "random bytes", error))?;
        let seeds: Vec<Seed> = seeds
            .chunks_exact(16)
            .map(|seed| [half(&seed[..8]), half(&seed[8..])])
            .collect();
        let scalars: Vec<E::ScalarField> = seeds.iter().map(|seed| E::coefficient(*seed)).collect();
        let share = claims.len().div_ceil(rayon::current_num_threads());
        let parts: Vec<(E::TargetField, E::G1)> = claims
            .par_chunks(share)
            .zip(seeds.par_chunks(share))
            .map(|(claims, seeds)| {
                let a: Vec<E::G1Affine> = claims.iter().map(|(_, proof)| proof.0.a).collect();
                let c: Vec<E::G1Affine> = claims.iter().map(|(_, proof)| proof.0.c).collect();
                let left = E::G1::normalize_batch(&E::scale(&a, seeds));
                let right = claims.iter().map(|(_, proof)| proof.0.b);
                let loops = E::loops(&left.into_iter().zip(right).collect::<Vec<_>>(), &[]);
                (loops.0, E::scale(&c, seeds).into_iter().sum())
            })
            .collect();
        // One multiplication an input for the whole batch.
        let mut sums = vec![E::ScalarField::ZERO; self.inputs() + 1];
        for ((inputs, _), coefficient) in claims.iter().zip(&scalars) {
            sums[0] += coefficient;
            for (sum, input) in sums[1..].iter_mut().zip(*inputs) {
                *sum += *coefficient * input;
            }
        }
        let x = sum_of_products::<E::G1>(&self.points.gamma_abc_g1, &sums);
        let c: E::G1 = parts.iter().map(|(_, c)| *c).sum();
        let (x, c) = (x.into_affine(), c.into_affine());
        let fixed = E::loops(&[], &[(x, &*self.gamma), (c, &*self.delta)]);
        let product = parts
            .into_iter()
            .fold(fixed.0, |product, (part, _)| product * part);
        let left = E::finish(ark_ec::pairing::MillerLoopOutput(product));
        Ok(left == Some(E::power(self.alpha_beta, sums[0])))
    }
}

fn half(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

enum Rest<E: Curve> {
    Constant(PairingOutput<E>),
    Open {
        base: E::G1,
        points: Vec<E::G1Affine>,
        gamma: Arc<E::Lines>,
        alpha_beta: PairingOutput<E>,
    },
}

/// A key with inputs fixed in advance.
pub struct Folded<E: Curve> {
    rest: Rest<E>,
    delta: Arc<E::Lines>,
}

impl<E: Curve> Folded<E> {
    /// How many inputs are still open.
    pub fn inputs(&self) -> usize {
        match &self.rest {
            Rest::Constant(_) => 0,
            Rest::Open { points, .. } => points.len(),
        }
    }

    /// e(alpha, beta) e(X, gamma), what e(A, B) / e(C, delta) must be; none while inputs are open.
    pub fn constant(&self) -> Option<PairingOutput<E>> {
        match &self.rest {
            Rest::Constant(target) => Some(*target),
            Rest::Open { .. } => None,
        }
    }

    /// Whether the proof is valid for the fixed inputs followed by these.
    pub fn verify(&self, open: &[E::ScalarField], proof: &Proof<E>) -> Result<bool> {
        count(self.inputs(), open.len())?;
        let c = (proof.0.c, &*self.delta);
        Ok(match &self.rest {
            Rest::Constant(target) => holds(proof, &[c], *target),
            Rest::Open {
                base,
                points,
                gamma,
                alpha_beta,
            } => {
                let x = sum_of_products::<E::G1>(points, open) + base;
                holds(proof, &[(x.into_affine(), &**gamma), c], *alpha_beta)
            }
        })
    }
}
