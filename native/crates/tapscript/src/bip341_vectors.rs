//! BIP341's sighashes for every hash type; the product signs SIGHASH_DEFAULT only, through the same function. Says so and
//! passes when the vectors are not there.

use std::path::PathBuf;

use bitcoin::sighash::TapSighashType;
use serde_json::Value;

use crate::NO_CODE_SEPARATOR;
use crate::transaction::sighashes_of_kind;

fn text(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a hex string")).expect("hex")
}

#[test]
fn every_key_path_sighash() {
    let folder = match std::env::var_os("BITVM3_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"))
            .join("../../../../shared/vectors"),
    };
    let path = folder.join("bitcoin/bip341/wallet-test-vectors.json");
    let Ok(file) = std::fs::read(&path) else {
        eprintln!("NOT RUN, set BITVM3_VECTORS: {}", path.display());
        return;
    };
    let file: Value = serde_json::from_slice(&file).expect("the vectors are JSON");
    let mut checked = 0;
    for set in file["keyPathSpending"].as_array().expect("a list") {
        let given = &set["given"];
        let tx = text(&given["rawUnsignedTx"]);
        let spent: Vec<(u64, Vec<u8>)> = given["utxosSpent"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|out| {
                (
                    out["amountSats"].as_u64().unwrap(),
                    text(&out["scriptPubKey"]),
                )
            })
            .collect();
        let spent: Vec<(u64, &[u8])> = spent.iter().map(|(v, s)| (*v, &s[..])).collect();
        for input in set["inputSpending"].as_array().expect("a list") {
            let index = input["given"]["txinIndex"].as_u64().unwrap() as usize;
            let kind = input["given"]["hashType"].as_u64().unwrap() as u8;
            let kind = TapSighashType::from_consensus_u8(kind).unwrap();
            let got =
                sighashes_of_kind(&tx, &spent, index, None, &[NO_CODE_SEPARATOR], kind).unwrap();
            assert_eq!(got[0].to_vec(), text(&input["intermediary"]["sigHash"]));
            checked += 1;
        }
    }
    assert_eq!(checked, 7);
}
