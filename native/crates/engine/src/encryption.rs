//! What engine babe adds to an instance: the encoding of r * p1 on the labels of the features, and what a proof opens.

use babe::{ENCODING_BYTES, HashKey, KEY_BYTES, OFFSETS_BYTES, Secrets, Statement, encode};
use garble::{Block, Control, Lane};
use zeroize::Zeroizing;

use crate::instance::{Encrypted, Source, Tables};
use crate::transcript::{ENCODING, ENCODING_KEY, hash, le};
use crate::{EngineError, Params};

/// The encoding, and the key Y^r that a valid proof opens.
pub(crate) struct Encoded {
    pub(crate) head: Encrypted,
    /// Empty when it is only hashed.
    pub(crate) encoding: Vec<u8>,
    pub(crate) key: Zeroizing<[u8; KEY_BYTES]>,
}

/// Key of the masks: another one than the gates', for the same labels are hashed with both, and public as theirs.
pub(crate) fn hash_key(params: &Params, index: usize, key: &Block, s: &Block) -> HashKey {
    let mut blocks = [[0; 16]; 2];
    let parts = [&params.setup_id[..], &le(index), key, s];
    hash(ENCODING_KEY, &parts)
        .finalize_xof()
        .fill(blocks.as_flattened_mut());
    let [key, s] = blocks;
    HashKey { key, s }
}

/// Makes the encoding of an instance on `zero`, the labels of false of the features' bits.
pub(crate) fn encrypt(
    params: &Params,
    statement: &Statement,
    source: &Source,
    lane: &Lane,
    zero: &[Block],
    tables: Tables,
    control: &Control,
) -> Result<Encoded, EngineError> {
    let secrets = Secrets::from_seed(&source.seed);
    let hash_key = hash_key(params, source.index, &lane.key, &lane.s);
    let mut hasher = hash(ENCODING, &[]);
    let mut encoding = match tables {
        Tables::Hash => Vec::new(),
        Tables::Keep => Vec::with_capacity(ENCODING_BYTES + OFFSETS_BYTES),
    };
    let mut take = |chunk: &[u8]| {
        hasher.update(chunk);
        if tables == Tables::Keep {
            encoding.extend_from_slice(chunk);
        }
    };
    let offsets = encode(&secrets, &hash_key, &lane.delta, zero, control, &mut take)?;
    take(&offsets);
    let (ciphertext, key) = statement.encrypt(secrets.r())?;
    Ok(Encoded {
        head: Encrypted {
            encoding_root: *hasher.finalize().as_bytes(),
            ciphertext,
        },
        encoding,
        key,
    })
}
