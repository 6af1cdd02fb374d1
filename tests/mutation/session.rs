//! Random actions on a session, hostile ones among them: it never stops, and the playhead stays inside the run.

use std::time::Duration;

use waferscope::hardware::{Core, Rect};
use waferscope::rng::Rng;
use waferscope::session::{
    Action, ColourRange, Document, FileAction, How, Manner, PlaceAction, Session, Speed, StepUnit, TimeAction,
    ViewAction, WatchAction, Wish, library,
};
use waferscope::sim::Layer;
use waferscope::sim::thread::Waker;
use waferscope::workload::OpId;

use super::trial::{Fate, run};

/// Actions on one session.
const ACTIONS: u64 = 500;

fn pick<T: Copy>(rng: &mut Rng, list: &[T]) -> T {
    list[rng.below(list.len() as u32) as usize]
}

fn flag(rng: &mut Rng) -> bool {
    rng.below(2) == 0
}

/// A number that may be anything, mostly one that means something.
fn number(rng: &mut Rng) -> u64 {
    match rng.below(8) {
        0 => 0,
        1 => u64::MAX,
        2 => u64::from(u32::MAX),
        3 => rng.next_u64(),
        _ => u64::from(rng.below(100_000)),
    }
}

fn cores(rng: &mut Rng) -> u32 {
    match rng.below(8) {
        0 => u32::MAX,
        1 => 0,
        _ => rng.below(1_200),
    }
}

fn steps(rng: &mut Rng) -> i32 {
    match rng.below(8) {
        0 => i32::MIN,
        1 => i32::MAX,
        _ => rng.below(200) as i32 - 100,
    }
}

fn file(rng: &mut Rng) -> FileAction {
    match rng.below(12) {
        0 => FileAction::OpenShipped("tiny-resident"),
        1 => FileAction::OpenShipped("no such scenario"),
        2 => FileAction::Restart,
        3 => FileAction::Open("no such file".into()),
        _ => FileAction::Dismiss(number(rng) as usize),
    }
}

fn time(rng: &mut Rng) -> TimeAction {
    match rng.below(11) {
        0 => TimeAction::TogglePlay,
        1 => TimeAction::Play { reverse: flag(rng) },
        2 => TimeAction::Pause,
        3 => TimeAction::Seek(number(rng)),
        4 => TimeAction::Step(steps(rng)),
        5 => TimeAction::Unit(pick(rng, &StepUnit::ALL)),
        6 => {
            let factors = [0.0, -1.0, 1e-9, 1.0, 1e308, f64::NAN, f64::INFINITY, 1e-320];
            TimeAction::Speed(if flag(rng) { Speed::Paced } else { Speed::Factor(pick(rng, &factors)) })
        }
        7 => TimeAction::Faster { doubled: flag(rng) },
        8 => TimeAction::Start,
        9 => TimeAction::End,
        _ => TimeAction::Show { from: number(rng), to: number(rng) },
    }
}

fn view(rng: &mut Rng) -> ViewAction {
    match rng.below(6) {
        0 => ViewAction::Show(pick(rng, &Layer::ALL)),
        1 => ViewAction::NextLayer { back: flag(rng) },
        2 => ViewAction::Wafer(cores(rng)),
        3 => ViewAction::Pin(flag(rng).then(|| Core { x: cores(rng), y: cores(rng) })),
        4 => {
            let side = |rng: &mut Rng| 1 + rng.below(60);
            let rect = Rect { x: cores(rng), y: cores(rng), width: side(rng), height: side(rng) };
            ViewAction::CloseUp(flag(rng).then_some(rect))
        }
        _ => {
            let range = ColourRange { low: rng.below(256) as u8, high: rng.below(256) as u8, locked: flag(rng) };
            ViewAction::Range(pick(rng, &Layer::ALL), range)
        }
    }
}

