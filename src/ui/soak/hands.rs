//! Seeded hands: drags, wheels, clicks on every panel, keys, files dropped, as the toolkit would hear them.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use egui::{Event, Key, Modifiers, MouseWheelUnit, PointerButton, Pos2, RawInput, TouchPhase, Vec2, pos2, vec2};
use serde_json::{Value, json};

use crate::rng::Rng;
use crate::session::{Action, FileAction, library};

/// Keys that are pressed, with what is held; those that quit, save or open a dialog are not among them.
const KEYS: [(Modifiers, Key); 50] = {
    const NONE: Modifiers = Modifiers::NONE;
    const SHIFT: Modifiers = Modifiers::SHIFT;
    const CTRL: Modifiers = Modifiers::COMMAND;
    [
        (NONE, Key::Space),
        (NONE, Key::Space),
        (NONE, Key::ArrowLeft),
        (NONE, Key::ArrowRight),
        (SHIFT, Key::ArrowRight),
        (NONE, Key::ArrowUp),
        (NONE, Key::ArrowDown),
        (NONE, Key::OpenBracket),
        (NONE, Key::CloseBracket),
        (NONE, Key::CloseBracket),
        (NONE, Key::P),
        (NONE, Key::Home),
        (NONE, Key::End),
        (NONE, Key::F),
        (NONE, Key::Plus),
        (NONE, Key::Minus),
        (NONE, Key::W),
        (NONE, Key::A),
        (NONE, Key::S),
        (NONE, Key::D),
        (NONE, Key::V),
        (SHIFT, Key::V),
        (NONE, Key::PageUp),
        (NONE, Key::PageDown),
        (NONE, Key::Escape),
        (NONE, Key::Escape),
        (NONE, Key::F2),
        (NONE, Key::F3),
        (NONE, Key::F3),
        (CTRL, Key::Num1),
        (CTRL, Key::Num2),
        (CTRL, Key::Num3),
        (NONE, Key::E),
        (NONE, Key::E),
        (NONE, Key::Enter),
        (NONE, Key::Enter),
        (NONE, Key::C),
        (SHIFT, Key::Enter),
        (NONE, Key::Tab),
        (NONE, Key::Comma),
        (NONE, Key::Period),
        (NONE, Key::R),
        (NONE, Key::Q),
        (NONE, Key::Delete),
        (NONE, Key::F8),
        (NONE, Key::F9),
        (NONE, Key::F10),
        (CTRL, Key::Enter),
        (CTRL, Key::Z),
        (CTRL, Key::Y),
    ]
};

/// Files are opened so many times while the window warms up, and as often afterwards.
const OPENINGS: u32 = 16;

/// A file as a desktop drops it.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("the path is enough".to_owned())
    }
}

/// One frame of input.
type Beat = Vec<Event>;

pub(super) struct Hands {
    rng: Rng,
    beats: VecDeque<Beat>,
    doing: &'static str,
    done: BTreeMap<&'static str, u64>,
    files: Vec<PathBuf>,
    every: Duration,
    opened: u32,
}

impl Hands {
    pub(super) fn new(warm_up: Duration) -> Self {
        let files = std::env::var_os("WAFERSCOPE_SOAK_FILES").unwrap_or_default();
        Self {
            rng: Rng::substream(1, "soak"),
            beats: VecDeque::new(),
            doing: "nothing",
            done: BTreeMap::new(),
            files: std::env::split_paths(&files).collect(),
            every: (warm_up / OPENINGS).max(Duration::from_secs(1)),
            opened: 0,
        }
    }

