//! Numbers and bits of a constraint system: a value beside the linear combination of wires it is.

use std::ops::{Add, Mul, Neg, Sub};

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

use super::SAFE_BITS;
use crate::field::power_of_two;

/// The wire whose value is always one.
const ONE: u32 = 0;

/// A number: a value and the linear combination of wires it is, sorted by wire, without zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Num {
    pub(super) value: Fr,
    pub(super) terms: Vec<(u32, Fr)>,
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
    pub(super) fn known(&self) -> Option<Fr> {
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
pub struct Bit(pub(super) Num);

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
