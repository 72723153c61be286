//! The proving key: a Groth16 zkey of snarkjs on BN254, mapped. docs/groth16.md has the layout.
//!
//! Promises at opening that sections, lengths, field, counts and coefficients were checked against the circuit, and the
//! points of the verifying key for curve and subgroup. The other points are checked by `check_points` (once, when a file
//! comes from outside); a wrong one never makes a wrong proof, since every proof is verified before it is returned.

use std::ops::Range;
use std::path::Path;

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::AffineRepr;
use rayon::prelude::*;

use crate::coefficients::{coefficients, matches_circuit};
use crate::curve;
use crate::fault::{Result, fault};
use crate::key::{Encoding, Key, Points as KeyPoints};
use crate::limits;
use crate::mapped::Mapped;
use crate::points::{Group, Points};
use crate::progress::Progress;
use crate::r1cs::Circuit;
use crate::sections::{Reader, Sections, WORD};

/// Magic and version of the container.
pub const ZKEY: (&[u8; 4], u32) = (b"zkey", 1);

/// The number of Groth16 in section 1.
pub const GROTH16: u32 = 1;

/// Bytes of the hash of a circuit before the contributions.
pub const CIRCUIT_HASH: usize = 64;

/// Bytes of a contribution before its parameters: three points of G1, one of G2, a hash, type and length.
const CONTRIBUTION: usize = 3 * G1 + G2 + 64 + 8;

/// Bytes of a point of G1.
pub const G1: usize = 2 * WORD;
/// Bytes of a point of G2.
pub const G2: usize = 4 * WORD;

/// The sections of points, each the coefficient of one kind for every wire, and of the quotient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// Number of the section.
    pub section: u32,
    /// Name in refusals.
    pub name: &'static str,
}

/// IC: the public part of the verifying key.
pub const IC: Kind = kind(3, "IC");
/// The matrices a and b.
pub const COEFFICIENTS: Kind = kind(4, "coefficients");
/// The left factors at tau in G1.
pub const A: Kind = kind(5, "A");
/// The right factors at tau in G1.
pub const B1: Kind = kind(6, "B1");
/// The right factors at tau in G2.
pub const B2: Kind = kind(7, "B2");
/// What the private wires bring to C.
pub const C: Kind = kind(8, "C");
/// The quotient's Lagrange basis over the odd coset.
pub const H: Kind = kind(9, "H");
/// The contributions to phase 2.
pub const CONTRIBUTIONS: Kind = kind(10, "contributions");

const fn kind(section: u32, name: &'static str) -> Kind {
    Kind { section, name }
}

/// What section 2 says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Wires.
    pub wires: usize,
    /// Public inputs, without the one.
    pub public: usize,
    /// The order of the subgroup.
    pub domain: usize,
    /// alpha, beta, delta in G1.
    pub alpha_1: G1Affine,
    /// beta in G1.
    pub beta_1: G1Affine,
    /// beta in G2.
    pub beta_2: G2Affine,
    /// gamma in G2.
    pub gamma_2: G2Affine,
    /// delta in G1.
    pub delta_1: G1Affine,
    /// delta in G2.
    pub delta_2: G2Affine,
}

impl Header {
    fn read(mut reader: Reader<'_>) -> Result<Self> {
        reader.modulus::<Fq>("q")?;
        reader.modulus::<Fr>("r")?;
        let wires = reader.u32(&"wires")? as usize;
        let public = reader.u32(&"public inputs")? as usize;
        let domain = reader.u32(&"domain")? as usize;
        if wires > limits::WIRES {
            return Err(fault(
                "wires",
                format_args!("at most {}", limits::WIRES),
                wires,
            ));
        }
        if public > limits::INPUTS || public + 1 > wires {
            return Err(fault(
                "public inputs",
                format_args!("at most {} and fewer than wires ({wires})", limits::INPUTS),
                public,
            ));
        }
        let most = 2 * limits::CONSTRAINTS;
        if !domain.is_power_of_two() || !(2..=most).contains(&domain) {
            return Err(fault(
                "domain",
                format_args!("a power of two from 2 to {most}"),
                domain,
            ));
        }
        let mut one = |name| finite(&g1_point(name, reader.take(&name, G1)?, 0)?, name);
        let (alpha_1, beta_1) = (one("alpha 1")?, one("beta 1")?);
        let mut two = |name| finite(&g2_point(name, reader.take(&name, G2)?)?, name);
        let (beta_2, gamma_2) = (two("beta 2")?, two("gamma 2")?);
        let mut one = |name| finite(&g1_point(name, reader.take(&name, G1)?, 0)?, name);
        let delta_1 = one("delta 1")?;
        let mut two = |name| finite(&g2_point(name, reader.take(&name, G2)?)?, name);
        let delta_2 = two("delta 2")?;
        reader.end(&"section 2 (header)")?;
        Ok(Self {
            wires,
            public,
            domain,
            alpha_1,
            beta_1,
            beta_2,
            gamma_2,
            delta_1,
            delta_2,
        })
    }
}

