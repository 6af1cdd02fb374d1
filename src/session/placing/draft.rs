//! A draft: what is placed, what is in hand, and the labelled history of how it came to be.
//!
//! A draft holds only what the user has placed or accepted; nothing in it needs to be legal. What is wrong with it says
//! [`super::survey`].

use std::collections::BTreeSet;

use super::history::{Change, History};
use super::{placeable, shapes};
use crate::compiler::{Author, resident};
use crate::hardware::{Core, Rect};
use crate::sim::Scene;
use crate::workload::OpId;

/// Cores that a slide covers at most.
const SLIDE_MAX: u32 = 100;

/// What the user holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hand {
    pub op: OpId,
    pub width: u32,
    pub height: u32,
    /// Where it was picked up; `None` for one that had no place.
    pub from: Option<Rect>,
    /// North-west corner of where it hovers; `None` until it has been over the wafer.
    pub at: Option<Core>,
}

impl Hand {
    /// The cores under it if its north-west corner is at `corner`.
    pub fn rect_at(&self, corner: Core) -> Rect {
        Rect { x: corner.x, y: corner.y, width: self.width, height: self.height }
    }

    /// The cores under it.
    pub fn rect(&self) -> Option<Rect> {
        self.at.map(|corner| self.rect_at(corner))
    }
}

/// Kernels on an otherwise empty wafer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// In the order of the operators, without the one in hand.
    pub placed: Vec<(OpId, Rect)>,
    pub hand: Option<Hand>,
    /// Kernels that the compiler leaves where they are when it improves the rest.
    pub held: BTreeSet<OpId>,
    /// Shapes that are offered for what is in hand, fewest columns first.
    pub shapes: Vec<(u32, u32)>,
    pub history: History,
    /// What was placed last; the next kernel in hand is the one behind it.
    last: Option<OpId>,
}

impl Draft {
    /// A draft of `placed`, all of them held.
    pub fn of(mut placed: Vec<(OpId, Rect)>) -> Self {
        placed.sort_by_key(|(op, _)| *op);
        let held = placed.iter().map(|(op, _)| *op).collect();
        Self { placed, held, ..Self::default() }
    }

    /// What is placed, with what is in hand back in its place.
    pub fn layout(&self) -> Vec<(OpId, Rect)> {
        let mut layout = self.placed.clone();
        if let Some(Hand { op, from: Some(rect), .. }) = self.hand {
            layout.insert(layout.partition_point(|(placed, _)| *placed < op), (op, rect));
        }
        layout
    }

    /// Where an operator is, if it is placed.
    pub fn rect_of(&self, op: OpId) -> Option<Rect> {
        let at = self.placed.binary_search_by_key(&op, |(placed, _)| *placed).ok()?;
        Some(self.placed[at].1)
    }

    /// Whether something can be undone, and redone.
    pub fn can_undo_redo(&self) -> (bool, bool) {
        (self.history.undone().is_some(), self.history.redone().is_some())
    }

    /// Puts what is in hand back to where it was picked up, or nowhere if it had no place.
    pub(super) fn put_back(&mut self) {
        if let Some(Hand { op, from, .. }) = self.hand.take() {
            self.set(op, from);
        }
    }

    fn set(&mut self, op: OpId, rect: Option<Rect>) {
        self.placed.retain(|(held, _)| *held != op);
        if let Some(rect) = rect {
            let at = self.placed.partition_point(|(held, _)| *held < op);
            self.placed.insert(at, (op, rect));
        }
    }

    /// Ends what the hand began: it goes to `rect`, or off the wafer. One step of undo.
    pub(super) fn settle(&mut self, scene: &Scene, rect: Option<Rect>) {
        let Some(hand) = self.hand else { return };
        self.put_back();
        if rect == hand.from {
            return;
        }
        let name = resident::label_of(&scene.graph, hand.op);
        let label = match (hand.from, rect) {
            (None, _) => format!("place {name}"),
            (Some(_), None) => format!("take {name} off"),
            (Some(from), Some(to)) if (from.width, from.height) != (to.width, to.height) => format!("reshape {name}"),
            (Some(_), Some(_)) => format!("move {name}"),
        };
        let change = Change { op: hand.op, from: hand.from, to: rect };
        self.change(scene, Author::User, label, vec![change]);
        if rect.is_some() {
            self.last = Some(hand.op);
            self.held.insert(hand.op);
        }
    }

    /// Does all `changes` as one step of undo.
    pub(super) fn change(&mut self, scene: &Scene, author: Author, label: String, changes: Vec<Change>) {
        for change in &changes {
            self.set(change.op, change.to);
        }
        let after = super::tally::tally(scene, &self.placed);
        self.history.add(author, label, changes, after);
    }

    /// Takes one step of the history back. Returns whether there was one.
    pub(super) fn undo(&mut self) -> bool {
        self.put_back();
        let changes = self.history.back();
        for change in changes.iter().rev() {
            self.set(change.op, change.from);
        }
        !changes.is_empty()
    }

    /// Does the step that was taken back last again. Returns whether there was one.
    pub(super) fn redo(&mut self) -> bool {
        self.put_back();
        let changes = self.history.forth();
        for change in &changes {
            self.set(change.op, change.to);
        }
        !changes.is_empty()
    }

