//! What both sides of a pair agree on before anything is garbled, and every size that follows.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use babe::{CIPHERTEXT_BYTES, ENCODING_BYTES, INPUT_BITS, LABELS, OFFSETS_BYTES, Statement};
use garble::Program;

use crate::EngineError;
use crate::polynomial::threshold;

/// More instances than any profile has: bounds what a hostile setup can make a peer allocate.
const MAX_INSTANCES: usize = 1024;
const MAX_INPUT_BITS: usize = 1 << 16;

/// How input bits are cut into digits: digit w is bits w*b .. (w+1)*b, least significant first; bits beyond the last
/// input are padding, free and without meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    input_bits: usize,
    digit_bits: usize,
}

impl Layout {
    /// 1 to 65,536 input bits, digits of 1 to 8 bits.
    pub fn new(input_bits: usize, digit_bits: usize) -> Result<Self, EngineError> {
        if input_bits == 0 || input_bits > MAX_INPUT_BITS {
            return Err(EngineError::field(
                "input_bits",
                format!("1 to {MAX_INPUT_BITS}"),
                input_bits,
            ));
        }
        if digit_bits == 0 || digit_bits > 8 {
            return Err(EngineError::field("digit_bits", "1 to 8", digit_bits));
        }
        Ok(Self {
            input_bits,
            digit_bits,
        })
    }

    /// Number of input bits.
    pub fn input_bits(&self) -> usize {
        self.input_bits
    }

    /// Bits of one digit.
    pub fn digit_bits(&self) -> usize {
        self.digit_bits
    }

    /// Number of digits.
    pub fn digits(&self) -> usize {
        self.input_bits.div_ceil(self.digit_bits)
    }

    /// Values a digit can have.
    pub fn values(&self) -> usize {
        1 << self.digit_bits
    }

    /// Scalars (and points) of one digit: c, d_0 .. d_(b-1).
    pub fn row(&self) -> usize {
        1 + self.digit_bits
    }

    /// Scalars (and points) of all digits.
    pub fn points(&self) -> usize {
        self.digits() * self.row()
    }

    /// The input wires of a digit; fewer than `digit_bits` in the last one when there is padding.
    pub(crate) fn wires(&self, digit: usize) -> Range<usize> {
        let start = digit * self.digit_bits;
        start..(start + self.digit_bits).min(self.input_bits)
    }

    /// Bytes of one instance's translation table: for each digit and value the masked labels of its wires.
    pub(crate) fn translation_bytes(&self) -> usize {
        self.input_bits * self.values() * 16
    }
}

/// What frees a share of an instance.
#[derive(Clone)]
pub enum Predicate {
    /// The circuit's output bit is false.
    Core,
    /// A valid proof of this statement; the circuit gives the bits of the features of the proof's first point.
    Babe(Arc<Statement>),
}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core => f.write_str("Core"),
            Self::Babe(statement) => f.debug_tuple("Babe").field(&statement.id()).finish(),
        }
    }
}

impl Predicate {
    fn check(&self, program: &Program) -> Result<(), EngineError> {
        let (fits, expected) = match self {
            Self::Core => (program.outputs() == 1, "a predicate with 1 output bit"),
            Self::Babe(_) => (
                (program.inputs(), program.outputs()) == (INPUT_BITS, LABELS),
                "the circuit of the features of a point, 512 input and 1270 output bits",
            ),
        };
        if fits {
            return Ok(());
        }
        let (inputs, outputs) = (program.inputs(), program.outputs());
        let got = format!("{inputs} input and {outputs} output bits");
        Err(EngineError::field("program", expected, got))
    }
}

/// Everything fixed between one garbler and one evaluator, except points and commitments.
#[derive(Debug, Clone)]
pub struct Params {
    pub(crate) setup_id: [u8; 32],
    pub(crate) context: Vec<u8>,
    pub(crate) program: Arc<Program>,
    pub(crate) predicate: Predicate,
    pub(crate) layout: Layout,
    pub(crate) instances: usize,
    pub(crate) kept: usize,
}

