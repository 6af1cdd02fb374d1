//! Where a model-zoo file keeps its model and its data, in either layout, and what family it is. Judges no sizes.

use super::super::ImportError;
use super::super::value::{Mapping, Node, Value, shortened};

/// The parts of a file that matter, wherever its layout puts them.
pub(super) struct Layout<'a> {
    pub(super) model: &'a Mapping,
    pub(super) model_place: &'static str,
    pub(super) data: Option<&'a Mapping>,
    pub(super) data_place: &'static str,
    /// Where a `sparsity:` section stands beside the model, if there is one.
    pub(super) sparse: Option<&'static str>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Layout<'a> {
    /// Finds model and data sections.
    pub(super) fn find(top: &'a Mapping) -> Result<Self, ImportError> {
        let mut warnings = Vec::new();
        if let Some(trainer) = top.get("trainer") {
            let trainer = one_trainer(trainer, &mut warnings)?;
            let init = section(trainer, "init", "trainer.init")?;
            let model = section(init, "model", "trainer.init.model")?;
            let fit = trainer.get("fit").and_then(as_map);
            let data = fit.and_then(|fit| fit.get("train_dataloader")).and_then(first_map);
            let sparse = is_on(init, "sparsity").then_some("trainer.init.sparsity");
            let (model_place, data_place) = ("trainer.init.model.", "trainer.fit.train_dataloader.");
            return Ok(Self { model, model_place, data, data_place, sparse, warnings });
        }
        let model = section(top, "model", "model")?;
        let data = top.get("train_input").and_then(as_map);
        let sparse = is_on(top, "sparsity").then_some("sparsity");
        Ok(Self { model, model_place: "model.", data, data_place: "train_input.", sparse, warnings })
    }

    /// The family by its name; without a name, by keys that only one of them has, and then with a warning.
    pub(super) fn family(&self) -> Result<(String, Option<String>), ImportError> {
        let Self { model, model_place, .. } = self;
        if let Some(node) = model.get("name") {
            let Value::Text(name) = &node.value else {
                let (key, expected) = (format!("{model_place}name"), "the name of a family".to_owned());
                return Err(ImportError::Value { line: node.line, key, expected, found: node.value.shown() });
            };
            return Ok((shortened(name), None));
        }
        let says = |key: &str, words: &[&str]| {
            model.get(key).is_some_and(|node| words.iter().any(|word| node.value == Value::Text((*word).to_owned())))
        };
        let plain = model.contains_key("nonlinearity") && model.contains_key("hidden_size");
        let guess = if model.contains_key("encoder_nonlinearity") && model.contains_key("mlm_loss_weight") {
            "bert"
        } else if plain && says("nonlinearity", &["swiglu"]) && says("norm_type", &["rmsnorm"]) {
            "llama"
        } else if plain && says("nonlinearity", &super::POINTWISE) && says("position_embedding_type", &["learned"]) {
            "gpt3"
        } else {
            let expected = "the name of a family, which the other keys do not tell";
            return Err(ImportError::Missing { key: format!("{model_place}name"), expected });
        };
        Ok((guess.to_owned(), Some(format!("{model_place}name: missing, taken as {guess} by the other keys"))))
    }
}

/// A run of several trainers is read as its first.
fn one_trainer<'a>(node: &'a Node, warnings: &mut Vec<String>) -> Result<&'a Mapping, ImportError> {
    let first = match &node.value {
        Value::List(list) if !list.is_empty() => {
            if list.len() > 1 {
                warnings.push(format!("trainer: found a list of {}, read the first", list.len()));
            }
            let first = &list[0];
            as_map(first).and_then(|map| map.get("trainer")).unwrap_or(first)
        }
        _ => node,
    };
    as_map(first).ok_or_else(|| no_mapping(first, "trainer"))
}

fn section<'a>(map: &'a Mapping, key: &str, full: &str) -> Result<&'a Mapping, ImportError> {
    let Some(node) = map.get(key) else {
        return Err(ImportError::Missing { key: full.to_owned(), expected: "a mapping" });
    };
    as_map(node).ok_or_else(|| no_mapping(node, full))
}

fn no_mapping(node: &Node, key: &str) -> ImportError {
    let (key, expected) = (key.to_owned(), "a mapping".to_owned());
    ImportError::Value { line: node.line, key, expected, found: node.value.shown() }
}

fn is_on(map: &Mapping, key: &str) -> bool {
    map.get(key).is_some_and(|node| !node.value.is_off())
}

/// The node as a mapping, if it is one.
pub(super) fn as_map(node: &Node) -> Option<&Mapping> {
    if let Value::Map(map) = &node.value { Some(map) } else { None }
}

fn first_map(node: &Node) -> Option<&Mapping> {
    match &node.value {
        Value::List(list) => list.first().and_then(as_map),
        _ => as_map(node),
    }
}
