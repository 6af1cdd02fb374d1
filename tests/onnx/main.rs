//! ONNX files that the tests write themselves: counts, shapes, fusions, and files that are wrong.

#![expect(clippy::unwrap_used, reason = "a test may fail on the spot")]

mod command_line;
mod convolutional;
mod encode;
mod hostile;
mod transformers;

use std::io::Cursor;

use waferscope::workload::import::onnx::Unknown;
use waferscope::workload::import::{self, graph_text};
use waferscope::workload::{Graph, Op, OpKind};

use encode::Net;

/// Reads a net; its text form must read back as the same graph.
fn graph(net: &Net) -> Graph {
    graph_of(&net.file())
}

fn graph_of(file: &[u8]) -> Graph {
    let imported = import::read_from(&mut Cursor::new(file), Unknown::default()).unwrap();
    assert_eq!(imported.format, import::Format::Onnx);
    let again = import::read(graph_text::write(&imported.graph).as_bytes()).unwrap();
    assert_eq!(again.graph, imported.graph, "the text form is the graph");
    imported.graph
}

fn refusal(net: &Net) -> String {
    refusal_of(&net.file())
}

fn refusal_of(file: &[u8]) -> String {
    let error = import::read_from(&mut Cursor::new(file), Unknown::default()).unwrap_err().to_string();
    assert!(!error.contains('\n') && error.contains("expected") && error.len() < 400, "{error}");
    error
}

fn count(graph: &Graph, is: impl Fn(&OpKind) -> bool) -> usize {
    graph.ops.iter().filter(|op| is(&op.kind)).count()
}

/// The operator whose node made the tensor called `output`.
fn op<'a>(graph: &'a Graph, output: &str) -> &'a Op {
    let name = format!("n_{output}");
    let found = graph.ops.iter().find(|op| op.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {:?}", graph.ops.iter().map(|op| &op.name).collect::<Vec<_>>()))
}
