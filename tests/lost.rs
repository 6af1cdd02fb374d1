//! Nothing lost: drafts of windows that ended badly are offered and answered, files that changed are not overwritten in
//! silence, and a disk that refuses costs a sentence and nothing else.

#![expect(clippy::unwrap_used, reason = "a test that lacks its files fails on the spot")]

use std::fs;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use waferscope::hardware::{Core, Rect};
use waferscope::scenario::file::store::{Disk, Writer};
use waferscope::scenario::file::{scenario, store};
use waferscope::scenario::{Scenario, library};
use waferscope::session::drafts::{self, DRAFTS_MAX};
use waferscope::session::{
    Action, Document, FileAction, Manner, Notice, NoticeKind, PlaceAction, Session, Storage, Topic,
};
use waferscope::sim::thread::Waker;
use waferscope::workload::OpId;

fn shipped(name: &str) -> Scenario {
    library::ALL.iter().find(|shipped| shipped.name == name).unwrap().scenario()
}

/// A window on the tiny transformer that keeps its drafts in `folder`, once it has compiled and looked for drafts.
fn window(storage: &Storage) -> Session {
    let mut session = Session::new(Some(Document::unsaved(shipped("tiny-resident"))), Waker::new(|| {}));
    session.keep_in(storage.clone());
    until(&mut session, "it has compiled", |session| session.run.as_ref().unwrap().summary.is_some());
    session
}

fn until(session: &mut Session, what: &str, done: impl Fn(&Session) -> bool) {
    let begun = Instant::now();
    while !done(session) {
        assert!(begun.elapsed() < Duration::from_mins(1), "still waiting until {what}: {:?}", session.notices);
        std::thread::sleep(Duration::from_millis(2));
        session.update(Duration::from_millis(2));
    }
}

fn file(session: &mut Session, action: FileAction) {
    session.apply(Action::File(action));
}

fn place(session: &mut Session, action: PlaceAction) {
    session.apply(Action::Place(action));
}

/// Places the next kernel in column `x`, legal or not, and waits until that is on the disk.
fn edit(session: &mut Session, x: u32) {
    edit_unkept(session, x);
    until(session, "the draft is kept", Session::is_kept);
}

fn edit_unkept(session: &mut Session, x: u32) {
    if session.draft.is_none() {
        until(session, "it has compiled", |session| session.scene().is_some());
        place(session, PlaceAction::Begin);
    }
    place(session, PlaceAction::PickNext);
    place(session, PlaceAction::Drop { at: Some(Core { x, y: 50 }), manner: Manner::Anyway });
}

fn columns(session: &Session) -> Vec<u32> {
    session.draft.as_ref().map_or_else(Vec::new, |draft| draft.placed.iter().map(|(_, rect)| rect.x).collect())
}

fn save(session: &mut Session, path: &Path) {
    file(session, FileAction::SaveAs(path.to_owned()));
    until(session, "it is saved", |session| !session.document.changed && session.document.path.is_some());
    until(session, "the draft is gone", Session::is_kept);
}

/// The offers that are open, with the names of the drafts.
fn offers(session: &Session) -> Vec<(String, &Notice)> {
    let name = |notice: &Notice| match &notice.topic {
        Topic::Draft(name) => Some(name.clone()),
        _ => None,
    };
    session.notices.iter().filter_map(|notice| Some((name(notice)?, notice))).collect()
}

fn offered(session: &mut Session) -> (String, String) {
    until(session, "a draft is offered", |session| !offers(session).is_empty());
    let offers = offers(session);
    assert_eq!(offers.len(), 1, "{offers:?}");
    (offers[0].0.clone(), offers[0].1.text.clone())
}

/// A folder for drafts and one for the user's files.
fn folders() -> (TempDir, Storage, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::at(folder.path().join("state"));
    let path = folder.path().join("mine.ron");
    (folder, storage, path)
}

