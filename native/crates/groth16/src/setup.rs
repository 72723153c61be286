//! A setup by one party, written as a zkey. Whoever runs it could keep its secrets and forge proofs: for tests and regtest
//! only; every other network takes a key from a ceremony. This code refuses nothing: its callers do.
//!
//! The secrets (tau, alpha, beta, delta, and the polynomials at tau, which tell tau) come from the system's generator and
//! are wiped. gamma is 1, as in every ceremony of snarkjs.

use std::io::Write;
use std::path::Path;

use ark_bn254::{Fr, g1, g2};
use ark_ff::{AdditiveGroup, Field, PrimeField};
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::coefficients::{COEFFICIENT, terms, value_bytes};
use crate::fault::{Result, fault};
use crate::fft::Domain;
use crate::fixed::Table;
use crate::mapped::{unwritten, write_file};
use crate::points::{Group, write_point};
use crate::progress::Progress;
use crate::r1cs::{Circuit, Row};
use crate::sections::{write_head, write_section};
use crate::zkey::{
    A, B1, B2, C, CIRCUIT_HASH, COEFFICIENTS, CONTRIBUTIONS, G1, G2, GROTH16, H, Header, IC, Kind,
    ZKEY, write_header,
};

/// What a point of G2 costs more than one of G1.
const G2_COST: u64 = 3;

/// Points computed between two looks at the wish to cancel.
const PIECE: usize = 1 << 14;

/// A scalar of the system's generator, uniform up to 2^-128, not zero.
pub fn random_scalar() -> Result<Zeroizing<Fr>> {
    let mut bytes = Zeroizing::new([0u8; 48]);
    loop {
        getrandom::fill(&mut *bytes)
            .map_err(|error| fault("system's generator", "random bytes", error))?;
        let scalar = Zeroizing::new(Fr::from_le_bytes_mod_order(&*bytes));
        if *scalar != Fr::ZERO {
            return Ok(scalar);
        }
    }
}

/// The secrets, wiped when dropped.
struct Secrets {
    alpha: Zeroizing<Fr>,
    beta: Zeroizing<Fr>,
    delta: Zeroizing<Fr>,
    tau: Zeroizing<Fr>,
}

/// A column of a matrix at tau for each wire: sum over rows of coefficient times L_row(tau).
fn columns(rows: &[Row], wires: usize, lagrange: &[Fr]) -> Zeroizing<Vec<Fr>> {
    let mut out = Zeroizing::new(vec![Fr::ZERO; wires]);
    for (row, basis) in rows.iter().zip(lagrange) {
        for (wire, coefficient) in row {
            out[*wire as usize] += *coefficient * basis;
        }
    }
    out
}

