//! The messages of an ONNX file that shapes depend on; everything else is stepped over.
//!
//! Field numbers: `onnx/onnx.proto` of the ONNX project. Weights are never read: of a tensor only its name, type and
//! sizes are kept, and its numbers if there are few, since they may be the sizes that another operator works with.
//! Graphs inside of operators (`If`, `Loop`) are not followed.

use std::rc::Rc;

use super::wire::{Payload, Span, Wire};
use crate::workload::import::ImportError;

/// Most nodes of a graph; exports of the largest language models have some ten thousand.
pub(super) const NODES_MAX: usize = 50_000;
/// Most numbers of a constant that are kept; shapes have a handful.
pub(super) const NUMBERS_MAX: usize = 256;
/// Most axes of a tensor.
pub(super) const RANK_MAX: usize = 16;
/// Payloads of at most this many bytes are looked into.
const RAW_BYTES_MAX: u64 = 8 * NUMBERS_MAX as u64;

/// A file.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) producer: String,
    /// Version of the standard operator set.
    pub(super) opset: i64,
    pub(super) name: String,
    pub(super) nodes: Vec<Node>,
    pub(super) initialisers: Vec<Tensor>,
    pub(super) inputs: Vec<Declared>,
    pub(super) outputs: Vec<Declared>,
    /// Shapes that the exporter wrote beside the graph.
    pub(super) notes: Vec<Declared>,
}

/// One operator of the file.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) op_type: String,
    pub(super) domain: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) value: Setting,
}

/// What an attribute says.
#[derive(Debug)]
pub(super) enum Setting {
    Int(i64),
    Real(f32),
    Ints(Vec<i64>),
    Reals(Vec<f32>),
    Text(String),
    Tensor(Tensor),
    /// A graph, or something that no shape depends on.
    Other,
}

/// Numbers of a small constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Numbers {
    Ints(Rc<[i64]>),
    Reals(Rc<[f32]>),
}

/// A tensor without its weights.
#[derive(Debug, Default)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) sizes: Vec<i64>,
    pub(super) data_type: i64,
    pub(super) numbers: Option<Numbers>,
}

/// One size of a declared shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Known(i64),
    Named(String),
    Open,
}

/// A name with the shape that the file declares for it, if it does.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) sizes: Option<Vec<Size>>,
}

/// Reads a model.
///
/// # Errors
/// If the bytes are no ONNX file, or one beyond the limits.
pub(super) fn read(wire: &mut Wire<'_>) -> Result<Model, ImportError> {
    let mut model = Model::default();
    let mut graph_found = false;
    let mut at = wire.all();
    while let Some((number, payload)) = wire.field(&mut at)? {
        match (number, payload) {
            (2, Payload::Span(span)) => model.producer = wire.text(span)?,
            (7, Payload::Span(span)) => {
                graph_found = true;
                graph(wire, span, &mut model)?;
            }
            (8, Payload::Span(span)) => {
                let (domain, version) = opset(wire, span)?;
                if domain.is_empty() || domain == "ai.onnx" {
                    model.opset = version;
                }
            }
            _ => {}
        }
    }
    if !graph_found {
        return Err(ImportError::onnx("the file", "an ONNX model with a graph", "no graph"));
    }
    Ok(model)
}

fn opset(wire: &mut Wire<'_>, mut at: Span) -> Result<(String, i64), ImportError> {
    let (mut domain, mut version) = (String::new(), 0);
    while let Some((number, payload)) = wire.field(&mut at)? {
        match (number, payload) {
            (1, Payload::Span(span)) => domain = wire.text(span)?,
            (2, Payload::Varint(value)) => version = value.cast_signed(),
            _ => {}
        }
    }
    Ok((domain, version))
}

