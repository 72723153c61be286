//! Small constraints that every part of a step uses.
//!
//! A *flag* is a number that others keep to 0 or 1. Rules of a kind hang on its flag: they bind only when it is 1.

use ark_bn254::Fr;
use ark_ff::Field;

use crate::builder::{Bit, Builder, Num};

/// A number with its bits, the lowest first.
pub struct Ranged {
    /// The number.
    pub num: Num,
    /// Its bits.
    pub bits: Vec<Bit>,
}

/// A witness of so many bits, or the rule is broken.
pub fn ranged(b: &mut Builder, value: Fr, bits: usize, rule: &'static str) -> Ranged {
    let num = b.witness(value);
    let bits = b.bits(&num, bits, rule);
    Ranged { num, bits }
}

/// The number is 0, or the rule is broken.
pub fn zero(b: &mut Builder, value: &Num, rule: &'static str) {
    b.equal(value, &Num::from(0), rule);
}

/// Where the flag is 1 the number is 0, or the rule is broken.
pub fn zero_when(b: &mut Builder, flag: &Num, value: &Num, rule: &'static str) {
    b.enforce(flag, value, &Num::from(0), rule);
}

/// Where the flag is 1 the number is not 0, or the rule is broken. The inverse is a hint that nothing else reads: any
/// value serves where the flag and the number are 0.
pub fn nonzero_when(b: &mut Builder, flag: &Num, value: &Num, rule: &'static str) {
    let inverse = value.value().inverse().unwrap_or_default();
    let hint = b.witness(inverse * flag.value());
    b.enforce(value, &hint, flag, rule);
}

/// The sum of the numbers.
pub fn sum<'a>(nums: impl IntoIterator<Item = &'a Num>) -> Num {
    Num::sum(nums.into_iter().map(|num| (Fr::ONE, num)))
}

/// The sum of the products of the pairs: a constraint a pair.
pub fn inner<'a>(b: &mut Builder, pairs: impl IntoIterator<Item = (&'a Num, &'a Num)>) -> Num {
    let products: Vec<Num> = pairs.into_iter().map(|(x, y)| b.mul(x, y)).collect();
    sum(&products)
}

/// One of two by a flag: `yes` where it is 1.
pub fn select(b: &mut Builder, flag: &Num, yes: &Num, no: &Num) -> Num {
    no + b.mul(flag, &(yes - no))
}
