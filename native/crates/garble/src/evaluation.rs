//! Evaluation: one active label an input wire and the cleartext in, output labels and bits out.

use crate::error::length;
use crate::frame::{Frame, Path, WIDTHS};
use crate::garbling::read_outputs;
use crate::hash::Keys;
use crate::{Block, Control, GarbleError, Program, portable};

/// What an evaluator holds of one instance.
#[derive(Debug, Clone, Copy)]
pub struct EvaluatorLane<'a> {
    /// AES key of the gate hash.
    pub key: &'a Block,
    /// Mask of the gate hash.
    pub s: &'a Block,
    /// The active label of each input wire.
    pub active: &'a [Block],
    /// The whole table.
    pub table: &'a [u8],
}

/// What comes out: labels lane by lane, and the cleartext, which is the same in all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluated {
    /// The active label of each output wire, for each lane.
    pub labels: Vec<Vec<Block>>,
    /// The cleartext of each output wire.
    pub bits: Vec<bool>,
}

/// Evaluates every lane on the same cleartext input `bits`. Wrong labels or tables give wrong labels, never an error.
pub fn evaluate(
    program: &Program,
    lanes: &[EvaluatorLane<'_>],
    bits: &[bool],
    path: Path,
    control: &Control,
) -> Result<Evaluated, GarbleError> {
    path.require()?;
    length("bits", program.inputs(), "input bits", bits.len())?;
    for lane in lanes {
        length("active", program.inputs(), "labels", lane.active.len())?;
        length("table", program.table_bytes(), "bytes", lane.table.len())?;
    }
    let mut result = Evaluated {
        labels: Vec::with_capacity(lanes.len()),
        bits: Vec::new(),
    };
    while result.labels.len() < lanes.len() {
        let left = &lanes[result.labels.len()..];
        let (labels, bits) = match WIDTHS.iter().find(|width| **width <= left.len()) {
            Some(16) => lockstep::<16, 4>(program, &left[..16], bits, path, control)?,
            Some(8) => lockstep::<8, 2>(program, &left[..8], bits, path, control)?,
            Some(4) => lockstep::<4, 1>(program, &left[..4], bits, path, control)?,
            _ => lockstep::<1, 0>(program, &left[..1], bits, path, control)?,
        };
        result.labels.extend(labels);
        result.bits = bits;
    }
    Ok(result)
}

fn lockstep<const K: usize, const Q: usize>(
    program: &Program,
    lanes: &[EvaluatorLane<'_>],
    bits: &[bool],
    path: Path,
    control: &Control,
) -> Result<(Vec<Vec<Block>>, Vec<bool>), GarbleError> {
    let parts: Vec<_> = lanes.iter().map(|lane| (lane.key, lane.s, 0)).collect();
    let keys = Keys::new(path, &parts);
    let mut frame = Frame::new(program.slots * K);
    let labels = frame.labels_mut();
    for (number, lane) in lanes.iter().enumerate() {
        for (wire, label) in lane.active.iter().enumerate() {
            labels[(2 + wire) * K + number] = u128::from_le_bytes(*label);
        }
    }
    let mut masks = vec![0u64; program.slots];
    masks[1] = u64::MAX;
    for (wire, bit) in bits.iter().enumerate() {
        masks[2 + wire] = 0u64.wrapping_sub(u64::from(*bit));
    }
    for (ops, first, ands) in program.chunks() {
        control.check()?;
        let tables: [&[u8]; K] =
            std::array::from_fn(|lane| &lanes[lane].table[first * 16..(first + ands) * 16]);
        match path {
            Path::Portable => {
                let frame = frame.labels_mut();
                portable::evaluate::<K>(ops, frame, &mut masks, &keys, first as u64, &tables);
            }
            #[cfg(target_arch = "x86_64")]
            Path::Aes | Path::Vaes => {
                let memory = crate::x86::Memory {
                    frame: frame.labels_mut().as_mut_ptr(),
                    rows: keys.rows().as_ptr(),
                    first: first as u64,
                };
                let tables = tables.map(<[u8]>::as_ptr);
                // SAFETY: `path.require()` asked for the features; the frame holds K labels a slot on 64 bytes, the
                // rows were made for K lanes, there is a mask for each slot and a ciphertext for each AND gate.
                unsafe {
                    if path == Path::Vaes && Q > 0 {
                        crate::x86::evaluate_vaes::<Q>(ops, memory, masks.as_mut_ptr(), &tables);
                    } else {
                        crate::x86::evaluate_aes::<K>(ops, memory, masks.as_mut_ptr(), &tables);
                    }
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            Path::Aes | Path::Vaes => return Err(GarbleError::Path(path.name())),
        }
    }
    let bits = program.outputs.iter().map(|s| masks[*s as usize] != 0);
    Ok((read_outputs::<K>(program, frame.labels()), bits.collect()))
}
