//! A small circuit and proofs of it: input[i] = w^(i + 2), w secret.

use ark_ff::{Field, One};
use ark_groth16::{Groth16, Proof as Points};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
};
use ark_snark::SNARK;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use groth16::{Curve, Key, Proof};

/// The statement "I know w with these powers".
pub struct Powers<F> {
    /// The secret.
    pub w: F,
    /// How many powers are public.
    pub inputs: usize,
}

impl<F: Field> ConstraintSynthesizer<F> for Powers<F> {
    fn generate_constraints(self, cs: ConstraintSystemRef<F>) -> Result<(), SynthesisError> {
        let w = cs.new_witness_variable(|| Ok(self.w))?;
        let (mut last, mut value) = (w, self.w);
        for _ in 0..self.inputs {
            value *= self.w;
            let next = cs.new_input_variable(|| Ok(value))?;
            let lc = |v: Variable| LinearCombination::from((F::one(), v));
            cs.enforce_r1cs_constraint(|| lc(last), || lc(w), || lc(next))?;
            last = next;
        }
        Ok(())
    }
}

/// The public inputs for w.
pub fn powers<F: Field>(w: F, inputs: usize) -> Vec<F> {
    (0..inputs).map(|i| w.pow([i as u64 + 2])).collect()
}

/// A key and proofs for w = 2, 3, ...; the same for the same seed.
#[allow(clippy::type_complexity)]
pub fn proofs<E: Curve>(
    inputs: usize,
    count: usize,
    seed: u64,
) -> (Key<E>, Vec<(Vec<E::ScalarField>, Proof<E>)>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let circuit = |w| Powers { w, inputs };
    let (proving, verifying) =
        Groth16::<E>::circuit_specific_setup(circuit(E::ScalarField::one()), &mut rng).unwrap();
    let claims = (0..count).map(|i| {
        let w = E::ScalarField::from(i as u64 + 2);
        let proof: Points<E> = Groth16::<E>::prove(&proving, circuit(w), &mut rng).unwrap();
        (powers(w, inputs), Proof::new(proof).unwrap())
    });
    let claims = claims.collect();
    (Key::new(verifying).unwrap(), claims)
}
