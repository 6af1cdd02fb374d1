//! The application: reads keys and dropped files, lets the session move on, draws the panels, applies what they ask.
//!
//! `logic` changes the session, `ui` only reads it; what panels want done travels as actions between the two.

use std::time::{Duration, Instant};

use egui::{Context, Rect, Ui, UiBuilder};

use crate::session::{Action, FileAction, NoticeKind, Opening, Session};
use crate::sim::thread::Waker;
use crate::ui::files::Files;
use crate::ui::layout::Layout;
use crate::ui::panels::{self, inspector, left, map, notices, status_bar, timeline, title_bar};
use crate::ui::{keys, theme};

/// What the window is for at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Watch a scenario run.
    #[default]
    Explore,
    /// Place kernels by hand.
    Place,
}

/// State of the window that is not part of the document.
#[derive(Default)]
pub struct Shell {
    pub mode: Mode,
    pub(super) map: map::MapState,
    pub(super) left: left::LeftState,
    pub(super) place: panels::place::PlaceState,
    pub(super) inspector: inspector::InspectorState,
    pub(super) timeline: timeline::TimelineState,
    pub(super) files: Files,
    /// Shows the keys.
    pub help: bool,
    /// Whether the user knows that changes are not saved.
    told_of_changes: bool,
    /// What the system's title bar says.
    name: String,
    /// Where the first-run card stands.
    pub welcome: Welcome,
    pub(super) timing: Timing,
}

/// The card of the first seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Welcome {
    #[default]
    Shown,
    Gone,
}

/// How long things took, for the status bar and the log.
#[derive(Debug, Default)]
pub(super) struct Timing {
    started: Option<Instant>,
    created: Option<Instant>,
    /// From the process's start to the first frame with a heatmap.
    pub first_heatmap: Option<Duration>,
}

/// The application.
pub struct App {
    pub session: Session,
    pub shell: Shell,
    actions: Vec<Action>,
    last: Instant,
}

impl App {
    /// The application on what `opening` names, already running.
    pub fn new(ctx: &Context, opening: Opening) -> Self {
        theme::install(ctx);
        let waker = {
            let ctx = ctx.clone();
            Waker::new(move || ctx.request_repaint())
        };
        let mut session = Session::new(opening.document, waker);
        for notice in &opening.notices {
            session.tell(NoticeKind::Warning, "While reading the file", notice);
        }
        let mut shell = Shell::default();
        shell.timing.started = Some(opening.started);
        shell.timing.created = Some(Instant::now());
        Self { session, shell, actions: Vec::new(), last: Instant::now() }
    }

    /// Moves the session on: keys, dropped files, other threads, time.
    pub fn update(&mut self, ctx: &Context) {
        keys::read(ctx, &self.session, &mut self.shell, &mut self.actions);
        self.shell.files.update(ctx, &mut self.actions);
        for action in std::mem::take(&mut self.actions) {
            if replaces(&action) && !self.may_lose_changes() {
                continue;
            }
            self.before(ctx, &action);
            let placing = self.session.draft.is_some();
            self.session.apply(action);
            self.follow_draft(placing);
        }
        if ctx.input(|input| input.viewport().close_requested()) && !self.may_lose_changes() {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
        }
        let now = Instant::now();
        let placing = self.session.draft.is_some();
        self.session.update(now - self.last);
        self.follow_draft(placing);
        self.last = now;
        if self.session.is_moving() || self.shell.map.is_moving() {
            ctx.request_repaint();
        }
        self.name_window(ctx);
        self.note_first_heatmap();
    }

