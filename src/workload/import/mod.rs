//! Readers of model files: bytes in, an operator graph and what there is to say about it out.
//!
//! The format is told by the content, never by a name. A key that a reader does not understand is a warning that names
//! it; a family that it does not support is refused by name; what would make the count wrong is refused with its key.
//! Readers open no files and never panic, recurse or allocate without a bound, whatever the bytes are.

mod bounds;
pub mod graph_text;
mod hugging_face;
mod json;
mod kernel_graph;
mod keys;
pub mod kgraph;
mod model_zoo;
pub mod onnx;
mod value;
mod yaml;

#[cfg(test)]
mod tests;

use std::io::Read as _;

use thiserror::Error;

use super::graph::Graph;
use super::transformer::{ShapeError, TransformerShape};
use value::{Mapping, Value};

/// Largest text that is read; real files have a few kilobytes.
pub const BYTES_MAX: usize = 16 << 20;

/// A format of model files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `config.json` of the transformers library.
    HuggingFace,
    /// Parameter file of the Cerebras model zoo.
    ModelZoo,
    /// ONNX, of which shapes are read and weights are not.
    Onnx,
    /// `.kgraph` of the ISPD 2020 placement benchmark.
    KernelGraph,
    /// A graph as a scenario carries it.
    Graph,
}

impl Format {
    /// The word for it in machine-readable output.
    pub fn word(self) -> &'static str {
        match self {
            Self::HuggingFace => "hugging-face",
            Self::ModelZoo => "model-zoo",
            Self::Onnx => "onnx",
            Self::KernelGraph => "kgraph",
            Self::Graph => "waferscope-graph",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::HuggingFace => "Hugging Face config.json",
            Self::ModelZoo => "Cerebras model zoo YAML",
            Self::Onnx => "ONNX graph",
            Self::KernelGraph => "ISPD 2020 kernel graph",
            Self::Graph => "Waferscope graph",
        }
    }
}

/// A model that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub format: Format,
    pub graph: Graph,
}

impl Imported {
    /// Family as its reader calls it.
    pub fn family(&self) -> &str {
        &self.graph.family
    }

    /// What exactly was counted.
    pub fn class(&self) -> &str {
        &self.graph.class
    }

    /// Trained parameters, tied ones once.
    pub fn parameters(&self) -> u64 {
        self.graph.parameters()
    }

    /// Transformer blocks.
    pub fn layers(&self) -> u32 {
        self.graph.blocks
    }

    /// Operations of one forward pass for one token, or for one sample if the graph counts by those.
    pub fn forward_flops_per_token(&self) -> u64 {
        self.graph.forward_flops_per_token()
    }

    /// What the reader did not understand or had to assume.
    pub fn warnings(&self) -> &[String] {
        &self.graph.warnings
    }
}

