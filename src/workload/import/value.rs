//! A small tree of values with line numbers, shared by the JSON and the YAML reader, and the limits that both keep.
//!
//! Depth is at most [`DEPTH_MAX`], so that plain recursion over a finished tree is safe; building one never recurses
//! further than that.

use std::collections::BTreeMap;

use super::ImportError;

/// Deepest nesting that is read; real files stay below ten.
pub(super) const DEPTH_MAX: usize = 64;
/// Most values in one file, aliases expanded; a long text counts as several.
pub(super) const VALUES_MAX: usize = 200_000;

/// A mapping; a key is there once.
pub(super) type Mapping = BTreeMap<String, Node>;

/// A value and the line that it stands on, where the format tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) line: Option<usize>,
    pub(super) value: Value,
}

/// What a file can say in one place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Real(f64),
    Text(String),
    List(Vec<Node>),
    Map(Mapping),
}

impl Value {
    /// The value in an error message, short and on one line.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(flag) => flag.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Real(number) => format!("{number:?}"),
            Self::Text(text) => format!("\"{}\"", shortened(text)),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a mapping".to_owned(),
        }
    }

    /// Whether it says "not there": nothing, false, zero, or an empty text, list or mapping.
    pub(super) fn is_off(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(flag) => !flag,
            Self::Integer(number) => *number == 0,
            Self::Real(number) => *number == 0.0,
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Map(map) => map.is_empty(),
        }
    }
}

/// At most forty characters of a text from a file, control characters escaped so that a sentence stays one line.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 40;
    let mut shown = String::new();
    for c in text.chars().take(SHOWN_MAX) {
        if c.is_control() {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
    }
    if text.chars().nth(SHOWN_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// Counts values while a tree is built.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { left: VALUES_MAX }
    }

    /// Takes `values` from what is left.
    pub(super) fn take(&mut self, values: usize) -> Result<(), ImportError> {
        self.left = self.left.checked_sub(values).ok_or(ImportError::TooManyValues)?;
        Ok(())
    }

    /// What a text costs: one value, and one more for every 64 bytes.
    pub(super) fn of_text(text: &str) -> usize {
        1 + text.len() / 64
    }
}
