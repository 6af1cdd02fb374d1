//! Placing: by hand, watching the compiler, or together with it.
//!
//! [`draft`] holds what is placed and in hand, [`judge`] says whether the hand may be opened, [`suggest`] where it would
//! best be, [`survey`] what is wrong with the whole; [`watch`] plays the compiler's decisions, [`together`] lets it finish
//! or improve a draft. This file is what a session does with them.

pub mod draft;
pub mod ground;
pub mod history;
pub mod judge;
pub mod links;
mod shapes;
pub mod suggest;
pub mod survey;
pub mod tally;
pub mod together;
pub mod walk;
pub mod watch;

use std::time::Duration;

pub use draft::{Draft, Hand};
pub use judge::{End, Judgement, Neighbour, Verdict};
pub use links::Links;
pub use suggest::Spot;
pub use survey::{Problem, Rule, Survey};
pub use tally::Tally;
pub use together::{Proposal, Thinking, Wish};
pub use watch::{Watch, WatchAction};

use crate::compiler::Mapping;
use crate::hardware::{Core, Rect};
use crate::scenario::PinnedKernel;
use crate::session::{Action, Manner, NoticeKind, PlaceAction, Session, TimeAction};
use crate::sim::Scene;
use crate::workload::{OpId, OpKind};

/// Who places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum How {
    #[default]
    ByHand,
    /// The compiler's decisions are played.
    Watch,
    /// The user holds some kernels, the compiler does the rest.
    Together,
}

impl How {
    /// All ways, as they are offered.
    pub const ALL: [Self; 3] = [Self::ByHand, Self::Watch, Self::Together];

    /// The words that name it on the screen.
    pub fn words(self) -> &'static str {
        match self {
            Self::ByHand => "By hand",
            Self::Watch => "Watch",
            Self::Together => "Together",
        }
    }
}

/// Everything about placing that a session holds beside the draft itself.
#[derive(Debug, Default)]
pub struct Desk {
    pub how: How,
    pub survey: Survey,
    /// What the survey was made of, other than the draft.
    surveyed: Option<std::sync::Arc<crate::compiler::Program>>,
    pub watch: Option<Watch>,
    /// What the compiler offers, until it is accepted or not.
    pub proposal: Option<Proposal>,
    /// How far the search for a proposal is, while there is one.
    pub thinking: Option<Thinking>,
    pub(super) pending: Option<together::Pending>,
    /// Shapes of what is or was in hand.
    pub walks: walk::Walks,
    /// The spot that was jumped to last.
    spot: Option<usize>,
}

impl Desk {
    /// What the compiler is asked at this moment.
    pub fn asked(&self) -> Option<Wish> {
        self.pending.as_ref().map(|pending| pending.wish)
    }

    /// Forgets what the compiler was asked and what it offers.
    fn withdraw(&mut self) {
        self.proposal = None;
        self.pending = None;
        self.thinking = None;
    }

    /// Whether something moves by itself.
    pub(super) fn is_moving(&self) -> bool {
        self.how == How::Watch && self.watch.as_ref().is_some_and(Watch::is_playing)
    }
}

