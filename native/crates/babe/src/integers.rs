//! Products of unsigned numbers: Karatsuba down to a size at which the schoolbook is cheaper.
//!
//! Numbers are wires, least significant bit first.

use num_bigint::BigInt;

use crate::builder::{Builder, Wire};
use crate::columns::{Columns, Sign};

/// Up to these sizes the schoolbook takes fewer AND gates; found by counting.
const SCHOOLBOOK_PRODUCT: usize = 14;
const SCHOOLBOOK_SQUARE: usize = 17;

/// x + y, one bit longer than the longer one.
pub(crate) fn add(builder: &mut Builder, x: &[Wire], y: &[Wire]) -> Vec<Wire> {
    let mut columns = Columns::new(x.len().max(y.len()) + 1);
    columns.number(builder, Sign::Plus, x, 0);
    columns.number(builder, Sign::Plus, y, 0);
    columns.sum(builder)
}

/// x * y for numbers of the same length, twice as long.
pub(crate) fn product(builder: &mut Builder, x: &[Wire], y: &[Wire]) -> Vec<Wire> {
    if x.len() <= SCHOOLBOOK_PRODUCT {
        let mut columns = Columns::new(2 * x.len());
        for (i, a) in x.iter().enumerate() {
            for (j, b) in y.iter().enumerate() {
                columns.bit(i + j, builder.and(*a, *b));
            }
        }
        return columns.sum(builder);
    }
    let half = x.len().div_ceil(2);
    let (x0, x1) = x.split_at(half);
    let (y0, y1) = y.split_at(half);
    let low = product(builder, x0, y0);
    let high = product(builder, x1, y1);
    let (xs, ys) = (add(builder, x0, x1), add(builder, y0, y1));
    let middle = product(builder, &xs, &ys);
    karatsuba(builder, &low, &middle, &high, half)
}

/// x * x, twice as long.
pub(crate) fn square(builder: &mut Builder, x: &[Wire]) -> Vec<Wire> {
    if x.len() <= SCHOOLBOOK_SQUARE {
        let mut columns = Columns::new(2 * x.len());
        for (i, a) in x.iter().enumerate() {
            for (j, b) in x[..i].iter().enumerate() {
                let ab = builder.and(*a, *b);
                if j + 1 == i {
                    columns.pair(builder, 2 * i, *a, ab);
                } else {
                    columns.bit(i + j + 1, ab);
                }
            }
        }
        if let Some(lowest) = x.first() {
            columns.bit(0, *lowest);
        }
        return columns.sum(builder);
    }
    let half = x.len().div_ceil(2);
    let (x0, x1) = x.split_at(half);
    let low = square(builder, x0);
    let high = square(builder, x1);
    let sum = add(builder, x0, x1);
    let middle = square(builder, &sum);
    karatsuba(builder, &low, &middle, &high, half)
}

/// low + (middle - low - high) 2^half + high 2^(2 half).
fn karatsuba(
    builder: &mut Builder,
    low: &[Wire],
    middle: &[Wire],
    high: &[Wire],
    half: usize,
) -> Vec<Wire> {
    let mut columns = Columns::new(low.len() + high.len());
    columns.number(builder, Sign::Plus, low, 0);
    columns.number(builder, Sign::Plus, high, 2 * half);
    columns.number(builder, Sign::Plus, middle, half);
    columns.number(builder, Sign::Minus, low, half);
    columns.number(builder, Sign::Minus, high, half);
    columns.sum(builder)
}

/// x * y for numbers whose squares are known: half of (x + y)^2 - x^2 - y^2.
pub(crate) fn product_by_squares(
    builder: &mut Builder,
    (x, x_squared): (&[Wire], &[Wire]),
    (y, y_squared): (&[Wire], &[Wire]),
) -> Vec<Wire> {
    let sum = add(builder, x, y);
    let sum_squared = square(builder, &sum);
    let mut columns = Columns::new(x.len() + y.len() + 1);
    columns.number(builder, Sign::Plus, &sum_squared, 0);
    columns.number(builder, Sign::Minus, x_squared, 0);
    columns.number(builder, Sign::Minus, y_squared, 0);
    columns.sum(builder).split_off(1)
}

/// Whether x < limit, for a constant limit below 2^len.
pub(crate) fn less_than(builder: &mut Builder, x: &[Wire], limit: &BigInt) -> Wire {
    // the borrow of x - limit
    let mut borrow = Wire::FALSE;
    for (index, wire) in x.iter().enumerate() {
        let clear = builder.not(*wire);
        borrow = if limit.bit(index as u64) {
            // x - 1 - borrow < 0: !x OR borrow
            let set = builder.not(borrow);
            let neither = builder.and(*wire, set);
            builder.not(neither)
        } else {
            builder.and(clear, borrow)
        };
    }
    borrow
}
