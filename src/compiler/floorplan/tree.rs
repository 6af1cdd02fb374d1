//! Slicing trees: leaves hold blocks, inner nodes stack two parts or set them side by side.
//!
//! Every node knows its shape curve. A change recomputes the curves between it and the root into second buffers, so that
//! taking it back only turns the buffers again.

use super::curve::{NEVER, add, invert};
use super::table::Table;

pub(super) const NONE: u32 = u32::MAX;

/// How an inner node divides its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The first part above the second.
    Stack,
    /// The first part to the left of the second.
    Beside,
}

impl Cut {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Stack => Self::Beside,
            Self::Beside => Self::Stack,
        }
    }
}

/// A change that can be taken back by applying its inverse.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// Two leaves exchange their blocks.
    SwapBlocks(u32, u32),
    /// An inner node cuts in the other direction.
    Flip(u32),
    /// An inner node exchanges its parts.
    Mirror(u32),
    /// All nodes below this one that cut in a direction exchange their parts.
    MirrorAll(u32, Cut),
    /// Two disjoint subtrees exchange their places.
    Exchange(u32, u32),
    /// The first subtree, with its parent, moves to the edge above the second: cut and order of the parent follow.
    Graft { moved: u32, onto: u32, cut: Cut, first: bool },
}

/// The state of the tree without curves: small enough to copy whenever a better one is found.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Children of node `n + i` at index `i`.
    pub(super) children: Vec<[u32; 2]>,
    pub(super) cuts: Vec<Cut>,
    pub(super) parents: Vec<u32>,
    /// Block of each leaf.
    pub(super) blocks: Vec<u32>,
    /// Leaf of each block.
    pub(super) leaf_of: Vec<u32>,
    pub(super) root: u32,
}

impl Shape {
    pub(super) fn leaves(&self) -> usize {
        self.blocks.len()
    }

    pub(super) fn is_leaf(&self, node: u32) -> bool {
        (node as usize) < self.blocks.len()
    }

    pub(super) fn inner(&self, node: u32) -> usize {
        node as usize - self.blocks.len()
    }

    pub(super) fn sibling(&self, node: u32) -> u32 {
        let [a, b] = self.children[self.inner(self.parents[node as usize])];
        if a == node { b } else { a }
    }

    /// Whether `above` is `node` or an ancestor of it.
    pub(super) fn holds(&self, above: u32, mut node: u32) -> bool {
        while node != NONE {
            if node == above {
                return true;
            }
            node = self.parents[node as usize];
        }
        false
    }

    fn replace_child(&mut self, parent: u32, old: u32, new: u32) {
        if parent == NONE {
            self.root = new;
        } else {
            let at = self.inner(parent);
            let slot = usize::from(self.children[at][1] == old);
            self.children[at][slot] = new;
        }
        self.parents[new as usize] = parent;
    }

    /// Applies a change and returns its inverse. Nodes whose curves depend on it are appended to `dirty`.
    pub(super) fn apply(&mut self, change: Change, dirty: &mut Vec<u32>) -> Change {
        match change {
            Change::SwapBlocks(a, b) => {
                self.blocks.swap(a as usize, b as usize);
                for leaf in [a, b] {
                    self.leaf_of[self.blocks[leaf as usize] as usize] = leaf;
                    dirty.push(self.parents[leaf as usize]);
                }
                change
            }
            Change::Flip(node) => {
                let at = self.inner(node);
                self.cuts[at] = self.cuts[at].other();
                dirty.push(node);
                change
            }
            Change::Mirror(node) => {
                let at = self.inner(node);
                self.children[at].reverse();
                change
            }
            Change::MirrorAll(node, cut) => {
                self.mirror_all(node, cut);
                change
            }
            Change::Exchange(a, b) => {
                let (above_a, above_b) = (self.parents[a as usize], self.parents[b as usize]);
                let slot = |shape: &Self, parent: u32, child: u32| {
                    usize::from(shape.children[shape.inner(parent)][1] == child)
                };
                let (slot_a, slot_b) = (slot(self, above_a, a), slot(self, above_b, b));
                let (inner_a, inner_b) = (self.inner(above_a), self.inner(above_b));
                self.children[inner_a][slot_a] = b;
                self.children[inner_b][slot_b] = a;
                self.parents[a as usize] = above_b;
                self.parents[b as usize] = above_a;
                dirty.extend([above_a, above_b]);
                change
            }
            Change::Graft { moved, onto, cut, first } => self.graft(moved, onto, cut, first, dirty),
        }
    }