impl Session {
    pub(super) fn apply_place(&mut self, action: PlaceAction) {
        let Some(scene) = self.scene().cloned() else { return };
        let watches = match action {
            PlaceAction::Begin | PlaceAction::Abandon | PlaceAction::How(How::Watch) => true,
            PlaceAction::Watch(action) => action != WatchAction::Elsewhere,
            _ => false,
        };
        if !watches && self.wafers() > 1 {
            let words = format!(
                "Kernels are placed by hand on one wafer; this program runs on a row of {}. What the compiler decided \
                 for it can be watched.",
                self.wafers()
            );
            return self.tell(NoticeKind::Info, "Nothing to place by hand", &words);
        }
        let before =
            (!matches!(action, PlaceAction::Hover(_))).then(|| self.draft.as_ref().map(Draft::layout)).flatten();
        match action {
            PlaceAction::Begin => self.begin_draft(),
            PlaceAction::Run => self.run_draft(),
            PlaceAction::Abandon => self.abandon_draft(),
            PlaceAction::How(how) => self.turn_to(&scene, how),
            PlaceAction::Watch(WatchAction::Elsewhere) => self.place_elsewhere(&scene),
            PlaceAction::Watch(action) => {
                if let Some(watch) = &mut self.desk.watch {
                    watch.apply(action);
                    self.wafer = watch.wafer().unwrap_or(self.wafer);
                }
            }
            PlaceAction::Ask(wish) => self.ask(wish),
            PlaceAction::Accept => {
                if let (Some(draft), Some(proposal)) = (&mut self.draft, self.desk.proposal.take()) {
                    draft.accept(&scene, &proposal);
                }
            }
            PlaceAction::Enough => {
                if let Some(pending) = &self.desk.pending {
                    pending.enough();
                }
            }
            PlaceAction::Decline => self.desk.withdraw(),
            _ => {
                if !matches!(action, PlaceAction::Hover(_)) {
                    // What was proposed is no answer to another draft.
                    self.desk.withdraw();
                }
                self.apply_hand(&scene, action);
            }
        }
        if let (Some(before), Some(draft)) = (before, &self.draft)
            && before != draft.layout()
        {
            self.edits.edit_layout();
            self.document.changed = true;
        }
        if let Some(op) = self.draft.as_ref().and_then(|draft| draft.hand).map(|hand| hand.op) {
            self.desk.walks.ask(&scene, op, &self.waker);
        }
        self.survey();
    }

    /// Leaves placing without what was not saved of it.
    fn abandon_draft(&mut self) {
        self.draft = None;
        self.desk = Desk::default();
        self.edits.forget_layout();
        self.document.changed = self.edits.unsaved() > 0;
        let saved = self.document.scenario.pinned.len();
        if self.prepared.as_ref().is_some_and(|prepared| prepared.pinned.len() != saved) {
            // The layout was saved while it was placed and has not run yet.
            self.start();
        }
    }

    /// What the hand does.
    fn apply_hand(&mut self, scene: &Scene, action: PlaceAction) {
        let desk = &mut self.desk;
        let Some(draft) = &mut self.draft else { return };
        let limits = (scene.device.fabric_columns.value, scene.device.fabric_rows.value);
        match action {
            PlaceAction::Pick(op) => draft.pick(scene, op),
            PlaceAction::PickNext => {
                if let Some(op) = draft.next(scene) {
                    draft.pick(scene, op);
                }
            }
            PlaceAction::PutBack => draft.put_back(),
            PlaceAction::TakeOff => draft.settle(scene, None),
            PlaceAction::Rotate => {
                if let Some(Hand { width, height, .. }) = draft.hand {
                    draft.reshape((height, width));
                }
            }
            PlaceAction::Shape(width, height) => draft.reshape((width, height)),
            PlaceAction::Resize { dx, dy } => {
                if let Some(Hand { width, height, .. }) = draft.hand {
                    let side = |from: u32, by: i32, limit: u32| from.saturating_add_signed(by).clamp(1, limit.max(1));
                    draft.reshape((side(width, dx, limits.0), side(height, dy, limits.1)));
                }
            }
            PlaceAction::NextShape { back, far } => {
                let walk = draft.hand.and_then(|hand| desk.walks.of(scene, hand.op));
                match (walk, draft.hand) {
                    (Some(walk), Some(Hand { width, height, .. })) => {
                        let next = if far { walk::far } else { walk::next };
                        if let Some(shape) = next(walk, (width, height), back) {
                            draft.reshape(shape);
                        }
                    }
                    _ => draft.walk_shapes(back),
                }
            }
            PlaceAction::Hover(corner) => {
                desk.spot = None;
                if let Some(hand) = &mut draft.hand {
                    hand.at = Some(corner);
                }
            }
            PlaceAction::Move { dx, dy } => {
                desk.spot = None;
                if let Some(hand) = &mut draft.hand {
                    let start = hand.at.unwrap_or_default();
                    hand.at = Some(Core { x: moved(start.x, dx, limits.0), y: moved(start.y, dy, limits.1) });
                }
            }
            PlaceAction::Slide { dx, dy } => {
                desk.spot = None;
                draft.slide(limits, dx, dy);
            }
            PlaceAction::NextSpot { back } => {
                let count = desk.survey.spots.len();
                let next = match (desk.spot, back) {
                    (None, false) => 0,
                    (None, true) => count.saturating_sub(1),
                    (Some(spot), false) => (spot + 1) % count.max(1),
                    (Some(spot), true) => (spot + count.max(1) - 1) % count.max(1),
                };
                if let (Some(hand), Some(spot)) = (&mut draft.hand, desk.survey.spots.get(next)) {
                    hand.at = Some(Core { x: spot.rect.x, y: spot.rect.y });
                    desk.spot = Some(next);
                }
            }
            PlaceAction::Drop { at, manner } => {
                let Some(corner) = at.or(draft.hand.and_then(|hand| hand.at)) else { return };
                let Some(judgement) = draft.judge(scene, &desk.survey, corner) else { return };
                if judgement.violations.is_empty() || manner == Manner::Anyway {
                    draft.settle(scene, Some(judgement.rect));
                    if manner == Manner::AndCopy {
                        draft.copy_last(scene, (judgement.rect.width, judgement.rect.height));
                    }
                }
            }
            PlaceAction::Hold(op) => draft.hold(op),
            PlaceAction::Undo => {
                draft.undo();
            }
            PlaceAction::Redo => {
                draft.redo();
            }
            PlaceAction::UndoTo(count) => draft.undo_to(count),
            _ => {}
        }
        if draft.hand.is_none() {
            desk.spot = None;
        }
    }

