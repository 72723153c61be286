//! The kernels on AES instructions: 128-bit registers at any width, 512-bit registers for four lanes each.
//!
//! Same arithmetic as `portable.rs`. All functions here are called only after the processor was asked for the features
//! (`Path::require`), and with programs and frames whose sizes `garbling.rs` and `evaluation.rs` checked.

// lanes index four arrays at once: the loops read better by index
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use crate::Block;
use crate::circuit::AND;
use crate::hash::{ROW_S, ROW_SIGMA_DELTA};
use crate::program::{CHUNK_ANDS, Op};

/// What a kernel needs besides the operations. All pointers are to lanes side by side.
pub(crate) struct Memory {
    pub(crate) frame: *mut u128,
    pub(crate) rows: *const u128,
    pub(crate) first: u64,
}

/// The eleven round keys of AES-128.
pub(crate) fn round_keys(key: &Block) -> [u128; 11] {
    assert!(std::arch::is_x86_feature_detected!("aes"));
    // SAFETY: the feature was asked for in the line before.
    unsafe { expand(key) }
}

#[target_feature(enable = "aes,sse2")]
fn expand(key: &Block) -> [u128; 11] {
    #[target_feature(enable = "aes,sse2")]
    fn next<const RCON: i32>(key: __m128i) -> __m128i {
        let assist = _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<RCON>(key));
        let key = _mm_xor_si128(key, _mm_slli_si128::<4>(key));
        let key = _mm_xor_si128(key, _mm_slli_si128::<8>(key));
        _mm_xor_si128(key, assist)
    }
    let word = u128::from_le_bytes(*key);
    let mut keys = [_mm_set_epi64x((word >> 64) as i64, word as i64); 11];
    keys[1] = next::<0x01>(keys[0]);
    keys[2] = next::<0x02>(keys[1]);
    keys[3] = next::<0x04>(keys[2]);
    keys[4] = next::<0x08>(keys[3]);
    keys[5] = next::<0x10>(keys[4]);
    keys[6] = next::<0x20>(keys[5]);
    keys[7] = next::<0x40>(keys[6]);
    keys[8] = next::<0x80>(keys[7]);
    keys[9] = next::<0x1b>(keys[8]);
    keys[10] = next::<0x36>(keys[9]);
    keys.map(|key| {
        let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(key, key)) as u64;
        u128::from(_mm_cvtsi128_si64(key) as u64) | u128::from(high) << 64
    })
}

/// sigma on one label: (a ^ b)||a.
#[inline]
#[target_feature(enable = "aes,sse2")]
fn sigma(x: __m128i) -> __m128i {
    let low = _mm_set_epi64x(0, -1);
    _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(x), _mm_and_si128(x, low))
}

/// sigma on four labels at once.
#[inline]
#[target_feature(enable = "avx512f")]
fn sigma4(x: __m512i) -> __m512i {
    let low = _mm512_set_epi64(0, -1, 0, -1, 0, -1, 0, -1);
    let swapped = _mm512_shuffle_epi32::<0x4e>(x);
    _mm512_ternarylogic_epi64::<0x78>(swapped, x, low)
}

