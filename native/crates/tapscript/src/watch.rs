//! The search of a block for watched outpoints and scripts.

use std::collections::HashSet;

use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::hashes::Hash;
use bitcoin::{Block, OutPoint, Script, ScriptBuf, Transaction, Txid};

use crate::TapscriptError;

/// What is looked for in every block.
#[derive(Default)]
pub struct Watch {
    outpoints: HashSet<OutPoint>,
    scripts: HashSet<ScriptBuf>,
}

/// What a block holds of it.
pub struct Found {
    /// The block's hash, internal byte order.
    pub hash: [u8; 32],
    /// The previous block's hash, internal byte order.
    pub previous: [u8; 32],
    /// Place in the block and bytes of every transaction that spends a watched outpoint or pays a watched script.
    pub transactions: Vec<(usize, Vec<u8>)>,
}

impl Watch {
    /// Looks for spends of an outpoint (txid in internal byte order).
    pub fn watch_outpoint(&mut self, txid: [u8; 32], vout: u32) {
        self.outpoints.insert(outpoint(txid, vout));
    }

    /// Looks no more.
    pub fn forget_outpoint(&mut self, txid: [u8; 32], vout: u32) {
        self.outpoints.remove(&outpoint(txid, vout));
    }

    /// Looks for payments to a script.
    pub fn watch_script(&mut self, script: &[u8]) {
        self.scripts.insert(ScriptBuf::from_bytes(script.to_vec()));
    }

    /// Searches a block. An output found here is watched only when the caller says so: one that is created and spent in
    /// the same block needs a second search.
    pub fn scan(&self, raw_block: &[u8]) -> Result<Found, TapscriptError> {
        let block: Block = deserialize(raw_block).map_err(|error| {
            let expected = "one serialized block and nothing after it";
            TapscriptError::new("raw_block", expected, error)
        })?;
        let transactions = block
            .txdata
            .iter()
            .enumerate()
            .filter(|(_, tx)| self.touches(tx))
            .map(|(i, tx)| (i, serialize(tx)))
            .collect();
        Ok(Found {
            hash: block.block_hash().to_byte_array(),
            previous: block.header.prev_blockhash.to_byte_array(),
            transactions,
        })
    }

    fn touches(&self, tx: &Transaction) -> bool {
        let spends = |outpoint| self.outpoints.contains(outpoint);
        let pays = |script: &Script| self.scripts.contains(script);
        tx.input.iter().any(|input| spends(&input.previous_output))
            || tx.output.iter().any(|output| pays(&output.script_pubkey))
    }
}

fn outpoint(txid: [u8; 32], vout: u32) -> OutPoint {
    OutPoint::new(Txid::from_byte_array(txid), vout)
}
