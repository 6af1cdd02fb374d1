//! Trees to begin with: the blocks in the order in which data flows, in columns side by side, every other one upwards.

use super::Problem;
use super::table::Table;
use super::tree::{Cut, NONE, Shape};

/// The blocks in an order that follows the wires, each chain without a break where that is possible.
pub(super) fn order(problem: &Problem<'_>) -> Vec<u32> {
    let count = problem.blocks.len();
    let mut next = vec![Vec::new(); count];
    let mut waiting_for = vec![0_u32; count];
    for wire in &problem.wires {
        next[wire.from].push(wire.to);
        waiting_for[wire.to] += 1;
    }
    let mut placed = vec![false; count];
    let mut order = Vec::with_capacity(count);
    let mut ready: Vec<usize> = (0..count).rev().filter(|&block| waiting_for[block] == 0).collect();
    let mut first_left = 0;
    while order.len() < count {
        // A circle has no beginning: its first block is as good as any.
        let block = ready.pop().unwrap_or_else(|| {
            while placed[first_left] {
                first_left += 1;
            }
            first_left
        });
        if std::mem::replace(&mut placed[block], true) {
            continue;
        }
        order.push(block as u32);
        for &to in next[block].iter().rev() {
            waiting_for[to] = waiting_for[to].saturating_sub(1);
            if waiting_for[to] == 0 && !placed[to] {
                ready.push(to);
            }
        }
    }
    order
}

/// A tree of `columns` columns of about equal area.
pub(super) fn columns(order: &[u32], columns: usize, table: &Table, area: [u32; 2]) -> Shape {
    let weights: Vec<u64> = order.iter().map(|&block| table.least_area(block, area).unwrap_or(1)).collect();
    let total: u64 = weights.iter().sum();
    let mut groups: Vec<Vec<u32>> = vec![Vec::new(); columns];
    let mut before = 0;
    for (&block, &weight) in order.iter().zip(&weights) {
        let middle = u128::from(2 * before + weight) * columns as u128 / u128::from(2 * total.max(1));
        groups[(middle as usize).min(columns - 1)].push(block);
        before += weight;
    }
    let mut builder = Builder::new(order.len());
    let mut parts = Vec::new();
    for (index, group) in groups.iter_mut().filter(|group| !group.is_empty()).enumerate() {
        if index % 2 == 1 {
            group.reverse();
        }
        let leaves: Vec<u32> = group.iter().map(|&block| builder.leaf(block)).collect();
        parts.push(builder.balanced(&leaves, Cut::Stack));
    }
    let root = builder.balanced(&parts, Cut::Beside);
    builder.finish(root)
}

/// Puts a tree together.
pub(super) struct Builder {
    shape: Shape,
    leaves: u32,
}

impl Builder {
    pub(super) fn new(count: usize) -> Self {
        let shape = Shape {
            children: Vec::with_capacity(count),
            cuts: Vec::with_capacity(count),
            parents: vec![NONE; 2 * count - 1],
            blocks: vec![0; count],
            leaf_of: vec![0; count],
            root: NONE,
        };
        Self { shape, leaves: 0 }
    }

    pub(super) fn leaf(&mut self, block: u32) -> u32 {
        let leaf = self.leaves;
        self.leaves += 1;
        self.shape.blocks[leaf as usize] = block;
        self.shape.leaf_of[block as usize] = leaf;
        leaf
    }

    pub(super) fn join(&mut self, a: u32, b: u32, cut: Cut) -> u32 {
        let node = (self.shape.leaves() + self.shape.children.len()) as u32;
        self.shape.children.push([a, b]);
        self.shape.cuts.push(cut);
        self.shape.parents[a as usize] = node;
        self.shape.parents[b as usize] = node;
        node
    }

    /// Joins parts in their order with as few levels as possible, which keeps moves cheap.
    pub(super) fn balanced(&mut self, parts: &[u32], cut: Cut) -> u32 {
        if let [part] = parts {
            return *part;
        }
        let (a, b) = parts.split_at(parts.len() / 2);
        let (a, b) = (self.balanced(a, cut), self.balanced(b, cut));
        self.join(a, b, cut)
    }

    pub(super) fn finish(mut self, root: u32) -> Shape {
        self.shape.root = root;
        self.shape
    }
}
