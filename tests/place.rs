//! Placing by hand on the level of the session: what is dropped legally runs exactly there, what is not changes nothing.

#![expect(clippy::unwrap_used, reason = "a test that lacks its scene fails on the spot")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use waferscope::compiler::{Author, Decision, Program, Violation};
use waferscope::hardware::{Core, Rect};
use waferscope::scenario::library;
use waferscope::session::placing::Rule;
use waferscope::session::{
    Action, Document, End, How, Manner, PlaceAction, Session, Verdict, Watch, WatchAction, Wish,
};
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

/// Lets the compiler place what has no place, and takes that over.
fn finish(session: &mut Session, wish: Wish) {
    place(session, PlaceAction::Ask(wish));
    let begun = Instant::now();
    while session.desk.proposal.is_none() {
        assert!(begun.elapsed() < Duration::from_mins(1), "no proposal came");
        std::thread::sleep(Duration::from_millis(2));
        session.update(Duration::from_millis(2));
    }
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
    place(&mut session, PlaceAction::drop_at(Core { x: 400, y: 300 }));
    let rest = placed(&session, "mlp.act").unwrap();

    place(&mut session, PlaceAction::Pick(up));
    let scene = Arc::clone(session.scene().unwrap());
    let survey = session.desk.survey.clone();
    let draft = session.draft.as_ref().unwrap();
    let illegal = draft.judge(&scene, &survey, Core { x: rest.x, y: rest.y }).unwrap();
    let shared = illegal.rect.intersection(&rest).unwrap();
    assert!(matches!(&illegal.violations[..], [Violation::Overlap { cores, .. }] if *cores == shared.cores()));
    assert_eq!(illegal.clashes, [shared]);
    let before = draft.clone();
    place(&mut session, PlaceAction::drop_at(Core { x: rest.x, y: rest.y }));
    assert_eq!(session.draft.as_ref(), Some(&before), "an illegal drop changes nothing");

    place(&mut session, PlaceAction::Rotate);
    let corner = Core { x: rest.right() + 7, y: 311 };
    let draft = session.draft.as_ref().unwrap();
    let judgement = draft.judge(&scene, &survey, corner).unwrap();
    assert!(judgement.violations.is_empty() && judgement.clashes.is_empty(), "{judgement:?}");
    let neighbours = draft.neighbours(&scene, up, judgement.rect);
    let [neighbour] = neighbours[..] else { panic!("{neighbours:?}") };
    let middles = (judgement.rect.centre(), rest.centre());
    let hops = middles.0.x.abs_diff(middles.1.x) + middles.0.y.abs_diff(middles.1.y);
    assert_eq!((neighbour.op, neighbour.hops, neighbour.end), (act, hops, End::Sink));
    place(&mut session, PlaceAction::drop_at(corner));
    let dropped = placed(&session, "mlp.up").unwrap();
    assert_eq!((dropped.x, dropped.y), (corner.x, corner.y));

    place(&mut session, PlaceAction::Undo);
    assert_eq!((placed(&session, "mlp.up"), placed(&session, "mlp.act")), (None, Some(rest)));
    place(&mut session, PlaceAction::Redo);
    assert_eq!(placed(&session, "mlp.up"), Some(dropped));

    place(&mut session, PlaceAction::Run);
    assert_eq!(session.notices.len(), 1, "a draft with missing kernels says what blocks it");
    finish(&mut session, Wish::Finish);
    place(&mut session, PlaceAction::Accept);
    assert_eq!(session.desk.survey.problems, []);
    place(&mut session, PlaceAction::Run);
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
    assert_eq!(session.scenario().pinned.len(), program.kernels.len(), "it runs exactly as it was drafted");
    assert!(session.document.changed);
}

#[test]
fn the_hand_gives_back_what_it_took() {
    let mut session = tiny();
    let (up, act) = (op(&session, "mlp.up"), op(&session, "mlp.act"));
    place(&mut session, PlaceAction::Begin);
    place(&mut session, PlaceAction::Pick(up));
    place(&mut session, PlaceAction::drop_at(Core { x: 50, y: 60 }));
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
    place(&mut session, PlaceAction::drop_at(Core { x: 200, y: 600 }));
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
    place(&mut session, PlaceAction::drop_at(Core { x: 50, y: 60 }));
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
    let judgement = session.draft.as_ref().unwrap().judge(&scene, &session.desk.survey, Core { x: 0, y: 0 }).unwrap();
    assert_eq!(judgement.violations, [], "the shape offered fits an empty wafer");
    place(&mut session, PlaceAction::drop_at(Core { x: 0, y: 0 }));
    finish(&mut session, Wish::Finish);
    let proposal = session.desk.proposal.as_ref().unwrap();
    assert!(proposal.placed.contains(&(rejected, judgement.rect)), "what was placed by hand stays");
    assert!(!proposal.violations.is_empty());
    place(&mut session, PlaceAction::Accept);
    assert!(session.desk.survey.blocked().is_some());
    place(&mut session, PlaceAction::Run);
    assert!(session.draft.is_some(), "a draft with kernels missing does not run");
}

