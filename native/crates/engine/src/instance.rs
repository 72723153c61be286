//! One garbled instance: everything it is made of follows from its seed, its D and its share.

use garble::{Block, Control, Lane, Path, garble};

use crate::curve::Affine;
use crate::digits::expand;
use crate::params::KEPT_HEAD;
use crate::scalar::Scalar;
use crate::solder::{Masks, translation};
use crate::transcript::{INSTANCE, PAIR, TABLE, TRANSLATION, hash, le};
use crate::{EngineError, Params};

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
    *hash(PAIR, &parts).finalize().as_bytes()
}

/// What the commitment is made of; everything but the two tables themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) key: Block,
    pub(crate) s: Block,
    pub(crate) table_root: [u8; 32],
    pub(crate) translation_root: [u8; 32],
    pub(crate) output: [u8; 32],
}

impl Head {
    pub(crate) fn to_bytes(self) -> [u8; KEPT_HEAD] {
        let mut bytes = [0; KEPT_HEAD];
        bytes[..16].copy_from_slice(&self.key);
        bytes[16..32].copy_from_slice(&self.s);
        bytes[32..64].copy_from_slice(&self.table_root);
        bytes[64..96].copy_from_slice(&self.translation_root);
        bytes[96..].copy_from_slice(&self.output);
        bytes
    }

    pub(crate) fn parse(bytes: &[u8; KEPT_HEAD]) -> Self {
        let part = |start: usize| std::array::from_fn(|n| bytes[start + n]);
        Self {
            key: std::array::from_fn(|n| bytes[n]),
            s: std::array::from_fn(|n| bytes[16 + n]),
            table_root: part(32),
            translation_root: part(64),
            output: part(96),
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
    for (n, made) in made.iter_mut().enumerate() {
        made.head.table_root = *hashers[n].finalize().as_bytes();
        // the label of false frees the share
        made.head.output = masks[n].apply_output(&outputs[n][0], &sources[n].share.to_bytes());
    }
    Ok(made)
}
