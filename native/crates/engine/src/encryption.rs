//! What engine babe adds to an instance: the encoding of r * p1 on the labels of the features, and what a proof opens.

use babe::{HashKey, KEY_BYTES, Secrets, Statement, encode};
use garble::{Block, Control, Lane};
use zeroize::Zeroizing;

use crate::instance::{Encrypted, Source};
use crate::transcript::{ENCODING, ENCODING_KEY, hash, le};
use crate::{EngineError, Params};

/// An instance whose gates are garbled.
pub(crate) struct Garbled<'a> {
    pub(crate) source: &'a Source,
    pub(crate) lane: &'a Lane,
    /// Labels of false of the features' bits.
    pub(crate) zero: &'a [Block],
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

/// Makes the encoding, which leaves through `keep` with the offsets last, and the key Y^r that a valid proof opens.
pub(crate) fn encrypt(
    params: &Params,
    statement: &Statement,
    garbled: &Garbled<'_>,
    control: &Control,
    keep: &mut dyn FnMut(&[u8]),
) -> Result<(Encrypted, Zeroizing<[u8; KEY_BYTES]>), EngineError> {
    let Garbled { source, lane, zero } = garbled;
    let secrets = Secrets::from_seed(&source.seed);
    let hash_key = hash_key(params, source.index, &lane.key, &lane.s);
    let mut hasher = hash(ENCODING, &[]);
    let mut take = |chunk: &[u8]| {
        hasher.update(chunk);
        keep(chunk);
    };
    let offsets = encode(&secrets, &hash_key, &lane.delta, zero, control, &mut take)?;
    take(&offsets);
    let (ciphertext, key) = statement.encrypt(secrets.r())?;
    let encoding_root = *hasher.finalize().as_bytes();
    let encrypted = Encrypted {
        encoding_root,
        ciphertext,
    };
    Ok((encrypted, key))
}