/// Files below the folder of drafts.
fn left(storage: &Storage) -> Vec<String> {
    let Ok(entries) = fs::read_dir(storage.drafts()) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_window_that_ended_badly_leaves_a_draft_that_can_be_gone_on_with() {
    let (_folder, storage, path) = folders();
    let mut session = window(&storage);
    save(&mut session, &path);
    for x in [10, 20, 30] {
        edit(&mut session, x);
    }
    let held = columns(&session);
    drop(session);

    let mut session = window(&storage);
    let (name, text) = offered(&mut session);
    assert!(text.starts_with("Recovered draft from ") && text.ends_with(" (3 edits after your last save)."), "{text}");
    let time = text.strip_prefix("Recovered draft from ").unwrap().split(' ').next().unwrap();
    assert!(time.len() == 5 && time.as_bytes()[2] == b':', "{text}");
    // It does not block: the window runs, and what is open stays open.
    assert_eq!((session.document.path.as_ref(), session.document.changed), (None, false));
    file(&mut session, FileAction::OpenDraft(name));
    assert_eq!((session.document.path.as_ref(), session.document.changed), (Some(&path), true));
    assert_eq!((columns(&session), session.unsaved_edits()), (held.clone(), 3));
    assert!(offers(&session).is_empty());

    // It stays until it is saved: this window may end badly, too.
    until(&mut session, "the draft is taken over", Session::is_kept);
    drop(session);
    let mut session = window(&storage);
    let (name, text) = offered(&mut session);
    assert!(text.ends_with(" (3 edits after your last save)."), "{text}");
    file(&mut session, FileAction::OpenDraft(name));
    save(&mut session, &path);
    assert_eq!(left(&storage), [""; 0], "what is saved needs no draft");

    // The layout is in the file, and placing goes on from there.
    let saved = scenario::read(&store::read(&path).unwrap(), "mine.ron").unwrap().scenario;
    assert_eq!(saved.pinned.iter().map(|kernel| kernel.rect.x).collect::<Vec<_>>(), held);
    file(&mut session, FileAction::Open(path.clone()));
    until(&mut session, "it is open again", |session| session.draft.is_none() && session.scene().is_some());
    place(&mut session, PlaceAction::Begin);
    assert_eq!(columns(&session), held);
    drop(session);
    assert_eq!(left(&storage), [""; 0], "a clean end leaves nothing behind");
}

#[test]
fn the_saved_file_may_be_preferred_and_the_draft_is_set_aside() {
    let (_folder, storage, path) = folders();
    let mut session = window(&storage);
    save(&mut session, &path);
    edit(&mut session, 10);
    drop(session);

    let mut session = window(&storage);
    let (name, text) = offered(&mut session);
    assert!(text.ends_with(" (1 edit after your last save)."), "{text}");
    file(&mut session, FileAction::OpenSaved(name));
    until(&mut session, "the saved file is open", |session| session.document.path.as_ref() == Some(&path));
    assert_eq!((session.document.changed, session.draft.is_none()), (false, true));
    until(&mut session, "the draft is listed", |session| session.aside().next().is_some());
    drop(session);

    // No longer offered, and not lost.
    let mut session = window(&storage);
    until(&mut session, "the draft is listed", |session| session.aside().next().is_some());
    assert!(offers(&session).is_empty());
    let name = session.aside().next().unwrap().0.name.clone();
    file(&mut session, FileAction::TakeUp(name));
    until(&mut session, "the draft is open", |session| session.draft.is_some());
    assert_eq!(columns(&session), [10]);
    until(&mut session, "the list is short again", |session| session.aside().next().is_none());
}

#[test]
fn both_may_be_kept() {
    let (folder, storage, path) = folders();
    let mut session = window(&storage);
    save(&mut session, &path);
    let saved = store::read(&path).unwrap();
    edit(&mut session, 10);
    drop(session);

    let mut session = window(&storage);
    let (name, _) = offered(&mut session);
    file(&mut session, FileAction::KeepBoth(name));
    until(&mut session, "both are kept", |session| {
        session.notices.iter().any(|notice| notice.title == "Both are kept")
    });
    let beside = session.document.path.clone().unwrap();
    let file_name = beside.file_name().unwrap().to_string_lossy().into_owned();
    assert!(beside.parent() == Some(folder.path()) && file_name.starts_with("mine draft "), "{file_name}");
    assert_eq!((store::read(&path).unwrap(), session.document.changed), (saved, false));
    let draft = scenario::read(&store::read(&beside).unwrap(), "beside").unwrap().scenario;
    assert_eq!(draft.pinned.len(), 1);
    until(&mut session, "the draft is gone", Session::is_kept);
    assert_eq!(left(&storage), [""; 0]);
}

#[test]
fn two_windows_keep_two_drafts_and_offer_neither_to_the_other() {
    let (folder, storage, path) = folders();
    let other_path = folder.path().join("copy.ron");
    let mut one = window(&storage);
    save(&mut one, &path);
    fs::copy(&path, &other_path).unwrap();
    let mut other = window(&storage);
    file(&mut other, FileAction::Open(other_path.clone()));
    until(&mut other, "the copy is open", |session| session.document.path.as_ref() == Some(&other_path));
    edit(&mut one, 10);
    edit(&mut other, 20);
    edit(&mut other, 30);
    // A third window offers nothing, since both live.
    let third = window(&storage);
    assert!(offers(&third).is_empty() && third.notices.is_empty(), "{:?}", third.notices);
    drop((one, other, third));

    let mut session = window(&storage);
    until(&mut session, "both are offered", |session| offers(session).len() == 2);
    let texts: Vec<&str> = offers(&session).into_iter().map(|(_, notice)| notice.text.as_str()).collect();
    assert!(texts.iter().any(|text| text.contains("(1 edit ")) && texts.iter().any(|text| text.contains("(2 edits ")));
    // What one window offers, another does not.
    let next = window(&storage);
    assert!(offers(&next).is_empty());
}

#[test]
fn the_second_save_does_not_overwrite_the_first_in_silence() {
    let (_folder, storage, path) = folders();
    let mut one = window(&storage);
    save(&mut one, &path);
    let mut other = window(&storage);
    file(&mut other, FileAction::Open(path.clone()));
    until(&mut other, "it is open twice", |session| session.document.path.is_some());
    edit(&mut one, 10);
    save(&mut one, &path);
    let first = store::read(&path).unwrap();
    edit(&mut other, 20);
    file(&mut other, FileAction::SaveAs(path.clone()));
    let asked = |session: &Session| session.notices.iter().any(|notice| notice.topic == Topic::Overwrite);
    until(&mut other, "the question comes", asked);
    let notice = other.notices.iter().find(|notice| notice.topic == Topic::Overwrite).unwrap();
    assert_eq!(notice.title, "The file has changed");
    assert_eq!(notice.choices.iter().map(|(words, _)| *words).collect::<Vec<_>>(), ["Save as…", "Overwrite it"]);
    assert!(store::read(&path).unwrap() == first && other.document.changed);
    // Elsewhere it is saved without a question, unless there is a file of that name.
    let elsewhere = path.with_file_name("elsewhere.ron");
    fs::write(&elsewhere, "something else").unwrap();
    file(&mut other, FileAction::SaveAs(elsewhere.clone()));
    until(&mut other, "the question comes", |session| {
        session.notices.iter().any(|notice| notice.title == "There is such a file already")
    });
    assert_eq!(fs::read(&elsewhere).unwrap(), b"something else");
    // Asked, it does as told.
    file(&mut other, FileAction::Overwrite(path.clone()));
    until(&mut other, "it is saved", |session| !session.document.changed);
    assert!(!asked(&other) && store::read(&path).unwrap() != first);
}

#[test]
fn a_file_of_a_newer_program_is_never_written_over() {
    let (folder, storage, path) = folders();
    let text = std::str::from_utf8(library::ALL[0].bytes).unwrap();
    let newer = text.replace("version: (1, 0)", "version: (1, 7), mood: \"calm\"");
    fs::write(&path, &newer).unwrap();
    let mut session = window(&storage);
    file(&mut session, FileAction::Open(path.clone()));
    until(&mut session, "it is open", |session| session.document.read_only);
    assert!(session.notices.iter().any(|notice| notice.text.contains("opened read-only")), "{:?}", session.notices);
    #[cfg(unix)]
    let link = {
        let link = folder.path().join("link.ron");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        link
    };
    #[cfg(not(unix))]
    let link = path.clone();
    for own in [&path, &link] {
        for action in [FileAction::SaveAs(own.clone()), FileAction::Overwrite(own.clone())] {
            session.notices.clear();
            file(&mut session, action);
            until(&mut session, "it is refused", |session| !session.notices.is_empty());
            assert!(session.notices[0].text.contains("newer Waferscope"), "{:?}", session.notices);
            assert_eq!(fs::read(&path).unwrap(), newer.as_bytes());
        }
    }
    let copy = folder.path().join("copy.ron");
    file(&mut session, FileAction::SaveAs(copy.clone()));
    until(&mut session, "the copy is saved", |session| session.document.path.as_ref() == Some(&copy));
    assert!(!session.document.read_only && session.notices.iter().any(|notice| notice.title == "Saved as a copy"));
    assert_eq!(fs::read(&path).unwrap(), newer.as_bytes());

    let major = text.replace("version: (1, 0)", "version: (2, 0)");
    fs::write(&path, major).unwrap();
    let before = session.document.clone();
    file(&mut session, FileAction::Open(path));
    until(&mut session, "it is refused", |session| {
        session.notices.iter().any(|notice| notice.text.contains("expected a file of version 1, found 2.0"))
    });
    assert_eq!(session.document, before);
}

/// A disk that refuses one step of writing.
#[derive(Debug)]
struct Refusing(Mutex<Option<(Step, ErrorKind)>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Fill,
    Rename,
}

impl Refusing {
    fn check(&self, step: Step) -> std::io::Result<()> {
        match *self.0.lock().unwrap() {
            Some((own, kind)) if own == step => Err(Error::from(kind)),
            _ => Ok(()),
        }
    }

    fn set(&self, fault: Option<(Step, ErrorKind)>) {
        *self.0.lock().unwrap() = fault;
    }
}

impl Writer for Refusing {
    fn fill(&self, temporary: &Path, bytes: &[u8]) -> std::io::Result<()> {
        if let Err(error) = self.check(Step::Fill) {
            // A full disk takes what still fits.
            fs::write(temporary, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        Disk.fill(temporary, bytes)
    }

    fn rename(&self, temporary: &Path, path: &Path) -> std::io::Result<()> {
        self.check(Step::Rename)?;
        Disk.rename(temporary, path)
    }
}

#[test]
fn a_disk_that_refuses_costs_a_sentence_and_nothing_else() {
    let (folder, storage, path) = folders();
    let disk = Arc::new(Refusing(Mutex::new(None)));
    let storage = Storage { writer: Arc::clone(&disk) as Arc<dyn Writer>, ..storage };
    let mut session = window(&storage);
    save(&mut session, &path);
    edit(&mut session, 10);
    let (saved, draft) = (fs::read(&path).unwrap(), left(&storage));
    for (fault, words) in [
        ((Step::Fill, ErrorKind::StorageFull), "the disk is full"),
        ((Step::Fill, ErrorKind::ReadOnlyFilesystem), "this disk can only be read"),
        ((Step::Fill, ErrorKind::PermissionDenied), "this user may not write there"),
        ((Step::Fill, ErrorKind::NotFound), "there is no such folder any more"),
        ((Step::Rename, ErrorKind::PermissionDenied), "this user may not write there"),
    ] {
        session.notices.clear();
        disk.set(Some(fault));
        file(&mut session, FileAction::SaveAs(path.clone()));
        until(&mut session, "the refusal is told", |session| !session.notices.is_empty());
        let [Notice { kind, title, text, .. }] = &session.notices[..] else { panic!("{:?}", session.notices) };
        assert_eq!(
            (*kind, title.as_str(), text.as_str()),
            (NoticeKind::Error, "Not saved", &*format!("{}: {words}", path.display()))
        );
        // The old file is whole, the draft is there, and no half file is.
        assert_eq!((fs::read(&path).unwrap(), left(&storage)), (saved.clone(), draft.clone()));
        let files = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!((files, session.document.changed, session.unsaved_edits()), (2, true, 1));
    }
    disk.set(None);
    // A folder that is really gone.
    let gone = folder.path().join("gone").join("mine.ron");
    session.notices.clear();
    file(&mut session, FileAction::SaveAs(gone));
    until(&mut session, "the refusal is told", |session| !session.notices.is_empty());
    assert!(session.notices[0].text.ends_with("there is no such folder any more"), "{:?}", session.notices);
    session.notices.clear();
    save(&mut session, &path);
    assert_eq!(session.notices, []);
}

#[test]
fn a_draft_that_cannot_be_written_is_told_once_and_tried_again() {
    let (_folder, storage, _path) = folders();
    let disk = Arc::new(Refusing(Mutex::new(Some((Step::Fill, ErrorKind::StorageFull)))));
    let storage = Storage { writer: Arc::clone(&disk) as Arc<dyn Writer>, ..storage };
    let mut session = window(&storage);
    edit_unkept(&mut session, 10);
    let told = |session: &Session| session.notices.iter().filter(|notice| notice.topic == Topic::Keeping).count();
    until(&mut session, "it is told", |session| told(session) == 1);
    assert!(!session.is_kept());
    edit_unkept(&mut session, 20);
    until(&mut session, "it is told again", |session| told(session) == 1);
    let [notice] = &session.notices[..] else { panic!("{:?}", session.notices) };
    assert!(notice.text.contains("the disk is full. Your edits are in this window only"), "{}", notice.text);
    // There is room again: the next edit writes all of it, and the warning goes.
    disk.set(None);
    edit(&mut session, 30);
    until(&mut session, "the warning goes", |session| told(session) == 0);
    drop(session);
    let mut session = window(&storage);
    assert!(offered(&mut session).1.ends_with("(3 edits, never saved)."));
}

#[test]
fn a_file_that_is_marked_read_only_stays() {
    let (_folder, _storage, path) = folders();
    fs::write(&path, "mine").unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let error = store::write(&path, b"yours").unwrap_err().to_string();
    assert!(error.ends_with("found one that is marked read-only"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn the_window_survives_a_panic_of_the_engine() {
    let (_folder, storage, _path) = folders();
    let mut session = window(&storage);
    session.engine_fault_cycle = Some(1_000);
    file(&mut session, FileAction::Restart);
    until(&mut session, "the log is saved", |session| {
        session.notices.iter().any(|notice| notice.topic == Topic::Engine && notice.text.contains("are in"))
    });
    let notice = session.notices.iter().find(|notice| notice.topic == Topic::Engine).unwrap();
    assert!(notice.title == "The engine stopped" && notice.text.starts_with("A fault was injected at cycle"));
    let log = fs::read_dir(storage.reports()).unwrap().map(|entry| entry.unwrap().path());
    let log = log.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "ron")).unwrap();
    let logged = scenario::read(&store::read(&log).unwrap(), "log").unwrap().scenario;
    let recording = logged.recording.clone().unwrap();
    assert_eq!(recording.commands.len(), 1);
    assert_eq!(Scenario { recording: None, ..logged }, Scenario { recording: None, ..session.scenario().clone() });
    // What was computed stays, and the same scenario runs again.
    let (_, restart) = notice.choices[0].clone();
    file(&mut session, restart);
    until(&mut session, "it runs again", |session| session.run.as_ref().unwrap().summary.is_some());
    assert_eq!(session.notices, []);
}

#[test]
fn drafts_are_bounded_in_number_and_age_with_words() {
    let (_folder, storage, _path) = folders();
    let mut session = window(&storage);
    edit(&mut session, 10);
    let name = left(&storage).into_iter().find(|name| name.contains(".draft")).unwrap();
    let text = fs::read_to_string(storage.drafts().join(&name)).unwrap();
    drop(session);
    for number in 0..DRAFTS_MAX + 2 {
        fs::write(storage.drafts().join(format!("{number}.draft")), &text).unwrap();
    }
    fs::write(storage.drafts().join("broken.draft"), "(version: (1, 0), ").unwrap();
    let mut session = window(&storage);
    until(&mut session, "they are offered", |session| offers(session).len() == DRAFTS_MAX);
    let says = |words: &str| session.notices.iter().any(|notice| notice.text.contains(words));
    assert!(says("3 old drafts were removed: the newest 20 are kept, for 30 days each."), "{:?}", session.notices);
    assert!(says("broken.draft") && storage.drafts().join("broken.draft").exists());
    drop(session);
    let month = 31 * 86_400;
    let scan = drafts::scan(&storage, now_unix_seconds() + month);
    assert!(scan.found.is_empty() && scan.remarks.iter().any(|remark| remark.contains("20 old drafts")), "{scan:?}");
}

/// Seconds since 1970.
fn now_unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn an_illegal_layout_survives_a_save_and_a_discarded_one_leaves_no_trace() {
    let (_folder, storage, path) = folders();
    let mut session = window(&storage);
    edit(&mut session, 10);
    // On top of the first.
    edit(&mut session, 10);
    save(&mut session, &path);
    edit(&mut session, 300);
    place(&mut session, PlaceAction::Abandon);
    assert!(!session.document.changed && session.draft.is_none());
    until(&mut session, "the draft is gone", Session::is_kept);
    assert_eq!(left(&storage), [""; 0]);
    until(&mut session, "the saved layout is compiled", |session| {
        session.run.as_ref().unwrap().refusal.as_ref().is_some_and(|reason| reason.contains("overlap"))
    });
    place(&mut session, PlaceAction::Begin);
    let placed: Vec<(OpId, Rect)> = session.draft.as_ref().unwrap().placed.clone();
    assert_eq!(placed.iter().map(|(_, rect)| rect.x).collect::<Vec<_>>(), [10, 10]);
}
