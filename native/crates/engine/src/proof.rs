//! Opening proof: every D of an instance is the digit secret times R_i, in one batch equality of logarithms.
//!
//! The weights are hashed from the setup id, i, R_i, every published point S and every D; the challenge from all of that
//! and both nonce points. Without S in the hash a garbler solves for S after D (a test shows it).

use crate::Params;
use crate::curve::{Affine, Jacobian, affine, sum_of_multiples};
use crate::digits::generator_multiple;
use crate::params::OPENING_PROOF;
use crate::scalar::Scalar;
use crate::solder::slow_multiple;
use crate::transcript::{
    NONCES, OPENING_CHALLENGE, OPENING_COEFFICIENTS, le, scalar, secrets, weights,
};

/// What a proof is about, as it travels.
pub(crate) struct Claim<'a> {
    pub(crate) params: &'a Params,
    pub(crate) index: usize,
    pub(crate) base: &'a Affine,
    pub(crate) points: &'a [u8],
    pub(crate) soldered: &'a [u8],
}

impl Claim<'_> {
    fn weights(&self) -> Vec<Scalar> {
        let parts = [
            &self.params.setup_id[..],
            &le(self.index),
            &self.base.to_bytes(),
            self.points,
            self.soldered,
        ];
        weights(OPENING_COEFFICIENTS, &parts, self.params.layout.points())
    }

    fn challenge(&self, nonces: &[u8]) -> Scalar {
        let parts = [
            &self.params.setup_id[..],
            &le(self.index),
            &self.base.to_bytes(),
            self.points,
            self.soldered,
            nonces,
        ];
        scalar(OPENING_CHALLENGE, &parts)
    }

    /// The proof by who knows the digit secrets: nonce points A = k*G and B = k*R_i, answer z = k + e * sum g*s.
    pub(crate) fn prove(&self, scalars: &[Scalar], digit_seed: &[u8; 32]) -> [u8; OPENING_PROOF] {
        let weights = self.weights();
        // the nonce follows from the secrets and from all that the challenge covers: never twice for two challenges
        let parts = [
            b"opening" as &[u8],
            &self.params.setup_id,
            &le(self.index),
            &le(self.points.len()),
            self.points,
            self.soldered,
        ];
        let nonce = secrets(NONCES, digit_seed, &parts, 1)[0];
        let mut proof = [0; OPENING_PROOF];
        proof[..33].copy_from_slice(&generator_multiple(&nonce));
        proof[33..66].copy_from_slice(&slow_multiple(self.base, nonce).to_bytes());
        let products = weights.iter().zip(scalars).map(|(g, s)| g.mul(*s));
        let secret = products.fold(Scalar::ZERO, Scalar::add);
        let answer = nonce.add(self.challenge(&proof[..66]).mul(secret));
        proof[66..].copy_from_slice(&answer.to_bytes());
        proof
    }
}

/// The half of an accepted proof that is about S alone: z*G = A + sum (e*g)*S. Checked for many openings at once.
pub(crate) struct Half {
    nonce: Affine,
    answer: Scalar,
    weights: Vec<Scalar>,
}

/// Checks z*R_i = B + sum (e*g)*D and hands out the other half; none when it fails.
pub(crate) fn check_soldered(
    claim: &Claim<'_>,
    soldered: &[Affine],
    proof: &[u8; OPENING_PROOF],
) -> Option<Half> {
    let (points, _) = proof.as_chunks::<33>();
    let nonce = Affine::parse(&points[0])?;
    let other = Affine::parse(&points[1])?;
    let mut answer = [0; 32];
    answer.copy_from_slice(&proof[66..]);
    let answer = Scalar::parse(&answer)?;
    let weights = claim.weights();
    let challenge = claim.challenge(&proof[..66]);
    let sum = affine(&sum_of_multiples(soldered, &weights, 128))?;
    let terms = [*claim.base, sum];
    let total = sum_of_multiples(&terms, &[answer, challenge.neg()], 256);
    if !total.add_affine(&other.neg()).is_infinity() {
        return None;
    }
    Some(Half {
        nonce,
        answer,
        weights: weights.iter().map(|g| g.mul(challenge)).collect(),
    })
}

/// Sum over openings of r * (z*G - A - sum (e*g)*S), for weights r nobody could foresee: infinity when all hold.
#[derive(Clone)]
pub(crate) struct Sum {
    answers: Scalar,
    points: Vec<Scalar>,
    nonces: Jacobian,
}

impl Sum {
    pub(crate) fn new(params: &Params) -> Self {
        Self {
            answers: Scalar::ZERO,
            points: vec![Scalar::ZERO; params.layout.points()],
            nonces: Jacobian::INFINITY,
        }
    }

    pub(crate) fn add(&mut self, half: &Half, weight: Scalar) {
        self.answers = self.answers.add(weight.mul(half.answer));
        for (sum, g) in self.points.iter_mut().zip(&half.weights) {
            *sum = sum.add(weight.mul(*g));
        }
        let nonce = sum_of_multiples(&[half.nonce], &[weight], 128);
        self.nonces = self.nonces.add(&nonce);
    }

    pub(crate) fn merge(mut self, other: &Self) -> Self {
        self.answers = self.answers.add(other.answers);
        for (sum, g) in self.points.iter_mut().zip(&other.points) {
            *sum = sum.add(*g);
        }
        self.nonces = self.nonces.add(&other.nonces);
        self
    }

    pub(crate) fn holds(&self, points: &[Affine]) -> bool {
        let mut bases = points.to_vec();
        bases.push(Affine::GENERATOR);
        let mut scalars = self.points.clone();
        scalars.push(self.answers.neg());
        let right = sum_of_multiples(&bases, &scalars, 256);
        right.add(&self.nonces).is_infinity()
    }
}
