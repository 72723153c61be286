//! Taproot outputs (BIP341) over a list of tapscript leaves.

use std::sync::LazyLock;

use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{All, Scalar, Secp256k1};
use bitcoin::taproot::{LeafVersion, NodeInfo, TaprootSpendInfo};
use bitcoin::{ScriptBuf, XOnlyPublicKey};

use crate::TapscriptError;

static SECP: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// BIP341's point H, whose logarithm nobody knows.
const H: [u8; 32] = [
    0x50, 0x92, 0x9b, 0x74, 0xc1, 0xa0, 0x49, 0x54, 0xb7, 0x8b, 0x4b, 0x60, 0x35, 0xe9, 0x7a, 0x5e,
    0x07, 0x8a, 0x5a, 0x0f, 0x28, 0xec, 0x96, 0xd5, 0x47, 0xbf, 0xee, 0x9a, 0xce, 0x80, 0x3a, 0xc0,
];
const NUMS_CONTEXT: &str = "bitvm3 2026 nums key v1";

/// How an output is spent.
pub struct Spend {
    /// The x-only output key.
    pub output_key: [u8; 32],
    /// The root of the tree, if there are leaves.
    pub merkle_root: Option<[u8; 32]>,
    /// The control block of every leaf, in the order of the leaves.
    pub control_blocks: Vec<Vec<u8>>,
}

/// The output of an internal key and leaves (version 0xc0). One leaf has depth 0; more are split into halves, the first
/// of which gets the odd one, and so on down.
pub fn taproot(internal_key: &[u8], leaves: &[&[u8]]) -> Result<Spend, TapscriptError> {
    let key = XOnlyPublicKey::from_slice(internal_key).map_err(|_| {
        let expected = "an x-only key (32 bytes, on the curve)";
        let got = format!("{} bytes that are none", internal_key.len());
        TapscriptError::new("internal_key", expected, got)
    })?;
    if let Some(i) = (1..leaves.len()).find(|&i| leaves[..i].contains(&leaves[i])) {
        let field = format!("leaves[{i}]");
        return Err(TapscriptError::new(
            field,
            "a leaf of its own",
            "a repeated one",
        ));
    }
    let scripts: Vec<(ScriptBuf, LeafVersion)> = leaves
        .iter()
        .map(|leaf| (ScriptBuf::from_bytes(leaf.to_vec()), LeafVersion::TapScript))
        .collect();
    let info = match tree(&scripts) {
        None => TaprootSpendInfo::new_key_spend(&SECP, key, None),
        Some(root) => TaprootSpendInfo::from_node_info(&SECP, key, root),
    };
    let control_blocks = scripts
        .iter()
        .map(|leaf| info.control_block(leaf).expect("every leaf is in the tree"))
        .map(|block| block.serialize())
        .collect();
    Ok(Spend {
        output_key: info.output_key().to_x_only_public_key().serialize(),
        merkle_root: info.merkle_root().map(|root| root.to_byte_array()),
        control_blocks,
    })
}

fn tree(leaves: &[(ScriptBuf, LeafVersion)]) -> Option<NodeInfo> {
    match leaves {
        [] => None,
        [(script, version)] => Some(NodeInfo::new_leaf_with_ver(script.clone(), *version)),
        _ => {
            let (left, right) = leaves.split_at(leaves.len().div_ceil(2));
            let both = NodeInfo::combine(tree(left)?, tree(right)?);
            Some(both.expect("halves of a list in memory are less than 128 deep"))
        }
    }
}

/// The x-only internal key H + r*G with r = BLAKE3 derive_key("bitvm3 2026 nums key v1", tag): nobody knows its
/// logarithm, and with r everyone can see that.
pub fn nums_key(tag: &[u8]) -> Result<[u8; 32], TapscriptError> {
    let r = blake3::derive_key(NUMS_CONTEXT, tag);
    let unlucky = || TapscriptError::new("tag", "a tag with a key", "one of 2^-128 bad luck");
    let r = Scalar::from_be_bytes(r).map_err(|_| unlucky())?;
    let h = XOnlyPublicKey::from_slice(&H).expect("BIP341's point");
    let (key, _) = h.add_tweak(&SECP, &r).map_err(|_| unlucky())?;
    Ok(key.serialize())
}