    /// Goes to the draft as it was after `count` steps.
    pub(super) fn undo_to(&mut self, count: usize) {
        while self.history.at() > count && self.undo() {}
        while self.history.at() < count && self.redo() {}
    }

    /// Takes `op` in hand, with the size it had when it was last placed, by the user or by the compiler; else with one
    /// that fits. What was in hand goes back.
    pub(super) fn pick(&mut self, scene: &Scene, op: OpId) {
        let at = self.hand.and_then(|hand| hand.at);
        self.put_back();
        let Some(mut hand) = hand_for(scene, self, op) else { return };
        hand.at = hand.from.map(|rect| Core { x: rect.x, y: rect.y }).or(at);
        self.placed.retain(|(held, _)| *held != op);
        self.shapes = shapes::offered(scene, op, (hand.width, hand.height));
        self.hand = Some(hand);
    }

    /// Gives what is in hand another shape around the same middle.
    pub(super) fn reshape(&mut self, (width, height): (u32, u32)) {
        let Some(hand) = &mut self.hand else { return };
        if let Some(corner) = &mut hand.at {
            *corner = Core {
                x: (corner.x + hand.width / 2).saturating_sub(width / 2),
                y: (corner.y + hand.height / 2).saturating_sub(height / 2),
            };
        }
        (hand.width, hand.height) = (width, height);
    }

    /// Moves what is in hand in one direction until one of its sides meets a side of a placed kernel or of the wafer, at
    /// most [`SLIDE_MAX`] cores.
    pub(super) fn slide(&mut self, (columns, rows): (u32, u32), dx: i32, dy: i32) {
        let Some(mut hand) = self.hand else { return };
        let start = hand.at.unwrap_or_default();
        let sides = |low: fn(&Rect) -> u32, high: fn(&Rect) -> u32| {
            self.placed.iter().flat_map(move |(_, rect)| [low(rect), high(rect)])
        };
        let next = |from: u32, length: u32, limit: u32, forwards: bool, sides: &mut dyn Iterator<Item = u32>| {
            let corners = sides.chain([0, limit]).flat_map(|side| [Some(side), side.checked_sub(length)]).flatten();
            if forwards {
                let met = corners.filter(|&corner| corner > from).min().unwrap_or(u32::MAX);
                met.min(from + SLIDE_MAX).min(limit.saturating_sub(1))
            } else {
                let met = corners.filter(|&corner| corner < from).max().unwrap_or(0);
                met.max(from.saturating_sub(SLIDE_MAX))
            }
        };
        let x = if dx == 0 {
            start.x
        } else {
            next(start.x, hand.width, columns, dx > 0, &mut sides(|rect| rect.x, Rect::right))
        };
        let y = if dy == 0 {
            start.y
        } else {
            next(start.y, hand.height, rows, dy > 0, &mut sides(|rect| rect.y, Rect::bottom))
        };
        hand.at = Some(Core { x, y });
        self.hand = Some(hand);
    }

    /// The next shape that is offered, or the one before.
    pub(super) fn walk_shapes(&mut self, back: bool) {
        let Some(hand) = self.hand else { return };
        let count = self.shapes.len();
        let at = self.shapes.iter().position(|&shape| shape == (hand.width, hand.height));
        let next = match (at, back) {
            (Some(at), false) => (at + 1) % count,
            (Some(at), true) => (at + count - 1) % count,
            (None, _) => 0,
        };
        if let Some(&shape) = self.shapes.get(next) {
            self.reshape(shape);
        }
    }

    /// The next kernel in the order of flow that has no place, after the one in hand or the one placed last.
    pub fn next(&self, scene: &Scene) -> Option<OpId> {
        let ops = placeable(scene);
        let from = self.hand.map(|hand| hand.op).or(self.last);
        let after = from.and_then(|from| ops.iter().position(|&op| op == from));
        let (before, behind) = ops.split_at(after.map_or(0, |index| index + 1));
        // One that fits no rectangle cannot be taken in hand, and must not hide those behind it.
        let takes = |op: OpId| self.rect_of(op).is_none() && hand_for(scene, self, op).is_some();
        behind.iter().chain(before).copied().find(|&op| takes(op))
    }

    /// Holds a kernel, or lets it go.
    pub(super) fn hold(&mut self, op: OpId) {
        if !self.held.remove(&op) {
            self.held.insert(op);
        }
    }

    /// After a drop: takes the same kernel of the next block that has none, with the same shape.
    pub(super) fn copy_last(&mut self, scene: &Scene, shape: (u32, u32)) {
        let Some(last) = self.last else { return };
        let owner = scene.graph.op(last);
        let Some(block) = owner.block else { return };
        let alike = scene.graph.iter().filter(|(_, op)| op.name == owner.name && op.block > Some(block));
        let Some(op) = alike.map(|(id, _)| id).find(|&op| self.rect_of(op).is_none()) else { return };
        self.pick(scene, op);
        self.reshape(shape);
    }
}

/// What a hand holds that takes `op`.
fn hand_for(scene: &Scene, draft: &Draft, op: OpId) -> Option<Hand> {
    let from = draft.rect_of(op);
    let held = from.or_else(|| super::compiled(scene, op)).map(|rect| (rect.width, rect.height));
    let fitting = || resident::default_shape(&scene.graph, &scene.device, &scene.program, op);
    let (width, height) = held.or_else(fitting)?;
    Some(Hand { op, width, height, from, at: None })
}
