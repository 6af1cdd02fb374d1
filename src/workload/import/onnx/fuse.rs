//! Operators that one kernel does together: a norm or activation that follows a product, norms and activations that
//! an exporter wrote as arithmetic, attention, residual sums in front of a norm.
//!
//! Every decision is recorded. Parameters of what is absorbed stay counted. Operations of what is absorbed are those of
//! the kernel that stays: a `Relu` on the way out of a convolution costs nothing. Attention is in [`super::attention`].

use std::collections::BTreeSet;

use super::draft::{Drafts, Role};
use crate::workload::graph::{Fusion, OpId, OpKind};

/// Most operators of a norm or activation that was written as arithmetic.
const REGION_MAX: usize = 32;

/// What more than this many operators lead to is left as it is.
const READ_MAX: usize = 1_000;

/// Drafts with who reads each.
pub(super) struct Fuser<'a> {
    pub(super) drafts: &'a mut Drafts,
    /// Sets, since thousands may read one tensor and change their minds.
    pub(super) readers: Vec<BTreeSet<u32>>,
}

/// Runs the whole pass.
pub(super) fn fuse(drafts: &mut Drafts) {
    let mut fuser = Fuser { readers: readers(drafts), drafts };
    let all = fuser.drafts.list.len() as u32;
    for id in 0..all {
        fuser.follow_up(id);
    }
    for id in 0..all {
        fuser.region(id);
    }
    for id in 0..all {
        fuser.gate(id);
    }
    for id in 0..all {
        fuser.attention(id);
    }
    for id in 0..all {
        fuser.residual(id);
    }
    fuser.unread();
}

fn readers(drafts: &Drafts) -> Vec<BTreeSet<u32>> {
    let mut readers = vec![BTreeSet::new(); drafts.list.len()];
    for (id, draft) in drafts.list.iter().enumerate() {
        for input in &draft.op.inputs {
            readers[input.0 as usize].insert(id as u32);
        }
    }
    readers
}

