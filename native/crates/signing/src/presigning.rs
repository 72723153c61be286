//! A batch of MuSig2 sessions of one group of signers: nonces, partial signatures, presignatures.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use musig2::secp::{MaybeScalar, Point};
use musig2::{BinaryEncoding, KeyAggContext, PubNonce};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::error::pieces;
use crate::points::{point, scalar};
use crate::session::{Session, SharedNonce, public_nonce};
use crate::{NONCE, PARTIAL, PRESIGNATURE, SigningError};
use secrets::{Secret, Seed};

const NONCE_CONTEXT: &str = "bitvm3 2026 musig2 session nonce v1";

/// What one session signs.
pub struct Item<'a> {
    /// The sighash, 32 bytes.
    pub message: &'a [u8],
    /// The adaptor point, 33 bytes, if the session makes a presignature.
    pub adaptor: Option<&'a [u8]>,
    /// None: the plain key, for a tapscript leaf. Empty: its BIP341 output key without a tree. 32 bytes: its output key
    /// with that merkle root.
    pub tweak: Option<&'a [u8]>,
}

struct Prepared {
    message: [u8; 32],
    adaptor: Option<Point>,
    /// Index into the batch's contexts.
    context: usize,
}

/// A batch of sessions under one list of keys; the order of the keys is the order of the signers.
pub struct Presigning {
    keys: Vec<Point>,
    aggregate: Point,
    contexts: Vec<KeyAggContext>,
    items: Vec<Prepared>,
}

/// BIP327 KeyAgg of compressed points in the given order, 33 bytes.
pub fn aggregate_key(keys: &[&[u8]]) -> Result<[u8; 33], SigningError> {
    let context = key_context(&parse_keys(keys)?)?;
    Ok(context.aggregated_pubkey::<Point>().serialize())
}

fn parse_keys(keys: &[&[u8]]) -> Result<Vec<Point>, SigningError> {
    if keys.is_empty() {
        return Err(SigningError::new("keys", "at least one", 0));
    }
    keys.iter()
        .enumerate()
        .map(|(i, key)| point(format_args!("keys[{i}]"), key))
        .collect()
}

fn key_context(keys: &[Point]) -> Result<KeyAggContext, SigningError> {
    KeyAggContext::new(keys.iter().copied())
        .map_err(|error| SigningError::new("keys", "ones whose aggregate is a point", error))
}

fn tweaked(keys: &KeyAggContext, tweak: Option<&[u8]>) -> Result<KeyAggContext, SigningError> {
    let keys = keys.clone();
    let tweaked = match tweak {
        None => Ok(keys),
        Some([]) => keys.with_unspendable_taproot_tweak(),
        Some(root) => match root.try_into() {
            Ok(root) => keys.with_taproot_tweak(root),
            Err(_) => {
                let expected = "nothing or a merkle root of 32 bytes";
                return Err(SigningError::new("tweak", expected, root.len()));
            }
        },
    };
    tweaked.map_err(|error| SigningError::new("tweak", "one that leaves a key", error))
}

