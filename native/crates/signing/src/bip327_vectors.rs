//! BIP327's vectors through this crate's own functions: those parts that the batch API cannot reach from Python (given
//! secret nonces, arbitrary tweaks, messages of other lengths). Says so and passes when the vectors are not there.

use std::path::PathBuf;

use musig2::secp::{MaybeScalar, Point};
use musig2::{AggNonce, BinaryEncoding, KeyAggContext, SecNonce, SecNonceBuilder};
use serde_json::Value;

use crate::points::{point, scalar};
use crate::session::{Session, nonce_gen, public_nonce};
use crate::{SigningError, verify};
use secrets::Secret;

fn vectors(name: &str) -> Option<Value> {
    let folder = match std::env::var_os("BITVM3_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"))
            .join("../../../../shared/vectors"),
    };
    let path = folder.join("bitcoin/bip327").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).expect("the vectors are JSON")),
        Err(error) => {
            eprintln!("NOT RUN, set BITVM3_VECTORS: {} ({error})", path.display());
            None
        }
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a hex string")).expect("hex")
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

/// The entries of `all` that `case[field]` lists by index.
fn chosen(all: &Value, case: &Value, field: &str) -> Vec<Vec<u8>> {
    list(&case[field])
        .iter()
        .map(|i| bytes(&all[i.as_u64().expect("an index") as usize]))
        .collect()
}

fn secret(value: &Value) -> Secret {
    Secret::from_revealed(bytes(value).try_into().expect("32 bytes")).expect("a scalar")
}

/// The key context of a case: keys by index, then its tweaks.
fn keys(file: &Value, case: &Value) -> Result<KeyAggContext, SigningError> {
    let keys = chosen(&file["pubkeys"], case, "key_indices")
        .iter()
        .enumerate()
        .map(|(i, key)| point(format_args!("keys[{i}]"), key))
        .collect::<Result<Vec<_>, _>>()?;
    let mut context = KeyAggContext::new(keys)
        .map_err(|error| SigningError::new("keys", "an aggregate", error))?;
    if case.get("tweak_indices").is_some() {
        let tweaks = chosen(&file["tweaks"], case, "tweak_indices");
        for (tweak, xonly) in tweaks.iter().zip(list(&case["is_xonly"])) {
            context = context
                .with_tweak(scalar("tweak", tweak)?, xonly.as_bool().expect("a flag"))
                .map_err(|error| SigningError::new("tweak", "one that leaves a key", error))?;
        }
    }
    Ok(context)
}

/// The partial signature of a case with a given secret nonce, verified as the other signers would.
fn partial(
    file: &Value,
    case: &Value,
    message: &[u8],
    secret_nonce: &[u8],
) -> Result<[u8; 32], SigningError> {
    let keys = keys(file, case)?;
    let nonces = chosen(&file["pnonces"], case, "nonce_indices")
        .iter()
        .map(|nonce| public_nonce("nonce", nonce))
        .collect::<Result<Vec<_>, _>>()?;
    let session = Session {
        keys: &keys,
        message,
        adaptor: None,
    };
    let shared = session.shared_nonce(&nonces)?;
    let nonce = SecNonce::from_bytes(secret_nonce)
        .map_err(|error| SigningError::new("secret nonce", "two scalars and a key", error))?;
    let own = secret(&file["sk"]);
    let partial = session.sign(&own, point("sk", &own.point())?, nonce, &shared)?;
    let signer = case["signer_index"].as_u64().expect("an index") as usize;
    assert!(session.partial_holds(keys.pubkeys()[signer], &nonces[signer], &shared, &partial));
    Ok(partial)
}

#[test]
fn nonce_gen_vectors() {
    let Some(file) = vectors("nonce_gen_vectors.json") else {
        return;
    };
    for case in list(&file["test_cases"]) {
        let rand: [u8; 32] = bytes(&case["rand_"]).try_into().expect("32 bytes");
        let nonce = if case["sk"].is_null() {
            // without any optional input: not our path, the library's
            SecNonceBuilder::from_pubkey(rand, point("pk", &bytes(&case["pk"])).unwrap()).build()
        } else {
            let aggregate = Point::lift_x(bytes(&case["aggpk"]).try_into().unwrap()).unwrap();
            let (message, extra) = (bytes(&case["msg"]), bytes(&case["extra_in"]));
            nonce_gen(&rand, &secret(&case["sk"]), aggregate, &message, &extra)
        };
        assert_eq!(nonce.to_bytes().to_vec(), bytes(&case["expected_secnonce"]));
        assert_eq!(
            nonce.public_nonce().to_bytes().to_vec(),
            bytes(&case["expected_pubnonce"])
        );
    }
}

