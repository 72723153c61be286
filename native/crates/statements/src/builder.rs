//! Rank-1 constraints and the assignment that meets them, written at once.
//!
//! Promises that the constraints depend on the code that calls it only, never on a value: every number carries its value
//! beside its linear combination, and no branch here looks at a value. A value that breaks a rule still gives a system
//! and an assignment; the first rules broken are named. Coefficients given to `*` must be constants of the statement.
//! Does NOT know what a statement says.

use std::ops::{Add, Mul, Neg, Sub};

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field, PrimeField};
use groth16::R1cs;

use crate::field::{bit, power_of_two};

/// Sums of products of numbers below 2^252 stay apart from each other modulo r: the most bits any integer may have.
pub const SAFE_BITS: usize = 252;

/// The name of constraints that this module's own values always meet.
const INTERNAL: &str = "constraints";

/// The wire whose value is always one.
const ONE: u32 = 0;

/// A number: a value and the linear combination of wires it is, sorted by wire, without zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Num {
    value: Fr,
    terms: Vec<(u32, Fr)>,
}

impl Num {
    /// A constant of the statement.
    pub fn constant(value: Fr) -> Self {
        let terms = Vec::from_iter((value != Fr::ZERO).then_some((ONE, value)));
        Self { value, terms }
    }

    /// The value in this assignment.
    pub fn value(&self) -> Fr {
        self.value
    }

    /// The constant it is, in every assignment.
    fn known(&self) -> Option<Fr> {
        let constant = self.terms.iter().all(|(wire, _)| *wire == ONE);
        constant.then_some(self.value)
    }

    /// The sum of numbers by coefficients.
    pub fn sum<'a>(parts: impl IntoIterator<Item = (Fr, &'a Num)>) -> Self {
        let (mut value, mut terms) = (Fr::ZERO, Vec::new());
        for (factor, part) in parts {
            value += factor * part.value;
            terms.extend(part.terms.iter().map(|(wire, own)| (*wire, *own * factor)));
        }
        // A stable sort of runs that are sorted already merges them.
        terms.sort_by_key(|(wire, _)| *wire);
        terms.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        terms.retain(|(_, factor)| *factor != Fr::ZERO);
        Self { value, terms }
    }

    /// The number plus a constant and products of single wires, each newer than all before: no sorting.
    pub(crate) fn followed_by<'a>(
        &self,
        constant: Fr,
        wires: impl IntoIterator<Item = (Fr, &'a Num)>,
    ) -> Self {
        let mut sum = self + Self::constant(constant);
        for (factor, wire) in wires {
            sum.value += factor * wire.value;
            if factor != Fr::ZERO {
                sum.terms.push((wire.terms[0].0, factor));
            }
        }
        debug_assert!(sum.terms.windows(2).all(|pair| pair[0].0 < pair[1].0));
        sum
    }

    /// `a + b * 2^n + ...` of (a, n), (b, m), ...: the first is the lowest. The numbers must have been checked to fit.
    pub fn pack(fields: &[(&Num, usize)]) -> Self {
        let mut shift = 0;
        let parts: Vec<_> = (fields.iter())
            .map(|(field, bits)| {
                let part = (power_of_two(shift), *field);
                shift += bits;
                part
            })
            .collect();
        assert!(shift <= SAFE_BITS, "a pack stays below r");
        Self::sum(parts)
    }
}

impl From<u64> for Num {
    fn from(value: u64) -> Self {
        Self::constant(Fr::from(value))
    }
}

macro_rules! arithmetic {
    ($($left:ty, $right:ty);*) => {$(
        impl Add<$right> for $left {
            type Output = Num;
            fn add(self, other: $right) -> Num {
                Num::sum([(Fr::ONE, &self as &Num), (Fr::ONE, &other as &Num)])
            }
        }
        impl Sub<$right> for $left {
            type Output = Num;
            fn sub(self, other: $right) -> Num {
                Num::sum([(Fr::ONE, &self as &Num), (-Fr::ONE, &other as &Num)])
            }
        }
    )*};
}
arithmetic!(Num, Num; &Num, Num; Num, &Num; &Num, &Num);

