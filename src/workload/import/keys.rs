//! One mapping of a model file, asked key by key. What nobody asked for is a warning that names the key, or a refusal
//! if its name says that the model has parts which no reader here counts.

use std::collections::BTreeSet;

use super::ImportError;
use super::value::{Mapping, Node, Value, shortened};

/// Parts of key names that stand for parts of a model which would change its count: experts, low-rank projections,
/// images, adapters, cross-attention, several token predictions.
const UNCOUNTED_PARTS: [&str; 13] = [
    "expert",
    "moe",
    "lora",
    "vision",
    "image",
    "audio",
    "adapter",
    "cross_attention",
    "nextn",
    "mtp",
    "memory_token",
    "mamba",
    "ssm",
];

/// A mapping, what was asked of it, and what there is to say about it.
pub(super) struct Keys<'a> {
    map: &'a Mapping,
    /// Where the mapping stands in the file, with a trailing point: `trainer.init.model.`
    place: String,
    family: String,
    asked: BTreeSet<&'a str>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(map: &'a Mapping, place: &str, family: &str) -> Self {
        Self { map, place: place.to_owned(), family: family.to_owned(), asked: BTreeSet::new(), warnings: Vec::new() }
    }

    /// The value of a key, if the file has the key at all.
    pub(super) fn node(&mut self, key: &str) -> Option<&'a Node> {
        let (key, node) = self.map.get_key_value(key)?;
        self.asked.insert(key);
        Some(node)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// A whole number from 1 to `max` that the file must give.
    pub(super) fn size(&mut self, key: &str, max: u64) -> Result<u64, ImportError> {
        let Some(node) = self.node(key) else {
            let expected = "a positive whole number";
            return Err(ImportError::Missing { key: self.full(key), expected });
        };
        self.whole(key, node, max)
    }

    /// Like [`Self::size`]; a key that is not there takes the published default of the family, with a warning.
    pub(super) fn size_or(&mut self, key: &str, max: u64, default: u64) -> Result<u64, ImportError> {
        if !self.has(key) {
            self.assumed(key, &default.to_string());
            return Ok(default);
        }
        self.size(key, max)
    }

    /// A whole number that a file may leave out or leave empty without a word.
    pub(super) fn size_if_given(&mut self, key: &str, max: u64) -> Result<Option<u64>, ImportError> {
        match self.node(key) {
            None => Ok(None),
            Some(node) if node.value == Value::Null => Ok(None),
            Some(node) => self.whole(key, node, max).map(Some),
        }
    }

    /// A switch; a key that is not there takes the default of the family, with a warning.
    pub(super) fn flag_or(&mut self, key: &str, default: bool) -> Result<bool, ImportError> {
        if !self.has(key) {
            self.assumed(key, &default.to_string());
        }
        self.flag_if_given(key, default)
    }

    /// A switch that a file may leave out or leave empty without a word.
    pub(super) fn flag_if_given(&mut self, key: &str, default: bool) -> Result<bool, ImportError> {
        match self.node(key) {
            None => Ok(default),
            Some(node) => match node.value {
                Value::Bool(flag) => Ok(flag),
                Value::Null => Ok(default),
                _ => Err(self.wrong(key, node, "true or false")),
            },
        }
    }

    /// A word that a file may leave out or leave empty.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<&'a str>, ImportError> {
        match self.node(key) {
            None => Ok(None),
            Some(node) => match &node.value {
                Value::Text(text) => Ok(Some(text)),
                Value::Null => Ok(None),
                _ => Err(self.wrong(key, node, "a text")),
            },
        }
    }

    /// Refuses the file if the key is there and says anything but `allowed` (or nothing).
    pub(super) fn only(&mut self, key: &str, allowed: bool) -> Result<(), ImportError> {
        let Some(node) = self.node(key) else { return Ok(()) };
        let fits = if allowed { node.value == Value::Bool(true) } else { node.value.is_off() };
        if fits || node.value == Value::Null { Ok(()) } else { Err(self.uncounted(key, node)) }
    }

    /// Passes over keys that change neither shape nor cost.
    pub(super) fn ignore(&mut self, keys: &[&str]) {
        for key in keys {
            self.node(key);
        }
    }

    /// Passes over a key whose effect on the cost, not on the count, is left out, and says so unless it is off.
    pub(super) fn left_out(&mut self, key: &str, consequence: &str) {
        if self.node(key).is_some_and(|node| !node.value.is_off()) {
            let key = self.full(key);
            self.warnings.push(format!("{key}: {consequence}"));
        }
    }

    /// Ends the questions: what was not asked for is a warning, or a refusal.
    pub(super) fn finish(self) -> Result<Vec<String>, ImportError> {
        let mut warnings = self.warnings.clone();
        for (key, node) in self.map.iter().filter(|(key, _)| !self.asked.contains(key.as_str())) {
            let lower = key.to_lowercase();
            let alarming = UNCOUNTED_PARTS.iter().any(|part| lower.contains(part));
            if alarming && !node.value.is_off() {
                return Err(self.uncounted(key, node));
            }
            if !node.value.is_off() || !alarming {
                let key = self.full(key);
                warnings.push(format!("{key}: not understood and passed over, found {}", node.value.shown()));
            }
        }
        Ok(warnings)
    }

    /// An error about the value of a key.
    pub(super) fn wrong(&self, key: &str, node: &Node, expected: &str) -> ImportError {
        let expected = expected.to_owned();
        ImportError::Value { line: node.line, key: self.full(key), expected, found: node.value.shown() }
    }

    /// A refusal: the value changes the model in a way that is not counted for this family.
    pub(super) fn uncounted(&self, key: &str, node: &Node) -> ImportError {
        let family = self.family.clone();
        ImportError::Uncounted { line: node.line, key: self.full(key), family, found: node.value.shown() }
    }

    /// A warning that a key is not there and what stands in for it.
    pub(super) fn assumed(&mut self, key: &str, default: &str) {
        let (key, family) = (self.full(key), &self.family);
        self.warnings.push(format!("{key}: missing, taken as {default}, the default of {family}"));
    }

    /// The family that the mapping belongs to.
    pub(super) fn family(&self) -> &str {
        &self.family
    }

    /// The key with its place.
    pub(super) fn full(&self, key: &str) -> String {
        format!("{}{}", self.place, shortened(key))
    }

    fn whole(&self, key: &str, node: &Node, max: u64) -> Result<u64, ImportError> {
        match node.value {
            Value::Integer(number) if (1..=i128::from(max)).contains(&number) => Ok(number as u64),
            Value::Integer(number) if number > 0 => {
                Err(self.wrong(key, node, &format!("a whole number of at most {max}")))
            }
            _ => Err(self.wrong(key, node, "a positive whole number")),
        }
    }
}
