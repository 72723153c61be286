//! What a claim proves: the lending ledger's hashes, signatures and statements, natively and as constraints over BN254.
//!
//! Promises that a constraint system never depends on the values of its witness, that the native functions and the
//! constraints of one name compute the same, and that no number is ever reduced: what is out of range is refused.
//! docs/ledger.md is the specification. Does NOT know proofs, keys of provers, files or peers.

pub mod babyjub;
pub mod builder;
pub mod curve;
pub mod eddsa;
pub mod field;
pub mod gadget;
pub mod outcome;
pub mod poseidon;
pub mod settlement;
pub mod signature;
pub mod state;
pub mod transition;
pub mod tree;
pub mod witness;

pub use ark_bn254::Fr;

/// Every `step`-th wire that can change alone without breaking a constraint; but for the inverses that `is_zero` takes of
/// 0: right factors of a left factor that is 0, which nothing else sees.
#[cfg(test)]
fn loose_wires(built: &builder::Built, step: usize) -> Vec<usize> {
    use ark_ff::Field;
    let r1cs = &built.r1cs;
    let mut rows = vec![Vec::new(); r1cs.wires];
    let value = |row: &groth16::Row, assignment: &[Fr]| -> Fr {
        let terms = row.iter();
        terms
            .map(|(wire, factor)| assignment[*wire as usize] * factor)
            .sum()
    };
    for i in 0..r1cs.a.len() {
        for (wire, _) in r1cs.a[i].iter().chain(&r1cs.b[i]).chain(&r1cs.c[i]) {
            rows[*wire as usize].push(i);
        }
    }
    let mut assignment = built.assignment.clone();
    let mut loose = |wire: &usize| {
        assignment[*wire] += Fr::ONE;
        let broken = rows[*wire].iter().any(|i| {
            let [a, b, c] = [&r1cs.a, &r1cs.b, &r1cs.c].map(|m| value(&m[*i], &assignment));
            a * b != c
        });
        assignment[*wire] -= Fr::ONE;
        let inverse_of_zero = rows[*wire].len() == 1
            && r1cs.b[rows[*wire][0]] == [(*wire as u32, Fr::ONE)]
            && value(&r1cs.a[rows[*wire][0]], &built.assignment) == Fr::from(0);
        !broken && !inverse_of_zero
    };
    (1..r1cs.wires).step_by(step).filter(&mut loose).collect()
}