    /// Brings the survey up to date with draft and program.
    fn survey(&mut self) {
        let (Some(scene), Some(draft)) = (self.run.as_ref().and_then(|run| run.scene.as_ref()), &self.draft) else {
            return;
        };
        let desk = &mut self.desk;
        let same = desk.surveyed.as_ref().is_some_and(|program| std::sync::Arc::ptr_eq(program, &scene.program));
        desk.survey.refresh(scene, draft, !same);
        desk.surveyed = Some(std::sync::Arc::clone(&scene.program));
    }

    /// Lets the list of decisions play, and collects what the compiler proposes.
    pub(super) fn update_desk(&mut self, elapsed: Duration) {
        if let Some(watch) = self.desk.watch.as_mut().filter(|_| self.desk.how == How::Watch) {
            let before = watch.at();
            watch.advance(elapsed);
            if watch.at() != before {
                self.wafer = watch.wafer().unwrap_or(self.wafer);
            }
        }
        self.survey();
        self.desk.walks.collect();
        if let Some(thinking) = self.desk.pending.as_ref().and_then(together::Pending::thinking) {
            self.desk.thinking = Some(thinking);
        }
        let Some(outcome) = self.desk.pending.as_ref().and_then(together::Pending::finished) else { return };
        self.desk.pending = None;
        self.desk.thinking = None;
        match outcome {
            Ok(proposal) if proposal.changes.is_empty() => {
                let why = proposal.violations.first().cloned();
                let words = why.unwrap_or_else(|| "The compiler would place everything where it is.".to_owned());
                self.tell(NoticeKind::Info, "Nothing to change", &words);
            }
            Ok(proposal) => self.desk.proposal = Some(proposal),
            Err(()) => {
                let words = "The compiler stopped on a fault of this program. The draft is as it was.";
                self.tell(NoticeKind::Error, "No proposal", words);
            }
        }
    }

    fn turn_to(&mut self, scene: &Scene, how: How) {
        self.desk.how = how;
        self.desk.withdraw();
        if let Some(draft) = &mut self.draft {
            draft.put_back();
        }
        if how == How::Watch && self.desk.watch.as_ref().is_none_or(|watch| !watch.is_of(scene)) {
            self.desk.watch = Some(Watch::of(scene));
        }
    }

