//! Kills at any moment: a process that edits, saves and autosaves is killed again and again, and what it leaves is
//! looked at. At most the last edit may be lost, no file may be unreadable, and the offer must be right.
//!
//! The process is this test program itself, which runs [`the_edited_process`] when [`FOLDER`] names a folder. Forty kills
//! by default; `WAFERSCOPE_KILLS=1000 cargo test --release --test kills -- --nocapture` for more.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that lacks its files fails on the spot")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use waferscope::hardware::Core;
use waferscope::rng::Rng;
use waferscope::scenario::file::{scenario, store};
use waferscope::scenario::{PinnedKernel, Scenario, library};
use waferscope::session::drafts::{self, SavedNow};
use waferscope::session::{Action, Document, FileAction, Manner, PlaceAction, Session, Storage, Topic, crash};
use waferscope::sim::thread::Waker;
use waferscope::workload::OpId;

/// The folder in which the edited process works.
const FOLDER: &str = "WAFERSCOPE_KILLS_FOLDER";
/// Whether the edited process is to panic after some edits, instead of waiting to be killed.
const PANICS: &str = "WAFERSCOPE_KILLS_PANIC";
/// How often it is killed.
const KILLS: &str = "WAFERSCOPE_KILLS";

/// Kernels that the script moves, one after the other.
const KERNELS: u32 = 6;
/// The script saves after so many edits.
const EDITS_PER_SAVE: u32 = 5;
/// A kernel that edit `n` places lies in this column plus `n`.
const COLUMN: u32 = 10;

fn tiny() -> Scenario {
    library::ALL.iter().find(|shipped| shipped.name == "tiny-resident").unwrap().scenario()
}

/// The kernel that an edit places, counted from 1, and where.
fn script(edit: u32) -> (OpId, Core) {
    (OpId(1 + edit % KERNELS), Core { x: COLUMN + edit, y: 40 * (edit % KERNELS) })
}

fn until(session: &mut Session, done: impl Fn(&Session) -> bool) {
    let begun = Instant::now();
    while !done(session) {
        assert!(begun.elapsed() < Duration::from_mins(1), "it still waits: {:?}", session.notices);
        std::thread::sleep(Duration::from_millis(1));
        session.update(Duration::from_millis(1));
    }
}

fn window(folder: &Path) -> Session {
    let mut session = Session::new(Some(Document::unsaved(tiny())), Waker::new(|| {}));
    session.keep_in(Storage::at(folder.join("state")));
    session
}

/// Not a test by itself: edits and saves until it is killed. It tells of every edit before it is made, and goes on once
/// the one before is on the disk, as a hand would that is slower than the disk.
#[test]
fn the_edited_process() {
    let Some(folder) = std::env::var_os(FOLDER).map(std::path::PathBuf::from) else { return };
    crash::install_hook(Storage::at(folder.join("state")));
    let mut session = window(&folder);
    until(&mut session, |session| session.run.as_ref().unwrap().summary.is_some());
    let path = folder.join("mine.ron");
    session.apply(Action::Place(PlaceAction::Begin));
    for edit in 1.. {
        tell(edit);
        let (op, corner) = script(edit);
        session.apply(Action::Place(PlaceAction::Pick(op)));
        session.apply(Action::Place(PlaceAction::Drop { at: Some(corner), manner: Manner::Anyway }));
        if edit % EDITS_PER_SAVE == 0 {
            session.apply(Action::File(FileAction::SaveAs(path.clone())));
        }
        until(&mut session, Session::is_kept);
        let panics = std::env::var_os(PANICS).is_some();
        assert!(!panics || edit < 3, "a fault was injected\ninto the window");
    }
}

/// Says on standard error, which the harness passes through, that an edit begins.
fn tell(edit: u32) {
    // If nobody listens any more, the kill is under way.
    let _told = writeln!(std::io::stderr().lock(), "edit {edit}").is_ok();
}

fn start(folder: &Path, panics: bool) -> (Child, Receiver<u32>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "the_edited_process", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).stdout(Stdio::null()).stderr(Stdio::piped());
    if panics {
        command.env(PANICS, "1");
    }
    let mut child = command.spawn().unwrap();
    let said = BufReader::new(child.stderr.take().unwrap());
    let (sender, edits) = sync_channel(1 << 16);
    let listen = move || {
        for line in said.lines().map_while(Result::ok) {
            if let Some(edit) = line.strip_prefix("edit ").and_then(|number| number.parse().ok()) {
                // The other end waits for it or is gone.
                let _sent = sender.send(edit).is_ok();
            }
        }
    };
    std::thread::Builder::new().name("listener".to_owned()).spawn(listen).unwrap();
    (child, edits)
}

/// The last edit that a layout holds; the layout must be the script's up to there, and nothing else.
fn last_edit(pinned: &[PinnedKernel]) -> u32 {
    let last = pinned.iter().map(|kernel| kernel.rect.x - COLUMN).max().unwrap_or(0);
    let mut expected: Vec<(u32, u32)> =
        (last.saturating_sub(KERNELS - 1).max(1)..=last).map(|edit| (script(edit).1.x, script(edit).1.y)).collect();
    let mut found: Vec<(u32, u32)> = pinned.iter().map(|kernel| (kernel.rect.x, kernel.rect.y)).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected, "a layout that never was");
    last
}

/// What one kill came to.
#[derive(Clone, Copy, Debug)]
struct Left {
    lost: u32,
    offered: bool,
    saved: bool,
}

