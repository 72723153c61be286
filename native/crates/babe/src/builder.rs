//! Gates of a circuit in the making: AND costs a ciphertext, XOR and NOT are free.
//!
//! Promises: constants are folded, an equal gate is made once, what no output needs is left out.
//! Does NOT know numbers.

use std::collections::HashMap;

const MAGIC: &[u8; 8] = b"bv3circ1";
const AND: u32 = 1 << 31;

/// A wire by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wire(u32);

impl Wire {
    pub(crate) const FALSE: Wire = Wire(0);
    pub(crate) const TRUE: Wire = Wire(1);
}

/// Numbers wires as the binary form does: the constants, the inputs, one for each gate.
#[derive(Debug)]
pub(crate) struct Builder {
    input_widths: Vec<u32>,
    /// Wires before the first gate.
    first: u32,
    gates: Vec<[u32; 2]>,
    known: HashMap<[u32; 2], Wire>,
}

impl Builder {
    /// A builder and the wires of its inputs, least significant bit first.
    pub(crate) fn new(input_widths: &[u32]) -> (Self, Vec<Vec<Wire>>) {
        let mut first = 2;
        let inputs = input_widths.iter().map(|width| {
            let wires = (first..first + width).map(Wire).collect();
            first += width;
            wires
        });
        let inputs = inputs.collect();
        let builder = Self {
            input_widths: input_widths.to_vec(),
            first,
            gates: Vec::new(),
            known: HashMap::new(),
        };
        (builder, inputs)
    }

    fn gate(&mut self, kind: u32, a: Wire, b: Wire) -> Wire {
        let gate = [a.0.min(b.0) | kind, a.0.max(b.0)];
        let next = Wire(self.first + self.gates.len() as u32);
        let wire = *self.known.entry(gate).or_insert(next);
        if wire == next {
            self.gates.push(gate);
        }
        wire
    }

    pub(crate) fn xor(&mut self, a: Wire, b: Wire) -> Wire {
        match (a, b) {
            (Wire::FALSE, other) | (other, Wire::FALSE) => other,
            _ if a == b => Wire::FALSE,
            _ => self.gate(0, a, b),
        }
    }

    pub(crate) fn not(&mut self, a: Wire) -> Wire {
        let gate = a.0.checked_sub(self.first);
        match gate.map(|index| self.gates[index as usize]) {
            Some([1, inner]) => Wire(inner),
            _ => self.xor(a, Wire::TRUE),
        }
    }

    pub(crate) fn and(&mut self, a: Wire, b: Wire) -> Wire {
        match (a, b) {
            (Wire::FALSE, _) | (_, Wire::FALSE) => Wire::FALSE,
            (Wire::TRUE, other) | (other, Wire::TRUE) => other,
            _ if a == b => a,
            _ => self.gate(AND, a, b),
        }
    }

    /// Sum and carry of three bits, for one AND.
    pub(crate) fn full_adder(&mut self, a: Wire, b: Wire, c: Wire) -> (Wire, Wire) {
        let (ab, ac) = (self.xor(a, b), self.xor(a, c));
        let differ = self.and(ab, ac);
        (self.xor(ab, c), self.xor(a, differ))
    }

    /// Sum and carry of two bits, for one AND.
    pub(crate) fn half_adder(&mut self, a: Wire, b: Wire) -> (Wire, Wire) {
        (self.xor(a, b), self.and(a, b))
    }

    /// True when all are.
    pub(crate) fn all(&mut self, wires: &[Wire]) -> Wire {
        wires.iter().fold(Wire::TRUE, |all, w| self.and(all, *w))
    }

    /// The stable binary form (`garble::Circuit`) of what the outputs need, gates in the order in which they were made.
    pub(crate) fn finish(self, outputs: &[Vec<Wire>]) -> Vec<u8> {
        let first = self.first as usize;
        let mut needed = vec![false; first + self.gates.len()];
        for wire in outputs.iter().flatten() {
            needed[wire.0 as usize] = true;
        }
        for (index, gate) in self.gates.iter().enumerate().rev() {
            if needed[first + index] {
                needed[(gate[0] & !AND) as usize] = true;
                needed[gate[1] as usize] = true;
            }
        }
        let mut place: Vec<u32> = (0..self.first).collect();
        let mut next = self.first;
        let mut gates = Vec::new();
        for (index, gate) in self.gates.iter().enumerate() {
            place.push(next);
            if needed[first + index] {
                let left = place[(gate[0] & !AND) as usize] | (gate[0] & AND);
                gates.extend([left, place[gate[1] as usize]]);
                next += 1;
            }
        }
        let mut words = vec![self.input_widths.len() as u32];
        words.extend(&self.input_widths);
        words.push(outputs.len() as u32);
        words.extend(outputs.iter().map(|number| number.len() as u32));
        words.push(next - self.first);
        words.extend(gates);
        words.extend(outputs.iter().flatten().map(|w| place[w.0 as usize]));
        let mut bytes = MAGIC.to_vec();
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }
}
