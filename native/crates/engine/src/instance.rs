//! One garbled instance: everything it is made of follows from its seed, its D and its share.

use babe::CIPHERTEXT_BYTES;
use garble::{Block, Control, Lane, Path, garble};
use zeroize::Zeroizing;

use crate::curve::Affine;
use crate::digits::expand;
use crate::encryption::encrypt;
use crate::scalar::Scalar;
use crate::solder::{Masks, translation};
use crate::transcript::{ENCODING, INSTANCE, PAIR, TABLE, TRANSLATION, hash, le};
use crate::{EngineError, Params, Predicate};

/// Instances that one thread garbles in lockstep: eight, or fewer when there are not enough for all threads.
pub(crate) fn group_size(instances: usize) -> usize {
    instances
        .div_ceil(rayon::current_num_threads().max(1))
        .clamp(1, 8)
}

/// The hash of all that the instances of a pair share.
pub(crate) fn pair_hash(params: &Params, points: &[u8], polynomial: &[u8]) -> [u8; 32] {
    let parts = [
        &params.setup_id[..],
        &le(params.context.len()),
        &params.context,
        &params.program.circuit_id(),
        &le(params.instances),
        &le(params.kept),
        &le(params.layout.digit_bits()),
        points,
        polynomial,
    ];
    let mut hasher = hash(PAIR, &parts);
    if let Predicate::Babe(statement) = &params.predicate {
        hasher.update(&statement.id());
    }
    *hasher.finalize().as_bytes()
}

/// What engine babe adds to a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encrypted {
    /// Of the encoding with its offsets.
    pub(crate) encoding_root: [u8; 32],
    /// r * delta.
    pub(crate) ciphertext: [u8; CIPHERTEXT_BYTES],
}

/// What the commitment is made of; everything but the tables themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) key: Block,
    pub(crate) s: Block,
    pub(crate) table_root: [u8; 32],
    pub(crate) translation_root: [u8; 32],
    pub(crate) output: [u8; 32],
    /// Engine babe.
    pub(crate) encrypted: Option<Encrypted>,
}

impl Head {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = [self.key, self.s].concat();
        for part in [self.table_root, self.translation_root, self.output] {
            bytes.extend_from_slice(&part);
        }
        if let Some(encrypted) = self.encrypted {
            bytes.extend_from_slice(&encrypted.encoding_root);
            bytes.extend_from_slice(&encrypted.ciphertext);
        }
        bytes
    }

    /// `bytes` has the length of a head under these parameters.
    pub(crate) fn parse(params: &Params, bytes: &[u8]) -> Self {
        fn part<const N: usize>(bytes: &[u8], start: usize) -> [u8; N] {
            std::array::from_fn(|n| bytes[start + n])
        }
        Self {
            key: part(bytes, 0),
            s: part(bytes, 16),
            table_root: part(bytes, 32),
            translation_root: part(bytes, 64),
            output: part(bytes, 96),
            encrypted: match params.predicate {
                Predicate::Core => None,
                Predicate::Babe(_) => Some(Encrypted {
                    encoding_root: part(bytes, 128),
                    ciphertext: part(bytes, 160),
                }),
            },
        }
    }

    pub(crate) fn commitment(&self, pair: &[u8; 32], index: usize) -> [u8; 32] {
        let parts = [&pair[..], &le(index), &self.to_bytes()];
        *hash(INSTANCE, &parts).finalize().as_bytes()
    }
}

pub(crate) fn table_root(table: &[u8]) -> [u8; 32] {
    *hash(TABLE, &[table]).finalize().as_bytes()
}

/// `encoding` ends with the offsets.
pub(crate) fn encoding_root(encoding: &[u8]) -> [u8; 32] {
    *hash(ENCODING, &[encoding]).finalize().as_bytes()
}

pub(crate) fn translation_root(translation: &[u8]) -> [u8; 32] {
    *hash(TRANSLATION, &[translation]).finalize().as_bytes()
}

/// What an instance is made from.
pub(crate) struct Source {
    pub(crate) index: usize,
    pub(crate) seed: [u8; 32],
    pub(crate) soldered: Vec<Affine>,
    pub(crate) share: Scalar,
}

impl Drop for Source {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.seed);
        zeroize::Zeroize::zeroize(&mut self.share);
    }
}

/// What became of it: the head, and the tables when they were asked for.
pub(crate) struct Made {
    pub(crate) head: Head,
    pub(crate) translation: Vec<u8>,
    pub(crate) table: Vec<u8>,
    /// Engine babe: the encoding and its offsets.
    pub(crate) encoding: Vec<u8>,
}

impl Made {
    /// A kept instance as it travels.
    pub(crate) fn append_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.head.to_bytes());
        bytes.extend_from_slice(&self.translation);
        bytes.extend_from_slice(&self.table);
        bytes.extend_from_slice(&self.encoding);
    }
}

/// Whether the tables are kept or only hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    Hash,
    Keep,
}

/// Makes a group of instances in lockstep. Refuses D whose values contain infinity.
pub(crate) fn make(
    params: &Params,
    sources: &[Source],
    tables: Tables,
    control: &Control,
) -> Result<Vec<Made>, EngineError> {
    let mut lanes = Vec::with_capacity(sources.len());
    let mut masks = Vec::with_capacity(sources.len());
    let mut made = Vec::with_capacity(sources.len());
    for source in sources {
        control.check()?;
        let lane = Lane::from_seed(&params.program, &source.seed);
        let points = expand(params.layout, &source.soldered).map_err(|_| {
            EngineError::instance(source.index, "D", "a finite point for every value")
        })?;
        let mask = Masks::new(params, source.index);
        let mut translation = translation(params.layout, &mask, &points, &lane);
        let head = Head {
            key: lane.key,
            s: lane.s,
            table_root: [0; 32],
            translation_root: translation_root(&translation),
            output: [0; 32],
            encrypted: None,
        };
        if tables == Tables::Hash {
            translation = Vec::new();
        }
        lanes.push(lane);
        masks.push(mask);
        made.push(Made {
            head,
            translation,
            table: Vec::new(),
            encoding: Vec::new(),
        });
    }
    let mut hashers = vec![hash(TABLE, &[]); sources.len()];
    let path = Path::best();
    let outputs = garble(
        &params.program,
        &lanes,
        path,
        control,
        &mut |lane, chunk| {
            hashers[lane].update(chunk);
            if tables == Tables::Keep {
                made[lane].table.extend_from_slice(chunk);
            }
        },
    )?;
    let outputs = Zeroizing::new(outputs);
    for (n, made) in made.iter_mut().enumerate() {
        made.head.table_root = *hashers[n].finalize().as_bytes();
        let share = Zeroizing::new(sources[n].share.to_bytes());
        made.head.output = match &params.predicate {
            // the label of false frees the share
            Predicate::Core => masks[n].apply_output(&outputs[n][0], &share),
            Predicate::Babe(statement) => {
                let encoded = encrypt(
                    params,
                    statement,
                    &sources[n],
                    &lanes[n],
                    &outputs[n],
                    tables,
                    control,
                )?;
                made.head.encrypted = Some(encoded.head);
                made.encoding = encoded.encoding;
                masks[n].apply_output(&encoded.key[..], &share)
            }
        };
    }
    Ok(made)
}
