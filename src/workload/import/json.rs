//! JSON into the shared tree of values, through `serde_json`, with our limits on depth and size.

use std::cell::RefCell;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::ImportError;
use super::value::{Budget, DEPTH_MAX, Mapping, Node, Value, shortened};

/// Reads one JSON document.
///
/// # Errors
/// What is wrong with its syntax and where, or which limit it breaks.
pub(super) fn read(text: &str) -> Result<Node, ImportError> {
    let text = quote_python_constants(text);
    let state = State { budget: RefCell::new(Budget::new()), broken: RefCell::new(None) };
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let seed = Seed { state: &state, depth: 0 };
    let result = seed.deserialize(&mut deserializer).and_then(|node| deserializer.end().map(|()| node));
    result.map_err(|error| {
        let limit = state.broken.into_inner();
        limit.unwrap_or_else(|| ImportError::Syntax { format: "JSON", line: error.line(), what: what(&error) })
    })
}

/// The parser's own words without its place, which the sentence around them gives.
fn what(error: &serde_json::Error) -> String {
    let words = error.to_string();
    words.split(" at line ").next().unwrap_or(&words).to_owned()
}

/// Puts quotes around the `NaN` and `Infinity` that Python writes into JSON, so that a file which has them where they
/// do not matter can still be read, and one which has them where they do gets a sentence with its key.
fn quote_python_constants(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains("NaN") && !text.contains("Infinity") {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        let constant = ["NaN", "Infinity", "-Infinity"].into_iter().find(|constant| rest.starts_with(constant));
        let length = match constant {
            Some(constant) if !in_string => {
                out.extend(["\"", constant, "\""]);
                rest = &rest[constant.len()..];
                continue;
            }
            // The escaped character, which may be a quote, goes with its backslash.
            _ if in_string && c == '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            _ => c.len_utf8(),
        };
        in_string ^= c == '"';
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out.into()
}

/// What all seeds of one document share.
struct State {
    budget: RefCell<Budget>,
    /// The limit or rule that was broken, if that is what ended the reading.
    broken: RefCell<Option<ImportError>>,
}

impl State {
    fn fail<E: Error>(&self, error: ImportError) -> E {
        let words = E::custom(&error);
        self.broken.replace(Some(error));
        words
    }

    fn take<E: Error>(&self, values: usize) -> Result<(), E> {
        let taken = self.budget.borrow_mut().take(values);
        taken.map_err(|error| self.fail(error))
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    state: &'a State,
    depth: usize,
}

impl Seed<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            Err(self.state.fail(ImportError::TooDeep))
        } else {
            Ok(Self { depth: self.depth + 1, ..self })
        }
    }

    fn leaf<E: Error>(self, value: Value) -> Result<Node, E> {
        self.state.take(1)?;
        Ok(Node { line: None, value })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        self.leaf(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        self.leaf(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        self.leaf(Value::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        self.leaf(Value::Integer(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        self.leaf(Value::Real(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        self.state.take(Budget::of_text(value))?;
        Ok(Node { line: None, value: Value::Text(value.to_owned()) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let inner = self.deeper()?;
        self.state.take(1)?;
        let mut list = Vec::new();
        while let Some(node) = access.next_element_seed(inner)? {
            list.push(node);
        }
        Ok(Node { line: None, value: Value::List(list) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let inner = self.deeper()?;
        self.state.take(1)?;
        let mut map = Mapping::new();
        while let Some(key) = access.next_key::<String>()? {
            self.state.take(Budget::of_text(&key))?;
            let node = access.next_value_seed(inner)?;
            if map.contains_key(&key) {
                return Err(self.state.fail(ImportError::Twice { line: None, key: shortened(&key) }));
            }
            map.insert(key, node);
        }
        Ok(Node { line: None, value: Value::Map(map) })
    }
}
