//! Garbling: labels in, tables in chunks and output labels out.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::length;
use crate::frame::{Frame, Path, WIDTHS};
use crate::hash::Keys;
use crate::program::CHUNK_ANDS;
use crate::{Block, Control, GarbleError, Program, portable};

const LANE_CONTEXT: &str = "bitvm3 2026 garbling instance v1";

/// Everything one instance's garbling follows from.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Lane {
    /// AES key of the gate hash, published with the table.
    pub key: Block,
    /// Mask of the gate hash, published with the table.
    pub s: Block,
    /// Difference of the two labels of every wire. Secret.
    pub delta: Block,
    /// Label of false of each input wire. Secret.
    pub inputs: Vec<Block>,
}

impl Lane {
    /// Draws everything from a seed: hash key, S, delta, then one label an input wire.
    pub fn from_seed(program: &Program, seed: &[u8; 32]) -> Self {
        let mut stream = blake3::Hasher::new_derive_key(LANE_CONTEXT)
            .update(seed)
            .finalize_xof();
        let mut lane = Self {
            key: [0; 16],
            s: [0; 16],
            delta: [0; 16],
            inputs: vec![[0; 16]; program.inputs()],
        };
        stream.fill(&mut lane.key);
        stream.fill(&mut lane.s);
        stream.fill(&mut lane.delta);
        stream.fill(lane.inputs.as_flattened_mut());
        lane
    }

    /// The label of `bit` on input wire `wire`.
    pub fn label(&self, wire: usize, bit: bool) -> Block {
        let mask = (u128::from_le_bytes(self.delta)) & 0u128.wrapping_sub(u128::from(bit));
        (u128::from_le_bytes(self.inputs[wire]) ^ mask).to_le_bytes()
    }
}

/// Garbles `program` for every lane and returns each lane's labels of false on the output wires.
///
/// `sink(lane, chunk)` gets each lane's table in order, [`CHUNK_ANDS`] ciphertexts at a time; `control` is asked
/// between chunks and nothing is counted on it.
pub fn garble(
    program: &Program,
    lanes: &[Lane],
    path: Path,
    control: &Control,
    sink: &mut dyn FnMut(usize, &[u8]),
) -> Result<Vec<Vec<Block>>, GarbleError> {
    path.require()?;
    for lane in lanes {
        length("lane", program.inputs(), "labels", lane.inputs.len())?;
    }
    let mut outputs = Vec::with_capacity(lanes.len());
    let mut done = 0;
    while done < lanes.len() {
        let left = &lanes[done..];
        let mut relay = |lane: usize, chunk: &[u8]| sink(done + lane, chunk);
        // the last width is one
        outputs.extend(match WIDTHS.iter().find(|width| **width <= left.len()) {
            Some(16) => lockstep::<16, 4>(program, &left[..16], path, control, &mut relay)?,
            Some(8) => lockstep::<8, 2>(program, &left[..8], path, control, &mut relay)?,
            Some(4) => lockstep::<4, 1>(program, &left[..4], path, control, &mut relay)?,
            _ => lockstep::<1, 0>(program, &left[..1], path, control, &mut relay)?,
        });
        done = outputs.len();
    }
    Ok(outputs)
}

/// K lanes in Q registers of four.
fn lockstep<const K: usize, const Q: usize>(
    program: &Program,
    lanes: &[Lane],
    path: Path,
    control: &Control,
    sink: &mut dyn FnMut(usize, &[u8]),
) -> Result<Vec<Vec<Block>>, GarbleError> {
    let deltas = lanes.iter().map(|lane| u128::from_le_bytes(lane.delta));
    let parts: Vec<_> = lanes
        .iter()
        .zip(deltas)
        .map(|(lane, delta)| (&lane.key, &lane.s, delta))
        .collect();
    let keys = Keys::new(path, &parts);
    let mut frame = Frame::new(program.slots * K);
    let labels = frame.labels_mut();
    for (number, lane) in lanes.iter().enumerate() {
        labels[K + number] = parts[number].2; // constant true is the label zero: its label of false is delta
        for (wire, label) in lane.inputs.iter().enumerate() {
            labels[(2 + wire) * K + number] = u128::from_le_bytes(*label);
        }
    }
    let mut table = vec![0u8; K * CHUNK_ANDS * 16];
    for (ops, first, ands) in program.chunks() {
        control.check()?;
        match path {
            Path::Portable => {
                portable::garble::<K>(ops, frame.labels_mut(), &keys, first as u64, &mut table);
            }
            #[cfg(target_arch = "x86_64")]
            Path::Aes | Path::Vaes => {
                let memory = crate::x86::Memory {
                    frame: frame.labels_mut().as_mut_ptr(),
                    rows: keys.rows().as_ptr(),
                    first: first as u64,
                };
                // SAFETY: `path.require()` asked for the features; the frame holds K labels a slot on 64 bytes, the
                // rows were made for K lanes, the table holds K chunks.
                unsafe {
                    if path == Path::Vaes && Q > 0 {
                        crate::x86::garble_vaes::<Q>(ops, memory, table.as_mut_ptr());
                    } else {
                        crate::x86::garble_aes::<K>(ops, memory, table.as_mut_ptr());
                    }
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            Path::Aes | Path::Vaes => return Err(GarbleError::Path(path.name())),
        }
        if ands > 0 {
            for lane in 0..K {
                let start = lane * CHUNK_ANDS * 16;
                sink(lane, &table[start..start + ands * 16]);
            }
        }
    }
    Ok(read_outputs::<K>(program, frame.labels()))
}

/// The labels on the output wires, lane by lane.
pub(crate) fn read_outputs<const K: usize>(program: &Program, labels: &[u128]) -> Vec<Vec<Block>> {
    let read = |lane: usize| {
        let slots = program.outputs.iter();
        slots
            .map(|slot| labels[*slot as usize * K + lane].to_le_bytes())
            .collect()
    };
    (0..K).map(read).collect()
}
