//! The encoding against the curve's own arithmetic, and what must not come out of it.

use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};

use super::*;

struct Instance {
    secrets: Secrets,
    key: HashKey,
    delta: Block,
    zero: Vec<Block>,
}

impl Instance {
    fn new(n: u8) -> Self {
        let mut stream = blake3::Hasher::new().update(&[n]).finalize_xof();
        let mut block = || {
            let mut block = [0; 16];
            stream.fill(&mut block);
            block
        };
        Self {
            secrets: Secrets::from_seed(&[n; 32]),
            key: HashKey {
                key: block(),
                s: block(),
            },
            delta: block(),
            zero: (0..LABELS).map(|_| block()).collect(),
        }
    }

    fn encode(&self, path: Path) -> (Vec<u8>, Vec<u8>) {
        let mut table = Vec::new();
        let mut sink = |chunk: &[u8]| table.extend_from_slice(chunk);
        let control = Control::default();
        let offsets = encode_on(
            path,
            &self.secrets,
            &self.key,
            &self.delta,
            &self.zero,
            &control,
            &mut sink,
        );
        (table, offsets.unwrap())
    }

    /// The labels of `bits`.
    fn active(&self, bits: &[bool]) -> Vec<Block> {
        let delta = u128::from_le_bytes(self.delta);
        let label = |(label, bit): (&Block, &bool)| {
            (u128::from_le_bytes(*label) ^ if *bit { delta } else { 0 }).to_le_bytes()
        };
        self.zero.iter().zip(bits).map(label).collect()
    }
}

fn features(point: &G1Affine) -> Vec<bool> {
    let (x, y) = (point.x, point.y);
    [x, y, x.square(), y.square(), x * y]
        .iter()
        .flat_map(|feature| feature.into_bigint().to_bits_le()[..FEATURE_BITS].to_vec())
        .collect()
}

fn point(n: u64) -> G1Affine {
    (G1Affine::generator() * ark_bn254::Fr::from(n).inverse().unwrap()).into_affine()
}

fn decode(
    instance: &Instance,
    bits: &[bool],
    table: &[u8],
    offsets: &[u8],
) -> Result<Option<G1Affine>, BabeError> {
    let active = instance.active(bits);
    let control = Control::default();
    super::decode(&instance.key, &active, bits, table, offsets, &control)
}

#[test]
fn decodes_to_r_times_the_point() {
    for n in 1..4 {
        let instance = Instance::new(n);
        let (table, offsets) = instance.encode(Path::best());
        assert_eq!(table.len(), ENCODING_BYTES);
        assert_eq!(offsets.len(), OFFSETS_BYTES);
        for k in [1, 2, 3, 1 << 40] {
            let point = point(k);
            let result = decode(&instance, &features(&point), &table, &offsets).unwrap();
            assert_eq!(result, Some((point * instance.secrets.r()).into_affine()));
        }
    }
}