impl Presigning {
    /// A batch over distinct keys (33-byte points, in the order of the signers; nothing is sorted).
    pub fn new(keys: &[&[u8]], items: &[Item<'_>]) -> Result<Self, SigningError> {
        let keys = parse_keys(keys)?;
        if let Some(i) = (1..keys.len()).find(|&i| keys[..i].contains(&keys[i])) {
            let field = format!("keys[{i}]");
            return Err(SigningError::new(
                field,
                "a key of its own",
                "a repeated one",
            ));
        }
        let untweaked = key_context(&keys)?;
        let mut known: HashMap<Option<&[u8]>, usize> = HashMap::new();
        let mut contexts = Vec::new();
        for (i, item) in items.iter().enumerate() {
            if let Entry::Vacant(entry) = known.entry(item.tweak) {
                let context = tweaked(&untweaked, item.tweak).map_err(|error| {
                    SigningError::new(format_args!("items[{i}]"), "a valid item", error)
                })?;
                entry.insert(contexts.len());
                contexts.push(context);
            }
        }
        let items = items
            .par_iter()
            .enumerate()
            .map(|(i, item)| {
                let message = item.message.try_into().map_err(|_| {
                    let field = format!("items[{i}], message");
                    SigningError::new(field, "32 bytes", item.message.len())
                })?;
                let adaptor = item
                    .adaptor
                    .map(|bytes| point(format_args!("items[{i}], adaptor point"), bytes))
                    .transpose()?;
                let context = known[&item.tweak];
                Ok(Prepared {
                    message,
                    adaptor,
                    context,
                })
            })
            .collect::<Result<_, SigningError>>()?;
        Ok(Self {
            aggregate: untweaked.aggregated_pubkey(),
            keys,
            contexts,
            items,
        })
    }

    /// How many sessions.
    pub fn sessions(&self) -> usize {
        self.items.len()
    }

    /// The aggregate of the keys without any tweak, 33 bytes.
    pub fn aggregate_key(&self) -> [u8; 33] {
        self.aggregate.serialize()
    }

    /// Every session's public nonce (66 bytes each), recomputed exactly by the same seed, key and items.
    pub fn public_nonces(&self, seed: &Seed, secret: &Secret) -> Result<Vec<u8>, SigningError> {
        self.position(secret)?;
        let rand = Randomness::new(seed);
        self.each(|i, session| {
            let nonce = rand.secret_nonce(session, i, secret);
            Ok(nonce.public_nonce().to_bytes())
        })
    }

    /// Every session's partial signature (32 bytes each). `nonces` of all signers in the order of the keys; the own
    /// ones must be those of `seed`. NEVER sign twice with one seed and different nonces of the others.
    pub fn sign(
        &self,
        seed: &Seed,
        secret: &Secret,
        nonces: &[&[u8]],
    ) -> Result<Vec<u8>, SigningError> {
        let position = self.position(secret)?;
        let nonces = self.nonces(nonces)?;
        let rand = Randomness::new(seed);
        self.each(|i, session| {
            let own = rand.secret_nonce(session, i, secret);
            if own.public_nonce().to_bytes() != nonces[position][i] {
                return Err(SigningError::new(
                    format_args!("nonces[{position}], session {i}"),
                    "this signer's own nonce of this seed",
                    "another one",
                ));
            }
            let (_, shared) = self.shared(i, session, &nonces)?;
            session.sign(secret, self.keys[position], own, &shared)
        })
    }

    /// Sessions in which the partial signature of `signer` (its place in the order of the keys) is wrong.
    pub fn check_partials(
        &self,
        signer: usize,
        nonces: &[&[u8]],
        partials: &[u8],
    ) -> Result<Vec<usize>, SigningError> {
        let Some(&key) = self.keys.get(signer) else {
            let expected = format!("below {}", self.keys.len());
            return Err(SigningError::new("signer", expected, signer));
        };
        let nonces = self.nonces(nonces)?;
        let partials: Vec<&[u8]> =
            pieces("partials", partials, self.items.len(), PARTIAL)?.collect();
        self.failing(|i, session| {
            let (public, shared) = self.shared(i, session, &nonces)?;
            Ok(session.partial_holds(key, &public[signer], &shared, partials[i]))
        })
    }

    /// Every session's presignature (65 bytes each): R' with its parity, then the sum of the partials. Nothing is
    /// verified here: see [`Self::check_partials`] and [`Self::check`].
    pub fn aggregate(&self, nonces: &[&[u8]], partials: &[&[u8]]) -> Result<Vec<u8>, SigningError> {
        let nonces = self.nonces(nonces)?;
        let partials = self.per_signer("partials", partials, PARTIAL)?;
        self.each(|i, session| {
            let (_, shared) = self.shared(i, session, &nonces)?;
            let scalars = partials
                .iter()
                .enumerate()
                .map(|(k, all)| scalar(format_args!("partials[{k}], session {i}"), all[i]))
                .collect::<Result<Vec<MaybeScalar>, _>>()?;
            Ok(session.aggregate(&shared, scalars.into_iter()))
        })
    }

    /// Sessions whose aggregated presignature (signature, without an adaptor point) is not valid.
    pub fn check(&self, presignatures: &[u8]) -> Result<Vec<usize>, SigningError> {
        let count = self.items.len();
        let all: Vec<&[u8]> =
            pieces("presignatures", presignatures, count, PRESIGNATURE)?.collect();
        self.failing(|i, session| Ok(session.presignature_holds(all[i])))
    }

    fn position(&self, secret: &Secret) -> Result<usize, SigningError> {
        let own = secret.point();
        self.keys
            .iter()
            .position(|key| key.serialize() == own)
            .ok_or_else(|| {
                SigningError::new("secret", "the key of one of the signers", "another key")
            })
    }

    fn session(&self, i: usize) -> Session<'_> {
        let item = &self.items[i];
        Session {
            keys: &self.contexts[item.context],
            message: &item.message,
            adaptor: item.adaptor,
        }
    }

