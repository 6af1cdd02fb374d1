//! Work on threads of its own, so that the window never waits: files one at a time, and compiling for a proposal.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::scenario::file::{FileError, scenario, store};
use crate::scenario::{Scenario, replay};
use crate::session::document::{Loaded, load};
use crate::session::{Generation, recent};
use crate::sim::thread::Waker;

/// What a job came to.
#[derive(Debug)]
pub(super) enum Outcome {
    Loaded(Loaded),
    /// What was open at this generation is at `path`.
    Saved {
        path: PathBuf,
        generation: Generation,
    },
    Failed {
        title: String,
        text: String,
    },
}

/// Titles of the notices.
const NOT_OPENED: &str = "Not opened";
const NOT_SAVED: &str = "Not saved";

/// What the worker is asked to do.
#[derive(Debug)]
enum Job {
    Open(PathBuf),
    Save { path: PathBuf, scenario: Box<Scenario>, generation: Generation },
    KeepRecent(Vec<PathBuf>),
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
            for job in jobs {
                if let Some(outcome) = job.run() {
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
    pub(super) fn save(&mut self, path: PathBuf, scenario: Scenario, generation: Generation) {
        self.give(Job::Save { path, scenario: Box::new(scenario), generation });
    }

    /// Keeps the list of recent files.
    pub(super) fn keep_recent(&mut self, paths: Vec<PathBuf>) {
        self.give(Job::KeepRecent(paths));
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
    fn run(self) -> Option<Outcome> {
        let stopped = self.failed("reading or writing it ended in a fault of this program");
        catch_unwind(AssertUnwindSafe(|| self.work())).unwrap_or(stopped)
    }

    fn work(self) -> Option<Outcome> {
        let failed =
            |title: &str, error: FileError| Outcome::Failed { title: title.to_owned(), text: error.to_string() };
        match self {
            Self::Open(path) => Some(load(&path).map_or_else(|error| failed(NOT_OPENED, error), Outcome::Loaded)),
            Self::Save { path, mut scenario, generation } => {
                scenario.recording = replay::record(&scenario).ok();
                let written = store::write(&path, scenario::write(&scenario).as_bytes());
                Some(match written {
                    Ok(()) => Outcome::Saved { path, generation },
                    Err(error) => failed(NOT_SAVED, error),
                })
            }
            Self::KeepRecent(paths) => {
                // A list that cannot be kept is no reason to interrupt anybody.
                let _kept = recent::save(&paths).is_ok();
                None
            }
        }
    }

    /// What to tell the user if the job is not done; nothing for one that the user did not ask for.
    fn failed(&self, why: &str) -> Option<Outcome> {
        let (title, path) = match self {
            Self::Open(path) => (NOT_OPENED, path),
            Self::Save { path, .. } => (NOT_SAVED, path),
            Self::KeepRecent(_) => return None,
        };
        Some(Outcome::Failed { title: title.to_owned(), text: format!("{}: {why}", path.display()) })
    }
}
