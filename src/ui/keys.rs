//! The keyboard: one table of what each key does, which the help sheet shows too.

use egui::{Context, Key, Modifiers};

use crate::session::playback::Speed;
use crate::session::{Action, FileAction, PlaceAction, Session, TimeAction, ViewAction};
use crate::ui::app::{Mode, Shell};
use crate::ui::files::Purpose;
use crate::ui::panels::map::Zoom;
use crate::ui::panels::place;

/// Every key, for the help sheet: keys and what they do.
pub(super) const SHEET: [(&str, &str); 37] = [
    ("Space", "Play or pause"),
    ("Left, Right", "Step back, forward; with Shift ten steps"),
    ("[ , ]", "Half speed, double speed"),
    ("P", "Pace the run so that waves can be seen"),
    ("Home, End", "Start, end of the run"),
    ("Wheel", "Zoom at the pointer; Ctrl fine, Shift fast"),
    ("Drag", "Move the map"),
    ("Double-click", "Dive into a die, a region, a core"),
    ("F", "Fit the wafer, or centre the pinned core and then fit it"),
    ("+ , −", "Zoom in, out"),
    ("W A S D", "Move the map"),
    ("V, Shift+V", "Next, previous layer"),
    ("Page Up, Page Down", "Wafer before, next wafer of a row; with Ctrl in place mode"),
    ("Esc", "Close, put down, unpin"),
    ("F2, F3", "Explore, place"),
    ("Ctrl+1, 2, 3", "Place: by hand, watch, together"),
    ("Up, Down, Enter", "Place: walk the tree, take what is there in hand"),
    ("E", "Place: take the next kernel in hand"),
    ("Arrows", "Place: move what is in hand; with Shift by 10, with Ctrl to the next edge"),
    ("Enter, C", "Place: drop it; drop it and take its like in the next block"),
    ("Shift+Enter", "Place: drop it although it is not legal, as a draft"),
    ("Tab, Shift+Tab", "Place: next, previous better spot"),
    (", and .", "Place: previous, next shape, Shift far; Alt with the wheel too"),
    ("Alt+Shift+arrows", "Place: make it wider, narrower, higher, lower by one core"),
    ("R", "Place: rotate what is in hand"),
    ("Q", "Place: put it back"),
    ("Delete", "Place: take it off the wafer"),
    ("F8, Shift+F8", "Place: go to the next, previous problem"),
    ("F9, F10", "Place: let the compiler finish the rest, improve"),
    ("Enter, Esc, B", "Place: accept a proposal, keep the old one, compare"),
    ("Page Up, Page Down", "Place, watching: start, end of the stage"),
    ("Ctrl+Enter", "Place: run the draft"),
    ("Ctrl+Z, Ctrl+Y", "Place: undo, redo"),
    ("Ctrl+O", "Open a scenario or a model"),
    ("Ctrl+S", "Save the scenario"),
    ("Ctrl+Q", "Quit"),
    ("F1, ?", "This sheet"),
];

/// Reads the keys of this frame, unless a field takes them.
pub(super) fn read(ctx: &Context, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    let pressed = |modifiers, key| ctx.input_mut(|input| input.consume_key(modifiers, key));
    if pressed(Modifiers::COMMAND, Key::Q) {
        ctx.send_viewport_cmd(egui::ViewportCommand::Close);
    }
    if shell.files.is_typing() || ctx.text_edit_focused() {
        return;
    }
    if pressed(Modifiers::COMMAND, Key::O) {
        shell.files.ask(ctx, Purpose::Open, "");
    }
    if pressed(Modifiers::COMMAND, Key::S) {
        crate::ui::panels::title_bar::save(ctx, session, shell, actions);
    }
    if pressed(Modifiers::NONE, Key::F1) || pressed(Modifiers::SHIFT, Key::Questionmark) {
        shell.help = !shell.help;
    }
    for (key, mode) in [(Key::F2, Mode::Explore), (Key::F3, Mode::Place)] {
        if pressed(Modifiers::NONE, key) {
            shell.mode = mode;
        }
    }
    if pressed(Modifiers::NONE, Key::Escape) {
        escape(session, shell, actions);
    }
    // Elsewhere these keys move the focus and press what has it.
    let focused = ctx.memory(egui::Memory::focused);
    if focused.is_some() && focused != shell.map.widget {
        return;
    }
    if shell.mode == Mode::Place {
        place::keys::read(ctx, session, shell, actions);
    } else {
        time_keys(ctx, actions);
    }
    map_keys(ctx, session, shell, actions);
}

