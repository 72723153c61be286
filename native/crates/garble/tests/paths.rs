//! Every path and every width gives the bytes of the naive walk, on random circuits; hostile circuits are refused.

use garble::*;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> u32 {
        (self.next() % limit as u64) as u32
    }
}

fn circuit(random: &mut Random, inputs: u32, gates: u32, outputs: u32) -> Vec<u8> {
    let mut words = vec![1, inputs, 1, outputs, gates];
    for index in 0..gates {
        // mostly near wires, so that slots are reused, and sometimes far ones
        let limit = (2 + inputs + index) as usize;
        let mut wire = || {
            let near = random.below(40.min(limit));
            if random.below(8) == 0 {
                random.below(limit)
            } else {
                limit as u32 - 1 - near
            }
        };
        let (a, b) = (wire(), wire());
        words.extend([a | (random.below(3) << 30 & 1 << 31), b]);
    }
    words.extend((0..outputs).map(|_| random.below((2 + inputs + gates) as usize)));
    let mut bytes = b"bv3circ1".to_vec();
    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    bytes
}

fn seed(n: u8) -> [u8; 32] {
    [n; 32]
}

#[test]
fn all_paths_and_widths_agree_with_the_naive_walk() {
    let mut random = Random(0x1234_5678_9abc_def1);
    for (inputs, gates, outputs) in [(3, 0, 2), (8, 60, 5), (40, 3000, 9), (64, 9000, 64)] {
        let bytes = circuit(&mut random, inputs, gates, outputs);
        let parsed = Circuit::parse(&bytes).unwrap();
        let program = Program::compile(&parsed);
        assert_eq!(program.ands(), parsed.ands());
        let bits: Vec<bool> = (0..inputs).map(|_| random.below(2) == 1).collect();
        for lanes in [1, 4, 5, 8, 16, 21] {
            let lanes: Vec<Lane> = (0..lanes)
                .map(|n| Lane::from_seed(&program, &seed(n as u8)))
                .collect();
            let naive: Vec<_> = lanes
                .iter()
                .map(|lane| naive_garble(&parsed, lane).unwrap())
                .collect();
            let active: Vec<Vec<Block>> = lanes
                .iter()
                .map(|lane| {
                    let labels = bits.iter().enumerate();
                    labels.map(|(wire, bit)| lane.label(wire, *bit)).collect()
                })
                .collect();
            for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                let mut tables = vec![Vec::new(); lanes.len()];
                let control = Control::default();
                let outputs = garble(&program, &lanes, path, &control, &mut |lane, chunk| {
                    tables[lane].extend_from_slice(chunk)
                })
                .unwrap();
                let evaluators: Vec<_> = (0..lanes.len())
                    .map(|n| EvaluatorLane {
                        key: &lanes[n].key,
                        s: &lanes[n].s,
                        active: &active[n],
                        table: &tables[n],
                    })
                    .collect();
                let result = evaluate(&program, &evaluators, &bits, path, &control).unwrap();
                for (n, (table, zero)) in naive.iter().enumerate() {
                    assert_eq!(&tables[n], table, "{path:?}");
                    assert_eq!(&outputs[n], zero, "{path:?}");
                    let (labels, truth) = naive_evaluate(&parsed, &evaluators[n], &bits).unwrap();
                    assert_eq!(result.labels[n], labels, "{path:?}");
                    assert_eq!(result.bits, truth, "{path:?}");
                    let delta = u128::from_le_bytes(lanes[n].delta);
                    for ((label, bit), zero) in labels.iter().zip(truth).zip(zero) {
                        let moved = if bit { delta } else { 0 };
                        assert_eq!(
                            u128::from_le_bytes(*label),
                            u128::from_le_bytes(*zero) ^ moved
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn truncated_or_changed_circuits_are_refused_or_read_whole() {
    let bytes = circuit(&mut Random(7), 8, 60, 5);
    for length in 0..bytes.len() {
        assert!(Circuit::parse(&bytes[..length]).is_err());
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(Circuit::parse(&longer).is_err());
    let mut random = Random(99);
    for _ in 0..2000 {
        let mut changed = bytes.clone();
        let at = random.below(changed.len()) as usize;
        changed[at] = random.below(256) as u8;
        if let Ok(circuit) = Circuit::parse(&changed) {
            Program::compile(&circuit);
        }
    }
}

#[test]
fn wrong_lengths_and_cancellation_are_errors() {
    let program = Program::parse(&circuit(&mut Random(7), 8, 60, 5)).unwrap();
    let control = Control::default();
    let mut lane = Lane::from_seed(&program, &seed(1));
    lane.inputs.pop();
    let lanes = [lane];
    assert!(matches!(
        garble(&program, &lanes, Path::best(), &control, &mut |_, _| ()),
        Err(GarbleError::Length { field: "lane", .. })
    ));
    control.cancel();
    let lanes = [Lane::from_seed(&program, &seed(1))];
    assert_eq!(
        garble(&program, &lanes, Path::best(), &control, &mut |_, _| ()),
        Err(GarbleError::Cancelled)
    );
    let table = vec![0; program.table_bytes() - 16];
    let lane = EvaluatorLane {
        key: &[0; 16],
        s: &[0; 16],
        active: &[[0; 16]; 8],
        table: &table,
    };
    assert!(matches!(
        evaluate(
            &program,
            &[lane],
            &[false; 8],
            Path::best(),
            &Control::default()
        ),
        Err(GarbleError::Length { field: "table", .. })
    ));
}

#[test]
fn a_run_of_labels_hashes_as_one_by_one() {
    let (key, s) = ([7; 16], [9; 16]);
    let mut random = Random(0x1234_5678_9abc_def1);
    for count in [0, 1, 3, 4, 7, 762] {
        let label = |_| {
            u128::from(random.next())
                .wrapping_mul(u128::MAX / 7)
                .to_le_bytes()
        };
        let labels: Vec<Block> = (0..count).map(label).collect();
        for (first, step) in [
            (0, 1),
            (5, 3),
            (u64::from(u32::MAX), 1),
            (u64::MAX - 2, 1 << 61),
        ] {
            let tweaks = (0..count).map(|n: u64| first.wrapping_add(n.wrapping_mul(step)));
            let expected: Vec<Block> = labels
                .iter()
                .zip(tweaks)
                .map(|(label, tweak)| ccrnd(&key, &s, label, tweak))
                .collect();
            for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                let mut out = vec![[0; 16]; labels.len()];
                let run = Run::new(path, &key, &s).unwrap();
                run.hash(&labels, (first, step), &mut out).unwrap();
                assert_eq!(out, expected, "{path:?} {count} {first} {step}");
            }
        }
        let run = Run::new(Path::Portable, &key, &s).unwrap();
        let mut short = vec![[0; 16]; labels.len() + 1];
        assert!(matches!(
            run.hash(&labels, (0, 1), &mut short),
            Err(GarbleError::Length { field: "out", .. })
        ));
    }
}