fn finite<P: AffineRepr>(point: &P, name: &str) -> Result<P> {
    curve::finite(&name, point).map(|()| *point)
}

fn g1_point(name: &'static str, raw: &[u8], i: usize) -> Result<G1Affine> {
    Points::<g1::Config>::new(name, raw).on_curve(i)
}

fn g2_point(name: &'static str, raw: &[u8]) -> Result<G2Affine> {
    let point = Points::<g2::Config>::new(name, raw).on_curve(0)?;
    curve::g2::<Bn254>(&name, point)
}

/// A proving key whose file was checked.
pub struct ProvingKey {
    map: Mapped,
    header: Header,
    sections: [(Kind, Range<usize>); 6],
    coefficients: Range<usize>,
    contributions: usize,
    verifying: Key<Bn254>,
    digest: [u8; 32],
    circuit: Option<[u8; 32]>,
}

impl ProvingKey {
    /// Maps a file and checks it; with a circuit, also that it is a key of that circuit.
    pub fn open(path: &Path, circuit: Option<&Circuit>) -> Result<Self> {
        let map = Mapped::open(path)?;
        let raw = map.bytes();
        let found = Sections::read(raw, ZKEY.0, ZKEY.1)?;
        found.only(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10])?;
        let mut protocol = found.section(1, "protocol")?;
        protocol.expect(&"protocol (1 is Groth16)", GROTH16)?;
        protocol.end(&"section 1 (protocol)")?;
        let header = Header::read(found.section(2, "header")?)?;
        let range = |kind: Kind, length: usize| -> Result<Range<usize>> {
            let range = found.range(kind.section, kind.name)?;
            if range.len() != length {
                return Err(fault(
                    format_args!("section {} ({})", kind.section, kind.name),
                    format_args!("{length} bytes"),
                    format_args!("{} bytes", range.len()),
                ));
            }
            Ok(range)
        };
        let ic = range(IC, (header.public + 1) * G1)?;
        let sections = [
            (A, range(A, header.wires * G1)?),
            (B1, range(B1, header.wires * G1)?),
            (B2, range(B2, header.wires * G2)?),
            (C, range(C, (header.wires - header.public - 1) * G1)?),
            (H, range(H, header.domain * G1)?),
            (IC, ic.clone()),
        ];
        let coefficients = coefficients(&found, &header)?;
        let contributions =
            contributions(found.section(CONTRIBUTIONS.section, CONTRIBUTIONS.name)?)?;
        let gamma_abc_g1 = (0..=header.public)
            .map(|i| g1_point(IC.name, &raw[ic.clone()], i))
            .collect::<Result<_>>()?;
        let verifying = Key::new(KeyPoints {
            alpha_g1: header.alpha_1,
            beta_g2: header.beta_2,
            gamma_g2: header.gamma_2,
            delta_g2: header.delta_2,
            gamma_abc_g1,
        })?;
        if let Some(circuit) = circuit {
            matches_circuit(&header, &raw[coefficients.clone()], circuit)?;
        }
        let digest = *blake3::Hasher::new()
            .update_rayon(raw)
            .finalize()
            .as_bytes();
        Ok(Self {
            header,
            sections,
            coefficients,
            contributions,
            verifying,
            digest,
            circuit: circuit.map(Circuit::id),
            map,
        })
    }

    /// That it is a key of that circuit: counts, and every coefficient of a and b.
    pub fn expect(&self, circuit: &Circuit) -> Result<()> {
        if self.circuit == Some(circuit.id()) {
            return Ok(());
        }
        let raw = &self.map.bytes()[self.coefficients.clone()];
        matches_circuit(&self.header, raw, circuit)
    }

    /// The id of the circuit it was opened with.
    pub fn circuit(&self) -> Option<[u8; 32]> {
        self.circuit
    }

    /// BLAKE3 of the file.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// How many contributions to phase 2 the file lists: none for a single-party setup.
    pub fn contributions(&self) -> usize {
        self.contributions
    }

    /// What section 2 says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The key under which its proofs are valid.
    pub fn verifying(&self) -> &Key<Bn254> {
        &self.verifying
    }

    /// The verifying key, arkworks compressed.
    pub fn encode_verifying(&self) -> Result<Vec<u8>> {
        self.verifying.encode(Encoding::ArkworksCompressed)
    }

    /// The points of a section of G1 or G2, in the file.
    pub fn points<P: Group>(&self, kind: Kind) -> Points<'_, P> {
        let found = self.sections.iter().find(|(other, _)| *other == kind);
        let (_, range) = found.expect("a section of points");
        Points::new(kind.name, &self.map.bytes()[range.clone()])
    }

    /// Every point on its curve and in the subgroup, and beta and delta the same in both groups; on every core.
    pub fn check_points(&self, progress: &Progress) -> Result<()> {
        let counts = [A, B1, C, H].map(|kind| self.points::<g1::Config>(kind).len());
        let total: usize = counts.iter().sum();
        progress.begin((total + G2_COST * self.header.wires) as u64);
        progress.enter("points")?;
        let generators = (G1Affine::generator(), G2Affine::generator());
        for (name, one, two) in [
            ("beta 2", self.header.beta_1, self.header.beta_2),
            ("delta 2", self.header.delta_1, self.header.delta_2),
        ] {
            use ark_ec::pairing::Pairing;
            if Bn254::pairing(one, generators.1) != Bn254::pairing(generators.0, two) {
                return Err(fault(name, "the same multiple as in G1", "another"));
            }
        }
        let in_pieces =
            |count: usize, cost: usize, check: &(dyn Fn(usize) -> Result<()> + Sync)| {
                (0..count)
                    .into_par_iter()
                    .step_by(PIECE)
                    .try_for_each(|start| {
                        let range = start..(start + PIECE).min(count);
                        progress.step((cost * range.len()) as u64)?;
                        range.into_iter().try_for_each(check)
                    })
            };
        for kind in [A, B1, C, H] {
            // Every point of the curve is in G1's subgroup: its cofactor is 1.
            let points = self.points::<g1::Config>(kind);
            in_pieces(points.len(), 1, &|i| points.on_curve(i).map(drop))?;
        }
        let points = self.points::<g2::Config>(B2);
        in_pieces(points.len(), G2_COST, &|i| {
            let point = points.on_curve(i)?;
            curve::g2::<Bn254>(&format_args!("{}[{i}]", B2.name), point).map(drop)
        })
    }
}

