//! Constraint systems and assignments: every file of circom and snarkjs among the vectors, and every corruption.

use std::path::PathBuf;

use ark_bn254::Fr;
use groth16::{R1cs, read_r1cs, read_wtns, write_r1cs, write_wtns};

/// w * w = x (public 1), (w + 3) * 1 = y: wires 1, x, w, y.
pub fn small() -> (R1cs, Vec<Fr>) {
    let fr = |n: u64| Fr::from(n);
    let r1cs = R1cs {
        public: 1,
        wires: 4,
        a: vec![vec![(2, fr(1))], vec![(0, fr(3)), (2, fr(1))]],
        b: vec![vec![(2, fr(1))], vec![(0, fr(1))]],
        c: vec![vec![(1, fr(1))], vec![(3, fr(1))]],
    };
    (r1cs, [1, 25, 5, 8].map(fr).to_vec())
}

fn r1cs_bytes(r1cs: &R1cs) -> Vec<u8> {
    let mut out = Vec::new();
    write_r1cs(r1cs, &mut out).unwrap();
    out
}

fn wtns_bytes(values: &[Fr]) -> Vec<u8> {
    let mut out = Vec::new();
    write_wtns(values, &mut out).unwrap();
    out
}

fn vectors() -> Option<PathBuf> {
    let folder = std::env::var_os("BITVM3_VECTORS")?;
    let folder = PathBuf::from(folder).join("groth16");
    folder.is_dir().then_some(folder)
}

#[test]
fn vectors_of_circom_and_snarkjs() {
    let Some(folder) = vectors() else {
        eprintln!("BITVM3_VECTORS names no folder of vectors: nothing compared");
        return;
    };
    for (r1cs, wtns, constraints, public) in [
        (
            "snarkjs/circuit2/circuit.r1cs",
            "snarkjs/circuit2/witness.wtns",
            1000,
            4,
        ),
        (
            "snarkjs/groth16/circuit.r1cs",
            "snarkjs/groth16/witness.wtns",
            1000,
            2,
        ),
        (
            "snarkjs/plonk_circuit/circuit.r1cs",
            "snarkjs/plonk_circuit/witness.wtns",
            4,
            2,
        ),
        (
            "circom_compat/circuit2.r1cs",
            "circom_compat/circuit2_witness.wtns",
            131,
            1,
        ),
    ] {
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let r1cs = read_r1cs(&read(r1cs)).unwrap();
        let values = read_wtns(&read(wtns)).unwrap();
        assert_eq!((r1cs.constraints(), r1cs.public), (constraints, public));
        r1cs.satisfied(&values).unwrap();
        let mut wrong = values.clone();
        *wrong.last_mut().unwrap() += Fr::from(1u64);
        assert!(
            r1cs.satisfied(&wrong)
                .unwrap_err()
                .field
                .starts_with("constraint ")
        );
        assert_eq!(wtns_bytes(&values), read(wtns));
        assert_eq!(read_r1cs(&r1cs_bytes(&r1cs)).unwrap(), r1cs);
    }
}

#[test]
fn there_and_back() {
    let (r1cs, values) = small();
    assert_eq!(read_r1cs(&r1cs_bytes(&r1cs)).unwrap(), r1cs);
    assert_eq!(read_wtns(&wtns_bytes(&values)).unwrap(), values);
    assert_eq!(r1cs.satisfied(&values), Ok(()));
    assert_eq!(r1cs.nonzeros(), 7);
}

#[test]
fn the_id_names_every_part() {
    let (r1cs, _) = small();
    let mut others = vec![r1cs.clone(); 5];
    others[0].public = 2;
    others[1].wires = 5;
    others[2].a[1][0].1 += Fr::from(1u64);
    others[3].b[0][0].0 = 3;
    others[4].c[1].clear();
    let mut ids: Vec<[u8; 32]> = others.iter().map(R1cs::id).collect();
    ids.push(r1cs.id());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    assert_eq!(small().0.id(), r1cs.id());
}

