//! Poseidon over the scalar field of BN254, as circomlib's `poseidon`: x^5, 1 to 16 inputs, one output.
//!
//! Source: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, ePrint 2019/458. Constants are not copied: they come out
//! of the Grain LFSR of the authors' reference script, once for each width. Does NOT know what is hashed.

use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};

/// Most inputs of one hash.
pub const INPUTS: usize = 16;
/// Full rounds, half of them before the partial ones.
pub const FULL: usize = 8;
/// Partial rounds for 1, 2, ... inputs.
const PARTIAL: [usize; INPUTS] = [
    56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68,
];
/// Bits of r, the number that the LFSR draws.
const BITS: usize = 254;

/// The permutation of one width: the number of words.
pub struct Parameters {
    /// Words of the state, inputs + 1.
    pub width: usize,
    /// Rounds that apply x^5 to the first word only.
    pub partial: usize,
    /// What is added before each round's x^5, a row a round.
    pub constants: Vec<Vec<Fr>>,
    /// The matrix after each round's x^5, by rows. No entry is zero (it is a Cauchy matrix).
    pub matrix: Vec<Vec<Fr>>,
}

static PARAMETERS: [LazyLock<Parameters>; INPUTS] = {
    macro_rules! each {
        ($($inputs:literal)*) => {[$(LazyLock::new(|| Parameters::generate($inputs))),*]};
    }
    each!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
};

impl Parameters {
    /// The parameters for so many inputs, 1 to 16.
    pub fn of(inputs: usize) -> &'static Self {
        assert!((1..=INPUTS).contains(&inputs), "1 to 16 inputs");
        &PARAMETERS[inputs - 1]
    }

    fn generate(inputs: usize) -> Self {
        let (width, partial) = (inputs + 1, PARTIAL[inputs - 1]);
        let mut grain = Grain::new(width, partial);
        let mut row = || (0..width).map(|_| grain.constant()).collect();
        let constants = (0..FULL + partial).map(|_| row()).collect();
        Self {
            width,
            partial,
            constants,
            matrix: grain.matrix(width),
        }
    }

    /// The state after one round.
    pub fn round(&self, round: usize, state: &[Fr]) -> Vec<Fr> {
        let mut words: Vec<Fr> = (state.iter().zip(&self.constants[round]))
            .map(|(word, constant)| *word + constant)
            .collect();
        let powered = if self.is_full(round) { self.width } else { 1 };
        for word in &mut words[..powered] {
            *word *= word.square().square();
        }
        let product = |row: &Vec<Fr>| row.iter().zip(&words).map(|(m, word)| *m * word).sum();
        self.matrix.iter().map(product).collect()
    }

    /// Whether the round applies x^5 to every word.
    pub fn is_full(&self, round: usize) -> bool {
        !(FULL / 2..FULL / 2 + self.partial).contains(&round)
    }
}

/// `poseidon(inputs)` of circomlib, 1 to 16 inputs.
pub fn hash(inputs: &[Fr]) -> Fr {
    let parameters = Parameters::of(inputs.len());
    let mut state = vec![Fr::ZERO];
    state.extend_from_slice(inputs);
    for round in 0..FULL + parameters.partial {
        state = parameters.round(round, &state);
    }
    state[0]
}

/// The Grain LFSR in self-shrinking mode, as the reference script seeds it.
struct Grain {
    /// The next 80 bits, the oldest highest.
    bits: u128,
}

impl Grain {
    fn new(width: usize, partial: usize) -> Self {
        // Prime field, x^5, n, t, R_F, R_P, thirty ones: 2 + 4 + 12 + 12 + 10 + 10 + 30 bits.
        let fields = [
            (2, 1),
            (4, 0),
            (12, BITS),
            (12, width),
            (10, FULL),
            (10, partial),
            (30, (1 << 30) - 1),
        ];
        let bits = (fields.iter()).fold(0, |bits, (length, value)| bits << length | *value as u128);
        let mut grain = Self { bits };
        for _ in 0..160 {
            grain.step();
        }
        grain
    }

    fn step(&mut self) -> bool {
        let tap = |i: usize| self.bits >> (79 - i) & 1;
        let next = tap(62) ^ tap(51) ^ tap(38) ^ tap(23) ^ tap(13) ^ tap(0);
        self.bits = (self.bits << 1 | next) & ((1 << 80) - 1);
        next == 1
    }

    /// Bits come in pairs: the first says whether the second counts.
    fn bit(&mut self) -> bool {
        loop {
            let (counts, bit) = (self.step(), self.step());
            if counts {
                return bit;
            }
        }
    }

    /// 254 bits, the highest first.
    fn number(&mut self) -> BigInt<4> {
        let mut limbs = [0u64; 4];
        for i in (0..BITS).rev() {
            limbs[i / 64] |= u64::from(self.bit()) << (i % 64);
        }
        BigInt(limbs)
    }

    /// A number below r; larger ones are thrown away.
    fn constant(&mut self) -> Fr {
        loop {
            if let Some(number) = Fr::from_bigint(self.number()) {
                return number;
            }
        }
    }

    /// A number modulo r.
    fn reduced(&mut self) -> Fr {
        let BigInt(limbs) = self.number();
        let word = Fr::from(u64::MAX) + Fr::ONE;
        (limbs.iter().rev()).fold(Fr::ZERO, |sum, limb| sum * word + Fr::from(*limb))
    }

    /// The Cauchy matrix 1 / (x_i + y_j) of the first 2 t numbers that are all different and give no zero. (The script
    /// then tests it for weak subspaces: the first one passes for every width here, as circomlib's matrices show.)
    fn matrix(&mut self, width: usize) -> Vec<Vec<Fr>> {
        loop {
            let numbers: Vec<Fr> = (0..2 * width).map(|_| self.reduced()).collect();
            let mut sorted = numbers.clone();
            sorted.sort();
            if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
                continue;
            }
            let (xs, ys) = numbers.split_at(width);
            let row = |x: &Fr| ys.iter().map(|y| (*x + y).inverse()).collect();
            if let Some(matrix) = xs.iter().map(row).collect() {
                return matrix;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field;

    fn of(inputs: impl IntoIterator<Item = u64>) -> String {
        let inputs: Vec<Fr> = inputs.into_iter().map(Fr::from).collect();
        let bytes = field::write(&hash(&inputs));
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// circomlibjs test/poseidon.js.
    #[test]
    fn circomlib_vectors() {
        assert_eq!(
            of([1, 2]),
            "115cc0f5e7d690413df64c6b9662e9cf2a3617f2743245519e19607a4417189a"
        );
        assert_eq!(
            of([1, 2, 3, 4]),
            "299c867db6c1fdd79dcefa40e4510b9837e60ebb1ce0663dbaa525df65250465"
        );
    }

    /// go-iden3-crypto's value of 1, 2, ..., 16: the widest.
    #[test]
    fn sixteen_inputs() {
        let expected: Fr =
            "9989051620750914585850546081941653841776809718687451684622678807385399211877"
                .parse()
                .unwrap();
        assert_eq!(
            hash(&(1..=16u64).map(Fr::from).collect::<Vec<_>>()),
            expected
        );
    }

    #[test]
    fn every_width_hashes_and_differs() {
        let hashes: std::collections::BTreeSet<_> = (1..=16).map(|n| of(0..n)).collect();
        assert_eq!(hashes.len(), 16);
    }
}