    fn mirror_all(&mut self, node: u32, cut: Cut) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if self.is_leaf(node) {
                continue;
            }
            let at = self.inner(node);
            if self.cuts[at] == cut {
                self.children[at].reverse();
            }
            open.extend(self.children[at]);
        }
    }

    fn graft(&mut self, moved: u32, onto: u32, cut: Cut, first: bool, dirty: &mut Vec<u32>) -> Change {
        let parent = self.parents[moved as usize];
        let at = self.inner(parent);
        let sibling = self.sibling(moved);
        let was_first = self.children[at][0] == moved;
        let undo = Change::Graft { moved, onto: sibling, cut: self.cuts[at], first: was_first };
        let above = self.parents[parent as usize];
        self.replace_child(above, parent, sibling);
        dirty.push(above);
        let target_parent = self.parents[onto as usize];
        self.replace_child(target_parent, onto, parent);
        self.children[at] = if first { [moved, onto] } else { [onto, moved] };
        self.parents[onto as usize] = parent;
        self.cuts[at] = cut;
        dirty.push(parent);
        undo
    }
}

/// Slot of a leaf: twice the coordinates of its centre, in cores, and the least box in its slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) centre: [i32; 2],
    pub(super) size: [i16; 2],
}

/// Least width and height of a floorplan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: i16,
    pub(super) height: i16,
}

/// The curves of all inner nodes over a [`Shape`].
pub(super) struct Curves {
    /// Entries of one array: longest side and one.
    length: usize,
    /// Per inner node two buffers of two arrays: heights, widths.
    arrays: Vec<i16>,
    /// Which buffer of each inner node holds.
    turned: Vec<bool>,
    /// Per buffer, which arrays are filled: heights, widths.
    filled: Vec<[bool; 2]>,
    stamp: u32,
    stamps: Vec<u32>,
    /// Nodes of the last recomputation, to be turned back when it is rejected.
    touched: Vec<u32>,
    late: Vec<u32>,
}

impl Curves {
    pub(super) fn new(leaves: usize, side: u32) -> Self {
        let inner = leaves.saturating_sub(1);
        let length = side as usize + 1;
        Self {
            length,
            arrays: vec![NEVER; inner * 4 * length],
            turned: vec![false; inner],
            filled: vec![[false; 2]; inner * 2],
            stamp: 0,
            stamps: vec![0; inner],
            touched: Vec::new(),
            late: Vec::new(),
        }
    }

    fn buffer(&self, inner: usize) -> usize {
        inner * 2 + usize::from(self.turned[inner])
    }

    /// One array of a node; of an inner node it must be filled.
    fn array<'a>(&'a self, shape: &Shape, table: &'a Table, node: u32, widths: bool) -> &'a [i16] {
        if shape.is_leaf(node) {
            let curve = table.curve(shape.blocks[node as usize]);
            return if widths { curve.widths() } else { curve.heights() };
        }
        let at = (self.buffer(shape.inner(node)) * 2 + usize::from(widths)) * self.length;
        &self.arrays[at..at + self.length]
    }

    /// Makes sure that an inner node has the array that its parent adds.
    fn fill(&mut self, shape: &Shape, node: u32, widths: bool) {
        if shape.is_leaf(node) {
            return;
        }
        let buffer = self.buffer(shape.inner(node));
        if self.filled[buffer][usize::from(widths)] {
            return;
        }
        self.filled[buffer][usize::from(widths)] = true;
        let both = &mut self.arrays[buffer * 2 * self.length..(buffer + 1) * 2 * self.length];
        let (heights, width) = both.split_at_mut(self.length);
        if widths { invert(heights, width) } else { invert(width, heights) }
    }

    /// Recomputes one node from its parts, into its other buffer.
    fn compose(&mut self, shape: &Shape, table: &Table, node: u32) {
        let inner = shape.inner(node);
        let widths = shape.cuts[inner] == Cut::Beside;
        let [a, b] = shape.children[inner];
        self.fill(shape, a, widths);
        self.fill(shape, b, widths);
        self.turned[inner] = !self.turned[inner];
        let buffer = self.buffer(inner);
        self.filled[buffer] = [!widths, widths];
        // Taken out for a moment, since the parts are borrowed from the same store.
        let at = (buffer * 2 + usize::from(widths)) * self.length;
        let (before, rest) = self.arrays.split_at_mut(at);
        let (target, after) = rest.split_at_mut(self.length);
        let length = self.length;
        let turned = &self.turned;
        let part = |child: u32| -> &[i16] {
            if shape.is_leaf(child) {
                let curve = table.curve(shape.blocks[child as usize]);
                return if widths { curve.widths() } else { curve.heights() };
            }
            let inner = shape.inner(child);
            let from = ((inner * 2 + usize::from(turned[inner])) * 2 + usize::from(widths)) * length;
            if from < at { &before[from..from + length] } else { &after[from - at - length..from - at] }
        };
        add(part(a), part(b), target);
        self.touched.push(node);
    }