/// Why a file was not read: one sentence with the place, what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImportError {
    #[error("expected a model file, found an empty one")]
    Empty,
    #[error("expected a text of at most 16 MiB, found {bytes} bytes")]
    TooLarge { bytes: usize },
    #[error("expected a text, found a binary file (byte {offset} is no text)")]
    Binary { offset: usize },
    #[error("expected values nested at most 64 deep, found deeper ones")]
    TooDeep,
    #[error("expected at most 200 000 values (aliases expanded, a long text counted as several), found more")]
    TooManyValues,
    #[error("line {line}: expected {format}, found a mistake in it: {what}")]
    Syntax { format: &'static str, line: usize, what: String },
    #[error("{}{key}: expected once, found twice in the same mapping", place(*.line))]
    Twice { line: Option<usize>, key: String },
    #[error("expected a mapping of keys at the top, found {found}")]
    NoMapping { found: String },
    #[error("expected \"model_type\" (Hugging Face), \"model:\" or \"trainer:\" (model zoo) at the top, found {found}")]
    NoModel { found: String },
    #[error("{key}: expected {expected}, found nothing")]
    Missing { key: String, expected: &'static str },
    #[error("{}{key}: expected {expected}, found {found}", place(*.line))]
    Value { line: Option<usize>, key: String, expected: String, found: String },
    #[error("{}{key}: found {found}, with which Waferscope cannot count a {family} exactly", place(*.line))]
    Uncounted { line: Option<usize>, key: String, family: String, found: String },
    #[error("\"{family}\" is a family that Waferscope does not read yet")]
    UnsupportedFamily { family: String },
    #[error("expected a file that can be read, found that it cannot: {why}")]
    Unreadable { why: String },
    #[error("{place}: expected {expected}, found {found}")]
    Onnx { place: String, expected: String, found: String },
    #[error("{place}: expected {expected}, found {found}")]
    Kernels { place: String, expected: String, found: String },
    #[error("{0}")]
    Kgraph(#[from] kgraph::KgraphError),
    #[error("{0}")]
    Shape(#[from] ShapeError),
}

/// The beginning of a sentence about a line, where the format tells lines.
fn place(line: Option<usize>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}

/// Reads a model file of any supported format.
///
/// # Errors
/// One sentence that says why it cannot be read.
pub fn read(bytes: &[u8]) -> Result<Imported, ImportError> {
    if onnx::looks_like_onnx(bytes) {
        return onnx::read(&mut std::io::Cursor::new(bytes), onnx::Unknown::default()).map(in_bounds);
    }
    read_text(text(bytes)?).map(in_bounds)
}

fn read_text(text: &str) -> Result<Imported, ImportError> {
    if kgraph::looks_like_kgraph(text) {
        return Ok(Imported {
            format: Format::KernelGraph,
            graph: kernel_graph::graph(&kgraph::read(text.as_bytes())?)?,
        });
    }
    let top = match text.trim_start().chars().next() {
        None => return Err(ImportError::Empty),
        Some('{') => json::read(text)?,
        Some('[') => return Err(ImportError::NoMapping { found: "a list".to_owned() }),
        Some(_) => yaml::read(text)?,
    };
    let Value::Map(map) = top.value else {
        return Err(ImportError::NoMapping { found: top.value.shown() });
    };
    if map.contains_key(graph_text::KEY) {
        return Ok(Imported { format: Format::Graph, graph: graph_text::read(&map)? });
    }
    let (format, shape) = read_shape(&map)?;
    Ok(Imported { format, graph: shape.graph()? })
}

/// Reads a model file of any supported format from a reader: of an ONNX file the graph alone, of others all.
///
/// # Errors
/// One sentence that says why it cannot be read.
pub fn read_from(reader: &mut dyn onnx::ReadSeek, unknown: onnx::Unknown) -> Result<Imported, ImportError> {
    let failed = |error: std::io::Error| ImportError::Unreadable { why: error.to_string() };
    let mut start = Vec::new();
    (&mut *reader).take(1).read_to_end(&mut start).map_err(failed)?;
    reader.rewind().map_err(failed)?;
    if onnx::looks_like_onnx(&start) {
        return onnx::read(reader, unknown).map(in_bounds);
    }
    let mut bytes = Vec::new();
    (&mut *reader).take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    read(&bytes)
}

/// Longest name of a model or an operator, longest warning, in characters.
const WORDS_MAX: usize = 240;
/// Most warnings that are shown; a file may have a hundred thousand keys that nobody knows.
const WARNINGS_MAX: usize = 40;

/// Cuts words to what can be drawn and read. Doing it twice changes nothing, so that a graph that travels as text comes
/// back as it was.
fn in_bounds(mut imported: Imported) -> Imported {
    let Graph { name, family, class, warnings, ops, .. } = &mut imported.graph;
    for words in [name, family, class].into_iter().chain(warnings.iter_mut()) {
        cut(words);
    }
    for op in ops {
        cut(&mut op.name);
    }
    if warnings.len() > WARNINGS_MAX + 1 {
        let more = warnings.len() - WARNINGS_MAX;
        warnings.truncate(WARNINGS_MAX);
        warnings.push(format!("{more} more remarks of this kind are left out"));
    }
    imported
}

fn cut(words: &mut String) {
    if let Some((end, _)) = words.char_indices().nth(WORDS_MAX)
        && let Some((last, _)) = words[..end].char_indices().next_back()
    {
        words.truncate(last);
        words.push('…');
    }
}

/// Tells the formats apart by the keys that only one of them has.
fn read_shape(map: &Mapping) -> Result<(Format, TransformerShape), ImportError> {
    if map.contains_key("model_type") {
        return Ok((Format::HuggingFace, hugging_face::read(map)?));
    }
    if map.contains_key("trainer") || map.contains_key("model") {
        return Ok((Format::ModelZoo, model_zoo::read(map)?));
    }
    let keys: Vec<_> = map.keys().take(3).map(|key| format!("\"{}\"", value::shortened(key))).collect();
    let found = if keys.is_empty() { "no key".to_owned() } else { keys.join(", ") };
    Err(ImportError::NoModel { found })
}

/// The bytes as text, without a byte-order mark.
fn text(bytes: &[u8]) -> Result<&str, ImportError> {
    if bytes.len() > BYTES_MAX {
        return Err(ImportError::TooLarge { bytes: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| ImportError::Binary { offset: error.valid_up_to() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let control = |byte: u8| byte < b' ' && !matches!(byte, b'\n' | b'\r' | b'\t');
    match text.bytes().position(control) {
        Some(offset) => Err(ImportError::Binary { offset }),
        None => Ok(text),
    }
}
