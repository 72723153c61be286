//! Rank-1 constraints and the assignment that meets them, written at once.
//!
//! Promises that the constraints depend on the code that calls it only, never on a value: every number carries its value
//! beside its linear combination, and no branch here looks at a value. A value that breaks a rule still gives a system
//! and an assignment; the first rules broken are named. Coefficients given to `*` must be constants of the statement.
//! Does NOT know what a statement says.

mod num;

pub use num::{Bit, Num};

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field, PrimeField};
use groth16::R1cs;

use crate::field::{bit, power_of_two};

/// Sums of products of numbers below 2^252 stay apart from each other modulo r: the most bits any integer may have.
pub const SAFE_BITS: usize = 252;

/// The name of constraints that this module's own values always meet.
const INTERNAL: &str = "constraints";

/// What a statement and a witness give.
pub struct Built {
    /// The constraints, the same for every witness.
    pub r1cs: R1cs,
    /// The value of every wire.
    pub assignment: Vec<Fr>,
    /// The rule of the first constraint that the assignment breaks.
    pub violated: Option<&'static str>,
    /// Every rule it breaks, in the order of the constraints.
    pub violations: Vec<&'static str>,
}

/// Constraints under construction.
pub struct Builder {
    r1cs: R1cs,
    assignment: Vec<Fr>,
    exposed: usize,
    violations: Vec<&'static str>,
}

impl Builder {
    /// No constraint yet, and so many public inputs; each is given its number by [`Self::expose`].
    pub fn new(public: usize) -> Self {
        let (a, b, c) = Default::default();
        let wires = 1 + public;
        let mut assignment = vec![Fr::ZERO; wires];
        assignment[0] = Fr::ONE;
        Self {
            r1cs: R1cs {
                public,
                wires,
                a,
                b,
                c,
            },
            assignment,
            exposed: 0,
            violations: Vec::new(),
        }
    }

    /// The next public input is this number.
    pub fn expose(&mut self, number: &Num) {
        self.exposed += 1;
        assert!(self.exposed <= self.r1cs.public, "as many as were declared");
        self.assignment[self.exposed] = number.value;
        let input = self.wire(self.exposed);
        self.equal(&input, number, INTERNAL);
    }

    /// A fresh wire, constrained by nothing yet.
    pub fn witness(&mut self, value: Fr) -> Num {
        self.assignment.push(value);
        self.r1cs.wires += 1;
        self.wire(self.r1cs.wires - 1)
    }

    fn wire(&self, wire: usize) -> Num {
        let index = u32::try_from(wire).expect("far fewer wires than 2^32");
        Num {
            value: self.assignment[wire],
            terms: vec![(index, Fr::ONE)],
        }
    }

    /// a * b = c, or the rule is broken.
    pub fn enforce(&mut self, a: &Num, b: &Num, c: &Num, rule: &'static str) {
        self.r1cs.a.push(a.terms.clone());
        self.r1cs.b.push(b.terms.clone());
        self.r1cs.c.push(c.terms.clone());
        if a.value * b.value != c.value && !self.violations.contains(&rule) {
            self.violations.push(rule);
        }
    }

    /// a = b, or the rule is broken.
    pub fn equal(&mut self, a: &Num, b: &Num, rule: &'static str) {
        self.enforce(&(a - b), &Num::from(1), &Num::from(0), rule);
    }

    /// Where the bit is 1, a = b, or the rule is broken.
    pub fn equal_if(&mut self, enabled: &Bit, a: &Num, b: &Num, rule: &'static str) {
        self.enforce(&enabled.0, &(a - b), &Num::from(0), rule);
    }

    /// The bit is 1, or the rule is broken.
    pub fn require(&mut self, bit: &Bit, rule: &'static str) {
        self.equal(&bit.0, &Num::from(1), rule);
    }

    /// Where `enabled` is 1, the bit is 1, or the rule is broken.
    pub fn require_if(&mut self, enabled: &Bit, bit: &Bit, rule: &'static str) {
        self.enforce(&enabled.0, &bit.not().0, &Num::from(0), rule);
    }

    /// The product: one constraint, none when a factor is a constant.
    pub fn mul(&mut self, a: &Num, b: &Num) -> Num {
        match (a.known(), b.known()) {
            (Some(factor), _) => b * factor,
            (_, Some(factor)) => a * factor,
            _ => {
                let product = self.witness(a.value * b.value);
                self.enforce(a, b, &product, INTERNAL);
                product
            }
        }
    }

    /// a * b = c for a c that was computed so.
    pub(crate) fn product(&mut self, a: &Num, b: &Num, c: &Num) {
        self.enforce(a, b, c, INTERNAL);
    }