    /// Goes on by hand from the decision that is watched: what was placed before it stays, its kernel is in hand.
    fn place_elsewhere(&mut self, scene: &Scene) {
        let Some(watch) = &self.desk.watch else { return };
        let Some(op) = watch.step().and_then(|step| step.decision.op()) else { return };
        let before = watch.layout_at(watch.at().saturating_sub(1));
        let Some(draft) = &mut self.draft else { return };
        let label = format!("fork at decision {} of {}", watch.at(), watch.count());
        draft.put_back();
        let mut ops: Vec<OpId> = draft.placed.iter().chain(&before).map(|(op, _)| *op).collect();
        ops.sort_unstable();
        ops.dedup();
        let kept = |own: OpId| before.iter().find(|(placed, _)| *placed == own && own != op).map(|(_, rect)| *rect);
        let changes = ops.into_iter().map(|own| history::Change { op: own, from: draft.rect_of(own), to: kept(own) });
        let changes: Vec<history::Change> = changes.filter(|change| change.from != change.to).collect();
        draft.held.clear();
        if !changes.is_empty() {
            draft.change(scene, crate::compiler::Author::Compiler, label, changes);
        }
        self.desk.how = How::ByHand;
        draft.pick(scene, op);
        if let Some(hand) = &mut draft.hand {
            hand.at = compiled(scene, op).map(|rect| Core { x: rect.x, y: rect.y });
        }
    }

    fn ask(&mut self, wish: Wish) {
        let (Some(prepared), Some(draft)) = (&self.prepared, &mut self.draft) else { return };
        draft.put_back();
        self.desk.how = How::Together;
        self.desk.withdraw();
        self.desk.pending = together::Pending::ask(wish, prepared, draft, self.waker.clone());
        if self.desk.pending.is_none() {
            self.tell(NoticeKind::Error, "No proposal", "The system gave no thread for the compiler.");
        }
    }

    fn begin_draft(&mut self) {
        let Some(scene) = self.scene().cloned() else { return };
        if scene.program.job.mapping == Mapping::Streaming {
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
        self.draft = Some(Draft::of(placed.collect()));
        self.desk = Desk::default();
        if self.wafers() > 1 {
            self.turn_to(&scene, How::Watch);
        }
        self.apply(Action::Time(TimeAction::Pause));
    }

    /// Runs the draft exactly as it is, or says why it does not run.
    fn run_draft(&mut self) {
        let Some(scene) = self.scene().cloned() else { return };
        let Some(draft) = &mut self.draft else { return };
        draft.put_back();
        self.survey();
        if let Some(blocked) = self.desk.survey.blocked() {
            let words = format!("{blocked}. Each is listed in the checker; press F8 to go from one to the next.");
            return self.tell(NoticeKind::Warning, "The draft does not run yet", &words);
        }
        let Some(draft) = self.draft.take() else { return };
        self.desk = Desk::default();
        let pinned = draft.placed.iter().map(|&(op, rect)| {
            let owner = scene.graph.op(op);
            PinnedKernel { block: owner.block, op: owner.name.clone(), wafer: 0, rect }
        });
        let pinned: Vec<PinnedKernel> = pinned.collect();
        if self.document.scenario.pinned == pinned {
            self.edits.forget_layout();
        } else {
            self.document.scenario.pinned = pinned;
            // What was recorded belongs to another layout.
            self.document.scenario.recording = None;
            self.edits.take_layout_over();
        }
        self.document.changed = self.edits.unsaved() > 0;
        self.start();
    }
}

/// A corner `by` cores farther, between the first core and the last.
fn moved(from: u32, by: i32, limit: u32) -> u32 {
    from.saturating_add_signed(by).min(limit.saturating_sub(1))
}

/// Operators that become kernels, in the order of flow, whether the compiler found a place for them or not.
pub fn placeable(scene: &Scene) -> Vec<OpId> {
    let ops = scene.graph.iter().filter(|(_, op)| !matches!(op.kind, OpKind::Loss { .. }));
    ops.map(|(id, _)| id).collect()
}

/// Where an operator lives in the program that was compiled last.
pub fn compiled(scene: &Scene, op: OpId) -> Option<Rect> {
    let kernel = scene.program.kernels.iter().find(|kernel| kernel.op == op)?;
    Some(scene.program.regions[kernel.regions.start as usize].rect)
}