/// Makes a key of the circuit and writes it, whole or not at all.
pub fn setup_single_party(circuit: &Circuit, path: &Path, progress: &Progress) -> Result<()> {
    let r1cs = circuit.r1cs();
    let (wires, public) = (r1cs.wires, r1cs.public);
    let domain_size = circuit.domain_size();
    progress.begin((3 * wires + domain_size) as u64 + G2_COST * wires as u64);
    progress.enter("polynomials")?;
    let secrets = Secrets {
        alpha: random_scalar()?,
        beta: random_scalar()?,
        delta: random_scalar()?,
        tau: random_scalar()?,
    };
    let domain = Domain::new(domain_size);
    if secrets.tau.pow([2 * domain_size as u64]) == Fr::ONE {
        return Err(fault("tau", "outside the domain", "a root of unity"));
    }
    let lagrange = Zeroizing::new(domain.lagrange(*secrets.tau));
    let (mut a, (b, mut c)) = rayon::join(
        || columns(&r1cs.a, wires, &lagrange),
        || {
            rayon::join(
                || columns(&r1cs.b, wires, &lagrange),
                || columns(&r1cs.c, wires, &lagrange),
            )
        },
    );
    for wire in 0..=public {
        a[wire] += lagrange[r1cs.constraints() + wire];
    }
    let delta_inverse = Zeroizing::new(secrets.delta.inverse().expect("not zero"));
    c.par_iter_mut().enumerate().for_each(|(wire, c)| {
        *c += a[wire] * *secrets.beta + b[wire] * *secrets.alpha;
        if wire > public {
            *c *= *delta_inverse;
        }
    });
    let mut h = Zeroizing::new(domain.lagrange_odd(*secrets.tau));
    h.par_iter_mut().for_each(|h| *h *= *delta_inverse);
    let mut one = Zeroizing::new(Fr::ONE);
    let (in_g1, in_g2) = (
        Table::<g1::Config>::of_generator(),
        Table::<g2::Config>::of_generator(),
    );
    let header = Header {
        wires,
        public,
        domain: domain_size,
        alpha_1: in_g1.multiple(&secrets.alpha),
        beta_1: in_g1.multiple(&secrets.beta),
        beta_2: in_g2.multiple(&secrets.beta),
        gamma_2: in_g2.multiple(&one),
        delta_1: in_g1.multiple(&secrets.delta),
        delta_2: in_g2.multiple(&secrets.delta),
    };
    one.zeroize();
    write_file(path, |out| {
        write_head(out, ZKEY.0, ZKEY.1, 10).map_err(unwritten)?;
        write_section(out, 1, 4).map_err(unwritten)?;
        out.write_all(&GROTH16.to_le_bytes()).map_err(unwritten)?;
        let mut bytes = Vec::new();
        write_header(&header, &mut bytes);
        section(out, 2, &bytes)?;
        let mut sections = Writer { out, progress };
        sections.points(IC, G1, &in_g1, &c[..=public], 1)?;
        sections.coefficients(circuit)?;
        sections.points(A, G1, &in_g1, &a, 1)?;
        sections.points(B1, G1, &in_g1, &b, 1)?;
        sections.points(B2, G2, &in_g2, &b, G2_COST)?;
        sections.points(C, G1, &in_g1, &c[public + 1..], 1)?;
        sections.points(H, G1, &in_g1, &h, 1)?;
        // No hash of a circuit and no contributions: no ceremony took place.
        section(out, CONTRIBUTIONS.section, &[0; CIRCUIT_HASH + 4])
    })
}

fn section(out: &mut dyn Write, kind: u32, bytes: &[u8]) -> Result<()> {
    write_section(out, kind, bytes.len()).map_err(unwritten)?;
    out.write_all(bytes).map_err(unwritten)
}

struct Writer<'a> {
    out: &'a mut dyn Write,
    progress: &'a Progress,
}

impl Writer<'_> {
    fn points<P: Group>(
        &mut self,
        kind: Kind,
        size: usize,
        table: &Table<P>,
        scalars: &[Fr],
        cost: u64,
    ) -> Result<()> {
        self.progress.enter(kind.name)?;
        write_section(self.out, kind.section, scalars.len() * size).map_err(unwritten)?;
        for scalars in scalars.chunks(PIECE) {
            let mut bytes = Vec::with_capacity(scalars.len() * size);
            for point in table.multiples(scalars) {
                write_point::<P>(&point, &mut bytes);
            }
            self.out.write_all(&bytes).map_err(unwritten)?;
            self.progress.step(cost * scalars.len() as u64)?;
        }
        Ok(())
    }

    fn coefficients(&mut self, circuit: &Circuit) -> Result<()> {
        self.progress.enter(COEFFICIENTS.name)?;
        let r1cs = circuit.r1cs();
        let rows = r1cs.constraints() + r1cs.public + 1;
        let count = r1cs.nonzeros() - r1cs.c.iter().map(Vec::len).sum::<usize>() + r1cs.public + 1;
        let stated = u32::try_from(count)
            .map_err(|_| fault("coefficients", "fewer than 2^32 in a and b", count))?;
        write_section(self.out, COEFFICIENTS.section, 4 + count * COEFFICIENT)
            .map_err(unwritten)?;
        self.out
            .write_all(&stated.to_le_bytes())
            .map_err(unwritten)?;
        for start in (0..rows).step_by(PIECE) {
            let pieces: Vec<Vec<u8>> = (start..(start + PIECE).min(rows))
                .into_par_iter()
                .map(|row| {
                    let mut bytes = Vec::new();
                    for (matrix, wire, coefficient) in terms(r1cs, row) {
                        bytes.extend(matrix.to_le_bytes());
                        bytes.extend((row as u32).to_le_bytes());
                        bytes.extend(wire.to_le_bytes());
                        bytes.extend(value_bytes(&coefficient));
                    }
                    bytes
                })
                .collect();
            for piece in pieces {
                self.out.write_all(&piece).map_err(unwritten)?;
            }
            self.progress.step(0)?;
        }
        Ok(())
    }
}
