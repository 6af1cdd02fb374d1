//! YAML into the shared tree of values, from the events of `saphyr-parser`, without recursion.
//!
//! Aliases are copied and every copy counts against the same limits, so a bomb of aliases ends as quickly as a long
//! file. Plain scalars mean what `PyYAML` makes of them, since that is what the model zoo is read with; tags other
//! than `!!str` are passed over.

use std::borrow::Cow;
use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::ImportError;
use super::value::{Budget, DEPTH_MAX, Mapping, Node, Value, shortened};

/// Reads one YAML document.
///
/// # Errors
/// What is wrong with its syntax and where, or which limit it breaks.
pub(super) fn read(text: &str) -> Result<Node, ImportError> {
    let mut tree = Tree { open: Vec::new(), root: None, anchors: BTreeMap::new(), budget: Budget::new() };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        tree.event(event, span.start.line())?;
    }
    tree.root.map(|built| built.node).ok_or(ImportError::Empty)
}

fn syntax(error: &ScanError) -> ImportError {
    // The scanner counts brackets in eight bits and says so when they overflow.
    if error.info().contains("recursion limit") {
        return ImportError::TooDeep;
    }
    ImportError::Syntax { format: "YAML", line: error.marker().line(), what: error.info().to_owned() }
}

/// A finished value with what a copy of it would cost.
#[derive(Clone)]
struct Built {
    node: Node,
    values: usize,
    /// Collections on the way to its deepest leaf.
    height: usize,
}

/// A collection that is still being read.
struct Open {
    line: usize,
    anchor: usize,
    values: usize,
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { map: Mapping, key: Option<String> },
}

struct Tree {
    open: Vec<Open>,
    root: Option<Built>,
    anchors: BTreeMap<usize, Built>,
    budget: Budget,
}

impl Tree {
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), ImportError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let values = Budget::of_text(&text);
                self.budget.take(values)?;
                let node = Node { line: Some(line), value: scalar(&text, style, tag.as_ref()) };
                self.place(Built { node, values, height: 0 }, anchor, line)
            }
            Event::SequenceStart(anchor, _) => self.begin(Content::List(Vec::new()), anchor, line),
            Event::MappingStart(anchor, _) => self.begin(Content::Map { map: Mapping::new(), key: None }, anchor, line),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let what = "an alias stands inside what it names".to_owned();
                let inside = ImportError::Syntax { format: "YAML", line, what };
                let built = self.anchors.get(&anchor).ok_or(inside)?;
                if self.open.len() + built.height > DEPTH_MAX {
                    return Err(ImportError::TooDeep);
                }
                self.budget.take(built.values)?;
                let copy = built.clone();
                self.place(copy, 0, line)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                let what = "a second document begins; one is read".to_owned();
                Err(ImportError::Syntax { format: "YAML", line, what })
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn begin(&mut self, content: Content, anchor: usize, line: usize) -> Result<(), ImportError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(ImportError::TooDeep);
        }
        self.budget.take(1)?;
        self.open.push(Open { line, anchor, values: 1, height: 0, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), ImportError> {
        // The parser balances its events, so there is one to end.
        let Some(Open { line, anchor, values, height, content }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(list) => Value::List(list),
            Content::Map { map, .. } => Value::Map(merged(map)),
        };
        let node = Node { line: Some(line), value };
        self.place(Built { node, values, height: height + 1 }, anchor, line)
    }

    /// Puts a finished value into the innermost open collection, or makes it the root.
    fn place(&mut self, built: Built, anchor: usize, line: usize) -> Result<(), ImportError> {
        if anchor != 0 {
            self.budget.take(built.values)?;
            self.anchors.insert(anchor, built.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(built);
            return Ok(());
        };
        parent.values += built.values;
        parent.height = parent.height.max(built.height);
        match &mut parent.content {
            Content::List(list) => list.push(built.node),
            Content::Map { map, key } => {
                if let Some(key) = key.take() {
                    map.insert(key, built.node);
                } else {
                    *key = Some(new_key(map, &built.node.value, line)?);
                }
            }
        }
        Ok(())
    }
}

/// The next key of a mapping, which must be a scalar that is not there yet.
fn new_key(map: &Mapping, value: &Value, line: usize) -> Result<String, ImportError> {
    let Some(name) = key_name(value) else {
        let what = format!("a key is expected to be a word, found {}", value.shown());
        return Err(ImportError::Syntax { format: "YAML", line, what });
    };
    if map.contains_key(&name) {
        return Err(ImportError::Twice { line: Some(line), key: shortened(&name) });
    }
    Ok(name)
}

/// A scalar as the name of a key.
fn key_name(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Null => Some("null".to_owned()),
        Value::Bool(_) | Value::Integer(_) | Value::Real(_) => Some(value.shown()),
        Value::List(_) | Value::Map(_) => None,
    }
}

/// Carries out `<<: *defaults`: keys of the mapping itself win. Moves, so that no value is copied.
fn merged(mut map: Mapping) -> Mapping {
    let Some(source) = map.remove("<<") else { return map };
    let sources = match source.value {
        Value::Map(source) => vec![source],
        Value::List(list) => list
            .into_iter()
            .filter_map(|node| if let Value::Map(source) = node.value { Some(source) } else { None })
            .collect(),
        _ => vec![],
    };
    for (key, node) in sources.into_iter().flatten() {
        map.entry(key).or_insert(node);
    }
    map
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Cow<'_, Tag>>) -> Value {
    let is_text = tag.is_some_and(|tag| tag.suffix == "str");
    if is_text || !matches!(style, ScalarStyle::Plain) {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Value::Bool(false),
        _ => number(text).unwrap_or_else(|| Value::Text(text.to_owned())),
    }
}

/// A number: digits that may be grouped by `_`, or a decimal fraction, or `.inf` and `.nan`.
fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => {
            return Some(Value::Real(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }));
        }
        ".nan" | ".NaN" | ".NAN" => return Some(Value::Real(f64::NAN)),
        _ => {}
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    let unsigned = digits.trim_start_matches(['-', '+']);
    if unsigned.chars().all(|c| c.is_ascii_digit()) {
        // A leading zero means octal to one YAML and decimal to the other: leave it to be refused as a text.
        let octal = unsigned.len() > 1 && unsigned.starts_with('0');
        return if octal { None } else { digits.parse().ok().map(Value::Integer) };
    }
    digits.parse().ok().map(Value::Real)
}
