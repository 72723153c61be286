//! The evaluator's side of the setup: everything opened is regenerated, everything kept is recomputed from its bytes.

use garble::Control;
use rayon::prelude::*;

use crate::curve::{Affine, parse_points};
use crate::digits::{read_digit_points, read_points};
use crate::error::length;
use crate::instance::{
    Head, Source, Tables, encoding_root, group_size, make, pair_hash, table_root, translation_root,
};
use crate::params::{OPENING_PROOF, OPENING_SOURCE};
use crate::polynomial::{check_shares, threshold};
use crate::proof::{Claim, Sum, check_soldered};
use crate::scalar::Scalar;
use crate::solder::base;
use crate::transcript::{BATCH_WEIGHTS, weights};
use crate::{EngineError, Params};

const BOUND: &str = "points D bound to the digit points S by the proof";
const COMMITTED: &str = "what was committed to";

/// Checks all openings and the kept artifact against the commitments; returns the opened shares, 32 bytes each in
/// ascending order of index, to be stored beside the artifact. Progress counts instances.
#[allow(clippy::too_many_arguments)] // eight different messages of a setup; a struct would only rename them
pub fn check(
    params: &Params,
    points: &[u8],
    polynomial: &[u8],
    commitments: &[u8],
    kept: &[usize],
    openings: &[u8],
    artifact: &[u8],
    control: &Control,
) -> Result<Vec<u8>, EngineError> {
    params.check_kept(kept)?;
    length("artifact", kept.len() * params.kept_bytes(), artifact.len())?;
    control.start(params.instances as u64);
    let records = opened(
        params,
        points,
        polynomial,
        commitments,
        kept,
        openings,
        control,
    )?;

    let pair = pair_hash(params, points, polynomial);
    let (commitments, _) = commitments.as_chunks::<32>();
    let kept_results: Vec<Result<(), EngineError>> = kept
        .par_iter()
        .zip(artifact.par_chunks_exact(params.kept_bytes()))
        .map(|(index, bytes)| {
            control.check()?;
            check_kept_instance(params, &pair, *index, &commitments[*index], bytes)?;
            control.advance(1);
            Ok(())
        })
        .collect();
    kept_results.into_iter().collect::<Result<(), _>>()?;
    Ok(records.iter().flat_map(|r| r.share.to_bytes()).collect())
}

/// The part of `check` that needs no kept instance: for who judges a setup later and elsewhere. Progress counts what
/// was opened.
pub fn check_opened(
    params: &Params,
    points: &[u8],
    polynomial: &[u8],
    commitments: &[u8],
    kept: &[usize],
    openings: &[u8],
    control: &Control,
) -> Result<(), EngineError> {
    params.check_kept(kept)?;
    control.start((params.instances - kept.len()) as u64);
    opened(
        params,
        points,
        polynomial,
        commitments,
        kept,
        openings,
        control,
    )?;
    Ok(())
}

/// Regenerates every opened instance; `kept` has been checked.
fn opened<'a>(
    params: &Params,
    points: &[u8],
    polynomial: &[u8],
    commitments: &[u8],
    kept: &[usize],
    openings: &'a [u8],
    control: &Control,
) -> Result<Vec<Record<'a>>, EngineError> {
    length("polynomial", params.polynomial_bytes(), polynomial.len())?;
    length("commitments", params.instances * 32, commitments.len())?;
    let opened = params.opened(kept);
    length(
        "openings",
        opened.len() * params.opening_bytes(),
        openings.len(),
    )?;
    let (basis, _) = read_digit_points(params.layout, points)?;
    let coefficients = read_points("polynomial", polynomial, threshold(params))?;

    let records: Vec<Record<'_>> = opened
        .iter()
        .zip(openings.chunks_exact(params.opening_bytes()))
        .map(|(index, bytes)| Record::parse(params, *index, bytes))
        .collect::<Result<_, _>>()?;
    let shares: Vec<_> = records.iter().map(|r| (r.index, r.share)).collect();
    check_shares(params, &coefficients, polynomial, &shares)?;

    let pair = pair_hash(params, points, polynomial);
    let (commitments, _) = commitments.as_chunks::<32>();
    let digest = blake3::hash(openings);
    let parts = [b"openings" as &[u8], &pair, digest.as_bytes()];
    let weights = weights(BATCH_WEIGHTS, &parts, records.len());
    let work: Vec<_> = records.iter().zip(weights).collect();
    let sums: Vec<Result<Sum, EngineError>> = work
        .par_chunks(group_size(work.len()))
        .map(|group| check_group(params, points, &pair, commitments, group, control))
        .collect();
    let mut total = Sum::new(params);
    for sum in sums {
        total = total.merge(&sum?);
    }
    if !total.holds(&basis) {
        return Err(name_unbound(params, points, &basis, &records));
    }
    Ok(records)
}

/// One opening as it travels: seed, share, head, D, proof.
pub(crate) struct Record<'a> {
    pub(crate) index: usize,
    seed: [u8; 32],
    share: Scalar,
    head: Head,
    pub(crate) soldered: &'a [u8],
    proof: [u8; OPENING_PROOF],
}

