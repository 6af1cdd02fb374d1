//! Work on threads of its own, so that the window never waits: files one at a time, and compiling for a proposal.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::scenario::file::store::{Expected, Writer, Written};
use crate::scenario::file::{FileError, MAX_BYTES, scenario, store};
use crate::scenario::{PinnedKernel, Scenario, replay};
use crate::session::crash::Report;
use crate::session::document::{Loaded, load};
use crate::session::drafts::{Found, Scan, Slot};
use crate::session::edits::Edits;
use crate::session::storage::Storage;
use crate::session::{clock, crash, drafts, recent};
use crate::sim::LogEntry;
use crate::sim::thread::Waker;

/// What a job came to.
#[derive(Debug)]
pub(super) enum Outcome {
    Loaded(Loaded),
    /// What was open then is at `path`.
    Saved(Saved),
    /// Nothing was written, since what is at this path is not what was expected there.
    Differs(PathBuf),
    /// Drafts that nobody works on, and crash reports that nobody was told of.
    Kept(Box<Scan>, Vec<Report>),
    /// A draft that had been set aside.
    TakenUp(Box<Found>),
    /// Where the commands that led to a stop of the engine are.
    LogSaved(PathBuf),
    Failed {
        title: String,
        text: String,
    },
}

/// A document that was written.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) path: PathBuf,
    pub(super) edits: Edits,
    /// The kernels that are pinned in the file.
    pub(super) pinned: Vec<PinnedKernel>,
    pub(super) content_hash: u64,
}

/// A document to be written.
#[derive(Debug)]
pub(super) struct Save {
    pub(super) path: PathBuf,
    pub(super) scenario: Box<Scenario>,
    pub(super) edits: Edits,
    pub(super) expected: Expected,
    /// The file of a newer program, which must stay as it is.
    pub(super) untouchable: Option<PathBuf>,
    pub(super) writer: Arc<dyn Writer>,
}

/// What the worker saved last: where, which document, and its content.
type LastSave = (PathBuf, Edits, u64);

/// Titles of the notices.
const NOT_OPENED: &str = "Not opened";
const NOT_SAVED: &str = "Not saved";

/// What the worker is asked to do.
#[derive(Debug)]
enum Job {
    Open(PathBuf),
    Save(Save),
    KeepRecent(Vec<PathBuf>, Storage),
    FindDrafts(Storage),
    SetAside(Slot),
    TakeUp(Storage, String),
    SaveLog { storage: Storage, scenario: Box<Scenario>, log: Vec<LogEntry>, message: String },
}

/// Does jobs one at a time, in the order in which they were given, and collects their outcomes.
#[derive(Debug)]
pub(super) struct Jobs {
    queue: Sender<Job>,
    outcomes: Receiver<Outcome>,
    /// Outcomes of jobs that never reached the worker.
    refused: Vec<Outcome>,
}

/// Jobs that may wait for the worker; more than this at once is a folder dropped by mistake.
const JOBS_MAX: usize = 16;

/// Outcomes that may wait for the window, which looks every frame; the worker waits when there are more.
const OUTCOMES_MAX: usize = 16;

impl Jobs {
    /// Starts the worker. It ends with the session, after the job that it is at.
    pub(super) fn new(waker: Waker) -> Self {
        let (queue, jobs) = bounded::<Job>(JOBS_MAX);
        let (told, outcomes) = bounded(OUTCOMES_MAX);
        let work = move || {
            let mut last = None;
            for job in jobs {
                if let Some(outcome) = job.run(&mut last) {
                    // If the window is gone, so is the need to tell.
                    let _told = told.send(outcome).is_ok();
                    waker.wake();
                }
            }
        };
        // Without a thread the queue has lost its other end, and each job is refused in words.
        let _started = std::thread::Builder::new().name("files".to_owned()).spawn(work).is_ok();
        Self { queue, outcomes, refused: Vec::new() }
    }

    /// The next outcome, if one is there.
    pub(super) fn finished(&mut self) -> Option<Outcome> {
        self.outcomes.try_recv().ok().or_else(|| self.refused.pop())
    }

    /// Reads a file.
    pub(super) fn open(&mut self, path: PathBuf) {
        self.give(Job::Open(path));
    }

    /// Records a scenario and writes it.
    pub(super) fn save(&mut self, save: Save) {
        self.give(Job::Save(save));
    }

    /// Keeps the list of recent files.
    pub(super) fn keep_recent(&mut self, paths: Vec<PathBuf>, storage: Storage) {
        self.give(Job::KeepRecent(paths, storage));
    }

    /// Looks for drafts and crash reports of windows that are gone.
    pub(super) fn find_drafts(&mut self, storage: Storage) {
        self.give(Job::FindDrafts(storage));
    }

    /// Keeps a draft without offering it again.
    pub(super) fn set_aside(&mut self, slot: Slot) {
        self.give(Job::SetAside(slot));
    }

    /// Opens a draft that was set aside.
    pub(super) fn take_up(&mut self, storage: Storage, name: String) {
        self.give(Job::TakeUp(storage, name));
    }

