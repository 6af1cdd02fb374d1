//! Reading and writing files on threads of their own, so that the window never waits for a disk.

use std::path::PathBuf;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::scenario::file::{scenario, store};
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

/// Runs jobs one at a time each on a thread of its own, and collects their outcomes.
#[derive(Debug)]
pub(super) struct Jobs {
    sender: Sender<Outcome>,
    receiver: Receiver<Outcome>,
    waker: Waker,
}

/// Outcomes that may wait for the window, which looks every frame.
const OUTCOMES_MAX: usize = 16;

impl Jobs {
    pub(super) fn new(waker: Waker) -> Self {
        let (sender, receiver) = bounded(OUTCOMES_MAX);
        Self { sender, receiver, waker }
    }

    /// The next outcome, if one is there.
    pub(super) fn finished(&self) -> Option<Outcome> {
        self.receiver.try_recv().ok()
    }

    /// Reads a file.
    pub(super) fn open(&self, path: PathBuf) {
        self.spawn("open", move || match load(&path) {
            Ok(loaded) => Some(Outcome::Loaded(loaded)),
            Err(error) => Some(Outcome::Failed { title: "Not opened".to_owned(), text: error.to_string() }),
        });
    }

    /// Records a scenario and writes it.
    pub(super) fn save(&self, path: PathBuf, mut scenario: Scenario, generation: Generation) {
        self.spawn("save", move || {
            scenario.recording = replay::record(&scenario).ok();
            Some(match store::write(&path, scenario::write(&scenario).as_bytes()) {
                Ok(()) => Outcome::Saved { path, generation },
                Err(error) => Outcome::Failed { title: "Not saved".to_owned(), text: error.to_string() },
            })
        });
    }

    /// Keeps the list of recent files. A list that cannot be kept is no reason to interrupt anybody.
    pub(super) fn keep_recent(&self, paths: Vec<PathBuf>) {
        self.spawn("recent", move || {
            let _kept = recent::save(&paths).is_ok();
            None
        });
    }

    fn spawn(&self, name: &str, job: impl FnOnce() -> Option<Outcome> + Send + 'static) {
        let (sender, waker) = (self.sender.clone(), self.waker.clone());
        let run = move || {
            if let Some(outcome) = job() {
                // If the window is gone, so is the need to tell.
                let _told = sender.send(outcome).is_ok();
                waker.wake();
            }
        };
        if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(run) {
            let text = format!("the system gave no thread: {error}");
            let _told = self.sender.try_send(Outcome::Failed { title: "Not done".to_owned(), text }).is_ok();
        }
    }
}