fn graph(wire: &mut Wire<'_>, mut at: Span, model: &mut Model) -> Result<(), ImportError> {
    while let Some((number, payload)) = wire.field(&mut at)? {
        let Payload::Span(span) = payload else { continue };
        match number {
            1 => {
                if model.nodes.len() == NODES_MAX {
                    return Err(ImportError::onnx("the graph", "at most 50 000 nodes", "more"));
                }
                let node = node(wire, span)?;
                model.nodes.push(node);
            }
            2 => model.name = wire.text(span)?,
            5 => {
                let tensor = tensor(wire, span)?;
                model.initialisers.push(tensor);
            }
            11 => model.inputs.push(declared(wire, span)?),
            12 => model.outputs.push(declared(wire, span)?),
            13 => model.notes.push(declared(wire, span)?),
            15 => {
                return Err(ImportError::onnx("the graph", "dense initialisers", "a sparse one"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn node(wire: &mut Wire<'_>, mut at: Span) -> Result<Node, ImportError> {
    wire.keep()?;
    let mut node = Node::default();
    while let Some((number, payload)) = wire.field(&mut at)? {
        let Payload::Span(span) = payload else { continue };
        match number {
            1 => node.inputs.push(wire.text(span)?),
            2 => node.outputs.push(wire.text(span)?),
            3 => node.name = wire.text(span)?,
            4 => node.op_type = wire.text(span)?,
            5 => node.attributes.push(attribute(wire, span)?),
            7 => node.domain = wire.text(span)?,
            _ => {}
        }
    }
    Ok(node)
}

fn attribute(wire: &mut Wire<'_>, mut at: Span) -> Result<Attribute, ImportError> {
    wire.keep()?;
    let mut name = String::new();
    let mut value = Setting::Other;
    while let Some((number, payload)) = wire.field(&mut at)? {
        match (number, payload) {
            (1, Payload::Span(span)) => name = wire.text(span)?,
            (2, Payload::Fixed32(bytes)) => value = Setting::Real(f32::from_le_bytes(bytes)),
            (3, Payload::Varint(number)) => value = Setting::Int(number.cast_signed()),
            (4, Payload::Span(span)) if span.len() <= 256 => value = Setting::Text(wire.text(span)?),
            (5, Payload::Span(span)) => value = Setting::Tensor(tensor(wire, span)?),
            (7, Payload::Fixed32(bytes)) => push_real(wire, &mut value, bytes)?,
            (7, Payload::Span(span)) if span.len() <= RAW_BYTES_MAX => {
                let bytes = wire.bytes(span)?;
                for bytes in bytes.as_chunks().0 {
                    push_real(wire, &mut value, *bytes)?;
                }
            }
            (8, Payload::Varint(number)) => {
                push_ints(wire, &mut value, &[number.cast_signed()])?;
            }
            (8, Payload::Span(span)) => {
                let numbers = wire.packed(span, NUMBERS_MAX)?.unwrap_or_default();
                push_ints(wire, &mut value, &numbers)?;
            }
            _ => {}
        }
    }
    Ok(Attribute { name, value })
}

fn push_real(wire: &mut Wire<'_>, value: &mut Setting, bytes: [u8; 4]) -> Result<(), ImportError> {
    wire.keep()?;
    let number = f32::from_le_bytes(bytes);
    match value {
        Setting::Reals(list) => list.push(number),
        _ => *value = Setting::Reals(vec![number]),
    }
    Ok(())
}

fn push_ints(wire: &mut Wire<'_>, value: &mut Setting, numbers: &[i64]) -> Result<(), ImportError> {
    wire.keep()?;
    match value {
        Setting::Ints(list) => list.extend_from_slice(numbers),
        _ => *value = Setting::Ints(numbers.to_vec()),
    }
    Ok(())
}

/// Element types: `onnx.TensorProto.DataType`.
mod data_type {
    pub(super) const FLOAT: i64 = 1;
    pub(super) const INT32: i64 = 6;
    pub(super) const INT64: i64 = 7;
    pub(super) const BOOL: i64 = 9;
}

impl Tensor {
    /// Whether it holds numbers that training could change: floating point of any width, or quantised (8 and 4 bits).
    pub(super) fn is_trainable(&self) -> bool {
        !matches!(self.data_type, data_type::INT32 | data_type::INT64 | data_type::BOOL | 4 | 5 | 8 | 12 | 13)
    }
}

fn tensor(wire: &mut Wire<'_>, mut at: Span) -> Result<Tensor, ImportError> {
    wire.keep()?;
    let mut tensor = Tensor::default();
    let mut raw = None;
    let mut ints: Vec<i64> = Vec::new();
    let mut reals: Vec<f32> = Vec::new();
    while let Some((number, payload)) = wire.field(&mut at)? {
        match (number, payload) {
            (1, Payload::Varint(size)) => tensor.sizes.push(size.cast_signed()),
            (1, Payload::Span(span)) => tensor.sizes.extend(wire.packed(span, RANK_MAX + 1)?.unwrap_or_default()),
            (2, Payload::Varint(kind)) => tensor.data_type = kind.cast_signed(),
            (4, Payload::Span(span)) if span.len() <= RAW_BYTES_MAX / 2 => {
                reals.extend(wire.bytes(span)?.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            }
            (5 | 7, Payload::Span(span)) => ints.extend(wire.packed(span, NUMBERS_MAX)?.unwrap_or_default()),
            (5 | 7, Payload::Varint(number)) if ints.len() < NUMBERS_MAX => ints.push(number.cast_signed()),
            (8, Payload::Span(span)) => tensor.name = wire.text(span)?,
            (9, Payload::Span(span)) if span.len() <= RAW_BYTES_MAX => raw = Some(wire.bytes(span)?),
            _ => {}
        }
        if tensor.sizes.len() > RANK_MAX {
            let expected = format!("at most {RANK_MAX} axes");
            return Err(ImportError::onnx(&format!("tensor {}", quoted(&tensor.name)), &expected, "more"));
        }
    }
    tensor.numbers = numbers(tensor.data_type, raw.as_deref(), &ints, &reals);
    // A list that is not as long as its shape says was cut off above, or is not to be trusted.
    let count = tensor.sizes.iter().try_fold(1_i64, |product, &size| product.checked_mul(size));
    tensor.numbers = tensor.numbers.filter(|numbers| count == Some(numbers.len() as i64));
    Ok(tensor)
}

fn numbers(data_type: i64, raw: Option<&[u8]>, ints: &[i64], reals: &[f32]) -> Option<Numbers> {
    let of_raw = |raw: &[u8]| -> Option<Numbers> {
        Some(match data_type {
            data_type::INT64 => Numbers::Ints(raw.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect()),
            data_type::INT32 => {
                Numbers::Ints(raw.as_chunks().0.iter().map(|b| i64::from(i32::from_le_bytes(*b))).collect())
            }
            data_type::BOOL => Numbers::Ints(raw.iter().map(|&b| i64::from(b)).collect()),
            data_type::FLOAT => Numbers::Reals(raw.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
            _ => return None,
        })
    };
    let found = match raw {
        Some(raw) => of_raw(raw)?,
        None if data_type == data_type::FLOAT => Numbers::Reals(reals.into()),
        None => Numbers::Ints(ints.into()),
    };
    (found.len() <= NUMBERS_MAX).then_some(found)
}

impl Numbers {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Ints(list) => list.len(),
            Self::Reals(list) => list.len(),
        }
    }
}

fn declared(wire: &mut Wire<'_>, mut at: Span) -> Result<Declared, ImportError> {
    wire.keep()?;
    let mut declared = Declared::default();
    while let Some((number, payload)) = wire.field(&mut at)? {
        match (number, payload) {
            (1, Payload::Span(span)) => declared.name = wire.text(span)?,
            // type → tensor_type → shape, each a message with the next one in it.
            (2, Payload::Span(span)) => {
                let Some(tensor) = inner(wire, span, 1)? else { continue };
                let Some(shape) = inner(wire, tensor, 2)? else { continue };
                declared.sizes = Some(sizes(wire, shape)?);
            }
            _ => {}
        }
    }
    Ok(declared)
}

/// The message in field `wanted` of a message.
fn inner(wire: &mut Wire<'_>, mut at: Span, wanted: u64) -> Result<Option<Span>, ImportError> {
    let mut found = None;
    while let Some((number, payload)) = wire.field(&mut at)? {
        if let (true, Payload::Span(span)) = (number == wanted, payload) {
            found = Some(span);
        }
    }
    Ok(found)
}

fn sizes(wire: &mut Wire<'_>, mut at: Span) -> Result<Vec<Size>, ImportError> {
    let mut sizes = Vec::new();
    while let Some((number, payload)) = wire.field(&mut at)? {
        let (1, Payload::Span(mut span)) = (number, payload) else { continue };
        wire.keep()?;
        let mut size = Size::Open;
        while let Some((number, payload)) = wire.field(&mut span)? {
            match (number, payload) {
                (1, Payload::Varint(value)) => size = Size::Known(value.cast_signed()),
                (2, Payload::Span(name)) => size = Size::Named(wire.text(name)?),
                _ => {}
            }
        }
        sizes.push(size);
        if sizes.len() > RANK_MAX {
            return Err(ImportError::onnx("a declared shape", &format!("at most {RANK_MAX} axes"), "more"));
        }
    }
    Ok(sizes)
}

/// A name of the file in a sentence.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", crate::workload::import::value::shortened(name))
}

impl Node {
    fn setting(&self, name: &str) -> Option<&Setting> {
        self.attributes.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.value)
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        match self.setting(name)? {
            Setting::Int(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.setting(name)? {
            Setting::Ints(numbers) => Some(numbers),
            _ => None,
        }
    }

    pub(super) fn reals(&self, name: &str) -> Option<&[f32]> {
        match self.setting(name)? {
            Setting::Reals(numbers) => Some(numbers),
            _ => None,
        }
    }

    pub(super) fn real(&self, name: &str) -> Option<f32> {
        match self.setting(name)? {
            Setting::Real(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.setting(name)? {
            Setting::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn tensor(&self, name: &str) -> Option<&Tensor> {
        match self.setting(name)? {
            Setting::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// What a sentence calls it: `node "conv1" (Conv)`, by its first output if it has no name.
    pub(super) fn title(&self) -> String {
        let name = if self.name.is_empty() { self.outputs.first().unwrap_or(&self.name) } else { &self.name };
        let op_type = crate::workload::import::value::shortened(&self.op_type);
        format!("node {} ({op_type})", quoted(name))
    }

    /// Whether it is one of the standard operators.
    pub(super) fn is_standard(&self) -> bool {
        self.domain.is_empty() || self.domain == "ai.onnx"
    }
}
