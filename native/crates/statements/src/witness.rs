//! The JSON of witnesses: what the ledger writes down for the constraints.
//!
//! Promises that the form is exact: every field there once, none unknown, text of the stated length, ids below r (serde also
//! takes a list of a struct's values in order: no witness has two meanings by it). Does NOT judge values: an integer may
//! be too large for its field, and the constraints then answer `range`.

use ark_bn254::Fr;
use groth16::{Groth16Error, Result, fault, shown};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use crate::field;

/// Levels of the tree of positions, of four branches each.
pub const LEVELS: usize = 14;
/// Slots of a vault.
pub const SLOTS: usize = 8;

/// Bytes of JSON beside the steps: the rules, the globals, and the signatures of an outcome.
const BASE_BYTES: usize = 32 << 10;
/// Bytes of JSON of one step: 42 siblings, 8 records and the fields take 5 KiB.
const STEP_BYTES: usize = 16 << 10;

/// Reads a witness with at most `steps` steps.
pub fn parse<T: DeserializeOwned>(raw: &[u8], steps: usize) -> Result<T> {
    let most = BASE_BYTES + steps * STEP_BYTES;
    if raw.len() > most {
        let expected = format_args!("at most {most} bytes of JSON");
        return Err(fault("witness", expected, raw.len()));
    }
    let mut reader = serde_json::Deserializer::from_slice(raw);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let text = error.inner().to_string();
        malformed(&error.path().to_string(), &text)
    })?;
    (reader.end()).map_err(|error| malformed("witness", &error.to_string()))?;
    Ok(value)
}

fn malformed(field: &str, text: &str) -> Groth16Error {
    // The library writes "." for the whole and "?" for a place without a name.
    let field = field.trim_end_matches(['?', '.']);
    let field = if field.is_empty() { "witness" } else { field };
    fault(field, "the form of docs/ledger.md", shown(text))
}

/// 32 bytes, written as 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bytes32(pub [u8; 32]);

/// A field element below r, written as 64 lower-case hex digits, big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Element(pub Fr);

/// An integer below 2^128, written as decimal text without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decimal(pub u128);

/// N bytes of a text of 2 N lower-case hex digits.
pub(crate) fn hexadecimal<'de, const N: usize, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<[u8; N], D::Error> {
    let text = String::deserialize(from)?;
    let mut bytes = [0; N];
    let lower = !text.bytes().any(|letter| letter.is_ascii_uppercase());
    if !lower || hex::decode_to_slice(&text, &mut bytes).is_err() {
        let digits = 2 * N;
        return Err(D::Error::custom(format_args!(
            "not {digits} lower-case hex digits"
        )));
    }
    Ok(bytes)
}

impl<'de> Deserialize<'de> for Bytes32 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        hexadecimal(from).map(Self)
    }
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let Bytes32(bytes) = Bytes32::deserialize(from)?;
        let number = field::read(&bytes).ok_or_else(|| D::Error::custom("not below r"))?;
        Ok(Self(number))
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let number = text.parse().ok().filter(|n: &u128| n.to_string() == text);
        (number.map(Self)).ok_or_else(|| D::Error::custom("not a decimal number below 2^128"))
    }
}

impl From<Decimal> for Fr {
    fn from(read: Decimal) -> Self {
        Self::from(read.0)
    }
}

/// The siblings on the way from a leaf to the root: three a level, from the leaves up, the own digit left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(pub [[Element; 3]; LEVELS]);

impl<'de> Deserialize<'de> for Path {
    /// No level at all stands for zeros: the path of a step without a vault.
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let levels = Vec::<[Element; 3]>::deserialize(from)?;
        if levels.is_empty() {
            return Ok(Self::default());
        }
        (levels.try_into().map(Self)).map_err(|_| D::Error::custom("not 0 or 14 levels"))
    }
}

/// The rules of a ledger, fixed by its genesis: basis points, blocks, seconds, and index units a block (`rate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Rules {
    pub version: u64,
    pub max_ltv: u64,
    pub margin_call: u64,
    pub liquidation: u64,
    pub fast: u64,
    pub bonus: u64,
    pub target_health: u64,
    pub grace: u64,
    pub max_price_age: u64,
    pub max_price_lead: u64,
    pub rate: u64,
    pub tender_window: u64,
    pub settle_window: u64,
}

/// What a ledger knows beside its positions, and the two roots over positions and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Globals {
    pub height: u64,
    pub time: u64,
    pub price: u64,
    pub price_time: u64,
    pub marks: u64,
    pub seq: u64,
    pub index: Decimal,
    pub cash: u64,
    pub principal: u64,
    pub tree: Element,
    pub log: Element,
}

