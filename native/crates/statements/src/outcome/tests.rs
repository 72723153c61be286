//! The cases of `tests/cases/outcome.json`, and what they leave out: malformed JSON, more ways to sign, free wires.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::*;
use crate::babyjub::Scalar;
use crate::eddsa::SigningKey;
use ark_ff::{AdditiveGroup, Field, PrimeField};

/// (name, witness, verdict) of every case.
static CASES: LazyLock<Vec<(String, Value, Value)>> = LazyLock::new(|| {
    // Asked when it runs: a compiled test may be that of another clone.
    let here = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let path = format!("{here}/../../../tests/cases/outcome.json");
    let read: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut cases: Vec<(String, Value, Value)> = Vec::new();
    for case in read["cases"].as_array().unwrap() {
        let witness = match case["of"].as_str() {
            None => case["witness"].clone(),
            Some(of) => {
                let (_, base, _) = cases.iter().find(|(name, ..)| name == of).unwrap();
                changed(base, case["set"].as_object().unwrap())
            }
        };
        let name = case["name"].as_str().unwrap().into();
        cases.push((name, witness, case["verdict"].clone()));
    }
    cases
});

/// The witness with the values at JSON pointers replaced.
fn changed<'a>(base: &Value, set: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Value {
    let mut witness = base.clone();
    for (pointer, value) in set {
        *witness.pointer_mut(pointer).unwrap() = value.clone();
    }
    witness
}

fn case(name: &str) -> Value {
    let found = CASES.iter().find(|(known, ..)| known == name);
    found.unwrap().1.clone()
}

fn with(base: &Value, pointer: &str, value: Value) -> Value {
    changed(base, [(&pointer.to_string(), &value)])
}

fn parse(witness: &Value) -> Result<Witness> {
    Witness::parse(&serde_json::to_vec(witness).unwrap())
}

/// What the statement says; the constraints agree with the list of what is violated.
fn judge(witness: &Value) -> Outcome {
    let outcome = synthesize(&parse(witness).unwrap());
    let row = outcome.built.r1cs.unsatisfied(&outcome.built.assignment);
    assert_eq!(row.is_some(), outcome.built.violated.is_some());
    assert_eq!(outcome.built.assignment[1], outcome.x);
    outcome
}

fn hex_of(x: &Fr) -> String {
    hex::encode(field::write(x))
}

#[test]
fn every_case_gets_its_verdict() {
    for (name, witness, verdict) in CASES.iter() {
        let outcome = judge(witness);
        let violated = outcome.built.violated;
        if let Some(rule) = verdict["rule"].as_str() {
            assert_eq!(violated, Some(rule), "{name}");
            // Nothing else, but for what a changed part takes with it further up.
            let others = &outcome.built.violations[1..];
            let alone = !matches!(rule, "outcome.signers" | "outcome.record" | "outcome.path");
            assert!(others.is_empty() || !alone, "{name}: {others:?}");
        } else if let Some(x) = verdict["x"].as_str() {
            assert_eq!((violated, &*hex_of(&outcome.x)), (None, x), "{name}");
        } else {
            assert_ne!(
                hex_of(&outcome.x),
                verdict["other"].as_str().unwrap(),
                "{name}"
            );
        }
    }
}

#[test]
fn the_constraints_are_those_of_an_empty_witness() {
    let empty = synthesize(&Witness::default()).built.r1cs;
    assert_eq!(empty.public, 1);
    assert!(empty.a.len() < 1 << 15, "{} constraints", empty.a.len());
    for name in ["withdraw", "default", "liquidate: goes on"] {
        assert_eq!(judge(&case(name)).built.r1cs.id(), empty.id(), "{name}");
    }
    println!(
        "{} constraints, {} wires, {} coefficients",
        empty.a.len(),
        empty.wires,
        empty.nonzeros()
    );
}

#[test]
fn no_wire_can_change_alone() {
    for name in ["withdraw", "default", "liquidate"] {
        let built = judge(&case(name)).built;
        assert_eq!(crate::loose_wires(&built, 1), Vec::<usize>::new(), "{name}");
    }
}

// ---- signatures ------------------------------------------------------------------------------------------------------

