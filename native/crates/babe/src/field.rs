//! Arithmetic modulo p, the prime of BN254's coordinates.
//!
//! Reduction after Barrett: the quotient is the high part of (high part of the number) * (a constant), and the remainder
//! the low part of number - quotient * p. A product with a constant is a sum of shifted odd multiples, so half of
//! each product is never made. The quotient's error is bounded where the circuit is built.

use num_bigint::BigInt;

use crate::builder::{Builder, Wire};
use crate::columns::{Columns, Sign};

/// Bits of p.
pub(crate) const BITS: usize = 254;
/// Bits of a number below 2p.
const DOUBLE: usize = BITS + 1;
/// The quotient is taken from the number without this many low bits: they are worth 2^253 / p = 0.66 of it.
const DROPPED: usize = 253;
/// Bits after the point of the constant 2^DROPPED / p.
const SCALE: usize = 258;
/// Bits after the point of the quotient's sum; shorter parts of its addends are dropped.
const GUARD: usize = 8;
/// Odd multiples below 2^WINDOW take part in a product with a constant.
const WINDOW: u32 = 4;

/// p, big-endian.
pub(crate) fn modulus() -> BigInt {
    BigInt::from_bytes_be(
        num_bigint::Sign::Plus,
        &[
            0x30, 0x64, 0x4e, 0x72, 0xe1, 0x31, 0xa0, 0x29, 0xb8, 0x50, 0x45, 0xb6, 0x81, 0x81,
            0x58, 0x5d, 0x97, 0x81, 0x6a, 0x91, 0x68, 0x71, 0xca, 0x8d, 0x3c, 0x20, 0x8c, 0x16,
            0xd8, 0x7c, 0xfd, 0x47,
        ],
    )
}

/// On which side of number / p a quotient lies before its floor is taken; either way it is off by less than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rounding {
    /// Never above: the remainder is at least 0 and below 2p.
    Down,
    /// Never below: the remainder of a multiple of p is 0, all others lie above -p and below p.
    Multiple,
}

/// `value` mod p, 254 bits, for a value of at most 508 bits.
pub(crate) fn reduce(builder: &mut Builder, value: &[Wire]) -> Vec<Wire> {
    let rest = remainder(builder, value, Rounding::Down);
    let mut columns = Columns::new(DOUBLE);
    columns.number(builder, Sign::Plus, &rest, 0);
    columns.constant(&-modulus());
    let mut less = columns.sum(builder);
    let negative = less.pop().unwrap_or(Wire::FALSE);
    let choose = |(less, rest): (&Wire, &Wire)| {
        let differ = builder.xor(*less, *rest);
        let change = builder.and(negative, differ);
        builder.xor(*less, change)
    };
    less.iter().zip(&rest).map(choose).collect()
}

/// Whether p divides a value of at most 508 bits.
pub(crate) fn is_multiple(builder: &mut Builder, value: &[Wire]) -> Wire {
    let rest = remainder(builder, value, Rounding::Multiple);
    let clear: Vec<Wire> = rest.iter().map(|bit| builder.not(*bit)).collect();
    builder.all(&clear)
}

/// value - quotient * p modulo 2^255.
fn remainder(builder: &mut Builder, value: &[Wire], rounding: Rounding) -> Vec<Wire> {
    let quotient = quotient(builder, value, rounding);
    let mut columns = Columns::new(DOUBLE);
    columns.number(builder, Sign::Plus, &value[..DOUBLE], 0);
    let multiples = odd_multiples(builder, &quotient, DOUBLE);
    for (shift, sign, multiple) in recode(&modulus()) {
        let number = &multiples[multiple / 2];
        columns.number(builder, Sign::Minus.times(sign), number, shift);
    }
    columns.sum(builder)
}

/// value / p modulo 2^255, rounded.
fn quotient(builder: &mut Builder, value: &[Wire], rounding: Rounding) -> Vec<Wire> {
    let one = BigInt::from(1);
    let inverse = (&one << (DROPPED + SCALE)) / modulus();
    let high = &value[DROPPED..];
    let multiples = odd_multiples(builder, high, high.len() + WINDOW as usize);
    // the columns count units of 2^-GUARD
    let mut columns = Columns::new(GUARD + DOUBLE);
    let mut dropped = [0, 0]; // addends that lost bits: of sign plus, of sign minus
    for (shift, sign, multiple) in recode(&inverse) {
        let number = &multiples[multiple / 2];
        match (SCALE - GUARD).checked_sub(shift) {
            None | Some(0) => columns.number(builder, sign, number, shift + GUARD - SCALE),
            Some(lost) => {
                dropped[(sign == Sign::Minus) as usize] += 1;
                columns.number(builder, sign, &number[lost.min(number.len())..], 0);
            }
        }
    }
    // the sum lies between value / p - below and value / p + above, in units: what the value's low bits are worth, what
    // the constant's are, and less than one for each shortened addend
    let low_bits = (&one << (DROPPED + GUARD)) / modulus() + 1;
    let floor = (&one << high.len() >> (SCALE - GUARD)) + 1;
    let below: BigInt = low_bits + floor + dropped[0];
    let above = BigInt::from(dropped[1]);
    assert!(
        &below + &above < one << GUARD,
        "the quotient is off by one or more"
    );
    columns.constant(&match rounding {
        Rounding::Down => -above,
        Rounding::Multiple => below,
    });
    columns.sum(builder).split_off(GUARD)
}

/// x, 3x, 5x, .. modulo 2^width, as many as the window has.
fn odd_multiples(builder: &mut Builder, x: &[Wire], width: usize) -> Vec<Vec<Wire>> {
    let mut multiples = vec![x.to_vec()];
    for index in 1..1usize << (WINDOW - 1) {
        let bits = usize::BITS - (2 * index + 1).leading_zeros();
        let mut columns = Columns::new(width.min(x.len() + bits as usize));
        columns.number(builder, Sign::Plus, &multiples[index - 1], 0);
        columns.number(builder, Sign::Plus, x, 1);
        multiples.push(columns.sum(builder));
    }
    multiples
}

/// A positive constant as a sum of +-m * 2^shift with odd m below 2^WINDOW: (shift, sign, m).
fn recode(constant: &BigInt) -> Vec<(usize, Sign, usize)> {
    let mut digits = Vec::new();
    let mut rest = constant.clone();
    let mut shift = 0;
    while rest > BigInt::ZERO {
        if !rest.bit(0) {
            rest >>= 1;
            shift += 1;
            continue;
        }
        let window = (0..=WINDOW as usize).filter(|bit| rest.bit(*bit as u64));
        let value: usize = window.map(|bit| 1 << bit).sum();
        let (sign, multiple) = if value >> WINDOW == 0 {
            (Sign::Plus, value)
        } else {
            (Sign::Minus, (2 << WINDOW) - value)
        };
        match sign {
            Sign::Plus => rest -= multiple,
            Sign::Minus => rest += multiple,
        }
        digits.push((shift, sign, multiple));
    }
    digits
}