impl Fuser<'_> {
    /// Whether `reader` alone sees the result of `id`.
    pub(super) fn is_private(&self, id: u32, reader: u32) -> bool {
        self.readers[id as usize].iter().eq([&reader]) && !self.drafts.list[id as usize].is_output
    }

    pub(super) fn inputs(&self, id: u32) -> &[OpId] {
        &self.drafts.list[id as usize].op.inputs
    }

    pub(super) fn role(&self, id: u32) -> Role {
        self.drafts.list[id as usize].role
    }

    /// Notes that `gone` is part of `into` from now on.
    pub(super) fn absorb(&mut self, into: u32, gone: u32, because: &str) {
        let absorbed = self.drafts.list[gone as usize].title();
        self.drafts.fusions.push(Fusion { into: OpId(into), absorbed, because: because.to_owned() });
        let parameters = {
            let draft = &mut self.drafts.list[gone as usize];
            draft.gone = true;
            draft.into = Some(OpId(into));
            std::mem::take(&mut draft.op.parameters)
        };
        let kept = &mut self.drafts.list[into as usize];
        kept.op.parameters = kept.op.parameters.saturating_add(parameters);
        for input in std::mem::take(&mut self.drafts.list[gone as usize].op.inputs) {
            self.readers[input.0 as usize].remove(&gone);
        }
    }

    /// Lets a draft read other tensors.
    pub(super) fn rewire(&mut self, id: u32, inputs: Vec<OpId>) {
        for input in std::mem::take(&mut self.drafts.list[id as usize].op.inputs) {
            self.readers[input.0 as usize].remove(&id);
        }
        for input in &inputs {
            self.readers[input.0 as usize].insert(id);
        }
        self.drafts.list[id as usize].op.inputs = inputs;
    }

    /// Absorbs into a product what one element of its output at a time goes through: scales, biases, cheap activations.
    fn follow_up(&mut self, id: u32) {
        let &[OpId(product)] = self.inputs(id) else { return };
        let (role, before) = (self.role(id), self.role(product));
        let because = match (role, before) {
            (Role::ChannelScale, Role::Product) => "scale and shift of each channel fold into weights and bias",
            (Role::Bias, Role::Product) => "a bias is added to sums before they leave",
            (Role::Pointwise { cheap: true }, Role::Product | Role::Sum | Role::ChannelScale) => {
                "a comparison of each element on its way out"
            }
            _ => return,
        };
        let (draft, owner) = (&self.drafts.list[id as usize], &self.drafts.list[product as usize]);
        let same = draft.op.tokens == owner.op.tokens && draft.op.output_width() == owner.op.output_width();
        // Each fusion looks through all that its readers read, which must not become the square of a crowd.
        let crowded = self.readers[id as usize].iter().any(|&reader| self.inputs(reader).len() > READ_MAX);
        if !same || crowded || !self.is_private(product, id) {
            return;
        }
        let is_output = draft.is_output;
        self.absorb(product, id, because);
        for reader in std::mem::take(&mut self.readers[id as usize]) {
            for input in &mut self.drafts.list[reader as usize].op.inputs {
                if input.0 == id {
                    *input = OpId(product);
                }
            }
            self.readers[product as usize].insert(reader);
        }
        let kept = &mut self.drafts.list[product as usize];
        kept.is_output |= is_output;
        if matches!(role, Role::Pointwise { .. }) {
            // Nothing that follows may move in front of the activation.
            kept.role = Role::Other;
        }
    }

    /// Makes one norm or activation of the arithmetic that leads from one tensor to one other.
    fn region(&mut self, source: u32) {
        if self.drafts.list[source as usize].gone {
            return;
        }
        let mut region = self.reachable(source);
        while region.len() > 1 && self.exits(&region) != [*region.last().unwrap_or(&source)] {
            region.pop();
        }
        let Some((&exit, rest)) = region.split_last().filter(|(_, rest)| !rest.is_empty()) else { return };
        let (from, to) = (&self.drafts.list[source as usize], &self.drafts.list[exit as usize]);
        let is_norm = region.iter().any(|&id| self.role(id) == Role::Reduction);
        let gated = !is_norm && Some(from.elements()) == to.elements().checked_mul(2);
        if self.role(exit) == Role::Reduction || !(gated || from.elements() == to.elements()) {
            return;
        }
        let width = to.op.output_width();
        let (kind, role, because) = if is_norm {
            (OpKind::Norm { width, keeps_sum: false }, Role::Norm, "arithmetic that together is a norm over the width")
        } else {
            let because = "arithmetic on one tensor, an element at a time, is one activation";
            (OpKind::Activation { width, gated }, Role::Pointwise { cheap: false }, because)
        };
        for &gone in rest {
            self.absorb(exit, gone, because);
        }
        self.rewire(exit, vec![OpId(source)]);
        let kept = &mut self.drafts.list[exit as usize];
        kept.op.kind = kind;
        kept.role = role;
    }

    /// Pointwise operators and reductions that read nothing but `source` and each other, in order.
    fn reachable(&self, source: u32) -> Vec<u32> {
        let elements = self.drafts.list[source as usize].elements();
        let mut found: Vec<u32> = Vec::new();
        let mut candidates: BTreeSet<u32> = self.readers[source as usize].iter().copied().collect();
        while let Some(id) = candidates.pop_first() {
            let draft = &self.drafts.list[id as usize];
            let fits = (draft.role.is_pointwise() || draft.role == Role::Reduction)
                && draft.op.inputs.iter().all(|input| input.0 == source || found.contains(&input.0))
                && draft.elements() <= elements
                // A table for each position is no scale of a norm.
                && draft.op.parameters <= draft.op.output_width();
            if fits {
                found.push(id);
                candidates.extend(&self.readers[id as usize]);
            }
            if found.len() == REGION_MAX {
                break;
            }
        }
        found
    }

    /// Operators of a region whose results are seen outside.
    fn exits(&self, region: &[u32]) -> Vec<u32> {
        let seen = |&id: &u32| {
            let readers = &self.readers[id as usize];
            self.drafts.list[id as usize].is_output
                || readers.is_empty()
                || readers.iter().any(|reader| !region.contains(reader))
        };
        region.iter().copied().filter(seen).collect()
    }

    /// A product of an activation and another tensor of its shape is a gated activation.
    fn gate(&mut self, id: u32) {
        let draft = &self.drafts.list[id as usize];
        let &[OpId(a), OpId(b)] = &draft.op.inputs[..] else { return };
        if draft.gone || draft.op_type != "Mul" {
            return;
        }
        let elements = draft.elements();
        let is_gate = |gate: u32, other: u32| {
            let draft = &self.drafts.list[gate as usize];
            let [OpId(source)] = draft.op.inputs[..] else { return false };
            matches!(draft.op.kind, OpKind::Activation { gated: false, .. })
                && draft.role != Role::Softmax
                && self.is_private(gate, id)
                && [gate, other, source].iter().all(|&at| self.drafts.list[at as usize].elements() == elements)
        };
        let Some((gate, other)) = [(a, b), (b, a)].into_iter().find(|&(gate, other)| is_gate(gate, other)) else {
            return;
        };
        let width = draft.op.output_width();
        let source = self.inputs(gate)[0];
        self.absorb(id, gate, "one half passes an activation and multiplies the other");
        let inputs = if source.0 == other { vec![source] } else { vec![source, OpId(other)] };
        self.rewire(id, inputs);
        self.drafts.list[id as usize].op.kind = OpKind::Activation { width, gated: true };
    }

    /// A sum that only a norm reads is added by the norm, as [`crate::workload::Op::inputs`] has it.
    fn residual(&mut self, id: u32) {
        let &[OpId(sum)] = self.inputs(id) else { return };
        let both = self.inputs(sum).to_vec();
        let fits = self.role(id) == Role::Norm && self.role(sum) == Role::Sum && self.is_private(sum, id);
        let [OpId(a), OpId(b)] = both[..] else { return };
        if !fits {
            return;
        }
        self.absorb(id, sum, "a residual sum is taken by the norm that reads it");
        // The branch was computed from the stream, hence after it.
        self.rewire(id, vec![OpId(a.max(b)), OpId(a.min(b))]);
    }

    /// Leaves out what nobody reads and nothing was trained for, such as masks that attention does not need.
    fn unread(&mut self) {
        let mut left_out = 0_u64;
        let mut read: Vec<usize> = self.readers.iter().map(BTreeSet::len).collect();
        for id in (0..self.drafts.list.len()).rev() {
            let draft = &mut self.drafts.list[id];
            if draft.gone || draft.is_output || read[id] > 0 || draft.op.parameters > 0 {
                continue;
            }
            draft.gone = true;
            left_out += 1;
            for input in std::mem::take(&mut draft.op.inputs) {
                read[input.0 as usize] -= 1;
            }
        }
        if left_out > 0 {
            let words = format!("{left_out} operators that make masks or what nobody reads are left out");
            self.drafts.warnings.push(words);
        }
    }
}
