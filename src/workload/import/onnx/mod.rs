//! ONNX files: networks as graphs of operators, with shapes and without their weights.
//!
//! `wire` reads protobuf, `model` the messages that matter, `walk` works out shapes and constants and makes a draft
//! of every operator that makes new numbers, `fuse` joins what one kernel does. The result counts by the sample: each
//! operator works on as many positions as its output has pixels, rows or tokens. Weights are stepped over, so that a
//! file of two gigabytes takes no longer than its graph; weights in files beside it are not needed.

mod attention;
mod draft;
mod fold;
mod fuse;
mod inputs;
mod model;
mod moves;
mod operators;
mod shapes;
mod value;
mod walk;
mod wire;

use draft::Drafts;
use model::Model;
pub use wire::ReadSeek;

use super::{Format, ImportError, Imported, bounds};
use crate::workload::graph::{Fusion, Graph, Op, OpId, Unit};

/// What to do with an operator that is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// Count it as one operation for each element of its result, with a warning.
    #[default]
    Elementwise,
    /// Pass over it as if it were not there, with a warning.
    Skip,
    /// Refuse the file.
    Stop,
}

/// Whether a file that begins with these bytes is an ONNX file: a message that starts with its first or second field,
/// the version or the producer, where a text has no control characters.
pub fn looks_like_onnx(start: &[u8]) -> bool {
    matches!(start.first(), Some(0x08 | 0x12))
}

/// Reads an ONNX file.
///
/// # Errors
/// One sentence that says why it cannot be read, and where.
pub fn read(reader: &mut dyn ReadSeek, unknown: Unknown) -> Result<Imported, ImportError> {
    let model = model::read(&mut wire::Wire::new(reader)?)?;
    let walked = walk::walk(&model, unknown)?;
    let mut drafts = walked.drafts;
    if !drafts.list.iter().any(|draft| draft.is_output) {
        return Err(ImportError::onnx("the graph", "an output that its nodes compute from an input", "none"));
    }
    fuse::fuse(&mut drafts);
    let graph = finish(&model, drafts, walked.batch)?;
    Ok(Imported { format: Format::Onnx, graph })
}

/// Numbers the operators that are left, and checks that sums over them fit.
fn finish(model: &Model, drafts: Drafts, batch: u64) -> Result<Graph, ImportError> {
    let Drafts { list, fusions, warnings } = drafts;
    let mut place: Vec<Option<OpId>> = Vec::with_capacity(list.len());
    let mut next = 0;
    for draft in &list {
        place.push((!draft.gone).then_some(OpId(next)));
        next += u32::from(!draft.gone);
    }
    // What was absorbed is with what absorbed it, perhaps over several steps.
    let settled = |mut id: OpId| {
        while place[id.0 as usize].is_none() {
            id = list[id.0 as usize].into?;
        }
        place[id.0 as usize]
    };
    let fusions =
        fusions.into_iter().filter_map(|fusion| Some(Fusion { into: settled(fusion.into)?, ..fusion })).collect();
    let ops: Vec<Op> = list
        .iter()
        .filter(|draft| !draft.gone)
        .map(|draft| {
            let mut op = draft.op.clone();
            op.inputs = op.inputs.into_iter().filter_map(|input| place[input.0 as usize]).collect();
            op.weights_of = op.weights_of.and_then(settled).filter(|_| op.parameters == 0);
            op
        })
        .collect();
    bounds::check(&ops).map_err(|(expected, found)| ImportError::onnx("the graph", &expected, &found))?;
    let name = if model.name.is_empty() { "ONNX network".to_owned() } else { super::value::shortened(&model.name) };
    let producer = if model.producer.is_empty() { "ONNX" } else { &model.producer };
    Ok(Graph {
        name,
        family: "onnx".to_owned(),
        ops,
        blocks: 0,
        sequence: 1,
        unit: Unit::Sample,
        batch: (batch > 1).then_some(batch),
        causal: false,
        class: format!("graph of {}, operator set {}", super::value::shortened(producer), model.opset),
        warnings,
        fusions,
    })
}

impl ImportError {
    /// What is wrong with an ONNX file, and where.
    fn onnx(place: &str, expected: &str, found: &str) -> Self {
        Self::Onnx { place: place.to_owned(), expected: expected.to_owned(), found: found.to_owned() }
    }
}
