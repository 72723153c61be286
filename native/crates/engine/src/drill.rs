//! Fire drill: one opened instance in the form of a kept one, evaluated end to end on digits that nobody publishes.
//!
//! An evaluator learns whether what it stores, and the code that reads it, would serve, without touching an instance that
//! is kept. The digits are hashed from the setup id. Core: they free the share of the instance, when the predicate is
//! false on them. Babe: they are a point p1, and the instance gives r * p1.
//!
//! Bytes: index (4, little-endian), D, the record of a kept instance, the answer (core: the share; babe: x and y of
//! r * p1, 32 bytes big-endian each).

use ark_bn254::{Fq, G1Affine};
use ark_ec::CurveGroup;
use ark_ff::{BigInteger, PrimeField};
use babe::Secrets;
use garble::{Control, Path};

use crate::check::Record;
use crate::digits::{expand, read_points};
use crate::error::length;
use crate::held::{Held, bits_of_point, bits_of_values, values_of_bits};
use crate::instance::{Tables, make};
use crate::transcript::{DRILL, hash, le};
use crate::{EngineError, Params, Predicate};

const INDEX_BYTES: usize = 4;

fn drill_bytes(params: &Params) -> usize {
    let answer = match params.predicate {
        Predicate::Core => 32,
        Predicate::Babe(_) => 64,
    };
    INDEX_BYTES + params.points_bytes() + params.kept_bytes() + answer
}

/// Makes a drill from the lowest opened instance. `openings` are those that [`crate::check`] accepted.
pub fn make_drill(
    params: &Params,
    kept: &[usize],
    openings: &[u8],
) -> Result<Vec<u8>, EngineError> {
    params.check_kept(kept)?;
    let opened = params.opened(kept);
    let expected = opened.len() * params.opening_bytes();
    length("openings", expected, openings.len())?;
    let record = Record::parse(params, opened[0], &openings[..params.opening_bytes()])?;
    let source = record.source()?;
    let mut bytes = Vec::with_capacity(drill_bytes(params));
    bytes.extend_from_slice(&le(record.index));
    bytes.extend_from_slice(record.soldered);
    let start = bytes.len();
    bytes.resize(start + params.kept_bytes(), 0);
    let tables = Tables::Keep(&mut bytes[start..]);
    let control = Control::default();
    make(params, std::slice::from_ref(&source), tables, &control)?;
    match params.predicate {
        Predicate::Core => bytes.extend_from_slice(&source.share.to_bytes()),
        Predicate::Babe(_) => {
            let multiple = point(params) * *Secrets::from_seed(&source.seed).r();
            bytes.extend_from_slice(&coordinates(&multiple.into_affine()));
        }
    }
    Ok(bytes)
}

/// Evaluates a drill; whether it gave the answer. An error: the bytes cannot be a drill of this pair.
pub fn run_drill(params: &Params, drill: &[u8], control: &Control) -> Result<bool, EngineError> {
    length("drill", drill_bytes(params), drill.len())?;
    let (index, rest) = drill.split_at(INDEX_BYTES);
    let index = index
        .iter()
        .rev()
        .fold(0, |n, byte| n << 8 | usize::from(*byte));
    if index >= params.instances {
        let expected = format!("an index below {}", params.instances);
        return Err(EngineError::field("drill", expected, index));
    }
    let (soldered, rest) = rest.split_at(params.points_bytes());
    let (record, answer) = rest.split_at(params.kept_bytes());
    let basis = read_points("drill", soldered, params.layout.points())?;
    let points = expand(params.layout, &basis)
        .map_err(|_| EngineError::instance(index, "D", "a finite point for every value"))?;
    let values = values_of_bits(params.layout, &bits(params));
    let numbered = values.iter().enumerate();
    let points: Vec<_> = numbered
        .map(|(digit, value)| points[digit * params.layout.values() + value])
        .collect();
    let held = Held::new(params, index, record, &values, &points);
    let bits = bits_of_values(params.layout, &values);
    control.start(1);
    let right = match params.predicate {
        Predicate::Core => {
            let lanes = [held.lane()];
            let result = garble::evaluate(&params.program, &lanes, &bits, Path::best(), control)?;
            result.bits[0] || held.unmask(&result.labels[0][0])[..] == *answer
        }
        Predicate::Babe(_) => held
            .decode(params, &bits, control)?
            .is_some_and(|multiple| coordinates(&multiple)[..] == *answer),
    };
    control.advance(1);
    Ok(right)
}

/// The input bits of the drill.
fn bits(params: &Params) -> Vec<bool> {
    match params.predicate {
        Predicate::Core => {
            let count = params.layout.input_bits();
            let mut bytes = vec![0; count.div_ceil(8)];
            hash(DRILL, &[&params.setup_id])
                .finalize_xof()
                .fill(&mut bytes);
            let bit = |n: usize| bytes[n / 8] >> (n % 8) & 1 == 1;
            (0..count).map(bit).collect()
        }
        Predicate::Babe(_) => bits_of_point(&coordinates(&point(params))).to_vec(),
    }
}

/// A point of BN254 whose logarithm nobody knows: the first x of a stream that is on the curve.
fn point(params: &Params) -> G1Affine {
    let mut stream = hash(DRILL, &[&params.setup_id]).finalize_xof();
    let mut wide = [0; 48];
    loop {
        stream.fill(&mut wide);
        let x = Fq::from_le_bytes_mod_order(&wide);
        if let Some(point) = G1Affine::get_point_from_x_unchecked(x, false) {
            return point; // every point of the curve is in the group
        }
    }
}

/// x and y, 32 bytes big-endian each.
fn coordinates(point: &G1Affine) -> [u8; 64] {
    let mut bytes = [0; 64];
    for (half, coordinate) in bytes.chunks_exact_mut(32).zip([point.x, point.y]) {
        half.copy_from_slice(&coordinate.into_bigint().to_bytes_be());
    }
    bytes
}