/// # Safety
/// The processor has `aes`; `memory.frame` holds K labels for every slot in `ops`, `memory.rows` 13 rows of K words, and
/// `table` room for K chunks.
#[target_feature(enable = "aes,sse2")]
pub(crate) unsafe fn garble_aes<const K: usize>(ops: &[Op], memory: Memory, table: *mut u8) {
    let frame = memory.frame.cast::<__m128i>();
    let rows = memory.rows.cast::<__m128i>();
    let mut and = 0usize;
    for op in ops {
        // SAFETY: slots of a compiled program are below its frame size, rows and chunks are as the caller promised.
        unsafe {
            let a = frame.add(op.a as usize * K);
            let b = frame.add(op.b as usize * K);
            let c = frame.add((op.c & !AND) as usize * K);
            if op.c & AND == 0 {
                for lane in 0..K {
                    let sum =
                        _mm_xor_si128(_mm_load_si128(a.add(lane)), _mm_load_si128(b.add(lane)));
                    _mm_store_si128(c.add(lane), sum);
                }
                continue;
            }
            let tweak = _mm_set_epi64x(0, (memory.first + and as u64) as i64);
            let mut y0 = [_mm_setzero_si128(); K];
            let mut y1 = [_mm_setzero_si128(); K];
            let mut x0 = [_mm_setzero_si128(); K];
            let mut x1 = [_mm_setzero_si128(); K];
            for lane in 0..K {
                let input = sigma(_mm_xor_si128(_mm_load_si128(a.add(lane)), tweak));
                y0[lane] = _mm_xor_si128(input, _mm_load_si128(rows.add(ROW_S * K + lane)));
                let delta = _mm_load_si128(rows.add(ROW_SIGMA_DELTA * K + lane));
                y1[lane] = _mm_xor_si128(y0[lane], delta);
                let round = _mm_load_si128(rows.add(lane));
                x0[lane] = _mm_xor_si128(y0[lane], round);
                x1[lane] = _mm_xor_si128(y1[lane], round);
            }
            for round in 1..10 {
                for lane in 0..K {
                    let key = _mm_load_si128(rows.add(round * K + lane));
                    x0[lane] = _mm_aesenc_si128(x0[lane], key);
                    x1[lane] = _mm_aesenc_si128(x1[lane], key);
                }
            }
            for lane in 0..K {
                let key = _mm_load_si128(rows.add(10 * K + lane));
                let h0 = _mm_xor_si128(_mm_aesenclast_si128(x0[lane], key), y0[lane]);
                let h1 = _mm_xor_si128(_mm_aesenclast_si128(x1[lane], key), y1[lane]);
                let right = _mm_load_si128(b.add(lane));
                let ciphertext = _mm_xor_si128(_mm_xor_si128(h0, h1), right);
                _mm_storeu_si128(table.add((lane * CHUNK_ANDS + and) * 16).cast(), ciphertext);
                _mm_store_si128(c.add(lane), h0);
            }
        }
        and += 1;
    }
}

/// # Safety
/// As [`garble_aes`]; `bits` holds a word for every slot, `tables` a chunk of each lane.
#[target_feature(enable = "aes,sse2")]
pub(crate) unsafe fn evaluate_aes<const K: usize>(
    ops: &[Op],
    memory: Memory,
    bits: *mut u64,
    tables: &[*const u8; K],
) {
    let frame = memory.frame.cast::<__m128i>();
    let rows = memory.rows.cast::<__m128i>();
    let mut and = 0usize;
    for op in ops {
        // SAFETY: as in garble_aes.
        unsafe {
            let a = frame.add(op.a as usize * K);
            let b = frame.add(op.b as usize * K);
            let c = frame.add((op.c & !AND) as usize * K);
            let left = *bits.add(op.a as usize);
            let right = *bits.add(op.b as usize);
            let result = bits.add((op.c & !AND) as usize);
            if op.c & AND == 0 {
                *result = left ^ right;
                for lane in 0..K {
                    let sum =
                        _mm_xor_si128(_mm_load_si128(a.add(lane)), _mm_load_si128(b.add(lane)));
                    _mm_store_si128(c.add(lane), sum);
                }
                continue;
            }
            *result = left & right;
            let mask = _mm_set1_epi64x(left as i64);
            let tweak = _mm_set_epi64x(0, (memory.first + and as u64) as i64);
            let mut y = [_mm_setzero_si128(); K];
            let mut x = [_mm_setzero_si128(); K];
            for lane in 0..K {
                let input = sigma(_mm_xor_si128(_mm_load_si128(a.add(lane)), tweak));
                y[lane] = _mm_xor_si128(input, _mm_load_si128(rows.add(ROW_S * K + lane)));
                x[lane] = _mm_xor_si128(y[lane], _mm_load_si128(rows.add(lane)));
            }
            for round in 1..10 {
                for lane in 0..K {
                    let key = _mm_load_si128(rows.add(round * K + lane));
                    x[lane] = _mm_aesenc_si128(x[lane], key);
                }
            }
            for lane in 0..K {
                let key = _mm_load_si128(rows.add(10 * K + lane));
                let hash = _mm_xor_si128(_mm_aesenclast_si128(x[lane], key), y[lane]);
                let ciphertext = _mm_loadu_si128(tables[lane].add(and * 16).cast());
                let moved = _mm_xor_si128(ciphertext, _mm_load_si128(b.add(lane)));
                let label = _mm_xor_si128(hash, _mm_and_si128(moved, mask));
                _mm_store_si128(c.add(lane), label);
            }
        }
        and += 1;
    }
}