#[test]
fn nonce_agg_vectors() {
    let Some(file) = vectors("nonce_agg_vectors.json") else {
        return;
    };
    let parse = |case| {
        chosen(&file["pnonces"], case, "pnonce_indices")
            .iter()
            .map(|nonce| public_nonce("nonce", nonce))
            .collect::<Result<Vec<_>, _>>()
    };
    for case in list(&file["valid_test_cases"]) {
        let sum = AggNonce::sum(parse(case).unwrap());
        assert_eq!(sum.to_bytes().to_vec(), bytes(&case["expected"]));
    }
    for case in list(&file["error_test_cases"]) {
        assert!(parse(case).is_err(), "{}", case["comment"]);
    }
}

#[test]
fn sign_verify_vectors() {
    let Some(file) = vectors("sign_verify_vectors.json") else {
        return;
    };
    let message = |case: &Value| bytes(&file["msgs"][case["msg_index"].as_u64().unwrap() as usize]);
    let nonce = bytes(&file["secnonces"][0]);
    for case in list(&file["valid_test_cases"]) {
        let got = partial(&file, case, &message(case), &nonce);
        if case["aggnonce_index"] == 1 {
            // BIP327 signs with an aggregate nonce at infinity and finds the cheat later; we refuse at once
            assert!(got.unwrap_err().to_string().contains("infinity"));
        } else {
            assert_eq!(got.unwrap().to_vec(), bytes(&case["expected"]));
        }
    }
    // those sign errors that a session can have (the others are errors of an aggregate nonce, which we never take over)
    let cases = list(&file["sign_error_test_cases"]);
    let mut errors = 0;
    for case in cases.iter().filter(|case| case["aggnonce_index"] == 0) {
        let which = case["secnonce_index"].as_u64().unwrap() as usize;
        let mut case = case.clone();
        let signers = list(&case["key_indices"]).len();
        case["nonce_indices"] = (0..signers).collect();
        case["signer_index"] = 0.into();
        let nonce = bytes(&file["secnonces"][which]);
        assert!(partial(&file, &case, &message(&case), &nonce).is_err());
        errors += 1;
    }
    assert_eq!(errors, 3);
    for case in list(&file["verify_fail_test_cases"]) {
        let keys = keys(&file, case).unwrap();
        let nonces: Vec<_> = chosen(&file["pnonces"], case, "nonce_indices")
            .iter()
            .map(|nonce| public_nonce("nonce", nonce).unwrap())
            .collect();
        let message = message(case);
        let session = Session {
            keys: &keys,
            message: &message,
            adaptor: None,
        };
        let shared = session.shared_nonce(&nonces).unwrap();
        let signer = case["signer_index"].as_u64().unwrap() as usize;
        let (key, nonce) = (keys.pubkeys()[signer], &nonces[signer]);
        assert!(!session.partial_holds(key, nonce, &shared, &bytes(&case["sig"])));
    }
}

#[test]
fn tweak_vectors() {
    let Some(file) = vectors("tweak_vectors.json") else {
        return;
    };
    let (message, nonce) = (bytes(&file["msg"]), bytes(&file["secnonce"]));
    for case in list(&file["valid_test_cases"]) {
        let got = partial(&file, case, &message, &nonce).unwrap();
        assert_eq!(got.to_vec(), bytes(&case["expected"]));
    }
    for case in list(&file["error_test_cases"]) {
        assert!(partial(&file, case, &message, &nonce).is_err());
    }
}

#[test]
fn key_agg_error_vectors() {
    let Some(file) = vectors("key_agg_vectors.json") else {
        return;
    };
    for case in list(&file["error_test_cases"]) {
        assert!(keys(&file, case).is_err(), "{}", case["comment"]);
    }
}

#[test]
fn sig_agg_vectors() {
    let Some(file) = vectors("sig_agg_vectors.json") else {
        return;
    };
    let message = bytes(&file["msg"]);
    let aggregate = |case: &Value| -> Result<([u8; 65], Point), SigningError> {
        let keys = keys(&file, case)?;
        let nonces = chosen(&file["pnonces"], case, "nonce_indices")
            .iter()
            .map(|nonce| public_nonce("nonce", nonce))
            .collect::<Result<Vec<_>, _>>()?;
        let session = Session {
            keys: &keys,
            message: &message,
            adaptor: None,
        };
        let shared = session.shared_nonce(&nonces)?;
        assert_eq!(
            shared.aggregate.to_bytes().to_vec(),
            bytes(&case["aggnonce"])
        );
        let partials = chosen(&file["psigs"], case, "psig_indices")
            .iter()
            .map(|partial| scalar("partial", partial))
            .collect::<Result<Vec<MaybeScalar>, _>>()?;
        let signature = session.aggregate(&shared, partials.into_iter());
        assert!(session.presignature_holds(&signature));
        Ok((signature, keys.aggregated_pubkey()))
    };
    for case in list(&file["valid_test_cases"]) {
        let (signature, key) = aggregate(case).unwrap();
        assert_eq!(signature[1..].to_vec(), bytes(&case["expected"]));
        assert!(verify(&key.serialize_xonly(), &message, &signature[1..]));
    }
    for case in list(&file["error_test_cases"]) {
        assert!(aggregate(case).is_err());
    }
}
