//! What a session does so that nothing is lost: it keeps a draft of what is not saved, offers drafts of windows that are
//! gone, and tells of crash reports.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

use crate::scenario::file::draft::{DraftFile, PlacedKernel, SavedFile};
use crate::session::crash::Report;
use crate::session::drafts::{Aside, Found, SavedNow, Scan};
use crate::session::edits::Edits;
use crate::session::keeper::Keeper;
use crate::session::{Document, Draft, FileAction, Notice, NoticeKind, Session, Storage, Topic, clock, jobs, recent};

/// The system may take a moment to clear a killed process away, and its locks with it; drafts that are not free are
/// looked at again after these times.
const LOOK_AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15)];

/// What is kept, and where.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    pub(super) storage: Option<Storage>,
    keeper: Option<Keeper>,
    /// Drafts that are offered, with their locks.
    found: Vec<Found>,
    aside: Vec<Aside>,
    /// What the keeper was told last.
    ordered: Option<Edits>,
    /// A draft was set aside; the list is read again once that is done.
    rescan: bool,
    /// Tells when to look again for drafts whose windows may only just have ended.
    again: Option<Receiver<()>>,
    looked_again: usize,
    /// The file of its own that a draft is being saved to, and the one that stays as it is.
    both: Option<(PathBuf, PathBuf)>,
}

impl Session {
    /// From now on keeps drafts and recent files in `storage`, and offers what is there.
    pub fn keep_in(&mut self, storage: Storage) {
        self.recent = recent::load(&storage);
        self.keeping.keeper = Keeper::start(storage.clone(), self.waker.clone());
        if self.keeping.keeper.is_none() {
            self.not_kept("the system gave no thread for it");
        }
        self.jobs.find_drafts(storage.clone());
        self.keeping.storage = Some(storage);
        self.keep_up();
    }

    /// Drafts that were set aside, newest first, and when each was kept.
    pub fn aside(&self) -> impl Iterator<Item = (&Aside, String)> {
        let now = clock::now_unix_seconds();
        self.keeping.aside.iter().map(move |aside| (aside, clock::time_of_day(aside.kept_unix_seconds, now)))
    }

    /// Whether every edit is on the disk, in the saved file or in the draft.
    pub fn is_kept(&self) -> bool {
        let written = |keeper: &Keeper| keeper.is_idle() && keeper.is_written();
        self.keeping.ordered == Some(self.edits) && self.keeping.keeper.as_ref().is_some_and(written)
    }

    /// Edits after the last save.
    pub fn unsaved_edits(&self) -> u64 {
        self.edits.unsaved()
    }

    /// Hands what is not saved to the keeper, if that changed, and tells what keeps it from being written.
    pub(super) fn keep_up(&mut self) {
        let Some(keeper) = &self.keeping.keeper else { return };
        if self.keeping.ordered != Some(self.edits) {
            if self.edits.unsaved() > 0 {
                keeper.keep(self.draft_file());
            } else {
                keeper.discard();
            }
            self.keeping.ordered = Some(self.edits);
        }
        let idle = keeper.is_idle();
        let again = self.keeping.again.take_if(|again| again.try_recv().is_ok()).is_some();
        self.keeping.rescan |= again;
        if let Some(trouble) = keeper.trouble() {
            self.not_kept(&trouble);
        } else if idle && self.notices.iter().any(|notice| notice.topic == Topic::Keeping) && keeper.is_written() {
            self.answered(&Topic::Keeping);
        }
        if idle
            && std::mem::take(&mut self.keeping.rescan)
            && let Some(storage) = self.keeping.storage.clone()
        {
            self.jobs.find_drafts(storage);
        }
    }

    fn not_kept(&mut self, why: &str) {
        self.answered(&Topic::Keeping);
        self.notify(Notice {
            kind: NoticeKind::Warning,
            title: "No draft is kept".to_owned(),
            text: format!(
                "{why}. Your edits are in this window only until you save them; it is tried again every 20 s."
            ),
            topic: Topic::Keeping,
            choices: Vec::new(),
        });
    }

