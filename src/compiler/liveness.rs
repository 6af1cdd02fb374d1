//! The stages of one micro-batch in order, and the life of every activation and gradient between them.
//!
//! Two rules decide what is kept. An activation lives until the last operator that reads it has run, in the forward and
//! in the backward pass. With recomputation, what a block made inside itself dies after the forward pass and is made
//! again, except the residual stream that enters it. Gradients along the residual stream share one buffer, since a sum
//! hands its gradient on unchanged.

use crate::compiler::{BufferId, Pass, Work};
use crate::workload::{Graph, Op, OpKind};

/// A tensor: what an operator hands on, or the residual sum that a norm keeps.
type TensorId = usize;

/// A stage in outline: which operator, which pass, and the tensors that come to life and die with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outline {
    pub op: u32,
    pub pass: Pass,
    /// Whether the operator ran a moment ago as a recomputation, so that its weights may still be there.
    pub recomputed: bool,
    pub allocate: Vec<BufferId>,
    pub free: Vec<BufferId>,
}

/// The tensors of a graph and who reads them.
#[derive(Clone, Debug)]
pub(super) struct Tensors {
    /// Width in elements a token of each tensor.
    pub widths: Vec<u64>,
    /// The operator that makes each tensor.
    pub makers: Vec<u32>,
    /// Residual sum of each operator that keeps one.
    sums: Vec<Option<TensorId>>,
    /// Tensors that each operator reads going forward.
    reads: Vec<Vec<TensorId>>,
    /// Tensors that each operator needs going backward.
    needs: Vec<Vec<TensorId>>,
    /// Tensors whose gradients share a buffer carry the same number.
    gradient_class: Vec<TensorId>,
}

impl Tensors {
    pub(super) fn new(graph: &Graph) -> Self {
        let mut tensors = Self {
            widths: graph.ops.iter().map(|op| op.output_width()).collect(),
            makers: (0..graph.ops.len() as u32).collect(),
            sums: vec![None; graph.ops.len()],
            reads: Vec::with_capacity(graph.ops.len()),
            needs: Vec::with_capacity(graph.ops.len()),
            gradient_class: Vec::new(),
        };
        for (id, op) in graph.iter() {
            if let OpKind::Norm { width, keeps_sum: true } = op.kind {
                tensors.sums[id.0 as usize] = Some(tensors.widths.len());
                tensors.widths.push(width);
                tensors.makers.push(id.0);
            }
        }
        tensors.gradient_class = (0..tensors.widths.len()).collect();
        for (id, op) in graph.iter() {
            let read = |(position, input): (usize, &crate::workload::OpId)| {
                let maker = input.0 as usize;
                tensors.sums[maker].filter(|_| position > 0).unwrap_or(maker)
            };
            let reads: Vec<TensorId> = op.inputs.iter().enumerate().map(read).collect();
            let sum = tensors.sums[id.0 as usize];
            tensors.needs.push(match (op.kind, sum) {
                (OpKind::Embedding { .. }, _) => Vec::new(),
                (_, Some(sum)) => vec![sum],
                _ => reads.clone(),
            });
            let adds = adds_its_inputs(op) && (reads.len() > 1 || sum.is_some());
            for &tensor in reads.iter().chain(&sum).filter(|_| adds) {
                // A sum of equal tensors; one that stretches the smaller of two hands on no gradient unchanged.
                // The first operator of a graph reads what comes from outside.
                let first = reads.first().copied().unwrap_or(tensor);
                let [a, b] = [first, tensor].map(|tensor| &graph.ops[tensors.makers[tensor] as usize]);
                if tensors.widths[first] == tensors.widths[tensor] && a.tokens == b.tokens {
                    tensors.join_gradients(first, tensor);
                }
            }
            tensors.reads.push(reads);
        }
        for tensor in 0..tensors.gradient_class.len() {
            tensors.gradient_class[tensor] = tensors.root(tensor);
        }
        tensors
    }

    /// Lets two tensors share a gradient: a forest in which each class points to its lowest tensor.
    fn join_gradients(&mut self, a: TensorId, b: TensorId) {
        let (a, b) = (self.root(a), self.root(b));
        self.gradient_class[a.max(b)] = a.min(b);
    }

    fn root(&mut self, mut tensor: TensorId) -> TensorId {
        while self.gradient_class[tensor] != tensor {
            // Halving the path on the way keeps it short.
            self.gradient_class[tensor] = self.gradient_class[self.gradient_class[tensor]];
            tensor = self.gradient_class[tensor];
        }
        tensor
    }

    fn made_by(&self, op: u32) -> impl Iterator<Item = TensorId> + use<> {
        std::iter::once(op as usize).chain(self.sums[op as usize])
    }
}

/// Whether the gradient of an operator's result is that of each of its inputs.
fn adds_its_inputs(op: &Op) -> bool {
    match op.kind {
        // Tensors that are put side by side are not added.
        OpKind::Elementwise { operands, .. } => operands == op.inputs.len() as u64,
        OpKind::Norm { .. } | OpKind::MatMul { .. } | OpKind::Convolution(_) | OpKind::Pooling { .. } => true,
        OpKind::Activation { gated, .. } => !gated,
        // Others that read several tensors multiply them, and each needs a gradient of its own.
        _ => false,
    }
}

