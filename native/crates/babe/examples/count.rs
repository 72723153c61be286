//! Size of the circuit of engine babe and the time to garble one instance on one thread.
//!
//!     cargo run -p babe --release --example count

use std::time::Instant;

use garble::{Circuit, Control, Lane, Path, Program, garble};

const REPEATS: usize = 5;

fn main() -> Result<(), garble::GarbleError> {
    let start = Instant::now();
    let bytes = babe::features_circuit();
    println!("built: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let circuit = Circuit::parse(&bytes)?;
    let program = Program::compile(&circuit);
    println!(
        "{} AND of {} gates, {} slots, table {:.2} MiB",
        program.ands(),
        program.gates(),
        program.slots(),
        program.table_bytes() as f64 / f64::from(1 << 20)
    );
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        for width in [1u8, 8, 16] {
            let lanes: Vec<Lane> = (0..width)
                .map(|n| Lane::from_seed(&program, &[n; 32]))
                .collect();
            let mut best = f64::INFINITY;
            for _ in 0..REPEATS {
                let mut hash = blake3::Hasher::new();
                let start = Instant::now();
                garble(
                    &program,
                    &lanes,
                    path,
                    &Control::default(),
                    &mut |_, chunk| {
                        hash.update(chunk);
                    },
                )?;
                best = best.min(start.elapsed().as_secs_f64() * 1e3 / f64::from(width));
            }
            println!(
                "{} x {width}: {best:.2} ms an instance with its table hashed",
                path.name()
            );
        }
    }
    Ok(())
}
