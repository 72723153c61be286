//! The container of iden3's binary files: magic, version, then numbered sections with their lengths.
//!
//! Promises that every length was checked against the bytes that are there, that no section occurs twice and that nothing
//! lies outside one. Does NOT know what a section holds, and copies none.

use std::fmt::Display;
use std::io::Write;
use std::ops::Range;

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};

use crate::fault::{Result, fault};

/// Bytes of a number of either field of BN254.
pub const WORD: usize = 32;

/// Sections at most: a Groth16 zkey has ten, the newest .r1cs files five.
const MOST: usize = 16;

/// Where the sections of one file lie.
pub struct Sections<'a> {
    raw: &'a [u8],
    found: Vec<(u32, Range<usize>)>,
}

impl<'a> Sections<'a> {
    /// Finds the sections of a file with that magic and version.
    pub fn read(raw: &'a [u8], magic: &[u8; 4], version: u32) -> Result<Self> {
        let mut reader = Reader::new(raw);
        let name = String::from_utf8_lossy(magic);
        if reader.take(&"magic", 4)? != magic {
            let got = format!("0x{}", hex::encode(&raw[..4]));
            return Err(fault("magic", format_args!("{name}"), got));
        }
        reader.expect(&"version", version)?;
        let count = reader.u32(&"sections")? as usize;
        if count > MOST {
            return Err(fault(
                "sections",
                format_args!("at most {MOST} sections"),
                count,
            ));
        }
        let mut found: Vec<(u32, Range<usize>)> = Vec::with_capacity(count);
        for i in 0..count {
            let kind = reader.u32(&format_args!("section {i} of {count}, its kind"))?;
            if found.iter().any(|(other, _)| *other == kind) {
                return Err(fault(
                    format_args!("section {kind}"),
                    "each kind once",
                    "the same kind again",
                ));
            }
            let length = reader.u64(&format_args!("section {kind}, its length"))?;
            let start = raw.len() - reader.rest.len();
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            reader.take(&format_args!("section {kind}"), length)?;
            found.push((kind, start..start + length));
        }
        reader.end(&"file")?;
        Ok(Self { raw, found })
    }

    /// Refuses every section but these.
    pub fn only(&self, known: &[u32]) -> Result<()> {
        match self.found.iter().find(|(kind, _)| !known.contains(kind)) {
            None => Ok(()),
            Some((kind, _)) => Err(fault(
                format_args!("section {kind}"),
                format_args!("only sections {known:?}"),
                "another one",
            )),
        }
    }

    /// Where a section lies in the file.
    pub fn range(&self, kind: u32, name: &str) -> Result<Range<usize>> {
        let found = self.found.iter().find(|(other, _)| *other == kind);
        found
            .map(|(_, range)| range.clone())
            .ok_or_else(|| fault(format_args!("section {kind} ({name})"), "present", "none"))
    }

    /// The bytes of a section.
    pub fn section(&self, kind: u32, name: &str) -> Result<Reader<'a>> {
        Ok(Reader::new(&self.raw[self.range(kind, name)?]))
    }
}

/// Takes little-endian numbers off the front of bytes.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Over all of these bytes.
    pub fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next bytes.
    pub fn take(&mut self, field: &dyn Display, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| {
            fault(
                field,
                format_args!("{length} bytes"),
                format_args!("{} bytes to the end", self.rest.len()),
            )
        })?;
        self.rest = rest;
        Ok(taken)
    }

    /// 4 bytes.
    pub fn u32(&mut self, field: &dyn Display) -> Result<u32> {
        let taken = self.take(field, 4)?;
        Ok(u32::from_le_bytes(taken.try_into().expect("4 bytes")))
    }

    /// 8 bytes.
    pub fn u64(&mut self, field: &dyn Display) -> Result<u64> {
        let taken = self.take(field, 8)?;
        Ok(u64::from_le_bytes(taken.try_into().expect("8 bytes")))
    }

    /// 4 bytes of one value.
    pub fn expect(&mut self, field: &dyn Display, value: u32) -> Result<()> {
        let got = self.u32(field)?;
        if got != value {
            return Err(fault(field, value, got));
        }
        Ok(())
    }

    /// The length of a field's numbers and its modulus, which have to be BN254's.
    pub fn modulus<F: PrimeField>(&mut self, field: &str) -> Result<()> {
        self.expect(&format_args!("{field}, bytes of a number"), WORD as u32)?;
        let got = self.take(&field, WORD)?;
        if got != F::MODULUS.to_bytes_le() {
            return Err(fault(
                field,
                format_args!("BN254's, {}", F::MODULUS),
                format_args!("0x{} (little-endian)", hex::encode(got)),
            ));
        }
        Ok(())
    }

    /// A number of the scalar field, below r.
    pub fn scalar(&mut self, field: &dyn Display) -> Result<Fr> {
        let taken = self.take(field, WORD)?;
        Fr::from_bigint(limbs(taken)).ok_or_else(|| {
            fault(
                field,
                "a number below the group order r",
                format_args!("0x{} (little-endian)", hex::encode(taken)),
            )
        })
    }

    /// That nothing is left.
    pub fn end(&self, field: &dyn Display) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(fault(
                field,
                "no bytes after the end",
                format_args!("{left} bytes"),
            )),
        }
    }
}

/// 32 little-endian bytes as a number.
pub fn limbs(bytes: &[u8]) -> ark_ff::BigInt<4> {
    let mut limbs = [0u64; 4];
    for (limb, bytes) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
    }
    ark_ff::BigInt(limbs)
}

/// The length of a field's numbers and its modulus.
pub fn modulus<F: PrimeField>() -> Vec<u8> {
    let mut bytes = (WORD as u32).to_le_bytes().to_vec();
    bytes.extend(F::MODULUS.to_bytes_le());
    bytes
}

/// Magic, version and count of sections.
pub fn write_head(
    out: &mut dyn Write,
    magic: &[u8; 4],
    version: u32,
    sections: u32,
) -> std::io::Result<()> {
    out.write_all(magic)?;
    out.write_all(&version.to_le_bytes())?;
    out.write_all(&sections.to_le_bytes())
}

/// Kind and length of a section that follows.
pub fn write_section(out: &mut dyn Write, kind: u32, length: usize) -> std::io::Result<()> {
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&(length as u64).to_le_bytes())
}