/// The loan of one vault; `open` has bit i for slot i, `tender_slot` is the slot plus 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Position {
    pub sats: [u64; SLOTS],
    pub open: u64,
    pub principal: u64,
    pub nonce: u64,
    pub opened: u64,
    pub maturity: u64,
    pub last_record: u64,
    pub version: u64,
    pub index_open: Decimal,
    pub tender_slot: u64,
    pub tender_cents: u64,
    pub tender_height: u64,
    pub mark: u64,
    pub owner: Element,
    pub lender: Element,
}

/// The terminal record of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Record {
    pub claimant: Element,
    pub template: Element,
    pub outcome: u64,
    pub continued: u64,
    pub settled: u64,
    pub height: u64,
    pub price_time: u64,
    pub time: u64,
    pub seq: u64,
    pub sats: u64,
    pub collateral: u64,
    pub price: u64,
    pub debt: u64,
    pub paid: u64,
    pub surplus: u64,
}

/// One event of the log; what its kind does not use is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Event {
    pub kind: u64,
    pub slot: u64,
    pub how: u64,
    pub nonce: u64,
    pub height: u64,
    pub time: u64,
    pub price: u64,
    pub price_time: u64,
    pub cents: u64,
    pub maturity: u64,
    pub last_record: u64,
    pub version: u64,
    pub sats: [u64; SLOTS],
    pub vault: Bytes32,
    pub party: Element,
    pub lender: Element,
    pub template: Element,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(version: &str) -> String {
        let others = [
            "max_ltv",
            "margin_call",
            "liquidation",
            "fast",
            "bonus",
            "target_health",
            "grace",
            "max_price_age",
            "max_price_lead",
            "rate",
            "tender_window",
            "settle_window",
        ];
        let fields: String = others.iter().map(|name| format!(",\"{name}\":7")).collect();
        format!("{{\"version\":{version}{fields}}}")
    }

    fn refused<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> Groth16Error {
        parse::<T>(json.as_bytes(), 0).unwrap_err()
    }

    #[test]
    fn rules_are_read_whole() {
        let read: Rules = parse(rules("70000").as_bytes(), 0).unwrap();
        assert_eq!((read.version, read.settle_window), (70000, 7));
    }

    #[test]
    fn what_is_malformed_is_named() {
        assert_eq!(refused::<Rules>(&rules("-1")).field, "version");
        assert_eq!(refused::<Rules>(&rules("\"1\"")).field, "version");
        assert_eq!(refused::<Rules>(&rules("1.5")).field, "version");
        assert_eq!(refused::<Rules>(&rules("1,\"more\":1")).field, "more");
        let twice = refused::<Rules>(&rules("1,\"version\":1"));
        assert!(twice.got.contains("duplicate field `version`"), "{twice}");
        let missing = refused::<Rules>(&rules("1").replace(",\"rate\":7", ""));
        assert!(missing.got.contains("missing field `rate`"), "{missing}");
        for outside in [rules("1") + " {}", "{".into(), "".into(), "7".into()] {
            assert_eq!(refused::<Rules>(&outside).field, "witness");
        }
    }

    #[test]
    fn text_is_exact() {
        let digits = "0".repeat(62);
        assert_eq!(
            parse::<Element>(format!("\"{digits}0a\"").as_bytes(), 0).unwrap(),
            Element(Fr::from(10))
        );
        for wrong in ["0A", "0", "0ag", "0a0"] {
            refused::<Bytes32>(&format!("\"{digits}{wrong}\""));
        }
        refused::<Element>(&format!("\"{}\"", "f".repeat(64)));
        let largest = format!("\"{}\"", u128::MAX);
        assert_eq!(
            parse::<Decimal>(largest.as_bytes(), 0).unwrap().0,
            u128::MAX
        );
        for wrong in ["\"01\"", "\"+1\"", "\"\"", "\"-1\"", "1"] {
            refused::<Decimal>(wrong);
        }
    }

    #[test]
    fn a_path_has_every_level_or_none() {
        let zero = format!("\"{}\"", "0".repeat(64));
        let level = format!("[{zero},{zero},{zero}]");
        let of = |levels: usize| format!("[{}]", vec![level.clone(); levels].join(","));
        assert_eq!(parse::<Path>(b"[]", 0).unwrap(), Path::default());
        assert_eq!(
            parse::<Path>(of(14).as_bytes(), 0).unwrap(),
            Path::default()
        );
        refused::<Path>(&of(13));
        refused::<Path>(&of(15));
    }

    #[test]
    fn more_bytes_than_a_witness_needs_are_refused_unread() {
        let spaces = " ".repeat(BASE_BYTES + 1);
        assert_eq!(refused::<Rules>(&spaces).got, (BASE_BYTES + 1).to_string());
    }
}
