//! A rank-1 constraint system over BN254's scalar field: rows a, b, c with (a z)(b z) = c z for an assignment z.
//!
//! Promises an id that changes with any coefficient, wire or count. Does NOT know what the constraints mean, nor files
//! (`iden3`) nor keys (`zkey`).

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use rayon::prelude::*;

use crate::curve::big_endian;
use crate::fault::{Result, fault};
use crate::limits;

const ID_CONTEXT: &str = "bitvm3 2026 r1cs v1";

/// A sparse linear combination: (wire, coefficient), wires strictly increasing.
pub type Row = Vec<(u32, Fr)>;

/// A constraint system. Wire 0 is the constant 1, then the public inputs, then the witnesses (the order of iden3 files
/// whose outputs and public inputs are both public here). An assignment has one value a wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct R1cs {
    /// Public inputs, without the one.
    pub public: usize,
    /// Wires, with the one.
    pub wires: usize,
    /// Left factors.
    pub a: Vec<Row>,
    /// Right factors.
    pub b: Vec<Row>,
    /// Products.
    pub c: Vec<Row>,
}

impl R1cs {
    /// How many constraints.
    pub fn constraints(&self) -> usize {
        self.a.len()
    }

    /// How many coefficients the three matrices hold.
    pub fn nonzeros(&self) -> usize {
        [&self.a, &self.b, &self.c]
            .into_iter()
            .flatten()
            .map(Vec::len)
            .sum()
    }

    /// Whether the counts fit each other and the limits, and every wire exists; called before any work on a system.
    pub fn check(&self) -> Result<()> {
        let counts = [self.a.len(), self.b.len(), self.c.len()];
        if counts.iter().any(|count| *count != counts[0]) {
            return Err(fault(
                "rows",
                "as many in a, b and c",
                format_args!("{counts:?}"),
            ));
        }
        bounded("constraints", counts[0], limits::CONSTRAINTS)?;
        bounded("wires", self.wires, limits::WIRES)?;
        bounded("public inputs", self.public, limits::INPUTS)?;
        if self.public + 1 > self.wires {
            return Err(fault(
                "wires",
                format_args!(
                    "at least {}, the public inputs and the one",
                    self.public + 1
                ),
                self.wires,
            ));
        }
        for (name, rows) in [("a", &self.a), ("b", &self.b), ("c", &self.c)] {
            for (i, row) in rows.iter().enumerate() {
                let ordered = row.windows(2).all(|pair| pair[0].0 < pair[1].0);
                let last = row.last().map_or(0, |(wire, _)| *wire as usize);
                if !ordered || last >= self.wires {
                    return Err(fault(
                        format_args!("constraint {i}, {name}"),
                        format_args!("strictly increasing wires below {}", self.wires),
                        format_args!("wires up to {last}, increasing: {ordered}"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// BLAKE3 derive_key of the counts (public, wires, constraints: 8 bytes little-endian each) and the constraints as
    /// an iden3 file writes them.
    pub fn id(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(ID_CONTEXT);
        for count in [self.public, self.wires, self.constraints()] {
            hasher.update(&(count as u64).to_le_bytes());
        }
        let mut piece = Vec::new();
        for i in 0..self.constraints() {
            self.write_constraint(i, &mut piece);
            if piece.len() > 1 << 20 {
                hasher.update(&piece);
                piece.clear();
            }
        }
        hasher.update(&piece);
        *hasher.finalize().as_bytes()
    }

    /// One constraint as an iden3 file writes it: for each of a, b, c the count of terms (4 bytes little-endian), then
    /// wire (4) and coefficient (32) of each.
    pub fn write_constraint(&self, i: usize, out: &mut Vec<u8>) {
        for row in [&self.a[i], &self.b[i], &self.c[i]] {
            out.extend((row.len() as u32).to_le_bytes());
            for (wire, coefficient) in row {
                out.extend(wire.to_le_bytes());
                out.extend(coefficient.into_bigint().to_bytes_le());
            }
        }
    }

    /// The first constraint that the assignment violates, on every core.
    ///
    /// # Panics
    /// When the assignment has fewer values than wires.
    pub fn unsatisfied(&self, assignment: &[Fr]) -> Option<usize> {
        (0..self.constraints()).into_par_iter().find_first(|i| {
            let [a, b, c] = [&self.a, &self.b, &self.c].map(|rows| dot(&rows[*i], assignment));
            a * b != c
        })
    }

    /// That the assignment has one value a wire.
    fn fits(&self, assignment: &[Fr]) -> Result<()> {
        if assignment.len() != self.wires {
            return Err(fault(
                "assignment",
                format_args!("{} values, one a wire", self.wires),
                assignment.len(),
            ));
        }
        Ok(())
    }

    /// That the assignment has one value a wire, begins with 1 and satisfies every constraint.
    pub fn satisfied(&self, assignment: &[Fr]) -> Result<()> {
        self.fits(assignment)?;
        if assignment[0] != Fr::from(1u64) {
            return Err(fault("assignment, wire 0", "1", assignment[0]));
        }
        match self.unsatisfied(assignment) {
            None => Ok(()),
            Some(i) => Err(fault(
                format_args!("constraint {i}"),
                "an assignment that satisfies it",
                "one that does not",
            )),
        }
    }
}

/// A system that was checked, and its id.
#[derive(Debug)]
pub struct Circuit {
    r1cs: R1cs,
    id: [u8; 32],
}

impl Circuit {
    /// Checks the counts, limits and wires of a system.
    pub fn new(r1cs: R1cs) -> Result<Self> {
        r1cs.check()?;
        let id = r1cs.id();
        Ok(Self { r1cs, id })
    }

    /// The system.
    pub fn r1cs(&self) -> &R1cs {
        &self.r1cs
    }

    /// The id of the system.
    pub fn id(&self) -> [u8; 32] {
        self.id
    }

    /// The order of the subgroup over which a proof interpolates: room for each constraint, each public input and the one.
    pub fn domain_size(&self) -> usize {
        let rows = self.r1cs.constraints() + self.r1cs.public + 1;
        rows.next_power_of_two().max(2)
    }
}

/// The public inputs of an assignment, 32 bytes big-endian each.
pub fn inputs_of(circuit: &Circuit, assignment: &[Fr]) -> Result<Vec<Vec<u8>>> {
    let r1cs = circuit.r1cs();
    r1cs.fits(assignment)?;
    let inputs = assignment[1..=r1cs.public].iter();
    Ok(inputs.map(|input| big_endian(*input)).collect())
}

fn bounded(field: &str, count: usize, most: usize) -> Result<()> {
    if count > most {
        return Err(fault(field, format_args!("at most {most}"), count));
    }
    Ok(())
}

/// The value of a linear combination.
pub fn dot(row: &[(u32, Fr)], assignment: &[Fr]) -> Fr {
    row.iter().fold(Fr::ZERO, |sum, (wire, coefficient)| {
        sum + *coefficient * assignment[*wire as usize]
    })
}
