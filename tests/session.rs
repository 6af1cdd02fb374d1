//! The document of a session: what opening, saving and dropping files do to it, without a window.

#![expect(clippy::unwrap_used, reason = "a test that lacks its files fails on the spot")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use waferscope::hardware::Core;
use waferscope::scenario::{SEQUENCE_MAX, Source, library};
use waferscope::session::{
    Action, Document, FileAction, How, NoticeKind, PlaceAction, Session, ViewAction, WatchAction,
};
use waferscope::sim::thread::Waker;

/// A device file, as a user might have one.
const DEVICE: &str = include_str!("../assets/devices/wse2.ron");

/// A small model file.
const MODEL: &str = r#"{"model_type": "gpt2", "n_embd": 256, "n_layer": 2, "n_head": 4, "n_positions": 128}"#;

/// A session on a shipped scenario, still running, and a folder that vanishes. The user's recent files stay as they are.
fn session(name: &str) -> (Session, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::new(Some(Document::unsaved(shipped(name))), Waker::new(|| {}));
    session.keeps_recent = false;
    (session, folder)
}

fn shipped(name: &str) -> waferscope::scenario::Scenario {
    library::ALL.iter().find(|shipped| shipped.name == name).unwrap().scenario()
}

/// Lets the session collect until `done`.
fn until(session: &mut Session, what: &str, done: impl Fn(&Session) -> bool) {
    let begun = Instant::now();
    while !done(session) {
        assert!(begun.elapsed() < Duration::from_mins(1), "still waiting until {what}: {:?}", session.notices);
        std::thread::sleep(Duration::from_millis(2));
        session.update(Duration::from_millis(2));
    }
}

fn ended(session: &mut Session) {
    until(session, "the run ends", |session| {
        session.run.as_ref().is_some_and(|run| run.summary.is_some() || run.refusal.is_some())
    });
}

fn file(session: &mut Session, action: FileAction) {
    session.apply(Action::File(action));
}

/// Saves, and waits until the file is there without letting the session know.
fn save_unseen(session: &mut Session, path: &Path) {
    file(session, FileAction::SaveAs(path.to_owned()));
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < Duration::from_mins(1), "nothing was saved");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn remembers(path: PathBuf) -> impl Fn(&Session) -> bool {
    move |session| session.recent.first() == Some(&path)
}

#[test]
fn a_save_that_ends_late_does_not_claim_another_document() {
    let (mut session, folder) = session("tiny-resident");
    let path = folder.path().join("a.ron");
    save_unseen(&mut session, &path);
    file(&mut session, FileAction::OpenShipped("bert-base-resident"));
    until(&mut session, "the save is known", remembers(path));
    assert_eq!((session.document.path.as_deref(), session.document.changed), (None, false));
    assert_eq!(session.scenario().title, shipped("bert-base-resident").title);
}

#[test]
fn what_was_edited_while_it_was_saved_is_still_changed() {
    let (mut session, folder) = session("tiny-resident");
    ended(&mut session);
    let path = folder.path().join("a.ron");
    save_unseen(&mut session, &path);
    // Every kernel by hand where the compiler had it: a layout that is saved with the scenario from now on.
    let scene = std::sync::Arc::clone(session.scene().unwrap());
    let kernels = scene.program.kernels.iter();
    let drops = kernels.flat_map(|kernel| {
        let rect = scene.program.regions[kernel.regions.start as usize].rect;
        [PlaceAction::Pick(kernel.op), PlaceAction::drop_at(Core { x: rect.x, y: rect.y })]
    });
    let actions: Vec<PlaceAction> =
        std::iter::once(PlaceAction::Begin).chain(drops).chain(std::iter::once(PlaceAction::Run)).collect();
    for action in actions {
        session.apply(Action::Place(action));
    }
    assert!(session.document.changed);
    until(&mut session, "the save is known", remembers(path.clone()));
    assert_eq!((session.document.path.as_ref(), session.document.changed), (Some(&path), true));

    // Saved again without an edit it is clean.
    file(&mut session, FileAction::SaveAs(path.clone()));
    until(&mut session, "the document is clean", |session| !session.document.changed);
    assert_eq!(session.document.path, Some(path));
}

#[test]
fn a_broken_file_leaves_the_open_document_alone() {
    let (mut session, folder) = session("tiny-resident");
    let before = session.document.clone();
    let path = folder.path().join("broken.ron");
    fs::write(&path, "(version: (1, 0), title: ").unwrap();
    file(&mut session, FileAction::Open(path));
    until(&mut session, "a notice comes", |session| !session.notices.is_empty());
    ended(&mut session);
    assert_eq!(session.document, before);
    let [notice] = &session.notices[..] else { panic!("{:?}", session.notices) };
    assert_eq!(notice.kind, NoticeKind::Error);
    assert!(notice.text.contains("broken.ron") && !notice.text.contains('\n'), "{}", notice.text);
}

#[test]
fn a_model_file_runs() {
    let (mut session, folder) = session("tiny-resident");
    let path = folder.path().join("small.json");
    fs::write(&path, MODEL).unwrap();
    file(&mut session, FileAction::Open(path));
    until(&mut session, "the model is open", |session| matches!(session.scenario().model, Source::Embedded { .. }));
    ended(&mut session);
    let run = session.run.as_ref().unwrap();
    assert_eq!(run.refusal, None);
    assert!(run.trace.finished && run.trace.edge > 0);
    assert_eq!(session.document.path, None, "a model file is never written over");
}

