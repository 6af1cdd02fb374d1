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
use crate::workload::OpId;

/// What the user holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hand {
    pub op: OpId,
    pub width: u32,
    pub height: u32,
}

/// Kernels on an otherwise empty wafer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    pub placed: Vec<(OpId, Rect)>,
    pub hand: Option<Hand>,
    undo: Vec<Vec<(OpId, Rect)>>,
    redo: Vec<Vec<(OpId, Rect)>>,
}

/// Whether a kernel may be dropped, and what it would do there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub rect: Rect,
    /// Worst first; empty if it may.
    pub violations: Vec<Violation>,
    /// Cores that clash with something.
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

    fn change(&mut self, change: impl FnOnce(&mut Vec<(OpId, Rect)>)) {
        self.undo.push(self.placed.clone());
        self.redo.clear();
        change(&mut self.placed);
    }

    /// Judges what is in hand with its north-west corner at `corner`.
    pub fn judge(&self, scene: &Scene, corner: Core) -> Option<Judgement> {
        let Hand { op, width, height } = self.hand?;
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
        violations.extend(check::check_rect(&who, rect, &scene.device, &scene.defects));
        let shape = resident::shape(&scene.graph, &scene.device, &scene.program.job, op, (width, height));
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
            PlaceAction::Pick(op) => {
                draft.hand = hand_for(&scene, draft, op);
                if draft.rect_of(op).is_some() {
                    draft.change(|placed| placed.retain(|(held, _)| *held != op));
                }
            }
            PlaceAction::PickNext => {
                let next = scene.program.kernels.iter().map(|kernel| kernel.op).find(|&op| draft.rect_of(op).is_none());
                draft.hand = next.and_then(|op| hand_for(&scene, draft, op));
            }
            PlaceAction::PutBack => draft.hand = None,
            PlaceAction::Rotate => {
                if let Some(hand) = &mut draft.hand {
                    (hand.width, hand.height) = (hand.height, hand.width);
                }
            }
            PlaceAction::Drop(corner) => {
                let Some(judgement) = draft.judge(&scene, corner) else { return };
                if let (true, Some(hand)) = (judgement.violations.is_empty(), draft.hand) {
                    draft.change(|placed| placed.push((hand.op, judgement.rect)));
                    draft.hand = None;
                }
            }
            PlaceAction::Undo => {
                if let Some(before) = draft.undo.pop() {
                    draft.redo.push(std::mem::replace(&mut draft.placed, before));
                }
            }
            PlaceAction::Redo => {
                if let Some(after) = draft.redo.pop() {
                    draft.undo.push(std::mem::replace(&mut draft.placed, after));
                }
            }
            PlaceAction::Begin | PlaceAction::FinishAndRun | PlaceAction::Abandon => {}
        }
    }

    fn begin_draft(&mut self) {
        let Some(scene) = self.scene() else { return };
        if scene.program.job.mapping != crate::compiler::Mapping::Resident {
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
        self.draft = Some(Draft { placed: placed.collect(), ..Draft::default() });
        self.apply(Action::Time(TimeAction::Pause));
    }

    fn finish_draft(&mut self) {
        let Some(scene) = self.scene().cloned() else { return };
        let Some(draft) = self.draft.take() else { return };
        let pinned = draft.placed.iter().map(|&(op, rect)| {
            let owner = scene.graph.op(op);
            PinnedKernel { block: owner.block, op: owner.name.clone(), rect }
        });
        let pinned: Vec<PinnedKernel> = pinned.collect();
        if self.document.scenario.pinned != pinned {
            self.document.scenario.pinned = pinned;
            // What was recorded belongs to another layout.
            self.document.scenario.recording = None;
            self.document.changed = true;
        }
        self.start();
    }
}

/// The kernel with the size it had when it was last placed, by the user or by the compiler.
fn hand_for(scene: &Scene, draft: &Draft, op: OpId) -> Option<Hand> {
    let compiled = || {
        let index = scene.program.kernels.iter().position(|kernel| kernel.op == op)?;
        let region = scene.program.kernels[index].regions.start;
        Some(scene.program.regions[region as usize].rect)
    };
    let rect = draft.rect_of(op).or_else(compiled)?;
    Some(Hand { op, width: rect.width, height: rect.height })
}
