//! The garbler's side of a pair: points, commitments, openings, kept artifact.

use garble::Control;
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::digits::{digit_points, digit_secrets, generator_multiple};
use crate::instance::{Head, Source, Tables, group_size, make, pair_hash};
use crate::polynomial::{coefficients, share};
use crate::proof::Claim;
use crate::scalar::Scalar;
use crate::solder::{base, multiply};
use crate::transcript::{PAIR_SECRETS, keyed, le};
use crate::{EngineError, Params};

/// A garbler: all of it follows from the parameters and two seeds. The digit seed is the graph's, the pair seed one
/// evaluator's under one setup id.
pub struct Garbler {
    params: Params,
    digit_seed: Zeroizing<[u8; 32]>,
    pair_seed: Zeroizing<[u8; 32]>,
    scalars: Zeroizing<Vec<Scalar>>,
    coefficients: Zeroizing<Vec<Scalar>>,
    points: Vec<u8>,
    polynomial: Vec<u8>,
}

impl Garbler {
    /// Computes the points; garbles nothing yet.
    pub fn new(params: Params, digit_seed: &[u8; 32], pair_seed: &[u8; 32]) -> Self {
        let coefficients = coefficients(&params, pair_seed);
        Self {
            scalars: digit_secrets(params.layout, digit_seed),
            points: digit_points(params.layout, digit_seed),
            polynomial: coefficients.iter().flat_map(generator_multiple).collect(),
            coefficients,
            params,
            digit_seed: Zeroizing::new(*digit_seed),
            pair_seed: Zeroizing::new(*pair_seed),
        }
    }

    /// S: 33 bytes a point, digit by digit c, d_0 .. d_(b-1).
    pub fn digit_points(&self) -> &[u8] {
        &self.points
    }

    /// F: 33 bytes a coefficient, lowest first. The first one is the output point O.
    pub fn output_points(&self) -> &[u8] {
        &self.polynomial
    }

    /// f(0).
    pub(crate) fn output_secret(&self) -> Scalar {
        self.coefficients[0]
    }

    pub(crate) fn source(&self, index: usize) -> Source {
        let path = [b"instance" as &[u8], &self.params.setup_id, &le(index)];
        Source {
            index,
            seed: *keyed(PAIR_SECRETS, &self.pair_seed, &path)
                .finalize()
                .as_bytes(),
            soldered: multiply(&base(&self.params, index), &self.scalars),
            share: share(&self.coefficients, index),
        }
    }

    /// The commitments to all instances, 32 bytes each. Progress counts instances.
    pub fn commit(&self, control: &Control) -> Result<Vec<u8>, EngineError> {
        let pair = pair_hash(&self.params, &self.points, &self.polynomial);
        control.start(self.params.instances as u64);
        let indices: Vec<usize> = (0..self.params.instances).collect();
        let groups: Vec<_> = indices
            .par_chunks(group_size(indices.len()))
            .map(|group| {
                let sources: Vec<_> = group.iter().map(|index| self.source(*index)).collect();
                let made = make(&self.params, &sources, Tables::Hash, control)?;
                control.advance(group.len() as u64);
                let parts = group.iter().zip(made);
                Ok(parts
                    .flat_map(|(index, head)| head.commitment(&pair, *index))
                    .collect::<Vec<u8>>())
            })
            .collect();
        join(groups)
    }

    /// The openings of all instances that are not kept, and the kept artifact: both in ascending order of index.
    ///
    /// Answer ONE kept set under a setup id, ever: two of them give more than N - M shares, hence f(0).
    pub fn open(
        &self,
        kept: &[usize],
        control: &Control,
    ) -> Result<(Vec<u8>, Vec<u8>), EngineError> {
        self.params.check_kept(kept)?;
        control.start(self.params.instances as u64);
        let opened = self.params.opened(kept);
        let openings = opened
            .par_chunks(group_size(opened.len()))
            .map(|group| self.open_group(group, control))
            .collect();
        let openings = join(openings)?;
        let mut artifact = vec![0; kept.len() * self.params.kept_bytes()];
        let size = group_size(kept.len());
        let groups = kept.par_chunks(size);
        groups
            .zip(artifact.par_chunks_mut(size * self.params.kept_bytes()))
            .try_for_each(|(group, records)| {
                let sources: Vec<_> = group.iter().map(|index| self.source(*index)).collect();
                make(&self.params, &sources, Tables::Keep(records), control)?;
                control.advance(group.len() as u64);
                Ok::<_, EngineError>(())
            })?;
        Ok((openings, artifact))
    }

