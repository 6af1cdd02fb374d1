//! Placing by hand: a draft of pinned kernels, the one in hand, and the judgement of where it hovers.
//!
//! A draft holds only what the user has placed; the compiler places the rest when asked. The judge is the compiler's
//! own, so that what is dropped legally also compiles.

use crate::compiler::{Violation, check, resident};
use crate::hardware::{Core, Rect};
use crate::scenario::PinnedKernel;
use crate::session::{Action, NoticeKind, PlaceAction, Session, TimeAction};
use crate::sim::Scene;
use crate::units::Cycles;
use crate::workload::{OpId, OpKind};

/// What the user holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hand {
    pub op: OpId,
    pub width: u32,
    pub height: u32,
    /// Where it was picked up; `None` for one that had no place.
    pub from: Option<Rect>,
}

/// Kernels on an otherwise empty wafer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// In the order of the operators, without the one in hand.
    pub placed: Vec<(OpId, Rect)>,
    pub hand: Option<Hand>,
    /// What was placed last; the next kernel in hand is the one behind it.
    last: Option<OpId>,
    undo: Vec<Vec<(OpId, Rect)>>,
    redo: Vec<Vec<(OpId, Rect)>>,
}

/// A placed kernel that what is in hand exchanges data with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub op: OpId,
    pub rect: Rect,
    pub hops: u32,
    pub end: End,
}

/// Which end of a stream a neighbour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It sends.
    Source,
    /// It receives.
    Sink,
}

/// Whether a kernel may be dropped, and what it would do there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub rect: Rect,
    /// Worst first; empty if it may.
    pub violations: Vec<Violation>,
    /// Where it clashes: with kernels, with dead cores, or beyond the wafer's edge.
    pub clashes: Vec<Rect>,
    /// Time for one micro-batch on this shape.
    pub cycles: Cycles,
    pub sram_bytes_per_core: u64,
}

impl Draft {
    /// Where an operator is, if it is placed.
    pub fn rect_of(&self, op: OpId) -> Option<Rect> {
        self.placed.iter().find(|(placed, _)| *placed == op).map(|(_, rect)| *rect)
    }

    /// Whether something can be undone, and redone.
    pub fn can_undo_redo(&self) -> (bool, bool) {
        (!self.undo.is_empty(), !self.redo.is_empty())
    }

    /// Puts what is in hand back to where it was picked up, or nowhere if it had no place.
    fn put_back(&mut self) {
        if let Some(Hand { op, from: Some(rect), .. }) = self.hand.take() {
            self.insert(op, rect);
        }
    }

    fn insert(&mut self, op: OpId, rect: Rect) {
        self.placed.retain(|(held, _)| *held != op);
        let at = self.placed.partition_point(|(held, _)| *held < op);
        self.placed.insert(at, (op, rect));
    }

    /// Ends what the hand began: it goes to `rect`, or off the wafer. One step of undo.
    fn settle(&mut self, rect: Option<Rect>) {
        let Some(hand) = self.hand else { return };
        self.put_back();
        self.hand = None;
        if rect.is_none() && hand.from.is_none() {
            return;
        }
        self.undo.push(self.placed.clone());
        self.redo.clear();
        match rect {
            Some(rect) => {
                self.insert(hand.op, rect);
                self.last = Some(hand.op);
            }
            None => self.placed.retain(|(held, _)| *held != hand.op),
        }
    }

    fn pick(&mut self, scene: &Scene, op: OpId) {
        self.put_back();
        self.hand = hand_for(scene, self, op);
        if self.hand.is_some() {
            self.placed.retain(|(held, _)| *held != op);
        }
    }

    /// The next kernel in the order of flow that has no place, after the one in hand or the one placed last.
    fn next(&self, scene: &Scene) -> Option<OpId> {
        let ops = placeable(scene);
        let from = self.hand.map(|hand| hand.op).or(self.last);
        let after = from.and_then(|from| ops.iter().position(|&op| op == from));
        let (before, behind) = ops.split_at(after.map_or(0, |index| index + 1));
        // One that fits no rectangle cannot be taken in hand, and must not hide those behind it.
        let takes = |op: OpId| self.rect_of(op).is_none() && hand_for(scene, self, op).is_some();
        behind.iter().chain(before).copied().find(|&op| takes(op))
    }

