//! Setup and proof of a squaring chain, here and by arkworks called plainly, in one run: `prove [log2 of the length] [rounds]`.
//!
//! Prints JSON: {name: [wall seconds, processor seconds]}, medians, of `setup`, `open`, `prove`, `check_points` (here, on every
//! core) and `ark_setup`, `ark_prove` (on one core: this workspace builds arkworks without its feature `parallel`). Processor
//! seconds do not count what other programs take, and compare programs on however many cores.

use std::time::Instant;

use ark_bn254::{Bn254, Fr};
use ark_ff::{AdditiveGroup, Field};
use ark_groth16::Groth16;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
};
use ark_snark::SNARK;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use groth16::{Circuit, Progress, ProvingKey, R1cs, Row, prove, setup_single_party};

#[derive(Clone)]
struct Chain {
    count: usize,
    secret: Fr,
}

impl ConstraintSynthesizer<Fr> for Chain {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let mut value = self.secret;
        let mut last = cs.new_witness_variable(|| Ok(value))?;
        for i in 0..self.count {
            value.square_in_place();
            let next = if i + 1 == self.count {
                cs.new_input_variable(|| Ok(value))?
            } else {
                cs.new_witness_variable(|| Ok(value))?
            };
            let lc = |v: Variable| LinearCombination::from((Fr::ONE, v));
            cs.enforce_r1cs_constraint(|| lc(last), || lc(last), || lc(next))?;
            last = next;
        }
        Ok(())
    }
}

fn ours(count: usize, secret: Fr) -> (Circuit, Vec<Fr>) {
    let one = |wire: usize| -> Row { vec![(wire as u32, Fr::ONE)] };
    let wire = |i: usize| if i == count { 1 } else { 2 + i };
    let rows = |of: &dyn Fn(usize) -> usize| (0..count).map(|i| one(of(i))).collect();
    let r1cs = R1cs {
        public: 1,
        wires: 2 + count,
        a: rows(&wire),
        b: rows(&wire),
        c: rows(&|i| wire(i + 1)),
    };
    let mut assignment = vec![Fr::ONE, Fr::ZERO];
    let mut value = secret;
    for _ in 0..count {
        assignment.push(value);
        value.square_in_place();
    }
    assignment[1] = value;
    (Circuit::new(r1cs).expect("a circuit"), assignment)
}

/// User and system time of this process; the system counts in hundredths of a second.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a Linux system");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .expect("fields")
        .split_whitespace()
        .collect();
    let ticks = |i: usize| fields[i].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

fn median(rounds: usize, mut work: impl FnMut()) -> [f64; 2] {
    let mut times: Vec<[f64; 2]> = (0..rounds)
        .map(|_| {
            let (start, before) = (Instant::now(), processor());
            work();
            [start.elapsed().as_secs_f64(), processor() - before]
        })
        .collect();
    times.sort_by(|a, b| a[1].total_cmp(&b[1]));
    times[rounds / 2]
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| match arguments.next() {
        Some(text) => text.parse().expect("a number"),
        None => default,
    };
    let (count, rounds) = ((1usize << number(16)) - 3, number(3));
    let secret = Fr::from(3u64);
    let (circuit, assignment) = ours(count, secret);
    let path = std::env::temp_dir().join(format!("bench-{}.zkey", std::process::id()));
    let setup = median(1, || {
        setup_single_party(&circuit, &path, &Progress::new()).expect("a setup");
    });
    let open = median(rounds, || {
        ProvingKey::open(&path, Some(&circuit)).expect("a key");
    });
    let key = ProvingKey::open(&path, Some(&circuit)).expect("a key");
    let proof = median(rounds, || {
        prove(&key, &circuit, &assignment, &Progress::new()).expect("a proof");
    });
    let points = median(1, || {
        key.check_points(&Progress::new()).expect("points");
    });
    std::fs::remove_file(&path).expect("the key is there");

    let mut rng = StdRng::seed_from_u64(1);
    let chain = Chain { count, secret };
    let mut keys = None;
    let ark_setup = median(1, || {
        keys = Some(
            Groth16::<Bn254>::circuit_specific_setup(chain.clone(), &mut rng).expect("a setup"),
        );
    });
    let (proving, _) = keys.expect("keys");
    let ark = median(rounds, || {
        Groth16::<Bn254>::prove(&proving, chain.clone(), &mut rng).expect("a proof");
    });
    let figures = [
        ("setup", setup),
        ("open", open),
        ("prove", proof),
        ("check_points", points),
        ("ark_setup", ark_setup),
        ("ark_prove", ark),
    ];
    let figures =
        figures.map(|(name, [wall, processor])| format!("\"{name}\": [{wall:.3}, {processor:.3}]"));
    println!("{{{}}}", figures.join(", "));
}
