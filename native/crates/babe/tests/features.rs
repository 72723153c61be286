//! The circuit computes what big integers compute, on points and on everything that is none; it garbles; it does not
//! change. A plain walk over the binary form, 64 inputs at a time, stands beside the crate that garbles.

use std::path::Path as FilePath;
use std::sync::LazyLock;

use ark_bn254::{Fq, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use babe::{FEATURE_BITS, FEATURES, INPUT_BITS, features_circuit};
use garble::{Circuit, Control, EvaluatorLane, Lane, Path, Program, evaluate, garble};

static CIRCUIT: LazyLock<Vec<u8>> = LazyLock::new(features_circuit);

/// 256 bits, least significant first.
type Bits = [bool; 256];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn number(&mut self) -> Bits {
        let words: [u64; 4] = std::array::from_fn(|_| self.next());
        std::array::from_fn(|index| words[index / 64] >> (index % 64) & 1 == 1)
    }

    fn point(&mut self) -> (Fq, Fq) {
        let scalar: Vec<u64> = (0..4).map(|_| self.next()).collect();
        coordinates(G1Projective::generator().mul_bigint(scalar).into_affine())
    }
}

fn coordinates(point: G1Affine) -> (Fq, Fq) {
    point.xy().expect("not the point at infinity")
}

fn bits(value: Fq) -> Bits {
    let little = value.into_bigint().to_bits_le();
    std::array::from_fn(|index| little[index])
}

/// x as an integer; None from p on.
fn field(bits: &Bits) -> Option<Fq> {
    Fq::from_bigint(BigInteger::from_bits_le(bits))
}

/// What must come out.
fn expected(x: &Bits, y: &Bits) -> Vec<bool> {
    let point = field(x).zip(field(y));
    let on_curve = point.filter(|(x, y)| y.square() == x.square() * x + Fq::from(3));
    let (x, y) = on_curve.unwrap_or((Fq::from(1), Fq::from(2)));
    let features = [x, y, x.square(), y.square(), x * y];
    let bits = features.map(|value| value.into_bigint().to_bits_le()[..FEATURE_BITS].to_vec());
    bits.concat()
}

/// Evaluates up to 64 inputs over the binary form alone.
fn plain(inputs: &[(Bits, Bits)]) -> Vec<Vec<bool>> {
    assert!(inputs.len() <= 64);
    let words: Vec<u32> = CIRCUIT[8..]
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
        .collect();
    assert_eq!(words[..3], [2, 256, 256]);
    assert_eq!(words[3..9], [5, 254, 254, 254, 254, 254]);
    let gates = words[9] as usize;
    let mut wires = vec![0, u64::MAX];
    for wire in 0..INPUT_BITS {
        let bit = |(x, y): &(Bits, Bits)| if wire < 256 { x[wire] } else { y[wire - 256] };
        let lanes = inputs.iter().enumerate();
        wires.push(lanes.fold(0, |word, (lane, input)| {
            word | u64::from(bit(input)) << lane
        }));
    }
    for gate in words[10..10 + 2 * gates].chunks_exact(2) {
        let (a, b) = (
            wires[(gate[0] & !(1 << 31)) as usize],
            wires[gate[1] as usize],
        );
        wires.push(if gate[0] >> 31 == 1 { a & b } else { a ^ b });
    }
    let outputs = &words[10 + 2 * gates..];
    let lane = |lane: usize| {
        outputs
            .iter()
            .map(|w| wires[*w as usize] >> lane & 1 == 1)
            .collect()
    };
    (0..inputs.len()).map(lane).collect()
}

fn check(inputs: &[(Bits, Bits)]) {
    for chunk in inputs.chunks(64) {
        for ((x, y), got) in chunk.iter().zip(plain(chunk)) {
            assert!(
                got == expected(x, y),
                "x = {}, y = {}",
                hexadecimal(x),
                hexadecimal(y)
            );
        }
    }
}