    /// Gives the system's title bar the name of the document.
    fn name_window(&mut self, ctx: &Context) {
        let name = format!("{} – Waferscope", title_bar::title(&self.session));
        if self.shell.name != name {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(name.clone()));
            self.shell.name = name;
        }
    }

    /// Whether what was changed may be given up: once the user was told and asked again, or if nothing was.
    fn may_lose_changes(&mut self) -> bool {
        if !self.session.document.changed {
            self.shell.told_of_changes = false;
            return true;
        }
        if std::mem::replace(&mut self.shell.told_of_changes, true) {
            return true;
        }
        let text = "Save the scenario with Ctrl+S, or ask again to go on without. A draft of it is kept.";
        self.session.tell(NoticeKind::Warning, "Changes are not saved", text);
        false
    }

    /// What an action means for the window itself.
    fn before(&mut self, ctx: &Context, action: &Action) {
        if replaces(action) {
            let to_place = std::mem::take(&mut self.shell.left.place_next);
            self.shell.mode = if to_place { Mode::Place } else { Mode::Explore };
            self.shell.welcome = Welcome::Gone;
        }
        if *action == Action::File(FileAction::SaveElsewhere) {
            title_bar::ask_where_to_save(ctx, &self.session, &mut self.shell);
        }
    }

    /// A draft that runs is watched where runs are, and one that was recovered is gone on with where drafts are.
    fn follow_draft(&mut self, was_placing: bool) {
        match (was_placing, self.session.draft.is_some()) {
            (true, false) => self.shell.mode = Mode::Explore,
            (false, true) => self.shell.mode = Mode::Place,
            _ => {}
        }
    }

    fn note_first_heatmap(&mut self) {
        let timing = &mut self.shell.timing;
        if timing.first_heatmap.is_some() || self.session.frame.is_none() {
            return;
        }
        if let (Some(started), Some(created)) = (timing.started, timing.created) {
            timing.first_heatmap = Some(started.elapsed());
            let [from_start, from_logic] = [started.elapsed(), created.elapsed()].map(|time| time.as_secs_f64() * 1e3);
            #[expect(clippy::print_stderr, reason = "the one line that says how long the start took")]
            {
                eprintln!("first heatmap after {from_start:.0} ms ({from_logic:.0} ms after the window's logic began)");
            }
        }
    }

    /// Draws everything into `ui`.
    pub fn draw(&mut self, ui: &mut Ui) {
        let layout = Layout::of(ui.max_rect());
        let palette = theme::palette(ui);
        let Self { session, shell, actions, .. } = self;
        panel(ui, layout.map, |ui| map::show(ui, &layout, session, shell, actions));
        panel(ui, layout.map_header, |ui| map::header(ui, session, shell, actions));
        panel(ui, layout.title_bar, |ui| title_bar::show(ui, session, shell, actions));
        panel(ui, layout.rail, |ui| panels::rail(ui, shell));
        panel(ui, layout.left, |ui| left::show(ui, session, shell, actions));
        panel(ui, layout.inspector, |ui| inspector::show(ui, session, shell, actions));
        panel(ui, layout.timeline, |ui| match shell.mode {
            Mode::Place if session.draft.is_some() => panels::place::drawer(ui, &layout, session, shell, actions),
            _ => timeline::show(ui, &layout, session, shell, actions),
        });
        panel(ui, layout.status_bar, |ui| status_bar::show(ui, session, shell));
        let line = egui::Stroke::new(1.0, palette.line.quiet);
        panels::edges(ui.painter(), &layout, line);
        notices::show(ui, &layout, session, shell, actions);
    }
}

/// Whether an action puts another document in the place of the one that is open.
fn replaces(action: &Action) -> bool {
    let Action::File(action) = action else { return false };
    matches!(
        action,
        FileAction::Open(_)
            | FileAction::OpenShipped(_)
            | FileAction::OpenDraft(_)
            | FileAction::OpenSaved(_)
            | FileAction::KeepBoth(_)
            | FileAction::TakeUp(_)
    )
}

/// Gives a part of the window a `Ui` of its own, clipped to its place.
fn panel(ui: &mut Ui, rect: Rect, contents: impl FnOnce(&mut Ui)) {
    if !rect.is_positive() {
        return;
    }
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt((rect.min.x as i32, rect.min.y as i32)));
    child.set_clip_rect(rect.intersect(ui.clip_rect()));
    contents(&mut child);
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.update(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.draw(ui);
    }
}