    /// a / b for a b that is known not to be zero by other constraints: where it is, any value would do.
    pub fn divide_by_nonzero(&mut self, a: &Num, b: &Num) -> Num {
        let inverse = b.value.inverse().unwrap_or_default();
        let quotient = self.witness(a.value * inverse);
        self.enforce(&quotient, b, a, INTERNAL);
        quotient
    }

    /// A fresh bit.
    pub fn bit(&mut self, value: bool) -> Bit {
        let bit = self.witness(Fr::from(value));
        self.boolean(&bit, INTERNAL)
    }

    /// The number as a bit, or the rule is broken.
    pub fn boolean(&mut self, number: &Num, rule: &'static str) -> Bit {
        self.enforce(number, &(number - Num::from(1)), &Num::from(0), rule);
        Bit(number.clone())
    }

    /// Both.
    pub fn and(&mut self, a: &Bit, b: &Bit) -> Bit {
        Bit(self.mul(&a.0, &b.0))
    }

    /// At least one.
    pub fn or(&mut self, a: &Bit, b: &Bit) -> Bit {
        self.and(&a.not(), &b.not()).not()
    }

    /// `yes` where the bit is 1, else `no`.
    pub fn select(&mut self, bit: &Bit, yes: &Num, no: &Num) -> Num {
        no + self.mul(&bit.0, &(yes - no))
    }

    /// Bits 0 to n - 1 of a number below 2^n, n constraints; n at most 252, so that a number has one decomposition. A
    /// larger number breaks the rule.
    pub fn bits(&mut self, number: &Num, n: usize, rule: &'static str) -> Vec<Bit> {
        assert!((1..=SAFE_BITS).contains(&n), "2^n stays below r");
        self.decompose(number, n, rule)
    }

    /// The number is below 2^n, n at most 252, or the rule is broken.
    pub fn range(&mut self, number: &Num, n: usize, rule: &'static str) {
        self.bits(number, n, rule);
    }

    /// A fresh number below 2^n, or the rule is broken.
    pub fn integer(&mut self, value: Fr, n: usize, rule: &'static str) -> Num {
        let number = self.witness(value);
        self.range(&number, n, rule);
        number
    }

    /// Bits that sum to the number modulo r. All but the lowest are wires, the lowest is what remains.
    fn decompose(&mut self, number: &Num, n: usize, rule: &'static str) -> Vec<Bit> {
        let high: Vec<Num> = (1..n)
            .map(|i| self.witness(Fr::from(bit(&number.value, i))))
            .collect();
        let rest = high.iter().enumerate();
        let rest = Num::sum(rest.map(|(i, high)| (power_of_two(i + 1), high)));
        let lowest = number - rest;
        std::iter::once(&lowest)
            .chain(&high)
            .map(|bit| self.boolean(bit, rule))
            .collect()
    }

    /// The 254 bits of the number itself, not of the number + r.
    pub fn bits_canonical(&mut self, number: &Num) -> Vec<Bit> {
        let bits = self.decompose(number, Fr::MODULUS_BIT_SIZE as usize, INTERNAL);
        let mut largest = Fr::MODULUS;
        largest.sub_with_borrow(&BigInt::from(1u64));
        self.at_most_constant(&bits, &largest, INTERNAL);
        bits
    }

    /// The number that these bits write is at most the limit, or the rule is broken. Goes down the limit's runs of equal
    /// bits: while everything so far equals the limit, a run of zeros must be met by zeros, and a run of ones goes on
    /// being equal only if met by ones.
    pub fn at_most_constant(&mut self, bits: &[Bit], limit: &BigInt<4>, rule: &'static str) {
        assert!(
            limit.num_bits() as usize <= bits.len(),
            "bits for the limit"
        );
        let mut equal = Bit::constant(true);
        let mut end = bits.len();
        while end > 0 {
            let ones = limit.get_bit(end - 1);
            let start = (0..end)
                .rev()
                .find(|i| limit.get_bit(*i) != ones)
                .map_or(0, |i| i + 1);
            // Of a number of ones between 0 and 254: no wrap around r.
            let count = Num::sum(bits[start..end].iter().map(|bit| (Fr::ONE, &bit.0)));
            if !ones {
                self.enforce(&equal.0, &count, &Num::from(0), rule);
            } else if start > 0 {
                let run = match end - start {
                    1 => bits[start].clone(),
                    length => self.is_zero(&(Num::from(length as u64) - count)),
                };
                equal = self.and(&equal, &run);
            }
            end = start;
        }
    }

