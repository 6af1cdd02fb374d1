//! Operators of an ISPD 2020 kernel graph: what its kernels compute, without a word about cores.
//!
//! A residual block becomes the three or four convolutions of the benchmark's description and the sum of its branches.
//! Weights alone are counted; the description names neither biases nor norms.

use std::collections::BTreeSet;

use super::kgraph::{KernelGraph, KgraphError, NodeKind};
use super::{ImportError, bounds};
use crate::workload::graph::{Convolution, Graph, Op, OpId, OpKind, Tokens, Unit};

/// The operators of `kernels` in an order in which they can run.
///
/// # Errors
/// A graph without kernels, or sizes beyond what can be counted.
pub(super) fn graph(kernels: &KernelGraph) -> Result<Graph, ImportError> {
    let mut builder = Builder { ops: Vec::new(), blocks: 0 };
    let mut made: Vec<Option<OpId>> = vec![None; kernels.nodes.len()];
    let mut feeding: Vec<Vec<usize>> = vec![Vec::new(); kernels.nodes.len()];
    for edge in &kernels.edges {
        feeding[edge.to].push(edge.from);
    }
    for node in order(kernels)? {
        let inputs: Vec<OpId> = feeding[node].iter().filter_map(|&from| made[from]).collect();
        let node_of = &kernels.nodes[node];
        made[node] = builder.kernel(&node_of.name, node_of.kind, inputs);
    }
    if builder.ops.is_empty() {
        let (place, expected) = ("the graph".to_owned(), "at least one kernel".to_owned());
        return Err(ImportError::Kernels { place, expected, found: "none".to_owned() });
    }
    bounds::check(&builder.ops).map_err(|(expected, found)| ImportError::Kernels {
        place: "the sizes together".to_owned(),
        expected,
        found,
    })?;
    Ok(Graph {
        name: kernels.statement.test.clone().unwrap_or_else(|| "kernel graph".to_owned()),
        family: "kgraph".to_owned(),
        ops: builder.ops,
        blocks: builder.blocks,
        sequence: 1,
        unit: Unit::Sample,
        batch: None,
        causal: false,
        class: "kernels without biases and norms".to_owned(),
        warnings: Vec::new(),
        fusions: Vec::new(),
    })
}

/// Nodes such that each stands behind all that feed it; among those that could be next, the first of the file.
///
/// # Errors
/// If there is no such order: the graph runs in a circle.
pub(super) fn order(kernels: &KernelGraph) -> Result<Vec<usize>, KgraphError> {
    let mut waits = vec![0_usize; kernels.nodes.len()];
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); kernels.nodes.len()];
    for edge in &kernels.edges {
        waits[edge.to] += 1;
        feeds[edge.from].push(edge.to);
    }
    let mut ready: BTreeSet<usize> = (0..waits.len()).filter(|&node| waits[node] == 0).collect();
    let mut order = Vec::with_capacity(waits.len());
    while let Some(node) = ready.pop_first() {
        order.push(node);
        for &next in &feeds[node] {
            waits[next] -= 1;
            if waits[next] == 0 {
                ready.insert(next);
            }
        }
    }
    match waits.iter().position(|&left| left > 0) {
        None => Ok(order),
        Some(node) => {
            let node = &kernels.nodes[node];
            let what = format!("expected a graph without circles, found one with {}", node.name);
            Err(KgraphError { line: Some(node.line), what })
        }
    }
}

struct Builder {
    ops: Vec<Op>,
    blocks: u32,
}

impl Builder {
    /// The operators of one kernel; the last of them, or nothing for the ends of the graph.
    fn kernel(&mut self, name: &str, kind: NodeKind, mut inputs: Vec<OpId>) -> Option<OpId> {
        if !kind.is_kernel() {
            return inputs.first().copied();
        }
        let block = match kind {
            NodeKind::DBlock { .. } | NodeKind::CBlock { .. } => {
                self.blocks += 1;
                Some(self.blocks - 1)
            }
            _ => None,
        };
        if inputs.len() > 1 {
            let of = &self.ops[inputs[0].0 as usize];
            let (width, tokens) = (of.output_width(), of.tokens);
            inputs = vec![self.sum(&format!("{name}.in"), block, (width, tokens), inputs)];
        }
        let shapes: Vec<Convolution> = kind.convolutions().iter().map(|layer| layer.shape).collect();
        let chain = |builder: &mut Self, shapes: &[Convolution]| {
            shapes.iter().enumerate().fold(inputs.clone(), |inputs, (index, shape)| {
                vec![builder.convolution(&format!("{name}.conv{}", index + 1), block, *shape, inputs)]
            })
        };
        let branches = match shapes[..] {
            [only] => return Some(self.convolution(name, block, only, inputs)),
            // The fourth goes past the other three.
            [ref branch @ .., last] if branch.len() == 3 => {
                let mut branches = chain(self, branch);
                branches.push(self.convolution(&format!("{name}.conv4"), block, last, inputs));
                branches
            }
            _ => {
                let mut branches = chain(self, &shapes);
                branches.extend(inputs);
                branches
            }
        };
        let of = &self.ops[branches[0].0 as usize];
        let size = (of.output_width(), of.tokens);
        Some(self.sum(&format!("{name}.sum"), block, size, branches))
    }

    fn convolution(&mut self, name: &str, block: Option<u32>, shape: Convolution, inputs: Vec<OpId>) -> OpId {
        let tokens = Tokens::Count(shape.output[0] * shape.output[1]);
        let parameters = shape.inputs().saturating_mul(shape.out_channels);
        self.push(name, block, OpKind::Convolution(shape), parameters, tokens, inputs)
    }

    fn sum(&mut self, name: &str, block: Option<u32>, (width, tokens): (u64, Tokens), inputs: Vec<OpId>) -> OpId {
        let operands = (inputs.len() as u64).max(2);
        self.push(name, block, OpKind::Elementwise { width, operands }, 0, tokens, inputs)
    }

    fn push(
        &mut self,
        name: &str,
        block: Option<u32>,
        kind: OpKind,
        parameters: u64,
        tokens: Tokens,
        inputs: Vec<OpId>,
    ) -> OpId {
        let name = name.to_owned();
        self.ops.push(Op { name, block, kind, parameters, weights_of: None, tokens, inputs });
        OpId(self.ops.len() as u32 - 1)
    }
}