impl<'a> Record<'a> {
    /// `bytes` has the length of an opening.
    pub(crate) fn parse(
        params: &Params,
        index: usize,
        bytes: &'a [u8],
    ) -> Result<Self, EngineError> {
        let (mut seed, mut share) = ([0; 32], [0; 32]);
        seed.copy_from_slice(&bytes[..32]);
        share.copy_from_slice(&bytes[32..OPENING_SOURCE]);
        let start = OPENING_SOURCE + params.head_bytes();
        let end = bytes.len() - OPENING_PROOF;
        let mut proof = [0; OPENING_PROOF];
        proof.copy_from_slice(&bytes[end..]);
        let share = Scalar::parse(&share).ok_or(EngineError::instance(
            index,
            "share",
            "a scalar below the group order",
        ))?;
        Ok(Self {
            index,
            seed,
            share,
            head: Head::parse(params, &bytes[OPENING_SOURCE..start]),
            soldered: &bytes[start..end],
            proof,
        })
    }

    fn read_soldered(&self) -> Result<Vec<Affine>, EngineError> {
        let (chunks, _) = self.soldered.as_chunks::<33>();
        parse_points(chunks)
            .map_err(|_| EngineError::instance(self.index, "D", "compressed points of secp256k1"))
    }

    /// What the instance was made from.
    pub(crate) fn source(&self) -> Result<Source, EngineError> {
        Ok(Source {
            index: self.index,
            seed: self.seed,
            soldered: self.read_soldered()?,
            share: self.share,
        })
    }
}

/// Regenerates a group of opened instances; the returned sum still has to hold.
fn check_group(
    params: &Params,
    points: &[u8],
    pair: &[u8; 32],
    commitments: &[[u8; 32]],
    group: &[(&Record<'_>, Scalar)],
    control: &Control,
) -> Result<Sum, EngineError> {
    let mut sum = Sum::new(params);
    let mut sources = Vec::with_capacity(group.len());
    for (record, weight) in group {
        control.check()?;
        let index = record.index;
        if record.head.commitment(pair, index) != commitments[index] {
            return Err(EngineError::instance(index, "commitment", COMMITTED));
        }
        let soldered = record.read_soldered()?;
        let claim = Claim {
            params,
            index,
            base: &base(params, index),
            points,
            soldered: record.soldered,
        };
        let half = check_soldered(&claim, &soldered, &record.proof)
            .ok_or(EngineError::instance(index, "proof", BOUND))?;
        sum.add(&half, *weight);
        sources.push(Source {
            index,
            seed: record.seed,
            soldered,
            share: record.share,
        });
    }
    let made = make(params, &sources, Tables::Hash, control)?;
    for ((record, _), made) in group.iter().zip(made) {
        compare(record.index, &record.head, &made)?;
    }
    control.advance(group.len() as u64);
    Ok(sum)
}

/// Names the part of an opened instance that does not follow from its seed, D and share.
fn compare(index: usize, shown: &Head, made: &Head) -> Result<(), EngineError> {
    let same = [
        ("seed", (shown.key, shown.s) == (made.key, made.s)),
        (
            "translation",
            shown.translation_root == made.translation_root,
        ),
        ("table", shown.table_root == made.table_root),
        (
            "encoding",
            shown.encrypted.map(|e| e.encoding_root) == made.encrypted.map(|e| e.encoding_root),
        ),
        (
            "ciphertext",
            shown.encrypted.map(|e| e.ciphertext) == made.encrypted.map(|e| e.ciphertext),
        ),
        ("output", shown.output == made.output),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((part, _)) => Err(EngineError::instance(
            index,
            part,
            "what the committed instance was made from",
        )),
    }
}

/// The first opening whose own half about S fails.
fn name_unbound(
    params: &Params,
    points: &[u8],
    basis: &[Affine],
    records: &[Record<'_>],
) -> EngineError {
    let is_bound = |record: &Record<'_>| -> Option<bool> {
        let claim = Claim {
            params,
            index: record.index,
            base: &base(params, record.index),
            points,
            soldered: record.soldered,
        };
        let soldered = record.read_soldered().ok()?;
        let half = check_soldered(&claim, &soldered, &record.proof)?;
        let mut sum = Sum::new(params);
        sum.add(&half, Scalar::ONE);
        Some(sum.holds(basis))
    };
    let wrong = records.iter().find(|record| is_bound(record) != Some(true));
    EngineError::instance(wrong.map_or(0, |record| record.index), "proof", BOUND)
}

/// Recomputes a kept instance's commitment from its bytes.
fn check_kept_instance(
    params: &Params,
    pair: &[u8; 32],
    index: usize,
    commitment: &[u8; 32],
    bytes: &[u8],
) -> Result<(), EngineError> {
    let kept = Kept::split(params, bytes);
    let head = kept.head;
    let parts = [
        ("commitment", head.commitment(pair, index) == *commitment),
        (
            "translation",
            translation_root(kept.translation) == head.translation_root,
        ),
        ("table", table_root(kept.table) == head.table_root),
        (
            "encoding",
            head.encrypted
                .is_none_or(|e| encoding_root(kept.encoding) == e.encoding_root),
        ),
    ];
    match parts.into_iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((part, _)) => Err(EngineError::instance(index, part, COMMITTED)),
    }
}

/// A kept instance.
pub(crate) struct Kept<'a> {
    pub(crate) head: Head,
    pub(crate) translation: &'a [u8],
    pub(crate) table: &'a [u8],
    /// Engine babe: with its offsets.
    pub(crate) encoding: &'a [u8],
}

impl<'a> Kept<'a> {
    /// `bytes` has the length of a kept instance.
    pub(crate) fn split(params: &Params, bytes: &'a [u8]) -> Self {
        let (head, rest) = bytes.split_at(params.head_bytes());
        let (translation, rest) = rest.split_at(params.layout.translation_bytes());
        let (table, encoding) = rest.split_at(params.program.table_bytes());
        Self {
            head: Head::parse(params, head),
            translation,
            table,
            encoding,
        }
    }
}
