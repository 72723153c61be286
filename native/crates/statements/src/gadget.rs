//! Poseidon in constraints: the same function as `poseidon::hash`, three constraints for each x^5, nothing for the rest.
//!
//! A partial round raises one word only, and the other words stay linear in all words raised before. So that the
//! factors of constraints stay short, the wires of a partial round are x^2, x^4 and the *next* word to be raised: x^5
//! is a linear combination of that word, of those raised before, and of the words that entered the partial rounds, and
//! stands only on the product's side. These combinations are the same in every hash of a width: computed once.

use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

use crate::builder::{Builder, Num};
use crate::poseidon::{FULL, INPUTS, Parameters};
use crate::state::{Sponge, Word};

impl Word for Num {
    fn constant(value: Fr) -> Self {
        Self::constant(value)
    }

    fn combination<'a>(terms: impl Iterator<Item = (&'a Self, Fr)>) -> Self {
        Self::sum(terms.map(|(number, by)| (by, number)))
    }
}

impl Sponge for Builder {
    type Word = Num;

    fn hash(&mut self, inputs: &[Num]) -> Num {
        hash(self, inputs)
    }
}

/// A linear combination over (1, the words that enter the partial rounds, the words raised in rounds 2, 3, ...).
type Dense = Vec<Fr>;

/// The partial rounds of one width.
struct Partial {
    /// x^5 of each round.
    powers: Vec<Dense>,
    /// The state after them.
    after: Vec<Dense>,
}

static PARTIAL: [LazyLock<Partial>; INPUTS] = {
    macro_rules! each {
        ($($inputs:literal)*) => {[$(LazyLock::new(|| Partial::of(Parameters::of($inputs)))),*]};
    }
    each!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
};

impl Partial {
    fn of(parameters: &Parameters) -> Self {
        let (width, rounds) = (parameters.width, parameters.partial);
        let symbols = 1 + width + rounds;
        let unit = |i: usize| {
            let mut symbol = vec![Fr::ZERO; symbols];
            symbol[i] = Fr::ONE;
            symbol
        };
        let constant = |round: usize, word: usize| parameters.constants[FULL / 2 + round][word];
        let matrix = &parameters.matrix;
        let mut state: Vec<Dense> = (0..width).map(|i| unit(1 + i)).collect();
        let mut powers = Vec::new();
        for round in 0..rounds {
            for (i, word) in state.iter_mut().enumerate() {
                word[0] += constant(round, i);
            }
            // matrix[0][0] x^5 + (the rest of row 0) + the next round's constant = the next word to be raised.
            let mut power = unit(1 + width + round);
            power[0] -= constant(round + 1, 0);
            for (factor, word) in matrix[0].iter().zip(&state).skip(1) {
                add(&mut power, -*factor, word);
            }
            let first = matrix[0][0].inverse().expect("no entry is zero");
            for factor in &mut power {
                *factor *= first;
            }
            state[0] = power.clone();
            state = (matrix.iter())
                .map(|row| {
                    let mut sum = vec![Fr::ZERO; symbols];
                    for (factor, word) in row.iter().zip(&state) {
                        add(&mut sum, *factor, word);
                    }
                    sum
                })
                .collect();
            powers.push(power);
        }
        Self {
            powers,
            after: state,
        }
    }
}

fn add(sum: &mut [Fr], factor: Fr, other: &[Fr]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum += factor * other;
    }
}

/// `poseidon(inputs)` of circomlib, 1 to 16 inputs: 3 (8 t + R_P) constraints for t = inputs + 1, less what is constant.
pub fn hash(builder: &mut Builder, inputs: &[Num]) -> Num {
    let parameters = Parameters::of(inputs.len());
    let mut state = vec![Num::from(0)];
    state.extend_from_slice(inputs);
    for round in 0..FULL / 2 {
        state = full_round(builder, parameters, round, &state);
    }
    state = partial_rounds(builder, parameters, &state);
    for round in FULL / 2 + parameters.partial..FULL + parameters.partial {
        state = full_round(builder, parameters, round, &state);
    }
    state.swap_remove(0)
}

fn full_round(
    builder: &mut Builder,
    parameters: &Parameters,
    round: usize,
    state: &[Num],
) -> Vec<Num> {
    let powers: Vec<Num> = (state.iter().zip(&parameters.constants[round]))
        .map(|(word, constant)| {
            let word = word + Num::constant(*constant);
            let square = builder.mul(&word, &word);
            let fourth = builder.mul(&square, &square);
            builder.mul(&fourth, &word)
        })
        .collect();
    let product = |row: &Vec<Fr>| Num::sum(row.iter().copied().zip(&powers));
    parameters.matrix.iter().map(product).collect()
}

fn partial_rounds(builder: &mut Builder, parameters: &Parameters, state: &[Num]) -> Vec<Num> {
    let partial = &*PARTIAL[parameters.width - 2];
    let start = FULL / 2;
    let mut values: Vec<Fr> = state.iter().map(Num::value).collect();
    // The state's words are combinations of `width` wires; here they are symbols, written out when they are used.
    let mut raised: Vec<Num> = Vec::new();
    let write = |row: &Dense, raised: &[Num]| {
        let entered = Num::sum(row[1..].iter().copied().zip(state));
        let since = row[1 + parameters.width..].iter().copied().zip(raised);
        entered.followed_by(row[0], since)
    };
    for round in 0..parameters.partial {
        let word = match raised.last() {
            Some(wire) => wire.clone(),
            None => &state[0] + Num::constant(parameters.constants[start][0]),
        };
        let square = builder.mul(&word, &word);
        let fourth = builder.mul(&square, &square);
        values = parameters.round(start + round, &values);
        let next = values[0] + parameters.constants[start + round + 1][0];
        raised.push(builder.witness(next));
        builder.product(&fourth, &word, &write(&partial.powers[round], &raised));
    }
    let after = partial.after.iter();
    after.map(|row| write(row, &raised)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poseidon;

    fn built(values: &[u64]) -> (Num, crate::builder::Built) {
        let mut builder = Builder::new(0);
        let inputs: Vec<Num> = (values.iter())
            .map(|value| builder.witness(Fr::from(*value)))
            .collect();
        let digest = hash(&mut builder, &inputs);
        (digest, builder.finish())
    }

    #[test]
    fn every_width_computes_the_hash_in_the_stated_number_of_constraints() {
        for inputs in 1..=INPUTS {
            let values: Vec<u64> = (0..inputs as u64).map(|i| 1000 + i).collect();
            let (digest, built) = built(&values);
            let words: Vec<Fr> = values.iter().copied().map(Fr::from).collect();
            assert_eq!(digest.value(), poseidon::hash(&words));
            assert_eq!(built.violated, None);
            assert_eq!(built.r1cs.unsatisfied(&built.assignment), None);
            // The first word of the first round is a constant.
            let raised = FULL * (inputs + 1) + Parameters::of(inputs).partial - 1;
            assert_eq!(built.r1cs.a.len(), 3 * raised);
        }
    }

    #[test]
    fn no_wire_can_change_alone() {
        let (_, mut built) = built(&[1, 2, 3, 4]);
        for wire in 1..built.assignment.len() {
            built.assignment[wire] += Fr::ONE;
            assert!(built.r1cs.unsatisfied(&built.assignment).is_some());
            built.assignment[wire] -= Fr::ONE;
        }
    }
}
