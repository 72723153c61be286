//! Sums of many shifted numbers, column by column: one AND for every bit that goes away.
//!
//! A number is subtracted as its complement, -x = !x + 1 - 2^len; the constants of all of them are gathered in one.
//! Everything is modulo 2^width.

use num_bigint::BigInt;

use crate::builder::{Builder, Wire};

/// Whether a number is added or subtracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Plus,
    Minus,
}

impl Sign {
    /// The sign of a product.
    pub(crate) fn times(self, other: Sign) -> Sign {
        if self == other {
            Sign::Plus
        } else {
            Sign::Minus
        }
    }
}

/// The bits of each weight that are still to be summed.
#[derive(Debug)]
pub(crate) struct Columns {
    bits: Vec<Vec<Wire>>,
    /// Two bits of a weight whose carry is already a wire: (bits, sum, carry).
    pairs: Vec<Option<([Wire; 2], Wire, Wire)>>,
    constant: BigInt,
}

impl Columns {
    /// An empty sum modulo 2^width.
    pub(crate) fn new(width: usize) -> Self {
        Self {
            bits: vec![Vec::new(); width],
            pairs: vec![None; width],
            constant: BigInt::ZERO,
        }
    }

    /// One bit of weight 2^column.
    pub(crate) fn bit(&mut self, column: usize, wire: Wire) {
        if let Some(bits) = self.bits.get_mut(column) {
            match wire {
                Wire::FALSE => {}
                Wire::TRUE => self.constant += BigInt::from(1) << column,
                _ => bits.push(wire),
            }
        }
    }

    /// Bits a and a AND b of one weight: their carry is a AND b again, so half an adder of them is free.
    pub(crate) fn pair(&mut self, builder: &mut Builder, column: usize, a: Wire, ab: Wire) {
        self.pairs[column] = Some(([a, ab], builder.xor(a, ab), ab));
    }

    /// Plus or minus `number` * 2^shift.
    pub(crate) fn number(
        &mut self,
        builder: &mut Builder,
        sign: Sign,
        number: &[Wire],
        shift: usize,
    ) {
        for (index, wire) in number.iter().enumerate() {
            let bit = match sign {
                Sign::Plus => *wire,
                Sign::Minus => builder.not(*wire),
            };
            self.bit(shift + index, bit);
        }
        if sign == Sign::Minus {
            self.constant +=
                (BigInt::from(1) << shift) - (BigInt::from(1) << (shift + number.len()));
        }
    }

    /// Plus a constant, which may be negative.
    pub(crate) fn constant(&mut self, value: &BigInt) {
        self.constant += value;
    }

    /// The sum's bits, as many as columns.
    pub(crate) fn sum(self, builder: &mut Builder) -> Vec<Wire> {
        let width = self.bits.len();
        let mask = (BigInt::from(1) << width) - 1;
        let constant: BigInt = self.constant & mask;
        let mut sum = Vec::with_capacity(width);
        let mut carries = Vec::new();
        for (column, mut bits) in self.bits.into_iter().enumerate() {
            bits.append(&mut carries);
            let mut one = constant.bit(column as u64);
            let pair = self.pairs[column];
            let count = bits.len() + usize::from(one) + pair.map_or(0, |_| 2);
            if column + 1 == width {
                bits.extend(pair.iter().flat_map(|pair| pair.0));
                let start = if one { Wire::TRUE } else { Wire::FALSE };
                sum.push(bits.iter().fold(start, |sum, bit| builder.xor(sum, *bit)));
                break;
            }
            // an even column would need half an adder in the end: take a free one
            let even = count.is_multiple_of(2);
            match pair {
                Some((_, low, carry)) if even => {
                    bits.push(low);
                    carries.push(carry);
                }
                Some((both, ..)) => bits.extend(both),
                None => {}
            }
            if even && pair.is_none() && one {
                // a + 1 = 2 a + !a
                if let Some(bit) = bits.pop() {
                    bits.push(builder.not(bit));
                    carries.push(bit);
                    one = false;
                }
            }
            if one {
                bits.push(Wire::TRUE);
            }
            let low = loop {
                match (bits.pop(), bits.pop(), bits.pop()) {
                    (Some(a), Some(b), Some(c)) => {
                        let (low, carry) = builder.full_adder(a, b, c);
                        bits.push(low);
                        carries.push(carry);
                    }
                    (Some(a), Some(b), None) => {
                        let (low, carry) = builder.half_adder(a, b);
                        carries.push(carry);
                        break low;
                    }
                    (a, ..) => break a.unwrap_or(Wire::FALSE),
                }
            };
            sum.push(low);
        }
        sum
    }
}
