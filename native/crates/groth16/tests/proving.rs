//! Setup, key files and proofs: valid ones, and every field of a key changed alone.

use std::path::PathBuf;

use ark_bn254::{Bn254, Fr};
use ark_ff::{AdditiveGroup, Field};
use groth16::{
    Circuit, Format, Key, Progress, ProvingKey, R1cs, Row, prove, read_r1cs, read_wtns,
    setup_single_party,
};

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = format!("groth16-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// x = w^(2^count) for a secret w: wires 1, x, w, w^2, w^4, ...
fn squarings(count: usize) -> (Circuit, Vec<Fr>) {
    let one = |wire: usize| -> Row { vec![(wire as u32, Fr::ONE)] };
    let wire = |i: usize| if i == count { 1 } else { 2 + i };
    let rows = |of: &dyn Fn(usize) -> usize| (0..count).map(|i| one(of(i))).collect();
    let r1cs = R1cs {
        public: 1,
        wires: 2 + count,
        a: rows(&wire),
        b: rows(&wire),
        c: rows(&|i| wire(i + 1)),
    };
    let mut assignment = vec![Fr::ONE, Fr::ZERO];
    let mut value = Fr::from(3u64);
    for _ in 0..count {
        assignment.push(value);
        value.square_in_place();
    }
    assignment[1] = value;
    (Circuit::new(r1cs).unwrap(), assignment)
}

/// Rows of every length, signs, bits, a public wire in no constraint, a wire in none.
fn mixed() -> (Circuit, Vec<Fr>) {
    let fr = |n: i64| {
        if n < 0 {
            -Fr::from(n.unsigned_abs())
        } else {
            Fr::from(n as u64)
        }
    };
    // 1, public: sum, unused; witness: eight bits, their number, unused
    let values: [i64; 8] = [1, 0, 1, 1, 0, 0, 1, 0];
    let number: i64 = values.iter().enumerate().map(|(i, bit)| bit << i).sum();
    let mut assignment = vec![fr(1), fr(number - 7), fr(5)];
    assignment.extend(values.iter().map(|bit| fr(*bit)));
    assignment.extend([fr(number), -fr(123)]);
    let (mut a, mut b, mut c): (Vec<Row>, Vec<Row>, Vec<Row>) = Default::default();
    for bit in 3..11 {
        a.push(vec![(bit, fr(1))]);
        b.push(vec![(0, fr(1)), (bit, fr(-1))]);
        c.push(vec![]);
    }
    a.push((0..8).map(|i| (3 + i as u32, fr(1 << i))).collect());
    b.push(vec![(0, fr(1))]);
    c.push(vec![(11, fr(1))]);
    a.push(vec![(0, fr(-7)), (11, fr(1))]);
    b.push(vec![(0, fr(1))]);
    c.push(vec![(1, fr(1))]);
    let r1cs = R1cs {
        public: 2,
        wires: 13,
        a,
        b,
        c,
    };
    (Circuit::new(r1cs).unwrap(), assignment)
}

fn key_of(circuit: &Circuit, folder: &Folder, name: &str) -> ProvingKey {
    let path = folder.file(name);
    setup_single_party(circuit, &path, &Progress::new()).unwrap();
    ProvingKey::open(&path, Some(circuit)).unwrap()
}

#[test]
fn proves_what_it_set_up() {
    let folder = Folder::new("proves");
    for (name, (circuit, assignment)) in [
        ("one", squarings(1)),
        ("fifty", squarings(50)),
        ("power of two", squarings(62)),
        ("mixed", mixed()),
        ("thousands", squarings(3000)),
    ] {
        let key = key_of(&circuit, &folder, name);
        let progress = Progress::new();
        let proof = prove(&key, &circuit, &assignment, &progress).unwrap();
        let public = &assignment[1..=circuit.r1cs().public];
        assert!(key.verifying().verify(public, &proof).unwrap(), "{name}");
        assert!(
            key.verifying().verify_plainly(public, &proof).unwrap(),
            "{name}"
        );
        let mut other = public.to_vec();
        other[0] += Fr::ONE;
        assert!(!key.verifying().verify(&other, &proof).unwrap(), "{name}");
        assert!(progress.done() > 0.99 && progress.stage() == "verify");
        let again = prove(&key, &circuit, &assignment, &Progress::new()).unwrap();
        assert_ne!(again.0, proof.0, "blinded anew");
        key.check_points(&Progress::new()).unwrap();
        assert_eq!(key.contributions(), 0);
        let parsed = Key::<Bn254>::parse(&key.encode_verifying().unwrap(), Format::Arkworks);
        assert_eq!(parsed.unwrap().id, key.verifying().id);
    }
}

#[test]
fn a_key_of_snarkjs_proves_here() {
    let Some(folder) = std::env::var_os("BITVM3_VECTORS") else {
        eprintln!("BITVM3_VECTORS names no folder of vectors: nothing compared");
        return;
    };
    let folder = PathBuf::from(folder).join("groth16/circom_compat");
    let circuit = read_r1cs(&std::fs::read(folder.join("mycircuit.r1cs")).unwrap()).unwrap();
    let circuit = Circuit::new(circuit).unwrap();
    let key = ProvingKey::open(&folder.join("test.zkey"), Some(&circuit)).unwrap();
    key.check_points(&Progress::new()).unwrap();
    let json = std::fs::read(folder.join("verification_key.json")).unwrap();
    assert_eq!(
        Key::<Bn254>::parse(&json, Format::Snarkjs).unwrap().id,
        key.verifying().id
    );
    // out = a b; wires 1, out, a, b
    let assignment = [1u64, 33, 3, 11].map(Fr::from);
    let proof = prove(&key, &circuit, &assignment, &Progress::new()).unwrap();
    assert!(
        key.verifying()
            .verify_plainly(&assignment[1..2], &proof)
            .unwrap()
    );
    let other = mixed().0;
    let refused = ProvingKey::open(&folder.join("test.zkey"), Some(&other));
    assert_eq!(refused.err().unwrap().field, "wires");
}

#[test]
fn constraint_systems_of_circom_prove() {
    let Some(vectors) = std::env::var_os("BITVM3_VECTORS") else {
        eprintln!("BITVM3_VECTORS names no folder of vectors: nothing compared");
        return;
    };
    let vectors = PathBuf::from(vectors).join("groth16/snarkjs");
    let folder = Folder::new("circom");
    for name in ["circuit2", "groth16", "plonk_circuit"] {
        let read = |file: &str| std::fs::read(vectors.join(name).join(file)).unwrap();
        let circuit = Circuit::new(read_r1cs(&read("circuit.r1cs")).unwrap()).unwrap();
        let assignment = read_wtns(&read("witness.wtns")).unwrap();
        let key = key_of(&circuit, &folder, name);
        prove(&key, &circuit, &assignment, &Progress::new()).unwrap();
    }
}

#[test]
fn an_assignment_is_judged_before_any_work() {
    let folder = Folder::new("judged");
    let (circuit, assignment) = mixed();
    let key = key_of(&circuit, &folder, "key");
    for (wire, constraint) in [(1, 9), (3, 0), (10, 7), (11, 8)] {
        let mut other = assignment.clone();
        other[wire] += Fr::from(2u64);
        let progress = Progress::new();
        let refused = prove(&key, &circuit, &other, &progress).err().unwrap();
        assert_eq!(refused.field, format!("constraint {constraint}"));
        assert_eq!((progress.stage(), progress.done()), ("constraints", 0.0));
    }
    let refused = prove(&key, &circuit, &assignment[1..], &Progress::new());
    assert_eq!(refused.err().unwrap().field, "assignment");
    // A wire in no constraint is free.
    let mut other = assignment.clone();
    other[12] += Fr::ONE;
    prove(&key, &circuit, &other, &Progress::new()).unwrap();
}

#[test]
fn a_key_of_another_circuit_is_refused() {
    let folder = Folder::new("another");
    let (circuit, assignment) = mixed();
    let path = folder.file("key");
    setup_single_party(&circuit, &path, &Progress::new()).unwrap();
    let field = |change: &dyn Fn(&mut R1cs)| {
        let mut other = circuit.r1cs().clone();
        change(&mut other);
        let other = Circuit::new(other).unwrap();
        let refused = ProvingKey::open(&path, Some(&other)).err().unwrap().field;
        let free = ProvingKey::open(&path, None).unwrap();
        assert_eq!(free.circuit(), None);
        prove(&free, &circuit, &assignment, &Progress::new()).unwrap();
        let late = prove(&free, &other, &assignment, &Progress::new());
        assert_eq!(late.err().unwrap().field, refused);
        refused
    };
    assert_eq!(field(&|r| r.wires += 1), "wires");
    assert_eq!(field(&|r| r.public += 1), "public inputs");
    assert_eq!(field(&|r| r.a[2][0].1 += Fr::ONE), "coefficients of row 2");
    assert_eq!(field(&|r| r.b[9][0].0 = 1), "coefficients of row 9");
    assert_eq!(field(&|r| r.a[8].truncate(7)), "coefficients");
    assert_eq!(
        field(&|r| {
            let term = r.a[8].pop().unwrap();
            r.b[7].insert(2, (11, term.1));
        }),
        "coefficients of row 7"
    );
    let grow = |r: &mut R1cs| {
        for rows in [&mut r.a, &mut r.b, &mut r.c] {
            rows.extend((0..9).map(|_| Row::new()));
        }
    };
    assert_eq!(field(&grow), "domain");
    // What only c holds, the coefficients do not show: another id, and proofs that do not verify.
    let mut other = circuit.r1cs().clone();
    other.c[8] = vec![(11, Fr::ONE), (12, Fr::ONE)];
    let other = Circuit::new(other).unwrap();
    let mut wrong = assignment.clone();
    wrong[12] = Fr::ZERO;
    let key = ProvingKey::open(&path, Some(&other)).unwrap();
    prove(&key, &other, &wrong, &Progress::new()).unwrap();
    wrong[11] -= Fr::ONE;
    wrong[12] = Fr::ONE;
    wrong[1] -= Fr::ONE;
    let refused = prove(&key, &other, &wrong, &Progress::new()).err().unwrap();
    assert_eq!(refused.field, "proving key");
}

#[test]
fn a_cancelled_setup_leaves_no_file() {
    let folder = Folder::new("cancelled");
    let (circuit, assignment) = squarings(100);
    let path = folder.file("key");
    let progress = Progress::new();
    progress.cancel();
    let refused = setup_single_party(&circuit, &path, &progress).unwrap_err();
    assert_eq!(refused.got, "cancelled");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
    let key = key_of(&circuit, &folder, "key");
    let refused = prove(&key, &circuit, &assignment, &progress);
    assert_eq!(refused.err().unwrap().got, "cancelled");
    let refused = key.check_points(&progress);
    assert_eq!(refused.unwrap_err().got, "cancelled");
}

#[test]
fn a_setup_takes_over_what_a_crash_left_and_replaces_whole_files() {
    let folder = Folder::new("crash");
    let (circuit, assignment) = squarings(3);
    let path = folder.file("key");
    std::fs::write(folder.file("key.part"), [7; 100_000]).unwrap();
    let first = key_of(&circuit, &folder, "key");
    let second = key_of(&circuit, &folder, "key");
    assert_ne!(first.digest(), second.digest(), "fresh secrets");
    // The first map still holds the file that was there.
    prove(&first, &circuit, &assignment, &Progress::new()).unwrap();
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1);
    let held = std::fs::File::create(folder.file("key.part")).unwrap();
    held.lock().unwrap();
    let refused = setup_single_party(&circuit, &path, &Progress::new());
    assert!(refused.unwrap_err().field.ends_with("key.part"));
    let refused = setup_single_party(&circuit, &folder.file("no/key"), &Progress::new());
    assert!(refused.unwrap_err().field.ends_with("no/key"));
}

