//! iden3's .r1cs (version 1) and .wtns (version 2) files, on BN254.
//!
//! Promises that what is read was checked whole: field, counts, every coefficient below r, every wire in range, every
//! label below the count of labels, no wire twice in a
//! row, nothing left over; nothing larger than the file is allocated. Labels and the
//! difference between outputs and public inputs are not kept. Layouts: iden3/r1csfile doc/r1cs_bin_format.md and
//! iden3/wtnsfile; docs/groth16.md repeats them.

use std::io::Write;
use std::path::Path;

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};

use crate::fault::{Result, fault};
use crate::mapped::{unwritten, write_file};
use crate::r1cs::{R1cs, Row};
use crate::sections::{Reader, Sections, WORD, modulus, write_head, write_section};

const R1CS: (&[u8; 4], u32) = (b"r1cs", 1);
const WTNS: (&[u8; 4], u32) = (b"wtns", 2);

/// Bytes of a term: wire and coefficient.
const TERM: usize = 4 + WORD;

/// Bytes of the least constraint: three counts.
const LEAST: usize = 12;

/// Bytes of the header: field (36), wires, outputs, public inputs, private inputs (4 each), labels (8), constraints (4).
const HEADER: usize = 4 + WORD + 4 * 4 + 8 + 4;

/// Bytes of a wire's label.
const LABEL: usize = 8;

/// Reads a constraint system. Custom gates (an extension for PLONK) are refused when there are any.
pub fn read_r1cs(raw: &[u8]) -> Result<R1cs> {
    let sections = Sections::read(raw, R1CS.0, R1CS.1)?;
    sections.only(&[1, 2, 3, 4, 5])?;
    let mut header = sections.section(1, "header")?;
    header.modulus::<Fr>("prime")?;
    let wires = header.u32(&"wires")? as usize;
    let outputs = header.u32(&"outputs")? as usize;
    let inputs = header.u32(&"public inputs")? as usize;
    let private = header.u32(&"private inputs")? as usize;
    let labels = header.u64(&"labels")?;
    let count = header.u32(&"constraints")? as usize;
    header.end(&"header")?;
    if 1 + outputs + inputs + private > wires {
        return Err(fault(
            "wires",
            "at least one and one an output and input",
            format_args!("{wires} for {outputs} outputs, {inputs} public and {private} private"),
        ));
    }
    let mut map = sections.section(3, "wires to labels")?;
    if map.left() != wires * LABEL {
        return Err(fault(
            "section 3 (wires to labels)",
            format_args!("{} bytes for {wires} wires", wires * LABEL),
            format_args!("{} bytes", map.left()),
        ));
    }
    for wire in 0..wires {
        let label = map.u64(&"label")?;
        if label >= labels {
            return Err(fault(
                format_args!("label of wire {wire}"),
                format_args!("below {labels}, the count of labels"),
                label,
            ));
        }
    }
    for (kind, name) in [(4, "custom gates"), (5, "uses of custom gates")] {
        if let Ok(mut gates) = sections.section(kind, name) {
            gates.expect(&name, 0)?;
            gates.end(&name)?;
        }
    }
    let mut body = sections.section(2, "constraints")?;
    if count > body.left() / LEAST {
        return Err(fault(
            "constraints",
            format_args!("at most {} in {} bytes", body.left() / LEAST, body.left()),
            count,
        ));
    }
    let mut rows: [Vec<Row>; 3] = Default::default();
    for rows in &mut rows {
        rows.reserve_exact(count);
    }
    for i in 0..count {
        for (rows, name) in rows.iter_mut().zip(["a", "b", "c"]) {
            rows.push(row(&mut body, i, name)?);
        }
    }
    body.end(&"section 2 (constraints)")?;
    let [a, b, c] = rows;
    let r1cs = R1cs {
        public: outputs + inputs,
        wires,
        a,
        b,
        c,
    };
    r1cs.check()?;
    Ok(r1cs)
}