    /// What is being done.
    pub(super) fn doing(&self) -> &'static str {
        self.doing
    }

    /// How often each thing was done.
    pub(super) fn done(&self) -> Value {
        json!(self.done)
    }

    /// Puts one frame's input into `input`; an action where no input stands for it.
    pub(super) fn fill(&mut self, elapsed: Duration, input: &mut RawInput) -> Option<Action> {
        let area = input.screen_rect.map_or(vec2(1440.0, 900.0), |rect| rect.size());
        // What the real pointer of the display does is not part of the script.
        input.events.clear();
        input.focused = true;
        if self.beats.is_empty() {
            if elapsed >= self.every * self.opened {
                self.opened += 1;
                return self.open(input);
            }
            self.plan(area);
        }
        input.events.extend(self.beats.pop_front().unwrap_or_default());
        None
    }

    fn begin(&mut self, what: &'static str) {
        self.doing = what;
        *self.done.entry(what).or_default() += 1;
    }

    /// Shipped scenarios by their names and files by dropping them, in turn.
    fn open(&mut self, input: &mut RawInput) -> Option<Action> {
        self.begin("opening");
        let count = library::ALL.len() + self.files.len();
        let index = self.opened as usize % count;
        let Some(path) = index.checked_sub(library::ALL.len()).and_then(|index| self.files.get(index)) else {
            return Some(Action::File(FileAction::OpenShipped(library::ALL[index % library::ALL.len()].name)));
        };
        input.dropped_files.push(Arc::new(Dropped(path.clone())));
        None
    }

    fn below(&mut self, bound: f32) -> f32 {
        self.rng.unit() as f32 * bound
    }

    fn somewhere(&mut self, area: Vec2) -> Pos2 {
        let (x, y) = (self.below(area.x), self.below(area.y));
        pos2(x, y)
    }

    /// A place on the map of a usual window.
    fn on_map(&mut self, area: Vec2) -> Pos2 {
        let (x, y) = (self.below(0.5), self.below(0.5));
        pos2(area.x * (0.22 + x), area.y * (0.12 + y))
    }

    fn plan(&mut self, area: Vec2) {
        match self.rng.below(12) {
            0 | 1 => self.drag(area),
            2 | 3 => self.wheel(area),
            4 => self.hover(area),
            5 | 6 => self.click(area, 1),
            7 => self.click(area, 2),
            8 => self.scrub(area),
            _ => self.key(),
        }
    }

    fn button(at: Pos2, pressed: bool) -> Event {
        Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE }
    }

    fn stroke(&mut self, from: Pos2, to: Pos2, frames: u32) {
        self.beats.push_back(vec![Event::PointerMoved(from), Self::button(from, true)]);
        for frame in 1..=frames {
            self.beats.push_back(vec![Event::PointerMoved(from.lerp(to, frame as f32 / frames as f32))]);
        }
        self.beats.push_back(vec![Self::button(to, false)]);
    }

    fn drag(&mut self, area: Vec2) {
        self.begin("dragging the map");
        let (from, to) = (self.on_map(area), self.on_map(area));
        self.stroke(from, to, 12);
    }

    fn scrub(&mut self, area: Vec2) {
        self.begin("scrubbing");
        // The timeline is the band above the status bar.
        let y = area.y - 40.0 - self.below(160.0);
        let (from, to) = (self.below(area.x), self.below(area.x));
        self.stroke(pos2(from, y), pos2(to, y), 16);
    }

    fn wheel(&mut self, area: Vec2) {
        self.begin("turning the wheel");
        let at = self.on_map(area);
        let modifiers =
            [Modifiers::NONE, Modifiers::NONE, Modifiers::SHIFT, Modifiers::ALT][self.rng.below(4) as usize];
        let lines = if self.rng.below(2) == 0 { 2.0 } else { -2.0 };
        for _ in 0..6 {
            let wheel = Event::MouseWheel {
                unit: MouseWheelUnit::Line,
                delta: vec2(0.0, lines),
                phase: TouchPhase::Move,
                source: egui::MouseWheelSource::Unknown,
                modifiers,
            };
            self.beats.push_back(vec![Event::PointerMoved(at), wheel]);
        }
    }

    fn hover(&mut self, area: Vec2) {
        self.begin("moving the pointer");
        let (from, to) = (self.somewhere(area), self.somewhere(area));
        for frame in 0..16 {
            self.beats.push_back(vec![Event::PointerMoved(from.lerp(to, frame as f32 / 15.0))]);
        }
    }

    fn click(&mut self, area: Vec2, times: u32) {
        self.begin(if times > 1 { "double-clicking" } else { "clicking" });
        let at = self.somewhere(area);
        self.beats.push_back(vec![Event::PointerMoved(at)]);
        for _ in 0..times {
            self.beats.push_back(vec![Self::button(at, true)]);
            self.beats.push_back(vec![Self::button(at, false)]);
        }
        self.beats.push_back(Vec::new());
    }

    fn key(&mut self) {
        let (modifiers, key) = KEYS[self.rng.below(KEYS.len() as u32) as usize];
        self.begin("pressing a key");
        for pressed in [true, false] {
            let event = Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
            self.beats.push_back(vec![event]);
        }
    }
}