/// Q registers of four lanes each.
///
/// # Safety
/// As [`garble_aes`] with K = 4 Q; the processor has `vaes` and `avx512f`; frame and rows start on 64 bytes.
#[target_feature(enable = "aes,sse2,avx512f,vaes")]
pub(crate) unsafe fn garble_vaes<const Q: usize>(ops: &[Op], memory: Memory, table: *mut u8) {
    let frame = memory.frame.cast::<__m512i>();
    let rows = memory.rows.cast::<__m512i>();
    let mut and = 0usize;
    for op in ops {
        // SAFETY: as in garble_aes.
        unsafe {
            let a = frame.add(op.a as usize * Q);
            let b = frame.add(op.b as usize * Q);
            let c = frame.add((op.c & !AND) as usize * Q);
            if op.c & AND == 0 {
                for q in 0..Q {
                    let sum =
                        _mm512_xor_si512(_mm512_load_si512(a.add(q)), _mm512_load_si512(b.add(q)));
                    _mm512_store_si512(c.add(q), sum);
                }
                continue;
            }
            let count = (memory.first + and as u64) as i64;
            let tweak = _mm512_set_epi64(0, count, 0, count, 0, count, 0, count);
            let mut y0 = [_mm512_setzero_si512(); Q];
            let mut y1 = [_mm512_setzero_si512(); Q];
            let mut x0 = [_mm512_setzero_si512(); Q];
            let mut x1 = [_mm512_setzero_si512(); Q];
            for q in 0..Q {
                let input = sigma4(_mm512_xor_si512(_mm512_load_si512(a.add(q)), tweak));
                y0[q] = _mm512_xor_si512(input, _mm512_load_si512(rows.add(ROW_S * Q + q)));
                let delta = _mm512_load_si512(rows.add(ROW_SIGMA_DELTA * Q + q));
                y1[q] = _mm512_xor_si512(y0[q], delta);
                let round = _mm512_load_si512(rows.add(q));
                x0[q] = _mm512_xor_si512(y0[q], round);
                x1[q] = _mm512_xor_si512(y1[q], round);
            }
            for round in 1..10 {
                for q in 0..Q {
                    let key = _mm512_load_si512(rows.add(round * Q + q));
                    x0[q] = _mm512_aesenc_epi128(x0[q], key);
                    x1[q] = _mm512_aesenc_epi128(x1[q], key);
                }
            }
            for q in 0..Q {
                let key = _mm512_load_si512(rows.add(10 * Q + q));
                let h0 = _mm512_xor_si512(_mm512_aesenclast_epi128(x0[q], key), y0[q]);
                let h1 = _mm512_xor_si512(_mm512_aesenclast_epi128(x1[q], key), y1[q]);
                let right = _mm512_load_si512(b.add(q));
                let ciphertext = _mm512_ternarylogic_epi64::<0x96>(h0, h1, right);
                let lane = |n: usize| table.add(((q * 4 + n) * CHUNK_ANDS + and) * 16).cast();
                _mm_storeu_si128(lane(0), _mm512_extracti32x4_epi32::<0>(ciphertext));
                _mm_storeu_si128(lane(1), _mm512_extracti32x4_epi32::<1>(ciphertext));
                _mm_storeu_si128(lane(2), _mm512_extracti32x4_epi32::<2>(ciphertext));
                _mm_storeu_si128(lane(3), _mm512_extracti32x4_epi32::<3>(ciphertext));
                _mm512_store_si512(c.add(q), h0);
            }
        }
        and += 1;
    }
}