    /// Writes what led to a stop of the engine.
    pub(super) fn save_log(&mut self, storage: Storage, scenario: Scenario, log: Vec<LogEntry>, message: String) {
        self.give(Job::SaveLog { storage, scenario: Box::new(scenario), log, message });
    }

    fn give(&mut self, job: Job) {
        let outcome = match self.queue.try_send(job) {
            Ok(()) => None,
            Err(TrySendError::Full(job)) => job.failed(&format!("{JOBS_MAX} files are waiting already; try again")),
            Err(TrySendError::Disconnected(job)) => job.failed("the system gave no thread for files"),
        };
        self.refused.extend(outcome);
    }
}

/// Does `work` on a thread of its own and then wakes the window. Returns whether the system gave a thread.
pub(super) fn on_a_thread(name: &str, waker: Waker, work: impl FnOnce() + Send + 'static) -> bool {
    let work = move || {
        work();
        waker.wake();
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(work).is_ok()
}

impl Job {
    /// Does the job. One that panics does not take those behind it along.
    fn run(self, last: &mut Option<LastSave>) -> Option<Outcome> {
        let stopped = self.failed("reading or writing it ended in a fault of this program");
        catch_unwind(AssertUnwindSafe(|| self.work(last))).unwrap_or(stopped)
    }

    fn work(self, last: &mut Option<LastSave>) -> Option<Outcome> {
        let failed =
            |title: &str, error: FileError| Outcome::Failed { title: title.to_owned(), text: error.to_string() };
        match self {
            Self::Open(path) => Some(load(&path).map_or_else(|error| failed(NOT_OPENED, error), Outcome::Loaded)),
            Self::Save(save) => Some(save.write(last).unwrap_or_else(|error| failed(NOT_SAVED, error))),
            Self::KeepRecent(paths, storage) => {
                // A list that cannot be kept is no reason to interrupt anybody.
                let _kept = recent::save(&paths, &storage).is_ok();
                None
            }
            Self::FindDrafts(storage) => {
                let scan = drafts::scan(&storage, clock::now_unix_seconds());
                Some(Outcome::Kept(Box::new(scan), crash::take_fresh(&storage)))
            }
            Self::SetAside(slot) => {
                slot.set_aside();
                None
            }
            Self::TakeUp(storage, name) => Some(match drafts::take_aside(&storage, &name) {
                Ok(found) => Outcome::TakenUp(Box::new(found)),
                Err(error) => failed(NOT_OPENED, error),
            }),
            Self::SaveLog { storage, scenario, log, message } => {
                Some(match crash::save_log(&storage, *scenario, log, &message) {
                    Ok(log) => Outcome::LogSaved(log),
                    Err(error) => failed(NOT_SAVED, error),
                })
            }
        }
    }

    /// What to tell the user if the job is not done; nothing for one that the user did not ask for.
    fn failed(&self, why: &str) -> Option<Outcome> {
        let (title, name) = match self {
            Self::Open(path) => (NOT_OPENED, path.display().to_string()),
            Self::Save(save) => (NOT_SAVED, save.path.display().to_string()),
            Self::TakeUp(_, name) => (NOT_OPENED, format!("draft {name}")),
            Self::KeepRecent(..) | Self::FindDrafts(_) | Self::SetAside(_) | Self::SaveLog { .. } => return None,
        };
        Some(Outcome::Failed { title: title.to_owned(), text: format!("{name}: {why}") })
    }
}

impl Save {
    /// Records what the scenario does and writes it with that.
    fn write(self, last: &mut Option<LastSave>) -> Result<Outcome, FileError> {
        let Self { path, mut scenario, edits, mut expected, untouchable, writer } = self;
        if untouchable.is_some_and(|file| is_same_file(&file, &path)) {
            let message = "a newer Waferscope wrote this file, and what only that one knows would be lost; save a copy \
                           under another name";
            return Err(FileError::whole(&path.display().to_string(), message));
        }
        if let Some((last_path, last_edits, hash)) = last
            && *last_path == path
            && expected != Expected::Anything
            && last_edits.is_same_document(edits)
        {
            // The window asked for this save before it knew of the one before.
            expected = Expected::Content(*hash);
        }
        scenario.recording = replay::record(&scenario).ok();
        let text = scenario::write(&scenario);
        if text.len() > MAX_BYTES {
            let message = format!("a scenario of {} MiB could not be opened again; at most 64 can", text.len() >> 20);
            return Err(FileError::whole(&path.display().to_string(), message));
        }
        let content_hash = store::content_hash(text.as_bytes());
        Ok(match store::write_expecting(writer.as_ref(), &path, text.as_bytes(), expected)? {
            Written::Whole => {
                *last = Some((path.clone(), edits, content_hash));
                Outcome::Saved(Saved { path, edits, pinned: scenario.pinned, content_hash })
            }
            Written::Differs => Outcome::Differs(path),
        })
    }
}

/// Whether two paths lead to one file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_none| path.to_owned());
    whole(one) == whole(other)
}
