//! Hand and compiler together: the compiler fills in or improves a draft on a thread of its own, and what it proposes is
//! held against the draft before anything changes.

use crossbeam_channel::{Receiver, TryRecvError, bounded};

use super::draft::Draft;
use super::history::Change;
use super::tally::{Tally, tally};
use crate::compiler::{Author, Placement};
use crate::hardware::Rect;
use crate::scenario::Prepared;
use crate::session::jobs::on_a_thread;
use crate::sim::Scene;
use crate::sim::thread::Waker;
use crate::workload::OpId;

/// What the compiler is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Place what has no place, and leave the rest.
    Finish,
    /// Place everything anew but what is held.
    Improve,
}

impl Wish {
    /// The words that name it on the screen.
    pub fn words(self) -> &'static str {
        match self {
            Self::Finish => "Finish the rest",
            Self::Improve => "Improve",
        }
    }
}

/// A layout that the compiler offers instead of the draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub wish: Wish,
    pub placed: Vec<(OpId, Rect)>,
    /// What differs from the draft.
    pub changes: Vec<Change>,
    pub before: Tally,
    pub after: Tally,
    /// Why the proposal would not run either.
    pub violations: Vec<String>,
}

impl Proposal {
    /// Kernels that it places, moves and leaves without a place.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&Change) -> bool| self.changes.iter().filter(|change| wanted(change)).count();
        (
            count(|change| change.from.is_none()),
            count(|change| change.from.is_some() && change.to.is_some()),
            count(|change| change.to.is_none()),
        )
    }

    /// What it did, for the history.
    pub(super) fn label(&self) -> String {
        let (placed, moved, _) = self.counts();
        match self.wish {
            Wish::Finish => format!("let the compiler place {placed} kernels"),
            Wish::Improve => format!("let the compiler move {moved} kernels"),
        }
    }
}

/// A proposal that is being made.
#[derive(Debug)]
pub struct Pending {
    pub wish: Wish,
    outcome: Receiver<Proposal>,
}

impl Pending {
    /// Asks the compiler. `None` if the system gives no thread.
    pub(super) fn ask(wish: Wish, prepared: &Prepared, draft: &Draft, waker: Waker) -> Option<Self> {
        let (told, outcome) = bounded(1);
        let placed = draft.placed.clone();
        let kept = placed.iter().filter(|(op, _)| wish == Wish::Finish || draft.held.contains(op));
        let pinned = kept.map(|&(op, rect)| Placement { op, wafer: 0, rect }).collect();
        let prepared = Prepared { pinned, ..prepared.clone() };
        let work = move || {
            let proposal = propose(wish, &prepared.compile(), &placed);
            // If nobody waits any more, so much the better.
            let _told = told.send(proposal).is_ok();
        };
        on_a_thread("proposal", waker, work).then_some(Self { wish, outcome })
    }

    /// The proposal, once it is there; an error if its thread ended without one.
    pub(super) fn finished(&self) -> Option<Result<Proposal, ()>> {
        match self.outcome.try_recv() {
            Ok(proposal) => Some(Ok(proposal)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(())),
        }
    }
}

/// What the program of `scene` would change about `before`.
fn propose(wish: Wish, scene: &Scene, before: &[(OpId, Rect)]) -> Proposal {
    let program = &scene.program;
    let region = |index: u32| program.regions[index as usize].rect;
    let mut placed: Vec<(OpId, Rect)> =
        program.kernels.iter().map(|kernel| (kernel.op, region(kernel.regions.start))).collect();
    placed.sort_by_key(|(op, _)| *op);
    let of = |layout: &[(OpId, Rect)], op: OpId| {
        layout.binary_search_by_key(&op, |(own, _)| *own).ok().map(|at| layout[at].1)
    };
    let mut ops: Vec<OpId> = placed.iter().chain(before).map(|(op, _)| *op).collect();
    ops.sort_unstable();
    ops.dedup();
    let changes = ops.into_iter().map(|op| Change { op, from: of(before, op), to: of(&placed, op) });
    let changes = changes.filter(|change| change.from != change.to).collect();
    Proposal {
        wish,
        changes,
        before: tally(scene, before),
        after: tally(scene, &placed),
        placed,
        violations: program.violations.iter().map(ToString::to_string).collect(),
    }
}

impl Draft {
    /// Takes a proposal over as one step of undo. What the compiler placed is not held.
    pub(super) fn accept(&mut self, scene: &Scene, proposal: &Proposal) {
        self.put_back();
        for change in &proposal.changes {
            self.held.remove(&change.op);
        }
        self.change(scene, Author::Compiler, proposal.label(), proposal.changes.clone());
    }
}