/// # Safety
/// As [`garble_vaes`]; `bits` holds a word for every slot, `tables` a chunk of each of K = 4 Q lanes.
#[target_feature(enable = "aes,sse2,avx512f,vaes")]
pub(crate) unsafe fn evaluate_vaes<const Q: usize>(
    ops: &[Op],
    memory: Memory,
    bits: *mut u64,
    tables: &[*const u8],
) {
    let frame = memory.frame.cast::<__m512i>();
    let rows = memory.rows.cast::<__m512i>();
    let mut and = 0usize;
    for op in ops {
        // SAFETY: as in garble_aes.
        unsafe {
            let a = frame.add(op.a as usize * Q);
            let b = frame.add(op.b as usize * Q);
            let c = frame.add((op.c & !AND) as usize * Q);
            let left = *bits.add(op.a as usize);
            let right = *bits.add(op.b as usize);
            let result = bits.add((op.c & !AND) as usize);
            if op.c & AND == 0 {
                *result = left ^ right;
                for q in 0..Q {
                    let sum =
                        _mm512_xor_si512(_mm512_load_si512(a.add(q)), _mm512_load_si512(b.add(q)));
                    _mm512_store_si512(c.add(q), sum);
                }
                continue;
            }
            *result = left & right;
            let mask = _mm512_set1_epi64(left as i64);
            let count = (memory.first + and as u64) as i64;
            let tweak = _mm512_set_epi64(0, count, 0, count, 0, count, 0, count);
            let mut y = [_mm512_setzero_si512(); Q];
            let mut x = [_mm512_setzero_si512(); Q];
            for q in 0..Q {
                let input = sigma4(_mm512_xor_si512(_mm512_load_si512(a.add(q)), tweak));
                y[q] = _mm512_xor_si512(input, _mm512_load_si512(rows.add(ROW_S * Q + q)));
                x[q] = _mm512_xor_si512(y[q], _mm512_load_si512(rows.add(q)));
            }
            for round in 1..10 {
                for q in 0..Q {
                    x[q] = _mm512_aesenc_epi128(x[q], _mm512_load_si512(rows.add(round * Q + q)));
                }
            }
            for q in 0..Q {
                let key = _mm512_load_si512(rows.add(10 * Q + q));
                let hash = _mm512_xor_si512(_mm512_aesenclast_epi128(x[q], key), y[q]);
                let lane = |n: usize| _mm_loadu_si128(tables[q * 4 + n].add(and * 16).cast());
                let ciphertext = _mm512_castsi128_si512(lane(0));
                let ciphertext = _mm512_inserti32x4::<1>(ciphertext, lane(1));
                let ciphertext = _mm512_inserti32x4::<2>(ciphertext, lane(2));
                let ciphertext = _mm512_inserti32x4::<3>(ciphertext, lane(3));
                let moved = _mm512_xor_si512(ciphertext, _mm512_load_si512(b.add(q)));
                let label = _mm512_ternarylogic_epi64::<0x78>(hash, moved, mask);
                _mm512_store_si512(c.add(q), label);
            }
        }
        and += 1;
    }
}

fn block(word: u128) -> __m128i {
    // SAFETY: both types are 16 bytes without padding, in the same order on this little-endian processor.
    unsafe { std::mem::transmute(word) }
}

/// The gate hash of each label at the tweaks first, first + step, ..; `s` is already under sigma.
#[target_feature(enable = "aes,sse2")]
pub(crate) fn hash_aes(
    keys: &[u128; 11],
    s: u128,
    labels: &[Block],
    (first, step): (u64, u64),
    out: &mut [Block],
) {
    let (s, keys) = (block(s), keys.map(block));
    let mut tweak = _mm_set1_epi64x(first as i64); // sigma(t||0) = t||t
    for (label, out) in labels.iter().zip(out) {
        // SAFETY: a label is 16 bytes.
        let label = unsafe { _mm_loadu_si128(label.as_ptr().cast()) };
        let y = _mm_xor_si128(_mm_xor_si128(sigma(label), s), tweak);
        let mut x = _mm_xor_si128(y, keys[0]);
        for key in &keys[1..10] {
            x = _mm_aesenc_si128(x, *key);
        }
        let hash = _mm_xor_si128(_mm_aesenclast_si128(x, keys[10]), y);
        // SAFETY: a block is 16 bytes.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), hash) };
        tweak = _mm_add_epi64(tweak, _mm_set1_epi64x(step as i64));
    }
}

/// As [`hash_aes`], four labels a register; labels beyond the last whole register are left out.
#[target_feature(enable = "aes,sse2,avx512f,vaes")]
pub(crate) fn hash_vaes(
    keys: &[u128; 11],
    s: u128,
    labels: &[Block],
    (first, step): (u64, u64),
    out: &mut [Block],
) {
    let s = _mm512_broadcast_i32x4(block(s));
    let keys = keys.map(|key| _mm512_broadcast_i32x4(block(key)));
    let tweaks: [i64; 4] =
        std::array::from_fn(|n| first.wrapping_add(step.wrapping_mul(n as u64)) as i64);
    let [a, b, c, d] = tweaks;
    let mut tweak = _mm512_set_epi64(d, d, c, c, b, b, a, a); // sigma(t||0) = t||t
    let four = _mm512_set1_epi64(step.wrapping_mul(4) as i64);
    for (labels, out) in labels.chunks_exact(4).zip(out.chunks_exact_mut(4)) {
        // SAFETY: four labels are 64 bytes.
        let label = unsafe { _mm512_loadu_si512(labels.as_ptr().cast()) };
        let y = _mm512_ternarylogic_epi64::<0x96>(sigma4(label), s, tweak);
        let mut x = _mm512_xor_si512(y, keys[0]);
        for key in &keys[1..10] {
            x = _mm512_aesenc_epi128(x, *key);
        }
        let hash = _mm512_xor_si512(_mm512_aesenclast_epi128(x, keys[10]), y);
        // SAFETY: four blocks are 64 bytes.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), hash) };
        tweak = _mm512_add_epi64(tweak, four);
    }
}
