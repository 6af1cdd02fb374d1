//! Placing by hand on the level of the session: what is dropped legally runs exactly there, what is not changes nothing.

#![expect(clippy::unwrap_used, reason = "a test that lacks its scene fails on the spot")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use waferscope::compiler::{Author, Decision, Program, Violation};
use waferscope::hardware::{Core, Rect};
use waferscope::scenario::library;
use waferscope::session::{Action, Document, End, PlaceAction, Session};
use waferscope::sim::thread::Waker;
use waferscope::workload::OpId;

/// A session on the tiny transformer whose run has ended.
fn tiny() -> Session {
    let shipped = library::ALL.iter().find(|shipped| shipped.name == "tiny-resident").unwrap();
    let mut session = Session::new(Some(Document::unsaved(shipped.scenario())), Waker::new(|| {}));
    wait(&mut session);
    session
}

fn wait(session: &mut Session) {
    let begun = Instant::now();
    while session.run.as_ref().is_none_or(|run| run.summary.is_none() && run.refusal.is_none()) {
        assert!(begun.elapsed() < Duration::from_mins(1), "the engine did not finish");
        std::thread::sleep(Duration::from_millis(2));
        session.update(Duration::from_millis(2));
    }
}

fn op(session: &Session, name: &str) -> OpId {
    session.scene().unwrap().graph.find(Some(0), name).unwrap()
}

fn place(session: &mut Session, action: PlaceAction) {
    session.apply(Action::Place(action));
}

fn placed(session: &Session, name: &str) -> Option<Rect> {
    session.draft.as_ref().unwrap().rect_of(op(session, name))
}

/// Whether the program says that the user put `op` on `rect`.
fn placed_by_hand(program: &Program, op: OpId, rect: Rect) -> bool {
    let placed = Decision::RegionPlaced { op, wafer: 0, rect };
    program.steps.iter().any(|step| step.author == Author::User && step.decision == placed)
}

#[test]
fn what_is_dropped_runs_exactly_there() {
    let mut session = tiny();
    let (up, act) = (op(&session, "mlp.up"), op(&session, "mlp.act"));
    place(&mut session, PlaceAction::Begin);
    place(&mut session, PlaceAction::Pick(act));
    place(&mut session, PlaceAction::Drop(Core { x: 400, y: 300 }));
    let rest = placed(&session, "mlp.act").unwrap();

    place(&mut session, PlaceAction::Pick(up));
    let scene = Arc::clone(session.scene().unwrap());
    let draft = session.draft.as_ref().unwrap();
    let illegal = draft.judge(&scene, Core { x: rest.x, y: rest.y }).unwrap();
    let shared = illegal.rect.intersection(&rest).unwrap();
    assert!(matches!(&illegal.violations[..], [Violation::Overlap { cores, .. }] if *cores == shared.cores()));
    assert_eq!(illegal.clashes, [shared]);
    let before = draft.clone();
    place(&mut session, PlaceAction::Drop(Core { x: rest.x, y: rest.y }));
    assert_eq!(session.draft.as_ref(), Some(&before), "an illegal drop changes nothing");

    place(&mut session, PlaceAction::Rotate);
    let corner = Core { x: rest.right() + 7, y: 311 };
    let draft = session.draft.as_ref().unwrap();
    let judgement = draft.judge(&scene, corner).unwrap();
    assert!(judgement.violations.is_empty() && judgement.clashes.is_empty(), "{judgement:?}");
    let neighbours = draft.neighbours(&scene, up, judgement.rect);
    let [neighbour] = neighbours[..] else { panic!("{neighbours:?}") };
    let middles = (judgement.rect.centre(), rest.centre());
    let hops = middles.0.x.abs_diff(middles.1.x) + middles.0.y.abs_diff(middles.1.y);
    assert_eq!((neighbour.op, neighbour.hops, neighbour.end), (act, hops, End::Sink));
    place(&mut session, PlaceAction::Drop(corner));
    let dropped = placed(&session, "mlp.up").unwrap();
    assert_eq!((dropped.x, dropped.y), (corner.x, corner.y));

    place(&mut session, PlaceAction::Undo);
    assert_eq!((placed(&session, "mlp.up"), placed(&session, "mlp.act")), (None, Some(rest)));
    place(&mut session, PlaceAction::Redo);
    assert_eq!(placed(&session, "mlp.up"), Some(dropped));

    place(&mut session, PlaceAction::FinishAndRun);
    wait(&mut session);
    let run = session.run.as_ref().unwrap();
    assert_eq!(run.refusal, None);
    let program = &run.scene.as_ref().unwrap().program;
    assert!(program.is_valid(), "{:?}", program.violations);
    assert_eq!(program.kernels.len(), scene.program.kernels.len(), "the compiler places the rest");
    for (op, rect) in [(up, dropped), (act, rest)] {
        let kernel = program.kernels.iter().find(|kernel| kernel.op == op).unwrap();
        assert_eq!(program.regions[kernel.regions.start as usize].rect, rect);
        assert!(placed_by_hand(program, op, rect));
    }
    assert!(run.trace.finished && run.trace.edge > 0);
    let last = run.trace.tracks.last().unwrap().intervals.last().unwrap();
    assert_eq!(last.task.micro_batch + 1, program.schedule.micro_batches(), "the last sequence left the last kernel");
    assert_eq!(session.scenario().pinned.len(), 2);
    assert!(session.document.changed);
}