    /// What is not saved, as a draft.
    fn draft_file(&self) -> DraftFile {
        let Document { scenario, path, read_only, content_hash, changed: _ } = &self.document;
        let saved = path.as_ref().zip(*content_hash).map(|(path, content_hash)| SavedFile {
            // The next start may begin in another folder.
            path: std::path::absolute(path).unwrap_or_else(|_error| path.clone()),
            content_hash,
        });
        let placing = self.draft.as_ref().filter(|_| self.edits.has_unsaved_layout()).map(|draft| {
            let layout = draft.layout();
            let held = layout.iter().map(|(op, _)| draft.held.contains(op));
            let kernels = self.pinned(&layout).into_iter().zip(held);
            kernels.map(|(kernel, held)| PlacedKernel { kernel, held }).collect()
        });
        DraftFile {
            kept_unix_seconds: 0,
            edits: self.edits.unsaved(),
            saved,
            read_only: *read_only,
            scenario: scenario.clone(),
            placing,
        }
    }

    /// Before another document takes its place: what is not saved of this one is set aside.
    pub(super) fn give_up_document(&mut self) {
        self.keep_up();
        if self.edits.unsaved() > 0
            && let Some(keeper) = &self.keeping.keeper
        {
            keeper.set_aside();
            self.keeping.rescan = true;
        }
    }

    /// Offers what windows left that are gone, and tells of reports.
    pub(super) fn offer(&mut self, scan: Scan, reports: &[Report]) {
        let Scan { found, aside, busy, remarks } = scan;
        let now = clock::now_unix_seconds();
        if busy > 0 {
            self.look_again();
        }
        self.keeping.aside = aside;
        for found in found {
            self.notify(offer_of(&found, now));
            self.keeping.found.push(found);
        }
        for report in reports {
            let time = clock::time_of_day(report.unix_seconds, now);
            let text = format!("{}. The report of {time} is {}.", report.what, report.path.display());
            self.tell(NoticeKind::Warning, "The program stopped on a fault last time", &text);
        }
        for remark in remarks {
            self.tell(NoticeKind::Info, "Drafts", &remark);
        }
    }

    /// Looks for drafts once more after a while.
    fn look_again(&mut self) {
        let Some(&pause) = LOOK_AGAIN.get(self.keeping.looked_again).filter(|_| self.keeping.again.is_none()) else {
            return;
        };
        self.keeping.looked_again += 1;
        let (told, again) = bounded(1);
        let wait = move || {
            std::thread::sleep(pause);
            // If the window is gone, nobody looks.
            let _told = told.try_send(()).is_ok();
        };
        if jobs::on_a_thread("look again", self.waker.clone(), wait) {
            self.keeping.again = Some(again);
        }
    }

    fn take_offer(&mut self, name: &str) -> Option<Found> {
        self.answered(&Topic::Draft(name.to_owned()));
        let index = self.keeping.found.iter().position(|found| found.slot.name == name)?;
        Some(self.keeping.found.remove(index))
    }

    pub(super) fn open_draft(&mut self, name: &str) {
        if let Some(found) = self.take_offer(name) {
            self.go_on_with(found);
        }
    }

    /// Makes a draft the document of this window, and its file the draft of this window.
    pub(super) fn go_on_with(&mut self, found: Found) {
        let Found { slot, file, saved_now: _ } = found;
        if let Err(error) = file.scenario.prepare() {
            // Its lock is free again: it stays for the next start.
            return self.tell(NoticeKind::Error, "The draft cannot be opened", &error.to_string());
        }
        let edits = file.edits.max(1);
        let DraftFile { saved, read_only, scenario, placing, .. } = file;
        let (path, content_hash) = saved.map(|saved| (saved.path, saved.content_hash)).unzip();
        self.open(Document { scenario, path, changed: true, read_only, content_hash }, Vec::new());
        if let Some(placing) = placing {
            self.take_layout_up(&placing);
        }
        self.edits =
            if self.draft.is_some() { self.edits.of_next_layout(edits) } else { self.edits.of_next_document(edits) };
        self.document.changed = true;
        if let Some(keeper) = &self.keeping.keeper {
            keeper.adopt(slot);
            // It is on the disk as it is, with its own time.
            self.keeping.ordered = Some(self.edits);
        }
        self.keeping.rescan = true;
    }

    /// Goes on placing where a draft left off.
    fn take_layout_up(&mut self, placing: &[PlacedKernel]) {
        let Some(prepared) = &self.prepared else { return };
        let find = |placed: &PlacedKernel| {
            let op = prepared.graph.find(placed.kernel.block, &placed.kernel.op)?;
            Some((op, placed.kernel.rect, placed.held))
        };
        let kernels: Vec<_> = placing.iter().filter_map(find).collect();
        let mut draft = Draft::of(kernels.iter().map(|&(op, rect, _)| (op, rect)).collect());
        draft.held = kernels.iter().filter(|(_, _, held)| *held).map(|&(op, _, _)| op).collect();
        self.draft = Some(draft);
        self.playback.playing = false;
        let lost = placing.len() - kernels.len();
        if lost > 0 {
            let words = format!("{lost} kernels of the draft are of operators that this model no longer has.");
            self.tell(NoticeKind::Warning, "Not all of the draft fits the model", &words);
        }
    }

