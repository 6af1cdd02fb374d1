//! The app without a window: the document, the engine that runs it, the playhead, the selection, what is in hand.
//!
//! The window draws a [`Session`] and hands [`Action`]s back; [`Session::apply`] is the only way in. Nothing here waits:
//! compiling, executing, drawing frames, reading and writing files happen on other threads, and [`Session::update`]
//! collects what they have finished.

pub mod action;
mod clock;
pub mod crash;
pub mod document;
pub mod drafts;
mod edits;
mod jobs;
mod keeper;
mod keeping;
pub mod memory;
pub mod picture;
pub mod placing;
pub mod playback;
pub mod recent;
mod saving;
pub mod storage;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use action::{Action, FileAction, Manner, PlaceAction, TimeAction, ViewAction};
pub use document::{Document, Opening};
pub use placing::{
    Desk, Draft, End, Hand, How, Judgement, Neighbour, Problem, Proposal, Spot, Survey, Tally, Thinking, Verdict,
    Watch, WatchAction, Wish,
};
pub use playback::{Playback, Speed, StepUnit};
pub use storage::Storage;

/// The scenarios that come with the program.
pub use crate::scenario::library;

use crate::hardware::{Core, Rect};
use crate::scenario::{Prepared, Scenario, Source};
use crate::sim::detail::Detail;
use crate::sim::metrics::{Strips, Summary, summary};
use crate::sim::thread::{EngineHandle, Event, PictureRequest, Waker};
use crate::sim::{Command, Frame, FrameRequest, Layer, LogEntry, Scene, Trace};
use document::Loaded;
use edits::Edits;
use jobs::{Jobs, Outcome};
use keeping::Keeping;

/// Bins of the strips: a little finer than the points they are drawn on.
const STRIP_BINS: usize = 420;

/// A run of the document, as far as it is known.
#[derive(Debug)]
pub struct Run {
    handle: EngineHandle,
    /// What was compiled; known a moment after the start.
    pub scene: Option<Arc<Scene>>,
    pub trace: Arc<Trace>,
    /// Why it does not run.
    pub refusal: Option<String>,
    /// Totals, once it has ended.
    pub summary: Option<Summary>,
}

/// Something to tell the user, until dismissed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub kind: NoticeKind,
    pub title: String,
    pub text: String,
    pub topic: Topic,
    /// What can be done about it: words of a button, and what it does.
    pub choices: Vec<(&'static str, FileAction)>,
}

/// What a notice is about, as far as something else may answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Only the user can say that it was read.
    Passing,
    /// The draft of this name, which is offered until it is answered.
    Draft(String),
    /// A file in the way of a save.
    Overwrite,
    /// A stop of the engine, until it runs again.
    Engine,
    /// The draft cannot be written, until it can.
    Keeping,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    Info,
    Warning,
    Error,
}

/// The colour range of a layer, as shares of its full scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColourRange {
    pub low: u8,
    pub high: u8,
    /// A locked range stays; an open one fits what is in view when asked to.
    pub locked: bool,
}

/// Everything that the window shows.
#[derive(Debug)]
pub struct Session {
    pub document: Document,
    edits: Edits,
    keeping: Keeping,
    pub prepared: Option<Prepared>,
    pub run: Option<Run>,
    pub playback: Playback,
    pub layer: Layer,
    pub ranges: [ColourRange; Layer::ALL.len()],
    /// The wafer of the row that is shown, from 0.
    pub wafer: u32,
    /// The core in the inspector.
    pub pinned: Option<Core>,
    pub draft: Option<Draft>,
    /// What goes with the draft.
    pub desk: Desk,
    pub frame: Option<Arc<Frame>>,
    pub strips: Option<Arc<Strips>>,
    /// Links and SRAM of the cores in view, when single cores are drawn.
    pub detail: Option<Arc<Detail>>,
    /// The cores that the map draws one by one.
    close_up: Option<Rect>,
    /// Time that the newest frame took on the painter's thread.
    pub frame_time: Duration,
    pub notices: Vec<Notice>,
    pub recent: Vec<PathBuf>,
    /// Whether the list of recent files is kept for next time, where there is a folder for it.
    pub keeps_recent: bool,
    /// The engine that is started next panics once it has come so far, to try out what is done about that.
    pub engine_fault_cycle: Option<u64>,
    jobs: Jobs,
    waker: Waker,
    requested: Option<PictureRequest>,
}

