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

/// A convolution within a kernel: features in and out, side of its square window, and stride.
type Square = (u64, u64, u64, u64);

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
        match kind {
            NodeKind::Input | NodeKind::Output => None,
            NodeKind::Conv {
                height,
                width,
                filter_height,
                filter_width,
                features_in,
                features_out,
                stride_rows,
                stride_columns,
            } => {
                let shape = Convolution {
                    in_channels: features_in,
                    out_channels: features_out,
                    groups: 1,
                    window: [filter_height, filter_width],
                    stride: [stride_rows, stride_columns],
                    output: [height.div_ceil(stride_rows), width.div_ceil(stride_columns)],
                };
                Some(self.convolution(name, block, shape, inputs))
            }
            NodeKind::DBlock { height, width, features } => {
                let quarter = (features / 4).max(1);
                let first = self.square(name, 1, block, (features, quarter, 1, 1), [height, width], inputs.clone());
                let second = self.square(name, 2, block, (quarter, quarter, 3, 1), [height, width], vec![first]);
                let third = self.square(name, 3, block, (quarter, features, 1, 1), [height, width], vec![second]);
                let branches = std::iter::once(third).chain(inputs).collect();
                let size = (features, Tokens::Count(height * width));
                Some(self.sum(&format!("{name}.sum"), block, size, branches))
            }
            NodeKind::CBlock { height, width, features } => {
                let (half, quarter) = ((features / 2).max(1), (features / 4).max(1));
                let [low, across] = [height.div_ceil(2), width.div_ceil(2)];
                let first = self.square(name, 1, block, (half, quarter, 1, 1), [height, width], inputs.clone());
                let second = self.square(name, 2, block, (quarter, quarter, 3, 2), [height, width], vec![first]);
                let third = self.square(name, 3, block, (quarter, features, 1, 1), [low, across], vec![second]);
                let fourth = self.square(name, 4, block, (half, features, 1, 2), [height, width], inputs);
                let size = (features, Tokens::Count(low * across));
                Some(self.sum(&format!("{name}.sum"), block, size, vec![third, fourth]))
            }
        }
    }

    fn square(
        &mut self,
        name: &str,
        number: u32,
        block: Option<u32>,
        (in_channels, out_channels, side, stride): Square,
        [height, width]: [u64; 2],
        inputs: Vec<OpId>,
    ) -> OpId {
        let shape = Convolution {
            in_channels,
            out_channels,
            groups: 1,
            window: [side; 2],
            stride: [stride; 2],
            output: [height.div_ceil(stride), width.div_ceil(stride)],
        };
        self.convolution(&format!("{name}.conv{number}"), block, shape, inputs)
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