fn row(body: &mut Reader<'_>, constraint: usize, matrix: &str) -> Result<Row> {
    let field = format_args!("constraint {constraint}, {matrix}");
    let count = body.u32(&field)? as usize;
    if count > body.left() / TERM {
        return Err(fault(
            field,
            format_args!(
                "at most {} terms in {} bytes",
                body.left() / TERM,
                body.left()
            ),
            count,
        ));
    }
    let mut row = Row::with_capacity(count);
    for _ in 0..count {
        row.push((body.u32(&field)?, body.scalar(&field)?));
    }
    row.sort_unstable_by_key(|(wire, _)| *wire); // circom does not always
    Ok(row)
}

/// Writes a constraint system: no outputs, wire i has label i. `snarkjs` and circom's tools read it.
pub fn write_r1cs(r1cs: &R1cs, out: &mut dyn Write) -> std::io::Result<()> {
    let count = |number: usize| u32::try_from(number).expect("checked").to_le_bytes();
    write_head(out, R1CS.0, R1CS.1, 3)?;
    write_section(out, 1, HEADER)?;
    out.write_all(&modulus::<Fr>())?;
    for number in [r1cs.wires, 0, r1cs.public, r1cs.wires - 1 - r1cs.public] {
        out.write_all(&count(number))?;
    }
    out.write_all(&(r1cs.wires as u64).to_le_bytes())?;
    out.write_all(&count(r1cs.constraints()))?;
    let length = r1cs.constraints() * LEAST + r1cs.nonzeros() * TERM;
    write_section(out, 2, length)?;
    let mut piece = Vec::new();
    for i in 0..r1cs.constraints() {
        piece.clear();
        r1cs.write_constraint(i, &mut piece);
        out.write_all(&piece)?;
    }
    write_section(out, 3, r1cs.wires * LABEL)?;
    for wire in 0..r1cs.wires as u64 {
        out.write_all(&wire.to_le_bytes())?;
    }
    Ok(())
}

/// Reads an assignment: one value a wire, the first of them 1.
pub fn read_wtns(raw: &[u8]) -> Result<Vec<Fr>> {
    let sections = Sections::read(raw, WTNS.0, WTNS.1)?;
    sections.only(&[1, 2])?;
    let mut header = sections.section(1, "header")?;
    header.modulus::<Fr>("prime")?;
    let count = header.u32(&"values")? as usize;
    header.end(&"header")?;
    let mut body = sections.section(2, "values")?;
    if count == 0 || body.left() != count * WORD {
        return Err(fault(
            "section 2 (values)",
            format_args!("{} bytes, at least one value", count * WORD),
            format_args!("{} bytes", body.left()),
        ));
    }
    let values: Vec<Fr> = (0..count)
        .map(|wire| body.scalar(&format_args!("value of wire {wire}")))
        .collect::<Result<_>>()?;
    if values[0] != Fr::from(1u64) {
        return Err(fault("value of wire 0", "1", values[0]));
    }
    Ok(values)
}

/// Writes an assignment.
pub fn write_wtns(assignment: &[Fr], out: &mut dyn Write) -> std::io::Result<()> {
    write_head(out, WTNS.0, WTNS.1, 2)?;
    write_section(out, 1, 4 + WORD + 4)?;
    out.write_all(&modulus::<Fr>())?;
    let count = u32::try_from(assignment.len()).expect("one a wire");
    out.write_all(&count.to_le_bytes())?;
    write_section(out, 2, assignment.len() * WORD)?;
    for value in assignment {
        out.write_all(&value.into_bigint().to_bytes_le())?;
    }
    Ok(())
}

/// Writes a constraint system's file, whole or not at all.
pub fn save_r1cs(r1cs: &R1cs, path: &Path) -> Result<()> {
    write_file(path, |out| write_r1cs(r1cs, out).map_err(unwritten))
}

/// Writes an assignment's file, whole or not at all.
pub fn save_wtns(assignment: &[Fr], path: &Path) -> Result<()> {
    write_file(path, |out| write_wtns(assignment, out).map_err(unwritten))
}