/// The withdrawal under an own set of attestors: keys, threshold, and who signs.
fn signed(count: usize, threshold: u64, signers: &[usize]) -> Value {
    let seed = secrets::Seed::generate().unwrap();
    let keys: Vec<SigningKey> = (0..count)
        .map(|i| SigningKey::derive(&seed.derive(&[i as u8])))
        .collect();
    let mut witness = case("withdraw");
    let read = parse(&witness).unwrap();
    let mut b = Builder::new(0);
    let ledger = b.witness(id(&read.ledger.0));
    let root = b.witness(read.checkpoint.root.0);
    let digest = digest(&mut b, &ledger, &read.checkpoint, &root).value();
    let text = |bytes: &[u8]| json!(hex::encode(bytes));
    witness["threshold"] = json!(threshold);
    witness["attestors"] = keys
        .iter()
        .map(|key| text(&key.key().point().write()))
        .collect();
    let signature = |i: &usize| json!([i, text(&keys[*i].sign(&digest).write())]);
    witness["signatures"] = signers.iter().map(signature).collect();
    witness
}

#[test]
fn sets_of_every_size() {
    for (count, threshold, signers) in [
        (1, 1, vec![0]),
        (16, 1, vec![15]),
        (16, 5, vec![0, 3, 4, 12, 15]),
        (5, 5, vec![0, 1, 2, 3, 4]),
        (7, 2, vec![1, 5, 6]),
    ] {
        let witness = signed(count, threshold, &signers);
        assert_eq!(
            judge(&witness).built.violated,
            None,
            "{signers:?} of {count}"
        );
    }
}

#[test]
fn thresholds_beyond_what_a_statement_holds_are_refused() {
    for threshold in [0, 6, 7, 8, u64::MAX] {
        let witness = signed(5, threshold, &[0, 1, 2, 3, 4]);
        assert_eq!(
            judge(&witness).built.violations,
            ["outcome.threshold"],
            "{threshold}"
        );
    }
}

/// Each of the five slots is checked for itself, as the last one in use and before others.
#[test]
fn every_slot_is_checked() {
    let valid = signed(16, 4, &[2, 3, 8, 13]);
    assert_eq!(judge(&valid).built.violated, None);
    for slot in 0..4 {
        let other = (slot + 1) % 4;
        let text = valid["signatures"][other][1].clone();
        let wrong = with(&valid, &format!("/signatures/{slot}/1"), text);
        assert_eq!(judge(&wrong).built.violations, ["outcome.signature"]);
        // An attestor that is in the set, but not the one who signed.
        for index in [slot as u64, 2, 3, 8, 13, 15, 16, 17, 1 << 40] {
            let wrong = with(&valid, &format!("/signatures/{slot}/0"), json!(index));
            let valid_index = valid["signatures"][slot][0] == index;
            assert_eq!(judge(&wrong).built.violated.is_none(), valid_index);
        }
    }
}

#[test]
fn the_set_of_the_page() {
    let witness = parse(&signed(6, 3, &[1, 2, 5])).unwrap();
    let level = |nodes: &[Fr]| -> Vec<Fr> { nodes.chunks(4).map(poseidon::hash).collect() };
    let mut leaves: Vec<Fr> = (witness.attestors.iter())
        .map(|KeyText(key)| poseidon::hash(&[tag("attestor"), key.point().x, key.point().y]))
        .collect();
    leaves.resize(16, Fr::ZERO);
    let tree = level(&level(&leaves))[0];
    let expected = poseidon::hash(&[tag("set"), Fr::from(3), Fr::from(6), tree]);
    let mut b = Builder::new(0);
    let any = b.witness(Fr::ONE);
    assert_eq!(signers(&mut b, &witness, &any).value(), expected);
}

/// R8 plus the point of order two is another signature of circomlib's lax kind: not for us, as both sides are compared.
#[test]
fn signatures_moved_by_a_small_point_or_by_l_are_refused() {
    let valid = signed(3, 1, &[1]);
    let bytes = hex::decode(valid["signatures"][0][1].as_str().unwrap()).unwrap();
    let number = |i: usize| field::read(bytes[32 * i..32 * i + 32].try_into().unwrap()).unwrap();
    let (x, y, s) = (number(0), number(1), number(2));
    let order = Fr::from_bigint(Scalar::MODULUS).unwrap();
    for [x, y, s] in [
        [-x, -y, s],
        [x, y, s + order],
        [x, y, -s],
        [-x, y, s],
        [x, y + Fr::ONE, s],
        [Fr::ZERO, Fr::ONE, Fr::ZERO],
    ] {
        let parts = [x, y, s].map(|part| field::write(&part)).concat();
        let wrong = with(&valid, "/signatures/0/1", json!(hex::encode(parts)));
        assert_eq!(judge(&wrong).built.violated, Some("outcome.signature"));
    }
}

// ---- malformed JSON --------------------------------------------------------------------------------------------------

fn refused(witness: &Value) -> groth16::Groth16Error {
    parse(witness).unwrap_err()
}