    pub(super) fn open_saved(&mut self, name: &str) {
        let Some(Found { slot, file, .. }) = self.take_offer(name) else { return };
        self.jobs.set_aside(slot);
        self.keeping.rescan = true;
        if let Some(saved) = file.saved {
            self.jobs.open(saved.path);
        }
    }

    pub(super) fn set_aside(&mut self, name: &str) {
        let Some(found) = self.take_offer(name) else { return };
        self.jobs.set_aside(found.slot);
        self.keeping.rescan = true;
    }

    pub(super) fn keep_both(&mut self, name: &str) {
        let Some(found) = self.take_offer(name) else { return };
        let time = clock::time_of_day(found.file.kept_unix_seconds, clock::now_unix_seconds()).replace(':', ".");
        let saved = found.file.saved.as_ref().map(|saved| saved.path.clone());
        self.go_on_with(found);
        let Some(saved) = saved else { return };
        let stem = saved.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let beside = saved.with_file_name(format!("{stem} draft {time}.ron"));
        self.keeping.both = Some((beside.clone(), saved));
        self.save_as(beside);
    }

    /// Tells that a draft has a file of its own, if that is what was saved.
    pub(super) fn told_of_both(&mut self, saved: &Path) {
        let Some((beside, original)) = self.keeping.both.take_if(|(beside, _)| beside == saved) else { return };
        let words = format!("The draft is now {}; {} is as it was.", beside.display(), original.display());
        self.tell(NoticeKind::Info, "Both are kept", &words);
    }

    pub(super) fn take_up(&mut self, name: String) {
        if let Some(storage) = self.keeping.storage.clone() {
            self.jobs.take_up(storage, name);
        }
    }

    /// Adds to the notice of a stop where the report and the log of it are.
    pub(super) fn log_saved(&mut self, log: &Path) {
        let Some(notice) = self.notices.iter_mut().find(|notice| notice.topic == Topic::Engine) else { return };
        let folder = log.parent().unwrap_or(log).display();
        notice.text = format!("{} The report and the commands that led here are in {folder}.", notice.text);
    }

    pub(super) fn open_window(&mut self) {
        let started = std::env::current_exe().and_then(|program| std::process::Command::new(program).spawn());
        match started {
            Ok(mut child) => {
                // Its end is waited for, or the system would keep its number until this window closes.
                let wait = move || drop(child.wait());
                let _waits = jobs::on_a_thread("window", self.waker.clone(), wait);
            }
            Err(error) => self.tell(NoticeKind::Error, "No new window", &error.to_string()),
        }
    }
}

/// The offer to go on with a draft.
fn offer_of(found: &Found, now_unix_seconds: u64) -> Notice {
    let Found { slot, file, saved_now } = found;
    let name = || slot.name.clone();
    let time = clock::time_of_day(file.kept_unix_seconds, now_unix_seconds);
    let edits = if file.edits == 1 { "1 edit".to_owned() } else { format!("{} edits", file.edits) };
    let path = file.saved.as_ref().map(|saved| saved.path.display().to_string()).unwrap_or_default();
    let text = match saved_now {
        SavedNow::Same => format!("Recovered draft from {time} ({edits} after your last save)."),
        SavedNow::Written => format!("Recovered draft from {time} ({edits}; {path} was written after it was opened)."),
        SavedNow::Gone => format!("Recovered draft from {time} ({edits}; {path} is no longer there)."),
        SavedNow::Never => format!("Recovered draft from {time} ({edits}, never saved)."),
    };
    let open = ("Open draft", FileAction::OpenDraft(name()));
    let choices = match saved_now {
        SavedNow::Same | SavedNow::Written => {
            vec![open, ("Open saved", FileAction::OpenSaved(name())), ("Keep both", FileAction::KeepBoth(name()))]
        }
        SavedNow::Gone | SavedNow::Never => vec![open, ("Set aside", FileAction::SetAside(name()))],
    };
    let title = file.scenario.title.clone();
    Notice { kind: NoticeKind::Info, title, text, topic: Topic::Draft(name()), choices }
}