#[test]
fn the_hand_gives_back_what_it_took() {
    let mut session = tiny();
    let (up, act) = (op(&session, "mlp.up"), op(&session, "mlp.act"));
    place(&mut session, PlaceAction::Begin);
    place(&mut session, PlaceAction::Pick(up));
    place(&mut session, PlaceAction::Drop(Core { x: 50, y: 60 }));
    let rect = placed(&session, "mlp.up");
    let before = session.draft.clone();
    // Picked up and put back, by itself and by picking another.
    place(&mut session, PlaceAction::Pick(up));
    assert_eq!(placed(&session, "mlp.up"), None);
    place(&mut session, PlaceAction::PutBack);
    assert_eq!(session.draft, before);
    place(&mut session, PlaceAction::Pick(up));
    place(&mut session, PlaceAction::Pick(act));
    assert_eq!(placed(&session, "mlp.up"), rect);
    place(&mut session, PlaceAction::PutBack);
    // Moved: one step back brings it home, however often it was turned.
    place(&mut session, PlaceAction::Pick(up));
    place(&mut session, PlaceAction::Rotate);
    place(&mut session, PlaceAction::Drop(Core { x: 200, y: 600 }));
    assert_ne!(placed(&session, "mlp.up"), rect);
    place(&mut session, PlaceAction::Undo);
    assert_eq!(placed(&session, "mlp.up"), rect);
    // Taken off: it is the compiler's again.
    place(&mut session, PlaceAction::Pick(up));
    place(&mut session, PlaceAction::TakeOff);
    assert_eq!(placed(&session, "mlp.up"), None);
    place(&mut session, PlaceAction::Undo);
    assert_eq!(placed(&session, "mlp.up"), rect);
    // The next in hand is the one behind what was placed last.
    place(&mut session, PlaceAction::Pick(up));
    place(&mut session, PlaceAction::Drop(Core { x: 50, y: 60 }));
    place(&mut session, PlaceAction::PickNext);
    assert_eq!(session.draft.as_ref().unwrap().hand.unwrap().op, act);
    // It is never one that has a place, and asking again goes on.
    place(&mut session, PlaceAction::PickNext);
    let first = session.draft.as_ref().unwrap().hand.unwrap().op;
    place(&mut session, PlaceAction::PickNext);
    let second = session.draft.as_ref().unwrap().hand.unwrap().op;
    assert!(first != second && first != up && second != up);
}

#[test]
fn what_the_compiler_rejected_is_placed_by_hand() {
    let shipped = library::ALL.iter().find(|shipped| shipped.name == "llama-70b-does-not-fit").unwrap();
    let mut session = Session::new(Some(Document::unsaved(shipped.scenario())), Waker::new(|| {}));
    wait(&mut session);
    let scene = Arc::clone(session.scene().unwrap());
    let rejected = scene.program.steps.iter().find_map(|step| match step.decision {
        Decision::Rejected { op, .. } => Some(op),
        _ => None,
    });
    let rejected = rejected.unwrap();
    place(&mut session, PlaceAction::Begin);
    place(&mut session, PlaceAction::Pick(rejected));
    let hand = session.draft.as_ref().unwrap().hand.unwrap();
    assert_eq!((hand.op, hand.from), (rejected, None));
    let judgement = session.draft.as_ref().unwrap().judge(&scene, Core { x: 0, y: 0 }).unwrap();
    assert_eq!(judgement.violations, [], "the shape offered fits an empty wafer");
    place(&mut session, PlaceAction::Drop(Core { x: 0, y: 0 }));
    place(&mut session, PlaceAction::FinishAndRun);
    wait(&mut session);
    assert!(placed_by_hand(&session.scene().unwrap().program, rejected, judgement.rect));
}
