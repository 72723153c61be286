//! The evaluator's side of the setup: everything opened is regenerated, everything kept is recomputed from its bytes.

use garble::Control;
use rayon::prelude::*;

use crate::curve::{Affine, parse_points};
use crate::digits::{read_digit_points, read_points};
use crate::error::length;
use crate::instance::{
    Head, Source, Tables, group_size, make, pair_hash, table_root, translation_root,
};
use crate::params::{KEPT_HEAD, OPENING_HEAD, OPENING_PROOF};
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
    length("polynomial", params.polynomial_bytes(), polynomial.len())?;
    length("commitments", params.instances * 32, commitments.len())?;
    let opened = params.opened(kept);
    length(
        "openings",
        opened.len() * params.opening_bytes(),
        openings.len(),
    )?;
    length("artifact", kept.len() * params.kept_bytes(), artifact.len())?;
    let (basis, _) = read_digit_points(params.layout, points)?;
    let coefficients = read_points("polynomial", polynomial, threshold(params))?;
    control.start(params.instances as u64);

    let records: Vec<Record<'_>> = opened
        .iter()
        .zip(openings.chunks_exact(params.opening_bytes()))
        .map(|(index, bytes)| Record::parse(*index, bytes))
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

/// One opening as it travels: seed, share, head, D, proof.
struct Record<'a> {
    index: usize,
    seed: [u8; 32],
    share: Scalar,
    head: Head,
    soldered: &'a [u8],
    proof: [u8; OPENING_PROOF],
}

impl<'a> Record<'a> {
    /// `bytes` has the length of an opening.
    fn parse(index: usize, bytes: &'a [u8]) -> Result<Self, EngineError> {
        let (mut seed, mut share, mut head) = ([0; 32], [0; 32], [0; KEPT_HEAD]);
        seed.copy_from_slice(&bytes[..32]);
        share.copy_from_slice(&bytes[32..64]);
        head.copy_from_slice(&bytes[64..OPENING_HEAD]);
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
            head: Head::parse(&head),
            soldered: &bytes[OPENING_HEAD..end],
            proof,
        })
    }

    fn read_soldered(&self) -> Result<Vec<Affine>, EngineError> {
        let (chunks, _) = self.soldered.as_chunks::<33>();
        parse_points(chunks)
            .map_err(|_| EngineError::instance(self.index, "D", "compressed points of secp256k1"))
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
        compare(record.index, &record.head, &made.head)?;
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
    let (head, translation, table) = split_kept(params, bytes);
    let parts = [
        ("commitment", head.commitment(pair, index) == *commitment),
        (
            "translation",
            translation_root(translation) == head.translation_root,
        ),
        ("table", table_root(table) == head.table_root),
    ];
    match parts.into_iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((part, _)) => Err(EngineError::instance(index, part, COMMITTED)),
    }
}

/// A kept instance of the right length as head, translation table, gate table.
pub(crate) fn split_kept<'a>(params: &Params, bytes: &'a [u8]) -> (Head, &'a [u8], &'a [u8]) {
    let mut head = [0; KEPT_HEAD];
    head.copy_from_slice(&bytes[..KEPT_HEAD]);
    let (translation, table) = bytes[KEPT_HEAD..].split_at(params.layout.translation_bytes());
    (Head::parse(&head), translation, table)
}