#[test]
fn an_assignment_that_does_not_fit_is_named() {
    let (r1cs, values) = small();
    let field = |values: &[Fr]| r1cs.satisfied(values).unwrap_err().field;
    assert_eq!(field(&values[..3]), "assignment");
    let mut other = values.clone();
    other[0] = Fr::from(2u64);
    assert_eq!(field(&other), "assignment, wire 0");
    for (wire, constraint) in [(1, 0), (2, 0), (3, 1)] {
        let mut other = values.clone();
        other[wire] += Fr::from(1u64);
        assert_eq!(field(&other), format!("constraint {constraint}"));
    }
}

#[test]
fn rows_that_do_not_fit_are_named() {
    let (r1cs, _) = small();
    assert_eq!(r1cs.check(), Ok(()));
    let refused = |change: &dyn Fn(&mut R1cs)| {
        let mut other = r1cs.clone();
        change(&mut other);
        other.check().unwrap_err().field
    };
    assert_eq!(refused(&|r| drop(r.c.pop())), "rows");
    assert_eq!(refused(&|r| r.wires = 1), "wires");
    assert_eq!(refused(&|r| r.wires = 3), "constraint 1, c");
    assert_eq!(refused(&|r| r.a[1].reverse()), "constraint 1, a");
    assert_eq!(refused(&|r| r.public = 1 << 20), "public inputs");
    assert_eq!(refused(&|r| r.wires = 1 << 25), "wires");
}

/// (offset, new bytes, the field that the refusal names)
fn corruptions(raw: &[u8], read: &dyn Fn(&[u8]) -> String, table: &[(usize, &[u8], &str)]) {
    for (offset, bytes, field) in table {
        let mut changed = raw.to_vec();
        changed[*offset..*offset + bytes.len()].copy_from_slice(bytes);
        assert_ne!(changed, raw, "{field}");
        assert_eq!(&read(&changed), field, "at {offset}");
    }
    for length in 0..raw.len() {
        read(&raw[..length]); // refused, as `read` unwraps the refusal
    }
    assert_eq!(read(&[raw, &[0]].concat()), "file");
}

#[test]
fn every_field_of_an_r1cs_file_is_checked() {
    let raw = r1cs_bytes(&small().0);
    // 12 head, then section 1: 12 + 64 (76..), section 2 at 88: 12 + body at 100.
    let body = 100;
    let term = body + 4 + 4;
    let map = raw.len() - 4 * 8;
    let ones: &[u8] = &[0xff; 4];
    let table: Vec<(usize, &[u8], &str)> = vec![
        (0, b"R", "magic"),
        (4, &[2], "version"),
        (8, &[17], "sections"),
        (8, &[4], "section 3 of 4, its kind"),
        (8, &[2], "file"),
        (12, &[2], "section 2"),
        (12, &[9], "section 9"),
        (16, &[0xff; 8], "section 1"),
        (24, &[48], "prime, bytes of a number"),
        (28, &[0x47], "prime"),
        (60, &[5], "section 3 (wires to labels)"),
        (60, &[1], "wires"),
        (64, ones, "wires"),
        (68, &[3], "wires"),
        (72, &[4], "wires"),
        (76, &[3], "label of wire 3"),
        (84, &[1], "section 2 (constraints)"),
        (84, &[3], "constraint 2, a"),
        (84, ones, "constraints"),
        (body, ones, "constraint 0, a"),
        (body + 4, &[4], "constraint 0, a"),
        (term, &[0xff; 32], "constraint 0, a"),
        (body + 3 * 40 + 4 + 36, &[0], "constraint 1, a"),
        (map, &[4], "label of wire 0"),
    ];
    corruptions(&raw, &|raw| read_r1cs(raw).unwrap_err().field, &table);
}

#[test]
fn every_field_of_a_wtns_file_is_checked() {
    let raw = wtns_bytes(&small().1);
    let table: Vec<(usize, &[u8], &str)> = vec![
        (0, b"W", "magic"),
        (4, &[1], "version"),
        (8, &[1], "file"),
        (12, &[2], "section 2"),
        (12, &[3], "section 3"),
        (16, &[39], "section 512"),
        (24, &[31], "prime, bytes of a number"),
        (31, &[0], "prime"),
        (60, &[3], "section 2 (values)"),
        (60, &[0], "section 2 (values)"),
        (76, &[2], "value of wire 0"),
        (76 + 64, &[0xff; 32], "value of wire 2"),
    ];
    corruptions(&raw, &|raw| read_wtns(raw).unwrap_err().field, &table);
}
