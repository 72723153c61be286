//! Where labels live while a program runs, and which instructions run it.

use zeroize::Zeroize;

use crate::GarbleError;

/// Numbers of instances that run in lockstep, widest first. Any number of instances is split into these.
pub const WIDTHS: [usize; 4] = [16, 8, 4, 1];

/// Which instructions hash the gates. All paths give the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// Plain Rust, on every machine; its block cipher still uses what the processor has.
    Portable,
    /// AES instructions on 128-bit registers.
    Aes,
    /// AES instructions on 512-bit registers (widths of four and more; one lane runs as [`Path::Aes`]).
    Vaes,
}

impl Path {
    /// Every path, fastest first.
    pub const ALL: [Path; 3] = [Path::Vaes, Path::Aes, Path::Portable];

    /// The fastest path of this processor.
    pub fn best() -> Self {
        Self::ALL
            .into_iter()
            .find(|path| path.is_available())
            .unwrap_or(Path::Portable)
    }

    /// Whether this processor has the instructions.
    pub fn is_available(self) -> bool {
        match self {
            Path::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Path::Aes => std::arch::is_x86_feature_detected!("aes"),
            #[cfg(target_arch = "x86_64")]
            Path::Vaes => {
                std::arch::is_x86_feature_detected!("aes")
                    && std::arch::is_x86_feature_detected!("vaes")
                    && std::arch::is_x86_feature_detected!("avx512f")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Path::Aes | Path::Vaes => false,
        }
    }

    /// The name: `portable`, `aes` or `vaes`.
    pub fn name(self) -> &'static str {
        match self {
            Path::Portable => "portable",
            Path::Aes => "aes",
            Path::Vaes => "vaes",
        }
    }

    pub(crate) fn require(self) -> Result<(), GarbleError> {
        if self.is_available() {
            return Ok(());
        }
        Err(GarbleError::Path(self.name()))
    }
}

/// Labels, lanes side by side: label of `slot` in `lane` stands at `slot * K + lane`. Starts on a cache line, wiped on drop.
pub(crate) struct Frame {
    words: Vec<u128>,
    start: usize,
    length: usize,
}

impl Frame {
    pub(crate) fn new(length: usize) -> Self {
        let words = vec![0u128; length + 3];
        let start = words.as_ptr().align_offset(64).min(3);
        Self {
            words,
            start,
            length,
        }
    }

    pub(crate) fn labels(&self) -> &[u128] {
        &self.words[self.start..self.start + self.length]
    }

    pub(crate) fn labels_mut(&mut self) -> &mut [u128] {
        &mut self.words[self.start..self.start + self.length]
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.words.zeroize();
    }
}