/// What checking a point of G2 costs more than one of G1.
const G2_COST: usize = 200;

/// Points that one core checks before it looks whether the work was cancelled.
const PIECE: usize = 1 << 9;

/// How many contributions the section lists; their lengths have to fit.
fn contributions(mut reader: Reader<'_>) -> Result<usize> {
    let name = CONTRIBUTIONS.name;
    reader.take(&"hash of the circuit", CIRCUIT_HASH)?;
    let count = reader.u32(&name)? as usize;
    if count > reader.left() / CONTRIBUTION {
        return Err(fault(
            name,
            format_args!(
                "at most {} in {} bytes",
                reader.left() / CONTRIBUTION,
                reader.left()
            ),
            count,
        ));
    }
    for i in 0..count {
        let field = format_args!("contribution {i}").to_string();
        let head = reader.take(&field, CONTRIBUTION)?;
        let length = u32::from_le_bytes(head[CONTRIBUTION - 4..].try_into().expect("4 bytes"));
        reader.take(&field, length as usize)?;
    }
    reader.end(&"section 10 (contributions)")?;
    Ok(count)
}

/// The header of a file, as section 2 has it after the fields.
pub fn write_header(header: &Header, out: &mut Vec<u8>) {
    use crate::points::write_point;
    use crate::sections::modulus;
    out.extend(modulus::<Fq>());
    out.extend(modulus::<Fr>());
    for count in [header.wires, header.public, header.domain] {
        out.extend(u32::try_from(count).expect("checked").to_le_bytes());
    }
    write_point::<g1::Config>(&header.alpha_1, out);
    write_point::<g1::Config>(&header.beta_1, out);
    write_point::<g2::Config>(&header.beta_2, out);
    write_point::<g2::Config>(&header.gamma_2, out);
    write_point::<g1::Config>(&header.delta_1, out);
    write_point::<g2::Config>(&header.delta_2, out);
}