#[test]
fn what_is_malformed_is_named() {
    let valid = case("withdraw");
    let key = valid["attestors"][0].as_str().unwrap();
    let off_curve = format!("{}{}", &key[..126], "00");
    let neutral = format!("{:0>128}", "1");
    for (pointer, value, field) in [
        ("/slot", json!(-1), "slot"),
        ("/slot", json!("1"), "slot"),
        ("/slot", json!(1.5), "slot"),
        ("/slot", json!(true), "slot"),
        ("/slot", json!(null), "slot"),
        ("/rules/bonus", json!([]), "rules.bonus"),
        ("/network", json!("00"), "network"),
        ("/vault", json!("F".repeat(64)), "vault"),
        ("/records/3", json!("f".repeat(64)), "records[3]"),
        ("/records", json!([]), "records"),
        ("/path/2/1", json!("f".repeat(64)), "path[2][1]"),
        ("/checkpoint/root", json!("f".repeat(64)), "checkpoint.root"),
        ("/globals/index", json!(1), "globals.index"),
        ("/globals/price", json!(1u64 << 40), "globals.price"),
        (
            "/globals/index",
            json!((1u128 << 80).to_string()),
            "globals.index",
        ),
        ("/position/open", json!(256), "position.open"),
        ("/position/sats/7", json!(1u64 << 51), "position.sats[7]"),
        ("/attestors/0", json!("00"), "attestors[0]"),
        ("/attestors/1", json!(off_curve), "attestors[1]"),
        ("/attestors/2", json!(neutral), "attestors[2]"),
        ("/attestors", json!(vec![key; 17]), "attestors"),
        ("/signatures/0", json!([0]), "signatures[0]"),
        (
            "/signatures/0/1",
            json!("f".repeat(192)),
            "signatures[0][1]",
        ),
        (
            "/signatures/0/1",
            json!("0".repeat(190)),
            "signatures[0][1]",
        ),
        (
            "/signatures",
            json!(vec![&valid["signatures"][0]; 6]),
            "signatures",
        ),
    ] {
        assert_eq!(
            refused(&with(&valid, pointer, value.clone())).field,
            field,
            "{value}"
        );
    }
}

#[test]
fn a_key_of_small_order_is_no_attestor() {
    let two = Point {
        x: Fr::ZERO,
        y: -Fr::ONE,
    };
    let moved = two.plus(&BASE);
    for point in [two, moved] {
        let wrong = with(
            &case("withdraw"),
            "/attestors/4",
            json!(hex::encode(point.write())),
        );
        let refusal = refused(&wrong);
        assert_eq!(refusal.field, "attestors[4]");
        assert!(refusal.got.contains("subgroup"), "{refusal}");
    }
}

#[test]
fn fields_are_neither_missing_nor_unknown_nor_twice() {
    let valid = case("withdraw");
    let text = valid.to_string();
    for (from, to, says) in [
        ("{\"", "{\"more\":1,\"", "unknown field `more`"),
        (
            "\"slot\":2",
            "\"slot\":2,\"slot\":2",
            "duplicate field `slot`",
        ),
        ("\"slot\":2,", "", "missing field `slot`"),
        ("\"slot\":2", "\"slot\":NaN", "expected value"),
        ("\"slot\":2", "\"slot\":1e999", "out of range"),
    ] {
        assert!(text.contains(from), "{from}");
        let refusal = Witness::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(refusal.got.contains(says), "{says}: {refusal}");
    }
    assert_eq!(
        Witness::parse(&vec![b' '; 1 << 20]).unwrap_err().field,
        "witness"
    );
    assert_eq!(Witness::parse(b"").unwrap_err().field, "witness");
}

// ---- ranges ----------------------------------------------------------------------------------------------------------

#[test]
fn numbers_beyond_their_bits_break_the_rule_of_their_place() {
    let valid = case("default");
    for (pointer, value, rule) in [
        ("/rules/bonus", 1 << 16, "outcome.rules"),
        ("/rules/rate", u64::MAX, ""),
        ("/record/sats", 1 << 51, "outcome.record"),
        ("/record/continued", 2, "outcome.record"),
        ("/slot", 8, "outcome.record"),
        ("/slot", u64::MAX, "outcome.record"),
        ("/action", 0, "outcome.record"),
        ("/action", 4, "outcome.record"),
    ] {
        let built = judge(&with(&valid, pointer, json!(value))).built;
        if rule.is_empty() {
            assert_eq!(built.violated, None, "{pointer} {value}");
        } else {
            assert_eq!(built.violated, Some(rule), "{pointer} {value}");
        }
    }
}

#[test]
fn no_record_is_the_rule_and_not_a_fault_of_form() {
    let wrong = with(&case("withdraw"), "/record", json!(null));
    assert_eq!(judge(&wrong).built.violated, Some("outcome.record"));
}