fn hexadecimal(bits: &Bits) -> String {
    let digits = bits.chunks(4).rev();
    let digit = |bits: &[bool]| (0..4).map(|i| u32::from(bits[i]) << i).sum();
    digits
        .filter_map(|bits| char::from_digit(digit(bits), 16))
        .collect()
}

/// The integer p + offset.
fn modulus_plus(offset: i64) -> Bits {
    let mut value = Fq::MODULUS;
    let step = ark_ff::BigInt::<4>::from(offset.unsigned_abs());
    if offset < 0 {
        value.sub_with_borrow(&step);
    } else {
        value.add_with_carry(&step);
    }
    let little = value.to_bits_le();
    std::array::from_fn(|index| little[index])
}

/// 2^width - 1.
fn ones(width: usize) -> Bits {
    std::array::from_fn(|index| index < width)
}

#[test]
fn points_of_the_curve_give_their_features() {
    let mut random = Random(0x1234_5678_9abc_def1);
    let inputs: Vec<_> = (0..1280).map(|_| random.point()).collect();
    for (x, y) in &inputs {
        let got = expected(&bits(*x), &bits(*y));
        assert_eq!(got[..254], bits(*x)[..254]); // none of them is replaced
    }
    let inputs: Vec<_> = inputs
        .into_iter()
        .map(|(x, y)| (bits(x), bits(y)))
        .collect();
    check(&inputs);
}

#[test]
fn small_and_negated_points_give_their_features() {
    // the multiples 1 .. 32 of the generator and their negations
    let generator = G1Projective::generator();
    let points = (1u64..=32).map(|k| coordinates(generator.mul_bigint([k]).into_affine()));
    let inputs: Vec<_> = points
        .flat_map(|(x, y)| [(bits(x), bits(y)), (bits(x), bits(-y))])
        .collect();
    check(&inputs);
}

#[test]
fn points_with_coordinates_near_the_ends_of_the_field() {
    // the x nearest 0 and p, and nearest the powers of two, that have a point
    let mut inputs = Vec::new();
    let starts = [0u32, 32, 64, 127, 128, 200, 252, 253]
        .map(|exponent| Fq::from(2).pow([u64::from(exponent)]));
    for start in starts.into_iter().chain([Fq::ZERO, -Fq::from(40)]) {
        for offset in 0..40u64 {
            let x = start + Fq::from(offset);
            if let Some(y) = (x.square() * x + Fq::from(3)).sqrt() {
                inputs.extend([(bits(x), bits(y)), (bits(x), bits(-y))]);
            }
        }
    }
    assert!(inputs.len() > 100);
    check(&inputs);
}

#[test]
fn edge_values_in_every_pair_count_as_the_generator_unless_they_are_points() {
    let mut values = vec![ones(254), ones(255), ones(256)];
    values.extend((-2..=2).map(modulus_plus));
    values.extend((0..4).map(|value| bits(Fq::from(value))));
    let pairs = values.iter().flat_map(|x| values.iter().map(|y| (*x, *y)));
    check(&pairs.collect::<Vec<_>>());
}

#[test]
fn a_bit_changed_anywhere_counts_as_the_generator() {
    let (x, y) = Random(5).point();
    let generator = expected(&bits(Fq::from(1)), &bits(Fq::from(2)));
    let changed = |wire: usize| {
        let (mut x, mut y) = (bits(x), bits(y));
        let bit = if wire < 256 {
            &mut x[wire]
        } else {
            &mut y[wire - 256]
        };
        *bit = !*bit;
        (x, y)
    };
    let inputs: Vec<_> = (0..INPUT_BITS).map(changed).collect();
    for chunk in inputs.chunks(64) {
        for got in plain(chunk) {
            assert!(got == generator);
        }
    }
}

