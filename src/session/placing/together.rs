//! Hand and compiler together: the compiler fills in or improves a draft on a thread of its own, and what it proposes is
//! held against the draft before anything changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::draft::Draft;
use super::history::Change;
use super::tally::{Tally, tally};
use crate::compiler::{Author, Placement, Search, Thought};
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

/// Moves of the floorplanner for a wafer of its own, and for each kernel that is placed around others that stay.
const MOVES: u64 = 60_000;
const MOVES_AROUND: u64 = 200;
/// Pause between two reports of the search, unless it has found something better.
const REPORT_EVERY: Duration = Duration::from_millis(50);

/// How far the search for a proposal is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thinking {
    pub phase: &'static str,
    pub moves: u64,
    /// ANALYTIC cycles of a run on the best layout so far.
    pub best: u64,
    /// The same on shelves, which need no search.
    pub shelves: u64,
    /// The best layout so far; empty while that is the one on shelves.
    pub layout: Vec<Rect>,
}

/// What the one who asked says meanwhile.
const GO_ON: u8 = 0;
/// End the search and offer the best so far.
const ENOUGH: u8 = 1;

/// A proposal that is being made.
#[derive(Debug)]
pub struct Pending {
    pub wish: Wish,
    outcome: Receiver<Proposal>,
    thoughts: Receiver<Thinking>,
    said: Arc<AtomicU8>,
}

impl Drop for Pending {
    /// Nobody waits any more, so the search may end.
    fn drop(&mut self) {
        self.enough();
    }
}

/// The end of the channel that reports how far a search is: of reports that wait, the newest wins.
struct Reporter {
    thoughts: Sender<Thinking>,
    /// The other end, to take out what nobody has looked at.
    waiting: Receiver<Thinking>,
    last: Thinking,
    reported: Option<Instant>,
    waker: Waker,
    said: Arc<AtomicU8>,
}

impl Reporter {
    /// Takes a thought in, and says whether to end the search.
    fn report(&mut self, thought: &Thought<'_>) -> bool {
        let better = thought.layout.is_some();
        if let Some(layout) = thought.layout {
            self.last.layout = layout.iter().filter(|(wafer, _)| *wafer == 0).map(|(_, rect)| *rect).collect();
        }
        let Thought { phase, moves, best, shelves, .. } = *thought;
        self.last = Thinking { phase, moves, best, shelves, layout: std::mem::take(&mut self.last.layout) };
        if better || self.reported.is_none_or(|reported| reported.elapsed() >= REPORT_EVERY) {
            self.reported = Some(Instant::now());
            let _older = self.waiting.try_recv().is_ok();
            let _told = self.thoughts.try_send(self.last.clone()).is_ok();
            self.waker.wake();
        }
        self.said.load(Ordering::Relaxed) == ENOUGH
    }
}

impl Pending {
    /// Asks the compiler. `None` if the system gives no thread.
    pub(super) fn ask(wish: Wish, prepared: &Prepared, draft: &Draft, waker: Waker) -> Option<Self> {
        let (told, outcome) = bounded(1);
        let placed = draft.placed.clone();
        let kept = placed.iter().filter(|(op, _)| wish == Wish::Finish || draft.held.contains(op));
        let pinned: Vec<Placement> = kept.map(|&(op, rect)| Placement { op, wafer: 0, rect }).collect();
        let free = prepared.graph.ops.len().saturating_sub(pinned.len()).max(1) as u64;
        let moves = if pinned.is_empty() { MOVES } else { (MOVES_AROUND * free).min(MOVES) };
        let prepared = Prepared { pinned, ..prepared.clone() };
        let (thoughts, waiting) = bounded(1);
        let said = Arc::new(AtomicU8::new(GO_ON));
        let mut reporter = Reporter {
            thoughts,
            waiting: waiting.clone(),
            last: Thinking::default(),
            reported: None,
            waker: waker.clone(),
            said: Arc::clone(&said),
        };
        let work = move || {
            let mut watch = |thought: &Thought<'_>| reporter.report(thought);
            let scene = prepared.compile_longer(Some(Search { moves: Some(moves), watch: &mut watch }));
            let proposal = propose(wish, &scene, &placed);
            // If nobody waits any more, so much the better.
            let _told = told.send(proposal).is_ok();
        };
        let asked = Self { wish, outcome, thoughts: waiting, said };
        on_a_thread("proposal", waker, work).then_some(asked)
    }

    /// Asks for the best so far instead of what a longer search would find.
    pub(super) fn enough(&self) {
        self.said.store(ENOUGH, Ordering::Relaxed);
    }

    /// The newest report of the search that has not been looked at.
    pub(super) fn thinking(&self) -> Option<Thinking> {
        self.thoughts.try_recv().ok()
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
