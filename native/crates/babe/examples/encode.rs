//! Time and bytes of the encoding of one instance, on one thread, without the hash over its bytes.
//!
//!     cargo run -p babe --release --example encode

use std::time::Instant;

use babe::{
    BabeError, ENCODING_BYTES, HashKey, LABELS, OFFSETS_BYTES, Secrets, TERMS, decode, encode,
};
use garble::{Block, Control, Path};

const REPEATS: usize = 20;

/// The least milliseconds that a call takes.
fn best(mut call: impl FnMut() -> Result<(), BabeError>) -> Result<f64, BabeError> {
    let mut least = f64::INFINITY;
    for _ in 0..REPEATS {
        let start = Instant::now();
        call()?;
        least = least.min(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(least)
}

fn main() -> Result<(), BabeError> {
    let control = Control::default();
    let key = HashKey {
        key: [1; 16],
        s: [2; 16],
    };
    let zero: Vec<Block> = (0..LABELS as u128).map(|n| (n * n).to_le_bytes()).collect();
    let mut table = Vec::with_capacity(ENCODING_BYTES);
    let mut offsets = Vec::new();
    println!(
        "{TERMS} terms, table {:.2} MiB, offsets {OFFSETS_BYTES} bytes, path {}",
        ENCODING_BYTES as f64 / f64::from(1 << 20),
        Path::best().name()
    );
    let drawn = best(|| {
        Secrets::from_seed(&[3; 32]);
        Ok(())
    })?;
    let secrets = Secrets::from_seed(&[3; 32]);
    let encoded = best(|| {
        table.clear();
        let mut sink = |chunk: &[u8]| table.extend_from_slice(chunk);
        offsets = encode(&secrets, &key, &[5; 16], &zero, &control, &mut sink)?;
        Ok(())
    })?;
    // the labels of false are the labels of some bits as well as any: time does not depend on a result
    let bits: Vec<bool> = (0..LABELS).map(|n| n * n / 7 % 2 == 1).collect();
    let decoded = best(|| {
        decode(&key, &zero, &bits, &table, &offsets, &control)?;
        Ok(())
    })?;
    println!("secrets {drawn:.2} ms, encode {encoded:.2} ms, decode {decoded:.2} ms");
    Ok(())
}