    /// The placed kernels before and after `op` in the order of flow, with the hops to it if it stood at `rect`.
    pub fn neighbours(&self, scene: &Scene, op: OpId, rect: Rect) -> Vec<Neighbour> {
        let ops = placeable(scene);
        let Some(index) = ops.iter().position(|&other| other == op) else { return Vec::new() };
        let ends = [(index.checked_sub(1), End::Source), (Some(index + 1), End::Sink)];
        let placed = ends.into_iter().filter_map(|(index, end)| {
            let op = *ops.get(index?)?;
            let placed = self.rect_of(op)?;
            Some(Neighbour { op, rect: placed, hops: resident::hops(placed, rect), end })
        });
        placed.collect()
    }

    /// Judges what is in hand with its north-west corner at `corner`.
    pub fn judge(&self, scene: &Scene, corner: Core) -> Option<Judgement> {
        let Hand { op, width, height, .. } = self.hand?;
        let rect = Rect { x: corner.x, y: corner.y, width, height };
        let who = resident::label_of(&scene.graph, op);
        let mut violations = Vec::new();
        let mut clashes = Vec::new();
        for (other, placed) in self.placed.iter().filter(|(other, _)| *other != op) {
            if let Some(shared) = rect.intersection(placed) {
                let with = resident::label_of(&scene.graph, *other);
                violations.push(Violation::Overlap { who: who.clone(), with, cores: shared.cores() });
                clashes.push(shared);
            }
        }
        violations.sort_by_key(|violation| match violation {
            Violation::Overlap { cores, .. } => std::cmp::Reverse(*cores),
            _ => std::cmp::Reverse(0),
        });
        violations.extend(check::check_rect(&who, rect, &scene.device, &scene.defects));
        clashes.extend(unusable(scene, rect));
        let shape = resident::shape(&scene.graph, &scene.device, &scene.program, op, (width, height));
        let available = u64::from(scene.device.sram_bytes_per_core.value);
        if shape.sram_bytes_per_core > available {
            violations.push(Violation::SramExceeded { who, needed: shape.sram_bytes_per_core, available });
        }
        Some(Judgement {
            rect,
            violations,
            clashes,
            cycles: shape.cycles,
            sram_bytes_per_core: shape.sram_bytes_per_core,
        })
    }
}

impl Session {
    pub(super) fn apply_place(&mut self, action: PlaceAction) {
        match action {
            PlaceAction::Begin => return self.begin_draft(),
            PlaceAction::FinishAndRun => return self.finish_draft(),
            PlaceAction::Abandon => {
                self.draft = None;
                return;
            }
            _ => {}
        }
        let Some(scene) = self.scene().cloned() else { return };
        let Some(draft) = &mut self.draft else { return };
        match action {
            PlaceAction::Pick(op) => draft.pick(&scene, op),
            PlaceAction::PickNext => {
                if let Some(op) = draft.next(&scene) {
                    draft.pick(&scene, op);
                }
            }
            PlaceAction::PutBack => draft.put_back(),
            PlaceAction::TakeOff => draft.settle(None),
            PlaceAction::Rotate => {
                if let Some(hand) = &mut draft.hand {
                    (hand.width, hand.height) = (hand.height, hand.width);
                }
            }
            PlaceAction::Drop(corner) => {
                let judgement = draft.judge(&scene, corner);
                if let Some(judgement) = judgement.filter(|judgement| judgement.violations.is_empty()) {
                    draft.settle(Some(judgement.rect));
                }
            }
            PlaceAction::Undo => {
                draft.put_back();
                if let Some(before) = draft.undo.pop() {
                    draft.redo.push(std::mem::replace(&mut draft.placed, before));
                }
            }
            PlaceAction::Redo => {
                draft.put_back();
                if let Some(after) = draft.redo.pop() {
                    draft.undo.push(std::mem::replace(&mut draft.placed, after));
                }
            }
            PlaceAction::Begin | PlaceAction::FinishAndRun | PlaceAction::Abandon => {}
        }
    }

