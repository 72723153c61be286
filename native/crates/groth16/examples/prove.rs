//! Setup and proof here and by arkworks called plainly, on the same circuit in one run.
//!
//! `prove chain LOG2 ROUNDS`: so many squarings, less three. `prove files R1CS WTNS ROUNDS`: any circuit. `prove alone R1CS WTNS ROUNDS`: the
//! same without arkworks. Prints JSON: {name: [wall seconds, processor seconds]}, medians, of `setup`, `open`, `prove`,
//! `check_points` (here, on every core) and `ark_setup`, `ark_prove` (on one core: this workspace builds arkworks without its
//! feature `parallel`). Processor seconds do not count what other programs take, and compare programs on however many cores.

use std::time::Instant;

use ark_bn254::{Bn254, Fr};
use ark_ff::{AdditiveGroup, Field};
use ark_groth16::Groth16;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
};
use ark_snark::SNARK;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use groth16::{
    Circuit, Progress, ProvingKey, R1cs, Row, prove, read_r1cs, read_wtns, setup_single_party,
};

/// The same system for arkworks.
#[derive(Clone, Copy)]
struct Same<'a> {
    r1cs: &'a R1cs,
    assignment: &'a [Fr],
}

impl ConstraintSynthesizer<Fr> for Same<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let mut wires = vec![Variable::One];
        for (i, value) in self.assignment.iter().enumerate().skip(1) {
            wires.push(if i <= self.r1cs.public {
                cs.new_input_variable(|| Ok(*value))?
            } else {
                cs.new_witness_variable(|| Ok(*value))?
            });
        }
        let lc = |row: &Row| {
            let terms = row.iter().map(|(wire, c)| (*c, wires[*wire as usize]));
            LinearCombination(terms.collect())
        };
        let (a, b, c) = (&self.r1cs.a, &self.r1cs.b, &self.r1cs.c);
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            cs.enforce_r1cs_constraint(|| lc(a), || lc(b), || lc(c))?;
        }
        Ok(())
    }
}

fn chain(count: usize) -> (R1cs, Vec<Fr>) {
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
    let mut value = Fr::from(3u64);
    for _ in 0..count {
        assignment.push(value);
        value.square_in_place();
    }
    assignment[1] = value;
    (r1cs, assignment)
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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let read = |path: &str| std::fs::read(path).expect("a readable file");
    let ((r1cs, assignment), rounds, with_arkworks) = match arguments[..] {
        ["chain", log2, rounds] => (chain((1 << number(log2)) - 3), number(rounds), true),
        [mode @ ("files" | "alone"), r1cs, wtns, rounds] => {
            let r1cs = read_r1cs(&read(r1cs)).expect("a .r1cs file");
            let assignment = read_wtns(&read(wtns)).expect("a .wtns file");
            ((r1cs, assignment), number(rounds), mode == "files")
        }
        _ => panic!("chain LOG2 ROUNDS, files R1CS WTNS ROUNDS or alone R1CS WTNS ROUNDS"),
    };
    let same = Same {
        r1cs: &r1cs.clone(),
        assignment: &assignment,
    };
    let circuit = Circuit::new(r1cs).expect("a circuit");
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
    let mut figures = vec![
        ("setup", setup),
        ("open", open),
        ("prove", proof),
        ("check_points", points),
    ];
    if with_arkworks {
        let mut rng = StdRng::seed_from_u64(1);
        let mut proving = None;
        let ark_setup = median(1, || {
            let keys = Groth16::<Bn254>::circuit_specific_setup(same, &mut rng);
            proving = Some(keys.expect("a setup").0);
        });
        let proving = proving.expect("a key");
        let ark_prove = median(rounds, || {
            Groth16::<Bn254>::prove(&proving, same, &mut rng).expect("a proof");
        });
        figures.extend([("ark_setup", ark_setup), ("ark_prove", ark_prove)]);
    }
    let figures: Vec<String> = figures
        .iter()
        .map(|(name, [wall, processor])| format!("\"{name}\": [{wall:.3}, {processor:.3}]"))
        .collect();
    println!("{{{}}}", figures.join(", "));
}
