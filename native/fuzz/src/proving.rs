//! Constraint systems, assignments and proving keys as files come from strangers; witnesses of statements.

use groth16::{ProvingKey, R1cs, read_r1cs, read_wtns, write_r1cs, write_wtns};
use statements::{outcome, transition};

use super::Target;

/// Named as the Python table names them.
pub const TARGETS: &[Target] = &[
    ("constraint-system", constraint_system),
    ("assignment", assignment),
    ("proving-key", proving_key),
    ("witness-of-a-transition", witness),
    ("witness-of-a-claim", claim),
];

fn constraint_system(raw: &[u8]) {
    let Ok(read) = read_r1cs(raw) else { return };
    let written = bytes(|out| write_r1cs(&read, out));
    let again: R1cs = read_r1cs(&written).expect("what was written");
    assert_eq!(again.id(), read.id());
}

fn assignment(raw: &[u8]) {
    let Ok(read) = read_wtns(raw) else { return };
    let written = bytes(|out| write_wtns(&read, out));
    assert_eq!(read_wtns(&written).expect("what was written"), read);
}

fn bytes(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out).expect("memory takes all");
    out
}

/// A key is mapped from a file.
fn proving_key(raw: &[u8]) {
    let path = std::env::temp_dir().join(format!("fuzz-{}.zkey", std::process::id()));
    std::fs::write(&path, raw).expect("a writable folder of temporary files");
    if let Ok(key) = ProvingKey::open(&path, None) {
        let _ = key.check_points(&groth16::Progress::default());
        key.encode_verifying().expect("it was checked");
    }
}

/// Any witness gives constraints, the same for all; which rule it violates is for the prover to say.
fn witness(raw: &[u8]) {
    if let Ok(witness) = transition::Witness::parse(raw, 1) {
        let made = transition::synthesize(&witness, 1);
        assert!(made.built.r1cs.constraints() > 0);
    }
}

/// The same for a claim on a slot.
fn claim(raw: &[u8]) {
    if let Ok(witness) = outcome::Witness::parse(raw) {
        let made = outcome::synthesize(&witness);
        assert!(made.built.r1cs.constraints() > 0);
    }
}