impl Session {
    /// A session on the default scenario, or on what `opened` holds, already running.
    pub fn new(opened: Option<Document>, waker: Waker) -> Self {
        let document = opened.unwrap_or_else(|| Document::unsaved(library::default_scenario()));
        let mut session = Self {
            document,
            edits: Edits::default(),
            keeping: Keeping::default(),
            prepared: None,
            run: None,
            playback: Playback::default(),
            layer: Layer::Utilisation,
            ranges: Layer::ALL.map(|layer| {
                let (low, high) = picture::range(layer);
                ColourRange { low, high, locked: true }
            }),
            wafer: 0,
            pinned: None,
            draft: None,
            desk: Desk::default(),
            frame: None,
            strips: None,
            detail: None,
            close_up: None,
            frame_time: Duration::ZERO,
            notices: Vec::new(),
            recent: Vec::new(),
            keeps_recent: true,
            engine_fault_cycle: None,
            jobs: Jobs::new(waker.clone()),
            waker,
            requested: None,
        };
        session.start();
        session
    }

    /// Prepares and starts the document's scenario from the beginning.
    pub fn start(&mut self) {
        self.run = None;
        self.frame = None;
        self.requested = None;
        self.answered(&Topic::Engine);
        self.playback.restart();
        let prepared = match self.document.scenario.prepare() {
            Ok(prepared) => prepared,
            Err(error) => return self.tell(NoticeKind::Error, "This scenario cannot run", &error.to_string()),
        };
        let compile = {
            let prepared = prepared.clone();
            move || prepared.compile()
        };
        match EngineHandle::start_with_fault(compile, self.waker.clone(), self.engine_fault_cycle.take()) {
            Ok(handle) => {
                crash::note_run(&self.document.scenario.title, handle.log());
                handle.send(Command::RunToEnd);
                let trace = Trace { tracks: Vec::new(), sram: Vec::new(), edge: 0, finished: false };
                let trace = Arc::new(trace);
                self.run = Some(Run { handle, scene: None, trace, refusal: None, summary: None });
                self.prepared = Some(prepared);
            }
            Err(error) => self.tell(NoticeKind::Error, "The engine did not start", &error.to_string()),
        }
    }

    /// Collects what other threads have finished and moves the playhead by `elapsed`.
    pub fn update(&mut self, elapsed: Duration) {
        self.collect_jobs();
        self.collect_events();
        self.update_desk(elapsed);
        if let Some(run) = &mut self.run {
            if let Some(snapshot) = run.handle.snapshot() {
                run.trace = snapshot.trace;
                run.scene = Some(snapshot.scene);
                self.requested = None;
            }
            if let Some(picture) = run.handle.picture() {
                self.frame = Some(picture.frame);
                self.strips = Some(picture.strips);
                self.detail = picture.detail;
                self.frame_time = picture.frame_time;
            }
            if let Some(scene) = &run.scene {
                self.playback.advance(scene, &run.trace, elapsed);
            }
        }
        self.request_picture();
        self.keep_up();
    }

    /// Whether the window should draw again soon without being asked.
    pub fn is_moving(&self) -> bool {
        let runs = self.playback.is_moving() && self.run.as_ref().is_some_and(|run| run.refusal.is_none());
        runs || self.desk.is_moving()
    }