fn place(rng: &mut Rng) -> PlaceAction {
    let manners = [Manner::Legal, Manner::Anyway, Manner::AndCopy];
    match rng.below(26) {
        0 | 1 => PlaceAction::Begin,
        2 => PlaceAction::How(pick(rng, &How::ALL)),
        3 | 4 => PlaceAction::Pick(OpId(if rng.below(16) == 0 { u32::MAX } else { rng.below(60) })),
        5 => PlaceAction::PickNext,
        6 => PlaceAction::PutBack,
        7 => PlaceAction::TakeOff,
        8 => PlaceAction::Rotate,
        9 => PlaceAction::Shape(cores(rng), cores(rng)),
        10 => PlaceAction::Resize { dx: steps(rng), dy: steps(rng) },
        11 => PlaceAction::NextShape { back: flag(rng), far: flag(rng) },
        12 => PlaceAction::Hover(Core { x: cores(rng), y: cores(rng) }),
        13 => PlaceAction::Move { dx: steps(rng), dy: steps(rng) },
        14 => PlaceAction::Slide { dx: steps(rng).signum(), dy: steps(rng).signum() },
        15 => PlaceAction::NextSpot { back: flag(rng) },
        16..=18 => {
            let at = flag(rng).then(|| Core { x: cores(rng), y: cores(rng) });
            PlaceAction::Drop { at, manner: pick(rng, &manners) }
        }
        19 => PlaceAction::Hold(OpId(rng.below(60))),
        20 => PlaceAction::Undo,
        21 => PlaceAction::Redo,
        22 => PlaceAction::UndoTo(number(rng) as usize),
        23 => PlaceAction::Watch(watch(rng)),
        24 => match rng.below(8) {
            0 => PlaceAction::Ask(if flag(rng) { Wish::Finish } else { Wish::Improve }),
            1 => PlaceAction::Accept,
            2 => PlaceAction::Decline,
            3 => PlaceAction::Abandon,
            _ => PlaceAction::PickNext,
        },
        _ => PlaceAction::Run,
    }
}

fn watch(rng: &mut Rng) -> WatchAction {
    match rng.below(8) {
        0 => WatchAction::Seek(number(rng) as usize),
        1 => WatchAction::Step(steps(rng)),
        2 => WatchAction::TogglePlay,
        3 => WatchAction::EndOfStage,
        4 => WatchAction::StartOfStage,
        5 => WatchAction::Start,
        6 => WatchAction::End,
        _ => WatchAction::Elsewhere,
    }
}

fn action(rng: &mut Rng) -> Action {
    match rng.below(40) {
        0 => Action::File(file(rng)),
        1..=9 => Action::Time(time(rng)),
        10..=17 => Action::View(view(rng)),
        _ => Action::Place(place(rng)),
    }
}

/// A session on the tiny transformer that writes nothing.
fn session() -> Session {
    let tiny = library::ALL.iter().find(|shipped| shipped.name == "tiny-resident").unwrap();
    let mut session = Session::new(Some(Document::unsaved(tiny.scenario())), Waker::new(|| ()));
    session.keeps_recent = false;
    let begun = std::time::Instant::now();
    while session.run.as_ref().is_none_or(|run| run.summary.is_none()) {
        assert!(begun.elapsed() < Duration::from_mins(2), "the run never ended");
        std::thread::sleep(Duration::from_millis(2));
        session.update(Duration::from_millis(2));
    }
    session
}

/// One input is one action; each session gets some hundreds of them.
#[test]
fn actions_in_any_order() {
    let open = std::cell::RefCell::new(session());
    let made = |index: u64| [index.to_le_bytes()].concat();
    run("session", 4_000, made, |_bytes, index| {
        let mut session = open.borrow_mut();
        if index.is_multiple_of(ACTIONS) {
            *session = self::session();
        }
        let mut rng = Rng::substream(index, "session");
        session.apply(action(&mut rng));
        session.update(Duration::from_millis(u64::from(rng.below(40))));
        let edge = session.run.as_ref().map_or(0, |run| run.trace.edge);
        let cycle = session.playback.cycle();
        assert!(cycle <= edge || session.run.as_ref().is_none_or(|run| run.scene.is_none()), "{cycle} after {edge}");
        assert!(session.wafer < session.wafers());
        let stopped = session.notices.iter().find(|notice| notice.title == "The engine stopped");
        assert!(stopped.is_none(), "{stopped:?}");
        Fate::Used
    });
}
