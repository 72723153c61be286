//! A proof: the quotient polynomial by circom's reduction (values over the odd coset), then five sums over the key's points.
//!
//! Promises that an assignment which does not satisfy the circuit is refused before any work, and that what is returned
//! was verified under the key. The blinding comes from the system's generator and is wiped. Not constant time: whoever
//! can measure the prover may learn about the witness.

use ark_bn254::{Bn254, Fr, G1Projective, g1, g2};
use ark_ec::CurveGroup;
use ark_ec::short_weierstrass::Projective;
use ark_ff::AdditiveGroup;
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::fault::{Result, fault};
use crate::fft::Domain;
use crate::key::Proof;
use crate::msm::{Sum, signed};
use crate::progress::Progress;
use crate::r1cs::{Circuit, dot};
use crate::setup::random_scalar;
use crate::zkey::{A, B1, B2, C, H, ProvingKey};

/// Units of the whole, and of its stages before the sums and after them.
const WHOLE: u64 = 1_000_000;
const ROWS: u64 = 30_000;
const TRANSFORM: u64 = 40_000;
const VERIFY: u64 = 10_000;

/// What an addition in G2 costs more than one in G1.
const G2_COST: usize = 3;

/// A proof that the assignment satisfies the circuit, verified under the key.
pub fn prove(
    key: &ProvingKey,
    circuit: &Circuit,
    assignment: &[Fr],
    progress: &Progress,
) -> Result<Proof<Bn254>> {
    progress.begin(WHOLE);
    progress.enter("constraints")?;
    key.expect(circuit)?;
    circuit.r1cs().satisfied(assignment)?;
    let h = quotient(circuit, assignment, progress)?;
    progress.enter("sums")?;
    let (wires, h) = (signed(assignment), signed(&h));
    let public = circuit.r1cs().public;
    let (a, b1, b2) = (key.points(A), key.points(B1), key.points(B2));
    let (c, quotient) = (key.points(C), key.points(H));
    let sums = Sums {
        b2: Sum::<g2::Config>::new(&b2, &wires)?,
        g1: [
            Sum::<g1::Config>::new(&a, &wires)?,
            Sum::new(&b1, &wires)?,
            Sum::new(&c, &wires[public + 1..])?,
            Sum::new(&quotient, &h)?,
        ],
    };
    let (b2, [a, b1, c, h]) = sums.run(progress)?;
    let (r, s) = (random_scalar()?, random_scalar()?);
    let header = key.header();
    let a = a + header.alpha_1 + header.delta_1 * *r;
    let b = b2 + header.beta_2 + header.delta_2 * *s;
    let b1 = b1 + header.beta_1 + header.delta_1 * *s;
    let c = c + h + a * *s + b1 * *r - header.delta_1 * (*r * *s);
    progress.enter("verify")?;
    let proof = Proof::new(ark_groth16::Proof {
        a: a.into_affine(),
        b: b.into_affine(),
        c: c.into_affine(),
    })?;
    if !key.verifying().verify(&assignment[1..=public], &proof)? {
        return Err(fault(
            "proving key",
            "points that make valid proofs (check the file's points, import it again)",
            "a proof that is not valid",
        ));
    }
    progress.step(VERIFY)?;
    Ok(proof)
}

/// (A B - C) / Z in the Lagrange basis of the odd coset; Z is constant there, and the key's points carry it.
fn quotient(
    circuit: &Circuit,
    assignment: &[Fr],
    progress: &Progress,
) -> Result<Zeroizing<Vec<Fr>>> {
    let r1cs = circuit.r1cs();
    let size = circuit.domain_size();
    let mut a = Zeroizing::new(vec![Fr::ZERO; size]);
    let mut b = a.clone();
    let constraints = r1cs.constraints();
    a[..constraints]
        .par_iter_mut()
        .zip(&mut b[..constraints])
        .enumerate()
        .for_each(|(i, (a, b))| {
            *a = dot(&r1cs.a[i], assignment);
            *b = dot(&r1cs.b[i], assignment);
        });
    a[constraints..=constraints + r1cs.public].copy_from_slice(&assignment[..=r1cs.public]);
    let mut c = Zeroizing::new(
        a.par_iter()
            .zip(&*b)
            .map(|(a, b)| a * b)
            .collect::<Vec<Fr>>(),
    );
    progress.step(ROWS)?;
    progress.enter("polynomials")?;
    let domain = Domain::new(size);
    for values in [&mut a, &mut b, &mut c] {
        domain.to_odd_coset(values);
        progress.step(TRANSFORM)?;
    }
    a.par_iter_mut()
        .zip(&*b)
        .zip(&*c)
        .for_each(|((a, b), c)| *a = *a * b - c);
    Ok(a)
}

/// The five sums; each window of each is one task.
struct Sums<'a> {
    b2: Sum<'a, g2::Config>,
    g1: [Sum<'a, g1::Config>; 4],
}

enum Window {
    G1(usize, G1Projective),
    G2(Projective<g2::Config>),
}

impl Sums<'_> {
    fn run(&self, progress: &Progress) -> Result<(Projective<g2::Config>, [G1Projective; 4])> {
        // The long ones first, so that no core waits for one at the end.
        let mut tasks: Vec<(Option<usize>, usize)> = Vec::new();
        tasks.extend((0..self.b2.windows()).map(|window| (None, window)));
        for (i, sum) in self.g1.iter().enumerate() {
            tasks.extend((0..sum.windows()).map(|window| (Some(i), window)));
        }
        let cost = |task: &(Option<usize>, usize)| match task.0 {
            None => G2_COST * self.b2.terms(),
            Some(i) => self.g1[i].terms(),
        };
        let total = tasks.iter().map(cost).sum::<usize>().max(1) as u128;
        let share = WHOLE - ROWS - 3 * TRANSFORM - VERIFY;
        let windows: Vec<Window> = tasks
            .par_iter()
            .with_max_len(1)
            .map(|task| {
                progress.step(0)?;
                let done = match task.0 {
                    None => Window::G2(self.b2.window(task.1)),
                    Some(i) => Window::G1(i, self.g1[i].window(task.1)),
                };
                progress.step((cost(task) as u128 * u128::from(share) / total) as u64)?;
                Ok(done)
            })
            .collect::<Result<_>>()?;
        let mut in_g2 = Vec::new();
        let mut in_g1: [Vec<G1Projective>; 4] = Default::default();
        for window in windows {
            match window {
                Window::G2(sum) => in_g2.push(sum),
                Window::G1(i, sum) => in_g1[i].push(sum),
            }
        }
        let combined = std::array::from_fn(|i| self.g1[i].combine(&in_g1[i]));
        Ok((self.b2.combine(&in_g2), combined))
    }
}
