//! Every native parser of foreign bytes, by name: `FUZZ_TARGET=NAME parsers CORPUS [libFuzzer's options]`.
//!
//! Promises that a target refuses or takes any bytes; what it takes, it writes as the same bytes where the form is
//! canonical. A panic is a finding here: nothing guards. Names are those of the Python table (`tests/fuzz`), whose seeds
//! are the corpora to start from.

#![no_main]

mod groth;
mod proving;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

/// A name and what to do with an input.
type Target = (&'static str, fn(&[u8]));

/// Everything but Groth16, whose formats are a table of their own.
const TARGETS: &[Target] = &[
    ("circuit-binary", circuit),
    ("transaction", transaction),
    ("block", block),
    ("address-of-a-script", address),
    ("script-of-an-address", script),
    ("presignature-completed-on-chain", completed),
    ("presignature-of-one-signer", one_signer),
    ("points-sum", sum),
    ("points-aggregate-key", aggregate),
    ("engine-digits-of-a-witness", digits),
    ("engine-knowledge-proof", knowledge),
    ("sealed-seed", sealed),
];

static CHOSEN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let mut every = TARGETS.iter().chain(groth::TARGETS).chain(proving::TARGETS);
    match every.clone().find(|(name, _)| *name == wanted) {
        Some((_, target)) => *target,
        None => {
            every.by_ref().for_each(|(name, _)| println!("{name}"));
            std::process::exit(if wanted.is_empty() { 0 } else { 2 })
        }
    }
});

fuzz_target!(
    init: {
        LazyLock::force(&CHOSEN);
    },
    |raw: &[u8]| CHOSEN(raw)
);

fn circuit(raw: &[u8]) {
    let Ok(circuit) = garble::Circuit::parse(raw) else {
        return;
    };
    if circuit.inputs() + circuit.ands() < 4096 {
        let program = garble::Program::compile(&circuit);
        assert_eq!(program.inputs(), circuit.inputs());
        assert_eq!(program.ands(), circuit.ands());
    }
}

fn transaction(raw: &[u8]) {
    let Ok(txid) = tapscript::txid(raw) else {
        return;
    };
    assert!(tapscript::weight(raw).expect("it is one") > 0);
    let stripped = tapscript::strip_witness(raw).expect("it is one");
    assert_eq!(tapscript::txid(&stripped).expect("it is one"), txid);
    let spent = vec![(1000, &raw[..raw.len().min(34)]); usize::from(raw[4])];
    let _ = tapscript::sighashes(
        raw,
        &spent,
        0,
        Some(&[0x51]),
        &[tapscript::NO_CODE_SEPARATOR],
    );
}

fn block(raw: &[u8]) {
    let mut watch = tapscript::Watch::default();
    watch.watch_outpoint([0; 32], 0);
    watch.watch_script(&[0x51, 0x20]);
    if let Ok(found) = watch.scan(raw) {
        assert!(found.transactions.len() <= raw.len());
    }
}

fn address(raw: &[u8]) {
    if let Ok(text) = tapscript::address(raw, "regtest") {
        let script = tapscript::script(&text, "regtest").expect("we wrote it");
        assert_eq!(script, raw);
    }
}

fn script(raw: &[u8]) {
    let Ok(text) = std::str::from_utf8(raw) else {
        return;
    };
    if let Ok(script) = tapscript::script(text, "regtest") {
        let again = tapscript::address(&script, "regtest").expect("it came from one");
        assert!(again.eq_ignore_ascii_case(text));
    }
}

fn split(raw: &[u8], at: usize) -> (&[u8], &[u8]) {
    raw.split_at(raw.len().min(at))
}

fn completed(raw: &[u8]) {
    let (presignature, signature) = split(raw, 65);
    let _ = signing::extract(presignature, signature);
}

fn one_signer(raw: &[u8]) {
    let (key, rest) = split(raw, 32);
    let (point, presignature) = split(rest, 33);
    let _ = signing::check_presignature(key, &[7; 32], point, presignature);
}

fn sum(raw: &[u8]) {
    let points: Vec<&[u8]> = raw.chunks(33).collect();
    if let Ok(sum) = signing::add_points(&points) {
        assert!(signing::is_point(&sum));
    }
}

fn aggregate(raw: &[u8]) {
    let keys: Vec<&[u8]> = raw.chunks(33).collect();
    if let Ok(key) = signing::aggregate_key(&keys) {
        assert!(signing::is_point(&key));
    }
}

fn digits(raw: &[u8]) {
    let layout = engine::Layout::new(4, 2).expect("a layout");
    let (signatures, presignatures) = split(raw, 128);
    let (signatures, []) = signatures.as_chunks::<64>() else {
        return;
    };
    let points = engine::digit_points(layout, &[1; 32]);
    let _ = engine::extract_digits(presignatures, layout, signatures, &points);
}

fn knowledge(raw: &[u8]) {
    let (proof, points) = split(raw, 65);
    let _ = engine::check_knowledge(points, b"context", proof);
}

fn sealed(raw: &[u8]) {
    static KEY: LazyLock<secrets::SealingKey> = LazyLock::new(|| {
        secrets::SealingKey::stretch(b"passphrase", &[0; 16], 8, 1).expect("a key")
    });
    let _ = secrets::Seed::unseal(raw, &KEY, b"context");
}