    fn request_picture(&mut self) {
        let Some(run) = &self.run else { return };
        let (from, to) = self.playback.visible(run.trace.edge);
        let request = PictureRequest {
            frame: FrameRequest {
                layer: self.layer,
                wafer: self.wafer,
                time: self.playback.cycle(),
                window: self.playback.window(),
            },
            strips: (from, to, STRIP_BINS),
            detail: self.close_up,
        };
        if self.requested != Some(request) {
            run.handle.request(request);
            self.requested = Some(request);
        }
    }

    fn collect_events(&mut self) {
        while let Some(event) = self.run.as_ref().and_then(|run| run.handle.event()) {
            let Some(run) = &mut self.run else { return };
            match event {
                Event::Compiled(scene) => run.scene = Some(scene),
                Event::Refused(reason) => {
                    run.refusal = Some(reason);
                    // Nothing moves; what was placed shows in the memory that it takes.
                    self.playback.playing = false;
                    self.layer = Layer::SramPeak;
                }
                Event::Finished => {
                    if let Some(snapshot) = run.handle.snapshot() {
                        run.trace = snapshot.trace;
                        run.scene = Some(snapshot.scene);
                    }
                    run.summary = run.scene.as_ref().map(|scene| summary(scene, &run.trace));
                    if let Some(scene) = &run.scene {
                        self.playback.find_start(scene, &run.trace);
                    }
                }
                Event::Panicked { message, log } => self.engine_stopped(message, log),
            }
        }
    }

    /// Says that the engine broke. What it had computed stays on the map.
    fn engine_stopped(&mut self, message: String, log: Vec<LogEntry>) {
        let mut said = message.clone();
        said.get_mut(..1).map(str::make_ascii_uppercase);
        let text = format!(
            "{said}. The scenario and your edits are untouched, and what was shown of the run can still be looked at."
        );
        let notice = Notice {
            kind: NoticeKind::Error,
            title: "The engine stopped".to_owned(),
            text,
            topic: Topic::Engine,
            choices: vec![("Open it again", FileAction::Restart)],
        };
        self.notify(notice);
        if let Some(storage) = self.keeping.storage.clone() {
            self.jobs.save_log(storage, self.document.scenario.clone(), log, message);
        }
    }

    fn collect_jobs(&mut self) {
        while let Some(outcome) = self.jobs.finished() {
            match outcome {
                Outcome::Loaded(loaded) => match loaded {
                    Loaded::Document { document, notices } => self.open(*document, notices),
                    Loaded::Device(device) => self.change_device(device),
                },
                Outcome::Saved(saved) => self.saved(saved),
                Outcome::Differs(path) => self.ask_to_overwrite(path),
                Outcome::Kept(scan, reports) => self.offer(*scan, &reports),
                Outcome::TakenUp(found) => self.go_on_with(*found),
                Outcome::LogSaved(log) => self.log_saved(&log),
                Outcome::Failed { title, text } => self.tell(NoticeKind::Error, &title, &text),
            }
        }
    }

    /// Notes that the document is no longer what is on the disk.
    fn edited(&mut self) {
        self.edits.edit_scenario();
        self.document.changed = true;
    }

    /// Replaces the document. What was open stays until this succeeds.
    fn open(&mut self, document: Document, notices: Vec<String>) {
        if let Some(path) = &document.path {
            let path = path.clone();
            self.remember(&path);
        }
        self.give_up_document();
        self.document = document;
        self.edits = self.edits.of_next_document(0);
        self.draft = None;
        self.desk = Desk::default();
        self.wafer = 0;
        self.pinned = None;
        // What is offered stays until it is answered.
        self.notices.retain(|notice| matches!(notice.topic, Topic::Draft(_) | Topic::Keeping));
        // A pace that suits one run is blind on another.
        self.playback = Playback::default();
        for text in notices {
            self.tell(NoticeKind::Warning, "While reading the file", &text);
        }
        self.start();
    }

    /// Runs the open scenario on another device.
    fn change_device(&mut self, device: Source) {
        let scenario = &mut self.document.scenario;
        scenario.device = device;
        // Places and what was recorded belong to another wafer.
        scenario.pinned.clear();
        scenario.recording = None;
        self.edited();
        self.draft = None;
        self.desk = Desk::default();
        self.pinned = None;
        self.start();
    }

