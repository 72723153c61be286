//! The gate hash and what it needs of each instance.

use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};

use crate::Block;
use crate::frame::{Frame, Path};

/// Rows of [`Keys::rows`]: eleven round keys, then these.
pub(crate) const ROW_S: usize = 11;
pub(crate) const ROW_SIGMA_DELTA: usize = 12;
const ROWS: usize = 13;

/// sigma(a||b) = (a ^ b)||a, where a is the first half of the bytes: a linear orthomorphism.
pub(crate) fn sigma(x: u128) -> u128 {
    let (a, b) = (x as u64, (x >> 64) as u64);
    u128::from(a ^ b) | u128::from(a) << 64
}

/// CCRND of ePrint 2019/074: y = sigma(x ^ tweak ^ s); AES128_k(y) ^ y. The tweak counts in the first bytes.
pub fn ccrnd(key: &Block, s: &Block, x: &Block, tweak: u64) -> Block {
    let input = u128::from_le_bytes(*x) ^ u128::from(tweak) ^ u128::from_le_bytes(*s);
    encrypt(&Aes128::new(key.into()), sigma(input)).to_le_bytes()
}

/// AES128_k(y) ^ y.
pub(crate) fn encrypt(cipher: &Aes128, y: u128) -> u128 {
    let mut block = y.to_le_bytes().into();
    cipher.encrypt_block(&mut block);
    u128::from_le_bytes(block.into()) ^ y
}

/// What the kernels read of K instances: ciphers for the portable path, rows of K words for the others.
pub(crate) struct Keys {
    pub(crate) ciphers: Vec<Aes128>,
    rows: Frame,
}

impl Keys {
    /// Of each lane: hash key, S, delta (zero for an evaluator, who has none).
    pub(crate) fn new(path: Path, lanes: &[(&Block, &Block, u128)]) -> Self {
        let width = lanes.len();
        let mut rows = Frame::new(ROWS * width);
        let mut ciphers = Vec::new();
        for (lane, (key, s, delta)) in lanes.iter().enumerate() {
            let words = rows.labels_mut();
            words[ROW_S * width + lane] = sigma(u128::from_le_bytes(**s));
            words[ROW_SIGMA_DELTA * width + lane] = sigma(*delta);
            match path {
                Path::Portable => ciphers.push(Aes128::new((*key).into())),
                #[cfg(target_arch = "x86_64")]
                Path::Aes | Path::Vaes => {
                    for (round, word) in crate::x86::round_keys(key).into_iter().enumerate() {
                        words[round * width + lane] = word;
                    }
                }
                #[cfg(not(target_arch = "x86_64"))]
                Path::Aes | Path::Vaes => {}
            }
        }
        Self { ciphers, rows }
    }

    pub(crate) fn rows(&self) -> &[u128] {
        self.rows.labels()
    }
}