macro_rules! scaling {
    ($($number:ty),*) => {$(
        impl Mul<Fr> for $number {
            type Output = Num;
            fn mul(self, factor: Fr) -> Num {
                Num::sum([(factor, &self as &Num)])
            }
        }
        impl Mul<u64> for $number {
            type Output = Num;
            fn mul(self, factor: u64) -> Num {
                self * Fr::from(factor)
            }
        }
        impl Neg for $number {
            type Output = Num;
            fn neg(self) -> Num {
                self * -Fr::ONE
            }
        }
    )*};
}
scaling!(Num, &Num);

/// A number that constraints keep to 0 or 1.
#[derive(Debug, Clone)]
pub struct Bit(Num);

impl Bit {
    /// A constant.
    pub fn constant(value: bool) -> Self {
        Self(Num::from(u64::from(value)))
    }

    /// As a number.
    pub fn num(&self) -> &Num {
        &self.0
    }

    /// The other one.
    pub fn not(&self) -> Self {
        Self(Num::from(1) - &self.0)
    }

    /// The number of these bits, the lowest first.
    pub fn number(bits: &[Self]) -> Num {
        let bits = bits.iter().enumerate();
        Num::sum(bits.map(|(i, bit)| (power_of_two(i), &bit.0)))
    }
}

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

    /// The same number on a wire of its own, for combinations of many wires that are used often.
    pub fn settle(&mut self, number: &Num) -> Num {
        if number.terms.len() <= 1 {
            return number.clone();
        }
        let wire = self.witness(number.value);
        self.equal(&wire, number, INTERNAL);
        wire
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

    /// a <= b for integers below 2^n (checked elsewhere), or the rule is broken: n constraints.
    pub fn require_at_most(&mut self, a: &Num, b: &Num, n: usize, rule: &'static str) {
        self.range(&(b - a), n, rule);
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
mod tests {
    use super::*;

    const RULE: &str = "rule";

    /// The rules broken by what the function builds on one number, and the system's own opinion.
    fn broken(value: Fr, build: impl Fn(&mut Builder, &Num)) -> bool {
        let mut builder = Builder::new(0);
        let number = builder.witness(value);
        build(&mut builder, &number);
        let built = builder.finish();
        let refused = built.r1cs.unsatisfied(&built.assignment).is_some();
        assert_eq!(built.violated.is_some(), refused);
        assert!(built.violations.iter().all(|rule| *rule == RULE));
        refused
    }

    fn n(value: u64) -> Fr {
        Fr::from(value)
    }

    #[test]
    fn combinations_are_sorted_merged_and_without_zeros() {
        let mut builder = Builder::new(0);
        let (a, b) = (builder.witness(n(3)), builder.witness(n(5)));
        let sum = &b + &a * 2 - &b + Num::from(7);
        assert_eq!(sum.terms, [(0, n(7)), (1, n(2))]);
        assert_eq!(sum.value(), n(13));
        assert_eq!((&a - &a).terms, []);
        let packed = Num::pack(&[(&a, 4), (&b, 8), (&a, 3)]);
        assert_eq!(packed.value(), n(3 + (5 << 4) + (3 << 12)));
    }

    #[test]
    fn ranges_end_at_their_last_number() {
        for bits in [1, 8, 51, 251] {
            let limit = power_of_two(bits);
            assert!(!broken(limit - n(1), |b, x| b.range(x, bits, RULE)));
            assert!(broken(limit, |b, x| b.range(x, bits, RULE)));
            assert!(broken(-n(1), |b, x| b.range(x, bits, RULE)));
        }
    }

    #[test]
    fn a_limit_of_any_pattern_is_exact() {
        for limit in [0, 1, 2, 5, 6, 7, 8, 11, 12, 15] {
            for value in 0..16 {
                let mut builder = Builder::new(0);
                let number = builder.witness(n(value));
                let bits = builder.bits(&number, 4, RULE);
                builder.at_most_constant(&bits, &BigInt::from(limit), RULE);
                assert_eq!(builder.finish().violated.is_some(), value > limit);
            }
        }
    }

    #[test]
    fn canonical_bits_are_those_of_the_number_and_of_no_other() {
        for value in [n(0), n(1), -n(1), -n(2), power_of_two(253)] {
            let mut builder = Builder::new(0);
            let number = builder.witness(value);
            let bits = builder.bits_canonical(&number);
            assert_eq!(Bit::number(&bits).value(), value);
            let mut built = builder.finish();
            assert_eq!(built.r1cs.unsatisfied(&built.assignment), None);
            // The bits of value + r, where they exist: every wire as an honest prover would compute it from them.
            let mut alias = value.into_bigint();
            if alias.add_with_carry(&Fr::MODULUS) || alias.num_bits() > 254 {
                continue;
            }
            for i in 1..254 {
                built.assignment[1 + i] = Fr::from(alias.get_bit(i));
            }
            let first = built.r1cs.unsatisfied(&built.assignment);
            assert!(first.is_some_and(|row| row >= 254), "the bits sum up to it");
        }
    }

    #[test]
    fn comparisons_at_their_edges() {
        for (a, b) in [(0, 0), (3, 4), (4, 3), (0, 255), (255, 0), (255, 255)] {
            let mut builder = Builder::new(0);
            let (x, y) = (builder.witness(n(a)), builder.witness(n(b)));
            assert_eq!(
                builder.less_than(&x, &y, 8).num().value(),
                n((a < b).into())
            );
            assert_eq!(builder.at_most(&x, &y, 8).num().value(), n((a <= b).into()));
            assert_eq!(builder.is_equal(&x, &y).num().value(), n((a == b).into()));
            builder.require_at_most(&x, &y, 8, RULE);
            assert_eq!(builder.finish().violated.is_some(), a > b);
        }
    }

    #[test]
    fn quotients_round_up() {
        for (a, b, q) in [
            (0, 1, 0),
            (1, 1, 1),
            (7, 7, 1),
            (8, 7, 2),
            (13, 7, 2),
            (14, 7, 2),
        ] {
            let mut builder = Builder::new(0);
            let (x, y) = (builder.witness(n(a)), builder.witness(n(b)));
            assert_eq!(builder.ceil_div(&x, &y, 8, 3, RULE).value(), n(q));
            assert_eq!(builder.finish().violated, None);
        }
        let over = |divisor| {
            broken(n(1 << 12), |b, x| {
                b.ceil_div(x, &Num::from(divisor), 8, 5, RULE);
            })
        };
        assert!(over(0) && over(16) && !over(17));
    }

    /// A quotient one too small or too large, with its rest, meets no constraint.
    #[test]
    fn only_one_quotient_passes() {
        let mut builder = Builder::new(0);
        let (x, y) = (builder.witness(n(100)), builder.witness(n(7)));
        builder.ceil_div(&x, &y, 8, 3, RULE);
        let mut built = builder.finish();
        assert_eq!(built.assignment[3], n(15));
        for wrong in [14u64, 16] {
            built.assignment[3] = n(wrong);
            for i in 1..8 {
                built.assignment[3 + i] = n(wrong >> i & 1);
            }
            built.assignment[11] = n(7 * wrong);
            assert!(built.r1cs.unsatisfied(&built.assignment).is_some());
        }
    }

    #[test]
    fn one_hot_and_pick() {
        for index in 0..6 {
            let mut builder = Builder::new(0);
            let number = builder.witness(n(index));
            let hot = builder.one_hot(&number, 5, RULE);
            let choices: Vec<Num> = (10..15).map(|value| builder.witness(n(value))).collect();
            let picked = builder.pick(&hot, &choices);
            let violated = builder.finish().violated;
            if index < 5 {
                assert_eq!((picked.value(), violated), (n(10 + index), None));
            } else {
                assert_eq!(violated, Some(RULE));
            }
        }
    }

    #[test]
    fn public_inputs_stand_first() {
        let mut builder = Builder::new(1);
        let number = builder.witness(n(9));
        builder.expose(&(number * 2));
        let built = builder.finish();
        assert_eq!((built.r1cs.public, built.assignment[1]), (1, n(18)));
        assert_eq!(built.r1cs.unsatisfied(&built.assignment), None);
    }
}
