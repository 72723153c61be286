//! Transactions as bytes, and their BIP341/BIP342 sighashes.

use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::hashes::Hash;
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::{LeafVersion, TapLeafHash};
use bitcoin::{Amount, Script, ScriptBuf, Transaction, TxOut, Witness};

use crate::TapscriptError;

/// The code separator position before any OP_CODESEPARATOR has run.
pub const NO_CODE_SEPARATOR: u32 = 0xffff_ffff;

fn parse(raw: &[u8]) -> Result<Transaction, TapscriptError> {
    deserialize(raw).map_err(|error| {
        let expected = "one serialized transaction and nothing after it";
        TapscriptError::new("tx", expected, error)
    })
}

/// The txid, internal byte order.
pub fn txid(raw: &[u8]) -> Result<[u8; 32], TapscriptError> {
    Ok(parse(raw)?.compute_txid().to_byte_array())
}

/// The transaction without witnesses, as its txid hashes it.
pub fn strip_witness(raw: &[u8]) -> Result<Vec<u8>, TapscriptError> {
    let mut tx = parse(raw)?;
    for input in &mut tx.input {
        input.witness = Witness::new();
    }
    Ok(serialize(&tx))
}

/// The weight in weight units (BIP141).
pub fn weight(raw: &[u8]) -> Result<u64, TapscriptError> {
    Ok(parse(raw)?.weight().to_wu())
}

/// SIGHASH_DEFAULT sighashes of input `index`: of its key path (no leaf), or of a leaf, one for each code separator
/// position (the opcode index of the last OP_CODESEPARATOR run). `prevouts` are (value, scriptPubKey) of ALL inputs.
pub fn sighashes(
    tx: &[u8],
    prevouts: &[(u64, &[u8])],
    index: usize,
    leaf: Option<&[u8]>,
    positions: &[u32],
) -> Result<Vec<[u8; 32]>, TapscriptError> {
    let kind = TapSighashType::Default;
    sighashes_of_kind(tx, prevouts, index, leaf, positions, kind)
}

pub(crate) fn sighashes_of_kind(
    tx: &[u8],
    prevouts: &[(u64, &[u8])],
    index: usize,
    leaf: Option<&[u8]>,
    positions: &[u32],
    kind: TapSighashType,
) -> Result<Vec<[u8; 32]>, TapscriptError> {
    let tx = parse(tx)?;
    let inputs = tx.input.len();
    if prevouts.len() != inputs {
        let expected = format!("one an input, {inputs}");
        return Err(TapscriptError::new("prevouts", expected, prevouts.len()));
    }
    if index >= inputs {
        let expected = format!("below {inputs}");
        return Err(TapscriptError::new("index", expected, index));
    }
    if leaf.is_none() && positions.iter().any(|&at| at != NO_CODE_SEPARATOR) {
        let expected = "0xffffffff only on a key path";
        return Err(TapscriptError::new("positions", expected, "others"));
    }
    let outputs: Vec<TxOut> = prevouts
        .iter()
        .map(|&(value, script)| TxOut {
            value: Amount::from_sat(value),
            script_pubkey: ScriptBuf::from_bytes(script.to_vec()),
        })
        .collect();
    let prevouts = Prevouts::All(&outputs);
    let leaf =
        leaf.map(|leaf| TapLeafHash::from_script(Script::from_bytes(leaf), LeafVersion::TapScript));
    let mut cache = SighashCache::new(&tx);
    positions
        .iter()
        .map(|&at| {
            let leaf = leaf.map(|hash| (hash, at));
            cache
                .taproot_signature_hash(index, &prevouts, None, leaf, kind)
                .map(|hash| hash.to_byte_array())
                .map_err(|error| TapscriptError::new("tx", "one with this sighash", error))
        })
        .collect()
}
