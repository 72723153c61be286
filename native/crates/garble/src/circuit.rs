//! The stable binary form of a circuit.
//!
//! `bv3circ1` | u32 number of inputs, u32 width of each | u32 number of outputs, u32 width of each | u32 number of gates
//! | gates, two u32 each | one u32 wire for each output bit. All little-endian. Wire 0 is constant false, wire 1 constant
//! true, then the input bits (bit i of a number is its i-th wire), then one wire for each gate. A gate's first word is
//! its left wire with bit 31 set for AND, clear for XOR; NOT x is x XOR wire 1. A gate reads earlier wires only.

use crate::GarbleError;

const MAGIC: &[u8; 8] = b"bv3circ1";
/// Bit 31 of a gate's first word.
pub(crate) const AND: u32 = 1 << 31;
/// Wires before the first input: constant false and constant true.
pub(crate) const CONSTANTS: usize = 2;
const MAX_NUMBERS: usize = 1 << 16;
const MAX_WIRES: usize = 1 << 30;
/// A few bytes of a header name the inputs, and each costs memory.
const MAX_INPUT_BITS: usize = 1 << 20;

/// A parsed circuit: every wire number in it is in range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circuit {
    pub(crate) input_widths: Vec<u32>,
    pub(crate) output_widths: Vec<u32>,
    pub(crate) gates: Vec<[u32; 2]>,
    pub(crate) outputs: Vec<u32>,
    pub(crate) id: [u8; 32],
}

impl Circuit {
    /// Reads the binary form; refuses anything but exactly one circuit.
    pub fn parse(bytes: &[u8]) -> Result<Self, GarbleError> {
        let mut reader = Reader { bytes, offset: 0 };
        let magic = reader.take(8)?;
        if magic != MAGIC {
            return Err(reader.fault(0, "the magic bv3circ1", format!("{magic:02x?}")));
        }
        let input_widths = reader.widths("inputs", MAX_INPUT_BITS)?;
        let output_widths = reader.widths("outputs", MAX_WIRES)?;
        let inputs: usize = input_widths.iter().map(|w| *w as usize).sum();
        let count = reader.word()? as usize;
        let first = CONSTANTS + inputs;
        if first + count > MAX_WIRES {
            return Err(reader.fault(reader.offset - 4, "at most 2^30 wires", first + count));
        }
        reader.has(count.saturating_mul(8), "gates")?;
        let mut gates = Vec::with_capacity(count);
        for index in 0..count {
            let at = reader.offset;
            let (a, b) = (reader.word()?, reader.word()?);
            let limit = first + index;
            for wire in [a & !AND, b] {
                if wire as usize >= limit {
                    return Err(reader.fault(at, format!("a wire below {limit}"), wire));
                }
            }
            gates.push([a, b]);
        }
        let bits: usize = output_widths.iter().map(|w| *w as usize).sum();
        reader.has(bits * 4, "output wires")?;
        let mut outputs = Vec::with_capacity(bits);
        for _ in 0..bits {
            let at = reader.offset;
            let wire = reader.word()?;
            if wire as usize >= first + count {
                return Err(reader.fault(at, format!("a wire below {}", first + count), wire));
            }
            outputs.push(wire);
        }
        if reader.offset != bytes.len() {
            let left = bytes.len() - reader.offset;
            return Err(reader.fault(reader.offset, "the end", format!("{left} more bytes")));
        }
        Ok(Self {
            input_widths,
            output_widths,
            gates,
            outputs,
            id: *blake3::hash(bytes).as_bytes(),
        })
    }

    /// Number of input bits.
    pub fn inputs(&self) -> usize {
        self.input_widths.iter().map(|w| *w as usize).sum()
    }

    /// Number of AND gates.
    pub fn ands(&self) -> usize {
        self.gates.iter().filter(|gate| gate[0] & AND != 0).count()
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn fault(
        &self,
        offset: usize,
        expected: impl ToString,
        got: impl std::fmt::Display,
    ) -> GarbleError {
        GarbleError::Circuit {
            offset,
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }

    fn has(&self, length: usize, what: &str) -> Result<(), GarbleError> {
        let left = self.bytes.len() - self.offset;
        if left < length {
            return Err(self.fault(
                self.offset,
                format!("{length} bytes of {what}"),
                format!("{left} bytes"),
            ));
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], GarbleError> {
        self.has(length, "a header")?;
        let taken = &self.bytes[self.offset..self.offset + length];
        self.offset += length;
        Ok(taken)
    }

    fn word(&mut self) -> Result<u32, GarbleError> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn widths(&mut self, what: &str, limit: usize) -> Result<Vec<u32>, GarbleError> {
        let at = self.offset;
        let count = self.word()? as usize;
        if count == 0 || count > MAX_NUMBERS {
            return Err(self.fault(at, format!("1 to {MAX_NUMBERS} {what}"), count));
        }
        let mut sum = 0usize;
        let mut widths = Vec::new();
        for _ in 0..count {
            let at = self.offset;
            let width = self.word()?;
            sum += width as usize;
            if width == 0 || sum > limit {
                return Err(self.fault(at, format!("a width of 1 or more, {limit} in all"), width));
            }
            widths.push(width);
        }
        Ok(widths)
    }
}