    /// Recomputes everything, as after a change of the target time.
    pub(super) fn compose_all(&mut self, shape: &Shape, table: &Table, order: &mut Vec<u32>) {
        self.touched.clear();
        order.clear();
        let mut open = vec![shape.root];
        while let Some(node) = open.pop() {
            if !shape.is_leaf(node) {
                order.push(node);
                open.extend(shape.children[shape.inner(node)]);
            }
        }
        for &node in order.iter().rev() {
            self.compose(shape, table, node);
        }
    }

    /// Recomputes the curves from the `dirty` nodes up to the root.
    pub(super) fn update(&mut self, shape: &Shape, table: &Table, dirty: &[u32]) {
        self.touched.clear();
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.stamps.fill(0);
            self.stamp = 1;
        }
        // Later paths end where they meet earlier ones, and are recomputed first.
        self.late.clear();
        let mut starts = Vec::with_capacity(dirty.len());
        for &start in dirty {
            let from = self.late.len();
            let mut node = start;
            while node != NONE && self.stamps[shape.inner(node)] != self.stamp {
                self.stamps[shape.inner(node)] = self.stamp;
                self.late.push(node);
                node = shape.parents[node as usize];
            }
            starts.push((from, self.late.len()));
        }
        let late = std::mem::take(&mut self.late);
        for &(from, to) in starts.iter().rev() {
            for &node in &late[from..to] {
                self.compose(shape, table, node);
            }
        }
        self.late = late;
    }

    /// Forgets the last recomputation.
    pub(super) fn revert(&mut self, shape: &Shape) {
        for index in 0..self.touched.len() {
            let inner = shape.inner(self.touched[index]);
            self.turned[inner] = !self.turned[inner];
        }
        self.touched.clear();
    }

    /// Least size of the whole that exceeds the area least, and by how much in both directions together.
    pub(super) fn size(&mut self, shape: &Shape, table: &Table, area: [u32; 2]) -> Option<(Size, u32)> {
        self.fill(shape, shape.root, false);
        let heights = self.array(shape, table, shape.root, false);
        let (width, height) = (area[0] as usize, area[1] as i16);
        if heights[width] <= height {
            return Some((Size { width: width as i16, height: heights[width] }, 0));
        }
        let over = |wide: usize| (wide - width) as u32 + (heights[wide] - height).max(0) as u32;
        let best = (width..self.length).filter(|&wide| heights[wide] < NEVER).min_by_key(|&wide| over(wide))?;
        Some((Size { width: best as i16, height: heights[best] }, over(best)))
    }

    /// Places every leaf in a floorplan of `size`, parts next to each other in the middle of their slot.
    pub(super) fn spots(
        &self,
        shape: &Shape,
        table: &Table,
        size: Size,
        open: &mut Vec<(u32, [i32; 2], [i16; 2])>,
        spots: &mut [Spot],
    ) {
        open.clear();
        open.push((shape.root, [i32::from(size.width), i32::from(size.height)], [size.width, size.height]));
        // Entries: node, twice the centre of its slot, size of its slot.
        while let Some((node, centre, [width, height])) = open.pop() {
            if shape.is_leaf(node) {
                spots[shape.blocks[node as usize] as usize] = Spot { centre, size: [width, height] };
                continue;
            }
            let inner = shape.inner(node);
            let [a, b] = shape.children[inner];
            if shape.cuts[inner] == Cut::Stack {
                let first = self.array(shape, table, a, false)[width as usize];
                let second = self.array(shape, table, b, false)[width as usize];
                open.push((a, [centre[0], centre[1] - i32::from(second)], [width, first]));
                open.push((b, [centre[0], centre[1] + i32::from(first)], [width, second]));
            } else {
                let first = self.array(shape, table, a, true)[height as usize];
                let second = self.array(shape, table, b, true)[height as usize];
                open.push((a, [centre[0] - i32::from(second), centre[1]], [first, height]));
                open.push((b, [centre[0] + i32::from(first), centre[1]], [second, height]));
            }
        }
    }
}