#[test]
fn other_names_of_a_point_count_as_the_generator() {
    // x + p and y + p have the residue of a point and less than 256 bits
    let generator = expected(&bits(Fq::from(1)), &bits(Fq::from(2)));
    let mut random = Random(77);
    for _ in 0..16 {
        let (x, y) = random.point();
        let shifted = |value: Fq| {
            let mut integer = value.into_bigint();
            integer.add_with_carry(&Fq::MODULUS);
            let little = integer.to_bits_le();
            std::array::from_fn(|index| little[index])
        };
        let (x, y) = ([bits(x), shifted(x)], [bits(y), shifted(y)]);
        let got = plain(&[(x[0], y[0]), (x[1], y[0]), (x[0], y[1]), (x[1], y[1])]);
        assert!(got[0] == expected(&x[0], &y[0]));
        assert!(got[0] != generator);
        assert!(got[1..].iter().all(|got| *got == generator));
    }
}

#[test]
fn random_numbers_count_as_the_generator() {
    let mut random = Random(42);
    let inputs: Vec<_> = (0..256)
        .map(|_| (random.number(), random.number()))
        .collect();
    check(&inputs);
}

#[test]
fn the_points_of_the_vectors_give_their_features() {
    let file = FilePath::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join("../../../../shared/reference/babe_vectors.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("skipped: {} is absent", file.display());
        return;
    };
    let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
    let number = |value: &serde_json::Value| -> Bits {
        let text = value.as_str().unwrap().trim_start_matches("0x");
        let bytes = hex::decode(format!("{text:0>64}")).unwrap();
        std::array::from_fn(|index| bytes[31 - index / 8] >> (index % 8) & 1 == 1)
    };
    assert_eq!(number(&vectors["p"]), modulus_plus(0));
    let cases = vectors["cases"].as_array().unwrap();
    let points = cases.iter().flat_map(|case| [&case["p1"], &case["r_p1"]]);
    let inputs: Vec<_> = points
        .map(|point| (number(&point[0]), number(&point[1])))
        .collect();
    assert!(!inputs.is_empty());
    for ((x, y), got) in inputs.iter().zip(plain(&inputs)) {
        assert_eq!(got[..254], x[..254]);
        assert_eq!(got[254..508], y[..254]);
    }
    check(&inputs);
}

#[test]
fn a_garbled_instance_gives_the_labels_of_the_features() {
    let program = Program::parse(&CIRCUIT).unwrap();
    assert_eq!(program.inputs(), INPUT_BITS);
    assert_eq!(program.outputs(), FEATURES * FEATURE_BITS);
    let lane = Lane::from_seed(&program, &[7; 32]);
    let (path, control) = (Path::best(), Control::default());
    let mut table = Vec::new();
    let mut sink = |_: usize, chunk: &[u8]| table.extend_from_slice(chunk);
    let zero = garble(
        &program,
        std::slice::from_ref(&lane),
        path,
        &control,
        &mut sink,
    )
    .unwrap();
    let (x, y) = Random(9).point();
    let (x, y) = (bits(x), bits(y));
    let input = [x, y].concat();
    let label = |(wire, bit): (usize, &bool)| lane.label(wire, *bit);
    let active: Vec<_> = input.iter().enumerate().map(label).collect();
    let evaluator = EvaluatorLane {
        key: &lane.key,
        s: &lane.s,
        active: &active,
        table: &table,
    };
    let result = evaluate(&program, &[evaluator], &input, path, &control).unwrap();
    assert!(result.bits == expected(&x, &y));
    let delta = u128::from_le_bytes(lane.delta);
    for ((label, bit), zero) in result.labels[0].iter().zip(&result.bits).zip(&zero[0]) {
        let moved = if *bit { delta } else { 0 };
        assert_eq!(
            u128::from_le_bytes(*label),
            u128::from_le_bytes(*zero) ^ moved
        );
    }
}

#[test]
fn the_circuit_is_the_same_in_every_build() {
    // artifacts of earlier releases name this id: a change of the generator is a new engine version
    assert!(*CIRCUIT == features_circuit());
    let program = Program::parse(&CIRCUIT).unwrap();
    assert_eq!(program.ands(), 201_510);
    assert_eq!(
        hex::encode(program.circuit_id()),
        "af9e28d033f0c1bebae0ac089c654f423426e1dd0a4a31dbe74f5e797033b262"
    );
    assert_eq!(Circuit::parse(&CIRCUIT).unwrap().ands(), program.ands());
}