    fn per_signer<'a>(
        &self,
        field: &str,
        bytes: &[&'a [u8]],
        size: usize,
    ) -> Result<Vec<Vec<&'a [u8]>>, SigningError> {
        if bytes.len() != self.keys.len() {
            let expected = format!("one a signer, {}", self.keys.len());
            return Err(SigningError::new(field, expected, bytes.len()));
        }
        bytes
            .iter()
            .enumerate()
            .map(|(k, all)| {
                let field = format!("{field}[{k}]");
                Ok(pieces(field, all, self.items.len(), size)?.collect())
            })
            .collect()
    }

    fn nonces<'a>(&self, nonces: &[&'a [u8]]) -> Result<Vec<Vec<&'a [u8]>>, SigningError> {
        self.per_signer("nonces", nonces, NONCE)
    }

    /// Everyone's parsed nonce of a session, and what they come to.
    fn shared(
        &self,
        i: usize,
        session: &Session<'_>,
        nonces: &[Vec<&[u8]>],
    ) -> Result<(Vec<PubNonce>, SharedNonce), SigningError> {
        let public = nonces
            .iter()
            .enumerate()
            .map(|(k, all)| public_nonce(format_args!("nonces[{k}], session {i}"), all[i]))
            .collect::<Result<Vec<_>, _>>()?;
        let shared = session.shared_nonce(&public).map_err(|error| {
            SigningError::new(format_args!("nonces, session {i}"), "no infinity", error)
        })?;
        Ok((public, shared))
    }

    /// `work` on every session, on all cores, its results side by side.
    fn each<const N: usize>(
        &self,
        work: impl Fn(usize, &Session<'_>) -> Result<[u8; N], SigningError> + Sync,
    ) -> Result<Vec<u8>, SigningError> {
        let all = (0..self.items.len())
            .into_par_iter()
            .map(|i| work(i, &self.session(i)))
            .collect::<Result<Vec<[u8; N]>, _>>()?;
        Ok(all.concat())
    }

    /// Sessions for which `holds` is false, in order.
    fn failing(
        &self,
        holds: impl Fn(usize, &Session<'_>) -> Result<bool, SigningError> + Sync,
    ) -> Result<Vec<usize>, SigningError> {
        let all = (0..self.items.len())
            .into_par_iter()
            .map(|i| holds(i, &self.session(i)))
            .collect::<Result<Vec<bool>, _>>()?;
        Ok((0..all.len()).filter(|&i| !all[i]).collect())
    }
}

/// NonceGen's `rand` of every session, from one seed.
struct Randomness(Zeroizing<[u8; 32]>);

impl Randomness {
    fn new(seed: &Seed) -> Self {
        Self(Zeroizing::new(blake3::derive_key(
            NONCE_CONTEXT,
            seed.expose(),
        )))
    }

    /// Session `i`'s secret nonce: `rand` from (seed, i); key, aggregate key (tweaked) and message as BIP327 has them;
    /// session index and adaptor point as extra input.
    fn secret_nonce(&self, session: &Session<'_>, i: usize, secret: &Secret) -> musig2::SecNonce {
        let index = (i as u64).to_be_bytes();
        let rand = Zeroizing::new(*blake3::keyed_hash(&self.0, &index).as_bytes());
        let mut extra = Vec::with_capacity(41);
        extra.extend_from_slice(&index);
        extra.extend(session.adaptor.iter().flat_map(|point| point.serialize()));
        session.secret_nonce(&rand, secret, &extra)
    }
}
