//! Time and bytes of the encoding of one instance, on one thread, without the hash over its bytes.
//!
//!     cargo run -p babe --release --example encode

use std::time::Instant;

use babe::{
    BabeError, ENCODING_BYTES, HashKey, LABELS, OFFSETS_BYTES, Secrets, TERMS, decode, encode,
};
use garble::{Block, Control, Path};

const REPEATS: usize = 20;
const DELTA: Block = [5; 16];

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
        offsets = encode(&secrets, &key, &DELTA, &zero, &control, &mut sink)?;
        Ok(())
    })?;
    // x, y, x^2, y^2, x y of the generator
    let bits: Vec<bool> = [1u8, 2, 1, 4, 2]
        .iter()
        .flat_map(|feature| (0..LABELS / 5).map(move |bit| bit < 8 && feature >> bit & 1 == 1))
        .collect();
    let label = |(zero, bit): (&Block, &bool)| {
        let moved = if *bit { u128::from_le_bytes(DELTA) } else { 0 };
        (u128::from_le_bytes(*zero) ^ moved).to_le_bytes()
    };
    let active: Vec<Block> = zero.iter().zip(&bits).map(label).collect();
    let decoded = best(|| {
        let point = decode(&key, &active, &bits, &table, &offsets, &control)?;
        assert!(point.is_some());
        Ok(())
    })?;
    println!("secrets {drawn:.2} ms, encode {encoded:.2} ms, decode {decoded:.2} ms");
    Ok(())
}
