//! Slides boxes along one axis to where the wire is shortest, exactly, with their order kept.
//!
//! Wire along an axis is a sum of distances, and boxes that face each other keep theirs apart: a discrete convex
//! function (L-natural convex) of the coordinates. Steepest descent reaches its minimum: a minimum cut finds the set of
//! boxes whose common step by one core helps most (Murota, "Discrete Convex Analysis", 2003, chapter 10).

use std::collections::VecDeque;

use super::Problem;
use crate::hardware::Rect;

/// Most boxes that are slid; the cuts would take too long for more.
const BOXES_MAX: usize = 400;
/// Steps of one core along one axis, at most.
const STEPS_MAX: u32 = 2_000;

/// Slides all blocks along both axes until neither helps; rectangles stay apart and inside.
pub(super) fn slide(problem: &Problem<'_>, rects: &mut [Rect]) {
    if rects.len() > BOXES_MAX {
        return;
    }
    for _ in 0..8 {
        let before = problem.wire_halves(rects);
        for vertical in [false, true] {
            let mut axis = Axis::new(problem, rects, vertical);
            axis.descend();
            let slid = axis.applied(rects, vertical);
            if problem.wire_halves(&slid) <= problem.wire_halves(rects) {
                rects.copy_from_slice(&slid);
            }
        }
        if problem.wire_halves(rects) >= before {
            break;
        }
    }
}

/// All boxes seen along one axis.
struct Axis {
    at: Vec<i64>,
    length: Vec<i64>,
    end: i64,
    /// Pairs of boxes that face each other: the second not before the end of the first.
    ordered: Vec<(usize, usize)>,
    wires: Vec<(usize, usize, i64)>,
}

impl Axis {
    fn new(problem: &Problem<'_>, rects: &[Rect], vertical: bool) -> Self {
        let along = |rect: &Rect| if vertical { (rect.y, rect.height) } else { (rect.x, rect.width) };
        let across = |rect: &Rect| if vertical { (rect.x, rect.width) } else { (rect.y, rect.height) };
        let mut ordered = Vec::new();
        for (a, first) in rects.iter().enumerate() {
            for (b, second) in rects.iter().enumerate() {
                let ((x, width), (other_x, other_width)) = (across(first), across(second));
                let faces = x < other_x + other_width && other_x < x + width;
                if a != b && faces && along(first).0 < along(second).0 {
                    ordered.push((a, b));
                }
            }
        }
        Self {
            at: rects.iter().map(|rect| i64::from(along(rect).0)).collect(),
            length: rects.iter().map(|rect| i64::from(along(rect).1)).collect(),
            end: i64::from(if vertical { problem.height } else { problem.width }),
            ordered,
            wires: problem.wires.iter().map(|wire| (wire.from, wire.to, i64::from(wire.weight))).collect(),
        }
    }

    fn applied(&self, rects: &[Rect], vertical: bool) -> Vec<Rect> {
        let moved = |(rect, &at): (&Rect, &i64)| {
            let at = at as u32;
            if vertical { Rect { y: at, ..*rect } } else { Rect { x: at, ..*rect } }
        };
        rects.iter().zip(&self.at).map(moved).collect()
    }

    fn descend(&mut self) {
        let mut steps = 0;
        let mut idle = 0;
        while idle < 2 && steps < STEPS_MAX {
            if self.step() {
                idle = 0;
                steps += 1;
            } else {
                idle += 1;
                self.reverse();
            }
        }
        // An even number of reversals sees the axis as it was.
        if idle == 1 {
            self.reverse();
        }
    }

    /// Looks along the axis from the other end.
    fn reverse(&mut self) {
        for (at, length) in self.at.iter_mut().zip(&self.length) {
            *at = self.end - *at - length;
        }
        for pair in &mut self.ordered {
            *pair = (pair.1, pair.0);
        }
    }

