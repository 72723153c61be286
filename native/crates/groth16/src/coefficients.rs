//! The section of coefficients of a zkey: the matrices a and b, and whether they are a circuit's.

use std::ops::Range;

use ark_bn254::Fr;
use ark_ff::PrimeField;
use rayon::prelude::*;

use crate::fault::{Result, fault};
use crate::r1cs::{Circuit, R1cs};
use crate::sections::{Sections, WORD, limbs};
use crate::zkey::{COEFFICIENTS, Header};

/// Bytes of a coefficient: matrix, row, wire (4 each), value.
pub const COEFFICIENT: usize = 12 + WORD;

/// The section of coefficients, whose count has to fit its length and whose rows and wires exist.
pub fn coefficients(found: &Sections<'_>, header: &Header) -> Result<Range<usize>> {
    let name = format!("section {} ({})", COEFFICIENTS.section, COEFFICIENTS.name);
    let mut reader = found.section(COEFFICIENTS.section, COEFFICIENTS.name)?;
    let count = reader.u32(&name)? as usize;
    if reader.left() != count * COEFFICIENT {
        return Err(fault(
            name,
            format_args!("{} bytes for {count} coefficients", 4 + count * COEFFICIENT),
            format_args!("{} bytes", 4 + reader.left()),
        ));
    }
    let range = found.range(COEFFICIENTS.section, COEFFICIENTS.name)?;
    let raw = reader.take(&name, count * COEFFICIENT)?;
    raw.par_chunks_exact(COEFFICIENT)
        .enumerate()
        .try_for_each(|(i, raw)| {
            let term = Term::read(raw);
            if term.matrix > 1
                || term.row as usize >= header.domain
                || term.wire as usize >= header.wires
                || limbs(term.value) >= Fr::MODULUS
            {
                return Err(fault(
                    format_args!("coefficient {i}"),
                    format_args!(
                        "matrix 0 or 1, a row below {}, a wire below {}, a value below r",
                        header.domain, header.wires
                    ),
                    format_args!(
                        "matrix {}, row {}, wire {}, value 0x{} (little-endian)",
                        term.matrix,
                        term.row,
                        term.wire,
                        hex::encode(term.value)
                    ),
                ));
            }
            Ok(())
        })?;
    Ok(range.start + 4..range.end)
}

/// A coefficient in the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Term<'a> {
    row: u32,
    matrix: u32,
    wire: u32,
    value: &'a [u8],
}

impl<'a> Term<'a> {
    fn read(raw: &'a [u8]) -> Self {
        let number = |i: usize| u32::from_le_bytes(raw[i..i + 4].try_into().expect("4 bytes"));
        Self {
            matrix: number(0),
            row: number(4),
            wire: number(8),
            value: &raw[12..COEFFICIENT],
        }
    }
}

/// A coefficient's value as snarkjs writes it: multiplied by 2^512, below r.
pub fn value_bytes(coefficient: &Fr) -> Vec<u8> {
    let shift = Fr::from_bigint(Fr::R).expect("below r"); // 2^256 mod r
    // The limbs of an element hold it times 2^256 already.
    let mut bytes = Vec::with_capacity(WORD);
    for limb in (*coefficient * shift).0.0 {
        bytes.extend(limb.to_le_bytes());
    }
    bytes
}

/// The terms of a row of the matrices, as snarkjs writes them: a, b, then for the rows after the constraints one for
/// each public wire.
pub fn terms(r1cs: &R1cs, row: usize) -> Vec<(u32, u32, Fr)> {
    if row >= r1cs.constraints() {
        return vec![(0, (row - r1cs.constraints()) as u32, Fr::from(1u64))];
    }
    let of = |matrix: u32, rows: &[(u32, Fr)]| -> Vec<(u32, u32, Fr)> {
        rows.iter()
            .map(|(wire, coefficient)| (matrix, *wire, *coefficient))
            .collect()
    };
    let mut terms = of(0, &r1cs.a[row]);
    terms.extend(of(1, &r1cs.b[row]));
    terms
}

/// That counts and coefficients are those of the circuit. Within a row the order does not matter: snarkjs keeps that
/// of its .r1cs file.
pub fn matches_circuit(header: &Header, raw: &[u8], circuit: &Circuit) -> Result<()> {
    let r1cs = circuit.r1cs();
    for (name, got, expected) in [
        ("wires", header.wires, r1cs.wires),
        ("public inputs", header.public, r1cs.public),
        ("domain", header.domain, circuit.domain_size()),
    ] {
        if got != expected {
            return Err(fault(name, format_args!("{expected} of the circuit"), got));
        }
    }
    let rows = r1cs.constraints() + r1cs.public + 1;
    let length = |row: usize| match r1cs.a.get(row) {
        Some(a) => a.len() + r1cs.b[row].len(),
        None => 1,
    };
    let mut starts = vec![0usize];
    for row in 0..rows {
        starts.push(starts[row] + length(row));
    }
    if raw.len() != starts[rows] * COEFFICIENT {
        return Err(fault(
            "coefficients",
            format_args!("{} of the circuit", starts[rows]),
            raw.len() / COEFFICIENT,
        ));
    }
    (0..rows).into_par_iter().try_for_each(|row| {
        let raw = &raw[starts[row] * COEFFICIENT..starts[row + 1] * COEFFICIENT];
        let mut got: Vec<Term<'_>> = raw.chunks_exact(COEFFICIENT).map(Term::read).collect();
        got.sort_unstable();
        let expected = terms(r1cs, row);
        let same = got
            .iter()
            .zip(&expected)
            .all(|(got, (matrix, wire, value))| {
                (got.row as usize, got.matrix, got.wire) == (row, *matrix, *wire)
                    && got.value == value_bytes(value)
            });
        if same {
            return Ok(());
        }
        Err(fault(
            format_args!("coefficients of row {row}"),
            "those of the circuit",
            "others",
        ))
    })
}
