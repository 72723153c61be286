//! One garbled instance: everything it is made of follows from its seed, its D and its share.

use babe::CIPHERTEXT_BYTES;
use garble::{Block, Control, Lane, Path, garble};
use zeroize::Zeroizing;

use crate::curve::Affine;
use crate::digits::expand;
use crate::encryption::{Garbled, encrypt};
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

/// Whether the tables are only hashed, or kept: a record for each source, one after the other, is written there.
pub(crate) enum Tables<'a> {
    Hash,
    Keep(&'a mut [u8]),
}

impl<'a> Tables<'a> {
    /// The record of each of `count` sources, if there are any.
    fn slots(self, params: &Params, count: usize) -> Vec<Option<Slot<'a>>> {
        match self {
            Self::Hash => (0..count).map(|_| None).collect(),
            Self::Keep(records) => records
                .chunks_exact_mut(params.kept_bytes())
                .map(|record| Some(Slot::split(params, record)))
                .collect(),
        }
    }
}

/// A kept instance's record in the making.
struct Slot<'a> {
    head: &'a mut [u8],
    translation: &'a mut [u8],
    /// What is not written yet of the gate table, and of the encoding with its offsets.
    table: &'a mut [u8],
    encoding: &'a mut [u8],
}

impl<'a> Slot<'a> {
    fn split(params: &Params, record: &'a mut [u8]) -> Self {
        let (head, rest) = record.split_at_mut(params.head_bytes());
        let (translation, rest) = rest.split_at_mut(params.layout.translation_bytes());
        let (table, encoding) = rest.split_at_mut(params.program.table_bytes());
        Self {
            head,
            translation,
            table,
            encoding,
        }
    }
}

/// Writes a chunk at the front of what is left.
fn write(left: &mut &mut [u8], chunk: &[u8]) {
    let (now, later) = std::mem::take(left).split_at_mut(chunk.len());
    now.copy_from_slice(chunk);
    *left = later;
}

/// Makes a group of instances in lockstep. Refuses D whose values contain infinity.
pub(crate) fn make(
    params: &Params,
    sources: &[Source],
    tables: Tables<'_>,
    control: &Control,
) -> Result<Vec<Head>, EngineError> {
    let mut slots = tables.slots(params, sources.len());
    let mut lanes = Vec::with_capacity(sources.len());
    let mut masks = Vec::with_capacity(sources.len());
    let mut heads = Vec::with_capacity(sources.len());
    for (source, slot) in sources.iter().zip(&mut slots) {
        control.check()?;
        let lane = Lane::from_seed(&params.program, &source.seed);
        let points = expand(params.layout, &source.soldered).map_err(|_| {
            EngineError::instance(source.index, "D", "a finite point for every value")
        })?;
        let mask = Masks::new(params, source.index);
        let translation = translation(params.layout, &mask, &points, &lane);
        if let Some(slot) = slot {
            slot.translation.copy_from_slice(&translation);
        }
        heads.push(Head {
            key: lane.key,
            s: lane.s,
            table_root: [0; 32],
            translation_root: translation_root(&translation),
            output: [0; 32],
            encrypted: None,
        });
        lanes.push(lane);
        masks.push(mask);
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
            if let Some(slot) = &mut slots[lane] {
                write(&mut slot.table, chunk);
            }
        },
    )?;
    let outputs = Zeroizing::new(outputs);
    for (n, (head, slot)) in heads.iter_mut().zip(&mut slots).enumerate() {
        head.table_root = *hashers[n].finalize().as_bytes();
        let share = Zeroizing::new(sources[n].share.to_bytes());
        head.output = match &params.predicate {
            // the label of false frees the share
            Predicate::Core => masks[n].apply_output(&outputs[n][0], &share),
            Predicate::Babe(statement) => {
                let mut keep = |chunk: &[u8]| {
                    if let Some(slot) = slot {
                        write(&mut slot.encoding, chunk);
                    }
                };
                let garbled = Garbled {
                    source: &sources[n],
                    lane: &lanes[n],
                    zero: &outputs[n],
                };
                let (encrypted, key) = encrypt(params, statement, &garbled, control, &mut keep)?;
                head.encrypted = Some(encrypted);
                masks[n].apply_output(&key[..], &share)
            }
        };
        if let Some(slot) = slot {
            slot.head.copy_from_slice(&head.to_bytes());
        }
    }
    Ok(heads)
}
