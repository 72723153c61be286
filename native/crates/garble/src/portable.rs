//! The kernels in plain Rust, on every machine.

use aes::cipher::BlockEncrypt;

use crate::circuit::AND;
use crate::hash::{Keys, ROW_S, ROW_SIGMA_DELTA, encrypt, sigma};
use crate::program::{CHUNK_ANDS, Op};

/// Garbles one run of operations; the ciphertexts of lane n go to `table[n * 16 KiB..]`.
pub(crate) fn garble<const K: usize>(
    ops: &[Op],
    frame: &mut [u128],
    keys: &Keys,
    first: u64,
    table: &mut [u8],
) {
    let row = |n: usize| &keys.rows()[n * K..(n + 1) * K];
    let (s, sigma_delta) = (row(ROW_S), row(ROW_SIGMA_DELTA));
    let mut and = 0;
    for op in ops {
        let (a, b) = (op.a as usize * K, op.b as usize * K);
        let c = (op.c & !AND) as usize * K;
        if op.c & AND == 0 {
            for lane in 0..K {
                frame[c + lane] = frame[a + lane] ^ frame[b + lane];
            }
            continue;
        }
        let tweak = u128::from(first + and as u64);
        for lane in 0..K {
            let y0 = sigma(frame[a + lane] ^ tweak) ^ s[lane];
            let y1 = y0 ^ sigma_delta[lane];
            let mut blocks = [y0.to_le_bytes().into(), y1.to_le_bytes().into()];
            keys.ciphers[lane].encrypt_blocks(&mut blocks);
            let h0 = u128::from_le_bytes(blocks[0].into()) ^ y0;
            let h1 = u128::from_le_bytes(blocks[1].into()) ^ y1;
            let at = (lane * CHUNK_ANDS + and) * 16;
            table[at..at + 16].copy_from_slice(&(h0 ^ h1 ^ frame[b + lane]).to_le_bytes());
            frame[c + lane] = h0;
        }
        and += 1;
    }
}

/// Evaluates one run of operations; `bits` holds a slot's cleartext as all ones or zero, `tables` each lane's chunk.
pub(crate) fn evaluate<const K: usize>(
    ops: &[Op],
    frame: &mut [u128],
    bits: &mut [u64],
    keys: &Keys,
    first: u64,
    tables: &[&[u8]; K],
) {
    let s = &keys.rows()[ROW_S * K..(ROW_S + 1) * K];
    let mut and = 0;
    for op in ops {
        let (a, b, c) = (op.a as usize, op.b as usize, (op.c & !AND) as usize);
        if op.c & AND == 0 {
            bits[c] = bits[a] ^ bits[b];
            for lane in 0..K {
                frame[c * K + lane] = frame[a * K + lane] ^ frame[b * K + lane];
            }
            continue;
        }
        let tweak = u128::from(first + and as u64);
        let mask = u128::from(bits[a]) | u128::from(bits[a]) << 64;
        bits[c] = bits[a] & bits[b];
        for lane in 0..K {
            let y = sigma(frame[a * K + lane] ^ tweak) ^ s[lane];
            let mut word = [0u8; 16];
            word.copy_from_slice(&tables[lane][and * 16..and * 16 + 16]);
            let moved = (u128::from_le_bytes(word) ^ frame[b * K + lane]) & mask;
            frame[c * K + lane] = encrypt(&keys.ciphers[lane], y) ^ moved;
        }
        and += 1;
    }
}
