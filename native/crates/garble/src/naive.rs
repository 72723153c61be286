//! The straightforward way, as a baseline and as a second opinion: walk the gate list of the circuit, one instance, one
//! label a wire, one block cipher call a hash.

use aes::Aes128;
use aes::cipher::KeyInit;

use crate::circuit::AND;
use crate::error::length;
use crate::hash::{encrypt, sigma};
use crate::{Block, Circuit, EvaluatorLane, GarbleError, Lane};

/// The table and the labels of false on the output wires.
pub fn naive_garble(circuit: &Circuit, lane: &Lane) -> Result<(Vec<u8>, Vec<Block>), GarbleError> {
    length("lane", circuit.inputs(), "labels", lane.inputs.len())?;
    let cipher = Aes128::new((&lane.key).into());
    let (s, delta) = (u128::from_le_bytes(lane.s), u128::from_le_bytes(lane.delta));
    let mut wires = vec![0, delta];
    wires.extend(lane.inputs.iter().map(|label| u128::from_le_bytes(*label)));
    let mut table = Vec::new();
    for gate in &circuit.gates {
        let (a, b) = (wires[(gate[0] & !AND) as usize], wires[gate[1] as usize]);
        wires.push(if gate[0] & AND == 0 {
            a ^ b
        } else {
            let tweak = (table.len() / 16) as u128;
            let h0 = encrypt(&cipher, sigma(a ^ tweak ^ s));
            let h1 = encrypt(&cipher, sigma(a ^ delta ^ tweak ^ s));
            table.extend_from_slice(&(h0 ^ h1 ^ b).to_le_bytes());
            h0
        });
    }
    let label = |wire: &u32| wires[*wire as usize].to_le_bytes();
    Ok((table, circuit.outputs.iter().map(label).collect()))
}

/// The active labels and the cleartext on the output wires.
pub fn naive_evaluate(
    circuit: &Circuit,
    lane: &EvaluatorLane<'_>,
    bits: &[bool],
) -> Result<(Vec<Block>, Vec<bool>), GarbleError> {
    length("bits", circuit.inputs(), "input bits", bits.len())?;
    length("active", circuit.inputs(), "labels", lane.active.len())?;
    length("table", circuit.ands() * 16, "bytes", lane.table.len())?;
    let cipher = Aes128::new(lane.key.into());
    let s = u128::from_le_bytes(*lane.s);
    let mut wires = vec![(0, false), (0, true)];
    let active = lane.active.iter().map(|label| u128::from_le_bytes(*label));
    wires.extend(active.zip(bits.iter().copied()));
    let mut table = lane.table.chunks_exact(16);
    let mut index = 0u128;
    for gate in &circuit.gates {
        let (a, b) = (wires[(gate[0] & !AND) as usize], wires[gate[1] as usize]);
        wires.push(if gate[0] & AND == 0 {
            (a.0 ^ b.0, a.1 ^ b.1)
        } else {
            let mut label = encrypt(&cipher, sigma(a.0 ^ index ^ s));
            index += 1;
            let mut ciphertext = [0u8; 16];
            ciphertext.copy_from_slice(table.next().unwrap_or(&[0; 16]));
            if a.1 {
                label ^= u128::from_le_bytes(ciphertext) ^ b.0;
            }
            (label, a.1 & b.1)
        });
    }
    let out = |wire: &u32| wires[*wire as usize];
    let labels = circuit.outputs.iter().map(|w| out(w).0.to_le_bytes());
    let bits = circuit.outputs.iter().map(|w| out(w).1);
    Ok((labels.collect(), bits.collect()))
}
