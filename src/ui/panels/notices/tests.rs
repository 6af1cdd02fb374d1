//! Notices that ask something, in a window without a display: found and clicked by the names that a screen reader says.

use std::path::Path;

use egui_kittest::kittest::Queryable as _;

use crate::hardware::Core;
use crate::scenario::file::store;
use crate::scenario::library;
use crate::session::{Action, FileAction, Manner, PlaceAction, Storage, Topic};
use crate::ui::app::Mode;
use crate::ui::panels::timeline::tests::{Window, until, window};

const SIZE: egui::Vec2 = egui::vec2(1440.0, 900.0);

/// A window on the tiny transformer that keeps its drafts in `folder`.
fn keeping(folder: &Path) -> Window {
    let mut harness = window(SIZE, "tiny-resident");
    harness.state_mut().as_mut().unwrap().session.keep_in(Storage::at(folder.join("state")));
    harness
}

fn apply(harness: &mut Window, action: Action) {
    harness.state_mut().as_mut().unwrap().session.apply(action);
}

fn edit(harness: &mut Window) {
    harness.state_mut().as_mut().unwrap().shell.mode = Mode::Place;
    for action in [
        PlaceAction::Begin,
        PlaceAction::PickNext,
        PlaceAction::Drop { at: Some(Core { x: 100, y: 100 }), manner: Manner::Anyway },
    ] {
        apply(harness, Action::Place(action));
    }
    until(harness, |app| app.session.is_kept());
}

fn save(harness: &mut Window, path: &Path) {
    apply(harness, Action::File(FileAction::SaveAs(path.to_owned())));
    until(harness, |app| app.session.document.path.is_some() && app.session.is_kept());
}

fn click(harness: &mut Window, name: &str) {
    harness.get_by_label(name).click();
    frames(harness);
}

/// A new card takes a frame to find its size, and one more to be read out.
fn frames(harness: &mut Window) {
    for _ in 0..4 {
        harness.step();
    }
}

/// A window on an unsaved draft of a saved file, as the start after a crash shows it.
fn offering(folder: &Path) -> Window {
    let mut harness = keeping(folder);
    save(&mut harness, &folder.join("mine.ron"));
    edit(&mut harness);
    drop(harness);
    let mut harness = keeping(folder);
    until(&mut harness, |app| app.session.notices.iter().any(|notice| matches!(notice.topic, Topic::Draft(_))));
    frames(&mut harness);
    harness
}

#[test]
fn a_recovered_draft_is_offered_and_each_answer_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = offering(folder.path());
    for name in ["Open draft", "Open saved", "Keep both", "Close"] {
        assert!(harness.query_by_label(name).is_some(), "{name}");
    }
    click(&mut harness, "Open draft");
    let app = harness.state().as_ref().unwrap();
    assert_eq!((app.shell.mode, app.session.unsaved_edits()), (Mode::Place, 1));
    assert_eq!(app.session.draft.as_ref().unwrap().placed.len(), 1);
    assert!(harness.query_by_label("Keep both").is_none());

    let folder = tempfile::tempdir().unwrap();
    let mut harness = offering(folder.path());
    click(&mut harness, "Open saved");
    until(&mut harness, |app| app.session.document.path.is_some());
    let app = harness.state().as_ref().unwrap();
    assert_eq!((app.shell.mode, app.session.document.changed), (Mode::Explore, false));

    let folder = tempfile::tempdir().unwrap();
    let mut harness = offering(folder.path());
    click(&mut harness, "Keep both");
    until(&mut harness, |app| app.session.notices.iter().any(|notice| notice.title == "Both are kept"));
    frames(&mut harness);
    assert!(harness.query_by_label("Both are kept").is_some());
}

#[test]
fn a_file_that_changed_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.ron");
    let mut harness = keeping(folder.path());
    save(&mut harness, &path);
    store::write(&path, library::ALL[0].bytes).unwrap();
    edit(&mut harness);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::S);
    until(&mut harness, |app| app.session.notices.iter().any(|notice| notice.topic == Topic::Overwrite));
    frames(&mut harness);
    assert!(harness.query_by_label("The file has changed").is_some() && harness.query_by_label("Save as…").is_some());
    assert_eq!(store::read(&path).unwrap(), library::ALL[0].bytes);
    click(&mut harness, "Overwrite it");
    until(&mut harness, |app| !app.session.document.changed);
    assert!(store::read(&path).unwrap() != library::ALL[0].bytes);
    assert!(harness.query_by_label("The file has changed").is_none());
}

#[test]
fn a_stopped_engine_is_said_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = keeping(folder.path());
    harness.state_mut().as_mut().unwrap().session.engine_fault_cycle = Some(1_000);
    apply(&mut harness, Action::File(FileAction::Restart));
    until(&mut harness, |app| app.session.notices.iter().any(|notice| notice.text.contains("that led here are in")));
    frames(&mut harness);
    assert!(harness.query_by_label("The engine stopped").is_some());
    click(&mut harness, "Open it again");
    until(&mut harness, |app| app.session.run.as_ref().is_some_and(|run| run.summary.is_some()));
    assert!(harness.query_by_label("The engine stopped").is_none());
}

#[test]
fn a_newer_file_is_read_only_in_title_and_menu() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("newer.ron");
    let text = String::from_utf8(library::ALL[0].bytes.to_vec()).unwrap();
    let newer = text.replace("version: (1, 0)", "version: (1, 7), mood: \"calm\"");
    store::write(&path, newer.as_bytes()).unwrap();
    let mut harness = keeping(folder.path());
    apply(&mut harness, Action::File(FileAction::Open(path)));
    until(&mut harness, |app| app.session.document.read_only);
    frames(&mut harness);
    let title = format!("{}, read-only", library::ALL[0].scenario().title);
    assert!(harness.query_by_label(&title).is_some(), "{title}");
    click(&mut harness, "File");
    assert!(harness.query_by_label("Save a copy…").is_some() && harness.query_by_label("Save").is_none());
}