/// The stages of one micro-batch.
pub(super) fn outline(graph: &Graph, tensors: &Tensors, work: Work, recompute: bool) -> Vec<Outline> {
    let mut walk = Walk::new(graph, tensors, work, recompute);
    let ops = graph.ops.len() as u32;
    for op in 0..ops {
        walk.run(op, Pass::Forward);
        walk.free_after_forward(op);
    }
    if work == Work::Train {
        for op in (0..ops).rev() {
            if recompute {
                walk.recompute_before(op);
            }
            walk.backward(op);
        }
    }
    walk.finish()
}

struct Walk<'a> {
    graph: &'a Graph,
    tensors: &'a Tensors,
    work: Work,
    /// Last operator that reads each tensor going forward.
    last_reader: Vec<u32>,
    /// First operator that needs each tensor going backward, in forward order: the last to run.
    last_needer: Vec<Option<u32>>,
    /// Whether a tensor is made again inside its block.
    made_again: Vec<bool>,
    alive: Vec<bool>,
    gradient_alive: Vec<bool>,
    /// Makers of a gradient class that have yet to run backward.
    gradient_users: Vec<u32>,
    recomputed: Vec<bool>,
    stages: Vec<Outline>,
}

impl<'a> Walk<'a> {
    fn new(graph: &'a Graph, tensors: &'a Tensors, work: Work, recompute: bool) -> Self {
        let count = tensors.widths.len();
        let mut last_reader = tensors.makers.clone();
        let mut last_needer = vec![None; count];
        for op in (0..graph.ops.len()).rev() {
            for &tensor in &tensors.needs[op] {
                last_needer[tensor] = Some(op as u32);
            }
        }
        for (op, reads) in tensors.reads.iter().enumerate() {
            for &tensor in reads {
                last_reader[tensor] = op as u32;
            }
        }
        let mut gradient_users = vec![0; count];
        for &class in &tensors.gradient_class {
            gradient_users[class] += 1;
        }
        let mut walk = Self {
            graph,
            tensors,
            work,
            last_reader,
            last_needer,
            made_again: vec![false; count],
            alive: vec![false; count],
            gradient_alive: vec![false; count],
            gradient_users,
            recomputed: vec![false; graph.ops.len()],
            stages: Vec::new(),
        };
        walk.made_again = (0..count).map(|tensor| recompute && walk.is_made_again(tensor)).collect();
        walk
    }

    fn block(&self, op: u32) -> Option<u32> {
        self.graph.ops[op as usize].block
    }

    fn first_of_block(&self, op: u32) -> bool {
        op == 0 || self.block(op - 1) != self.block(op)
    }

    /// A tensor is made again if its block makes it and nothing outside needs it, unless it is the stream that enters.
    fn is_made_again(&self, tensor: TensorId) -> bool {
        let maker = self.tensors.makers[tensor];
        let block = self.block(maker);
        let entering = self.tensors.sums[maker as usize] == Some(tensor) && self.first_of_block(maker);
        let needed_outside = (0..self.graph.ops.len() as u32)
            .skip(maker as usize)
            .take_while(|&op| op <= maker + 64)
            .any(|op| self.block(op) != block && self.tensors.needs[op as usize].contains(&tensor));
        block.is_some() && !entering && !needed_outside
    }

    fn output_buffer(tensor: TensorId) -> BufferId {
        BufferId(2 * tensor as u32)
    }

    fn gradient_buffer(class: TensorId) -> BufferId {
        BufferId(2 * class as u32 + 1)
    }

    fn push(&mut self, op: u32, pass: Pass) -> &mut Outline {
        let recomputed = self.recomputed[op as usize];
        self.stages.push(Outline { op, pass, recomputed, allocate: Vec::new(), free: Vec::new() });
        self.stages.last_mut().expect("a stage was just pushed")
    }

    /// Runs an operator forward, the first time or again.
    fn run(&mut self, op: u32, pass: Pass) {
        let fresh: Vec<TensorId> = self.tensors.made_by(op).filter(|&tensor| !self.alive[tensor]).collect();
        for &tensor in &fresh {
            self.alive[tensor] = true;
        }
        self.push(op, pass).allocate = fresh.into_iter().map(Self::output_buffer).collect();
    }

    fn free(&mut self, dead: &[TensorId]) {
        let Some(stage) = self.stages.last_mut() else { return };
        for &tensor in dead {
            if std::mem::take(&mut self.alive[tensor]) {
                stage.free.push(Self::output_buffer(tensor));
            }
        }
    }