#[test]
fn a_device_file_swaps_the_device() {
    let (mut session, folder) = session("13b-streaming");
    let model = session.scenario().model.clone();
    let path = folder.path().join("mine.ron");
    fs::write(&path, DEVICE).unwrap();
    file(&mut session, FileAction::Open(path));
    until(&mut session, "the device is swapped", |session| {
        matches!(session.scenario().device, Source::Embedded { .. })
    });
    ended(&mut session);
    assert_eq!((&session.scenario().model, &session.scenario().recording), (&model, &None));
    assert!(session.document.changed);
    let device = &session.scene().unwrap().device;
    assert_eq!(device.name, "wse2");
    assert_eq!(session.run.as_ref().unwrap().refusal, None);
}

#[test]
fn a_scenario_with_a_device_of_its_own_opens_again() {
    let (mut session, folder) = session("13b-streaming");
    let device = folder.path().join("mine.ron");
    fs::write(&device, DEVICE).unwrap();
    file(&mut session, FileAction::Open(device));
    until(&mut session, "the device is swapped", |session| session.document.changed);
    let path = folder.path().join("with device.ron");
    file(&mut session, FileAction::SaveAs(path.clone()));
    until(&mut session, "it is saved", |session| !session.document.changed);
    let saved = session.scenario().clone();

    file(&mut session, FileAction::OpenShipped("tiny-resident"));
    file(&mut session, FileAction::Open(path.clone()));
    until(&mut session, "it is open again", |session| session.document.path.as_ref() == Some(&path));
    assert!(session.scenario().recording.is_some(), "a run was recorded while it was saved");
    let opened = waferscope::scenario::Scenario { recording: None, ..session.scenario().clone() };
    assert_eq!(opened, saved);
    assert_eq!(session.notices, []);
}

#[test]
fn more_files_than_may_wait_are_refused_in_words() {
    let (mut session, folder) = session("tiny-resident");
    let before = session.document.clone();
    for _ in 0..100 {
        file(&mut session, FileAction::Open(folder.path().join("missing.ron")));
    }
    let says =
        |words: &'static str| move |session: &Session| session.notices.iter().any(|notice| notice.text.contains(words));
    until(&mut session, "the refusal is told", says("files are waiting already"));
    until(&mut session, "the others are read", says("no such file"));
    assert_eq!((session.notices.len(), &session.document), (2, &before), "{:?}", session.notices);
}

#[test]
fn a_model_of_very_long_sequences_opens_again_once_saved() {
    let (mut session, folder) = session("tiny-resident");
    let (model, path) = (folder.path().join("long.json"), folder.path().join("long.ron"));
    fs::write(&model, MODEL.replace("128", "16777216")).unwrap();
    file(&mut session, FileAction::Open(model));
    until(&mut session, "the model is open", |session| matches!(session.scenario().model, Source::Embedded { .. }));
    assert_eq!(session.scenario().job.sequence, SEQUENCE_MAX);
    assert!(session.notices.iter().any(|notice| notice.text.contains("16 777 216")), "{:?}", session.notices);
    file(&mut session, FileAction::SaveAs(path.clone()));
    until(&mut session, "it is saved", |session| session.document.path.is_some());
    file(&mut session, FileAction::OpenShipped("tiny-resident"));
    file(&mut session, FileAction::Open(path.clone()));
    until(&mut session, "it is open again", |session| session.document.path.as_ref() == Some(&path));
    assert_eq!((session.scenario().job.sequence, session.notices.len()), (SEQUENCE_MAX, 0), "{:?}", session.notices);
}

#[test]
fn each_wafer_of_a_row_is_shown_on_its_own() {
    let mut scenario = shipped("tiny-resident");
    scenario.job.systems = 2;
    scenario.recording = None;
    let mut session = Session::new(Some(Document::unsaved(scenario)), Waker::new(|| {}));
    session.keeps_recent = false;
    ended(&mut session);
    assert_eq!((session.wafer, session.wafers()), (0, 2));
    session.apply(Action::View(ViewAction::Wafer(7)));
    assert_eq!(session.wafer, 1);
    until(&mut session, "the second wafer is drawn", |session| {
        session.frame.as_ref().is_some_and(|frame| frame.request.wafer == 1)
    });
    // The compiler's decisions can be watched, and the map follows them; a hand has no place on a row.
    session.apply(Action::Place(PlaceAction::Begin));
    let watch = session.desk.watch.as_ref().unwrap();
    let on_each: usize = (0..2).map(|wafer| watch.layout_on(wafer, watch.count()).len()).sum();
    assert_eq!(on_each, session.scene().unwrap().program.kernels.len());
    let (op, wafer) = session
        .scene()
        .unwrap()
        .program
        .kernels
        .iter()
        .map(|kernel| (kernel.op, session.scene().unwrap().program.regions[kernel.regions.start as usize].wafer))
        .min_by_key(|(_, wafer)| *wafer)
        .unwrap();
    let at = watch.placed_at(op).unwrap();
    session.apply(Action::Place(PlaceAction::Watch(WatchAction::Seek(at))));
    assert_eq!(session.wafer, wafer);
    session.apply(Action::Place(PlaceAction::How(How::ByHand)));
    assert_eq!(session.desk.how, How::Watch);
    assert_eq!(session.notices.len(), 1);
}
