//! The circuit of engine babe: the digits of a point in, the bits of its features out.
//!
//! Published: x and y as 64 digits of four bits each, least significant digit and bit first, hence 256 bits a coordinate.
//! Out: u = (x, y, x^2, y^2, x y) mod p, 254 bits each. A coordinate of p or more (a set padding bit included) or a point
//! off y^2 = x^3 + 3 counts as the generator (1, 2): whoever publishes one gets nothing from it, and no input aborts.

use num_bigint::BigInt;

use crate::builder::{Builder, Wire};
use crate::columns::{Columns, Sign};
use crate::field::{BITS, is_multiple, modulus, reduce};
use crate::integers::{less_than, product, product_by_squares, square};

/// Published bits of a coordinate.
const COORDINATE_BITS: usize = 256;
/// Published bits of a point.
pub const INPUT_BITS: usize = 2 * COORDINATE_BITS;
/// Numbers in u.
pub const FEATURES: usize = 5;
/// Bits of each number in u.
pub const FEATURE_BITS: usize = BITS;
/// u of the generator.
const GENERATOR: [u32; FEATURES] = [1, 2, 1, 4, 2];

/// The binary form of the circuit: inputs x, y of 256 bits; outputs x, y, x^2, y^2, x y of 254 bits.
pub fn features_circuit() -> Vec<u8> {
    let (mut builder, inputs) = Builder::new(&[COORDINATE_BITS as u32; 2]);
    let (x, x_padding) = inputs[0].split_at(BITS);
    let (y, y_padding) = inputs[1].split_at(BITS);

    let x_squared = square(&mut builder, x);
    let y_squared = square(&mut builder, y);
    let xy = product_by_squares(&mut builder, (x, &x_squared), (y, &y_squared));
    let xx = reduce(&mut builder, &x_squared);
    let yy = reduce(&mut builder, &y_squared);
    let xy = reduce(&mut builder, &xy);
    let cube = product(&mut builder, x, &xx);

    // x^3 + 3 - y^2 + p, which is not negative and below 2^508
    let mut columns = Columns::new(2 * BITS);
    columns.number(&mut builder, Sign::Plus, &cube, 0);
    columns.number(&mut builder, Sign::Minus, &yy, 0);
    columns.constant(&(modulus() + BigInt::from(3)));
    let difference = columns.sum(&mut builder);

    let mut conditions = vec![
        is_multiple(&mut builder, &difference),
        less_than(&mut builder, x, &modulus()),
        less_than(&mut builder, y, &modulus()),
    ];
    for bit in x_padding.iter().chain(y_padding) {
        conditions.push(builder.not(*bit));
    }
    let valid = builder.all(&conditions);

    let features = [x, y, &xx, &yy, &xy];
    let outputs: Vec<Vec<Wire>> = features
        .iter()
        .zip(GENERATOR)
        .map(|(feature, otherwise)| select(&mut builder, valid, feature, otherwise))
        .collect();
    builder.finish(&outputs)
}

/// `number` if `valid`, else a constant.
fn select(builder: &mut Builder, valid: Wire, number: &[Wire], otherwise: u32) -> Vec<Wire> {
    let choose = |(index, wire): (usize, &Wire)| {
        if index < 32 && otherwise >> index & 1 == 1 {
            let clear = builder.not(*wire);
            let both = builder.and(valid, clear);
            builder.not(both)
        } else {
            builder.and(valid, *wire)
        }
    };
    number.iter().enumerate().map(choose).collect()
}
