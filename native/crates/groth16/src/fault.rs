//! What is wrong with bytes or arguments, and the guard that turns a panic into such an error.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A refusal: the text is always "FIELD: expected EXPECTED, got GOT".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}, got {got}")]
pub struct Groth16Error {
    /// Which part is wrong, such as `IC[3].x`.
    pub field: String,
    /// What belongs there.
    pub expected: String,
    /// What stands there.
    pub got: String,
}

/// What every function of this crate that can refuse returns.
pub type Result<T> = std::result::Result<T, Groth16Error>;

/// A refusal of one field.
pub fn fault(field: impl Display, expected: impl Display, got: impl Display) -> Groth16Error {
    Groth16Error {
        field: field.to_string(),
        expected: expected.to_string(),
        got: got.to_string(),
    }
}

/// At most 48 characters of foreign text, on one line, for an error message.
pub fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(48).flat_map(char::escape_debug).collect();
    if text.chars().nth(48).is_some() {
        short.push_str("...");
    }
    short
}

/// Runs the work; a panic in it (a bug of ours or of a library) becomes an error instead of crossing the boundary.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // What the closure may leave half done is dropped with it: nothing shared is written by this crate.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a text".into());
        Err(fault("native code", "no panic", shown(&text)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let index = std::hint::black_box(7);
        let refused = guarded(|| Ok([1u8, 2][index])).unwrap_err();
        assert_eq!(refused.field, "native code");
        assert!(refused.got.starts_with("index out of bounds"));
    }

    #[test]
    fn a_panic_on_another_thread_becomes_an_error() {
        let divisor = std::hint::black_box(0u32);
        let refused = guarded(|| Ok((0..4u32).into_par_iter().map(|n| n / divisor).sum::<u32>()));
        assert_eq!(refused.unwrap_err().expected, "no panic");
    }

    #[test]
    fn results_and_refusals_pass_unchanged() {
        assert_eq!(guarded(|| Ok(5)), Ok(5));
        let refusal = fault("pi_a", "a point", "nothing");
        assert_eq!(guarded(|| Err::<(), _>(refusal.clone())), Err(refusal));
    }

    #[test]
    fn foreign_text_is_cut_and_escaped() {
        assert_eq!(shown("a\n\u{1b}"), "a\\n\\u{1b}");
        assert_eq!(shown(&"9".repeat(1000)).len(), 51);
    }
}
