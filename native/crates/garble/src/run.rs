//! The gate hash over a run of labels under one key: what an encoding beside the gates makes its masks of.

use aes::Aes128;
use aes::cipher::KeyInit;

use crate::error::length;
use crate::hash::{encrypt, sigma};
use crate::{Block, GarbleError, Path};

/// CCRND with its key expanded once. All paths give the same bytes.
pub struct Run {
    path: Path,
    s: u128,
    cipher: Aes128,
    #[cfg(target_arch = "x86_64")]
    rounds: [u128; 11],
}

impl Run {
    /// Of a hash key and its S, both public.
    pub fn new(path: Path, key: &Block, s: &Block) -> Result<Self, GarbleError> {
        path.require()?;
        Ok(Self {
            path,
            s: sigma(u128::from_le_bytes(*s)),
            cipher: Aes128::new(key.into()),
            #[cfg(target_arch = "x86_64")]
            rounds: match path {
                Path::Portable => [0; 11],
                Path::Aes | Path::Vaes => crate::x86::round_keys(key),
            },
        })
    }

    /// out[n] = H(labels[n], first + n step), with tweaks modulo 2^64.
    pub fn hash(
        &self,
        labels: &[Block],
        (first, step): (u64, u64),
        out: &mut [Block],
    ) -> Result<(), GarbleError> {
        length("out", labels.len(), "blocks", out.len())?;
        match self.path {
            Path::Portable => self.hash_portable(labels, (first, step), out),
            #[cfg(target_arch = "x86_64")]
            Path::Aes | Path::Vaes => {
                let wide = match self.path {
                    Path::Vaes => labels.len() / 4 * 4,
                    Path::Aes | Path::Portable => 0,
                };
                let (labels, rest) = labels.split_at(wide);
                let (out, rest_out) = out.split_at_mut(wide);
                // SAFETY: `Path::require` asked for the features when this was made.
                unsafe {
                    if wide > 0 {
                        crate::x86::hash_vaes(&self.rounds, self.s, labels, (first, step), out);
                    }
                    let first = first.wrapping_add(step.wrapping_mul(wide as u64));
                    crate::x86::hash_aes(&self.rounds, self.s, rest, (first, step), rest_out);
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            Path::Aes | Path::Vaes => self.hash_portable(labels, (first, step), out),
        }
        Ok(())
    }

    fn hash_portable(&self, labels: &[Block], (mut tweak, step): (u64, u64), out: &mut [Block]) {
        for (label, out) in labels.iter().zip(out) {
            let y = sigma(u128::from_le_bytes(*label) ^ u128::from(tweak)) ^ self.s;
            *out = encrypt(&self.cipher, y).to_le_bytes();
            tweak = tweak.wrapping_add(step);
        }
    }
}