/// Bytes of an opening before its head: seed and share.
pub(crate) const OPENING_SOURCE: usize = 32 + 32;
/// Bytes of an opening's proof: two points and a scalar.
pub(crate) const OPENING_PROOF: usize = 33 + 33 + 32;
/// Bytes of a head: hash key, S, table root, translation root, output ciphertext.
const HEAD: usize = 16 + 16 + 32 + 32 + 32;
/// What engine babe adds to it: encoding root, r * delta.
const ENCRYPTED: usize = 32 + CIPHERTEXT_BYTES;

impl Params {
    /// `context` is what the commitments must be bound to besides: graph, terms, profile name. N instances, M of them kept, 0 < M < N.
    pub fn new(
        setup_id: [u8; 32],
        context: Vec<u8>,
        program: Arc<Program>,
        predicate: Predicate,
        instances: usize,
        kept: usize,
        digit_bits: usize,
    ) -> Result<Self, EngineError> {
        predicate.check(&program)?;
        if !(2..=MAX_INSTANCES).contains(&instances) {
            return Err(EngineError::field(
                "instances",
                format!("2 to {MAX_INSTANCES}"),
                instances,
            ));
        }
        if kept == 0 || kept >= instances {
            return Err(EngineError::field(
                "kept",
                format!("1 to {}", instances - 1),
                kept,
            ));
        }
        let layout = Layout::new(program.inputs(), digit_bits)?;
        Ok(Self {
            setup_id,
            context,
            program,
            predicate,
            layout,
            instances,
            kept,
        })
    }

    /// How input bits are cut into digits.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Number of instances, N.
    pub fn instances(&self) -> usize {
        self.instances
    }

    /// Number of kept instances, M.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Bytes of S: the points of all digits, c, d_0 .. d_(b-1) of each.
    pub fn points_bytes(&self) -> usize {
        self.layout.points() * 33
    }

    /// Bytes of F: exactly N - M + 1 coefficients.
    pub fn polynomial_bytes(&self) -> usize {
        threshold(self) * 33
    }

    /// Bytes of one opening.
    pub fn opening_bytes(&self) -> usize {
        OPENING_SOURCE + self.head_bytes() + self.points_bytes() + OPENING_PROOF
    }

    /// Bytes of an instance's head.
    pub(crate) fn head_bytes(&self) -> usize {
        match self.predicate {
            Predicate::Core => HEAD,
            Predicate::Babe(_) => HEAD + ENCRYPTED,
        }
    }

    /// Bytes of an instance's encoding with its offsets.
    pub(crate) fn encoding_bytes(&self) -> usize {
        match self.predicate {
            Predicate::Core => 0,
            Predicate::Babe(_) => ENCODING_BYTES + OFFSETS_BYTES,
        }
    }

    /// Bytes of one kept instance.
    pub fn kept_bytes(&self) -> usize {
        self.head_bytes()
            + self.layout.translation_bytes()
            + self.program.table_bytes()
            + self.encoding_bytes()
    }

    /// Refuses anything but M distinct indices in range, ascending.
    pub(crate) fn check_kept(&self, kept: &[usize]) -> Result<(), EngineError> {
        if kept.len() != self.kept {
            return Err(EngineError::field(
                "kept",
                format!("{} indices", self.kept),
                format!("{} indices", kept.len()),
            ));
        }
        for (n, index) in kept.iter().enumerate() {
            if *index >= self.instances {
                return Err(EngineError::field(
                    "kept",
                    format!("indices below {}", self.instances),
                    index,
                ));
            }
            if n > 0 && kept[n - 1] >= *index {
                return Err(EngineError::field(
                    "kept",
                    "distinct indices in ascending order",
                    format!("{} before {index}", kept[n - 1]),
                ));
            }
        }
        Ok(())
    }

    /// The instances that are not kept, ascending.
    pub(crate) fn opened(&self, kept: &[usize]) -> Vec<usize> {
        let is_opened = |index: &usize| kept.binary_search(index).is_err();
        (0..self.instances).filter(is_opened).collect()
    }
}