    /// Moves the set that gains most one core onwards; false if none gains.
    fn step(&mut self) -> bool {
        let count = self.at.len();
        let (source, sink) = (count, count + 1);
        let mut unary = vec![0_i64; count];
        let mut cut = Cut::new(count + 2);
        let centre = |box_at: usize| 2 * self.at[box_at] + self.length[box_at];
        for &(a, b, weight) in &self.wires {
            // Change of the distance if only the first of the two moves.
            let alone = |apart: i64| weight * ((apart + 2).abs() - apart.abs());
            let (only_a, only_b) = (alone(centre(a) - centre(b)), alone(centre(b) - centre(a)));
            unary[a] -= only_b;
            unary[b] += only_b;
            cut.join(a, b, only_a + only_b);
        }
        for &(a, b) in &self.ordered {
            if self.at[a] + self.length[a] >= self.at[b] {
                cut.join(a, b, i64::MAX / 4);
            }
        }
        for (index, &price) in unary.iter().enumerate() {
            if self.at[index] + self.length[index] >= self.end {
                cut.join(index, sink, i64::MAX / 4);
            }
            if price > 0 {
                cut.join(index, sink, price);
            } else {
                cut.join(source, index, -price);
            }
        }
        let gain: i64 = unary.iter().map(|&price| (-price).max(0)).sum();
        if gain - cut.flow(source, sink) <= 0 {
            return false;
        }
        let side = cut.reached(source);
        for (at, moves) in self.at.iter_mut().zip(side) {
            *at += i64::from(moves);
        }
        true
    }
}

/// A minimum cut by augmenting along shortest paths.
struct Cut {
    arcs: Vec<Vec<usize>>,
    to: Vec<usize>,
    left: Vec<i64>,
}

impl Cut {
    fn new(nodes: usize) -> Self {
        Self { arcs: vec![Vec::new(); nodes], to: Vec::new(), left: Vec::new() }
    }

    fn join(&mut self, from: usize, to: usize, capacity: i64) {
        if capacity > 0 {
            self.arcs[from].push(self.to.len());
            self.arcs[to].push(self.to.len() + 1);
            self.to.extend([to, from]);
            self.left.extend([capacity, 0]);
        }
    }

    fn flow(&mut self, source: usize, sink: usize) -> i64 {
        let mut total = 0;
        while let Some(path) = self.path(source, sink) {
            let least = path.iter().map(|&arc| self.left[arc]).min().unwrap_or(0);
            for arc in path {
                self.left[arc] -= least;
                self.left[arc ^ 1] += least;
            }
            total += least;
        }
        total
    }

    /// The arcs of a shortest path with capacity left, from its end.
    fn path(&self, source: usize, sink: usize) -> Option<Vec<usize>> {
        let mut arc_to = vec![usize::MAX; self.arcs.len()];
        let mut open = VecDeque::from([source]);
        while let Some(node) = open.pop_front() {
            for &arc in &self.arcs[node] {
                let to = self.to[arc];
                if self.left[arc] > 0 && to != source && arc_to[to] == usize::MAX {
                    arc_to[to] = arc;
                    open.push_back(to);
                }
            }
            if arc_to[sink] != usize::MAX {
                break;
            }
        }
        let mut path = Vec::new();
        let mut node = sink;
        while node != source {
            let arc = arc_to[node];
            if arc == usize::MAX {
                return None;
            }
            path.push(arc);
            node = self.to[arc ^ 1];
        }
        Some(path)
    }

    /// Which boxes are still reached from the source, once the flow is full.
    fn reached(&self, source: usize) -> Vec<bool> {
        let mut reached = vec![false; self.arcs.len()];
        let mut open = vec![source];
        reached[source] = true;
        while let Some(node) = open.pop() {
            for &arc in &self.arcs[node] {
                if self.left[arc] > 0 && !std::mem::replace(&mut reached[self.to[arc]], true) {
                    open.push(self.to[arc]);
                }
            }
        }
        reached.truncate(self.arcs.len() - 2);
        reached
    }
}