/// Kills the process at a random moment and looks at what it left.
fn kill(rng: &mut Rng) -> Left {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, edits) = start(folder.path(), false);
    // Some edits later, at any moment of the next ones.
    let after = 1 + rng.below(12 * EDITS_PER_SAVE);
    let mut begun = 0;
    while begun < after {
        begun = edits.recv_timeout(Duration::from_mins(1)).unwrap();
    }
    std::thread::sleep(Duration::from_micros(u64::from(rng.below(60_000))));
    child.kill().unwrap();
    child.wait().unwrap();
    while let Ok(edit) = edits.recv() {
        begun = edit;
    }
    let path = folder.path().join("mine.ron");
    let saved = path.exists().then(|| scenario::read(&store::read(&path).unwrap(), "mine.ron").unwrap().scenario);
    let saved_edit = saved.as_ref().map_or(0, |saved| last_edit(&saved.pinned));
    assert_eq!(saved_edit % EDITS_PER_SAVE, 0);
    let storage = Storage::at(folder.path().join("state"));
    let scan = drafts::scan(&storage, 0);
    assert_eq!(scan.remarks, [""; 0], "an unreadable draft");
    assert!(scan.found.len() < 2);
    let draft_edit = scan.found.first().map(|found| last_edit(&found.file.contents().pinned));
    if let Some((found, draft_edit)) = scan.found.first().zip(draft_edit) {
        // It is newer than the file, and says how much newer, unless the process died before it could know of a save.
        assert!(draft_edit >= saved_edit, "a draft of {draft_edit} edits is offered beside a file of {saved_edit}");
        match found.saved_now {
            SavedNow::Same => {
                assert!(draft_edit > saved_edit, "the file holds all of the draft");
                assert_eq!(found.file.edits, u64::from(draft_edit - saved_edit));
            }
            SavedNow::Never => assert_eq!(found.file.edits, u64::from(draft_edit)),
            SavedNow::Written => {}
            SavedNow::Gone => panic!("the file is there"),
        }
    }
    let offered = draft_edit.is_some();
    drop(scan);
    assert_eq!(reopen(folder.path(), offered), draft_edit);
    let kept = draft_edit.unwrap_or(saved_edit);
    assert!(kept <= begun && begun - kept <= 1, "{begun} edits were begun, {kept} are left");
    Left { lost: begun - kept, offered, saved: saved.is_some() }
}

/// Starts a window where one was killed, takes the offer that `is_due`, and returns the last edit that it brings back.
fn reopen(folder: &Path, is_due: bool) -> Option<u32> {
    let mut session = window(folder);
    // Drafts are looked for by the same thread, one thing after the other: a file that is missing comes back after them.
    session.apply(Action::File(FileAction::Open(folder.join("missing.ron"))));
    until(&mut session, |session| session.notices.iter().any(|notice| notice.title == "Not opened"));
    if is_due {
        // A process that is started at this very moment holds all locks of this one for a moment, so look again.
        until(&mut session, |session| offer(session).is_some());
    }
    let name = offer(&session)?;
    session.apply(Action::File(FileAction::OpenDraft(name)));
    Some(last_edit(&session.contents().pinned))
}

/// The draft that is offered.
fn offer(session: &Session) -> Option<String> {
    session.notices.iter().find_map(|notice| match &notice.topic {
        Topic::Draft(name) => Some(name.clone()),
        _ => None,
    })
}

#[test]
fn a_kill_at_any_moment_loses_at_most_the_last_edit() {
    let kills: usize = std::env::var(KILLS).map_or(40, |count| count.parse().unwrap());
    let half = |name: &'static str, kills: usize| {
        move || {
            let mut rng = Rng::substream(20, name);
            (0..kills).map(|_| kill(&mut rng)).collect::<Vec<Left>>()
        }
    };
    let left: Vec<Left> = std::thread::scope(|scope| {
        let halves = [scope.spawn(half("one", kills / 2)), scope.spawn(half("other", kills - kills / 2))];
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    let count = |what: fn(&Left) -> bool| left.iter().filter(|left| what(left)).count();
    println!(
        "{kills} kills: {} lost the edit under way, {} left a draft, {} a saved file",
        count(|left| left.lost == 1),
        count(|left| left.offered),
        count(|left| left.saved)
    );
    assert!(count(|left| left.offered) > 0 && count(|left| left.saved) > 0, "the kills came too early");
}

#[test]
fn a_panic_of_the_window_leaves_a_report_and_a_draft() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, edits) = start(folder.path(), true);
    let begun = edits.iter().last().unwrap();
    assert!(!child.wait().unwrap().success());
    let mut session = window(folder.path());
    until(&mut session, |session| session.notices.len() == 2);
    let told = session.notices.iter().find(|notice| notice.topic == Topic::Passing).unwrap();
    assert_eq!(told.title, "The program stopped on a fault last time");
    assert!(told.text.starts_with("a fault was injected into the window. The report of "), "{}", told.text);
    let report = fs::read_dir(folder.path().join("state").join("reports")).unwrap().next().unwrap().unwrap().path();
    assert!(told.text.contains(&report.display().to_string()), "{}", told.text);
    let text = fs::read_to_string(&report).unwrap();
    for words in [
        concat!("Waferscope ", env!("CARGO_PKG_VERSION")),
        "place: tests/kills.rs:",
        "commands of the engine: at cycle 0: run to the end",
        ".draft\n",
        "the_edited_process",
    ] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
    assert_eq!((begun, reopen(folder.path(), false)), (3, None), "this window has the offer");
    drop(session);
    assert_eq!(reopen(folder.path(), true), Some(3));
    // It is told once.
    let mut next = window(folder.path());
    until(&mut next, |session| !session.notices.is_empty());
    assert!(next.notices.iter().all(|notice| notice.topic != Topic::Passing), "{:?}", next.notices);
}