    fn open_group(&self, group: &[usize], control: &Control) -> Result<Vec<u8>, EngineError> {
        let sources: Vec<_> = group.iter().map(|index| self.source(*index)).collect();
        let mut bytes = Vec::with_capacity(group.len() * self.params.opening_bytes());
        let made = make(&self.params, &sources, Tables::Hash, control)?;
        for (source, head) in sources.iter().zip(made) {
            self.append_opening(&mut bytes, source, &head);
        }
        control.advance(group.len() as u64);
        Ok(bytes)
    }

    /// An opening as it travels.
    pub(crate) fn append_opening(&self, bytes: &mut Vec<u8>, source: &Source, head: &Head) {
        bytes.extend_from_slice(&source.seed);
        bytes.extend_from_slice(&source.share.to_bytes());
        bytes.extend_from_slice(&head.to_bytes());
        let soldered: Vec<u8> = source.soldered.iter().flat_map(|d| d.to_bytes()).collect();
        let claim = Claim {
            params: &self.params,
            index: source.index,
            base: &base(&self.params, source.index),
            points: &self.points,
            soldered: &soldered,
        };
        let proof = claim.prove(&self.scalars, &self.digit_seed);
        bytes.extend_from_slice(&soldered);
        bytes.extend_from_slice(&proof);
    }
}

/// All parts in order, or the first error in order.
pub(crate) fn join(parts: Vec<Result<Vec<u8>, EngineError>>) -> Result<Vec<u8>, EngineError> {
    let mut joined = Vec::new();
    for part in parts {
        joined.extend(part?);
    }
    Ok(joined)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Layout, Predicate, check, digit_points};

    /// One AND of eight input bits in a row: false unless all are set.
    fn program() -> Arc<garble::Program> {
        let mut words = vec![1u32, 8, 1, 1, 7];
        for gate in 0..7u32 {
            let left = if gate == 0 { 2 } else { 9 + gate };
            words.extend([left | 1 << 31, 3 + gate]);
        }
        words.push(16);
        let mut bytes = b"bv3circ1".to_vec();
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        Arc::new(garble::Program::parse(&bytes).unwrap())
    }

    fn params() -> Params {
        Params::new(
            [7; 32],
            b"graph".to_vec(),
            program(),
            Predicate::Core,
            20,
            4,
            4,
        )
        .unwrap()
    }

    fn judge(params: &Params, garbler: &Garbler) -> Result<Vec<u8>, EngineError> {
        let kept = [2, 3, 5, 17];
        let control = Control::default();
        let commitments = garbler.commit(&control).unwrap();
        let (openings, artifact) = garbler.open(&kept, &control).unwrap();
        check(
            params,
            garbler.digit_points(),
            garbler.output_points(),
            &commitments,
            &kept,
            &openings,
            &artifact,
            &control,
        )
    }

    #[test]
    fn labels_soldered_to_other_secrets_than_published_are_caught() {
        let params = params();
        let mut garbler = Garbler::new(params.clone(), &[1; 32], &[2; 32]);
        assert!(judge(&params, &garbler).is_ok());
        // every other check passes: D and its proof fit each other, only S is not theirs
        garbler.points = digit_points(Layout::new(8, 4).unwrap(), &[3; 32]);
        assert_eq!(
            judge(&params, &garbler),
            Err(EngineError::Instance {
                index: 0,
                part: "proof",
                expected: "points D bound to the digit points S by the proof",
            })
        );
    }

    #[test]
    fn one_digit_soldered_to_another_secret_is_caught() {
        let params = params();
        let mut garbler = Garbler::new(params.clone(), &[1; 32], &[2; 32]);
        garbler.scalars[7] = garbler.scalars[7].add(Scalar::ONE);
        assert!(matches!(
            judge(&params, &garbler),
            Err(EngineError::Instance {
                part: "proof",
                index: 0,
                ..
            })
        ));
    }
}