fn escape(session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    if std::mem::take(&mut shell.help) {
        return;
    }
    if let Some(last) = session.notices.len().checked_sub(1) {
        actions.push(Action::File(FileAction::Dismiss(last)));
    } else if session.desk.proposal.is_some() || session.desk.asked().is_some() {
        actions.push(Action::Place(PlaceAction::Decline));
    } else if session.draft.as_ref().is_some_and(|draft| draft.hand.is_some()) {
        actions.push(Action::Place(PlaceAction::PutBack));
    } else {
        actions.push(Action::View(ViewAction::Pin(None)));
    }
}

fn time_keys(ctx: &Context, actions: &mut Vec<Action>) {
    let keys: [(Modifiers, Key, TimeAction); 10] = [
        (Modifiers::NONE, Key::Space, TimeAction::TogglePlay),
        (Modifiers::SHIFT, Key::ArrowLeft, TimeAction::Step(-10)),
        (Modifiers::SHIFT, Key::ArrowRight, TimeAction::Step(10)),
        (Modifiers::NONE, Key::ArrowLeft, TimeAction::Step(-1)),
        (Modifiers::NONE, Key::ArrowRight, TimeAction::Step(1)),
        (Modifiers::NONE, Key::OpenBracket, TimeAction::Faster { doubled: false }),
        (Modifiers::NONE, Key::CloseBracket, TimeAction::Faster { doubled: true }),
        (Modifiers::NONE, Key::P, TimeAction::Speed(Speed::Paced)),
        (Modifiers::NONE, Key::Home, TimeAction::Start),
        (Modifiers::NONE, Key::End, TimeAction::End),
    ];
    for (modifiers, key, action) in keys {
        if ctx.input_mut(|input| input.consume_key(modifiers, key)) {
            actions.push(Action::Time(action));
        }
    }
}

fn map_keys(ctx: &Context, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    let pressed = |modifiers, key| ctx.input_mut(|input| input.consume_key(modifiers, key));
    if pressed(Modifiers::SHIFT, Key::V) {
        actions.push(Action::View(ViewAction::NextLayer { back: true }));
    }
    if pressed(Modifiers::NONE, Key::V) {
        actions.push(Action::View(ViewAction::NextLayer { back: false }));
    }
    for modifiers in [Modifiers::COMMAND, Modifiers::NONE] {
        if pressed(modifiers, Key::PageUp) {
            actions.push(Action::View(ViewAction::Wafer(session.wafer.saturating_sub(1))));
        }
        if pressed(modifiers, Key::PageDown) {
            actions.push(Action::View(ViewAction::Wafer(session.wafer + 1)));
        }
    }
    if pressed(Modifiers::NONE, Key::F) {
        shell.map.ask(Zoom::Fit);
    }
    if pressed(Modifiers::NONE, Key::Plus) || pressed(Modifiers::NONE, Key::Equals) {
        shell.map.ask(Zoom::In);
    }
    if pressed(Modifiers::NONE, Key::Minus) {
        shell.map.ask(Zoom::Out);
    }
    let moves = [(Key::W, [0.0, 1.0]), (Key::A, [1.0, 0.0]), (Key::S, [0.0, -1.0]), (Key::D, [-1.0, 0.0])];
    for (key, direction) in moves {
        if pressed(Modifiers::NONE, key) {
            shell.map.ask(Zoom::Pan(direction));
        }
    }
}