    fn begin_draft(&mut self) {
        let Some(scene) = self.scene() else { return };
        if scene.program.job.mapping == crate::compiler::Mapping::Streaming {
            return self.tell(
                NoticeKind::Info,
                "Nothing to place here",
                "While weights stream, every operator uses the whole wafer. Open the tiny transformer to place kernels.",
            );
        }
        let pinned = &self.document.scenario.pinned;
        let placed = pinned.iter().filter_map(|kernel| {
            let op = scene.graph.find(kernel.block, &kernel.op)?;
            Some((op, kernel.rect))
        });
        let mut placed: Vec<(OpId, Rect)> = placed.collect();
        placed.sort_by_key(|(op, _)| *op);
        self.draft = Some(Draft { placed, ..Draft::default() });
        self.apply(Action::Time(TimeAction::Pause));
    }

    fn finish_draft(&mut self) {
        let Some(scene) = self.scene().cloned() else { return };
        let Some(mut draft) = self.draft.take() else { return };
        draft.put_back();
        let pinned = draft.placed.iter().map(|&(op, rect)| {
            let owner = scene.graph.op(op);
            PinnedKernel { block: owner.block, op: owner.name.clone(), wafer: 0, rect }
        });
        let pinned: Vec<PinnedKernel> = pinned.collect();
        if self.document.scenario.pinned != pinned {
            self.document.scenario.pinned = pinned;
            // What was recorded belongs to another layout.
            self.document.scenario.recording = None;
            self.edited();
        }
        self.start();
    }
}

/// The parts of a rectangle that lie beyond the wafer or on cores that are lost.
fn unusable(scene: &Scene, rect: Rect) -> Vec<Rect> {
    let (columns, rows) = (scene.device.fabric_columns.value, scene.device.fabric_rows.value);
    let mut parts = Vec::new();
    if rect.right() > columns {
        let x = rect.x.max(columns);
        parts.push(Rect { x, width: rect.right() - x, ..rect });
    }
    if rect.bottom() > rows {
        let y = rect.y.max(rows);
        parts.push(Rect { y, height: rect.bottom() - y, ..rect });
    }
    if scene.defects.lost_count() > 0 {
        let right = rect.right().min(columns);
        for y in rect.y..rect.bottom().min(rows) {
            let x = scene.defects.placed_columns(y).max(rect.x);
            if x < right {
                parts.push(Rect { x, y, width: right - x, height: 1 });
            }
        }
    }
    parts
}

/// Operators that become kernels, in the order of flow, whether the compiler found a place for them or not.
fn placeable(scene: &Scene) -> Vec<OpId> {
    let ops = scene.graph.iter().filter(|(_, op)| !matches!(op.kind, OpKind::Loss { .. }));
    ops.map(|(id, _)| id).collect()
}

/// The kernel with the size it had when it was last placed, by the user or by the compiler; else with one that fits.
fn hand_for(scene: &Scene, draft: &Draft, op: OpId) -> Option<Hand> {
    let from = draft.rect_of(op);
    let held = from.or_else(|| compiled(scene, op)).map(|rect| (rect.width, rect.height));
    let fitting = || resident::default_shape(&scene.graph, &scene.device, &scene.program, op);
    let (width, height) = held.or_else(fitting)?;
    Some(Hand { op, width, height, from })
}

/// Where an operator lives in the program that was compiled last.
pub fn compiled(scene: &Scene, op: OpId) -> Option<Rect> {
    let kernel = scene.program.kernels.iter().find(|kernel| kernel.op == op)?;
    Some(scene.program.regions[kernel.regions.start as usize].rect)
}