    /// Whether the number is 0: two constraints.
    pub fn is_zero(&mut self, number: &Num) -> Bit {
        let inverse = self.witness(number.value.inverse().unwrap_or_default());
        let zero = self.witness(Fr::from(number.value == Fr::ZERO));
        // number * inverse = 1 - zero, number * zero = 0: zero is 1 for 0, and 0 for what has an inverse.
        self.enforce(number, &inverse, &(Num::from(1) - &zero), INTERNAL);
        self.enforce(number, &zero, &Num::from(0), INTERNAL);
        Bit(zero)
    }

    /// Whether a = b.
    pub fn is_equal(&mut self, a: &Num, b: &Num) -> Bit {
        self.is_zero(&(a - b))
    }

    /// Whether a < b, for integers below 2^n (checked elsewhere), n below 252: n + 1 constraints. a - b + 2^n lies between
    /// 1 and 2^(n+1) - 1, and its bit n says a >= b.
    pub fn less_than(&mut self, a: &Num, b: &Num, n: usize) -> Bit {
        let shifted = a - b + Num::constant(power_of_two(n));
        self.bits(&shifted, n + 1, INTERNAL)[n].not()
    }

    /// Whether a <= b, as `less_than`.
    pub fn at_most(&mut self, a: &Num, b: &Num, n: usize) -> Bit {
        self.less_than(b, a, n).not()
    }

    /// ceil(a / b) as an integer of `quotient` bits, for an integer a below 2^252 and 0 < b < 2^`divisor` (both checked
    /// elsewhere but b > 0, which is checked here). Breaks the rule when the quotient does not fit or b = 0.
    ///
    /// q b = a + rest with 0 <= rest < b has one solution in integers. q b < 2^(quotient + divisor) <= 2^252 and a < 2^252,
    /// so q b - a modulo r is the integer q b - a when that is not negative, and above 2^252 when it is.
    pub fn ceil_div(
        &mut self,
        a: &Num,
        b: &Num,
        quotient: usize,
        divisor: usize,
        rule: &'static str,
    ) -> Num {
        assert!(quotient + divisor <= SAFE_BITS, "the product stays below r");
        let q = self.integer(ceil(a.value, b.value), quotient, rule);
        let rest = self.mul(&q, b) - a;
        self.range(&rest, divisor, rule);
        self.range(&(b - Num::from(1) - rest), divisor, rule);
        q
    }

    /// Bits of which only number `index` is 1; breaks the rule unless the number is below `count`.
    pub fn one_hot(&mut self, index: &Num, count: usize, rule: &'static str) -> Vec<Bit> {
        let mut bits: Vec<Bit> = (1..count as u64)
            .map(|i| self.bit(index.value == Fr::from(i)))
            .collect();
        let others = Num::sum(bits.iter().map(|bit| (Fr::ONE, &bit.0)));
        let first = self.boolean(&(Num::from(1) - others), rule);
        bits.insert(0, first);
        let named = bits.iter().enumerate();
        let named = Num::sum(named.map(|(i, bit)| (Fr::from(i as u64), &bit.0)));
        self.equal(&named, index, rule);
        bits
    }

    /// The choice whose bit is 1, of bits of which one is: a constraint a choice.
    pub fn pick(&mut self, one_hot: &[Bit], choices: &[Num]) -> Num {
        assert_eq!(one_hot.len(), choices.len(), "a bit a choice");
        let picked: Vec<Num> = (one_hot.iter().zip(choices))
            .map(|(bit, choice)| self.mul(&bit.0, choice))
            .collect();
        Num::sum(picked.iter().map(|part| (Fr::ONE, part)))
    }

    /// The constraints, the assignment, and what it breaks.
    pub fn finish(self) -> Built {
        assert_eq!(self.exposed, self.r1cs.public, "every input was exposed");
        Built {
            r1cs: self.r1cs,
            assignment: self.assignment,
            violated: self.violations.first().copied(),
            violations: self.violations,
        }
    }
}

/// ceil(a / b) of the numbers as integers; 0 when b is 0.
fn ceil(a: Fr, b: Fr) -> Fr {
    let (a, b) = (a.into_bigint(), b.into_bigint());
    if b.is_zero() {
        return Fr::ZERO;
    }
    let (mut quotient, mut rest) = (BigInt::<4>::default(), BigInt::<4>::default());
    for i in (0..Fr::MODULUS_BIT_SIZE as usize).rev() {
        quotient.mul2();
        rest.mul2();
        rest.0[0] |= u64::from(a.get_bit(i));
        if rest >= b {
            rest.sub_with_borrow(&b);
            quotient.0[0] |= 1;
        }
    }
    if !rest.is_zero() {
        quotient.add_with_carry(&BigInt::from(1u64));
    }
    // ceil(a / 1) = a < r.
    Fr::from_bigint(quotient).expect("not above a")
}

#[cfg(test)]
mod tests;
