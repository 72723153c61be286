//! JSON of whole numbers, texts, lists and objects, with the path of what is wrong.
//!
//! Promises that a key given twice, a fraction, NaN, `null`, `true`, deep nesting and anything after the end are refused.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use crate::fault::{Result, fault, shown};
use crate::limits::DEPTH;

/// A value.
#[derive(Debug)]
pub enum Node {
    Number(u64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// Reads one value; nothing may follow.
pub fn parse(what: &str, raw: &[u8]) -> Result<Node> {
    let mut reader = serde_json::Deserializer::from_slice(raw);
    let node = Level(DEPTH)
        .deserialize(&mut reader)
        .and_then(|node| reader.end().map(|()| node));
    node.map_err(|error| fault(what, "JSON of this kind", shown_error(&error)))
}

fn shown_error(error: &serde_json::Error) -> String {
    // serde_json quotes foreign text only where this module's own refusals do, cut.
    error.to_string()
}

/// How many levels may still open.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn below<E: Error>(self) -> std::result::Result<Self, E> {
        let deeper = self.0.checked_sub(1).map(Self);
        deeper.ok_or_else(|| E::custom(format_args!("more than {DEPTH} levels")))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        reader: D,
    ) -> std::result::Result<Node, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Node;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a text, a whole number, a list or an object")
    }

    fn visit_u64<E: Error>(self, number: u64) -> std::result::Result<Node, E> {
        Ok(Node::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> std::result::Result<Node, E> {
        Ok(Node::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Node, A::Error> {
        let (inner, mut nodes) = (self.below()?, Vec::new());
        while let Some(node) = list.next_element_seed(inner)? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Node, A::Error> {
        let (inner, mut fields) = (self.below()?, Vec::<(String, Node)>::new());
        while let Some(name) = map.next_key::<String>()? {
            if fields.iter().any(|(known, _)| *known == name) {
                let name = shown(&name);
                return Err(A::Error::custom(format_args!(
                    "the key {name} a second time"
                )));
            }
            // The honest objects have at most nine fields: this also bounds the search above.
            if fields.len() == 16 {
                return Err(A::Error::custom("more than 16 keys"));
            }
            fields.push((name, map.next_value_seed(inner)?));
        }
        Ok(Node::Object(fields))
    }
}

impl Node {
    fn kind(&self) -> String {
        match self {
            Self::Number(number) => format!("the number {number}"),
            Self::Text(text) => format!("the text \"{}\"", shown(text)),
            Self::List(list) => format!("a list of {}", list.len()),
            Self::Object(_) => "an object".into(),
        }
    }

    /// The text, or a refusal that names the field.
    pub fn text(&self, field: &dyn fmt::Display) -> Result<&str> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(fault(field, "a text of decimal digits", other.kind())),
        }
    }

    /// The number.
    pub fn number(&self, field: &dyn fmt::Display) -> Result<u64> {
        match self {
            Self::Number(number) => Ok(*number),
            other => Err(fault(field, "a whole number", other.kind())),
        }
    }

    /// The list.
    pub fn list(&self, field: &dyn fmt::Display) -> Result<&[Node]> {
        match self {
            Self::List(list) => Ok(list),
            other => Err(fault(field, "a list", other.kind())),
        }
    }

    /// The list of exactly so many.
    pub fn array<const N: usize>(&self, field: &dyn fmt::Display) -> Result<&[Node; N]> {
        let list = self.list(field)?;
        list.try_into()
            .map_err(|_| fault(field, format_args!("a list of {N}"), self.kind()))
    }

    /// The fields of an object whose keys are all known.
    pub fn object<'a>(&'a self, what: &'a str, known: &[&str]) -> Result<Fields<'a>> {
        match self {
            Self::Object(fields) => {
                match fields
                    .iter()
                    .find(|(name, _)| !known.contains(&name.as_str()))
                {
                    None => Ok(Fields { what, fields }),
                    Some((name, _)) => Err(fault(
                        what,
                        format_args!("only the keys {}", known.join(", ")),
                        format_args!("the key \"{}\"", shown(name)),
                    )),
                }
            }
            other => Err(fault(what, "an object", other.kind())),
        }
    }
}

/// The fields of an object.
pub struct Fields<'a> {
    what: &'a str,
    fields: &'a [(String, Node)],
}

impl<'a> Fields<'a> {
    /// The field, if it is there.
    pub fn get(&self, name: &str) -> Option<&'a Node> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, node)| node)
    }

    /// The field, or a refusal.
    pub fn need(&self, name: &str) -> Result<&'a Node> {
        self.get(name)
            .ok_or_else(|| fault(self.what, format_args!("the key {name}"), "none"))
    }
}