#[test]
fn every_field_of_a_key_is_checked() {
    let folder = Folder::new("fields");
    let (circuit, assignment) = mixed();
    let good = folder.file("good");
    setup_single_party(&circuit, &good, &Progress::new()).unwrap();
    let raw = std::fs::read(&good).unwrap();
    let path = folder.file("bad");
    // Where each section begins, in the order of the file.
    let mut starts = std::collections::HashMap::new();
    let mut at = 12;
    while at < raw.len() {
        let kind = u32::from_le_bytes(raw[at..at + 4].try_into().unwrap());
        let length = u64::from_le_bytes(raw[at + 4..at + 12].try_into().unwrap());
        starts.insert(kind, at + 12);
        at += 12 + length as usize;
    }
    let first_finite = |kind: u32, size: usize| {
        let place = (0..).find(|i| {
            let start = starts[&kind] + i * size;
            raw[start..start + size].iter().any(|byte| *byte != 0)
        });
        (place.unwrap(), starts[&kind] + place.unwrap() * size)
    };
    let opens = |offset: usize, bytes: &[u8]| {
        let mut changed = raw.clone();
        changed[offset..offset + bytes.len()].copy_from_slice(bytes);
        assert_ne!(changed, raw);
        std::fs::write(&path, changed).unwrap();
        ProvingKey::open(&path, Some(&circuit))
    };
    let header = starts[&2];
    let points = header + 72 + 12;
    let table: Vec<(usize, &[u8], &str)> = vec![
        (0, b"Z", "magic"),
        (4, &[2], "version"),
        (8, &[9], "file"),
        (8, &[11], "section 10 of 11, its kind"),
        (starts[&4] - 12, &[3], "section 3"),
        (starts[&4] - 12, &[11], "section 11"),
        (starts[&4] - 8, &[0xff; 8], "section 4"),
        (starts[&1], &[2], "protocol (1 is Groth16)"),
        (header, &[48], "q, bytes of a number"),
        (header + 4, &[0], "q"),
        (header + 36, &[31], "r, bytes of a number"),
        (header + 40, &[0], "r"),
        (header + 72, &[12], "section 5 (A)"),
        (header + 72, &[0xff; 4], "wires"),
        (header + 76, &[1], "section 3 (IC)"),
        (header + 76, &[13], "public inputs"),
        (header + 80, &[8], "section 9 (H)"),
        (header + 80, &[15], "domain"),
        (header + 80, &[0, 0, 0, 0x80], "domain"),
        (points, &[1], "alpha 1[0]"),
        (points + 64, &[1], "beta 1[0]"),
        (points + 128, &[1], "beta 2[0]"),
        (points + 256, &[1], "gamma 2[0]"),
        (points + 384, &[1], "delta 1[0]"),
        (points + 448, &[1], "delta 2[0]"),
        (points, &[0; 64], "alpha 1"),
        (points + 448, &[0; 128], "delta 2"),
        (points, &[0xff; 32], "alpha 1[0]"),
        (starts[&3] + 64, &[1], "IC[1]"),
        (starts[&4], &[1], "section 4 (coefficients)"),
        (starts[&4] + 4, &[2], "coefficient 0"),
        (starts[&4] + 4, &[1], "coefficients of row 0"),
        (starts[&4] + 4 + 44 + 4, &[200], "coefficient 1"),
        (starts[&4] + 4 + 44 + 4, &[1], "coefficients of row 0"),
        (starts[&4] + 4 + 44 + 8, &[13], "coefficient 1"),
        (starts[&4] + 4 + 44 + 8, &[1], "coefficients of row 0"),
        (starts[&4] + 4 + 12, &[0xff; 32], "coefficient 0"),
        (starts[&4] + 4 + 12, &[1], "coefficients of row 0"),
        (starts[&10] + 64, &[1], "contributions"),
    ];
    for (offset, bytes, field) in table {
        let refused = opens(offset, bytes).err();
        let refused = refused.unwrap_or_else(|| panic!("{field} at {offset} passed"));
        assert_eq!(refused.field, field, "at {offset}");
    }
    // Points: named at import; a proof under such a key is not made.
    for (kind, name, size) in [
        (5, "A", 64),
        (6, "B1", 64),
        (7, "B2", 128),
        (8, "C", 64),
        (9, "H", 64),
    ] {
        let (i, offset) = first_finite(kind, size);
        for bytes in [&[1u8][..], &[0xff; 32]] {
            let key = opens(offset, bytes).unwrap();
            let refused = key.check_points(&Progress::new()).unwrap_err();
            assert_eq!(refused.field, format!("{name}[{i}]"));
            if assignment.get(i).is_none_or(|value| *value != Fr::ZERO) || kind == 9 {
                assert!(prove(&key, &circuit, &assignment, &Progress::new()).is_err());
            }
        }
    }
    // On the curve, outside the subgroup.
    let (i, offset) = first_finite(7, 128);
    let stray = stray();
    let key = opens(offset, &stray).unwrap();
    let refused = key.check_points(&Progress::new()).unwrap_err();
    assert_eq!(refused.field, format!("B2[{i}]"));
    assert!(refused.expected.contains("subgroup"));
    assert_eq!(opens(points + 128, &stray).err().unwrap().field, "beta 2");
    // Another multiple in one group than in the other.
    let delta = raw[points + 384..points + 448].to_vec();
    let key = opens(points + 64, &delta).unwrap();
    assert_eq!(
        key.check_points(&Progress::new()).unwrap_err().field,
        "beta 2"
    );
    // Cut anywhere, or with something behind.
    for length in (0..raw.len()).step_by(61) {
        std::fs::write(&path, &raw[..length]).unwrap();
        assert!(ProvingKey::open(&path, Some(&circuit)).is_err(), "{length}");
    }
    std::fs::write(&path, [&raw[..], &[0]].concat()).unwrap();
    assert_eq!(ProvingKey::open(&path, None).err().unwrap().field, "file");
    assert!(ProvingKey::open(&folder.file("none"), None).is_err());
}

/// A point of the twist outside the subgroup, as a zkey has it.
fn stray() -> Vec<u8> {
    use ark_bn254::{Fq, Fq2, G2Affine};
    let candidates = (1u64..).filter_map(|x| {
        let x = Fq2::new(Fq::from(x), Fq::ZERO);
        G2Affine::get_point_from_x_unchecked(x, true)
    });
    let mut outside = candidates.filter(|point| !point.is_in_correct_subgroup_assuming_on_curve());
    let point = outside.next().unwrap();
    let limbs = [point.x.c0, point.x.c1, point.y.c0, point.y.c1].map(|number| number.0.0);
    limbs
        .as_flattened()
        .iter()
        .flat_map(|limb| limb.to_le_bytes())
        .collect()
}