    fn remember(&mut self, path: &std::path::Path) {
        recent::add(&mut self.recent, path);
        if let Some(storage) = self.keeping.storage.clone().filter(|_| self.keeps_recent) {
            self.jobs.keep_recent(self.recent.clone(), storage);
        }
    }

    /// Shows a notice until the user dismisses it.
    pub fn tell(&mut self, kind: NoticeKind, title: &str, text: &str) {
        let (title, text) = (title.to_owned(), text.to_owned());
        self.notify(Notice { kind, title, text, topic: Topic::Passing, choices: Vec::new() });
    }

    fn notify(&mut self, notice: Notice) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Removes what was told about something that is settled.
    fn answered(&mut self, topic: &Topic) {
        self.notices.retain(|notice| notice.topic != *topic);
    }

    /// Does what the user asked for.
    pub fn apply(&mut self, action: Action) {
        match action {
            Action::File(action) => self.apply_file(action),
            Action::Time(action) => self.apply_time(action),
            Action::View(action) => self.apply_view(action),
            Action::Place(action) => self.apply_place(action),
        }
        self.keep_up();
    }

    fn apply_file(&mut self, action: FileAction) {
        match action {
            FileAction::Open(path) => self.jobs.open(path),
            FileAction::OpenShipped(name) => {
                if let Some(shipped) = library::ALL.iter().find(|shipped| shipped.name == name) {
                    let document = Document::unsaved(shipped.scenario());
                    self.open(document, Vec::new());
                }
            }
            FileAction::SaveAs(path) => self.save_as(path),
            FileAction::Overwrite(path) => self.overwrite(path),
            FileAction::OpenDraft(name) => self.open_draft(&name),
            FileAction::OpenSaved(name) => self.open_saved(&name),
            FileAction::KeepBoth(name) => self.keep_both(&name),
            FileAction::SetAside(name) => self.set_aside(&name),
            FileAction::TakeUp(name) => self.take_up(name),
            FileAction::NewWindow => self.open_window(),
            // The window asks for a path; without one there is nobody to ask.
            FileAction::SaveElsewhere => {}
            FileAction::Restart => self.start(),
            FileAction::Dismiss(index) => {
                if index < self.notices.len() {
                    self.notices.remove(index);
                }
            }
        }
    }

    fn apply_time(&mut self, action: TimeAction) {
        let Some(run) = &self.run else { return };
        let Some(scene) = &run.scene else { return };
        self.playback.apply(action, scene, &run.trace);
    }

    fn apply_view(&mut self, action: ViewAction) {
        match action {
            ViewAction::Show(layer) => self.layer = layer,
            ViewAction::NextLayer { back } => {
                let count = Layer::ALL.len();
                let step = if back { count - 1 } else { 1 };
                self.layer = Layer::ALL[(self.layer as usize + step) % count];
            }
            ViewAction::Wafer(wafer) => self.wafer = wafer.min(self.wafers() - 1),
            ViewAction::Pin(core) => self.pinned = core,
            ViewAction::CloseUp(window) => self.close_up = window,
            ViewAction::Range(layer, range) => self.ranges[layer as usize] = range,
        }
    }

    /// The range of the layer that is shown.
    pub fn range(&self) -> ColourRange {
        self.ranges[self.layer as usize]
    }

    /// Wafers of the row that the program spans, at least one.
    pub fn wafers(&self) -> u32 {
        self.scene().map_or(1, |scene| scene.program.job.wafers())
    }

    /// The compiled scene, once there is one.
    pub fn scene(&self) -> Option<&Arc<Scene>> {
        self.run.as_ref()?.scene.as_ref()
    }

    /// The scenario that is open.
    pub fn scenario(&self) -> &Scenario {
        &self.document.scenario
    }
}