#[test]
fn spots_are_free_apart_and_no_free_place_beside_them_is_nearer() {
    let mut session = tiny();
    place(&mut session, PlaceAction::Begin);
    for name in ["attn.qkv", "attn.score", "attn.out", "ln2"] {
        let op = op(&session, name);
        place(&mut session, PlaceAction::Pick(op));
        let scene = Arc::clone(session.scene().unwrap());
        let survey = session.desk.survey.clone();
        let spots = survey.spots.clone();
        assert_eq!(spots.len(), 3);
        let draft = session.draft.as_ref().unwrap();
        let judged = |rect: Rect| draft.judge(&scene, &survey, Core { x: rect.x, y: rect.y }).unwrap();
        for (index, spot) in spots.iter().enumerate() {
            assert_eq!(judged(spot.rect).violations, []);
            assert!(spots[..index].iter().all(|other| other.rect.intersection(&spot.rect).is_none()));
        }
        // A spot is no worse than any free place within a grid of steps around it.
        let best = spots[0];
        for dx in [-40, -7, -1, 0, 1, 7, 40] {
            for dy in [-40, -7, -1, 0, 1, 7, 40] {
                let x = best.rect.x.saturating_add_signed(dx);
                let beside = Rect { x, y: best.rect.y.saturating_add_signed(dy), ..best.rect };
                let judgement = judged(beside);
                assert!(!judgement.violations.is_empty() || judgement.wire >= best.wire, "{beside:?} beats {best:?}");
            }
        }
        let far = draft.judge(&scene, &survey, Core { x: 600, y: 900 }).unwrap();
        if name != "attn.qkv" {
            assert!(matches!(far.verdict(&spots), Verdict::Worse { .. }));
        }
        place(&mut session, PlaceAction::NextSpot { back: false });
        place(&mut session, PlaceAction::DROP);
        assert_eq!(placed(&session, name), Some(best.rect));
    }
}

#[test]
fn each_rule_is_broken_listed_and_repaired() {
    let mut session = tiny();
    let (up, act) = (op(&session, "mlp.up"), op(&session, "mlp.act"));
    place(&mut session, PlaceAction::Begin);
    finish(&mut session, Wish::Finish);
    place(&mut session, PlaceAction::Accept);
    assert_eq!(session.desk.survey.counts(), []);
    let home = placed(&session, "mlp.up").unwrap();
    let other = placed(&session, "mlp.act").unwrap();
    let anyway = |at| PlaceAction::Drop { at: Some(at), manner: Manner::Anyway };
    let broken: [(Rule, &[PlaceAction]); 4] = [
        (Rule::Overlap, &[anyway(Core { x: other.x, y: other.y })]),
        (Rule::OffWafer, &[anyway(Core { x: 761, y: home.y })]),
        (Rule::Sram, &[PlaceAction::Shape(1, 1), anyway(Core { x: home.x, y: home.y })]),
        (Rule::Missing, &[PlaceAction::TakeOff]),
    ];
    for (rule, how) in broken {
        place(&mut session, PlaceAction::Pick(up));
        for action in how {
            place(&mut session, *action);
        }
        let survey = &session.desk.survey;
        assert!(survey.counts().iter().any(|(own, _)| *own == rule), "{rule:?}: {:?}", survey.problems);
        assert!(survey.problems.iter().all(|problem| problem.words.contains("mlp.")), "{:?}", survey.problems);
        place(&mut session, PlaceAction::Run);
        assert!(session.draft.is_some(), "{rule:?} does not run");
        place(&mut session, PlaceAction::Undo);
        assert_eq!(session.desk.survey.counts(), []);
        assert_eq!(placed(&session, "mlp.up"), Some(home));
    }
    let label = |session: &Session| session.draft.as_ref().unwrap().history.redone().unwrap().label.clone();
    assert_eq!(label(&session), "take block 0 mlp.up off");
    place(&mut session, PlaceAction::Pick(act));
    place(&mut session, PlaceAction::PutBack);
    place(&mut session, PlaceAction::Run);
    wait(&mut session);
    assert_eq!(session.run.as_ref().unwrap().refusal, None);
}

#[test]
fn a_fork_keeps_what_was_decided_before_and_the_compiler_goes_on() {
    let mut session = tiny();
    let up = op(&session, "mlp.up");
    place(&mut session, PlaceAction::Begin);
    place(&mut session, PlaceAction::How(How::Watch));
    let watch: &Watch = session.desk.watch.as_ref().unwrap();
    let at = watch.placed_at(up).unwrap();
    let before = watch.layout_at(at - 1);
    assert!(!before.is_empty());
    place(&mut session, PlaceAction::Watch(WatchAction::Seek(at)));
    place(&mut session, PlaceAction::Watch(WatchAction::Elsewhere));
    let draft = session.draft.as_ref().unwrap();
    assert_eq!((&draft.placed, draft.hand.map(|hand| hand.op)), (&before, Some(up)));
    place(&mut session, PlaceAction::NextSpot { back: true });
    place(&mut session, PlaceAction::DROP);
    let rect = placed(&session, "mlp.up").unwrap();
    finish(&mut session, Wish::Finish);
    place(&mut session, PlaceAction::Accept);
    assert_eq!(placed(&session, "mlp.up"), Some(rect));
    assert!(before.iter().all(|kept| session.draft.as_ref().unwrap().placed.contains(kept)));
    // Improving moves what is not held, and leaves what is: a kernel that was carried away comes back once it is let go.
    let score = op(&session, "attn.score");
    place(&mut session, PlaceAction::Pick(score));
    place(&mut session, PlaceAction::NextSpot { back: true });
    place(&mut session, PlaceAction::DROP);
    let away = placed(&session, "attn.score");
    place(&mut session, PlaceAction::Hold(score));
    finish(&mut session, Wish::Improve);
    let proposal = session.desk.proposal.as_ref().unwrap();
    assert!(proposal.changes.iter().any(|change| change.op == score));
    assert!(proposal.changes.iter().all(|change| change.op != up));
    place(&mut session, PlaceAction::Decline);
    assert_eq!((placed(&session, "mlp.up"), placed(&session, "attn.score")), (Some(rect), away));
}