    /// Frees what `op` was the last to read, and what it made for nobody.
    fn free_after_forward(&mut self, op: u32) {
        let touched = self.tensors.reads[op as usize].iter().copied().chain(self.tensors.made_by(op));
        let dead: Vec<TensorId> = touched
            .filter(|&tensor| self.last_reader[tensor] == op)
            .filter(|&tensor| {
                let needed = self.work == Work::Train && self.last_needer[tensor].is_some();
                !needed || self.made_again[tensor]
            })
            .collect();
        self.free(&dead);
    }

    /// On entering a block from behind, makes again what its backward pass needs.
    fn recompute_before(&mut self, last: u32) {
        let block = self.block(last);
        let leaves = last as usize + 1 == self.graph.ops.len() || self.block(last + 1) != block;
        if block.is_none() || !leaves {
            return;
        }
        let start = (0..=last).rev().take_while(|&op| self.block(op) == block).last().unwrap_or(last);
        let wanted = |op: u32| {
            self.tensors.made_by(op).any(|tensor| self.made_again[tensor] && self.last_needer[tensor].is_some())
        };
        let Some(end) = (start..=last).rev().find(|&op| wanted(op)) else { return };
        for op in start..=end {
            self.run(op, Pass::Recompute);
            self.recomputed[op as usize] = true;
            let read = self.tensors.reads[op as usize].clone();
            let dead: Vec<TensorId> = read
                .into_iter()
                .filter(|&tensor| self.last_reader[tensor] == op && self.last_needer[tensor].is_none())
                .collect();
            self.free(&dead);
        }
    }

    /// Runs an operator backward: gradients of its inputs, then of its weights.
    fn backward(&mut self, op: u32) {
        let classes: Vec<TensorId> =
            self.tensors.reads[op as usize].iter().map(|&tensor| self.tensors.gradient_class[tensor]).collect();
        let mut fresh: Vec<TensorId> = classes.into_iter().filter(|&class| !self.gradient_alive[class]).collect();
        fresh.sort_unstable();
        fresh.dedup();
        for &class in &fresh {
            self.gradient_alive[class] = true;
        }
        let owner = &self.graph.ops[op as usize];
        if !owner.inputs.is_empty() {
            self.push(op, Pass::BackwardInput).allocate = fresh.into_iter().map(Self::gradient_buffer).collect();
        }
        if owner.parameters > 0 || owner.weights_of.is_some() {
            self.push(op, Pass::BackwardWeight);
        }
        let needed = self.tensors.needs[op as usize].iter().copied();
        let dead: Vec<TensorId> = needed
            .chain(self.tensors.made_by(op))
            .filter(|&tensor| self.last_needer[tensor].is_none_or(|needer| needer == op))
            .collect();
        self.free(&dead);
        for tensor in self.tensors.made_by(op) {
            let class = self.tensors.gradient_class[tensor];
            self.gradient_users[class] -= 1;
            if self.gradient_users[class] == 0 && std::mem::take(&mut self.gradient_alive[class]) {
                let stage = self.stages.last_mut().expect("the operator ran");
                stage.free.push(Self::gradient_buffer(class));
            }
        }
    }

    /// Frees what is left and hands the stages over.
    fn finish(mut self) -> Vec<Outline> {
        let left: Vec<TensorId> = (0..self.alive.len()).collect();
        self.free(&left);
        let gradients = (0..self.gradient_alive.len()).filter(|&class| self.gradient_alive[class]);
        let gradients: Vec<BufferId> = gradients.map(Self::gradient_buffer).collect();
        if let Some(stage) = self.stages.last_mut() {
            stage.free.extend(gradients);
        }
        self.stages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::builtin;

    /// Every tensor that an operator reads is alive when it runs, and nothing outlives the micro-batch.
    #[test]
    fn what_is_read_is_alive() {
        for name in ["tiny", "bert-base", "llama-3-8b"] {
            let graph = builtin::graph(name).unwrap();
            let tensors = Tensors::new(&graph);
            for recompute in [false, true] {
                let stages = outline(&graph, &tensors, Work::Train, recompute);
                let mut alive = vec![false; 2 * tensors.widths.len()];
                for stage in &stages {
                    for buffer in &stage.allocate {
                        assert!(!std::mem::replace(&mut alive[buffer.0 as usize], true), "{name}: allocated twice");
                    }
                    let op = stage.op as usize;
                    let wanted = match stage.pass {
                        // A block's first norm is made again from the stream that entered, which it kept.
                        Pass::Recompute if tensors.sums[op].is_some_and(|sum| alive[2 * sum]) => &tensors.needs[op],
                        Pass::Forward | Pass::Recompute => &tensors.reads[op],
                        Pass::BackwardInput | Pass::BackwardWeight => &tensors.needs[op],
                    };
                    for tensor in wanted {
                        let pass = stage.pass;
                        assert!(alive[2 * tensor], "{name} recompute {recompute}: {pass:?} of {op} lacks {tensor}");
                    }
                    for buffer in &stage.free {
                        assert!(std::mem::replace(&mut alive[buffer.0 as usize], false), "{name}: freed twice");
                    }
                }
                assert!(!alive.contains(&true), "{name}: something outlives the micro-batch");
            }
        }
    }
}
