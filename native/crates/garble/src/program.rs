//! A circuit as a straight-line program over a small frame of slots.
//!
//! Gates keep their order, so the index of an AND gate (its tweak and its place in the table) is that of the binary
//! form. Only the places of the wires change: a slot is given to the next gate once the wire in it was read for the last
//! time, so that a frame of K labels a slot stays in a near cache.

use crate::circuit::{AND, CONSTANTS};
use crate::{Circuit, GarbleError};

/// AND gates in a full chunk of a table: 16 KiB, what the BLAKE3 of wide registers takes at once.
pub const CHUNK_ANDS: usize = 1024;

/// One gate: slots a and b into slot c. Bit 31 of `c` is set for AND.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Op {
    pub(crate) a: u32,
    pub(crate) b: u32,
    pub(crate) c: u32,
}

/// A compiled circuit. Slot 0 holds constant false, slot 1 constant true, then come the inputs.
#[derive(Debug)]
pub struct Program {
    pub(crate) circuit_id: [u8; 32],
    pub(crate) input_widths: Vec<u32>,
    pub(crate) output_widths: Vec<u32>,
    pub(crate) inputs: usize,
    pub(crate) ops: Vec<Op>,
    /// End of the n-th run of operations; each holds [`CHUNK_ANDS`] AND gates, the last one fewer.
    pub(crate) runs: Vec<usize>,
    pub(crate) outputs: Vec<u32>,
    pub(crate) slots: usize,
    pub(crate) ands: usize,
}

impl Program {
    /// Reads and compiles the binary form of a circuit.
    pub fn parse(bytes: &[u8]) -> Result<Self, GarbleError> {
        Ok(Self::compile(&Circuit::parse(bytes)?))
    }

    /// Gives every wire of `circuit` a slot.
    pub fn compile(circuit: &Circuit) -> Self {
        const ALWAYS: u32 = u32::MAX; // read after the last gate, or constant: never given away
        let inputs = circuit.inputs();
        let first = CONSTANTS + inputs;
        let mut last_read = vec![0u32; first + circuit.gates.len()];
        for (index, gate) in circuit.gates.iter().enumerate() {
            for wire in [gate[0] & !AND, gate[1]] {
                last_read[wire as usize] = index as u32 + 1;
            }
        }
        for wire in circuit.outputs.iter().chain(&[0, 1]) {
            last_read[*wire as usize] = ALWAYS;
        }

        let mut slot_of: Vec<u32> = (0..first as u32).collect();
        slot_of.reserve(circuit.gates.len());
        let mut free = Vec::new();
        let mut slots = first as u32;
        let mut ops = Vec::with_capacity(circuit.gates.len());
        let mut runs = Vec::new();
        let mut ands = 0;
        for (index, gate) in circuit.gates.iter().enumerate() {
            let (left, right) = (gate[0] & !AND, gate[1]);
            let (a, b) = (slot_of[left as usize], slot_of[right as usize]);
            // operands are read before the result is written, so a dying operand's slot can take the result
            if last_read[left as usize] == index as u32 + 1 {
                free.push(a);
            }
            if left != right && last_read[right as usize] == index as u32 + 1 {
                free.push(b);
            }
            let c = free.pop().unwrap_or_else(|| {
                slots += 1;
                slots - 1
            });
            slot_of.push(c);
            if last_read[first + index] == 0 {
                free.push(c); // nobody reads it
            }
            ops.push(Op {
                a,
                b,
                c: c | (gate[0] & AND),
            });
            if gate[0] & AND != 0 {
                ands += 1;
                if ands % CHUNK_ANDS == 0 {
                    runs.push(ops.len());
                }
            }
        }
        if runs.last() != Some(&ops.len()) {
            runs.push(ops.len());
        }
        Self {
            circuit_id: circuit.id,
            input_widths: circuit.input_widths.clone(),
            output_widths: circuit.output_widths.clone(),
            inputs,
            outputs: circuit
                .outputs
                .iter()
                .map(|w| slot_of[*w as usize])
                .collect(),
            ops,
            runs,
            slots: slots as usize,
            ands,
        }
    }

    /// BLAKE3 of the circuit's binary form.
    pub fn circuit_id(&self) -> [u8; 32] {
        self.circuit_id
    }

    /// Bits of each input number.
    pub fn input_widths(&self) -> &[u32] {
        &self.input_widths
    }

    /// Bits of each output number.
    pub fn output_widths(&self) -> &[u32] {
        &self.output_widths
    }

    /// Number of input bits.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of output bits.
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Number of gates.
    pub fn gates(&self) -> usize {
        self.ops.len()
    }

    /// Number of AND gates.
    pub fn ands(&self) -> usize {
        self.ands
    }

    /// Labels that are alive at once, at most.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Bytes of one instance's table.
    pub fn table_bytes(&self) -> usize {
        self.ands * 16
    }

    /// The runs of operations between two full chunks of the table, with the index of each run's first AND gate.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = (&[Op], usize, usize)> {
        let starts = std::iter::once(0).chain(self.runs.iter().copied());
        starts.zip(&self.runs).enumerate().map(|(n, (start, end))| {
            let first = n * CHUNK_ANDS;
            (
                &self.ops[start..*end],
                first,
                (self.ands - first).min(CHUNK_ANDS),
            )
        })
    }
}
